//! The landing page: where it stands, what it offers, what it shows, and what it says when the host said no.

use super::scene::{Scene, brought};
use crate::githosts::{Fault, follow};
use crate::harness::visitor::parameter;
use crate::harness::{Call, Database, Visitor, page, wait_until};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

#[test]
fn st_125_the_page_stands_at_the_callbacks_own_address_and_loads_nothing_from_elsewhere() {
    on_both(|scene| {
        let (address, mut visitor, page) = scene.landed("github");
        assert_eq!((page.answer.status, page.url.as_str()), (200, address.as_str()));
        let header = |name: &str| page.answer.header(name).unwrap_or_default().to_owned();
        assert_eq!((header("referrer-policy").as_str(), header("cache-control").as_str()), ("no-referrer", "no-store"));
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.ends_with("form-action 'self'"), "{policy}");
        let html = page.answer.text();
        assert!(!html.contains(&scene.github.url()), "nothing leads back to the host");
        for tag in page::tags(&html) {
            for value in ["src", "href", "action"].iter().filter_map(|name| tag.get(name)) {
                assert!(value.starts_with('/'), "{value}");
            }
        }
        for (id, name) in [("git-code", "code"), ("git-state", "state")] {
            assert_eq!(page::text_of(&html, id), parameter(&address, name));
        }
        assert!(page::text_of(&html, "git-not-used").expect("a sentence").starts_with("Not used yet"));
        // Loading it again is safe, and so is asking for its head.
        let head = visitor.send(Call::new("HEAD", &address));
        assert_eq!(head.status, 405);
        assert!(visitor.open(&address).shows("git-keep"));
        assert_eq!(scene.asked(), 0);
    });
}

#[test]
fn a_name_is_offered_and_the_authorization_is_kept_by_the_pages_form_once() {
    on_both(|scene| {
        let (address, mut visitor, page) = scene.landed("github");
        assert_eq!(page.form("git-name").value("name"), Some("github"));
        let wrong = visitor.submit(&page, "git-name", &[("name", "x y")]);
        assert_eq!((wrong.answer.status, wrong.shows("git-name-fault")), (422, true));
        assert_eq!(wrong.form("git-name").value("name"), Some("x y"), "what was typed is shown again");
        assert_eq!(scene.asked(), 0, "a wrong name spends nothing");
        let kept = visitor.submit(&wrong, "git-name", &[("name", "github")]);
        assert_eq!(kept.answer.status, 200, "{}", kept.plain());
        let clean = scene.server.at(&format!("/git/{}?kept=github", scene.project));
        assert_eq!(kept.url, clean, "the address has neither code nor state");
        let html = kept.answer.text();
        assert_eq!(page::text_of(&html, "git-kept-name").as_deref(), Some("github"));
        assert_eq!(page::text_of(&html, "git-kept-account").as_deref(), Some("octocat"));
        assert!(page::text_of(&html, "git-kept-host").expect("a host").starts_with("GitHub"));
        let code = parameter(&address, "code").expect("code");
        assert!(!html.contains(&code), "what is used is not shown any more");
        let rows = scene.list();
        assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["status"]), (1, &"github".into(), &0.into()));
        // Once.
        for again in [visitor.submit(&wrong, "git-name", &[("name", "again")]), visitor.open(&address)] {
            assert_eq!(again.is_error_page(410), "git_way_used");
            assert!(again.shows("git-list"), "{}", again.plain());
        }
        assert!(visitor.open(&clean).shows("git-kept"), "what was kept can be called up again");
        let other = visitor.open(&clean.replace("=github", "=other"));
        assert!(other.shows("status-github") && !other.shows("git-kept"), "{}", other.plain());
        // The next one is offered a name that is free, and one that is taken spends nothing.
        let (_, mut visitor, page) = scene.landed("github");
        assert_eq!(page.form("git-name").value("name"), Some("github-2"));
        let taken = visitor.submit(&page, "git-name", &[("name", "github")]);
        assert_eq!((taken.answer.status, taken.shows("git-name-fault")), (422, true));
        let kept = visitor.submit(&taken, "git-name", &[("name", "github-2")]);
        assert_eq!(kept.answer.status, 200, "{}", kept.plain());
    });
}

#[test]
fn an_authorization_is_renewed_in_place_its_name_stays_and_the_old_access_ends_at_the_host() {
    on_both(|scene| {
        let before = scene.authorize("github", "auth1");
        let old = scene.github.live_tokens();
        assert_eq!(old.len(), 1);
        scene.github.add_person("hopper");
        let (_, mut visitor, page) = scene.landed("github");
        let kept = visitor.submit(&page, "git-renew-auth1", &[]);
        assert!(kept.answer.status == 200 && kept.plain().contains("is renewed"), "{}", kept.plain());
        let rows = scene.list();
        assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["repo_user"]), (1, &"auth1".into(), &"hopper".into()));
        assert_eq!(rows[0]["create_time"], before["create_time"]);
        assert!(rows[0]["update_time"].as_i64() >= before["update_time"].as_i64());
        wait_until("the old token is ended", || !scene.github.is_alive(&old[0]));
        assert_eq!(scene.github.live_tokens().len(), 1, "and the new one does");
    });
}

#[test]
fn a_personal_token_gives_way_to_an_authorization_by_redirect_and_the_name_stays() {
    on_both(|scene| {
        let personal = [
            scene.github.classic_token(&["repo"], None),
            scene.gitlab.personal_token(&["api"], scene.gitlab.clock.now() + 30 * 86_400),
        ];
        for (kind, token) in ["github", "gitlab"].into_iter().zip(&personal) {
            let name = format!("own-{kind}");
            let body = serde_json::json!({ "name": name, "token": token });
            assert_eq!(scene.post(&format!("/{kind}/personal"), &body).status, 200);
            let row = || scene.list().into_iter().find(|row| row["name"] == name.as_str()).expect("is there");
            let before = row();
            assert_eq!(before["token_type"], "personal");
            // Once by a way that was begun anew, and once from the list of authorizations.
            let (mut visitor, page) = match kind {
                "github" => {
                    let (_, visitor, page) = scene.landed(kind);
                    (visitor, page)
                }
                _ => {
                    let mut visitor = scene.visitor(&scene.ada);
                    let page = visitor.open(&scene.server.at(&format!("/git/{}", scene.project)));
                    let away = visitor.submit(&page, &format!("renew-{name}"), &[]);
                    let page = visitor.open(&follow(away.left_for.as_deref().expect("sent to the host")));
                    (visitor, page)
                }
            };
            let kept = visitor.submit(&page, &format!("git-renew-{name}"), &[]);
            assert!(kept.shows("git-kept") && kept.plain().contains("is renewed"), "{}", kept.plain());
            let after = row();
            assert_eq!((&after["token_type"], &after["status"]), (&"oauth".into(), &0.into()), "{after}");
            for same in ["name", "create_time", "repo_type", "repo_host", "repo_user"] {
                assert_eq!(after[same], before[same], "{same}");
            }
            assert_ne!(scene.credential(&name), *token, "the new token is handed out");
        }
        assert_eq!(scene.list().len(), 2);
        let shown = scene.shown("own-gitlab");
        assert!(shown["next"].as_str().is_some_and(|next| next.contains("what renews it is kept")), "{shown}");
        // A personal token is its owner's: nobody ends it, and the trail says that it lives on.
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 2);
        assert!(scene.trail("git_authorization.revoke").iter().all(|(outcome, _)| outcome == "cannot_be"));
        assert!(scene.github.is_alive(&personal[0]) && scene.gitlab.is_alive(&personal[1]));
    });
}

#[test]
fn what_the_host_said_no_to_is_told_in_words_and_nothing_lands() {
    on_both(|scene| {
        let address = scene.way_back("github");
        let (path, state) = (address.split('?').next().unwrap(), parameter(&address, "state").expect("state"));
        let mut visitor = scene.visitor(&scene.ada);
        let open = |visitor: &mut Visitor, query: &str| visitor.open(&format!("{path}?{query}"));
        let denied = open(&mut visitor, &format!("error=access_denied&error_description=CANARY&state={state}"));
        assert_eq!(denied.is_error_page(403), "git_denied");
        assert!(!denied.answer.text().contains("CANARY"), "what stands in the address is not repeated (FM-93)");
        let failed = open(&mut visitor, &format!("error=CANARY&state={state}"));
        assert_eq!(failed.is_error_page(502), "git_host_failed");
        for query in ["", "code=c", "state=x&code=c", &format!("state={state}"), &format!("code=&state={state}")] {
            assert_eq!(open(&mut visitor, query).is_error_page(410), "git_way_over", "{query}");
        }
        let twice = open(&mut visitor, &format!("code=a&code=b&state={state}"));
        assert_eq!(twice.is_error_page(400), "invalid_request");
        assert!(visitor.open(&address).shows("git-keep"), "the way is still open");
    });
}

#[test]
fn a_host_that_fails_at_the_end_is_told_of_and_the_flow_is_spent() {
    on_both(|scene| {
        let (_, mut visitor, page) = scene.landed("github");
        scene.github.fails("POST /login/oauth/access_token", Fault::Status(500), 1);
        let failed = visitor.submit(&page, "git-name", &[("name", "auth1")]);
        assert_eq!(failed.is_error_page(502), "git_host_failed");
        assert_eq!(visitor.submit(&page, "git-name", &[("name", "auth1")]).answer.status, 410);
        assert_eq!(scene.list().len(), 0);
    });
}

#[test]
fn what_the_page_shows_is_what_a_program_posts() {
    on_both(|scene| {
        let (_, _, page) = scene.landed("gitee");
        let html = page.answer.text();
        let shown = |id: &str| page::text_of(&html, id).expect("shown");
        let address = format!("x?code={}&state={}", shown("git-code"), shown("git-state"));
        assert_eq!(scene.post("/gitee/oauth", &brought("auth1", &address)).status, 200);
    });
}
