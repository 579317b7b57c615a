//! Every form is protected against forgery: a token bound to the browser, and the sender's origin where it is said.

use crate::git_auths::scene::Scene;
use crate::githosts::follow;
use crate::harness::page::{Form, forms};
use crate::harness::{Answer, Call, Database, Page, Server, Visitor, on_both_alone};

/// Pages with forms, each with the visitor who stands before it.
fn pages(server: &Server) -> Vec<(&'static str, Visitor, Page)> {
    let (app, person) = server.app_and_person("web");
    let mut all = Vec::new();
    let mut visitor = Visitor::new(server);
    let sign_in = visitor.open(&app.authorize_url(&[]));
    all.push(("sign-in for an application", visitor.clone(), sign_in.clone()));
    let consent = visitor.sign_in(&sign_in, &person);
    all.push(("consent", visitor.clone(), consent));
    let home = visitor.open(&server.at("/"));
    all.push(("home", visitor.clone(), home));
    let sign_out = visitor.open(&server.at("/sign-out"));
    all.push(("sign-out", visitor, sign_out));
    let mut alone = Visitor::new(server);
    let page = alone.open(&server.at("/sign-in"));
    all.push(("sign-in", alone, page));
    let link = server.json(&["setup-link"], "")["url"].as_str().expect("url").to_owned();
    let mut first = Visitor::new(server);
    let page = first.open(&link);
    all.push(("setup", first, page));
    all
}

/// The pages about Git hosts that have forms, likewise.
fn git_pages(scene: &Scene) -> Vec<(&'static str, Visitor, Page)> {
    scene.authorize("github", "auth1");
    let here = scene.server.at(&format!("/git/{}", scene.project));
    let mut all = Vec::new();
    let mut visitor = scene.visitor(&scene.ada);
    let portal = visitor.open(&here);
    let question = visitor.submit(&portal, "delete-auth1", &[]);
    let away = visitor.submit(&portal, "renew-auth1", &[]);
    let renewal = visitor.open(&follow(away.left_for.as_deref().expect("sent to the host")));
    all.push(("authorizations", visitor.clone(), portal));
    all.push(("the question before deleting", visitor.clone(), question));
    all.push(("the way back of a renewal", visitor.clone(), renewal));
    let (_, landed, page) = scene.landed("github");
    all.push(("the way back", landed, page));
    let browse = format!("{here}/browse/auth1");
    assert!(forms(&visitor.open(&browse).answer.text()).is_empty(), "who looks around changes nothing");
    for (what, url) in [
        ("sign-in at the projects", scene.server.at("/git")),
        ("sign-in at the authorizations", here),
        ("sign-in before looking inside", browse),
        ("sign-in on the way back", scene.way_back("gitee")),
    ] {
        let mut nobody = Visitor::new(&scene.server);
        let page = nobody.open(&url);
        all.push((what, nobody, page));
    }
    all
}

/// Sends the form with these fields and headers.
fn send(visitor: &Visitor, page: &Page, form: &Form, fields: &[(String, String)], headers: &[(&str, &str)]) -> Answer {
    let mut visitor = visitor.clone();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut call = Call::post(visitor.resolve(&page.url, &form.action)).form(&fields);
    for (name, value) in headers {
        call = call.header(name, *value);
    }
    visitor.send(call)
}

/// Whether the answer refuses the form as a forgery.
fn is_refused(answer: &Answer) -> bool {
    assert!(answer.status < 500, "{}", answer.text());
    let refused = matches!(answer.status, 400 | 403 | 404 | 410);
    assert!(refused || answer.status < 400, "an unexpected refusal: {} {}", answer.status, answer.text());
    refused
}

/// Tries every form of these pages with 12 forgeries each; how many forms there were.
fn forge(server: &Server, pages: &[(&str, Visitor, Page)]) -> usize {
    let mut seen = 0;
    let other = {
        let mut stranger = Visitor::new(server);
        let page = stranger.open(&server.at("/sign-in"));
        page.form("form_token").value("form_token").expect("a token").to_owned()
    };
    for (what, visitor, page) in pages {
        let found = forms(&page.answer.text());
        assert!(!found.is_empty(), "{what} has no form: {}", page.answer.text());
        for form in found {
            seen += 1;
            assert_eq!(form.method, "post", "{what}: a form that changes nothing needs no form");
            let mut fields = form.fields();
            fields.push(("decision".into(), "allow".into()));
            let own = form.value("form_token").unwrap_or_else(|| panic!("{what}: no token")).to_owned();
            assert!(own.len() >= 43, "{what}: {own}");
            let with = |token: Option<&str>| -> Vec<(String, String)> {
                let mut changed: Vec<_> = fields.iter().filter(|(n, _)| n != "form_token").cloned().collect();
                changed.extend(token.map(|t| ("form_token".to_owned(), t.to_owned())));
                changed
            };
            let flipped = format!("{}{}", if own.starts_with('A') { 'B' } else { 'A' }, &own[1..]);
            for token in
                [None, Some(""), Some("x"), Some(other.as_str()), Some(flipped.as_str()), Some(&own[..own.len() - 1])]
            {
                let answer = send(visitor, page, &form, &with(token), &[]);
                assert!(is_refused(&answer), "{what}: token {token:?}");
            }
            // Our own pages send no referrer, which makes a browser say `Origin: null`; where it says where a form
            // comes from, that is believed.
            let evil = ("Origin", "https://evil.example");
            for headers in [
                vec![evil],
                vec![("Sec-Fetch-Site", "cross-site")],
                vec![("Sec-Fetch-Site", "same-site")],
                vec![("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
                vec![evil, ("Sec-Fetch-Site", "same-origin")],
            ] {
                let answer = send(visitor, page, &form, &fields, &headers);
                assert!(is_refused(&answer), "{what}: {headers:?}");
            }
            let mut nobody = Visitor::new(server);
            nobody.cookies.clear();
            let answer = send(&nobody, page, &form, &fields, &[]);
            // Where one has to be signed in, whoever is not is led back to where they are, and signs in there.
            let is_led_back = answer.status == 303 && visitor.resolve(&page.url, answer.location()) == page.url;
            assert!(is_led_back || is_refused(&answer), "{what}: without the browser's cookie");
        }
    }
    seen
}

/// Size in CI: every form of every page × 12 forgeries, on each database.
#[test]
fn st_19_fm_57_every_form_needs_its_token_and_its_own_origin() {
    on_both_alone(|server| {
        let seen = forge(&server, &pages(&server));
        assert!(seen >= 7, "{seen} forms");
    });
}

/// Size in CI: every form of the pages about Git hosts × 12 forgeries, on each database.
#[test]
fn st_19_fm_57_every_form_about_git_hosts_needs_its_token_and_its_own_origin() {
    for database in [Database::Sqlite, Database::Postgres] {
        let scene = Scene::on(database);
        let pages = git_pages(&scene);
        let stands = || (scene.list(), scene.asked(), scene.trail("git_flow.open").len());
        let before = stands();
        let seen = forge(&scene.server, &pages);
        assert!(seen >= 15, "{seen} forms");
        assert_eq!(stands(), before, "no forgery has changed anything here, or reached a host");
        // As it stands each form is good: what is refused above is refused for what was forged.
        let (mut visitor, page) = (pages[3].1.clone(), &pages[3].2);
        assert!(visitor.submit(page, "git-name", &[("name", "auth2")]).shows("git-kept"));
        let (mut visitor, page) = (pages[1].1.clone(), &pages[1].2);
        visitor.submit(page, "git-delete", &[]);
        assert_eq!(scene.list().len(), 1, "auth1 is deleted");
    }
}

#[test]
fn fm_57_nothing_is_changed_by_get() {
    on_both_alone(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(&server);
        let page = visitor.open(&app.authorize_url(&[]));
        let page = visitor.sign_in(&page, &person);
        let form = page.form("allow");
        let fields = form.fields();
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.push(("decision", "allow"));
        let url = Call::get(visitor.resolve(&page.url, &form.action)).query(&fields).url().to_owned();
        assert!(visitor.open(&url).left_for.is_none(), "consent by GET");
        visitor.open(&server.at("/sign-out"));
        assert!(visitor.open(&server.at("/")).plain().contains(&person.name), "signed out by GET");
        for url in [app.authorize_url(&[]), page.url.clone()] {
            let head = visitor.send(Call::new("HEAD", &url));
            assert_eq!((head.status, head.header("allow")), (405, Some("GET, POST")), "HEAD {url}");
            assert_eq!((head.header("location"), head.header("set-cookie")), (None, None), "HEAD {url}");
        }
    });
}
