//! Tests of the rulebook of Git hosts.

mod clone_urls;
mod every_host;
mod gitee;
mod github;
mod github_openapi;
mod hostile_replies;
mod ids;
mod names;
mod paging;
mod player;
mod refusals;
mod revoking;
mod secrets;
mod when;
