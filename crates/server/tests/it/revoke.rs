//! `POST /oauth/revoke` (RFC 7009): what is given back is dead from the answer on, and the answer tells nothing else.

use crate::harness::{Answer, App, Call, Database, Server, Tokens, on_both, on_both_alone, postgres, unique};
use serde_json::json;

fn first(server: &Server, template: &str) -> (App, Tokens) {
    let (app, person) = server.app_and_person(template);
    let scope = if template == "gitlife" { "user_info" } else { "openid offline_access" };
    let tokens = app.tokens(server, &person, &[("scope", scope)]);
    (app, tokens)
}

/// The client's credentials in the body, these fields beside them.
fn revoke(app: &App, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", app.client_id.as_str())];
    if !app.client_secret.is_empty() {
        all.push(("client_secret", &app.client_secret));
    }
    all.extend_from_slice(fields);
    Call::post(format!("{}/oauth/revoke", app.server)).form(&all).send()
}

fn alive(app: &App, access: &str) -> bool {
    let path = if app.shown["template"] == "gitlife" { "/api/v5/user" } else { "/oauth/userinfo" };
    Call::get(format!("{}{path}", app.server)).bearer(access).send().status == 200
}

fn refresh(app: &App, token: &str) -> Answer {
    app.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn st_70_a_form_with_a_token_and_any_hint_is_served_and_nothing_else() {
    on_both(|server| {
        for hint in ["access_token", "refresh_token", "nonsense", ""] {
            let (app, tokens) = first(server, "web");
            done(&revoke(&app, &[("token", &tokens.access), ("token_type_hint", hint)]));
            assert!(!alive(&app, &tokens.access), "hint {hint:?}");
            let refresh_token = tokens.refresh.expect("refresh token");
            done(&revoke(&app, &[("token", &refresh_token), ("token_type_hint", hint)]));
            refresh(&app, &refresh_token).refused(400, "invalid_grant");
        }
        let (app, tokens) = first(server, "web");
        revoke(&app, &[]).refused(400, "invalid_request");
        revoke(&app, &[("token", "")]).refused(400, "invalid_request");
        revoke(&app, &[("token", &tokens.access), ("token", &tokens.access)]).refused(400, "invalid_request");
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(Call::new(method, server.at("/oauth/revoke")).send().status, 405, "{method}");
        }
        let strict =
            [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", &tokens.access)];
        Call::post(server.at("/oauth/revoke")).query(&strict).send().refused(400, "invalid_request");
        let body = json!({"client_id": app.client_id, "client_secret": app.client_secret, "token": tokens.access});
        Call::post(server.at("/oauth/revoke")).json(&body).send().refused(400, "invalid_request");
        assert!(alive(&app, &tokens.access));
        done(
            &Call::post(server.at("/oauth/revoke"))
                .basic(&app.client_id, &app.client_secret)
                .form(&[("token", &tokens.access)])
                .send(),
        );
        assert!(!alive(&app, &tokens.access));

        // A template that has these forms at the token endpoint has them here.
        let (app, tokens) = first(server, "gitlife");
        let fields =
            [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", &tokens.access)];
        done(&Call::post(server.at("/oauth/revoke")).query(&fields).send());
        assert!(!alive(&app, &tokens.access));
        let shown = server.json(&["app", "show", &app.name], "");
        assert!(shown["switches"].to_string().contains("query_parameters"), "{shown}");
    });
}

#[test]
fn st_71_the_client_authenticates_as_at_the_token_endpoint() {
    on_both(|server| {
        for template in ["web", "gitlife"] {
            let (app, tokens) = first(server, template);
            let url = server.at("/oauth/revoke");
            let token = ("token", tokens.access.as_str());
            Call::post(&url).form(&[token]).send().refused(401, "invalid_client");
            Call::post(&url).form(&[token, ("client_id", &app.client_id)]).send().refused(401, "invalid_client");
            let wrong = Call::post(&url).basic(&app.client_id, "vst_cs_wrong").form(&[token]).send();
            wrong.refused(401, "invalid_client");
            assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
            Call::post(&url).form(&[token, ("client_id", "app_nobody")]).send().refused(401, "invalid_client");
            let refresh_token = tokens.refresh.as_deref().expect("refresh token");
            Call::post(&url).form(&[("token", refresh_token)]).send().refused(401, "invalid_client");
            assert!(alive(&app, &tokens.access), "{template}");
            refresh(&app, refresh_token).tokens();
        }
        for template in ["spa", "native"] {
            let (app, tokens) = first(server, template);
            done(&revoke(&app, &[("token", &tokens.access)]));
            assert!(!alive(&app, &tokens.access), "{template}");
        }
    });
}

#[test]
fn st_71_st_72_fm_98_unknown_ended_and_foreign_tokens_are_answered_alike_and_nothing_is_done() {
    on_both(|server| {
        let (app, tokens) = first(server, "web");
        let (other, ended) = first(server, "web");
        let refresh_token = tokens.refresh.as_deref().expect("refresh token");
        let gone = ended.refresh.as_deref().expect("refresh token");
        done(&revoke(&other, &[("token", gone)]));
        let told = |token: &str| {
            let answer = revoke(&other, &[("token", token)]);
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
            (answer.status, headers, answer.text())
        };
        let expected = told("nobody-knows-this");
        assert_eq!((expected.0, expected.2.as_str()), (200, "{}"));
        let (cut, longer) = (&tokens.access[..tokens.access.len() - 1], format!("{}x", tokens.access));
        for token in [&tokens.access, refresh_token, gone, &ended.access, cut, &longer, "vst_at_", "null", "ümlaut"] {
            assert_eq!(told(token), expected, "{token}");
        }
        assert!(alive(&app, &tokens.access), "a foreign client ended a token");
        refresh(&app, refresh_token).tokens();
    });
}

#[test]
fn st_73_fm_32_a_refresh_token_takes_its_whole_family_along_and_an_access_token_only_itself() {
    on_both(|server| {
        for template in ["web", "spa", "gitlife"] {
            let (app, tokens) = first(server, template);
            let one = refresh(&app, tokens.refresh.as_deref().expect("refresh token")).tokens();
            done(&revoke(&app, &[("token", &tokens.access)]));
            assert!(!alive(&app, &tokens.access) && alive(&app, &one.access), "{template}");
            let two = refresh(&app, one.refresh.as_deref().expect("refresh token")).tokens();
            let last = two.refresh.as_deref().expect("refresh token");
            done(&revoke(&app, &[("token", last)]));
            for dead in [&one.access, &two.access] {
                assert!(!alive(&app, dead), "{template}: an access token outlived its refresh token");
            }
            refresh(&app, last).refused(400, "invalid_grant");
            // Also by a generation that was traded: whoever lost an answer has no other.
            let (app, tokens) = first(server, template);
            let old = tokens.refresh.as_deref().expect("refresh token");
            let next = refresh(&app, old).tokens();
            done(&revoke(&app, &[("token", old)]));
            assert!(!alive(&app, &next.access), "{template}");
            refresh(&app, old).refused(400, "invalid_grant");
            refresh(&app, next.refresh.as_deref().expect("refresh token")).refused(400, "invalid_grant");
        }
        // An application's own token.
        let app = server.app("service");
        let token = app.token(&[("grant_type", "client_credentials")]).tokens().access;
        done(&revoke(&app, &[("token", &token)]));
        done(&revoke(&app, &[("token", &token)]));
    });
}

#[test]
fn st_73_fm_75_what_was_revoked_stays_revoked_after_a_power_cut() {
    on_both_alone(|mut server| {
        let (app, tokens) = first(&server, "web");
        let (other, kept) = first(&server, "web");
        let next = refresh(&app, tokens.refresh.as_deref().expect("refresh token")).tokens();
        let (third, single) = first(&server, "web");
        done(&revoke(&third, &[("token", &single.access)]));
        done(&revoke(&app, &[("token", next.refresh.as_deref().expect("refresh token"))]));
        server.process().kill();
        server.restart();
        for dead in [&tokens.access, &next.access] {
            assert!(!alive(&app, dead), "came back");
        }
        assert!(!alive(&third, &single.access), "came back");
        refresh(&app, next.refresh.as_deref().expect("refresh token")).refused(400, "invalid_grant");
        assert!(alive(&other, &kept.access));
    });
}

#[test]
fn st_74_fm_74_a_storage_that_cannot_write_is_503_and_never_200() {
    let server = Server::start(Database::Postgres, &[]);
    let (app, tokens) = first(&server, "web");
    let url = server.database_url.clone().expect("a URL");
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$; \
        CREATE TRIGGER refuse BEFORE UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION refuse(); \
        CREATE TRIGGER refuse BEFORE UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION refuse()";
    postgres::batch(&url, refuse);
    let refresh_token = tokens.refresh.as_deref().expect("refresh token");
    for token in [&tokens.access, refresh_token] {
        let answer = revoke(&app, &[("token", token)]);
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").is_some());
        assert!(!answer.text().contains("full"), "the cause is for the log");
    }
    assert!(alive(&app, &tokens.access), "nothing was done, as was said");
    postgres::batch(&url, "DROP TRIGGER refuse ON grants; DROP TRIGGER refuse ON tokens");
    done(&revoke(&app, &[("token", refresh_token)]));
    assert!(!alive(&app, &tokens.access));
}

#[test]
fn st_75_a_secret_that_is_no_token_is_an_unsupported_type() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let code = app.code(server, &person, &[]);
        for secret in [&code, &app.client_secret] {
            revoke(&app, &[("token", secret)]).refused(400, "unsupported_token_type");
        }
        app.trade(&code).tokens();
    });
}

/// Size in CI: 25 rounds on each database.
#[test]
fn fm_27_st_73_nothing_that_a_refresh_gave_lives_on_after_the_answer_to_a_revocation() {
    on_both(|server| {
        for round in 0..25 {
            let (app, tokens) = first(server, "web");
            let old = tokens.refresh.expect("refresh token");
            let given = std::thread::scope(|scope| {
                let refreshing: Vec<_> = (0..3).map(|_| scope.spawn(|| refresh(&app, &old))).collect();
                let revoking: Vec<_> = (0..2).map(|_| scope.spawn(|| revoke(&app, &[("token", &old)]))).collect();
                revoking.into_iter().for_each(|call| done(&call.join().expect("an answer")));
                refreshing.into_iter().map(|call| call.join().expect("an answer")).collect::<Vec<_>>()
            });
            assert!(!alive(&app, &tokens.access), "round {round}");
            for answer in given {
                if answer.status == 200 {
                    let tokens = answer.tokens();
                    assert!(!alive(&app, &tokens.access), "round {round}: minted after the end");
                    refresh(&app, &tokens.refresh.expect("refresh token")).refused(400, "invalid_grant");
                } else {
                    answer.refused(400, "invalid_grant");
                }
            }
        }
    });
}

#[test]
fn st_21_scripts_of_public_clients_may_revoke_and_others_may_not() {
    on_both(|server| {
        let site = format!("https://{}.example", unique("spa"));
        let app = server.app_with("spa", &[&format!("{site}/callback")], &[]);
        let url = server.at("/oauth/revoke");
        let allowed = |call: Call, origin: &str| {
            call.header("Origin", origin).send().header("access-control-allow-origin").map(str::to_owned)
        };
        let ask = || Call::post(&url).form(&[("client_id", app.client_id.as_str()), ("token", "x")]);
        let preflight = || Call::new("OPTIONS", &url).header("Access-Control-Request-Method", "POST");
        assert_eq!(allowed(ask(), &site).as_deref(), Some(site.as_str()));
        assert_eq!(allowed(preflight(), &site).as_deref(), Some(site.as_str()));
        for origin in ["https://evil.example", "null"] {
            assert_eq!((allowed(ask(), origin), allowed(preflight(), origin)), (None, None), "{origin}");
        }
    });
}
