//! Attacks on the way to a Git host and back. Each is refused, one success at most, and nothing is sent to the host.

use super::scene::{Scene, brought, join, project, refused, token};
use crate::githosts::{Fault, Gate};
use crate::harness::visitor::parameter;
use crate::harness::{Call, Database, Page, Visitor, wait_until};
use serde_json::json;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// As many as one project may be obtaining at once.
const OBTAINED_AT_ONCE: usize = 4;
/// How long anybody asks again, and after what pause: the one who is waited for needs the processors too.
const ASKED_FOR: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// Asserts that the page refuses with this code, and shows neither code nor state.
#[track_caller]
fn sent_away(page: &Page, status: u16, code: &str, address: &str) {
    assert_eq!(page.is_error_page(status), code);
    for secret in ["code", "state"].iter().filter_map(|name| parameter(address, name)) {
        assert!(!page.answer.text().contains(&secret), "the page shows what it must not");
    }
}

#[test]
fn st_120_fm_44_a_flow_that_one_person_began_lands_in_no_other_persons_browser() {
    on_both(|scene| {
        let eve = scene.server.person();
        join(&scene.server, &scene.project, &eve, "owner");
        let address = scene.way_back("github");
        let asked = scene.asked();
        let page = scene.visitor(&eve).open(&address);
        sent_away(&page, 403, "git_way_foreign", &address);
        // A browser in which nobody is signed in is asked who it is, at the same address.
        let mut stranger = Visitor::new(&scene.server);
        let page = stranger.open(&address);
        assert!(page.shows("sign-in-password") && !page.shows("git-code"), "{}", page.plain());
        let page = stranger.sign_in(&page, &eve);
        sent_away(&page, 403, "git_way_foreign", &address);
        // And by the API nobody finishes what has not landed, whoever they are.
        refused(&scene.post("/github/oauth", &brought("auth1", &address)), 400, "SVCSTG.REPO.0402");
        let hers = token(&scene.server, &eve, &scene.project);
        let by_eve = |address: &str| {
            let call = Call::post(scene.path("/github/oauth")).header("X-Auth-Token", &hers);
            call.json(&brought("auth1", address)).send()
        };
        refused(&by_eve(&address), 400, "SVCSTG.REPO.0402");
        assert_eq!(scene.asked(), asked, "nothing was sent to the host");
        // It is still ada's: she lands it, and still nobody else finishes it.
        let mut visitor = Visitor::new(&scene.server);
        let page = visitor.open(&address);
        let page = visitor.sign_in(&page, &scene.ada);
        assert!(page.shows("git-keep") && page.url == address, "{} {}", page.url, page.plain());
        refused(&by_eve(&address), 400, "SVCSTG.REPO.0402");
        assert_eq!(scene.asked(), asked);
        let answer = scene.post("/github/oauth", &brought("auth1", &address));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let trail = scene.trail("git_flow.land");
        assert_eq!(
            trail.iter().filter(|row| **row == ("refused".into(), "other_person".into())).count(),
            2,
            "{trail:?}"
        );
    });
}

#[test]
fn st_121_st_122_fm_40_fm_42_fm_43_another_configurations_callback_refuses_before_anything_is_sent() {
    on_both(|scene| {
        let (own, other) = (scene.way_back("github"), scene.way_back("gitee"));
        let asked = scene.asked();
        let path = |address: &str| address.split('?').next().expect("a path").to_owned();
        let query = |address: &str| address.split_once('?').expect("a query").1.to_owned();
        let mut visitor = scene.visitor(&scene.ada);
        for mixed in [
            format!("{}?{}", path(&other), query(&own)),
            format!("{}?{}", path(&own), query(&other)),
            format!("{}?{}", scene.server.at(&format!("/git/callback/{}", "0".repeat(32))), query(&own)),
            format!("{}?{}", scene.server.at("/git/callback/hub"), query(&own)),
        ] {
            let page = visitor.open(&mixed);
            assert!([404, 410].contains(&page.answer.status), "{} {}", page.answer.status, page.plain());
        }
        for address in [&own, &other] {
            for kind in ["github", "gitee"] {
                refused(&scene.post(&format!("/{kind}/oauth"), &brought("auth1", address)), 400, "SVCSTG.REPO.0402");
            }
        }
        // Landed where it belongs, it is not finished under the other kind or name.
        visitor.open(&own);
        for named in ["gitee", "tee"] {
            refused(&scene.post(&format!("/{named}/oauth"), &brought("auth1", &own)), 400, "SVCSTG.REPO.0402");
        }
        assert_eq!(scene.asked(), asked, "nothing was sent to a host");
        assert_eq!(scene.post("/hub/oauth", &brought("auth1", &own)).status, 200, "by the configuration's own name");
    });
}

#[test]
fn st_123_an_answer_of_another_issuer_does_not_land() {
    on_both(|scene| {
        let address = scene.way_back("github");
        let mut visitor = scene.visitor(&scene.ada);
        for iss in ["https://github.com", &scene.gitee.url(), "x", &format!("{}&iss=x", scene.github.url())] {
            let page = visitor.open(&format!("{address}&iss={iss}"));
            assert!([400, 410].contains(&page.answer.status), "{iss}: {}", page.plain());
        }
        refused(&scene.post("/github/oauth", &brought("auth1", &address)), 400, "SVCSTG.REPO.0402");
        let page = visitor.open(&format!("{address}&iss={}/login/oauth", scene.github.url()));
        assert!(page.shows("git-keep"), "{}", page.plain());
    });
}

#[test]
fn fm_50_fm_134_codes_and_states_of_other_flows_changed_ones_and_other_projects_are_refused() {
    on_both(|scene| {
        let (one, _, _) = scene.landed("github");
        let (two, _, _) = scene.landed("github");
        let elsewhere = project(&scene.server);
        join(&scene.server, &elsewhere, &scene.ada, "owner");
        scene.server.json(&["git-host", "project", "add", "hub", &elsewhere], "");
        // Two more configurations of the same application, each with a tag of its own.
        let hub = &scene.github;
        let client = (hub.client_id.as_str(), hub.client_secret.as_str());
        for tag in ["intl", "home"] {
            scene.add_host(&format!("hub-{tag}"), "github", &hub.url(), client, &["--tag", tag]);
        }
        let asked = scene.asked();
        let post = |body: &serde_json::Value| scene.post("/hub/oauth", body);
        let (first, second) = (brought("auth1", &one), brought("auth1", &two));
        refused(
            &post(&json!({ "name": "auth1", "code": second["code"], "state": first["state"] })),
            400,
            "SVCSTG.REPO.0402",
        );
        refused(
            &post(&json!({ "name": "auth1", "code": first["code"], "state": second["state"] })),
            400,
            "SVCSTG.REPO.0402",
        );
        let state = first["state"].as_str().expect("state");
        let swapped = |at: usize| {
            let mut text = state.to_owned().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(text).expect("text")
        };
        let mut states: Vec<String> = (7..state.len()).step_by(9).map(swapped).collect();
        states.extend([state[..state.len() - 1].to_owned(), format!("{state}A"), "vst_gs_".into(), "x".into()]);
        for bad in states {
            refused(&post(&json!({ "name": "auth1", "code": first["code"], "state": bad })), 400, "SVCSTG.REPO.0402");
        }
        let theirs = token(&scene.server, &scene.ada, &elsewhere);
        let path = scene.server.at(&format!("/v1/{elsewhere}/git/auths/github/oauth"));
        let answer = Call::post(path).header("X-Auth-Token", theirs).json(&first).send();
        refused(&answer, 400, "SVCSTG.REPO.0402");
        // A tag that another configuration has, one that none has, and one that this one is called by.
        for tag in ["intl", "home", "none", "hub"] {
            for named in ["github", "hub"] {
                refused(&scene.post(&format!("/{named}/oauth?tag={tag}"), &first), 400, "SVCSTG.REPO.0402");
            }
        }
        for other in ["/hub-intl/oauth", "/hub-intl/oauth?tag=intl", "/hub-home/oauth?tag=home"] {
            refused(&scene.post(other, &first), 400, "SVCSTG.REPO.0402");
        }
        assert_eq!(scene.asked(), asked, "nothing was sent to the host");
        // A name that cannot be spends nothing.
        refused(&post(&brought("x", &one)), 400, "SVCSTG.REPO.0400");
        assert_eq!(scene.asked(), asked);
        assert_eq!(post(&first).status, 200);
        refused(&post(&second), 400, "SVCSTG.REPO.0403");
        assert_eq!(post(&brought("auth2", &two)).status, 200, "a taken name spent nothing either");
        refused(&post(&brought("auth3", &one)), 400, "SVCSTG.REPO.0402");
    });
}

/// Asks until there was a turn: a project has few for what is sent to hosts, and who finds none is told before anything of
/// the way is spent.
fn in_turn<T>(ask: impl Fn() -> T, status: impl Fn(&T) -> u16) -> T {
    let began = Instant::now();
    loop {
        let answer = ask();
        if status(&answer) != 429 {
            return answer;
        }
        assert!(began.elapsed() < ASKED_FOR, "there is never a turn");
        sleep(PAUSE);
    }
}

/// Size in CI: 64 callers on each database, half of whom press the page's button.
#[test]
fn st_120_fm_112_of_64_callers_by_the_api_and_by_the_page_at_once_one_succeeds() {
    on_both(|scene| {
        let (address, visitor, page) = scene.landed("github");
        of_64_one_succeeds(&scene, &address, &visitor, &page, |n| format!("auth-{n}"));
    });
}

/// The size is the same. A name that the winner has given is no reason to tell the others anything but that the way is used up.
#[test]
fn st_120_fm_112_of_64_callers_with_one_name_at_once_one_succeeds_and_the_others_are_told_of_the_state() {
    on_both(|scene| {
        let (address, mut visitor, page) = scene.landed("github");
        of_64_one_succeeds(&scene, &address, &visitor, &page, |_| "auth1".to_owned());
        // And afterwards, whatever it is to be called.
        scene.authorize("gitee", "auth2");
        let asked = scene.asked();
        for name in ["auth1", "auth2", "auth3"] {
            refused(&scene.post("/github/oauth", &brought(name, &address)), 400, "SVCSTG.REPO.0402");
            let again = visitor.submit(&page, "git-name", &[("name", name)]);
            assert_eq!(again.is_error_page(410), "git_way_used", "{name}");
        }
        // One that was never, one that is over, and one of another project, likewise.
        let (other, _, _) = scene.landed("github");
        let mut unknown = brought("auth2", &other);
        unknown["state"] = json!("x");
        refused(&scene.post("/github/oauth", &unknown), 400, "SVCSTG.REPO.0402");
        refused(&scene.post("/github/oauth?tag=none", &brought("auth2", &other)), 400, "SVCSTG.REPO.0402");
        refused(&scene.post("/github/oauth", &brought("auth2", &other)), 400, "SVCSTG.REPO.0403");
        over(&scene);
        refused(&scene.post("/github/oauth", &brought("auth2", &other)), 400, "SVCSTG.REPO.0402");
        assert_eq!(scene.asked(), asked, "nothing was sent to a host");
    });
}

#[test]
fn st_120_a_state_that_is_being_redeemed_is_used_up_whatever_else_keeps_its_bearer_waiting() {
    on_both(|scene| {
        scene.authorize("gitee", "auth0");
        let mut visitor = scene.visitor(&scene.ada);
        let mut way = || {
            let address = scene.way_back("github");
            assert!(visitor.open(&address).shows("git-keep"));
            address
        };
        let gate = Gate::default();
        let redeemed: Vec<String> = (0..OBTAINED_AT_ONCE).map(|_| way()).collect();
        let waiting = way();
        let trade = "POST /login/oauth/access_token";
        scene.github.fails(trade, Fault::FrozenBefore(gate.clone()), OBTAINED_AT_ONCE);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (redeemed.iter().enumerate())
                .map(|(n, address)| {
                    let body = brought(&format!("auth-{n}"), address);
                    let scene = &scene;
                    scope.spawn(move || scene.post("/github/oauth", &body).status)
                })
                .collect();
            wait_until("all are at the host", || scene.github.count(trade) == OBTAINED_AT_ONCE);
            let (taken, waiting, scene) = (&redeemed[0], &waiting, &scene);
            let told = [
                // With its own name, with one that is taken, and with a free one for which the project has no turn.
                (taken, "auth-0", 400, "SVCSTG.REPO.0402"),
                (taken, "auth0", 400, "SVCSTG.REPO.0402"),
                (taken, "auth9", 400, "SVCSTG.REPO.0402"),
                // What is still to be taken is told of the turn, and of the name.
                (waiting, "auth9", 429, "SVCSTG.REPO.0400"),
                (waiting, "auth0", 400, "SVCSTG.REPO.0403"),
            ];
            // All at once, since each waits a while for a turn and the host is given up after ten seconds.
            let others = told.map(|(address, name, status, code)| {
                scope.spawn(move || (scene.post("/github/oauth", &brought(name, address)), status, code))
            });
            for other in others {
                let (answer, status, code) = other.join().expect("a caller");
                refused(&answer, status, code);
            }
            gate.open();
            for caller in callers {
                assert_eq!(caller.join().expect("a caller"), 200);
            }
        });
        assert_eq!(scene.post("/github/oauth", &brought("auth9", &waiting)).status, 200, "nothing of it was spent");
    });
}

/// Has 64 finish one way, half of them by the page's button, each under the name that `named` gives it. Those who are refused
/// by the API ask on until one has succeeded: while the state is redeemed, while what came of it is kept, and after.
fn of_64_one_succeeds(
    scene: &Scene,
    address: &str,
    visitor: &Visitor,
    page: &Page,
    named: impl Fn(usize) -> String + Sync,
) {
    scene.github.forget();
    let (gate, form, named) = (Barrier::new(64), page.form("git-name"), &named);
    let has_won = AtomicBool::new(false);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64)
            .map(|n| {
                let (gate, form, has_won) = (&gate, &form, &has_won);
                scope.spawn(move || {
                    let name = named(n);
                    let mut fields = form.fields();
                    fields.retain(|(field, _)| field != "name");
                    fields.push(("name".into(), name.clone()));
                    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                    gate.wait();
                    match n % 2 {
                        0 => {
                            let ask = || scene.post("/github/oauth", &brought(&name, address));
                            let answer = in_turn(ask, |answer| answer.status);
                            if answer.status == 200 {
                                has_won.store(true, Relaxed);
                                return answer.status;
                            }
                            refused(&answer, 400, "SVCSTG.REPO.0402");
                            let began = Instant::now();
                            loop {
                                let is_last = has_won.load(Relaxed);
                                refused(&in_turn(ask, |answer| answer.status), 400, "SVCSTG.REPO.0402");
                                if is_last {
                                    return answer.status;
                                }
                                assert!(began.elapsed() < ASKED_FOR, "nobody wins");
                                sleep(PAUSE);
                            }
                        }
                        _ => {
                            let press = || visitor.clone().post(page, form, &fields).answer.status;
                            let status = in_turn(press, |status| *status);
                            has_won.fetch_or(status == 200, Relaxed);
                            status
                        }
                    }
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400, 410].contains(status)), "{statuses:?}");
    assert_eq!(scene.github.count("POST /login/oauth/access_token"), 1, "one code was traded once");
    assert_eq!(scene.list().len(), 1);
}

/// Size in CI: 64 browsers' tabs at once on each database.
#[test]
fn st_120_fm_112_a_state_that_comes_back_64_times_at_once_lands_once() {
    on_both(|scene| {
        let address = scene.way_back("github");
        let visitor = scene.visitor(&scene.ada);
        let state = parameter(&address, "state").expect("state");
        let path = address.split('?').next().expect("a path");
        let gate = Barrier::new(64);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..64)
                .map(|n| {
                    let (gate, mut visitor, url) = (&gate, visitor.clone(), format!("{path}?code=c{n}&state={state}"));
                    scope.spawn(move || {
                        gate.wait();
                        visitor.open(&url).answer.status
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().expect("a caller")).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(scene.asked(), 0);
    });
}

/// The end of every way moves to the past, as ten minutes of waiting would have it.
fn over(scene: &Scene) {
    scene.server.with_store(async |store| {
        use vestibule_store::{Statement, Verb};
        const PAST: &str = "UPDATE git_flows SET expires_at = 1";
        let verb: Verb = vec![Statement::new(PAST, vec![])];
        store.run(verb).await.expect("the flows are over");
    });
}

#[test]
fn fm_113_a_state_is_dead_after_its_end() {
    on_both(|scene| {
        let (landed, waiting) = (scene.landed("github").0, scene.way_back("github"));
        let state = |address: &str| parameter(address, "state").expect("state");
        over(&scene);
        assert_ne!(state(&landed), state(&waiting));
        let asked = scene.asked();
        refused(&scene.post("/github/oauth", &brought("auth1", &landed)), 400, "SVCSTG.REPO.0402");
        let page = scene.visitor(&scene.ada).open(&waiting);
        sent_away(&page, 410, "git_way_over", &waiting);
        assert_eq!(scene.asked(), asked);
    });
}

#[test]
fn fm_48_fm_57_the_pages_form_is_good_in_its_own_session_only() {
    on_both(|scene| {
        let (address, mut visitor, page) = scene.landed("github");
        let asked = scene.asked();
        // Another site's form, one without its token, and one of another flow.
        let stale = visitor.post_to(&address, &[("step", "keep"), ("name", "auth1")]);
        assert_eq!(stale.is_error_page(403), "form_stale");
        let (other, _, other_page) = scene.landed("github");
        let token = other_page.form("git-name").value("form_token").expect("a token").to_owned();
        let fields = [("step", "keep"), ("name", "auth1"), ("form_token", token.as_str())];
        assert_eq!(visitor.post_to(&address, &fields).is_error_page(403), "form_stale");
        assert_ne!(other, address);
        // The same browser, another session: what was shown to the first does not speak for the second.
        let eve = scene.server.person();
        let start = visitor.open(&scene.server.at("/"));
        visitor.submit(&start, "sign-out", &[]);
        let sign_in = visitor.open(&scene.server.at("/sign-in"));
        visitor.sign_in(&sign_in, &eve);
        let after = visitor.submit(&page, "git-name", &[("name", "auth1")]);
        assert_eq!(after.answer.status, 403, "{}", after.plain());
        assert_eq!(scene.asked(), asked, "nothing was sent to the host");
    });
}

#[test]
fn fm_30_whoever_is_no_editor_any_more_finishes_nothing() {
    on_both(|scene| {
        let (address, mut visitor, page) = scene.landed("github");
        let asked = scene.asked();
        join(&scene.server, &scene.project, &scene.ada, "viewer");
        let answer = scene.post("/github/oauth", &brought("auth1", &address));
        assert_eq!(answer.status, 403, "{}", answer.text());
        let after = visitor.submit(&page, "git-name", &[("name", "auth1")]);
        assert_eq!(after.is_error_page(403), "git_not_allowed");
        // A host that no longer serves the project, likewise.
        join(&scene.server, &scene.project, &scene.ada, "editor");
        let (other, _, _) = scene.landed("gitee");
        scene.server.json(&["git-host", "disable", "tee"], "");
        refused(&scene.post("/gitee/oauth", &brought("auth1", &other)), 400, "SVCSTG.REPO.0402");
        assert_eq!(scene.asked(), asked, "nothing was sent to a host");
    });
}
