//! GitHub in its Enterprise form: pages at the root, the API below `/api/v3`.
//!
//! After GitHub's pages "Authorizing OAuth apps", "Refreshing user access tokens", "Scopes for OAuth apps" and its REST
//! description. Its rules: errors of the token endpoint with status 200, and in form encoding unless JSON is asked for;
//! a code once, for ten minutes, with its verifier; eight-hour tokens and refresh tokens that rotate, where that is
//! switched on; at most ten tokens of one person and one set of scopes; 403 to whoever has no User-Agent.

use super::HostClock;
use super::fake::{Asked, Fake, Said, escape, fresh, value, with_query};
use super::forge::{Forge, Kind};
use super::github_repos::{self, Me};
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

/// A code's life, an access token's and a refresh token's where they end, in seconds.
const CODE: i64 = 600;
const ACCESS: i64 = 28_800;
const REFRESH: i64 = 15_811_200;
/// Tokens of one person, application and set of scopes.
const MOST_ALIKE: usize = 10;

/// A GitHub with one OAuth application.
#[derive(Clone)]
pub struct GitHub {
    fake: Fake,
    world: Arc<Mutex<World>>,
    pub clock: HostClock,
    pub client_id: String,
    pub client_secret: String,
}

struct World {
    client_id: String,
    client_secret: String,
    /// The registered callback address: a redirect URI is it, or lies below it.
    callback: String,
    /// Whether the application's tokens end and are renewed.
    tokens_end: bool,
    /// Whether a live token of the same person and scopes is given again.
    same_again: bool,
    access_life: i64,
    people: Vec<Person>,
    /// Whose browser comes.
    signed_in: usize,
    /// Whether the browser is asked, or was asked before.
    asks: bool,
    codes: Vec<Code>,
    tokens: Vec<Token>,
    forge: Forge,
}

#[derive(Clone)]
struct Person {
    login: String,
    id: u64,
    avatar: String,
}

struct Code {
    code: String,
    person: usize,
    redirect_uri: Option<String>,
    challenge: Option<String>,
    scopes: Vec<String>,
    ends: i64,
}

/// An access token, and what renews it.
struct Token {
    access: String,
    refresh: Option<String>,
    person: usize,
    /// `None` for fine-grained tokens, which have permissions instead.
    scopes: Option<Vec<String>>,
    ends: Option<i64>,
    refresh_ends: i64,
    /// Whether our application was given it; the others are personal.
    of_app: bool,
    /// A spent refresh token ends its access token too.
    alive: bool,
    refreshable: bool,
}

impl Deref for GitHub {
    type Target = Fake;
    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl GitHub {
    /// Starts one where `octocat` is signed in and has authorized the application before.
    pub fn start() -> GitHub {
        let clock = HostClock::default();
        let (client_id, client_secret) = (format!("Iv1.{}", fresh(16)), fresh(40));
        let world = Arc::new(Mutex::new(World {
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            callback: String::new(),
            tokens_end: false,
            same_again: false,
            access_life: ACCESS,
            people: Vec::new(),
            signed_in: 0,
            asks: false,
            codes: Vec::new(),
            tokens: Vec::new(),
            forge: Forge::default(),
        }));
        let (mine, time) = (world.clone(), clock.clone());
        let fake = Fake::start(move |url, asked| mine.lock().expect("world").answer(url, asked, time.now()));
        let host = GitHub { fake, world, clock, client_id, client_secret };
        host.add_person("octocat");
        host
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().expect("world")
    }

    /// Registers where codes may be sent.
    pub fn register(&self, callback: &str) {
        self.world().callback = callback.to_owned();
    }

    /// Access tokens that end and are given from now on live so many seconds.
    pub fn lives(&self, seconds: i64) {
        self.world().access_life = seconds;
    }

    /// Switches on that the application's tokens end.
    pub fn tokens_end(&self) {
        self.world().tokens_end = true;
    }

    /// From now on people see the page that asks them.
    pub fn asks(&self) {
        self.world().asks = true;
    }

    /// Adds a person and lets that one's browser come from now on.
    pub fn add_person(&self, login: &str) {
        let avatar = format!("{}/avatars/{login}.png", self.url());
        let mut world = self.world();
        let id = 1 + world.people.len() as u64;
        world.people.push(Person { login: login.to_owned(), id, avatar });
        world.forge.add_space_as(id, login, Kind::Person, &[id]);
        world.signed_in = world.people.len() - 1;
    }

    /// Does something with its repositories.
    pub fn forge<T>(&self, deed: impl FnOnce(&mut Forge) -> T) -> T {
        deed(&mut self.world().forge)
    }

    /// Lets this picture stand on the signed-in person's page.
    pub fn avatar(&self, url: &str) {
        let mut world = self.world();
        let at = world.signed_in;
        world.people[at].avatar = url.to_owned();
    }

    /// A classic personal token of the signed-in person; `ends` in Unix seconds.
    pub fn classic_token(&self, scopes: &[&str], ends: Option<i64>) -> String {
        let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        self.personal(format!("ghp_{}", fresh(36)), Some(scopes), ends)
    }

    /// A fine-grained personal token of the signed-in person: it always ends, and has no scopes.
    pub fn fine_grained_token(&self, ends: i64) -> String {
        self.personal(format!("github_pat_{}_{}", fresh(22), fresh(59)), None, Some(ends))
    }

    fn personal(&self, access: String, scopes: Option<Vec<String>>, ends: Option<i64>) -> String {
        let mut world = self.world();
        let token = Token {
            access: access.clone(),
            refresh: None,
            person: world.signed_in,
            scopes,
            ends,
            refresh_ends: 0,
            of_app: false,
            alive: true,
            refreshable: false,
        };
        world.tokens.push(token);
        access
    }

    /// A token of the application for the signed-in person, without the way there.
    pub fn token_for_app(&self) -> String {
        let token = self.personal(format!("gho_{}", fresh(36)), Some(vec!["repo".to_owned()]), None);
        self.world().tokens.iter_mut().filter(|t| t.access == token).for_each(|t| t.of_app = true);
        token
    }

    /// Whether this token, access or refresh, is of any use now.
    pub fn is_alive(&self, token: &str) -> bool {
        let now = self.clock.now();
        self.world().tokens.iter().any(|t| {
            let access = t.access == token && t.alive && t.ends.is_none_or(|ends| ends > now);
            access || (t.refresh.as_deref() == Some(token) && t.refreshable && t.refresh_ends > now)
        })
    }

    /// All tokens that were ever issued, access and refresh.
    pub fn every_token(&self) -> Vec<String> {
        let world = self.world();
        world.tokens.iter().flat_map(|t| [Some(t.access.clone()), t.refresh.clone()]).flatten().collect()
    }

    /// From now on whoever has a live token of the application for the same scopes is given that one again.
    pub fn gives_the_same_again(&self) {
        self.world().same_again = true;
    }

    /// All tokens of the application that are alive.
    pub fn live_tokens(&self) -> Vec<String> {
        let now = self.clock.now();
        let world = self.world();
        let alive = |t: &&Token| t.of_app && t.alive && t.ends.is_none_or(|ends| ends > now);
        world.tokens.iter().filter(alive).map(|t| t.access.clone()).collect()
    }

    /// Ends every access token before its time; what renews it stays good.
    pub fn end_access_tokens(&self) {
        for token in &mut self.world().tokens {
            token.alive = false;
        }
    }

    /// Ends every token, as a person does in the settings.
    pub fn revoke_all(&self) {
        for token in &mut self.world().tokens {
            (token.alive, token.refreshable) = (false, false);
        }
    }
}

impl World {
    fn answer(&mut self, url: &str, asked: &Asked, now: i64) -> Said {
        if asked.header("user-agent").is_empty() {
            return Said::new(
                403,
                "text/plain",
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            );
        }
        let application = asked.path.strip_prefix("/api/v3/applications/").and_then(|rest| rest.split_once('/'));
        match (asked.line().as_str(), application) {
            ("GET /login/oauth/authorize", _) => self.authorize(&asked.query, now),
            ("POST /login/oauth/authorize", _) => self.decide(&asked.form(), now),
            ("POST /login/oauth/access_token", _) => self.token(asked, now),
            ("GET /api/v3/user", _) => self.user(url, asked, now),
            (_, Some((client, "token"))) if asked.method == "DELETE" => self.delete_token(client, asked, now, false),
            (_, Some((client, "grant"))) if asked.method == "DELETE" => self.delete_token(client, asked, now, true),
            _ if asked.path.starts_with("/api/v3/") => self.repositories(url, asked, now),
            _ => failure(404, "Not Found"),
        }
    }

    /// What is neither signing in nor the person's own page: for tokens that may look at repositories.
    fn repositories(&mut self, url: &str, asked: &Asked, now: i64) -> Said {
        let Some(token) = self.bearer(asked, now) else { return failure(401, "Bad credentials") };
        let (person, scopes) = (self.people[token.person].clone(), token.scopes.clone());
        // A token without the scope does not see private repositories, and is told which one would do for webhooks.
        let lacks = |needed: &str| scopes.as_ref().is_some_and(|has| !has.iter().any(|scope| scope == needed));
        let is_hook = asked.path.ends_with("/hooks") || asked.path.contains("/hooks/");
        let said = if lacks("repo") {
            failure(404, "Not Found")
        } else if is_hook && lacks("write:repo_hook") && lacks("admin:repo_hook") {
            failure(403, "Must have admin rights to Repository.")
                .header("X-Accepted-OAuth-Scopes", "admin:repo_hook, write:repo_hook")
        } else {
            let people = self.people.clone();
            let spell = |id: u64| people.iter().find(|person| person.id == id).map(|person| user(url, person));
            let me = Me { id: person.id, login: &person.login };
            github_repos::answer(&mut self.forge, &format!("{url}/api/v3"), asked, &me, &spell)
        };
        match scopes {
            Some(scopes) => said.header("X-OAuth-Scopes", &scopes.join(", ")),
            None => said,
        }
    }

    /// Where the person is sent back to; an address that is not the application's never is.
    fn way_back(&self, query: &[(String, String)]) -> Option<String> {
        let Some(wanted) = value(query, "redirect_uri") else { return Some(self.callback.clone()) };
        let below = wanted.strip_prefix(&self.callback)?;
        (below.is_empty() || below.starts_with(['/', '?']) || self.callback.ends_with('/')).then(|| wanted.to_owned())
    }

    fn authorize(&mut self, query: &[(String, String)], now: i64) -> Said {
        if value(query, "client_id") != Some(&self.client_id) {
            return Said::page(404, "<h1>404</h1>");
        }
        let state = value(query, "state").unwrap_or_default();
        let Some(_) = self.way_back(query) else {
            let to = with_query(
                &self.callback,
                &[
                    ("error", "redirect_uri_mismatch"),
                    (
                        "error_description",
                        "The redirect_uri MUST match the registered callback URL for this application.",
                    ),
                    ("state", state),
                ],
            );
            return Said::redirect(&to);
        };
        if !self.asks {
            return self.send_back(query, now);
        }
        let hidden = query.iter().map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        });
        Said::page(
            200,
            format!(
                "<!doctype html><title>Authorize application</title><h1>Authorize as {}</h1>\
                 <form method=\"post\" action=\"/login/oauth/authorize\">{}\
                 <button id=\"cancel\" name=\"authorize\" value=\"0\">Cancel</button>\
                 <button id=\"authorize\" name=\"authorize\" value=\"1\">Authorize</button></form>",
                escape(&self.people[self.signed_in].login),
                hidden.collect::<String>()
            ),
        )
    }

    fn decide(&mut self, form: &[(String, String)], now: i64) -> Said {
        if value(form, "authorize") == Some("1") {
            return self.send_back(form, now);
        }
        let to = self.way_back(form).unwrap_or_default();
        let fields = [
            ("error", "access_denied"),
            ("error_description", "The user has denied your application access."),
            ("state", value(form, "state").unwrap_or_default()),
        ];
        Said::redirect(&with_query(&to, &fields))
    }

    fn send_back(&mut self, query: &[(String, String)], now: i64) -> Said {
        let Some(to) = self.way_back(query) else { return Said::page(400, "no") };
        let challenge = value(query, "code_challenge").map(str::to_owned);
        if challenge.is_some() && value(query, "code_challenge_method") != Some("S256") {
            return Said::page(400, "only S256");
        }
        let code = fresh(20);
        let scopes = value(query, "scope").unwrap_or_default().split([' ', ',']);
        self.codes.push(Code {
            code: code.clone(),
            person: self.signed_in,
            redirect_uri: value(query, "redirect_uri").map(str::to_owned),
            challenge,
            scopes: scopes.filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            ends: now + CODE,
        });
        Said::redirect(&with_query(&to, &[("code", &code), ("state", value(query, "state").unwrap_or_default())]))
    }

    fn token(&mut self, asked: &Asked, now: i64) -> Said {
        let fields: Vec<_> = [asked.form(), asked.json(), asked.query.clone()].concat();
        let answer = |fields: &[(&str, Value)]| spell(asked, fields);
        let refuse = |error: &str, words: &str| {
            let uri = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/";
            answer(&[("error", error.into()), ("error_description", words.into()), ("error_uri", uri.into())])
        };
        if value(&fields, "client_id") != Some(&self.client_id) {
            return Said::json(404, &json!({ "error": "Not Found" }));
        }
        if value(&fields, "client_secret") != Some(&self.client_secret) {
            return refuse("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.");
        }
        match value(&fields, "grant_type") {
            None | Some("authorization_code") => {}
            Some("refresh_token") => return self.refresh(&fields, asked, now),
            Some(_) => return refuse("unsupported_grant_type", "The grant_type is not supported."),
        }
        let bad = || refuse("bad_verification_code", "The code passed is incorrect or expired.");
        let given = value(&fields, "code").unwrap_or_default();
        let Some(at) = self.codes.iter().position(|c| c.code == given && c.ends > now) else { return bad() };
        let redirect_uri = value(&fields, "redirect_uri");
        if redirect_uri.is_some() && redirect_uri != self.codes[at].redirect_uri.as_deref() {
            return refuse(
                "redirect_uri_mismatch",
                "The redirect_uri MUST match the registered callback URL for this application.",
            );
        }
        // Spent from here on, whatever comes of it.
        let code = self.codes.remove(at);
        let verifier = value(&fields, "code_verifier");
        if code.challenge.as_deref() != verifier.map(challenge_of).as_deref() {
            return bad();
        }
        self.give(code.person, code.scopes, asked, now)
    }

    fn refresh(&mut self, fields: &[(String, String)], asked: &Asked, now: i64) -> Said {
        let given = value(fields, "refresh_token");
        let found = self
            .tokens
            .iter_mut()
            .find(|t| t.refreshable && t.refresh_ends > now && t.refresh.is_some() && t.refresh.as_deref() == given);
        let Some(token) = found else {
            let words = "The refresh token passed is incorrect or expired.";
            return spell(asked, &[("error", "bad_refresh_token".into()), ("error_description", words.into())]);
        };
        // Both halves of the old pair are of no use from here on.
        (token.refreshable, token.alive) = (false, false);
        let (person, scopes) = (token.person, token.scopes.clone().unwrap_or_default());
        self.give(person, scopes, asked, now)
    }

    /// A token for the person; the oldest of more than ten of the same scopes ends.
    fn give(&mut self, person: usize, scopes: Vec<String>, asked: &Asked, now: i64) -> Said {
        let alike = |t: &Token| {
            t.of_app
                && t.alive
                && t.person == person
                && t.scopes.as_ref() == Some(&scopes)
                && t.ends.is_none_or(|e| e > now)
        };
        if self.same_again
            && let Some(token) = self.tokens.iter().find(|t| alike(t) && t.refresh.is_none())
        {
            let fields = [
                ("access_token", token.access.as_str().into()),
                ("scope", scopes.join(",").into()),
                ("token_type", "bearer".into()),
            ];
            return spell(asked, &fields);
        }
        let alive: Vec<usize> = (0..self.tokens.len()).filter(|at| alike(&self.tokens[*at])).collect();
        if alive.len() >= MOST_ALIKE {
            let oldest = &mut self.tokens[alive[0]];
            (oldest.alive, oldest.refreshable) = (false, false);
        }
        let (prefix, ends) = if self.tokens_end { ("ghu_", Some(now + self.access_life)) } else { ("gho_", None) };
        let access = format!("{prefix}{}", fresh(36));
        let refresh = self.tokens_end.then(|| format!("ghr_{}", fresh(76)));
        self.tokens.push(Token {
            access: access.clone(),
            refresh: refresh.clone(),
            person,
            scopes: Some(scopes.clone()),
            ends,
            refresh_ends: now + REFRESH,
            of_app: true,
            alive: true,
            refreshable: refresh.is_some(),
        });
        let mut fields: Vec<(&str, Value)> = vec![("access_token", access.into())];
        if let Some(refresh) = refresh {
            fields.push(("expires_in", self.access_life.into()));
            fields.push(("refresh_token", refresh.into()));
            fields.push(("refresh_token_expires_in", REFRESH.into()));
        }
        fields.push(("scope", scopes.join(",").into()));
        fields.push(("token_type", "bearer".into()));
        spell(asked, &fields)
    }

    /// The token that a call to the API is made with.
    fn bearer(&self, asked: &Asked, now: i64) -> Option<&Token> {
        let header = asked.header("authorization");
        let given = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("token "))?;
        self.tokens.iter().find(|t| t.access == given && t.alive && t.ends.is_none_or(|ends| ends > now))
    }

    fn user(&self, url: &str, asked: &Asked, now: i64) -> Said {
        let Some(token) = self.bearer(asked, now) else {
            let words =
                if asked.header("authorization").is_empty() { "Requires authentication" } else { "Bad credentials" };
            return failure(401, words);
        };
        let said = Said::json(200, &user(url, &self.people[token.person]));
        let said = match &token.scopes {
            Some(scopes) => said.header("X-OAuth-Scopes", &scopes.join(", ")).header("X-Accepted-OAuth-Scopes", ""),
            None => said,
        };
        match token.ends.filter(|_| !token.of_app) {
            Some(ends) => said.header("github-authentication-token-expiration", &moment(ends)),
            None => said,
        }
    }

    /// Ends one token, or with the whole `grant` all that the application has of its person.
    fn delete_token(&mut self, client: &str, asked: &Asked, now: i64, grant: bool) -> Said {
        let credentials = asked.basic();
        let own = credentials.is_some_and(|(id, secret)| id == self.client_id && secret == self.client_secret);
        if !own || client != self.client_id {
            return failure(401, "Bad credentials");
        }
        let body = asked.json();
        let given = value(&body, "access_token").unwrap_or_default();
        let alive = |t: &&mut Token| t.of_app && t.access == given && t.alive && t.ends.is_none_or(|ends| ends > now);
        let found = self.tokens.iter_mut().find(alive).map(|token| token.person);
        let ends = |t: &&mut Token| t.of_app && (t.access == given || (grant && Some(t.person) == found));
        match found {
            Some(_) => {
                self.tokens.iter_mut().filter(ends).for_each(|t| (t.alive, t.refreshable) = (false, false));
                Said::empty(204)
            }
            None => Said::json(
                422,
                &json!({
                    "message": "Validation Failed",
                    "errors": [{ "resource": "OauthAccess", "field": "access_token", "code": "invalid" }],
                    "documentation_url": "https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token",
                }),
            ),
        }
    }
}

fn failure(status: u16, words: &str) -> Said {
    let body = json!({
        "message": words, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
    });
    Said::json(status, &body)
}

/// In form encoding unless JSON is asked for, with status 200 whatever it says.
fn spell(asked: &Asked, fields: &[(&str, Value)]) -> Said {
    if asked.header("accept").contains("json") {
        return Said::json(200, &fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, text(value))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Said::new(200, "application/x-www-form-urlencoded; charset=utf-8", crate::harness::http::query(&fields))
}

/// RFC 7636 section 4.2.
pub fn challenge_of(verifier: &str) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// `2026-12-31 08:30:00 UTC`, as the header has it.
pub fn moment(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (mut year, mut day) = (1970, days);
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", month + 1, day + 1)
}

fn user(url: &str, person: &Person) -> Value {
    let (login, api) = (&person.login, format!("{url}/api/v3/users/{}", person.login));
    json!({
        "login": login, "id": person.id, "node_id": format!("MDQ6VXNlc{}", person.id), "avatar_url": person.avatar,
        "gravatar_id": "", "url": api, "html_url": format!("{url}/{login}"),
        "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"), "type": "User", "site_admin": false,
        "name": format!("The person {login}"), "company": null, "blog": "", "location": null, "email": null,
        "hireable": null, "bio": null, "twitter_username": null, "public_repos": 2, "public_gists": 0, "followers": 0,
        "following": 0, "created_at": "2008-01-14T04:33:35Z", "updated_at": "2008-01-14T04:33:35Z",
    })
}

#[test]
fn a_moment_is_spelled_as_githubs_header_spells_it() {
    for (seconds, spelled) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (1_798_705_800, "2026-12-31 08:30:00 UTC"),
    ] {
        assert_eq!(moment(seconds), spelled);
    }
}
