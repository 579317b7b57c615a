//! GitLab, as gitlab.com and self-managed ones are: pages below a path, if it has one, the API below `api/v4`.
//!
//! After GitLab's pages "OAuth 2.0 identity provider API", "Personal access tokens API" and "Rate limits". Owns signing in
//! and tokens; repositories are `repos`'s. Its rules: the callback address byte for byte; tokens for two hours; a refresh
//! kills both tokens of the old pair at once; 400 for a grant that is not good, 401 for a client that is not; an expired
//! access token is "ended" with 200 and nothing happens; a personal token tells of itself, an OAuth token does not.

pub mod repos;

use super::fake::{Asked, Fake, Said, escape, fresh, value, with_query};
use super::forge::{Forge, Kind};
use super::{HostClock, Token};
use repos::Repositories;
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

/// A code's life and an access token's, in seconds.
const CODE: i64 = 600;
const ACCESS: i64 = 7200;

/// Scopes that an application may ask for.
const SCOPES: [&str; 5] = ["api", "read_api", "read_user", "read_repository", "write_repository"];

/// A GitLab with one OAuth application.
#[derive(Clone)]
pub struct GitLab {
    fake: Fake,
    world: Arc<Mutex<World>>,
    /// What stands before all its paths.
    below: &'static str,
    pub clock: HostClock,
    pub client_id: String,
    pub client_secret: String,
}

pub struct World {
    client_id: String,
    client_secret: String,
    callbacks: Vec<String>,
    people: Vec<Person>,
    signed_in: usize,
    asks: bool,
    access_life: i64,
    codes: Vec<Code>,
    tokens: Vec<Token>,
    repositories: Repositories,
}

/// A person there.
#[derive(Clone)]
pub struct Person {
    pub login: String,
    pub id: u64,
    pub avatar: String,
}

struct Code {
    code: String,
    person: usize,
    redirect_uri: String,
    scopes: Vec<String>,
    challenge: Option<String>,
    ends: i64,
}

impl Deref for GitLab {
    type Target = Fake;
    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl GitLab {
    /// Starts one where `lynx` is signed in and has authorized the application before.
    pub fn start() -> GitLab {
        GitLab::below("")
    }

    /// The same below a path, such as `/gitlab`.
    pub fn below(path: &'static str) -> GitLab {
        let clock = HostClock::default();
        let (client_id, client_secret) = (fresh(64), format!("gloas-{}", fresh(64)));
        let world = Arc::new(Mutex::new(World {
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            callbacks: Vec::new(),
            people: Vec::new(),
            signed_in: 0,
            asks: false,
            access_life: ACCESS,
            codes: Vec::new(),
            tokens: Vec::new(),
            repositories: Repositories::default(),
        }));
        let (mine, time) = (world.clone(), clock.clone());
        let fake = Fake::start(move |url, asked| {
            let url = format!("{url}{path}");
            let Some(rest) = asked.path.strip_prefix(path) else { return Said::page(404, "<html>404</html>") };
            mine.lock().expect("world").answer(&url, rest, asked, time.now())
        });
        let host = GitLab { fake, world, below: path, clock, client_id, client_secret };
        host.add_person("lynx");
        host
    }

    /// Where its pages begin.
    pub fn url(&self) -> String {
        format!("{}{}", self.fake.url(), self.below)
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().expect("world")
    }

    /// Registers an address to which codes may be sent.
    pub fn register(&self, callback: &str) {
        self.world().callbacks.push(callback.to_owned());
    }

    /// From now on people see the page that asks them.
    pub fn asks(&self) {
        self.world().asks = true;
    }

    /// Access tokens that are given from now on live so many seconds.
    pub fn lives(&self, seconds: i64) {
        self.world().access_life = seconds;
    }

    /// Adds a person and lets that one's browser come from now on.
    pub fn add_person(&self, login: &str) {
        let avatar = format!("{}/uploads/-/system/user/avatar/{login}.png", self.url());
        let mut world = self.world();
        let id = 1 + world.people.len() as u64;
        world.people.push(Person { login: login.to_owned(), id, avatar });
        world.repositories.forge.add_space_as(500 + id, login, Kind::Person, &[id]);
        world.signed_in = world.people.len() - 1;
    }

    /// Does something with its repositories.
    pub fn forge<T>(&self, deed: impl FnOnce(&mut Forge) -> T) -> T {
        deed(&mut self.world().repositories.forge)
    }

    /// A personal token of the signed-in person; `ends` in Unix seconds. Every one has an end, which is a midnight.
    pub fn personal_token(&self, scopes: &[&str], ends: i64) -> String {
        let now = self.clock.now();
        let mut world = self.world();
        let access = format!("glpat-{}", fresh(20));
        let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        let person = world.signed_in;
        let (ends, access_2) = (Some(ends), access.clone());
        world.tokens.push(Token { access, refresh: None, person, scopes, made: now, ends, alive: true });
        access_2
    }

    /// Every token that was ever given, alive or not.
    pub fn every_token(&self) -> Vec<String> {
        let world = self.world();
        world.tokens.iter().flat_map(|t| [Some(t.access.clone()), t.refresh.clone()]).flatten().collect()
    }

    /// Whether this token, access or refresh, is of any use now.
    pub fn is_alive(&self, token: &str) -> bool {
        let now = self.clock.now();
        self.world().tokens.iter().any(|t| t.is_good(token, now))
    }

    /// How many tokens that somebody could use are left.
    pub fn alive(&self) -> usize {
        self.world().tokens.iter().filter(|token| token.alive).count()
    }

    /// Ends every token, as a person does under applications.
    pub fn revoke_all(&self) {
        for token in &mut self.world().tokens {
            token.alive = false;
        }
    }
}

impl World {
    fn answer(&mut self, url: &str, path: &str, asked: &Asked, now: i64) -> Said {
        match (asked.method.as_str(), path) {
            ("GET", "/oauth/authorize") => self.authorize(&asked.query, now),
            ("POST", "/oauth/authorize") => self.decide(&asked.form(), now),
            ("POST", "/oauth/token") => self.token(asked, now),
            ("POST", "/oauth/revoke") => self.revoke(asked, now),
            ("GET", "/oauth/token/info") => match self.bearer(asked, now) {
                Ok(token) => self.info(token, now),
                Err(said) => said,
            },
            (_, path) => match path.strip_prefix("/api/v4/") {
                Some(what) => self.api(url, what, asked, now),
                None => Said::page(404, "<html>The page you're looking for could not be found</html>"),
            },
        }
    }

    fn authorize(&mut self, query: &[(String, String)], now: i64) -> Said {
        let redirect_uri = value(query, "redirect_uri").unwrap_or_default();
        if value(query, "client_id") != Some(&self.client_id) || !self.callbacks.iter().any(|uri| uri == redirect_uri) {
            // Never by redirect: the address is not the application's.
            return Said::page(401, "<h1>The redirect URI included is not valid.</h1>");
        }
        let refuse = |error: &str, words: &str| {
            let state = value(query, "state").unwrap_or_default();
            let fields = [("error", error), ("error_description", words), ("state", state)];
            Said::redirect(&with_query(redirect_uri, &fields))
        };
        if value(query, "response_type") != Some("code") {
            return refuse(
                "unsupported_response_type",
                "The authorization server does not support this response type.",
            );
        }
        let asked_for = value(query, "scope").unwrap_or_default();
        if !asked_for.split(' ').all(|scope| SCOPES.contains(&scope)) {
            return refuse("invalid_scope", "The requested scope is invalid, unknown, or malformed.");
        }
        let method = value(query, "code_challenge_method");
        if value(query, "code_challenge").is_some() && method != Some("S256") {
            return refuse("invalid_code_challenge_method", "The code_challenge_method must be S256.");
        }
        if !self.asks {
            return self.send_back(query, now);
        }
        let field = |(name, value): &(String, String)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        };
        let fields: String = query.iter().map(field).collect();
        let login = &self.people[self.signed_in].login;
        Said::page(
            200,
            format!(
                "<h1>Authorize the application to use your account, {login}?</h1><form method=\"post\">{fields}\
                 <button name=\"decision\" value=\"allow\" id=\"allow\">Authorize</button>\
                 <button name=\"decision\" value=\"deny\" id=\"deny\">Cancel</button></form>"
            ),
        )
    }

    fn decide(&mut self, form: &[(String, String)], now: i64) -> Said {
        let redirect_uri = value(form, "redirect_uri").unwrap_or_default();
        if !self.callbacks.iter().any(|uri| uri == redirect_uri) {
            return Said::page(401, "<h1>The redirect URI included is not valid.</h1>");
        }
        if value(form, "decision") == Some("allow") {
            return self.send_back(form, now);
        }
        let words = "The resource owner or authorization server denied the request.";
        let state = value(form, "state").unwrap_or_default();
        let fields = [("error", "access_denied"), ("error_description", words), ("state", state)];
        Said::redirect(&with_query(redirect_uri, &fields))
    }

    fn send_back(&mut self, fields: &[(String, String)], now: i64) -> Said {
        let text = |name: &str| value(fields, name).unwrap_or_default().to_owned();
        let code = fresh(64);
        let to = with_query(&text("redirect_uri"), &[("code", &code), ("state", &text("state"))]);
        self.codes.push(Code {
            code,
            person: self.signed_in,
            redirect_uri: text("redirect_uri"),
            scopes: text("scope").split(' ').map(str::to_owned).collect(),
            challenge: value(fields, "code_challenge").map(str::to_owned),
            ends: now + CODE,
        });
        Said::redirect(&to)
    }

    fn is_own(&self, asked: &Asked, fields: &[(String, String)]) -> bool {
        let named = value(fields, "client_id").zip(value(fields, "client_secret"));
        let named = named.map(|(id, secret)| (id.to_owned(), secret.to_owned())).or_else(|| asked.basic());
        named.is_some_and(|(id, secret)| id == self.client_id && secret == self.client_secret)
    }

    fn token(&mut self, asked: &Asked, now: i64) -> Said {
        let fields = [asked.form(), asked.json()].concat();
        let field = |name: &str| value(&fields, name);
        if !self.is_own(asked, &fields) {
            let words = "Client authentication failed due to unknown client, no client authentication included, or \
                         unsupported authentication method.";
            let said = Said::json(401, &json!({ "error": "invalid_client", "error_description": words }));
            return said.header("WWW-Authenticate", "Bearer realm=\"Doorkeeper\", error=\"invalid_client\"");
        }
        match field("grant_type") {
            Some("authorization_code") => {
                let given = field("code").unwrap_or_default();
                let Some(at) = self.codes.iter().position(|c| c.code == given && c.ends > now) else {
                    return no_grant();
                };
                let code = self.codes.remove(at);
                let verified = code.challenge == field("code_verifier").map(super::github::challenge_of);
                match verified && field("redirect_uri") == Some(&code.redirect_uri) {
                    true => self.give(code.person, code.scopes, now),
                    false => no_grant(),
                }
            }
            Some("refresh_token") => {
                let given = field("refresh_token");
                let is_it = |t: &&mut Token| t.alive && t.refresh.is_some() && t.refresh.as_deref() == given;
                let Some(token) = self.tokens.iter_mut().find(is_it) else { return no_grant() };
                // Both of the old pair, at once.
                token.alive = false;
                let (person, scopes) = (token.person, token.scopes.clone());
                self.give(person, scopes, now)
            }
            _ => {
                let words = "The authorization grant type is not supported by the authorization server.";
                Said::json(400, &json!({ "error": "unsupported_grant_type", "error_description": words }))
            }
        }
    }

    fn give(&mut self, person: usize, scopes: Vec<String>, now: i64) -> Said {
        let (access, refresh, life) = (fresh(64), fresh(64), self.access_life);
        let body = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": life, "refresh_token": refresh,
            "scope": scopes.join(" "), "created_at": now,
        });
        let (refresh, ends) = (Some(refresh), Some(now + life));
        self.tokens.push(Token { access, refresh, person, scopes, made: now, ends, alive: true });
        Said::json(200, &body).header("Cache-Control", "no-store")
    }

    fn revoke(&mut self, asked: &Asked, now: i64) -> Said {
        let fields = [asked.form(), asked.json()].concat();
        if !self.is_own(asked, &fields) {
            let words = "You are not authorized to revoke this token";
            return Said::json(403, &json!({ "error": "unauthorized_client", "error_description": words }));
        }
        let given = value(&fields, "token");
        for token in self.tokens.iter_mut().filter(|token| token.refresh.is_some()) {
            let by_access = Some(token.access.as_str()) == given && token.ends.is_none_or(|ends| ends > now);
            if by_access || token.refresh.as_deref() == given {
                token.alive = false;
            }
        }
        Said::json(200, &json!({}))
    }

    /// The token that a request bears.
    fn bearer(&self, asked: &Asked, now: i64) -> Result<&Token, Said> {
        let header = asked.header("authorization").strip_prefix("Bearer ");
        let given = header.unwrap_or_else(|| asked.header("private-token"));
        if given.is_empty() {
            return Err(failure(401, "401 Unauthorized"));
        }
        let invalid = |words: &str| {
            let said = Said::json(401, &json!({ "error": "invalid_token", "error_description": words }));
            said.header("WWW-Authenticate", "Bearer realm=\"Protected by OAuth 2.0\", error=\"invalid_token\"")
        };
        let Some(token) = self.tokens.iter().find(|token| token.access == given) else {
            return Err(failure(401, "401 Unauthorized"));
        };
        if !token.alive {
            return Err(invalid("Token was revoked. You have to re-authorize from the user."));
        }
        match token.ends.is_some_and(|ends| ends <= now) {
            true => Err(invalid("Token is expired. You can either do re-authorization or token refresh.")),
            false => Ok(token),
        }
    }

    fn info(&self, token: &Token, now: i64) -> Said {
        let left = token.ends.map(|ends| ends - now);
        Said::json(
            200,
            &json!({
                "resource_owner_id": self.people[token.person].id, "scope": token.scopes, "expires_in": left,
                "application": { "uid": self.client_id }, "created_at": token.made, "scopes": token.scopes,
                "expires_in_seconds": left,
            }),
        )
    }

    fn api(&mut self, url: &str, what: &str, asked: &Asked, now: i64) -> Said {
        let token = match self.bearer(asked, now) {
            Ok(token) => token,
            Err(said) => return said,
        };
        let reads = ["api", "read_api"];
        let may = match (asked.method.as_str(), what) {
            (_, "personal_access_tokens/self") => &["api", "read_api", "read_user"][..],
            ("GET", "user") => &["api", "read_api", "read_user"],
            ("GET" | "HEAD", _) => &reads,
            _ => &reads[..1],
        };
        if !token.scopes.iter().any(|scope| may.contains(&scope.as_str())) {
            let words = "The request requires higher privileges than provided by the access token.";
            let body = json!({ "error": "insufficient_scope", "error_description": words, "scope": may.join(" ") });
            return Said::json(403, &body);
        }
        let person = self.people[token.person].clone();
        match (asked.method.as_str(), what) {
            ("GET", "user") => Said::json(200, &user(url, &person)),
            ("GET", "personal_access_tokens/self") if token.refresh.is_none() => {
                // The day at whose midnight it ends.
                let ends = token.ends.map(|ends| super::github::moment(ends)[..10].to_owned());
                Said::json(
                    200,
                    &json!({
                        "id": 4, "name": "Test Token", "revoked": false, "created_at": "2026-01-01T14:31:47.729Z",
                        "description": "", "scopes": token.scopes, "user_id": person.id, "last_used_at": null,
                        "active": true, "expires_at": ends,
                    }),
                )
            }
            ("GET", "personal_access_tokens/self") => failure(400, "400 Bad request - not a personal access token"),
            _ => self.repositories.answer(url, what, asked, &person),
        }
    }
}

/// An error in the words of its API.
pub fn failure(status: u16, words: &str) -> Said {
    Said::json(status, &json!({ "message": words }))
}

/// What it answers, doing nothing, to whoever asked too often: `wait` in seconds.
pub fn too_many(wait: i64, now: i64) -> Said {
    let said = Said::new(429, "text/plain", "Retry later\n").header("Retry-After", &wait.to_string());
    let said = said.header("RateLimit-Limit", "60").header("RateLimit-Observed", "67");
    said.header("RateLimit-Remaining", "0").header("RateLimit-Reset", &(now + wait).to_string())
}

fn no_grant() -> Said {
    let words = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used \
                 in the authorization request, or was issued to another client.";
    Said::json(400, &json!({ "error": "invalid_grant", "error_description": words }))
}

fn user(url: &str, person: &Person) -> Value {
    json!({
        "id": person.id, "username": person.login, "name": format!("The person {}", person.login), "state": "active",
        "locked": false, "avatar_url": person.avatar, "web_url": format!("{url}/{}", person.login),
        "created_at": "2020-05-23T08:00:58Z", "bio": "", "location": null, "public_email": null, "linkedin": "",
        "twitter": "", "website_url": "", "organization": null, "job_title": "", "pronouns": null, "bot": false,
        "work_information": null, "last_sign_in_at": "2026-06-01T11:41:01Z", "confirmed_at": "2020-05-23T09:05:22Z",
        "last_activity_on": "2026-05-23", "email": format!("{}@example.com", person.login), "theme_id": 1,
        "color_scheme_id": 2, "projects_limit": 100, "current_sign_in_at": "2026-06-02T06:36:55Z", "identities": [],
        "can_create_group": true, "can_create_project": true, "two_factor_enabled": true, "external": false,
        "private_profile": false, "commit_email": format!("{}@example.com", person.login),
    })
}
