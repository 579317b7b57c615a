//! Gitee's fake driven by published clients, unmodified: what they send is taken, what they read is there, and what the
//! one that has models knows of each answer is what the fake sends.

use super::Gitee;
use crate::clients::{Client, python};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn two_published_clients_of_gitee_and_an_oauth_client_take_the_fake_for_it() {
    let host = Gitee::start();
    let (email, password) = host.add_person("cat-of-clients");
    let redirect = "https://client.example/callback";
    host.register(redirect);
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/gitee_clients.py"));
    // oauthlib insists on https; loopback is where it allows an exception.
    command.env("OAUTHLIB_INSECURE_TRANSPORT", "1");
    let mut client = Client::run(
        command,
        &json!({
            "web": host.url(), "client_id": host.client_id, "client_secret": host.client_secret,
            "redirect_uri": redirect, "scope": "user_info projects emails", "email": email, "password": password,
        }),
    );
    let said = client.said("results");
    for pair in ["token", "fresh", "password"] {
        assert_eq!(said[pair]["expires_in"], 86_400, "{said}");
        assert_eq!(said[pair]["token_type"], "bearer", "{said}");
        assert_eq!(said[pair]["refresh_token"].as_str().map(str::len), Some(64), "{said}");
    }
    for refused in ["again", "stale"] {
        assert_eq!(said[refused]["kind"], "InvalidGrantError", "{refused}: {said}");
    }
    let (first, second) = (&said["first"], &said["second"]);
    assert_eq!(first["user"]["login"], "cat-of-clients");
    assert_eq!(first["user"], second["user"], "a token in the query and one in the header are the same");
    assert_eq!(first["emails"][0]["email"], email.as_str());
    assert_eq!(first["namespaces"][0]["path"], "cat-of-clients");
    assert_eq!(first["repositories"].as_array().map(Vec::len), Some(3), "{first}");
    assert_eq!(first["pages"], json!([2, 1]));
    assert_eq!(first["misfits"], json!([]));
    assert_eq!(first["check"], json!(["user.id is no int", "user.no is in no model"]), "the check finds something");
    let refusal = |one: &Value, kind: &str, status: u16, words: &str| {
        assert_eq!((one["kind"].as_str(), one["status"].as_u64()), (Some(kind), Some(status.into())), "{one}");
        assert!(one["words"].as_str().is_some_and(|said| said.contains(words)), "{one}");
    };
    refusal(&first["missing"], "GiteeNotFoundError", 404, "Not Found");
    refusal(&first["stranger"], "GiteeAuthError", 401, "Access token does not exist");
    refusal(&second["missing"], "APIError", 404, "Not Found");
    refusal(&second["stranger"], "APIError", 401, "Access token does not exist");
    let of_api: Vec<_> = host.log().into_iter().filter(|asked| asked.path.starts_with("/api/v5/")).collect();
    let in_query = |asked: &super::Asked| asked.query.iter().any(|(name, _)| name == "access_token");
    assert!(of_api.iter().any(|asked| in_query(asked) && asked.header("authorization").is_empty()));
    assert!(of_api.iter().any(|asked| !in_query(asked) && asked.header("authorization").starts_with("Bearer ")));
    assert!(of_api.iter().any(|asked| asked.header("user-agent") == "Gitee-Python-SDK"));
}
