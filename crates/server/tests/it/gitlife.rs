//! The Gitlife wire, whole: consent by scope and its skip rule, one-day tokens, refresh with the token alone,
//! password mode, and every encoding that real clients send.

use crate::harness::visitor::parameter;
use crate::harness::{Answer, App, Call, Person, Server, Visitor, on_both};
use serde_json::{Value, json};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret};

const SCOPES: &str = "user_info projects pull_requests issues notes keys hook groups gists enterprises";

/// The document's authorize address: no PKCE, `scope` only when given.
fn authorize(app: &App, scope: Option<&str>) -> String {
    let mut fields =
        vec![("client_id", app.client_id.as_str()), ("redirect_uri", &app.redirect_uri), ("response_type", "code")];
    fields.extend(scope.map(|s| ("scope", s)));
    Call::get(format!("{}/oauth/authorize", app.server)).query(&fields).url().to_owned()
}

fn code(server: &Server, app: &App, person: &Person, scope: Option<&str>, ticks: &[&str]) -> String {
    let back = Visitor::new(server).go_through(&authorize(app, scope), person, Some(ticks));
    parameter(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
}

fn trade(server: &Server, app: &App, code: &str) -> Answer {
    Call::post(server.at("/oauth/token"))
        .query(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &app.client_id),
            ("redirect_uri", &app.redirect_uri),
            ("client_secret", &app.client_secret),
        ])
        .send()
}

fn scope_of(json: &Value) -> Vec<String> {
    let mut scopes: Vec<String> = json["scope"].as_str().unwrap_or_default().split(' ').map(str::to_owned).collect();
    scopes.sort();
    scopes
}

#[test]
fn the_code_flow_gives_a_day_a_refresh_token_and_created_at() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let answer = trade(server, &app, &code(server, &app, &person, None, &["user_info", "projects"]));
        let json = answer.tokens().json;
        assert_eq!(json["token_type"], "bearer");
        assert_eq!(json["expires_in"], 86400);
        assert_eq!(scope_of(&json), ["projects", "user_info"]);
        assert!(json["refresh_token"].is_string());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("time").as_secs();
        let made = json["created_at"].as_u64().expect("an integer of seconds");
        assert!(now.abs_diff(made) < 60, "{made} is not now");
        let text = answer.text();
        let members = ["access_token", "token_type", "expires_in", "refresh_token", "scope", "created_at"];
        assert!(members.map(|m| text.find(&format!("\"{m}\"")).expect(m)).is_sorted(), "member order: {text}");
    });
}

#[test]
fn fm_55_consent_has_a_box_per_scope_and_is_skipped_only_for_the_same_set() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&authorize(&app, None));
        let page = visitor.sign_in(&page, &person);
        let boxes = page.form("allow").boxes();
        let names: Vec<&str> = boxes.iter().map(|b| b.0.as_str()).collect();
        for scope in SCOPES.split(' ').chain(["emails"]) {
            assert!(page.shows(&format!("scope-{scope}")), "no row for {scope}: {names:?}");
        }
        let ticked = |page: &crate::harness::Page| -> Vec<String> {
            page.form("allow").boxes().into_iter().filter(|b| b.1).map(|b| b.0).collect()
        };
        assert_eq!(ticked(&page), ["user_info"], "only user_info is ticked at first");
        visitor.allow(&page, Some(&["user_info", "projects", "pull_requests"])).sent_back();

        let skipped = visitor.open(&authorize(&app, Some("pull_requests user_info projects")));
        assert!(skipped.left_for.is_some(), "the same set in another order asks nothing");
        for scope in
            [None, Some("user_info projects"), Some("user_info projects pull_requests issues"), Some("user_info")]
        {
            let page = visitor.open(&authorize(&app, scope));
            assert!(page.shows("allow"), "{scope:?} was not asked: {:?}", page.left_for);
        }
        let page = visitor.open(&authorize(&app, None));
        let mut now = ticked(&page);
        now.sort();
        assert_eq!(now, ["projects", "pull_requests", "user_info"], "ticked last time is ticked now");
        visitor.allow(&page, Some(&["user_info", "issues"])).sent_back();
        assert!(
            visitor.open(&authorize(&app, Some("user_info projects pull_requests"))).shows("allow"),
            "each consent replaces the last"
        );
        assert!(visitor.open(&authorize(&app, Some("user_info issues"))).left_for.is_some());
        let stranger = server.person();
        let mut other = Visitor::new(server);
        let page = other.open(&authorize(&app, Some("user_info issues")));
        assert!(other.sign_in(&page, &stranger).shows("allow"), "another person is asked");
        let app2 = server.app("gitlife");
        assert!(
            visitor.open(&authorize(&app2, Some("user_info issues"))).shows("allow"),
            "another application is asked"
        );
    });
}

#[test]
fn user_info_cannot_be_unticked_and_what_is_not_ticked_is_not_granted() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let json = trade(server, &app, &code(server, &app, &person, Some("user_info emails"), &[])).tokens().json;
        assert_eq!(scope_of(&json), ["user_info"]);
        let json =
            trade(server, &app, &code(server, &app, &person, None, &["gists", "nonsense", "user_info"])).tokens().json;
        assert_eq!(scope_of(&json), ["gists", "user_info"], "a box that was not there counts for nothing");
    });
}

#[test]
fn refresh_needs_the_token_alone_and_only_for_its_own_application() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let first = trade(server, &app, &code(server, &app, &person, None, &["user_info", "emails"])).tokens();
        let refresh = |token: &str| {
            Call::post(server.at("/oauth/token"))
                .query(&[("grant_type", "refresh_token"), ("refresh_token", token)])
                .send()
        };
        let old = first.refresh.expect("refresh token");
        let second = refresh(&old).tokens();
        assert_eq!(second.json["expires_in"], 86400);
        assert_eq!(scope_of(&second.json), ["emails", "user_info"]);
        let next = second.refresh.expect("a new refresh token");
        assert_ne!(next, old);
        let third = app.token(&[("grant_type", "refresh_token"), ("refresh_token", &next)]).tokens();
        let body =
            [("grant_type", "refresh_token"), ("refresh_token", third.refresh.as_deref().expect("refresh token"))];
        Call::post(server.at("/oauth/token")).form(&body).send().tokens();
        let other = server.app("web");
        let strict =
            other.tokens(server, &person, &[("scope", "openid offline_access")]).refresh.expect("refresh token");
        assert!(
            matches!(refresh(&strict).status, 400 | 401),
            "a strict application's token is not refreshed without its client"
        );
        assert!(matches!(refresh("nonsense").status, 400 | 401));
        refresh(&old).refused(400, "invalid_grant");
    });
}

/// A client signs the person in again on `invalid_grant`, and asks for other credentials on `invalid_client`.
#[test]
fn a_refresh_token_alone_that_is_gone_or_wrong_is_a_bad_grant_and_no_bad_client() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let first = trade(server, &app, &code(server, &app, &person, None, &["user_info"])).tokens();
        let living = MachineSecret::parse(Kind::RefreshToken, first.refresh.as_deref().expect("refresh token"));
        let ask = |id: Id| {
            let token = MachineSecret::new(Kind::RefreshToken, id, [1; 32]).spell();
            let fields = [("grant_type", "refresh_token"), ("refresh_token", token.expose())];
            Call::post(server.at("/oauth/token")).form(&fields).send()
        };
        let (gone, wrong) = (ask(Id::from_bytes([1; 16])), ask(living.expect("is ours").id()));
        gone.refused(400, "invalid_grant");
        wrong.refused(400, "invalid_grant");
        assert_eq!(gone.body, wrong.body, "which tokens there are is not told");
        assert_eq!(gone.body, app.token(&[("grant_type", "refresh_token"), ("refresh_token", "vst_rt_x")]).body);
    });
}

#[test]
fn st_48_fm_96_password_mode_takes_the_email_and_password_in_a_form() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let ask = |over: &[(&str, &str)]| {
            let mut fields = vec![
                ("grant_type", "password"),
                ("username", person.email.as_str()),
                ("password", &person.password),
                ("scope", "projects user_info issues notes"),
            ];
            fields.retain(|(n, _)| !over.iter().any(|(o, _)| o == n));
            fields.extend_from_slice(over);
            app.token(&fields)
        };
        let json = ask(&[]).tokens().json;
        assert_eq!(scope_of(&json), ["issues", "notes", "projects", "user_info"]);
        assert!(json["refresh_token"].is_string() && json["created_at"].is_u64());
        let wrong = ask(&[("password", "wrong password")]);
        let unknown = ask(&[("username", "nobody@example.org")]);
        wrong.refused(400, "invalid_grant");
        assert_eq!(wrong.body, unknown.body, "an unknown person and a wrong password answer alike");
        ask(&[("client_secret", "wrong")]).refused(401, "invalid_client");
        ask(&[("scope", "projects nonsense")]).refused(400, "invalid_scope");
        let page = {
            let mut v = Visitor::new(server);
            let p = v.open(&authorize(&app, Some("projects user_info issues notes")));
            v.sign_in(&p, &person)
        };
        assert!(page.shows("allow"), "password mode does not count as consent");
        server.json(&["user", "disable", &person.name], "");
        assert_eq!(ask(&[]).body, wrong.body);
    });
}

/// Size in CI: 8 encodings on each database.
#[test]
fn st_45_every_encoding_that_real_clients_send_works() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let url = server.at("/oauth/token");
        let mut visitor = Visitor::new(server);
        visitor.go_through(&authorize(&app, None), &person, Some(&["user_info"]));
        let mut fresh = || {
            let page = visitor.open(&authorize(&app, Some("user_info")));
            parameter(page.left_for.as_deref().expect("skipped"), "code").expect("code")
        };
        let fields = |code: &str| -> Vec<(String, String)> {
            [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("client_id", &app.client_id),
                ("client_secret", &app.client_secret),
                ("redirect_uri", &app.redirect_uri),
            ]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .to_vec()
        };
        fn view(fields: &[(String, String)]) -> Vec<(&str, &str)> {
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
        }
        let f = fields(&fresh());
        Call::post(&url).query(&view(&f)).send().tokens();
        let f = fields(&fresh());
        Call::post(&url).form(&view(&f)).send().tokens();
        let f = fields(&fresh());
        let object: serde_json::Map<String, Value> = f.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
        Call::post(&url).json(&Value::Object(object)).send().tokens();
        let f = fields(&fresh());
        let rest: Vec<(&str, &str)> = view(&f).into_iter().filter(|(n, _)| !n.starts_with("client_")).collect();
        Call::post(&url).basic(&app.client_id, &app.client_secret).form(&rest).send().tokens();
        let f = fields(&fresh());
        let junk = json!(crate::harness::http::query(&view(&f))).to_string();
        Call::post(&url).query(&view(&f)).body(None, junk).send().tokens();
        let f = fields(&fresh());
        Call::post(&url).query(&view(&f)).body(Some("application/x-www-form-urlencoded"), "").send().tokens();
        let f = fields(&fresh());
        Call::post(&url).query(&view(&f)[..4]).form(&view(&f)[4..]).send().tokens();
        let f = fields(&fresh());
        Call::post(&url).query(&view(&f)).form(&view(&f)).send().tokens();
    });
}

#[test]
fn the_user_and_the_emails_have_every_documented_member() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let with = trade(server, &app, &code(server, &app, &person, None, &["user_info", "emails"])).tokens().access;
        let without = trade(server, &app, &code(server, &app, &person, None, &["user_info"])).tokens().access;
        let by_query = Call::get(server.at("/api/v5/user")).query(&[("access_token", &with)]).send();
        let by_header = Call::get(server.at("/api/v5/user")).bearer(&with).send();
        assert_eq!(by_query.status, 200, "{}", by_query.text());
        assert_eq!(by_query.body, by_header.body);
        let user = by_header.json();
        for member in "id login name avatar_url url html_url remark followers_url following_url gists_url starred_url subscriptions_url organizations_url repos_url events_url received_events_url type blog weibo bio public_repos public_gists followers following stared watched created_at updated_at email".split(' ') {
            assert!(user.get(member).is_some(), "no {member}: {user}");
        }
        assert!(user["id"].is_u64() && user["type"] == "User" && user["login"] == person.name.as_str(), "{user}");
        let shape = user["created_at"].as_str().unwrap_or_default().to_owned();
        assert!(
            shape.len() == 25
                && shape.as_bytes()[10] == b'T'
                && (shape.ends_with("+08:00") || shape.ends_with("+00:00")),
            "{shape}"
        );
        let other = Call::get(server.at("/api/v5/user")).bearer(&without).send().json();
        assert_eq!(other["id"], user["id"], "one person is one number");

        let emails = Call::get(server.at("/api/v5/emails")).bearer(&with).send();
        assert_eq!(emails.status, 200, "{}", emails.text());
        assert_eq!(emails.json()[0]["email"], person.email.as_str());
        assert!(matches!(emails.json()[0]["state"].as_str(), Some("confirmed" | "unconfirmed")));
        assert_eq!(emails.json()[0]["scope"], json!(["primary"]));
        let refused = Call::get(server.at("/api/v5/emails")).bearer(&without).send();
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(
            refused.json()["message"].as_str().is_some_and(|m| m.starts_with("403 Forbidden: ")),
            "{}",
            refused.text()
        );
    });
}

#[test]
fn errors_are_the_codes_of_the_rfc_and_at_the_api_a_message() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        trade(server, &app, "nonsense").refused(400, "invalid_grant");
        app.trade_with("x", &[("client_secret", "wrong")]).refused(401, "invalid_client");
        app.token(&[("grant_type", "nonsense")]).refused(400, "unsupported_grant_type");
        let c = code(server, &app, &person, None, &["user_info"]);
        app.trade_with(&c, &[("redirect_uri", "https://evil.example/"), ("code_verifier", "")])
            .refused(400, "invalid_grant");
        for call in [
            Call::get(server.at("/api/v5/user")),
            Call::get(server.at("/api/v5/user")).bearer("nonsense"),
            Call::get(server.at("/api/v5/emails")).query(&[("access_token", "nonsense")]),
        ] {
            let answer = call.send();
            assert_eq!(answer.status, 401);
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(message.starts_with("401 Unauthorized: ") && message.len() > 18, "{message}");
            assert!(answer.header("www-authenticate").is_some_and(|c| c.starts_with("Bearer")));
        }
    });
}

#[test]
fn a_missing_user_agent_is_never_refused() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        trade(server, &app, &code(server, &app, &person, None, &["user_info"])).tokens();
    });
}

#[test]
fn fm_109_older_forms_are_counted_so_that_an_administrator_sees_when_they_may_go() {
    crate::harness::on_both_alone(|mut server| {
        let (app, person) = server.app_and_person("gitlife");
        trade(&server, &app, &code(&server, &app, &person, None, &["user_info"])).tokens();
        server.process().terminate();
        assert_eq!(server.process().wait(std::time::Duration::from_secs(30)), Some(Some(0)));
        let shown = server.json(&["app", "show", &app.name], "");
        assert!(shown.to_string().contains("query_parameters"), "{shown}");
        assert!(shown["older_forms"].to_string().contains("query_parameters"), "{shown}");
    });
}
