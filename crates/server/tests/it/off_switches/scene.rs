//! A person, four applications and what they were given: furnished, switched off, and tried at every entrance.
//!
//! Owns what "turning off", "turning back" and "trying" mean. What is expected is the table's.

use super::project::{Kept, PROJECT_SCOPE};
use super::{Entrance, Switch};
use crate::harness::visitor::parameter;
use crate::harness::{Answer, App, Call, Person, Server, Tokens, Visitor, unique};
use vestibule_store::statement;

/// An application with what it got before the switch.
struct Guest {
    app: App,
    scope: &'static str,
    resource: &'static str,
    tokens: Tokens,
    /// The same from the time after its access tokens became signed ones.
    signed: Tokens,
    /// One for each time that the row is tried.
    codes: Vec<String>,
    /// The codes that the tokens came from.
    spent: [String; 2],
}

pub struct Scene {
    pub switch: Switch,
    person: Person,
    organization: String,
    guests: Vec<Guest>,
    service: App,
    /// A resource server, which is not switched off, and may ask about others' tokens.
    gateway: App,
    visitor: Visitor,
    kept: Kept,
}

/// What became of one try.
pub struct Tried {
    pub what: &'static str,
    pub accepted: bool,
    pub answer: String,
    pub status: u16,
}

impl Tried {
    pub fn of(what: &'static str, accepted: bool, answer: &Answer) -> Tried {
        Tried { what, accepted, answer: format!("{} {}", answer.status, answer.text()), status: answer.status }
    }
}

/// How often codes are tried: before, and on both nodes at once, after a restart and turned back.
const CODES: usize = 7;

impl Guest {
    fn furnish(server: &Server, person: &Person, visitor: &mut Visitor, template: &'static str) -> Guest {
        let (scope, resource, algorithm) = match template {
            "gitlife" => ("user_info", "/api/v5/user", "EdDSA"),
            "idaas-oauth2" => ("read", "/api/bff/v1.2/oauth2/userinfo", "RS256"),
            _ => (PROJECT_SCOPE, "/oauth/userinfo", "ES256"),
        };
        let mut arguments = vec!["--access", "assigned"];
        arguments.extend((template == "web").then_some(["--scopes", PROJECT_SCOPE]).into_iter().flatten());
        let app = server.app_with(template, &["https://client.example/callback"], &arguments);
        server.json(&["app", "assign", &app.name, "--user", &person.name], "");
        let url = app.authorize_url(&[("scope", scope)]);
        let mut code = || parameter(&visitor.go_through(&url, person, None), "code").expect("a code");
        let spent = [code(), code()];
        let tokens = app.trade(&spent[0]).tokens();
        server.json(&["app", "set", &app.name, "--access-token", algorithm], "");
        let signed = app.trade(&spent[1]).tokens();
        assert!(!tokens.access.contains('.') && signed.access.contains('.'), "{}", signed.json);
        let codes = (0..CODES).map(|_| code()).collect();
        Guest { app, scope, resource, tokens, signed, codes, spent }
    }

    /// What it got before the switch, in both forms.
    fn every_tokens(&self) -> [(&'static str, &Tokens, &str); 2] {
        let [opaque, signed] = &self.spent;
        [("opaque", &self.tokens, opaque), ("signed", &self.signed, signed)]
    }

    /// The same application as another node sees it.
    fn at(&self, node: &Server) -> App {
        App { server: node.url.clone(), ..self.app.clone() }
    }
}

/// Sends a token to `path` of `node` as `app`.
fn call(app: &App, node: &Server, path: &str, token: &str) -> Answer {
    let fields = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", token)];
    Call::post(node.at(path)).form(&fields).send()
}

/// An hour more for codes that nobody has traded: on a slow or busy machine a row of the table takes longer than a code lives,
/// and none should be refused for its age.
fn codes_end_later(server: &Server) {
    const GRANTS: &str = "UPDATE grants SET expires_at = expires_at + $1 WHERE id IN (SELECT grant_id FROM codes WHERE \
        spent_by IS NULL)";
    const CODES: &str = "UPDATE codes SET expires_at = expires_at + $1 WHERE spent_by IS NULL";
    let hour = 3_600_000_i64;
    let verb = vec![statement!(GRANTS, hour), statement!(CODES, hour)];
    server.with_store(async |store| store.run(verb).await.map(drop).expect("runs"));
}

impl Scene {
    /// Everything of it is alive, and was tried.
    pub fn furnish(server: &Server, switch: Switch) -> Scene {
        let organization = unique("house");
        server.json(&["org", "add", &organization], "");
        let person = server.person_with(&["--org", &organization]);
        let mut visitor = Visitor::new(server);
        let templates = ["web", "idaas-oauth2", "gitlife"];
        let guests = templates.map(|template| Guest::furnish(server, &person, &mut visitor, template)).into();
        let (service, gateway, kept) = (server.app("service"), server.app("service"), Kept::furnish(server, &person));
        server.json(&["app", "switch", &gateway.name, "introspect", "on"], "");
        codes_end_later(server);
        Scene { switch, person, organization, guests, service, gateway, visitor, kept }
    }

    fn apps(&self) -> impl Iterator<Item = &App> {
        self.guests.iter().map(|guest| &guest.app).chain([&self.service])
    }

    pub fn turn_off(&mut self, server: &Server) {
        match self.switch {
            Switch::MembershipRemoved => self.kept.leave(server, &self.person),
            Switch::AccessKeyDisabled => self.kept.disable_key(server),
            Switch::PersonDisabled => drop(server.json(&["user", "disable", &self.person.name], "")),
            Switch::PasswordChanged => self.set_password(server, "a password of tomorrow 41"),
            Switch::ApplicationDisabled => self.each_app(server, "disable"),
            Switch::SecretRemoved => {
                for app in self.apps() {
                    let shown = server.json(&["app", "show", &app.name], "");
                    let id = shown["secrets"][0]["id"].as_str().expect("an id").to_owned();
                    server.json(&["app", "remove-secret", &app.name, &id], "");
                }
            }
            Switch::ConsentWithdrawn => {
                for guest in &self.guests {
                    server.json(&["user", "withdraw", &self.person.name, &guest.app.name], "");
                }
            }
            Switch::AssignmentRemoved => self.assign(server, "unassign"),
            Switch::OrganizationDisabled => drop(server.json(&["org", "disable", &self.organization], "")),
            Switch::SessionEnded => {
                // The browser that signs out is another one with the same cookies, so that the old ones can be tried.
                let mut visitor = self.visitor.clone();
                let page = visitor.open(&server.at("/"));
                assert_eq!(visitor.submit(&page, "sign-out", &[]).url, server.at("/signed-out"));
            }
            Switch::TokenRevoked => {
                for guest in &self.guests {
                    for (_, tokens, _) in guest.every_tokens() {
                        assert_eq!(call(&guest.app, server, "/oauth/revoke", &tokens.access).status, 200);
                    }
                }
            }
            Switch::FamilyEnded => {
                for guest in &self.guests {
                    for (_, tokens, code) in guest.every_tokens() {
                        match &tokens.refresh {
                            Some(token) => assert_eq!(call(&guest.app, server, "/oauth/revoke", token).status, 200),
                            // Without a refresh token: the code comes a second time.
                            None => assert_eq!(guest.app.trade(code).status, 400),
                        }
                    }
                }
            }
        }
    }

    /// Turns the switch back as far as that can be done.
    pub fn turn_back(&mut self, server: &Server) {
        match self.switch {
            Switch::MembershipRemoved => self.kept.join(server, &self.person),
            Switch::PersonDisabled => drop(server.json(&["user", "enable", &self.person.name], "")),
            Switch::PasswordChanged => self.set_password(server, &self.person.password),
            Switch::ApplicationDisabled => self.each_app(server, "enable"),
            Switch::SecretRemoved => self.each_app(server, "rotate-secret"),
            Switch::ConsentWithdrawn => {
                for guest in &self.guests {
                    let url = guest.app.authorize_url(&[("scope", guest.scope)]);
                    self.visitor.clone().go_through(&url, &self.person, None);
                }
            }
            Switch::AssignmentRemoved => self.assign(server, "assign"),
            Switch::OrganizationDisabled => drop(server.json(&["org", "enable", &self.organization], "")),
            Switch::SessionEnded => {
                let mut visitor = self.visitor.clone();
                let page = visitor.open(&server.at("/sign-in"));
                assert_eq!(visitor.sign_in(&page, &self.person).url, server.at("/"));
            }
            Switch::TokenRevoked | Switch::FamilyEnded | Switch::AccessKeyDisabled => {}
        }
    }

    fn each_app(&self, server: &Server, verb: &str) {
        for app in self.apps() {
            server.json(&["app", verb, &app.name], "");
        }
    }

    fn assign(&self, server: &Server, verb: &str) {
        for guest in &self.guests {
            server.json(&["app", verb, &guest.app.name, "--user", &self.person.name], "");
        }
    }

    fn set_password(&self, server: &Server, password: &str) {
        server.json(&["user", "set-password", &self.person.name, "--password-stdin"], password);
    }

    /// Whoever comes anew is let in.
    pub fn begin_anew(&self, server: &Server) {
        for guest in &self.guests {
            let mut app = guest.app.clone();
            if self.switch == Switch::SecretRemoved {
                let shown = server.json(&["app", "rotate-secret", &app.name], "");
                app.client_secret = shown["client_secret"].as_str().expect("client_secret").to_owned();
            }
            let tokens = app.tokens(server, &self.person, &[("scope", guest.scope)]);
            let read = Call::get(server.at(guest.resource)).bearer(&tokens.access).send();
            assert_eq!(read.status, 200, "{:?}: {}", self.switch, read.text());
        }
    }

    /// Tries `entrance` at `node` for every application that it is one of.
    pub fn try_at(&mut self, node: &Server, entrance: Entrance) -> Vec<Tried> {
        match entrance {
            Entrance::Authorize => self.authorize(node),
            Entrance::Code => {
                let try_one = |guest: &mut Guest| {
                    let code = guest.codes.pop().expect("one for each time");
                    let answer = guest.at(node).trade(&code);
                    Tried::of("code", answer.json()["access_token"].is_string(), &answer)
                };
                self.guests.iter_mut().map(try_one).collect()
            }
            Entrance::Refresh => self.guests.iter_mut().filter_map(|guest| refresh(guest, node)).collect(),
            Entrance::Password => {
                let fields =
                    [("grant_type", "password"), ("username", &self.person.name), ("password", &self.person.password)];
                let gitlife = self.guests.last().expect("the last one").at(node);
                let answer = gitlife.token(&fields);
                vec![Tried::of("gitlife", answer.json()["access_token"].is_string(), &answer)]
            }
            Entrance::ClientCredentials => {
                let service = App { server: node.url.clone(), ..self.service.clone() };
                let answer = service.token(&[("grant_type", "client_credentials")]);
                vec![Tried::of("service", answer.json()["access_token"].is_string(), &answer)]
            }
            Entrance::Userinfo => self.userinfo(node, "/oauth/userinfo"),
            Entrance::UserinfoIdaas => self.userinfo(node, "/api/bff/v1.2/oauth2/userinfo"),
            Entrance::UserinfoGitlife => self.userinfo(node, "/api/v5/user"),
            Entrance::Introspection => self.introspect(node, |guest| &guest.app),
            Entrance::IntrospectionByAnother => self.introspect(node, |_| &self.gateway),
            Entrance::GitByAccessToken => {
                let guest = self.guests.first().expect("the first one is of the template web");
                let call = |(form, tokens, _): (&'static str, &Tokens, &str)| {
                    let answer = self.kept.list(node).bearer(&tokens.access).send();
                    Tried::of(form, answer.status == 200, &answer)
                };
                guest.every_tokens().map(call).into()
            }
            _ => self.kept.try_at(node, &self.person, entrance),
        }
    }

    /// Asks about the access tokens of every application as the application that `asking` tells.
    fn introspect<'a>(&'a self, node: &Server, asking: impl Fn(&'a Guest) -> &'a App) -> Vec<Tried> {
        let ask = |app: &App, form, tokens: &Tokens| {
            let answer = call(app, node, "/oauth/introspect", &tokens.access);
            let active = answer.json()["active"] == true;
            assert!(active || answer.status != 200 || answer.text() == "{\"active\":false}", "{}", answer.text());
            Tried::of(form, active, &answer)
        };
        let ask_both = |guest| Guest::every_tokens(guest).map(|(form, tokens, _)| ask(asking(guest), form, tokens));
        self.guests.iter().flat_map(ask_both).collect()
    }

    fn userinfo(&self, node: &Server, resource: &'static str) -> Vec<Tried> {
        let guest = self.guests.iter().find(|guest| guest.resource == resource).expect("somebody reads there");
        let read = |(form, tokens, _): (&'static str, &Tokens, &str)| {
            let answer = Call::get(node.at(resource)).bearer(&tokens.access).send();
            assert!(matches!(answer.status, 200 | 401 | 403), "{resource}: {}", answer.text());
            Tried::of(form, answer.status == 200, &answer)
        };
        guest.every_tokens().map(read).into()
    }

    fn authorize(&self, node: &Server) -> Vec<Tried> {
        let asked = |guest: &&Guest| {
            // The IDaaS wire knows no consent that could be asked for again.
            self.switch != Switch::ConsentWithdrawn || guest.scope != "read"
        };
        let try_one = |guest: &Guest| {
            let page = self.visitor.on(node).open(&guest.at(node).authorize_url(&[("scope", guest.scope)]));
            let code = page.left_for.as_deref().and_then(|back| parameter(back, "code"));
            Tried::of(guest.resource, code.is_some(), &page.answer)
        };
        self.guests.iter().filter(asked).map(try_one).collect()
    }
}

/// A refresh that is accepted gives the token of the next try.
fn refresh(guest: &mut Guest, node: &Server) -> Option<Tried> {
    let token = guest.tokens.refresh.clone()?;
    let answer = guest.at(node).token(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    let accepted = answer.json()["access_token"].is_string();
    if accepted {
        guest.tokens.refresh = answer.tokens().refresh;
    }
    Some(Tried::of(guest.resource, accepted, &answer))
}
