//! Tests of the rulebook of Git hosts.

mod clone_urls;
mod every_host;
mod github_openapi;
mod names;
mod player;
mod refusals;
mod secrets;
mod when;
