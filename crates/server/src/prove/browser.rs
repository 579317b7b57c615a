//! A person at a browser, without the browser: cookies, redirects inside the server, forms posted as a browser would.
//!
//! Owns the walk from an Authorize URL to the code. Knows pages only by their forms.

use super::history::{Doubt, Outcome};
use super::http::{self, Reply, encode};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The redirects that one walk may take.
const STEPS: usize = 12;

/// The cookie of a session on plain http.
const SESSION: &str = "vestibule-session";

/// A browser's state towards the server, which may be several nodes.
#[derive(Clone, Debug)]
pub struct Browser {
    nodes: Vec<SocketAddr>,
    sent: usize,
    cookies: BTreeMap<String, String>,
}

/// Where a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Walk {
    /// Sent to the application with a code.
    Code(String),
    /// Sent back without one, or shown a page that lets nobody in.
    Refused(u16),
    /// No answer, or one that promises nothing.
    Unknown(Doubt),
}

/// Where a walk halts.
#[derive(Debug)]
pub enum Halt {
    End(Walk),
    /// Asked whether the application may.
    Question(Question),
}

/// The page that asks for consent.
#[derive(Debug)]
pub struct Question {
    at: String,
    form: Form,
}

/// Who walks.
#[derive(Clone, Debug)]
pub struct Traveller<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

impl Browser {
    /// A browser that knows nothing. The first of `nodes` is where people reach the server.
    pub fn new(nodes: &[SocketAddr]) -> Browser {
        Browser { nodes: nodes.to_vec(), sent: 0, cookies: BTreeMap::new() }
    }

    /// The session's cookie.
    pub fn session(&self) -> Option<&str> {
        self.cookies.get(SESSION).map(String::as_str)
    }

    /// Walks from `path` (an Authorize URL's path and query): signs in and allows where asked.
    pub fn walk(&mut self, path: &str, who: &Traveller<'_>) -> Walk {
        let mut halt = self.open(path, who);
        for _ in 0..STEPS {
            match halt {
                Halt::End(walk) => return walk,
                Halt::Question(question) => halt = self.allow(&question, who),
            }
        }
        Walk::Unknown(Doubt::Answered(200))
    }

    /// Walks from `path` until asked for consent: signs in where asked.
    pub fn open(&mut self, path: &str, who: &Traveller<'_>) -> Halt {
        let reply = self.send("GET", path, "");
        self.follow(path.to_owned(), reply, who)
    }

    /// Allows, and walks on.
    pub fn allow(&mut self, question: &Question, who: &Traveller<'_>) -> Halt {
        let reply = self.post(&question.at, &question.form, &[("decision", "allow")]);
        self.follow(question.at.clone(), reply, who)
    }

    fn follow(&mut self, mut here: String, mut reply: Result<Reply, String>, who: &Traveller<'_>) -> Halt {
        let mut signed_in = false;
        for _ in 0..STEPS {
            let Ok(answer) = reply else { return Halt::End(Walk::Unknown(Doubt::NoAnswer)) };
            match answer.status {
                300..400 => {
                    let nowhere = Walk::Unknown(Doubt::Answered(answer.status));
                    let Some(target) = answer.header("location") else { return Halt::End(nowhere) };
                    let Some(inside) = self.inside(target) else { return Halt::End(landed(target)) };
                    here = inside;
                    reply = self.send("GET", &here, "");
                }
                status @ (429 | 500..) => return Halt::End(Walk::Unknown(Doubt::Answered(status))),
                status => match Form::of(&answer.body) {
                    Some(form) if form.asks == Asks::Consent => return Halt::Question(Question { at: here, form }),
                    // Asked once more: the first try was refused.
                    Some(form) if form.asks == Asks::SignIn && !signed_in => {
                        signed_in = true;
                        reply = self.post(&here, &form, &[("name", who.name), ("password", who.password)]);
                    }
                    _ => return Halt::End(Walk::Refused(status)),
                },
            }
        }
        Halt::End(Walk::Unknown(Doubt::Answered(303)))
    }

    /// Signs in for no application's sake; gives the status of the answer to the password.
    pub fn sign_in(&mut self, who: &Traveller<'_>) -> Result<u16, String> {
        let form = self.open_sign_in()?;
        self.answer_sign_in(&form, who)
    }

    /// The form to sign in by.
    pub fn open_sign_in(&mut self) -> Result<Form, String> {
        let page = self.send("GET", "/sign-in", "")?;
        Form::of(&page.body).ok_or_else(|| "no form to sign in".to_owned())
    }

    /// Sends it.
    pub fn answer_sign_in(&mut self, form: &Form, who: &Traveller<'_>) -> Result<u16, String> {
        self.post("/sign-in", form, &[("name", who.name), ("password", who.password)]).map(|reply| reply.status)
    }

    /// Presses the button of the form at `path` that sends `fields`. Refused is also where there is no such form, because
    /// nobody is signed in.
    pub fn press(&mut self, path: &str, fields: &[(&str, &str)]) -> Outcome<()> {
        let page = match self.send("GET", path, "") {
            Ok(page) if page.status == 429 || page.status >= 500 => {
                return Outcome::Unknown(Doubt::Answered(page.status));
            }
            Ok(page) => page,
            Err(_) => return Outcome::Unknown(Doubt::NoAnswer),
        };
        let Some(form) = Form::all(&page.body).find(|form| form.sends(fields)) else { return Outcome::Refused };
        match self.post(path, &form, &[]).map(|reply| reply.status) {
            Ok(303) => Outcome::Done(()),
            Ok(status @ (429 | 500..)) => Outcome::Unknown(Doubt::Answered(status)),
            Ok(_) => Outcome::Refused,
            Err(_) => Outcome::Unknown(Doubt::NoAnswer),
        }
    }

    fn post(&mut self, path: &str, form: &Form, over: &[(&str, &str)]) -> Result<Reply, String> {
        let fields = form.with(over);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.send("POST", path, &encode(&fields))
    }

    /// One call with the cookies; keeps those that come back.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Reply, String> {
        let cookie: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (cookie, origin) = (cookie.join("; "), self.origin());
        let mut headers = vec![("Accept", "text/html")];
        if !cookie.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        if method == "POST" {
            headers.extend([("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")]);
        }
        // One node after the other: what one has answered the next one knows.
        self.sent += 1;
        let node = self.nodes.get(self.sent % self.nodes.len().max(1)).ok_or("there is no node")?;
        let reply = http::call(*node, method, path, &headers, body)?;
        for (_, line) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(reply)
    }

    /// The path of an address that is the server's own.
    fn inside(&self, target: &str) -> Option<String> {
        if target.starts_with('/') {
            return Some(target.to_owned());
        }
        let rest = target.strip_prefix(&self.origin())?;
        rest.starts_with('/').then(|| rest.to_owned())
    }

    fn origin(&self) -> String {
        self.nodes.first().map(|public| format!("http://{public}")).unwrap_or_default()
    }
}

/// What an application's redirect URI was brought.
fn landed(target: &str) -> Walk {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    match parameters.find(|(name, _)| name == "code" || name == "error") {
        Some((name, code)) if name == "code" => Walk::Code(code.into_owned()),
        Some((_, error)) if error == "server_error" => Walk::Unknown(Doubt::Answered(500)),
        Some((_, error)) if error == "temporarily_unavailable" => Walk::Unknown(Doubt::Answered(503)),
        _ => Walk::Refused(303),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    SignIn,
    Consent,
    Other,
}

/// A form, with what a browser would send of it as it stands.
#[derive(Debug)]
pub struct Form {
    asks: Asks,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The page's main form.
    fn of(html: &str) -> Option<Form> {
        Form::all(html).find(|form| form.asks != Asks::Other)
    }

    fn all(html: &str) -> impl Iterator<Item = Form> {
        html.split("<form").skip(1).map(|piece| {
            let piece = piece.split("</form").next().unwrap_or_default();
            let asks = if piece.contains("name=\"password\"") {
                Asks::SignIn
            } else if piece.contains("name=\"decision\"") {
                Asks::Consent
            } else {
                Asks::Other
            };
            Form { asks, fields: piece.split("<input").skip(1).filter_map(field).collect() }
        })
    }

    /// Whether it sends all of `fields`.
    fn sends(&self, fields: &[(&str, &str)]) -> bool {
        fields.iter().all(|(name, value)| self.fields.iter().any(|(n, v)| n == name && v == value))
    }

    fn with(&self, over: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.retain(|(name, _)| !over.iter().any(|(key, _)| key == name));
        fields.extend(over.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    }
}

/// The pair that an input sends; a disabled one sends none, and neither does a box that is not ticked.
fn field(tag: &str) -> Option<(String, String)> {
    let tag = tag.split('>').next()?;
    let attribute = |name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let flag = |name: &str| tag.split_whitespace().any(|word| word == name);
    if flag("disabled") || (attribute("type").as_deref() == Some("checkbox") && !flag("checked")) {
        return None;
    }
    Some((attribute("name")?, attribute("value").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_as_a_browser_would() {
        let html = r#"<form method="post" id="f"><input type="hidden" name="form_token" value="t">
            <input id="a" type="checkbox" name="scope" value="openid" checked disabled>
            <input type="hidden" name="scope" value="openid"><input type="checkbox" name="scope" value="email">
            <input type="checkbox" name="scope" value="phone" checked>
            <button name="decision" value="allow">x</button></form><form><input name="other" value="1"></form>"#;
        let form = Form::of(html).unwrap();
        assert_eq!(form.asks, Asks::Consent);
        let pairs = form.with(&[("decision", "allow")]);
        let spelled: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(spelled, ["form_token=t", "scope=openid", "scope=phone", "decision=allow"]);
        assert!(Form::of("<form><input name=\"other\"></form>").is_none());
    }

    #[test]
    fn an_address_outside_is_read_for_its_code() {
        assert_eq!(landed("https://a/cb?state=s&code=c"), Walk::Code("c".into()));
        assert_eq!(landed("https://a/cb?error=access_denied"), Walk::Refused(303));
        assert_eq!(landed("https://a/cb?error=server_error"), Walk::Unknown(Doubt::Answered(500)));
        let busy = landed("https://a/cb?error=temporarily_unavailable");
        assert_eq!(busy, Walk::Unknown(Doubt::Answered(503)));
    }
}
