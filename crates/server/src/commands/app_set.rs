//! The flags that say how an application's tokens look and by which `sub` it knows people; `app add` and `app set`
//! share them.

use super::app_logout::{Logout, NoLogout};
use super::printout::{self, Failure};
use super::{not_there, wrong};
use crate::admin::Desk;
use crate::admin::application_settings::{self, Set, Wanted};
use crate::admin::logout_settings;
use vestibule_oauth::client::AccessTokenFormat;
use vestibule_oauth::jose::Algorithm;
use vestibule_store::clients::ApplicationSheet;

/// The settings of tokens and subjects.
#[derive(clap::Args, Debug)]
pub struct Settings {
    /// What its ID tokens are signed with [default for a new application: RS256]
    #[arg(long, value_name = "ALGORITHM", value_parser = Algorithm::ALL.map(Algorithm::name))]
    pub id_token_alg: Option<String>,
    /// What its access tokens look like: opaque, or signed with an algorithm [default for a new application: opaque]
    #[arg(long, value_name = "FORMAT", value_parser = AccessTokenFormat::ALL.map(AccessTokenFormat::name))]
    pub access_token: Option<String>,
    /// Know people by pairwise subjects: others than applications of another sector are given
    #[arg(long)]
    pub pairwise: bool,
    /// The host that pairwise subjects are made for [default: the host of its redirect URIs]
    #[arg(long, value_name = "HOST", requires = "pairwise")]
    pub sector: Option<String>,
}

/// The flags of `app set`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true)
    .args(["id_token_alg", "access_token", "pairwise", "no_pairwise", "post_logout_redirect_uri", "backchannel_logout_uri",
        "no_post_logout_redirect_uris", "no_backchannel_logout"]))]
pub struct SetFlags {
    /// Name or client_id
    pub app: String,
    #[command(flatten)]
    pub settings: Settings,
    /// Know people by the same subject as all other applications
    #[arg(long, conflicts_with = "pairwise")]
    pub no_pairwise: bool,
    #[command(flatten)]
    pub logout: Logout,
    #[command(flatten)]
    pub no_logout: NoLogout,
}

impl Settings {
    /// What they want; the parser let through only names that exist.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            id_token_alg: self.id_token_alg.as_deref().and_then(Algorithm::parse),
            access_token_format: self.access_token.as_deref().and_then(AccessTokenFormat::parse),
            pairwise: self.pairwise.then_some(true),
            sector: self.sector.as_deref(),
        }
    }
}

/// Sets them; gives the application as it stands then.
pub async fn set(flags: &SetFlags, desk: &Desk<'_>, json: bool) -> Result<Box<ApplicationSheet>, Failure> {
    let mut wanted = flags.settings.wanted();
    if flags.no_pairwise {
        wanted.pairwise = Some(false);
    }
    let logout = flags.logout.wanted_without(&flags.no_logout);
    if logout.any() {
        match logout_settings::set(desk, &flags.app, logout).await? {
            logout_settings::Set::Done => {}
            logout_settings::Set::Wrong(faults) => return Err(wrong(&faults)),
            logout_settings::Set::Unknown(unknown) => return Err(not_there(&unknown)),
        }
    }
    let sheet = match application_settings::set(desk, &flags.app, wanted).await? {
        Set::Done(sheet) => sheet,
        Set::Wrong(fault) => return Err(wrong(&[fault])),
        Set::Unknown(unknown) => return Err(not_there(&unknown)),
    };
    if wanted.pairwise.is_some() && !json {
        printout::say(
            "Note: the application knows everybody by another subject from now on, unless it stood so before.",
        );
    }
    Ok(sheet)
}
