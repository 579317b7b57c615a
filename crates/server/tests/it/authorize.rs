//! `GET|POST /oauth/authorize` and `/oauth/authorize/{id}`: what is asked, what is refused, and where errors go.

use crate::harness::visitor::parameter;
use crate::harness::{App, Call, Page, Server, Visitor, http, on_both};

/// A visitor who is signed in already, for requests whose errors may be sent back at once.
fn signed_in(server: &Server) -> Visitor {
    let (app, person) = server.app_and_person("web");
    let mut visitor = Visitor::new(server);
    visitor.go_through(&app.authorize_url(&[]), &person, None);
    visitor
}

fn ask(visitor: &mut Visitor, app: &App, over: &[(&str, &str)]) -> Page {
    visitor.open(&app.authorize_url(over))
}

#[test]
fn st_01_get_and_post_begin_the_same_request() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let url = app.authorize_url(&[]);
        let by_get = Visitor::new(server).open(&url);
        assert!(by_get.shows("sign-in-name") && by_get.shows("sign-in-password"), "{}", by_get.answer.text());

        let fields = crate::harness::visitor::parameters(&url);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut visitor = Visitor::new(server);
        let by_post = visitor.post_to(&server.at("/oauth/authorize"), &fields);
        let page = visitor.sign_in(&by_post, &person);
        let back = visitor.allow(&page, None);
        assert!(back.sent_back().iter().any(|(n, _)| n == "code"));
    });
}

/// A browser keeps `SameSite=Lax` cookies from a POST that another site's page sends, and brings them with the GET after.
#[test]
fn st_01_fm_45_a_post_from_another_site_leaves_the_browsers_other_visits_alone() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let open_elsewhere = visitor.open(&app.authorize_url(&[]));
        let cookies = visitor.cookies.clone();
        let post = |over: &[(&str, &str)]| {
            let fields = crate::harness::visitor::parameters(&app.authorize_url(over));
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let call = Call::post(server.at("/oauth/authorize")).header("Sec-Fetch-Site", "cross-site");
            let answer = call.form(&fields).send();
            assert_eq!(answer.status, 303, "{}", answer.text());
            assert!(answer.header("set-cookie").is_none(), "another site planted a cookie");
            assert!(answer.location().starts_with("/oauth/authorize?"), "{}", answer.location());
            server.at(answer.location())
        };
        assert!(visitor.open(&post(&[])).shows("sign-in-password"));
        assert_eq!(visitor.cookies, cookies);
        let page = visitor.sign_in(&open_elsewhere, &person);
        let back = visitor.allow(&page, None);
        assert!(back.sent_back().iter().any(|(n, v)| n == "state" && v == "st a+te/%&="));
        let silent = visitor.open(&post(&[("prompt", "none")]));
        assert!(silent.sent_back().iter().any(|(n, _)| n == "code"), "{:?}", silent.left_for);
        let long = app.authorize_url(&[("claims", &"x".repeat(9_000))]);
        let fields = long.split_once('?').expect("a query").1;
        let form = Some("application/x-www-form-urlencoded");
        let answer = Call::post(server.at("/oauth/authorize")).body(form, fields).send();
        assert_eq!((answer.status, answer.header("location")), (400, None), "{}", answer.text());
    });
}

#[test]
fn a_client_id_that_is_missing_or_unknown_is_named_to_the_developer() {
    on_both(|server| {
        let app = server.app("web");
        for (value, code, sentence) in [
            ("", "invalid_request", "client_id is missing"),
            ("app_x", "unknown_application", "The client_id is of no"),
        ] {
            let page = ask(&mut Visitor::new(server), &app, &[("client_id", value)]);
            assert_eq!(page.is_error_page(400), code);
            assert!(page.plain().contains(sentence), "{}", page.plain());
        }
    });
}

#[test]
fn st_02_unknown_parameters_are_ignored() {
    on_both(|server| {
        let app = server.app("web");
        let page = Visitor::new(server).open(&app.authorize_url(&[("nonsense", "1"), ("display", "popup")]));
        assert!(page.shows("sign-in-password"), "{}", page.answer.text());
    });
}

#[test]
fn st_03_a_parameter_that_stands_twice_is_refused() {
    on_both(|server| {
        let app = server.app("web");
        let mut visitor = signed_in(server);
        for name in ["response_type", "state", "scope", "code_challenge", "code_challenge_method", "prompt", "nonce"] {
            let url = app.authorize_url(&[(name, "")]);
            let page = visitor.open(&format!("{url}&{name}=a&{name}=b"));
            match &page.left_for {
                Some(_) => assert!(page.is_error_at(&app, "invalid_request").contains(name), "{name}"),
                None => assert_eq!(page.is_error_page(400), "invalid_request"),
            }
        }
        for name in ["client_id", "redirect_uri"] {
            let url = app.authorize_url(&[]);
            let value = if name == "client_id" { &app.client_id } else { &app.redirect_uri };
            let page = visitor.open(Call::get(url).query(&[(name, value)]).url());
            page.is_error_page(400);
        }
    });
}

#[test]
fn st_04_a_parameter_without_a_value_counts_as_absent() {
    on_both(|server| {
        let app = server.app("web");
        let url = app.authorize_url(&[("state", "")]);
        let page = Visitor::new(server).open(&format!("{url}&state=&scope=&prompt=&login_hint=&nonce="));
        assert!(page.shows("sign-in-password"), "{}", page.answer.text());
        let page = signed_in(server).open(&format!("{}&response_type=", app.authorize_url(&[("response_type", "")])));
        assert!(page.is_error_at(&app, "invalid_request").contains("response_type"));
    });
}

#[test]
fn st_05_fm_13_without_a_known_client_there_is_a_page_and_no_redirect() {
    on_both(|server| {
        let app = server.app("web");
        for id in ["", "app_00000000000000000000000000000000", "nobody", "' OR 1=1 --", "app_\u{0}"] {
            for extra in [("prompt", "none"), ("response_type", "token"), ("scope", "\"")] {
                let page = Visitor::new(server).open(&app.authorize_url(&[("client_id", id), extra]));
                page.is_error_page(400);
            }
        }
    });
}

#[test]
fn st_12_st_23_only_the_code_response_type_is_served() {
    on_both(|server| {
        let app = server.app("web");
        let mut visitor = signed_in(server);
        let missing = ask(&mut visitor, &app, &[("response_type", "")]);
        assert!(missing.is_error_at(&app, "invalid_request").contains("response_type"));
        for kind in ["token", "id_token", "code token", "code id_token", "none", "CODE", "password"] {
            let page = ask(&mut visitor, &app, &[("response_type", kind)]);
            page.is_error_at(&app, "unsupported_response_type");
            assert!(!page.left_for.unwrap_or_default().contains('#'), "nothing travels in a fragment");
        }
    });
}

#[test]
fn st_13_st_14_fm_41_state_and_iss_come_back_in_success_and_error() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        for state in ["plain", "a b+c/%&=?#ü😀", "\"><script>", &"s".repeat(500)] {
            let mut visitor = Visitor::new(server);
            let back = visitor.go_through(&app.authorize_url(&[("state", state)]), &person, None);
            assert_eq!(parameter(&back, "state").as_deref(), Some(state));
            assert_eq!(parameter(&back, "iss").as_deref(), Some(server.url.as_str()));
            assert!(parameter(&back, "code").is_some() && parameter(&back, "error").is_none());

            let refused = ask(&mut visitor, &app, &[("state", state), ("response_type", "token")]);
            refused.is_error_at(&app, "unsupported_response_type");
            assert_eq!(parameter(&refused.left_for.unwrap_or_default(), "state").as_deref(), Some(state));
        }
        let none = Visitor::new(server).go_through(&app.authorize_url(&[("state", "")]), &person, None);
        assert_eq!(parameter(&none, "state"), None, "a state that was not sent is not invented");
    });
}

#[test]
fn st_16_every_redirect_after_a_form_is_a_303() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let form = page.form("sign-in-password");
        let url = visitor.resolve(&page.url, &form.action);
        let mut fields = form.fields();
        fields.retain(|(n, _)| n != "name" && n != "password");
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.extend([("name", person.name.as_str()), ("password", person.password.as_str())]);
        let answer = visitor.send(Call::post(&url).header("Origin", server.url.clone()).form(&fields));
        assert_eq!(answer.status, 303, "{}", answer.text());
        let page = visitor.open(&page.url);
        let back = visitor.allow(&page, None);
        assert_eq!(back.answer.status, 303);
    });
}

#[test]
fn st_17_fm_17_who_is_not_signed_in_is_never_bounced_by_an_error() {
    on_both(|server| {
        let app = server.app("web");
        for over in [("response_type", "token"), ("scope", "no_such_scope"), ("code_challenge_method", "plain")] {
            let page = Visitor::new(server).open(&app.authorize_url(&[over]));
            page.is_error_page(400);
        }
        let silent = Visitor::new(server).open(&app.authorize_url(&[("prompt", "none")]));
        silent.is_error_at(&app, "login_required");
    });
}

#[test]
fn st_14_fm_14_prompt_none_never_shows_a_page_and_never_goes_to_a_foreign_address() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        ask(&mut visitor, &app, &[("prompt", "none")]).is_error_at(&app, "login_required");
        let first = visitor.open(&app.authorize_url(&[]));
        let first = visitor.sign_in(&first, &person);
        ask(&mut visitor, &app, &[("prompt", "none")]).is_error_at(&app, "consent_required");
        visitor.allow(&first, None);
        let silent = ask(&mut visitor, &app, &[("prompt", "none")]);
        assert!(silent.sent_back().iter().any(|(n, _)| n == "code"), "{:?}", silent.left_for);
        for over in [("scope", "no_such_scope"), ("response_type", "token"), ("prompt", "none login")] {
            let usual = [("prompt", "none"), ("redirect_uri", "https://evil.example/callback")];
            let mut all: Vec<_> = usual.into_iter().filter(|(n, _)| *n != over.0).collect();
            all.push(over);
            for mut someone in [Visitor::new(server), visitor.clone()] {
                ask(&mut someone, &app, &all).is_error_page(400);
            }
        }
    });
}

#[test]
fn st_54_an_unknown_or_malformed_scope_is_refused() {
    on_both(|server| {
        let app = server.app("web");
        let mut visitor = signed_in(server);
        let many: String = (0..65).map(|i| format!("s{i} ")).collect();
        for scope in ["no_such_scope", "openid no_such_scope", "openid \"", "openid\\", "ope\u{e9}nid", many.as_str()] {
            let page = ask(&mut visitor, &app, &[("scope", scope)]);
            let error = parameter(page.left_for.as_deref().unwrap_or_default(), "error");
            assert!(matches!(error.as_deref(), Some("invalid_scope" | "invalid_request")), "{scope}: {error:?}");
        }
    });
}

#[test]
fn st_27_error_texts_keep_to_the_allowed_characters() {
    on_both(|server| {
        let app = server.app("web");
        let mut visitor = signed_in(server);
        let nasty = "\"\\\u{7f}\u{0}\r\nSet-Cookie: a=b\u{e9}<script>alert(1)</script>";
        for name in ["response_type", "scope", "code_challenge_method", "prompt", "code_challenge"] {
            let page = ask(&mut visitor, &app, &[(name, nasty)]);
            let Some(back) = &page.left_for else {
                page.is_error_page(400);
                continue;
            };
            let text = parameter(back, "error_description").unwrap_or_default();
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(text.bytes().all(allowed), "{name}: {text}");
            assert!(page.answer.header("set-cookie").is_none_or(|c| !c.starts_with("a=b")));
        }
        let refused = app.token(&[("grant_type", nasty)]);
        let text = refused.json()["error_description"].as_str().unwrap_or_default().to_owned();
        assert!(text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{text}");
    });
}

#[test]
fn st_35_st_36_st_37_fm_35_fm_36_public_clients_need_s256_and_nothing_less() {
    on_both(|server| {
        let redirect = "https://client.example/callback";
        for template in ["spa", "native"] {
            let app = server.app_with(template, &[redirect], &[]);
            let mut visitor = signed_in(server);
            let cases: [&[(&str, &str)]; 7] = [
                &[("code_challenge", ""), ("code_challenge_method", "")],
                &[("code_challenge", "")],
                &[("code_challenge_method", "")],
                &[("code_challenge_method", "plain")],
                &[("code_challenge_method", "s256")],
                &[("code_challenge_method", "S512")],
                &[("code_challenge", "short")],
            ];
            for case in cases {
                ask(&mut visitor, &app, case).is_error_at(&app, "invalid_request");
            }
        }
    });
}

#[test]
fn st_36_st_38_fm_36_confidential_clients_cannot_weaken_pkce_either() {
    on_both(|server| {
        let app = server.app("web");
        let mut visitor = signed_in(server);
        let long = "a".repeat(129);
        let cases: [&[(&str, &str)]; 6] = [
            &[("code_challenge_method", "")],
            &[("code_challenge_method", "plain")],
            &[("code_challenge", "")],
            &[("code_challenge", "a+b/c=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
            &[("code_challenge", &long)],
            &[("code_challenge", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
        ];
        for case in cases {
            ask(&mut visitor, &app, case).is_error_at(&app, "invalid_request");
        }
    });
}

#[test]
fn fm_45_fm_47_a_request_is_shown_only_to_the_browser_that_began_it() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut owner = Visitor::new(server);
        let page = owner.open(&app.authorize_url(&[]));
        for mut thief in [Visitor::new(server), signed_in(server)] {
            let seen = thief.open(&page.url);
            assert!(matches!(seen.answer.status, 400 | 403 | 404), "{}", seen.answer.text());
            assert!(!seen.shows("sign-in-password") && !seen.shows("allow"));
            let form = page.form("sign-in-password");
            let stolen = thief.post(&page, &form, &[("step", "consent"), ("decision", "allow"), ("scope", "openid")]);
            assert!(stolen.left_for.is_none(), "the thief got {:?}", stolen.left_for);
        }
        let page = owner.sign_in(&page, &person);
        let mut thief = signed_in(server);
        let form = page.form("allow");
        let fields = form.fields();
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.push(("decision", "allow"));
        let stolen = thief.post(&page, &form, &fields);
        assert!(stolen.left_for.is_none() && stolen.answer.status >= 400, "the thief got {:?}", stolen.left_for);
        assert!(owner.allow(&page, None).sent_back().iter().any(|(n, _)| n == "code"), "and the owner goes on");
    });
}

#[test]
fn fm_51_fm_112_steps_cannot_be_skipped_repeated_or_turned_around() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let form = page.form("sign-in-password");
        let token = form.value("form_token").expect("form_token").to_owned();
        let token = token.as_str();
        for fields in [
            vec![("form_token", token)],
            vec![("form_token", token), ("step", "consent"), ("decision", "allow"), ("scope", "openid")],
            vec![("form_token", token), ("step", "")],
            vec![("form_token", token), ("step", "issue")],
            vec![("form_token", token), ("step", "sign_in")],
            vec![("form_token", token), ("step", "sign_in"), ("name", &person.name)],
        ] {
            let after = visitor.post(&page, &form, &fields);
            assert!(after.left_for.is_none(), "{fields:?} led to {:?}", after.left_for);
            assert!(after.answer.status < 500, "{fields:?}: {}", after.answer.text());
        }
        let consent = visitor.sign_in(&visitor.clone().open(&page.url), &person);
        let first = visitor.allow(&consent, None);
        let code = first.sent_back().into_iter().find(|(n, _)| n == "code").expect("code").1;
        let again = visitor.allow(&consent, None);
        assert!(again.left_for.is_none() && !again.answer.text().contains(&code), "issued twice");
        let address = visitor.open(&page.url);
        assert!(address.left_for.is_none() && address.answer.status >= 400, "the address says that it is over");
        let denied = visitor.post(&consent, &consent.form("deny"), &[("form_token", token), ("decision", "deny")]);
        assert!(denied.left_for.is_none());
        app.trade(&code).tokens();
    });
}

#[test]
fn fm_49_nothing_of_the_request_is_read_back_from_the_browser() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[("scope", "openid")]));
        let page = visitor.sign_in(&page, &person);
        let form = page.form("allow");
        let mut fields = form.fields();
        for (name, value) in [
            ("redirect_uri", "https://evil.example/callback"),
            ("response_type", "token"),
            ("state", "forged"),
            ("client_id", "app_ffffffffffffffffffffffffffffffff"),
            ("scope", "email"),
            ("decision", "allow"),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let after = visitor.post(&page, &form, &fields);
        if let Some(back) = &after.left_for {
            assert!(back.starts_with(&app.redirect_uri), "{back}");
            assert_eq!(parameter(back, "state").as_deref(), Some("st a+te/%&="));
            let tokens = app.trade(&parameter(back, "code").expect("code")).tokens();
            assert!(
                !tokens.json["scope"].to_string().contains("email"),
                "a scope that was never offered: {}",
                tokens.json
            );
        }
    });
}

#[test]
fn fm_15_fm_16_no_parameter_and_no_referer_says_where_to_go() {
    on_both(|server| {
        let person = server.person();
        for evil in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"] {
            for name in ["next", "redirect_to", "return_to", "redirect_url", "post_logout_redirect_uri", "continue"] {
                let query = http::query(&[(name, evil)]);
                for path in ["/", "/sign-in", "/signed-out", "/sign-out"] {
                    let mut visitor = Visitor::new(server);
                    let call = Call::get(server.at(&format!("{path}?{query}"))).header("Referer", evil);
                    let answer = visitor.send(call);
                    let target = answer.header("location").unwrap_or_default();
                    assert!(!target.contains("evil"), "{path} {name}: {target}");
                    assert!(!answer.text().contains("href=\"https://evil"), "{path} {name}");
                }
            }
            let mut visitor = Visitor::new(server);
            let page = visitor.open(&server.at(&format!("/sign-in?{}", http::query(&[("next", evil)]))));
            let page = visitor.sign_in(&page, &person);
            assert_eq!(page.left_for, None);
        }
    });
}

#[test]
fn a_login_hint_is_filled_in_and_the_application_is_named() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let page = Visitor::new(server).open(&app.authorize_url(&[("login_hint", &person.email)]));
        assert_eq!(page.form("sign-in-password").value("name"), Some(person.email.as_str()));
        assert!(page.plain().contains(&app.name), "{}", page.plain());
    });
}

#[test]
fn prompt_login_asks_for_the_password_again() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        visitor.go_through(&app.authorize_url(&[]), &person, None);
        let plain = ask(&mut visitor, &app, &[]);
        assert!(plain.left_for.is_some(), "signed in and consented: nothing to ask");
        let page = ask(&mut visitor, &app, &[("prompt", "login")]);
        assert!(page.shows("sign-in-password"), "{}", page.answer.text());
        let after = visitor.sign_in(&page, &person);
        assert!(after.left_for.is_some(), "once is enough: {}", after.answer.text());
        let page = ask(&mut visitor, &app, &[("prompt", "consent")]);
        assert!(page.shows("allow"), "{}", page.answer.text());
    });
}

#[test]
fn a_request_that_needs_no_page_is_never_stored() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let stored = || {
            server.with_store(async |store| {
                const COUNT: &str = "SELECT COUNT(*) FROM authorizations z JOIN applications a ON a.id = z.application \
                    WHERE a.client_id = $1";
                let rows = store.scan(&vestibule_store::statement!(COUNT, app.client_id.as_str())).await;
                rows.expect("reads")[0].int(0).expect("a count")
            })
        };
        let mut visitor = Visitor::new(server);
        visitor.go_through(&app.authorize_url(&[]), &person, None);
        assert_eq!(stored(), 1, "the first time there are pages to show");
        let back = visitor.open(&app.authorize_url(&[]));
        assert!(back.left_for.is_some_and(|url| parameter(&url, "code").is_some()), "signed in and consented");
        assert_eq!(stored(), 1);
    });
}
