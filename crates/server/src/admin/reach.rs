//! Whether the server may call an address that an administrator writes down: here only a remark.
//!
//! Owns what the commands know of the running server's hosts inside the house. Whether a call is made is decided at the
//! call, by `outbound`.

use super::Desk;
use crate::outbound::address::{Reach, judge};
use crate::outbound::allowed::AllowedHost;
use std::net::IpAddr;
use url::{Host, Url};
use vestibule_store::StoreError;

/// Under which name the server tells the commands beside it which private hosts it may call.
pub const PRIVATE_HOSTS: &str = "private_hosts";

/// The private hosts that the server which last started may call.
pub async fn allowed(desk: &Desk<'_>) -> Result<Vec<AllowedHost>, StoreError> {
    let hosts = desk.store.setting(PRIVATE_HOSTS).await?.unwrap_or_default();
    Ok(hosts.split(',').filter_map(|host| AllowedHost::parse(host).ok()).collect())
}

/// What an administrator should hear of an address that the server may not call.
pub async fn remark(desk: &Desk<'_>, url: &Url) -> Result<Option<String>, StoreError> {
    let private = |address: IpAddr| judge(address) > Reach::Public;
    let private = match url.host() {
        Some(Host::Ipv4(address)) => private(address.into()),
        Some(Host::Ipv6(address)) => private(address.into()),
        Some(Host::Domain(name)) => url.scheme() == "http" || name == "localhost",
        None => false,
    };
    if !private || allowed(desk).await?.iter().any(|host| host.allows(url)) {
        return Ok(None);
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{}{port}", url.host_str().unwrap_or_default());
    Ok(Some(format!("the server may not call {host}: start it with --allow-private-host {host}.")))
}
