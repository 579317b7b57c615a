//! The flags that say what an application wants of signing out; `app add` and `app set` share them.

use crate::admin::logout_settings::Wanted;

/// Where people go after signing out, and where the application hears of it.
#[derive(clap::Args, Debug)]
pub struct Logout {
    /// Where people may be sent after signing out; may be given several times, and replaces those before
    #[arg(long, value_name = "URI")]
    pub post_logout_redirect_uri: Vec<String>,
    /// Where it wants to be told that a session has ended (back-channel logout)
    #[arg(long, value_name = "URI")]
    pub backchannel_logout_uri: Option<String>,
    /// It needs the session's identifier to know what ended
    #[arg(long, requires = "backchannel_logout_uri")]
    pub backchannel_logout_session_required: bool,
}

/// What only `app set` can do.
#[derive(clap::Args, Debug)]
pub struct NoLogout {
    /// Send nobody anywhere after signing out
    #[arg(long, conflicts_with = "post_logout_redirect_uri")]
    pub no_post_logout_redirect_uris: bool,
    /// Tell it of no ended session
    #[arg(long, conflicts_with = "backchannel_logout_uri")]
    pub no_backchannel_logout: bool,
}

impl Logout {
    /// What they want.
    pub fn wanted(&self) -> Wanted<'_> {
        let uris = &self.post_logout_redirect_uri;
        Wanted {
            post_logout_redirect_uris: (!uris.is_empty()).then_some(uris),
            backchannel_logout_uri: self.backchannel_logout_uri.as_deref().map(Some),
            session_required: self.backchannel_logout_session_required,
        }
    }

    /// The same, with what is taken away.
    pub fn wanted_without(&self, without: &NoLogout) -> Wanted<'_> {
        let mut wanted = self.wanted();
        if without.no_post_logout_redirect_uris {
            wanted.post_logout_redirect_uris = Some(&[]);
        }
        if without.no_backchannel_logout {
            wanted.backchannel_logout_uri = Some(None);
        }
        wanted
    }
}
