//! The browser side of OpenID Connect: whom a request is for, how fresh their sign-in is, what they are asked, and by which
//! way the answer travels.

use crate::harness::visitor::parameter;
use crate::harness::{App, Call, Page, Person, Server, Tokens, Visitor, jwt, on_both};
use serde_json::{Value, json};
use std::time::Duration;
use vestibule_oauth::id::Id;
use vestibule_store::statement;

/// A browser in which the person has signed in and allowed the application everything that `scope` names.
fn signed_in(server: &Server, app: &App, person: &Person, scope: &str) -> (Visitor, Tokens) {
    let mut visitor = Visitor::new(server);
    let back = visitor.go_through(&app.authorize_url(&[("scope", scope)]), person, None);
    let tokens = app.trade(&parameter(&back, "code").expect("a code")).tokens();
    (visitor, tokens)
}

fn id_token(tokens: &Tokens) -> String {
    tokens.json["id_token"].as_str().expect("an ID token").to_owned()
}

/// The verified claims of the ID token that the page's answer leads to.
#[track_caller]
fn claims_behind(server: &Server, app: &App, page: &Page) -> Value {
    let code = page.sent_back().into_iter().find(|(name, _)| name == "code").expect("a code").1;
    jwt::verified(server, &id_token(&app.trade(&code).tokens()), &app.client_id).claims
}

#[test]
fn st_126_max_age_wants_a_sign_in_that_is_no_older_and_auth_time_tells_it() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let (mut visitor, before) = signed_in(server, &app, &person, "openid");
        let before = jwt::verified(server, &id_token(&before), &app.client_id).claims["auth_time"].clone();
        let fresh = visitor.open(&app.authorize_url(&[("scope", "openid"), ("max_age", "3600")]));
        assert_eq!(claims_behind(server, &app, &fresh)["auth_time"], before);
        std::thread::sleep(Duration::from_millis(1200));
        for max_age in ["1", "0"] {
            let silent = [("scope", "openid"), ("max_age", max_age), ("prompt", "none")];
            visitor.open(&app.authorize_url(&silent)).is_error_at(&app, "login_required");
        }
        let page = visitor.open(&app.authorize_url(&[("scope", "openid"), ("max_age", "1")]));
        assert!(page.shows("sign-in-password"), "{}", page.plain());
        assert_eq!(page.form("sign-in-name").value("name"), Some(person.name.as_str()), "who it will be again");
        let back = visitor.sign_in(&page, &person);
        let after = claims_behind(server, &app, &back)["auth_time"].clone();
        assert!(after.as_i64() > before.as_i64(), "{before} {after}");
        // `max_age=0` means the same as `prompt=login`, and is satisfied by it.
        let page = visitor.open(&app.authorize_url(&[("scope", "openid"), ("max_age", "0")]));
        assert!(visitor.sign_in(&page, &person).left_for.is_some());
    });
}

#[test]
fn st_126_a_sign_in_satisfies_the_request_that_asked_for_it_though_another_nodes_clock_is_ahead() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        for wish in [("prompt", "login"), ("max_age", "0"), ("prompt", "select_account login")] {
            let (mut visitor, _) = signed_in(server, &app, &person, "openid");
            let page = visitor.open(&app.authorize_url(&[("scope", "openid"), wish]));
            let id = page.url.rsplit('/').next().and_then(Id::parse).expect("a stored request");
            server.with_store(async |store| {
                let ahead = "UPDATE authorizations SET created_at = created_at + 3000 WHERE id = $1 RETURNING id";
                assert_eq!(store.run(vec![statement!(ahead, id)]).await.expect("runs")[0].len(), 1);
            });
            let back = visitor.sign_in(&page, &person);
            assert!(back.left_for.is_some(), "{wish:?}: asked again: {}", back.plain());
            assert!(claims_behind(server, &app, &back)["auth_time"].is_i64());
        }
    });
}

#[test]
fn st_126_an_id_token_hint_for_another_user_is_refused_or_that_user_signs_in() {
    on_both(|server| {
        let app = server.app("web");
        let pairwise = server.app_with("web", &["https://client.example/callback"], &["--pairwise"]);
        let (ada, bob) = (server.person(), server.person());
        for app in [&app, &pairwise] {
            let (mut adas, tokens) = signed_in(server, app, &ada, "openid profile");
            let (mut bobs, _) = signed_in(server, app, &bob, "openid profile");
            let hint = id_token(&tokens);
            let ask = |more: &[(&str, &str)]| {
                app.authorize_url(&[&[("scope", "openid profile"), ("id_token_hint", hint.as_str())], more].concat())
            };
            let own = adas.open(&ask(&[("prompt", "none")]));
            let sub = claims_behind(server, app, &own)["sub"].clone();
            bobs.open(&ask(&[("prompt", "none")])).is_error_at(app, "login_required");
            Visitor::new(server).open(&ask(&[("prompt", "none")])).is_error_at(app, "login_required");

            let page = bobs.open(&ask(&[]));
            assert!(page.shows("decline") && page.plain().contains(&bob.name) && page.plain().contains(&app.name));
            assert!(!page.plain().contains(&ada.name), "who else it is stays unsaid");
            // Nothing but the two ways that the page shows leads on.
            for step in ["choose", "consent", "sign_in"] {
                let again =
                    bobs.submit(&page, "decline", &[("step", step), ("decision", "allow"), ("scope", "openid")]);
                assert!(again.left_for.is_none(), "{step}");
            }
            bobs.clone().submit(&page, "decline", &[]).is_error_at(app, "login_required");
            let page = bobs.open(&ask(&[]));
            let sign_in = bobs.submit(&page, "switch", &[("step", "switch")]);
            let wrong = bobs.sign_in(&sign_in, &bob);
            assert!(wrong.shows("decline"), "the same other person again: {}", wrong.plain());
            let sign_in = bobs.submit(&wrong, "switch", &[("step", "switch")]);
            let back = bobs.sign_in(&sign_in, &ada);
            assert_eq!(claims_behind(server, app, &back)["sub"], sub);
        }
    });
}

#[test]
fn st_126_fm_72_fm_79_a_hint_that_is_not_ours_is_refused_and_nobody_is_asked() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let other = server.app("web");
        let (mut visitor, tokens) = signed_in(server, &app, &person, "openid");
        let (_, others) = signed_in(server, &other, &person, "openid");
        let good = id_token(&tokens);
        let (head, signature) = good.rsplit_once('.').expect("three parts");
        let mut turned: Vec<char> = signature.chars().collect();
        turned[10] = if turned[10] == 'A' { 'B' } else { 'A' };
        let changed = format!("{head}.{}", turned.into_iter().collect::<String>());
        for (what, hint) in [
            ("a changed signature", changed.as_str()),
            ("no signature", &format!("{head}.")),
            ("another application's", &id_token(&others)),
            ("an access token", &tokens.access),
            ("no token", "x"),
            ("too much of nothing", &"x".repeat(4 * 1024)),
        ] {
            for prompt in ["", "none"] {
                let over = [("scope", "openid"), ("id_token_hint", hint), ("prompt", prompt)];
                let url = app.authorize_url(&over);
                let sentence = visitor.open(&url).is_error_at(&app, "invalid_request");
                assert!(sentence.starts_with("id_token_hint"), "{what}: {sentence}");
            }
        }
        let url = app.authorize_url(&[("scope", "openid"), ("id_token_hint", &good), ("prompt", "none")]);
        assert!(visitor.open(&url).left_for.is_some_and(|left| parameter(&left, "code").is_some()));
    });
}

#[test]
fn st_126_select_account_shows_who_is_signed_in_and_goes_on_or_switches() {
    on_both(|server| {
        let app = server.app("web");
        let (ada, bob) = (server.person(), server.person());
        let (mut visitor, _) = signed_in(server, &app, &ada, "openid profile");
        let url = app.authorize_url(&[("scope", "openid profile"), ("prompt", "select_account")]);
        let page = visitor.open(&url);
        assert!(page.plain().contains(&ada.name) && page.plain().contains(&ada.email), "{}", page.plain());
        assert_eq!(visitor.open(&page.url).answer.status, 200, "a refresh shows the page again");
        let back = visitor.submit(&page, "go-on", &[]);
        assert!(claims_behind(server, &app, &back)["sub"].is_string());
        let late = visitor.submit(&page, "go-on", &[]);
        assert!(late.left_for.is_none(), "an answer is given once");

        // Somebody else signs in in another tab: the page that was shown to Ada does not speak for Bob.
        let page = visitor.open(&url);
        let tab = visitor.open(&app.authorize_url(&[("prompt", "login"), ("scope", "openid profile")]));
        visitor.sign_in(&tab, &bob);
        let foreign = visitor.submit(&page, "go-on", &[]);
        assert!(foreign.left_for.is_none() && foreign.answer.status >= 400, "{}", foreign.plain());
        let page = visitor.open(&page.url);
        assert!(!page.plain().contains(&ada.name), "{}", page.plain());

        let page = visitor.open(&url);
        let sign_in = visitor.submit(&page, "switch", &[("step", "switch")]);
        assert!(sign_in.shows("sign-in-password"), "{}", sign_in.plain());
        let back = visitor.sign_in(&sign_in, &ada);
        assert!(back.left_for.is_some(), "whoever just signed in has chosen: {}", back.plain());
    });
}

#[test]
fn st_54_fm_61_claims_by_name_are_shown_on_the_consent_page_and_told_where_they_were_asked_for() {
    on_both(|server| {
        let app = server.app("web");
        let person = server.person_with(&["--phone", "+44 20 7946 0000"]);
        let wish = json!({"id_token": {"email": {"essential": true}}, "userinfo": {"phone_number": null}}).to_string();
        let url = app.authorize_url(&[("scope", "openid"), ("claims", &wish)]);
        for ticks in [&["openid", "email", "phone"][..], &["openid"]] {
            let mut visitor = Visitor::new(server);
            let page =
                visitor.open(&app.authorize_url(&[("scope", "openid"), ("claims", &wish), ("prompt", "consent")]));
            let page = visitor.sign_in(&page, &person);
            for scope in ["openid", "email", "phone"] {
                assert!(page.shows(&format!("scope-{scope}")), "{scope}: {}", page.plain());
            }
            let back = visitor.allow(&page, Some(ticks));
            let code = back.sent_back().into_iter().find(|(name, _)| name == "code").expect("a code").1;
            let tokens = app.trade(&code).tokens();
            assert_eq!(tokens.json["scope"], "openid", "a claim by name does not widen the token");
            let claims = jwt::verified(server, &id_token(&tokens), &app.client_id).claims;
            let info = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().json();
            let allowed = ticks.len() > 1;
            assert_eq!(claims["email"].as_str(), allowed.then_some(person.email.as_str()), "{claims}");
            assert_eq!(info["phone_number"].is_string(), allowed, "{info}");
            assert!(info["email"].is_null() && claims["phone_number"].is_null(), "each only where it was asked for");
            // What was ticked is remembered; what was not is asked for again.
            let again = visitor.open(&url);
            assert_eq!(again.left_for.is_some(), allowed, "{}", again.plain());
        }
    });
}

#[test]
fn st_126_what_cannot_be_done_is_refused_in_the_words_of_the_standard() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let (mut visitor, _) = signed_in(server, &app, &person, "openid");
        let acr = json!({"id_token": {"acr": {"essential": true, "values": ["phr"]}}}).to_string();
        let nobody = json!({"id_token": {"sub": {"value": "nobody"}}}).to_string();
        for (name, value, error) in [
            ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
            ("request_uri", "https://client.example/r", "request_uri_not_supported"),
            ("registration", "{}", "registration_not_supported"),
            ("response_mode", "fragment", "invalid_request"),
            ("response_mode", "nonsense", "invalid_request"),
            ("claims", "{", "invalid_request"),
            ("claims", &acr, "unmet_authentication_requirements"),
            ("claims", &nobody, "login_required"),
            ("max_age", "-1", "invalid_request"),
        ] {
            let url = app.authorize_url(&[("scope", "openid"), ("prompt", "none"), (name, value)]);
            visitor.open(&url).is_error_at(&app, error);
        }
        let harmless = [
            ("display", "touch"),
            ("acr_values", "phr"),
            ("ui_locales", "tlh de"),
            ("claims_locales", "de"),
            ("max_age", "99999999999999999999999"),
            ("nonsense", "x"),
        ];
        let over = [&[("scope", "openid"), ("prompt", "none")], &harmless[..]].concat();
        let back = visitor.open(&app.authorize_url(&over));
        assert!(claims_behind(server, &app, &back)["acr"].is_string(), "what is given is told");
    });
}

/// A page that posts an answer: its headers, and the fields.
#[track_caller]
fn form_of(app: &App, page: &Page) -> Vec<(String, String)> {
    assert_eq!(page.answer.status, 200, "{}", page.plain());
    assert_eq!(page.answer.header("cache-control"), Some("no-store"));
    let policy = page.answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'sha256-") && policy.ends_with("form-action https:"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let form = page.form("continue");
    assert_eq!((form.method.as_str(), form.action.as_str()), ("post", app.redirect_uri.as_str()));
    let fields = form.fields();
    for (name, _) in &fields {
        assert_eq!(fields.iter().filter(|(other, _)| other == name).count(), 1, "{name} stands twice");
    }
    fields
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn st_13_st_14_fm_94_form_post_carries_success_and_error_alike_escaped_and_unkept() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let state = "\"><script>alert(1)</script>&amp; st a+te/%";
        let ask_for = |scope: &str, prompt: &str| {
            let over = [("response_mode", "form_post"), ("scope", scope), ("state", state), ("prompt", prompt)];
            app.authorize_url(&over)
        };
        let ask = || ask_for("openid", "");
        let told = |page: &Page, name: &str| {
            let fields = form_of(&app, page);
            assert_eq!(field(&fields, "iss"), Some(server.url.as_str()));
            assert_eq!(field(&fields, "state"), Some(state));
            field(&fields, name).map(str::to_owned)
        };
        let mut visitor = Visitor::new(server);
        let silent = visitor.open(&ask_for("openid", "none"));
        assert_eq!(told(&silent, "error").as_deref(), Some("login_required"), "nothing was stored");
        let page = visitor.open(&ask());
        let page = visitor.sign_in(&page, &person);
        let denied = visitor.clone().deny(&page);
        assert_eq!(told(&denied, "error").as_deref(), Some("access_denied"));
        let page = visitor.open(&ask());
        let allowed = visitor.allow(&page, None);
        app.trade(&told(&allowed, "code").expect("a code")).tokens();
        let again = visitor.open(&ask());
        app.trade(&told(&again, "code").expect("a code without a page between")).tokens();
        let wrong = visitor.open(&ask_for("openid nonsense", ""));
        assert_eq!(told(&wrong, "error").as_deref(), Some("invalid_scope"));

        // A stranger's mistake is a page of ours first, and the way back a button (statement 17).
        let page = Visitor::new(server).open(&ask_for("openid nonsense", ""));
        assert_eq!((page.answer.status, page.error_code().as_deref()), (400, Some("invalid_scope")));
        let form = page.form("back");
        assert_eq!((form.action.as_str(), form.value("error")), (app.redirect_uri.as_str(), Some("invalid_scope")));
        assert!(!page.answer.text().contains("<script"), "and nothing presses it");
        let policy = page.answer.header("content-security-policy").expect("a policy");
        assert!(policy.ends_with("form-action 'self' https:"), "{policy}");
    });
}

#[test]
fn st_01_a_request_by_post_may_hold_what_a_query_may() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let (mut visitor, _) = signed_in(server, &app, &person, "openid email");
        let wish = json!({"id_token": {"email": null}}).to_string();
        let url = app.authorize_url(&[("scope", "openid email"), ("claims", &wish), ("max_age", "3600")]);
        let fields = crate::harness::visitor::parameters(&url);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let page = visitor.post_to(&server.at("/oauth/authorize"), &fields);
        assert_eq!(claims_behind(server, &app, &page)["email"], person.email.as_str());
    });
}
