//! `/git`: what a person sees of their projects' authorizations, and does there.

use super::scene::{Scene, join, project};
use crate::githosts::follow;
use crate::harness::{Database, Visitor};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

#[test]
fn a_person_sets_out_on_the_page_and_renews_and_deletes_there() {
    on_both(|scene| {
        let mut visitor = scene.visitor(&scene.ada);
        let git = scene.server.at("/git");
        let page = visitor.open(&git);
        assert!(
            page.url.ends_with(&format!("/git/{}", scene.project)) && page.shows("no-authorizations"),
            "{}",
            page.url
        );
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains(&scene.github.url()), "Chromium applies form-action to the redirect: {policy}");
        let choose = |page: &crate::harness::Page| {
            let html = page.answer.text();
            let at = html.find("(127.0.0.1) <span class=\"button-note\">hub").expect("the hub is offered");
            let id = html[..at].rsplit("id=\"create-").next().expect("a button").split('"').next().unwrap().to_owned();
            format!("create-{id}")
        };
        let away = visitor.submit(&page, &choose(&page), &[]);
        let back = follow(away.left_for.as_deref().expect("sent to the host"));
        let landed = visitor.open(&back);
        let kept = visitor.submit(&landed, "git-name", &[("name", "auth1")]);
        assert!(kept.shows("git-kept"), "{}", kept.plain());

        // Renewed: the page after the way back offers that alone, and the name stays.
        let page = visitor.open(&git);
        assert!(page.shows("status-auth1"), "{}", page.plain());
        let away = visitor.submit(&page, "renew-auth1", &[]);
        let landed = visitor.open(&follow(away.left_for.as_deref().expect("sent to the host")));
        assert!(landed.shows("git-renew-auth1") && !landed.shows("git-keep"), "{}", landed.plain());
        let kept = visitor.submit(&landed, "git-renew-auth1", &[]);
        assert!(kept.shows("git-kept"), "{}", kept.plain());
        assert_eq!(scene.list().len(), 1);

        // A token that the host does not take changes nothing and says so.
        let page = visitor.open(&git);
        for wrong in ["ghp_wrong", "no token", ""] {
            let after = visitor.submit(&page, "token-auth1", &[("token", wrong)]);
            assert_eq!((after.answer.status, after.shows("git-token-fault")), (422, true), "{}", after.plain());
        }

        // The mode changes, the name stays.
        let token = scene.github.classic_token(&["repo"], None);
        let page = visitor.open(&git);
        let after = visitor.submit(&page, "token-auth1", &[("token", &token)]);
        assert!(after.shows("status-auth1"), "{}", after.plain());
        assert_eq!(scene.list()[0]["token_type"], "personal");

        // Deleted only after a question.
        let page = visitor.open(&git);
        let question = visitor.submit(&page, "delete-auth1", &[]);
        assert_eq!(scene.list().len(), 1);
        visitor.submit(&question, "git-delete", &[]);
        assert_eq!(scene.list().len(), 0);
    });
}

#[test]
fn fm_131_a_viewer_changes_nothing_and_a_stranger_finds_nothing() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let (viewer, stranger) = (scene.server.person(), scene.server.person());
        join(&scene.server, &scene.project, &viewer, "viewer");
        let here = scene.server.at(&format!("/git/{}", scene.project));
        let mut visitor = scene.visitor(&viewer);
        let page = visitor.open(&here);
        assert!(page.shows("status-auth1") && !page.shows("delete-auth1"), "{}", page.plain());
        let mut other = scene.visitor(&stranger);
        let none = scene.server.at(&format!("/git/{}", project(&scene.server)));
        let answers = [&here, &none].map(|url| {
            let page = other.open(url);
            (page.answer.status, page.error_code())
        });
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], (404, Some("not_found".to_owned())));
        // An editor's form does not become good in a viewer's browser.
        let mut editor = scene.visitor(&scene.ada);
        let token = editor.open(&here).form("delete-auth1").value("form_token").expect("a token").to_owned();
        for step in ["delete", "renew", "create", "token", "renew_token", "ask_delete"] {
            let fields = [("step", step), ("name", "auth1"), ("form_token", token.as_str()), ("token", "x")];
            assert_eq!(visitor.post_to(&here, &fields).answer.status, 403, "{step}");
        }
        assert_eq!(scene.list().len(), 1);
    });
}

#[test]
fn fm_15_a_visitor_who_is_not_signed_in_signs_in_where_they_came_and_stays_there() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let here = scene.server.at(&format!("/git/{}", scene.project));
        for (start, end) in [(here.clone(), here.clone()), (format!("{here}?kept=auth1"), format!("{here}?kept=auth1"))]
        {
            let mut visitor = Visitor::new(&scene.server);
            let page = visitor.open(&start);
            assert_eq!((page.answer.status, page.url.as_str()), (200, start.as_str()), "{}", page.plain());
            assert!(page.shows("sign-in-password") && !page.plain().contains("auth1"), "{}", page.plain());
            let wrong = visitor.sign_in_as(&page, &scene.ada.name, "wrong");
            assert_eq!((wrong.answer.status, wrong.shows("sign-in-password")), (422, true), "{}", wrong.plain());
            let page = visitor.sign_in(&wrong, &scene.ada);
            assert_eq!((page.answer.status, page.url.as_str()), (200, end.as_str()), "{}", page.plain());
            assert!(page.plain().contains("auth1"), "{}", page.plain());
        }
        let mut visitor = Visitor::new(&scene.server);
        let page = visitor.open(&scene.server.at("/git"));
        let page = visitor.sign_in(&page, &scene.ada);
        assert_eq!(page.url, here, "the one project that there is");
        // Whether there is such a project is told to nobody who is not signed in.
        let none = here.replace(&scene.project, &"0".repeat(32));
        let shown = [&here, &none].map(|url| Visitor::new(&scene.server).open(url));
        assert_eq!(shown[0].plain(), shown[1].plain());
        // A button that is pressed after the session has ended changes nothing and leads back.
        let page = visitor.open(&here);
        visitor.cookies.remove("vestibule-session");
        let after = visitor.submit(&page, "delete-auth1", &[]);
        assert!(after.shows("sign-in-password") && after.url == here, "{} {}", after.url, after.plain());
        assert_eq!(scene.list().len(), 1);
    });
}
