//! A person at a browser, as far as the rows need one: signing in, and walking to a code.
//!
//! Owns cookies and forms of one browser. What a page looks like it does not know, only what its form sends.

use crate::house::{PASSWORD, REDIRECT_URI};
use crate::wire::{self, Connection, Reply};
use std::net::SocketAddr;

/// The example of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The pages that one walk may show.
const PAGES: usize = 6;

/// A browser's state towards the server.
pub struct Browser {
    line: Connection,
    cookies: Vec<(String, String)>,
}

/// What one connection needs for signing in again and again.
pub struct SignIn {
    pub cookie: String,
    pub form_token: String,
}

impl Browser {
    /// A browser that nobody has used.
    pub async fn open(to: SocketAddr) -> Result<Browser, String> {
        Ok(Browser { line: Connection::open(to).await?, cookies: Vec::new() })
    }

    /// The cookies, as a header has them.
    pub fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Opens the sign-in page.
    pub async fn meet(&mut self) -> Result<SignIn, String> {
        let page = self.call(&wire::get("/sign-in", &[])).await?;
        let form_token = fields(&page.body, "name=\"password\"").and_then(|fields| token(&fields));
        let form_token = form_token.ok_or_else(|| format!("no sign-in page: {}", page.status))?;
        Ok(SignIn { cookie: self.cookie(), form_token })
    }

    /// Signs in.
    pub async fn sign_in(&mut self, name: &str) -> Result<(), String> {
        let SignIn { cookie, form_token } = self.meet().await?;
        let form = [("form_token", form_token.as_str()), ("name", name), ("password", PASSWORD)];
        let done = self.call(&wire::post("/sign-in", &[("cookie", &cookie)], &form)).await?;
        if done.status == 303 { Ok(()) } else { Err(format!("{name} is not let in: {}", done.status)) }
    }

    /// Walks from an Authorize request to the code, allowing where asked.
    pub async fn code(&mut self, client_id: &str, scope: &str) -> Result<String, String> {
        let mut path = authorize(client_id, scope);
        let mut form: Option<Vec<(String, String)>> = None;
        for _ in 0..PAGES {
            let cookie = self.cookie();
            let headers = [("cookie", cookie.as_str())];
            let request = match &form {
                None => wire::get(&path, &headers),
                Some(fields) => {
                    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    wire::post(&path, &headers, &fields)
                }
            };
            let page = self.call(&request).await?;
            form = None;
            if let Some(location) = page.location {
                if let Some(code) = code_in(&location) {
                    return Ok(code);
                }
                path = location[location.find("/oauth").unwrap_or(0)..].to_owned();
                continue;
            }
            let mut asked =
                fields(&page.body, "name=\"decision\"").ok_or_else(|| format!("no consent: {}", page.body))?;
            asked.push(("decision".to_owned(), "allow".to_owned()));
            form = Some(asked);
        }
        Err("the pages go on for ever".to_owned())
    }

    async fn call(&mut self, request: &[u8]) -> Result<Page, String> {
        let reply = self.line.call(request).await?;
        let page = Page::of(&reply);
        let set: Vec<String> = reply.headers("set-cookie").map(str::to_owned).collect();
        for line in set {
            let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        Ok(page)
    }
}

struct Page {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Page {
    fn of(reply: &Reply<'_>) -> Page {
        let location = reply.header("location").map(str::to_owned);
        Page { status: reply.status, location, body: reply.text().to_owned() }
    }
}

/// The path of an Authorize request.
pub fn authorize(client_id: &str, scope: &str) -> String {
    const PATH: &str = "/oauth/authorize?";
    let mut query = form_urlencoded::Serializer::for_suffix(String::from(PATH), PATH.len());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", REDIRECT_URI),
        ("scope", scope),
        ("state", "af0ifjsldkj"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    query.finish()
}

/// The code that a redirect brings.
pub fn code_in(location: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code")?;
    Some(code.1.into_owned())
}

/// The pairs that the form with `mark` sends as it stands.
fn fields(html: &str, mark: &str) -> Option<Vec<(String, String)>> {
    let form = html.split("<form").skip(1).filter_map(|piece| piece.split("</form").next());
    let form = form.into_iter().find(|piece| piece.contains(mark))?;
    Some(form.split("<input").skip(1).filter_map(field).collect())
}

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

fn token(fields: &[(String, String)]) -> Option<String> {
    fields.iter().find(|(name, _)| name == "form_token").map(|(_, value)| value.clone())
}
