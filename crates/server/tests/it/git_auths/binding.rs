//! What an authorization is bound to: the account at the host by its immutable id, the credential that was kept last, and
//! the person who set out by a button of ours.

use super::scene::{Scene, brought, join, project, refused};
use crate::githosts::{Fault, Gate};
use crate::harness::visitor::parameter;
use crate::harness::{Call, Database, wait_until};
use serde_json::json;
use std::collections::HashSet;

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

#[test]
fn fm_133_an_account_is_known_by_its_immutable_id_and_one_of_the_same_name_is_told_as_another() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        // The name was given up, and somebody else has it now.
        scene.github.add_person("octocat");
        let (_, mut visitor, page) = scene.landed("github");
        let kept = visitor.submit(&page, "git-renew-auth1", &[]);
        assert!(kept.shows("git-kept"), "{}", kept.plain());
        let told = scene.trail("git_authorization.replace");
        let change = "oauth of octocat (id 2) in place of oauth of octocat (id 1)";
        assert!(told.len() == 1 && told[0].1.ends_with(change), "{told:?}");
        let rows = scene.server.with_store(async |store| {
            const IDS: &str = "SELECT upstream_id FROM git_authorizations WHERE name = $1";
            store.run(vec![vestibule_store::statement!(IDS, "auth1")]).await.expect("reads").remove(0)
        });
        assert_eq!(rows.into_iter().map(|mut row| row.take_text(0).expect("text")).collect::<Vec<_>>(), ["2"]);
    });
}

#[test]
fn fm_133_whoever_has_somebodys_e_mail_address_at_a_host_becomes_nobody_here() {
    on_both(|scene| {
        // The host's grace has the address, and even the name, of one of ours who never was there.
        let add = ["user", "add", "grace", "--email", "grace@example.com", "--password-stdin"];
        scene.server.json(&add, "pw of grace 5b1e");
        let theirs = project(&scene.server);
        scene.server.json(&["project", "member", "add", &theirs, "grace", "--role", "owner"], "");
        let before = scene.server.json(&["user", "show", "grace"], "");
        let people = || scene.server.json(&["user", "list"], "").as_array().map(Vec::len);
        let count = people();
        let (email, _) = scene.gitee.add_person("grace");
        assert_eq!(email, "grace@example.com");
        let kept = scene.authorize("gitee", "tee-1");
        assert_eq!(kept["repo_user"], "grace");
        let token = scene.gitee.personal_token(&["user_info", "emails"], None);
        let answer = scene.post("/gitee/personal", &json!({ "name": "own-1", "token": token }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!((people(), scene.server.json(&["user", "show", "grace"], "")), (count, before), "nobody is linked");
        let lines = scene.server.json(&["git-auth", "list"], "");
        let owners: Vec<_> = lines.as_array().expect("lines").iter().map(|line| line["created_by"].clone()).collect();
        assert_eq!(owners, [json!(scene.ada.name), json!(scene.ada.name)], "both are ada's project's");
        let list = scene.server.json(&["git-auth", "list", "--project", &theirs], "");
        assert_eq!(list, json!([]), "nothing of it is grace's");
    });
}

/// Size in CI: 4 people's browsers that renew one authorization at once, on each database.
#[test]
fn fm_130_of_several_who_renew_at_once_one_wins_and_what_the_losers_got_is_ended_and_not_the_winners() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let first = scene.github.live_tokens().remove(0);
        let landed: Vec<_> = (0..4).map(|_| scene.landed("github")).collect();
        // All of them have looked before one is done.
        let (gate, trades) = (Gate::default(), "POST /login/oauth/access_token");
        scene.github.forget();
        scene.github.fails(trades, Fault::FrozenBefore(gate.clone()), 4);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let callers: Vec<_> = landed
                .into_iter()
                .map(|(_, mut visitor, page)| {
                    scope.spawn(move || {
                        let after = visitor.submit(&page, "git-renew-auth1", &[]);
                        if after.answer.status != 200 {
                            assert_eq!(after.error_code().as_deref(), Some("git_not_kept"), "{}", after.plain());
                        }
                        after.answer.status
                    })
                })
                .collect();
            wait_until("the host has all of them", || scene.github.count(trades) == 4);
            gate.open();
            callers.into_iter().map(|caller| caller.join().expect("a caller")).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        let ask = Call::post(scene.server.at(&format!("/v1/{}/git/credentials", scene.project)));
        let kept = ask.header("X-Auth-Token", &scene.token).json(&json!({ "authorization": "auth1" })).send();
        let winner = kept.json()["password"].as_str().expect("a token").to_owned();
        assert_ne!(winner, first);
        wait_until("the winner's is the only one", || scene.github.live_tokens() == [winner.clone()]);
        // Whatever else was to be ended has been asked for: the former one, and three that nobody keeps.
        wait_until("all others are ended", || scene.trail("git_authorization.revoke").len() >= 4);
        assert!(scene.github.is_alive(&winner), "the winner's credential was ended by a loser");
        assert_eq!(scene.list()[0]["status"], 0);
    });
}

#[test]
fn fm_53_fm_54_a_way_begins_by_a_form_of_ours_and_its_state_is_random_and_works_once() {
    on_both(|scene| {
        let here = scene.server.at(&format!("/git/{}", scene.project));
        let flows = || {
            scene.server.with_store(async |store| {
                const ALL: &str = "SELECT id FROM git_flows";
                store.run(vec![vestibule_store::Statement::new(ALL, vec![])]).await.expect("reads").remove(0).len()
            })
        };
        let mut visitor = scene.visitor(&scene.ada);
        let page = visitor.open(&here);
        let html = page.answer.text();
        let button = html.split("id=\"create-").nth(1).and_then(|rest| rest.split('"').next()).expect("a button");
        // A link, a form without its token, one with another's, and one that another site sent.
        for query in ["step=create", &format!("step=create&host={button}")] {
            visitor.open(&format!("{here}?{query}"));
        }
        let token = page.form("form_token").value("form_token").expect("a token").to_owned();
        let mut stranger = scene.visitor(&scene.server.person());
        let fields = [("step", "create"), ("host", button)];
        assert_eq!(visitor.post_to(&here, &fields).is_error_page(403), "form_stale");
        let with_token = [("step", "create"), ("host", button), ("form_token", token.as_str())];
        assert!(stranger.post_to(&here, &with_token).answer.status >= 400);
        let eve = scene.server.person();
        join(&scene.server, &scene.project, &eve, "editor");
        assert_eq!(scene.visitor(&eve).post_to(&here, &with_token).is_error_page(403), "form_stale");
        assert_eq!(flows(), 0, "a way was opened that nobody asked for");
        let away = visitor.submit(&page, &format!("create-{button}"), &[]);
        assert!(away.left_for.is_some() && flows() == 1, "the page's own form opens one");
        // As many as one person may have open: no two states share more than what every state begins with.
        let mut seen: HashSet<String> = HashSet::new();
        for _ in 0..15 {
            let state = parameter(&scene.departure("/github/redirect"), "state").expect("state");
            let secret = state.strip_prefix("vst_gs_").expect("its kind").to_owned();
            assert!(secret.len() >= 43, "{state}");
            for at in 0..secret.len() - 16 {
                let is_shared = seen.iter().any(|other| other[at..at + 16] == secret[at..at + 16]);
                // A row's id begins with the time, which two of one moment share.
                assert!(!is_shared || at < 22, "at {at}: {secret}");
            }
            seen.insert(secret);
        }
    });
}

#[test]
fn fm_51_steps_of_the_way_that_are_empty_repeated_or_out_of_order_skip_nothing() {
    on_both(|scene| {
        let asked = scene.asked();
        let address = scene.way_back("github");
        let mut visitor = scene.visitor(&scene.ada);
        for fields in [&[][..], &[("step", "keep"), ("name", "auth1")], &[("step", "renew"), ("name", "auth1")]] {
            assert_eq!(visitor.post_to(&address, fields).is_error_page(403), "form_stale");
        }
        refused(&scene.post("/github/oauth", &brought("auth1", &address)), 400, "SVCSTG.REPO.0402");
        let page = visitor.open(&address);
        let token = page.form("git-name").value("form_token").expect("a token").to_owned();
        for step in ["", "keep", "nothing"] {
            let after = visitor.post_to(&address, &[("step", step), ("form_token", token.as_str())]);
            assert_eq!((after.answer.status, after.shows("git-name-fault")), (422, true), "{step}: {}", after.plain());
        }
        let renewed = visitor.post_to(&address, &[("step", "renew"), ("name", "none"), ("form_token", token.as_str())]);
        assert_eq!(renewed.answer.status, 409, "{}", renewed.plain());
        assert_eq!(scene.asked(), asked, "nothing was sent to the host");
        assert!(visitor.submit(&page, "git-name", &[("name", "auth1")]).shows("git-kept"));
        assert_eq!(visitor.submit(&page, "git-name", &[("name", "auth2")]).is_error_page(410), "git_way_used");
        assert_eq!(scene.list().len(), 1);
    });
}
