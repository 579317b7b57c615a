//! Keys: what is sealed and how, what signs and who can tell, and what becomes of both when somebody is killed.

mod access_key_rows;
mod crashes;
mod git_rows;
mod online;
mod opener;
mod refusals;
mod rotation;
mod signing_crashes;
mod tampering;
mod verifiers;

use crate::harness::{Call, Server};
use serde_json::Value;

/// The published key set.
fn key_set(server: &Server) -> Vec<Value> {
    let answer = Call::get(server.at("/oauth/jwks")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["keys"].as_array().expect("keys").clone()
}

/// The names of the published keys.
fn kids(server: &Server) -> Vec<String> {
    key_set(server).iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

/// The signing keys that `keys list` shows, of this algorithm and state.
fn listed(server: &Server, algorithm: &str, state: &str) -> Vec<Value> {
    let list = server.json(&["keys", "list"], "");
    let keys = list["signing_keys"].as_array().expect("keys").clone();
    keys.into_iter().filter(|key| key["algorithm"] == algorithm && key["state"] == state).collect()
}
