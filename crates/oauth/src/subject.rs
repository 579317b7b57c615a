//! Subject identifiers: by which `sub` an application knows a person (OpenID Connect Core section 8), and by which `sid`
//! a browser session.
//!
//! Owns which one it is, how a pairwise one is made, and what sector an application belongs to. Every `sub` and `sid` that
//! leaves us comes from here; the ids of the IDaaS and code-hosting wires are those wires' own (`userinfo`).

use crate::client::{Client, Holder};
use crate::id::Id;
use crate::template::Wire;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::fmt;
use zeroize::Zeroizing;

/// What pairwise subjects are made with: one for a deployment, for ever, since a new one would make everybody a stranger.
#[derive(Clone)]
pub struct PairwiseSecret(hmac::Key);

impl PairwiseSecret {
    /// Wraps 256 random bits.
    pub fn new(bytes: [u8; 32]) -> PairwiseSecret {
        PairwiseSecret(hmac::Key::new(hmac::HMAC_SHA256, &*Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for PairwiseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The `sub` by which `client` knows the person of the immutable subject `person`.
///
/// Pairwise, it is HMAC-SHA256 over sector and person: two applications of different sectors cannot tell that they speak
/// of the same person, and nobody without the secret can go back (section 8.1 asks for no more).
pub fn subject_for(client: &impl Holder, person: &str, secret: &PairwiseSecret) -> String {
    let Some(sector) = client.sector() else { return person.to_owned() };
    let mut context = hmac::Context::with_key(&secret.0);
    context.update(b"vestibule pairwise subject\0");
    context.update(sector.as_bytes());
    // No host holds this byte, so that no two pairs are spelled alike.
    context.update(b"\0");
    context.update(person.as_bytes());
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// The `sid` by which `client` knows the browser session of this root, in ID tokens, logout tokens and hints.
///
/// Each application has its own: the root as it stands would tell two applications that they speak of the same browser,
/// and so of the same person, whatever subjects they are given.
pub fn session_for(client: &Client, root: Id, secret: &PairwiseSecret) -> String {
    let mut context = hmac::Context::with_key(&secret.0);
    context.update(b"vestibule session\0");
    context.update(client.client_id.as_bytes());
    // No client id holds this byte, and all roots are equally long.
    context.update(b"\0");
    context.update(root.as_bytes());
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// The ids by which different wires know a person.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The immutable subject.
    pub subject: &'a str,
    /// The never-reused number.
    pub number: i64,
    /// The id by which another directory knows the person.
    pub external_id: Option<&'a str>,
}

/// The `sub` that a signed access token of `client` and introspection tell: what userinfo tells that client. On the IDaaS
/// wire that is the id of that wire, elsewhere [`subject_for`].
pub fn at_resource(client: &impl Holder, person: Names<'_>, secret: &PairwiseSecret) -> String {
    match (client.form(), person.external_id) {
        (Wire::Idaas, Some(external_id)) => external_id.to_owned(),
        (Wire::Idaas, None) => person.number.to_string(),
        (Wire::Standard | Wire::Gitlife, _) => subject_for(client, person.subject, secret),
    }
}

/// Why an application's sector is not clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorProblem {
    /// Its redirect URIs have several hosts: which one counts must be said (section 8.1).
    SeveralHosts,
    /// None of its redirect URIs has a host that is not every machine's own.
    NoHost,
    /// What was said is no host name.
    NotAHost,
}

/// The sector of an application with these redirect URIs: the `named` host, else the one that they share.
pub fn sector<'a>(
    named: Option<&str>,
    redirect_uris: impl IntoIterator<Item = &'a str>,
) -> Result<String, SectorProblem> {
    if let Some(named) = named {
        return host_name(named).ok_or(SectorProblem::NotAHost);
    }
    let host = |uri| url::Url::parse(uri).ok().and_then(|uri| own_host(&uri));
    let mut hosts: BTreeSet<Option<String>> = redirect_uris.into_iter().map(host).collect();
    match (hosts.pop_first(), hosts.is_empty()) {
        (Some(Some(only)), true) => Ok(only),
        (Some(None) | None, true) => Err(SectorProblem::NoHost),
        (_, false) => Err(SectorProblem::SeveralHosts),
    }
}

/// The host of a redirect URI; none for every machine's own address, which all native applications would share.
fn own_host(uri: &url::Url) -> Option<String> {
    let is_own = match uri.host()? {
        url::Host::Domain(name) => name != "localhost" && !name.ends_with(".localhost"),
        url::Host::Ipv4(address) => !address.is_loopback(),
        url::Host::Ipv6(address) => !address.is_loopback(),
    };
    uri.host_str().filter(|host| is_own && !host.is_empty()).map(str::to_owned)
}

/// A host as URLs have it, without port or anything else around it.
fn host_name(text: &str) -> Option<String> {
    let url = url::Url::parse(&format!("https://{text}/")).ok()?;
    let host = url.host_str()?;
    (text.len() <= 253 && text.eq_ignore_ascii_case(host)).then(|| host.to_owned())
}

impl fmt::Display for SectorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SectorProblem::SeveralHosts => {
                "its redirect URIs have several hosts; say which one it is known by, as in --sector example.com."
            }
            SectorProblem::NoHost => "no redirect URI has a host of its own; say one, as in --sector example.com.",
            SectorProblem::NotAHost => "it is no host name; write one as in example.com, without scheme and port.",
        })
    }
}
