//! The pages and commands by which people, and the operator for them, take back what they gave.

use crate::harness::{App, Call, Page, Person, Server, Tokens, Visitor, on_both};

fn signed_in(server: &Server, person: &Person) -> Visitor {
    let mut visitor = Visitor::new(server);
    let page = visitor.open(&server.at("/sign-in"));
    visitor.sign_in(&page, person);
    visitor
}

/// What `visitor`'s person lets `app` have.
fn tokens(visitor: &mut Visitor, app: &App, person: &Person) -> Tokens {
    let back = visitor.go_through(&app.authorize_url(&[("scope", "openid offline_access")]), person, None);
    app.trade(&crate::harness::visitor::parameter(&back, "code").expect("a code")).tokens()
}

fn alive(server: &Server, app: &App, tokens: &Tokens) -> bool {
    let access = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().status == 200;
    let refresh = tokens.refresh.as_deref().expect("refresh token");
    let token = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", refresh)];
    let told = Call::post(server.at("/oauth/introspect")).form(&token).send().json();
    assert_eq!(told["active"] == true, access, "both or none: {told}");
    access
}

fn is_signed_in(visitor: &mut Visitor, server: &Server) -> bool {
    visitor.open(&server.at("/")).shows("sign-out")
}

fn withdraw(app: &App) -> String {
    format!("withdraw-{}", app.client_id)
}

#[test]
fn st_68_fm_30_a_person_sees_which_applications_have_access_and_takes_it_back() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let other = server.app("web");
        let mut visitor = signed_in(server, &person);
        let page = visitor.open(&server.at("/applications"));
        assert!(page.shows("no-applications"), "{}", page.plain());
        let (given, kept) = (tokens(&mut visitor, &app, &person), tokens(&mut visitor, &other, &person));
        let home = visitor.open(&server.at("/"));
        assert!(home.shows("applications") && home.shows("sign-out-everywhere"));
        let page = visitor.open(&server.at("/applications"));
        assert!(page.shows(&withdraw(&app)) && page.shows(&withdraw(&other)), "{}", page.plain());
        assert!(page.plain().contains(&app.name) && page.plain().contains("Know that it is you"), "{}", page.plain());
        assert!(alive(server, &app, &given) && alive(server, &other, &kept));
        let after = visitor.submit(&page, &withdraw(&app), &[]);
        assert_eq!((after.answer.status, after.url.as_str()), (200, server.at("/applications").as_str()));
        assert!(!after.shows(&withdraw(&app)) && after.shows(&withdraw(&other)));
        assert!(!alive(server, &app, &given) && alive(server, &other, &kept));
        let asked = visitor.open(&app.authorize_url(&[("scope", "openid offline_access")]));
        assert!(asked.shows("allow"), "asked anew: {}", asked.plain());
        let again = tokens(&mut visitor, &app, &person);
        assert!(alive(server, &app, &again) && !alive(server, &app, &given));
    });
}

#[test]
fn fm_48_fm_57_withdrawing_and_signing_out_everywhere_need_a_form_of_this_session() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = signed_in(server, &person);
        // In another browser: whoever signs in over the person's session here ends what was given in it.
        let given = tokens(&mut signed_in(server, &person), &app, &person);
        let other = server.person();
        let mut stranger = signed_in(server, &other);
        let refused = |page: Page| assert!(!page.is_error_page(403).is_empty(), "{}", page.plain());
        for (path, fields) in
            [("/applications", ("client_id", app.client_id.as_str())), ("/sign-out", ("everywhere", "1"))]
        {
            let (page, holds) = match path {
                "/applications" => (visitor.open(&server.at(path)), withdraw(&app)),
                _ => (visitor.open(&server.at("/")), "sign-out-everywhere".to_owned()),
            };
            let form = page.form(&holds);
            let token = form.fields().into_iter().find(|(name, _)| name == "form_token").expect("a token").1;
            refused(visitor.post_to(&server.at(path), &[fields]));
            refused(visitor.post_to(&server.at(path), &[fields, ("form_token", "AAAA")]));
            refused(stranger.post_to(&server.at(path), &[fields, ("form_token", &token)]));
            // The same browser after somebody else signed in there: the page speaks for the first person.
            let mut shared = visitor.clone();
            let sign_in = shared.open(&app.authorize_url(&[("prompt", "login")]));
            shared.sign_in(&sign_in, &other);
            refused(shared.post_to(&server.at(path), &[fields, ("form_token", &token)]));
            assert!(is_signed_in(&mut shared, server) && is_signed_in(&mut stranger, server));
            assert!(alive(server, &app, &given), "{path}");
            // Somebody signed in over the person's session: a new one for the second round.
            visitor = signed_in(server, &person);
        }
        let page = Visitor::new(server).open(&server.at("/applications"));
        assert!(page.shows("sign-in-password"), "{}", page.plain());
    });
}

#[test]
fn st_69_signing_out_everywhere_ends_other_browsers_and_applications_by_the_page_and_by_the_command() {
    on_both(|server| {
        for by_command in [false, true] {
            let (app, person) = server.app_and_person("web");
            let (mut here, mut there) = (signed_in(server, &person), signed_in(server, &person));
            let given = [tokens(&mut here, &app, &person), tokens(&mut there, &app, &person)];
            assert!(given.iter().all(|tokens| alive(server, &app, tokens)));
            if by_command {
                let shown = server.json(&["user", "sign-out", &person.name], "");
                assert_eq!(shown["user_name"], person.name.as_str());
            } else {
                let page = here.open(&server.at("/"));
                assert_eq!(here.submit(&page, "sign-out-everywhere", &[]).url, server.at("/signed-out"));
            }
            assert!(!is_signed_in(&mut here, server) && !is_signed_in(&mut there, server));
            assert!(!given.iter().any(|tokens| alive(server, &app, tokens)));
            let mut anew = signed_in(server, &person);
            let fresh = tokens(&mut anew, &app, &person);
            assert!(alive(server, &app, &fresh), "the password still opens");
        }
    });
}

#[test]
fn st_69_signing_out_of_one_browser_leaves_the_other_alone() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let (mut here, mut there) = (signed_in(server, &person), signed_in(server, &person));
        let (ends, stays) = (tokens(&mut here, &app, &person), tokens(&mut there, &app, &person));
        // The password once more in the same browser: what was issued before hangs on the same visit.
        let page = here.open(&app.authorize_url(&[("prompt", "login")]));
        here.sign_in(&page, &person);
        let page = here.open(&server.at("/"));
        here.submit(&page, "sign-out", &[]);
        assert!(!alive(server, &app, &ends) && alive(server, &app, &stays));
        assert!(!is_signed_in(&mut here, server) && is_signed_in(&mut there, server));
    });
}

#[test]
fn the_operator_lists_and_withdraws_consents_and_is_told_what_is_not_there() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let given = tokens(&mut signed_in(server, &person), &app, &person);
        let list = server.json(&["user", "consents", &person.name], "");
        assert_eq!(list[0]["client_id"], app.client_id.as_str(), "{list}");
        assert_eq!(list[0]["scopes"], serde_json::json!(["openid", "offline_access"]));
        let told = server.json(&["user", "withdraw", &person.email, &app.client_id], "");
        assert_eq!((&told["withdrawn"], &told["left"]), (&app.client_id.as_str().into(), &serde_json::json!([])));
        assert!(!alive(server, &app, &given));
        assert_eq!(server.json(&["user", "consents", &person.name], ""), serde_json::json!([]));
        let shown = server.json(&["app", "show", &app.name], "");
        let secret = shown["secrets"][0]["id"].as_str().expect("an id").to_owned();
        for (arguments, sentence) in [
            (["user", "withdraw", "nobody", app.name.as_str()], "There is no person"),
            (["user", "withdraw", &person.name, "nothing"], "There is no application"),
            (["app", "remove-secret", &app.name, "x"], "has no secret"),
            (["app", "remove-secret", "nothing", &secret], "There is no application"),
        ] {
            let output = server.command(&arguments, "");
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && errors.contains(sentence), "{arguments:?}: {errors}");
        }
        let removed = server.json(&["app", "remove-secret", &app.name, &secret], "");
        assert_eq!(removed["secrets"], serde_json::json!([]));
        let again = server.command(&["app", "remove-secret", &app.name, &secret], "");
        assert_eq!(again.status.code(), Some(1));
    });
}

#[test]
fn an_organization_is_shown_as_switched_off_until_it_is_switched_on() {
    on_both(|server| {
        let name = crate::harness::unique("hall");
        server.json(&["org", "add", &name], "");
        let state = |verb: &str| server.json(&["org", verb, &name], "")["enabled"].clone();
        assert_eq!((state("disable"), state("disable"), state("enable")), (false.into(), false.into(), true.into()));
        let output = server.command(&["org", "disable", "no such hall"], "");
        assert_eq!(output.status.code(), Some(1));
    });
}
