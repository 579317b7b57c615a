//! Gitee, as gitee.com, an enterprise's own and Gitlife are: pages at the root, the API below `/api/v5`.
//!
//! After the OAuth page that Gitlife publishes in English, and what published clients send and read. Its rules: 403 to
//! whoever has no User-Agent; the callback address byte for byte; the client secret among the parameters and nowhere
//! else; tokens for one day, renewed with the refresh token alone; 401 for every error of the token endpoint; no way to
//! end a token but the person's settings.

use super::fake::{Asked, Fake, Said, escape, fresh, value, with_query};
use super::forge::{Forge, Kind};
use super::gitee_repos::{self, Me, failure};
use super::{HostClock, Token};
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

/// A code's life and an access token's, in seconds.
const CODE: i64 = 600;
const ACCESS: i64 = 86_400;

const SCOPES: &str = "user_info projects pull_requests issues notes keys hook groups gists enterprises emails";

/// A Gitee with one OAuth application.
#[derive(Clone)]
pub struct Gitee {
    fake: Fake,
    world: Arc<Mutex<World>>,
    pub clock: HostClock,
    pub client_id: String,
    pub client_secret: String,
}

struct World {
    client_id: String,
    client_secret: String,
    callbacks: Vec<String>,
    people: Vec<Person>,
    signed_in: usize,
    asks: bool,
    access_life: i64,
    codes: Vec<Code>,
    tokens: Vec<Token>,
    forge: Forge,
}

#[derive(Clone)]
struct Person {
    login: String,
    id: u64,
    avatar: String,
    email: String,
    password: String,
}

struct Code {
    code: String,
    person: usize,
    redirect_uri: String,
    scopes: Vec<String>,
    ends: i64,
}

impl Deref for Gitee {
    type Target = Fake;
    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl Gitee {
    /// Starts one where `cat` is signed in and has authorized the application before.
    pub fn start() -> Gitee {
        let clock = HostClock::default();
        let (client_id, client_secret) = (fresh(64), fresh(64));
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
            forge: Forge::default(),
        }));
        let (mine, time) = (world.clone(), clock.clone());
        let fake = Fake::start(move |url, asked| mine.lock().expect("world").answer(url, asked, time.now()));
        let host = Gitee { fake, world, clock, client_id, client_secret };
        host.add_person("cat");
        host
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().expect("world")
    }

    /// Registers an address to which codes may be sent.
    pub fn register(&self, callback: &str) {
        self.world().callbacks.push(callback.to_owned());
    }

    /// Access tokens that are given from now on live so many seconds.
    pub fn lives(&self, seconds: i64) {
        self.world().access_life = seconds;
    }

    /// From now on people see the page that asks them.
    pub fn asks(&self) {
        self.world().asks = true;
    }

    /// Adds a person and lets that one's browser come from now on. Gives e-mail address and password.
    pub fn add_person(&self, login: &str) -> (String, String) {
        let (email, password) = (format!("{login}@example.com"), format!("p4ss & word of {login} {}", fresh(12)));
        let avatar = format!("{}/assets/no_portrait.png", self.url());
        let mut world = self.world();
        let id = 1 + world.people.len() as u64;
        world.people.push(Person {
            login: login.to_owned(),
            id,
            avatar,
            email: email.clone(),
            password: password.clone(),
        });
        world.forge.add_space_as(100 + id, login, Kind::Person, &[id]);
        for n in 1..=3 {
            world.forge.add(login, &format!("demo-{n}"));
        }
        world.signed_in = world.people.len() - 1;
        (email, password)
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

    /// A personal token of the signed-in person with these permissions.
    pub fn personal_token(&self, scopes: &[&str], ends: Option<i64>) -> String {
        let mut world = self.world();
        let access = fresh(32);
        let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        let person = world.signed_in;
        let made = self.clock.now();
        world.tokens.push(Token { access: access.clone(), refresh: None, person, scopes, made, ends, alive: true });
        access
    }

    /// Whether this token, access or refresh, is of any use now.
    pub fn is_alive(&self, token: &str) -> bool {
        let now = self.clock.now();
        self.world().tokens.iter().any(|t| t.is_good(token, now))
    }

    /// All tokens that were ever issued, access and refresh.
    pub fn every_token(&self) -> Vec<String> {
        let world = self.world();
        world.tokens.iter().flat_map(|t| [Some(t.access.clone()), t.refresh.clone()]).flatten().collect()
    }

    /// Ends every token, as a person does under third-party applications.
    pub fn revoke_all(&self) {
        for token in &mut self.world().tokens {
            token.alive = false;
        }
    }
}

impl World {
    fn answer(&mut self, url: &str, asked: &Asked, now: i64) -> Said {
        if asked.header("user-agent").is_empty() {
            return Said::page(403, "<html>403 Forbidden</html>");
        }
        match asked.line().as_str() {
            "GET /oauth/authorize" => self.authorize(&asked.query, now),
            "POST /oauth/authorize" => self.decide(&asked.form(), now),
            "POST /oauth/token" => self.token(asked, now),
            _ => match asked.path.strip_prefix("/api/v5/") {
                Some(what) => self.api(url, what, asked, now),
                None => failure(404, "404 Not Found"),
            },
        }
    }

    fn authorize(&mut self, query: &[(String, String)], now: i64) -> Said {
        let redirect_uri = value(query, "redirect_uri").unwrap_or_default();
        if value(query, "client_id") != Some(&self.client_id) || !self.callbacks.iter().any(|uri| uri == redirect_uri) {
            // Never by redirect: the address is not the application's.
            return Said::page(401, "<h1>登录存在错误，无效的登录回调地址</h1>");
        }
        let refuse = |error: &str, words: &str| {
            let state = value(query, "state").unwrap_or_default();
            let fields = [("error", error), ("error_description", words), ("state", state)];
            Said::redirect(&with_query(redirect_uri, &fields))
        };
        if value(query, "response_type") != Some("code") {
            return refuse("unsupported_response_type", "授权服务器不支持该响应类型");
        }
        let scopes = value(query, "scope").unwrap_or("user_info");
        if !scopes.split(' ').all(|scope| SCOPES.split(' ').any(|known| known == scope)) {
            return refuse("invalid_scope", "请求范围无效、未知或格式不正确");
        }
        if !self.asks {
            return self.send_back(query, now);
        }
        let hidden = query.iter().filter(|(name, _)| name != "scope").map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        });
        let ticks = scopes.split(' ').map(|scope| {
            format!("<label><input type=\"checkbox\" id=\"{scope}\" name=\"scope\" value=\"{scope}\" checked>{scope}</label>")
        });
        Said::page(
            200,
            format!(
                "<!doctype html><meta charset=\"utf-8\"><title>授权</title><h1>{}</h1>\
                 <form method=\"post\" action=\"/oauth/authorize\">{}{}\
                 <button id=\"deny\" name=\"decision\" value=\"deny\">拒绝</button>\
                 <button id=\"allow\" name=\"decision\" value=\"allow\">同意授权</button></form>",
                escape(&self.people[self.signed_in].login),
                hidden.collect::<String>(),
                ticks.collect::<String>()
            ),
        )
    }

    fn decide(&mut self, form: &[(String, String)], now: i64) -> Said {
        let redirect_uri = value(form, "redirect_uri").unwrap_or_default();
        if !self.callbacks.iter().any(|uri| uri == redirect_uri) {
            return Said::page(401, "<h1>登录存在错误，无效的登录回调地址</h1>");
        }
        if value(form, "decision") == Some("allow") {
            return self.send_back(form, now);
        }
        let state = value(form, "state").unwrap_or_default();
        let words = "资源拥有者或授权服务器拒绝了请求";
        let fields = [("error", "access_denied"), ("error_description", words), ("state", state)];
        Said::redirect(&with_query(redirect_uri, &fields))
    }

    fn send_back(&mut self, fields: &[(String, String)], now: i64) -> Said {
        let redirect_uri = value(fields, "redirect_uri").unwrap_or_default().to_owned();
        // One parameter with spaces in the address, one for each tick in the form.
        let ticked = fields.iter().filter(|(name, _)| name == "scope").flat_map(|(_, value)| value.split(' '));
        let code = fresh(64);
        let to = with_query(&redirect_uri, &[("code", &code), ("state", value(fields, "state").unwrap_or_default())]);
        let scopes: Vec<String> = ticked.map(str::to_owned).collect();
        let scopes = if scopes.is_empty() { vec!["user_info".to_owned()] } else { scopes };
        self.codes.push(Code { code, person: self.signed_in, redirect_uri, scopes, ends: now + CODE });
        Said::redirect(&to)
    }

    fn token(&mut self, asked: &Asked, now: i64) -> Said {
        // Query, form and JSON, whichever has it; credentials in a header are not looked at.
        let fields: Vec<_> = [asked.query.clone(), asked.form(), asked.json()].concat();
        let field = |name: &str| value(&fields, name);
        if field("grant_type") == Some("refresh_token") {
            let given = field("refresh_token");
            let found =
                self.tokens.iter_mut().find(|t| t.alive && t.refresh.is_some() && t.refresh.as_deref() == given);
            let Some(token) = found else { return no_grant() };
            token.alive = false;
            let (person, scopes) = (token.person, token.scopes.clone());
            return self.give(person, scopes, now);
        }
        let own = field("client_id") == Some(&self.client_id) && field("client_secret") == Some(&self.client_secret);
        if !own {
            return refusal("invalid_client", "客户端身份验证失败");
        }
        match field("grant_type") {
            Some("authorization_code") => {
                let given = field("code").unwrap_or_default();
                let Some(at) = self.codes.iter().position(|c| c.code == given && c.ends > now) else {
                    return no_grant();
                };
                let code = self.codes.remove(at);
                match field("redirect_uri") == Some(&code.redirect_uri) {
                    true => self.give(code.person, code.scopes, now),
                    false => no_grant(),
                }
            }
            Some("password") => {
                let known = |p: &Person| field("username") == Some(&p.email) && field("password") == Some(&p.password);
                let Some(person) = self.people.iter().position(known) else { return no_grant() };
                let scopes = field("scope").unwrap_or("user_info").split(' ').map(str::to_owned).collect();
                self.give(person, scopes, now)
            }
            _ => refusal("unsupported_grant_type", "授权服务器不支持该授权方式"),
        }
    }

    fn give(&mut self, person: usize, scopes: Vec<String>, now: i64) -> Said {
        let (access, refresh, scope) = (fresh(32), fresh(64), scopes.join(" "));
        self.tokens.push(Token {
            access: access.clone(),
            refresh: Some(refresh.clone()),
            person,
            scopes,
            made: now,
            ends: Some(now + self.access_life),
            alive: true,
        });
        let body = json!({
            "access_token": access, "token_type": "bearer", "expires_in": self.access_life, "refresh_token": refresh,
            "scope": scope, "created_at": now,
        });
        Said::json(200, &body).header("Cache-Control", "no-store")
    }

    fn api(&mut self, url: &str, what: &str, asked: &Asked, now: i64) -> Said {
        let header = asked.header("authorization");
        let given = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("token "));
        let Some(given) = given.or_else(|| value(&asked.query, "access_token")) else {
            return failure(401, "401 Unauthorized");
        };
        let Some(token) = self.tokens.iter().find(|t| t.access == given && t.alive) else {
            return failure(401, "401 Unauthorized: Access token does not exist");
        };
        if token.ends.is_some_and(|ends| ends <= now) {
            return failure(401, "401 Unauthorized: Access token is expired");
        }
        let (person, scopes) = (&self.people[token.person], token.scopes.clone());
        let lacks = |needed: &str| !scopes.iter().any(|scope| scope == needed);
        let refused = |needed| failure(403, &format!("403 Forbidden: the token lacks the scope {needed}"));
        match (asked.method.as_str(), what) {
            ("GET", "user") if lacks("user_info") => refused("user_info"),
            ("GET", "user") => Said::json(200, &user(url, person)),
            ("GET", "emails") if lacks("emails") => refused("emails"),
            ("GET", "emails") => {
                Said::json(200, &json!([{ "email": person.email, "state": "confirmed", "scope": ["primary"] }]))
            }
            _ => {
                let me = Me { id: person.id, login: &person.login, scopes: &scopes };
                gitee_repos::answer(&mut self.forge, url, asked, &me)
            }
        }
    }
}

fn refusal(error: &str, words: &str) -> Said {
    let said = Said::json(401, &json!({ "error": error, "error_description": words }));
    said.header("WWW-Authenticate", &format!("Bearer realm=\"Doorkeeper\", error=\"{error}\""))
}

fn no_grant() -> Said {
    refusal("invalid_grant", "授权方式无效，或者登录回调地址无效、过期或已被撤销")
}

fn user(url: &str, person: &Person) -> Value {
    let (login, api) = (&person.login, format!("{url}/api/v5/users/{}", person.login));
    json!({
        "id": person.id, "login": login, "name": format!("The person {login}"), "avatar_url": person.avatar, "url": api,
        "html_url": format!("{url}/{login}"), "remark": "", "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following_url{{/other_user}}"), "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"), "received_events_url": format!("{api}/received_events"),
        "type": "User", "blog": null, "weibo": null, "bio": "", "public_repos": 0, "public_gists": 0, "followers": 0,
        "following": 0, "stared": 0, "watched": 0, "created_at": "2020-01-01T08:00:00+08:00",
        "updated_at": "2020-01-01T08:00:00+08:00", "email": null,
    })
}
