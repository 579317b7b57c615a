//! The rulebook of Git hosts: how each kind is asked and how its answers are read.
//!
//! Everything here is a plain function over plain values. A call to a host is a conversation
//! ([`errand::Step`]): it says what to send next, takes the reply, and ends in a typed answer or a typed
//! [`refusal::Refusal`]. Nothing is sent from here, nothing waits, and the time enters as an argument.
//!
//! To know a kind of host, read its file ([`github`], [`gitlab`], [`gitee`]); what all kinds have in common is in
//! [`host`].
#![forbid(unsafe_code)]

pub mod address;
pub mod answers;
pub mod clone_url;
pub mod errand;
pub mod gitee;
pub mod github;
mod github_shapes;
pub mod gitlab;
mod hooks;
pub mod host;
pub mod judge;
pub mod names;
pub mod paging;
pub mod refusal;
pub mod registry;
pub mod reply;
pub mod secret;
pub mod site;
mod token_answer;
pub mod when;
pub mod wire;
