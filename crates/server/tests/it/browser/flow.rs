//! Signing in, ticking, denying, going wrong and signing out.

use crate::harness::visitor::parameter;
use crate::harness::{App, Call, Callback, Chromium, Database, Server, on_both, process::Litter, wait_until};

/// A web application whose callback listens, and its address there.
fn listening_app(server: &Server, template: &str) -> (App, Callback) {
    let callback = Callback::new();
    let app = server.app_with(template, &[&callback.url], &[]);
    (app, callback)
}

#[test]
fn a_person_signs_in_ticks_some_scopes_and_comes_back_with_a_code() {
    on_both(|server| {
        let (app, callback) = listening_app(server, "web");
        let person = server.person();
        let browser = Chromium::open();
        browser.goto(&app.authorize_url(&[("scope", "openid profile email phone")]));
        assert!(browser.source().contains(&app.name), "the page says which application asks");
        browser.sign_in(&person.name, &person.password);
        browser.wait_for("allow");
        assert!(browser.ticked("scope-email"));
        browser.click("scope-email");
        browser.click("scope-phone");
        assert!(!browser.ticked("scope-email"));
        browser.click("allow");
        let target = callback.next();
        assert_eq!(browser.text("client"), "back at the client", "the policy lets the browser follow to the client");
        assert_eq!(parameter(&target, "iss").as_deref(), Some(server.url.as_str()));
        let tokens = app.trade(&parameter(&target, "code").expect("code")).tokens();
        let scope = tokens.json["scope"].as_str().unwrap_or_default();
        assert!(scope.contains("profile") && !scope.contains("email") && !scope.contains("phone"), "{scope}");

        // Back in the browser's history the page may still stand: it says that it is over, and gives no second code.
        browser.back();
        wait_until("the page or its end", || browser.shows("allow") || browser.shows("error-code"));
        if browser.shows("allow") {
            browser.click("allow");
        }
        browser.wait_for("error-code");
        browser.refresh();
        browser.wait_for("error-code");
        assert!(callback.is_untouched());
        assert_eq!(browser.console(), Vec::<String>::new().as_slice(), "nothing was blocked on the way");
    });
}

#[test]
fn a_denial_comes_back_as_access_denied() {
    let server = Server::shared(Database::Sqlite);
    let (app, callback) = listening_app(server, "web");
    let person = server.person();
    let browser = Chromium::open();
    browser.goto(&app.authorize_url(&[]));
    browser.sign_in(&person.email, &person.password);
    browser.click("deny");
    let target = callback.next();
    assert_eq!(parameter(&target, "error").as_deref(), Some("access_denied"), "{target}");
    assert_eq!(parameter(&target, "state").as_deref(), Some("st a+te/%&="));
    assert!(parameter(&target, "code").is_none());
}

#[test]
fn a_wrong_password_stays_on_the_page_and_the_right_one_goes_on() {
    let server = Server::shared(Database::Sqlite);
    let (app, callback) = listening_app(server, "gitlife");
    let person = server.person();
    let browser = Chromium::open();
    browser.goto(&app.authorize_url(&[("code_challenge", ""), ("code_challenge_method", "")]));
    browser.sign_in(&person.name, "not the password");
    browser.wait_for("sign-in-wrong");
    assert!(callback.is_untouched());
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("allow");
    browser.refresh();
    assert!(browser.ticked("scope-user_info"), "a refresh shows the same page");
    browser.click("scope-projects");
    browser.click("allow");
    let code = parameter(&callback.next(), "code").expect("code");
    let json = app.trade_with(&code, &[("code_verifier", "")]).tokens().json;
    assert!(json["scope"].as_str().is_some_and(|s| s.contains("projects") && s.contains("user_info")), "{json}");
}

#[test]
fn errors_are_pages_with_a_code_and_go_nowhere() {
    let server = Server::shared(Database::Sqlite);
    let (app, callback) = listening_app(server, "web");
    let browser = Chromium::open();
    let wrong = format!("{}/other", callback.url);
    browser.goto(&app.authorize_url(&[("redirect_uri", &wrong)]));
    assert!(!browser.text("error-code").is_empty());
    let source = browser.source();
    assert!(source.contains(&callback.url) && source.contains("/other"), "both values are shown: {source}");
    browser.goto(&app.authorize_url(&[("client_id", "app_0")]));
    assert!(!browser.text("error-code").is_empty());
    browser.goto(&server.at("/nothing-here"));
    assert!(!browser.text("error-code").is_empty());
    assert!(callback.is_untouched());
}

#[test]
fn signing_out_ends_the_session() {
    let server = Server::shared(Database::Postgres);
    let person = server.person();
    let browser = Chromium::open();
    browser.goto(&server.at("/sign-in"));
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("sign-out");
    assert!(browser.source().contains(&person.name));
    let session = browser.cookies().into_iter().find(|c| c["name"] == "vestibule-session").expect("a session cookie");
    assert_eq!(session["httpOnly"], true);
    assert_eq!(session["sameSite"], "Lax");
    browser.click("sign-out");
    browser.wait_at(&server.at("/signed-out"));
    browser.goto(&server.at("/"));
    assert!(!browser.source().contains(&person.name));
    let value = session["value"].as_str().unwrap_or_default();
    let stolen = Call::get(server.at("/")).header("Cookie", format!("vestibule-session={value}")).send();
    assert!(!stolen.text().contains(&person.name), "the session itself is dead");
}

#[test]
fn the_setup_link_makes_the_first_administrator() {
    let server = Server::start(Database::Sqlite, &[]);
    let link = server.json(&["setup-link"], "")["url"].as_str().expect("url").to_owned();
    let browser = Chromium::open();
    browser.goto(&link);
    browser.type_into("setup-name", "root");
    browser.type_into("setup-email", "root@example.org");
    browser.type_into("setup-password", "correct horse battery");
    browser.type_into("setup-password-again", "correct horse battery");
    browser.click("create");
    browser.wait_for("setup-done");
    browser.goto(&server.at("/sign-in"));
    browser.sign_in("root", "correct horse battery");
    browser.wait_for("sign-out");
    assert_eq!(server.json(&["user", "show", "root"], "")["administrator"], true);
}

#[test]
fn everything_works_without_javascript() {
    let server = Server::shared(Database::Sqlite);
    let (app, callback) = listening_app(server, "web");
    let person = server.person();
    let browser = Chromium::open();
    browser.without_scripts();
    browser.goto(&app.authorize_url(&[]));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    app.trade(&parameter(&callback.next(), "code").expect("code")).tokens();
    browser.goto(&server.at("/"));
    browser.click("sign-out");
    browser.wait_at(&server.at("/signed-out"));
}

/// The Authorize URL of an IDaaS application in the address bar, and the page of who may not enter.
#[test]
fn fm_63_the_idaas_authorize_url_opens_in_a_browser_and_strangers_see_a_page() {
    let server = Server::shared(Database::Postgres);
    let (app, callback) = listening_app(server, "idaas-oauth2");
    let (guest, stranger) = (server.person(), server.person());
    server.json(&["app", "assign", &app.name, "--user", &guest.name], "");
    let url = app.shown["authorize_url"].as_str().expect("authorize_url");
    let browser = Chromium::open();
    browser.goto(url);
    browser.sign_in(&stranger.name, &stranger.password);
    browser.wait_for("error-code");
    assert!(callback.is_untouched());
    drop(browser);
    let browser = Chromium::open();
    browser.goto(url);
    browser.sign_in(&guest.name, &guest.password);
    assert!(parameter(&callback.next(), "code").is_some());
}

/// Kept for whoever wants to look: `VESTIBULE_TEST_PICTURES` names a directory. The README's picture is its consent.png.
#[test]
fn pictures_of_the_pages_can_be_taken() {
    let litter = Litter::new();
    let folder = std::env::var("VESTIBULE_TEST_PICTURES").map_or(litter.path.clone(), Into::into);
    let server = Server::shared(Database::Sqlite);
    let (app, _callback) = listening_app(server, "gitlife");
    let person = server.person();
    let browser = Chromium::open();
    let take = |name: &str| browser.screenshot(&folder.join(name).display().to_string());
    browser.goto(&app.authorize_url(&[]));
    take("sign-in.png");
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("allow");
    take("consent.png");
    browser.goto(&app.authorize_url(&[("redirect_uri", "https://evil.example/")]));
    take("error.png");
    for name in ["sign-in.png", "consent.png", "error.png"] {
        let bytes = std::fs::read(folder.join(name)).expect("a picture");
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 8_000, "{name} is no picture of a page");
    }
}

#[test]
fn st_01_fm_45_an_application_may_begin_by_a_form_on_its_own_site() {
    let server = Server::shared(Database::Sqlite);
    let (app, callback) = listening_app(server, "web");
    let person = server.person();
    let browser = Chromium::open();
    browser.goto(&app.authorize_url(&[]));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    callback.next();
    // The browser tells them in any order.
    let cookies = || {
        let mut cookies: Vec<String> = browser.cookies().iter().map(ToString::to_string).collect();
        cookies.sort();
        cookies
    };
    let before = cookies();
    let fields: String = crate::harness::visitor::parameters(&app.authorize_url(&[("prompt", "none")]))
        .iter()
        .map(|(name, value)| format!("<input type=hidden name='{name}' value='{}'>", value.replace('&', "&amp;")))
        .collect();
    let form = format!(
        "<!doctype html><title>x</title><form method=post action='{}'>{fields}<button id=go>go</button></form>",
        server.at("/oauth/authorize")
    );
    // Another site for the browser: it keeps our SameSite=Lax cookies from this POST.
    browser.goto(&Callback::serving(&form).url.replace("127.0.0.1", "localhost"));
    browser.click("go");
    let target = callback.next();
    assert!(parameter(&target, "code").is_some(), "signed in, and yet: {target}");
    assert_eq!(parameter(&target, "state").as_deref(), Some("st a+te/%&="));
    assert_eq!(cookies(), before, "the other visits' cookies stay");
}

#[test]
fn st_128_an_application_on_another_site_has_a_person_sign_out_and_gets_them_back() {
    let server = Server::shared(Database::Sqlite);
    let callback = Callback::new();
    let back = callback.url.replace("/callback", "/callback/signed-out");
    let app = server.app_with("web", &[&callback.url], &["--post-logout-redirect-uri", &back]);
    let person = server.person();
    let browser = Chromium::open();
    browser.without_scripts();
    browser.goto(&app.authorize_url(&[]));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    callback.next();
    let form = format!(
        "<!doctype html><title>x</title><form method=post action='{}'><input type=hidden name=client_id value='{}'>\
         <input type=hidden name=post_logout_redirect_uri value='{back}'><input type=hidden name=state value='a b'>\
         <button id=go>go</button></form>",
        server.at("/oauth/logout"),
        app.client_id
    );
    browser.goto(&Callback::serving(&form).url.replace("127.0.0.1", "localhost"));
    browser.click("go");
    browser.wait_for("asked-by");
    let source = browser.source();
    assert!(source.contains(&person.name) && source.contains(&app.name), "who is signed in, and who asks");
    if let Ok(folder) = std::env::var("VESTIBULE_TEST_PICTURES") {
        browser.screenshot(&format!("{folder}/sign-out.png"));
    }
    browser.click("sign-out");
    let target = callback.next();
    assert_eq!(target, "/callback/signed-out?state=a+b");
    assert_eq!(browser.text("client"), "back at the client", "the policy lets the browser follow to the client");
    assert_eq!(browser.console(), Vec::<String>::new().as_slice(), "nothing was blocked on the way");
    // Once more, with nobody signed in: the way back is a link.
    browser.goto(&Callback::serving(&form).url.replace("127.0.0.1", "localhost"));
    browser.click("go");
    browser.wait_for("signed-out");
    if let Ok(folder) = std::env::var("VESTIBULE_TEST_PICTURES") {
        browser.screenshot(&format!("{folder}/signed-out.png"));
    }
    browser.click("back");
    assert_eq!(callback.next(), "/callback/signed-out?state=a+b");
}
