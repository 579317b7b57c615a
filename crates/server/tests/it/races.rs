//! Every one-time thing that HTTP offers, raced: many callers at once, one winner, and the losers told so.

use crate::harness::visitor::parameter;
use crate::harness::{Answer, Call, Visitor, on_both, on_both_alone};
use std::sync::Barrier;

/// Lets `callers` do `work` at the same moment and gives what each got.
fn race<T: Send>(callers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let gate = Barrier::new(callers);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(|| {
                    gate.wait();
                    work()
                })
            })
            .collect();
        all.into_iter().map(|caller| caller.join().expect("a caller")).collect()
    })
}

/// Size in CI: 64 callers on each of 3 codes, on each database.
#[test]
fn st_30_fm_18_fm_19_fm_29_fm_112_of_64_callers_with_one_code_one_succeeds_and_what_it_got_is_ended() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        for _ in 0..3 {
            let code = app.code(server, &person, &[("scope", "openid")]);
            let answers = race(64, || app.trade(&code));
            let winners: Vec<&Answer> = answers.iter().filter(|a| a.status == 200).collect();
            assert_eq!(winners.len(), 1, "{} callers were given tokens", winners.len());
            for loser in answers.iter().filter(|a| a.status != 200) {
                loser.refused(400, "invalid_grant");
            }
            let token = winners[0].tokens().access;
            let read = Call::get(server.at("/oauth/userinfo")).bearer(&token).send();
            assert_eq!(read.status, 401, "a replayed code leaves its tokens alive");
        }
    });
}

/// Size in CI: 32 presses of the same button, on each database.
#[test]
fn fm_112_of_many_presses_of_allow_one_brings_a_code() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let page = visitor.sign_in(&page, &person);
        let back = race(32, || visitor.clone().allow(&page, None).left_for);
        let codes: Vec<String> = back.iter().flatten().filter_map(|url| parameter(url, "code")).collect();
        assert_eq!(codes.len(), 1, "{back:?}");
        app.trade(&codes[0]).tokens();
    });
}

/// Size in CI: 16 callers with one setup link, on each database.
#[test]
fn fm_112_of_many_callers_with_one_setup_link_one_becomes_administrator() {
    on_both_alone(|server| {
        let link = server.json(&["setup-link"], "")["url"].as_str().expect("url").to_owned();
        let before = std::sync::atomic::AtomicUsize::new(0);
        let answers = race(16, || {
            let me = before.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let mut visitor = Visitor::new(&server);
            let page = visitor.open(&link);
            if !page.shows("setup-name") {
                return page.answer.status;
            }
            let (name, email) = (format!("root{me}"), format!("root{me}@example.org"));
            let fields = [
                ("name", &*name),
                ("email", &email),
                ("password", "a long password"),
                ("password_again", "a long password"),
            ];
            visitor.submit(&page, "setup-name", &fields).answer.status
        });
        let people = server.json(&["user", "list"], "");
        assert_eq!(people.as_array().map(Vec::len), Some(1), "{people} {answers:?}");
        assert_eq!(answers.iter().filter(|status| **status < 400).count(), 1, "{answers:?}");
    });
}
