//! A project with what its rows need: a project token, an access key, a Git host that says who anybody is, and a stored
//! authorization there.
//!
//! Owns how requests are signed with the access key (the wire's `SDK-HMAC-SHA256`) and the host, which is no more than one
//! answer.

use crate::expiry;
use crate::house::PASSWORD;
use crate::wire::{self, Connection};
use aws_lc_rs::{digest, hmac};
use axum::Router;
use axum::http::header;
use axum::routing::{get, post};
use serde_json::json;
use std::net::{SocketAddr, TcpListener};

/// The project, as the command line printed it.
#[derive(Clone, Debug, Default)]
pub struct Project {
    pub id: String,
    pub access_key: String,
    pub secret: String,
}

/// The name of the authorization whose token is handed out.
pub const AUTHORIZATION: &str = "bench";

impl Project {
    /// A token of person-0's.
    pub async fn token(&self, to: SocketAddr) -> Result<String, String> {
        let user = json!({ "name": "person-0", "password": PASSWORD, "domain": { "name": "default" } });
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        let body = json!({ "auth": { "identity": identity, "scope": { "project": { "id": self.id } } } });
        let mut line = Connection::open(to).await?;
        let reply = line.call(&wire::post_json("/v3/auth/tokens", &[], &body.to_string())).await?;
        reply.header("x-subject-token").map(str::to_owned).ok_or_else(|| reply.complaint())
    }

    /// Where the project's calls are.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/{}/git/{rest}", self.id)
    }

    /// Brings a personal token for the authorization, unless it is there.
    pub async fn authorize(&self, to: SocketAddr, token: &str) -> Result<(), String> {
        let body = json!({ "name": AUTHORIZATION, "token": "a-personal-token" }).to_string();
        let mut line = Connection::open(to).await?;
        let request = wire::post_json(&self.path("auths/github/personal"), &[("x-auth-token", token)], &body);
        let reply = line.call(&request).await?;
        let is_there = reply.status == 200 || reply.text().contains("SVCSTG.REPO.0403");
        if is_there { Ok(()) } else { Err(reply.complaint()) }
    }

    /// A signed GET of `path`, good for a quarter of an hour.
    pub fn signed(&self, path: &str) -> Result<Vec<u8>, String> {
        let date = std::process::Command::new("date").args(["-u", "+%Y%m%dT%H%M%SZ"]).output();
        let date = String::from_utf8(date.map_err(|error| error.to_string())?.stdout).map_err(|e| e.to_string())?;
        let date = date.trim();
        let nothing = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let request = format!("GET\n{path}/\n\nhost:localhost\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{nothing}");
        let sum = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature = hex(hmac::sign(&key, format!("SDK-HMAC-SHA256\n{date}\n{sum}").as_bytes()).as_ref());
        let access = &self.access_key;
        let value = format!("SDK-HMAC-SHA256 Access={access}, SignedHeaders=host;x-sdk-date, Signature={signature}");
        Ok(wire::get(path, &[("x-sdk-date", date), ("authorization", &value)]))
    }
}

/// Where the host of a row of repositories answers at once.
pub const BRANCHES: &str = "/api/v3/repos/ada/demo/branches";

/// Answers everything that a GitHub is asked about a token with one person, and a repository's branches, for as long as
/// the process lives.
pub fn serve_host(listener: TcpListener) -> Result<(), String> {
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    let who = json!({ "id": 1, "login": "ada", "avatar_url": "https://host.example/ada.png", "html_url": "https://host.example/ada" });
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], who.to_string()) };
    let commit = json!({ "sha": "c5b97d5ae6c19d5c5df71a34c7fbeeda2479ccbc", "url": "https://host.example/c" });
    let branch = |name| json!({ "name": name, "commit": commit, "protected": false });
    let branches = json!(["main", "next", "release/1", "release/2"].map(branch)).to_string();
    let branches = move || async move { ([(header::CONTENT_TYPE, "application/json")], branches.clone()) };
    let router =
        Router::new().route(BRANCHES, get(branches)).route("/oauth/token", post(expiry::token)).fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
