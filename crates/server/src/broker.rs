//! Authorizations at Git hosts: how they are obtained, renewed in place and ended, whoever asks: the API or a page.
//!
//! Owns the order of each such act: what is claimed before anything is sent, what is sealed before anything is kept, and
//! what is ended at the host when nothing is kept of it. Does not own wires and pages, nor what a host's answer means.

use vestibule_oauth::id::Id;

/// Where a Git host sends people back to: an address of each configuration's own, so that what one host sends can never
/// be taken for another's (statement 121, FM-42).
pub fn callback_uri(issuer: &str, host: Id) -> String {
    format!("{issuer}{CALLBACK}{host}")
}

/// Below this each host configuration has its own address.
pub const CALLBACK: &str = "/git/callback/";
