//! `vestibule setup-link`: another one-time link while there is no administrator.
//!
//! Owns the printing. When a link may be made is `admin::setup`'s.

use super::issuer;
use super::printout::{self, Failure};
use crate::admin::{Desk, setup};
use serde::Serialize;

/// A setup link, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    url: &'a str,
    expires_at: String,
}

/// Makes a link and prints it.
pub async fn run(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let Some(link) = setup::announce(desk, &issuer(desk).await?).await? else {
        let sentence = "There is an administrator already, so there is no setup link. \
                        `vestibule user add NAME --email E --password-stdin --admin` adds another.";
        return Err(Failure::Failed(sentence.to_owned()));
    };
    let view = View { url: &link.url, expires_at: printout::time(link.expires_at) };
    printout::print(json, &view, || link.url.clone())?;
    if !json {
        printout::say("It works once, within an hour; links from before are over.");
    }
    Ok(())
}
