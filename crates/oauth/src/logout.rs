//! Signing out at an application's wish (OpenID Connect RP-Initiated Logout), and the addresses that logouts need.
//!
//! Owns what such a request may say, when a person is asked first, where they may be sent afterwards, and which addresses
//! may be registered. Who is signed in is the server's to find; the token that tells applications is `logout_token`'s.

use crate::client::Client;
use crate::id_token_hint::Hint;
use crate::parameters::Parameters;
use crate::redirect_uri::{self, RedirectMismatch, RedirectUri, RedirectUriProblem};
use crate::refusal::{Code, Refusal};
use crate::template::{Switch, Switches};
use crate::ui_locales;
use url::Url;

/// What an application asks for. `logout_hint` is not read: a browser has one session here, and its person is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    /// An ID token of ours, as text that nobody has looked at.
    pub id_token_hint: Option<String>,
    /// Which application asks.
    pub client_id: Option<String>,
    /// Where it wants the person sent.
    pub post_logout_redirect_uri: Option<String>,
    /// Its own value, handed back unchanged.
    pub state: Option<String>,
    /// The languages that the person reads, best first.
    pub ui_locales: Vec<String>,
}

/// What comes next for a person who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The session ends at once.
    Leave,
    /// The person is asked.
    Ask,
}

impl LogoutRequest {
    /// Reads the parameters.
    pub fn read(parameters: &Parameters) -> Result<LogoutRequest, Refusal> {
        let text = |name| parameters.get(name).map(|value| value.map(str::to_owned));
        Ok(LogoutRequest {
            id_token_hint: text("id_token_hint")?,
            client_id: text("client_id")?,
            post_logout_redirect_uri: text("post_logout_redirect_uri")?,
            state: text("state")?,
            ui_locales: parameters.get("ui_locales")?.map(ui_locales::read).unwrap_or_default(),
        })
    }

    /// The `client_id` of the application that asks: what it says, which must be whom the hint was made for
    /// (section 2).
    pub fn asker<'a>(&'a self, hint: Option<&'a Hint>) -> Result<Option<&'a str>, Refusal> {
        match (self.client_id.as_deref(), hint.map(|hint| hint.client_id.as_str())) {
            (Some(said), Some(hinted)) if said != hinted => {
                let sentence = "id_token_hint was not issued to this client_id: send your own ID token, or neither.";
                Err(Refusal::new(Code::InvalidRequest, sentence))
            }
            (said, hinted) => Ok(said.or(hinted)),
        }
    }

    /// Where the person goes after signing out: the address that was asked for, if `client` registered it (statement
    /// 128). `Ok(None)` when none was asked for.
    pub fn way_back(&self, client: &Client, registered: &[String]) -> Result<Option<String>, RedirectMismatch> {
        let Some(asked) = &self.post_logout_redirect_uri else { return Ok(None) };
        if redirect_uri::matches(registered, asked, client.has(Switch::LoopbackAnyPort)) {
            return Ok(Some(asked.clone()));
        }
        Err(RedirectMismatch { asked: asked.clone(), registered: registered.to_vec() })
    }
}

/// Whether the person is asked before their session ends, which the application that asks knows as `session`
/// ([`crate::subject::session_for`]); `None` when nobody says which application asks.
///
/// A GET that ends a session is what any page can make a browser send. Only whoever got an ID token in this very session
/// can name it under our signature; every other wish is put to the person.
pub fn next(hint: Option<&Hint>, session: Option<&str>) -> Next {
    match (hint.and_then(|hint| hint.session.as_deref()), session) {
        (Some(hinted), Some(session)) if hinted == session => Next::Leave,
        _ => Next::Ask,
    }
}

/// The address that a person is sent to after signing out: the registered one, with the application's own `state`.
pub fn location(back: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return back.to_owned() };
    let state = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    redirect_uri::with_query(back, &state)
}

/// Judges an address to be posted to when a session ends. Plain `http` is for loopback, and for where `plain_http` says
/// that the administrator allowed the host.
pub fn register_backchannel(text: &str, plain_http: impl Fn(&Url) -> bool) -> Result<RedirectUri, RedirectUriProblem> {
    let allowed = Url::parse(text).is_ok_and(|url| plain_http(&url));
    let switches = if allowed { Switches::of(&[Switch::PlainHttpRedirects]) } else { Switches::of(&[]) };
    redirect_uri::register(text, &switches)
}
