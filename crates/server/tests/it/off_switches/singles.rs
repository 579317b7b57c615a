//! What one switch does beyond the table: public clients, sign-in while switched off, removal, rotation.

use crate::harness::process::run;
use crate::harness::server::binary;
use crate::harness::visitor::parameter;
use crate::harness::{Answer, App, Call, Person, Server, Tokens, Visitor, on_both};

struct Scene {
    app: App,
    person: Person,
    tokens: Tokens,
    code: String,
    visitor: Visitor,
    resource: &'static str,
}

fn scene(server: &Server, template: &str) -> Scene {
    let (app, person) = server.app_and_person(template);
    let (scope, resource) = match template {
        "gitlife" => ("user_info emails", "/api/v5/user"),
        "idaas-oauth2" => ("read", "/api/bff/v1.2/oauth2/userinfo"),
        _ => ("openid offline_access", "/oauth/userinfo"),
    };
    let tokens = app.tokens(server, &person, &[("scope", scope)]);
    let code = app.code(server, &person, &[("scope", scope)]);
    let mut visitor = Visitor::new(server);
    visitor.go_through(&app.authorize_url(&[("scope", scope)]), &person, None);
    Scene { app, person, tokens, code, visitor, resource }
}

impl Scene {
    fn read(&self, server: &Server) -> Answer {
        Call::get(server.at(self.resource)).bearer(&self.tokens.access).send()
    }

    fn refresh(&self) -> Option<Answer> {
        let token = self.tokens.refresh.as_deref()?;
        Some(self.app.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]))
    }
}

const TEMPLATES: [&str; 4] = ["web", "spa", "gitlife", "idaas-oauth2"];

/// Size in CI: 4 templates × 6 entrances, off and on again.
#[test]
fn fm_30_fm_63_a_disabled_person_is_out_everywhere_at_once_and_for_good() {
    on_both(|server| {
        for template in TEMPLATES {
            let mut s = scene(server, template);
            assert_eq!(s.read(server).status, 200, "{template}");
            server.json(&["user", "disable", &s.person.name], "");
            let closed = |s: &mut Scene, when: &str| {
                assert_eq!(s.read(server).status, 401, "{template}: access token {when}");
                let trade = s.app.trade(&s.code);
                assert_eq!(trade.status, 400, "{template}: code {when}: {}", trade.text());
                if let Some(answer) = s.refresh() {
                    answer.refused(400, "invalid_grant");
                }
                let page = s.visitor.open(&s.app.authorize_url(&[]));
                assert!(page.left_for.is_none() && page.shows("sign-in-password"), "{template}: session {when}");
            };
            closed(&mut s, "while disabled");
            let mut fresh = Visitor::new(server);
            let page = fresh.open(&s.app.authorize_url(&[]));
            let page = fresh.sign_in(&page, &s.person);
            assert!(page.shows("sign-in-password"), "{template}: a disabled person signs in");
            if template == "gitlife" {
                let fields = [
                    ("grant_type", "password"),
                    ("username", s.person.email.as_str()),
                    ("password", &s.person.password),
                ];
                s.app.token(&fields).refused(400, "invalid_grant");
            }
            server.json(&["user", "enable", &s.person.name], "");
            closed(&mut s, "after enabling again");
            s.app.tokens(server, &s.person, &[]);
        }
    });
}

#[test]
fn fm_30_fm_63_a_disabled_application_is_out_everywhere_at_once_and_for_good() {
    on_both(|server| {
        for template in TEMPLATES {
            let mut s = scene(server, template);
            server.json(&["app", "disable", &s.app.name], "");
            assert_eq!(s.read(server).status, 401, "{template}");
            assert!(matches!(s.app.trade(&s.code).status, 400 | 401), "{template}");
            assert!(s.refresh().is_none_or(|a| matches!(a.status, 400 | 401)), "{template}");
            s.visitor.open(&s.app.authorize_url(&[])).is_error_page(403);
            server.json(&["app", "enable", &s.app.name], "");
            assert_eq!(s.read(server).status, 401, "{template}: came back");
            s.app.trade(&s.code).refused(400, "invalid_grant");
            if let Some(answer) = s.refresh() {
                answer.refused(400, "invalid_grant");
            }
            s.app.tokens(server, &s.person, &[]);
        }
        let service = server.app("service");
        let ask = [("grant_type", "client_credentials")];
        service.token(&ask).tokens();
        server.json(&["app", "disable", &service.name], "");
        assert!(matches!(service.token(&ask).status, 400 | 401));
        server.json(&["app", "remove", &service.name], "");
        assert!(matches!(service.token(&ask).status, 400 | 401));
    });
}

#[test]
fn fm_30_an_application_that_was_removed_takes_its_tokens_along() {
    on_both(|server| {
        for template in TEMPLATES {
            let mut s = scene(server, template);
            server.json(&["app", "remove", &s.app.name], "");
            assert_eq!(s.read(server).status, 401, "{template}");
            assert!(matches!(s.app.trade(&s.code).status, 400 | 401), "{template}");
            s.visitor.open(&s.app.authorize_url(&[])).is_error_page(400);
        }
    });
}

#[test]
fn fm_30_fm_62_fm_65_who_is_unassigned_is_out_by_every_grant() {
    on_both(|server| {
        for template in ["web", "gitlife"] {
            let redirect = "https://client.example/callback";
            let app = server.app_with(template, &[redirect], &["--access", "assigned"]);
            let person = server.person();
            let mut visitor = Visitor::new(server);
            let page = visitor.open(&app.authorize_url(&[]));
            let page = visitor.sign_in(&page, &person);
            assert_eq!((page.answer.status, &page.left_for), (403, &None), "{template}: {}", page.answer.text());
            let password =
                [("grant_type", "password"), ("username", person.email.as_str()), ("password", &person.password)];
            if template == "gitlife" {
                assert_eq!(app.token(&password).status, 400, "password mode skips the policy");
            }
            server.json(&["app", "assign", &app.name, "--user", &person.name], "");
            let scope = if template == "web" { "openid offline_access" } else { "user_info" };
            let tokens = app.tokens(server, &person, &[("scope", scope)]);
            let resource = if template == "web" { "/oauth/userinfo" } else { "/api/v5/user" };
            let read = || Call::get(server.at(resource)).bearer(&tokens.access).send().status;
            assert_eq!(read(), 200);
            let code = app.code(server, &person, &[("scope", scope)]);
            server.json(&["app", "unassign", &app.name, "--user", &person.name], "");
            assert!(matches!(read(), 401 | 403), "{template}: {}", read());
            assert!(app.trade(&code).status >= 400, "{template}");
            let refresh = tokens.refresh.as_deref().expect("refresh token");
            assert!(
                app.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).status >= 400,
                "{template}"
            );
        }
    });
}

#[test]
fn fm_30_a_new_password_ends_what_the_old_one_opened() {
    on_both(|server| {
        let mut s = scene(server, "web");
        server.json(&["user", "set-password", &s.person.name, "--password-stdin"], "another password 77");
        assert_eq!(s.read(server).status, 401);
        s.app.trade(&s.code).refused(400, "invalid_grant");
        s.refresh().expect("refresh token").refused(400, "invalid_grant");
        assert!(s.visitor.open(&s.app.authorize_url(&[])).shows("sign-in-password"));
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&s.app.authorize_url(&[]));
        assert!(visitor.sign_in(&page, &s.person).shows("sign-in-password"), "the old password still opens");
        let page = visitor.open(&s.app.authorize_url(&[]));
        let page = visitor.sign_in_as(&page, &s.person.name, "another password 77");
        assert!(page.left_for.is_some() || page.shows("allow"), "{}", page.plain());
    });
}

/// What was issued before the last secret was removed is shown with the new one.
#[test]
fn st_68_fm_30_a_new_secret_brings_back_nothing_that_ended_with_the_last() {
    on_both(|server| {
        for template in ["web", "gitlife", "idaas-oauth2"] {
            let mut s = scene(server, template);
            let shown = server.json(&["app", "show", &s.app.name], "");
            let id = shown["secrets"][0]["id"].as_str().expect("an id");
            server.json(&["app", "remove-secret", &s.app.name, id], "");
            let shown = server.json(&["app", "rotate-secret", &s.app.name], "");
            s.app.client_secret = shown["client_secret"].as_str().expect("client_secret").to_owned();
            assert_eq!(s.read(server).status, 401, "{template}");
            let trade = s.app.trade(&s.code);
            assert_eq!(trade.status, 400, "{template}: {}", trade.text());
            if let Some(answer) = s.refresh() {
                answer.refused(400, "invalid_grant");
            }
            // Nobody is signed out by it.
            let back = s.visitor.go_through(&s.app.authorize_url(&[]), &s.person, None);
            let code = parameter(&back, "code").expect("a code");
            assert!(s.app.trade(&code).json()["access_token"].is_string(), "{template}");
        }
    });
}

#[test]
fn a_rotated_secret_works_at_once_and_what_the_old_one_brought_lives_on_until_the_last_is_removed() {
    on_both(|server| {
        let app = server.app("service");
        let ask = [("grant_type", "client_credentials")];
        let shown = server.json(&["app", "rotate-secret", &app.name], "");
        let mut rotated = app.clone();
        rotated.client_secret = shown["client_secret"].as_str().expect("client_secret").to_owned();
        assert_ne!(rotated.client_secret, app.client_secret);
        let (by_old, by_new) = (app.token(&ask).tokens().access, rotated.token(&ask).tokens().access);
        let gateway = server.app("service");
        server.json(&["app", "switch", &gateway.name, "introspect", "on"], "");
        let alive = || {
            let ask = |token: &str| {
                let fields = [
                    ("client_id", gateway.client_id.as_str()),
                    ("client_secret", &gateway.client_secret),
                    ("token", token),
                ];
                Call::post(server.at("/oauth/introspect")).form(&fields).send().json()["active"] == true
            };
            [ask(&by_old), ask(&by_new)]
        };
        assert_eq!(alive(), [true, true]);
        let ids: Vec<String> = shown["secrets"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|secret| secret["id"].as_str().expect("an id").to_owned())
            .collect();
        let remove = |id: &str| {
            let mut command = binary(&server.directory, server.database_url.as_deref());
            let output = run(command.args(["app", "remove-secret", &app.name, id]), "");
            assert!(output.status.success());
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let told = remove(&ids[1]);
        assert!(told.contains("lives on"), "{told}");
        app.token(&ask).refused(401, "invalid_client");
        assert_eq!(alive(), [true, true], "the other one is in effect");
        assert!(remove(&ids[0]).contains("has ended"));
        assert_eq!(alive(), [false, false]);
        rotated.token(&ask).refused(401, "invalid_client");
        let shown = server.json(&["app", "rotate-secret", &app.name], "");
        rotated.client_secret = shown["client_secret"].as_str().expect("client_secret").to_owned();
        rotated.token(&ask).tokens();
        assert_eq!(alive(), [false, false], "a new one brings nothing back");
    });
}
