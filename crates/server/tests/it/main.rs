//! The integration tests: the real binary on SQLite and on PostgreSQL, spoken to over HTTP, through the command line
//! beside it, and through real Chromium. One binary, so that all tests share one server per database.
//!
//! A test bears in its name the numbers that it proves: `st_…` of docs/security's statements, `fm_…` of its failure
//! modes. `scripts/test` makes docs/security/evidence.md from the names that really ran. A line `Size in CI: …` above
//! a test says how much it tries.
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait, measure and read where scripts/test put PostgreSQL; the product may not"
)]

mod harness;

mod advertised;
mod authorize;
mod backchannel;
mod browser;
mod clients;
mod codes;
mod commands;
mod consent;
mod cors;
mod crashes;
mod demo;
mod documents;
mod door;
mod forms;
mod git_auths;
mod git_browse;
mod git_calls;
mod git_credential;
mod git_forgery;
mod git_hosts;
mod git_sdk;
mod githosts;
mod gitlife;
mod guessing;
mod health;
mod id_tokens;
mod idaas;
mod introspect;
mod keys;
mod leaks;
mod limits;
mod logout;
mod metadata;
mod off_switches;
mod openid;
mod password_hash;
mod project_callers;
mod prove;
mod races;
mod rebinding;
mod redirect_uri;
mod refresh;
mod relying_parties;
mod revoke;
mod setup;
mod sign_in;
mod signed_tokens;
mod token;
mod userinfo;
