//! `grant_type=refresh_token`: one pair for one sender however often and however fast it asks, and the end of the family
//! for anything else.

use crate::harness::{Answer, App, Call, Database, Person, Server, Tokens, on_both, on_both_alone};
use std::sync::Barrier;
use std::time::Instant;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_store::statement;

fn first(server: &Server, template: &str) -> (App, Person, Tokens) {
    let (app, person) = server.app_and_person(template);
    let scope = if template == "gitlife" { "user_info projects" } else { "openid email offline_access" };
    let tokens = app.tokens(server, &person, &[("scope", scope)]);
    (app, person, tokens)
}

fn ask(app: &App, token: &str) -> Call {
    app.token_call(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

fn refresh(app: &App, token: &str) -> Answer {
    ask(app, token).send()
}

/// As a client of that wire may: with the token alone.
fn alone(app: &App, token: &str) -> Call {
    let url = format!("{}/oauth/token", app.server);
    Call::post(url).form(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

fn alive(app: &App, template: &str, access: &str) -> bool {
    let path = if template == "gitlife" { "/api/v5/user" } else { "/oauth/userinfo" };
    Call::get(format!("{}{path}", app.server)).bearer(access).send().status == 200
}

fn pair(tokens: &Tokens) -> (String, String) {
    (tokens.access.clone(), tokens.refresh.clone().expect("refresh token"))
}

/// Sends all calls at once.
fn together(calls: Vec<Call>) -> Vec<Answer> {
    let barrier = Barrier::new(calls.len());
    std::thread::scope(|scope| {
        let started: Vec<_> = calls
            .iter()
            .map(|call| {
                scope.spawn(|| {
                    barrier.wait();
                    call.send()
                })
            })
            .collect();
        started.into_iter().map(|call| call.join().expect("an answer")).collect()
    })
}

/// Size in CI: 3 ways of authentication × 3 generations × 64 presenters.
#[test]
fn fm_25_fm_28_fm_29_of_64_at_once_from_one_sender_all_get_the_identical_pair() {
    on_both(|server| {
        for template in ["web", "spa", "gitlife"] {
            let (app, _, tokens) = first(server, template);
            let mut current = tokens.refresh.expect("refresh token");
            for _ in 0..3 {
                let call = if template == "gitlife" { alone(&app, &current) } else { ask(&app, &current) };
                let answers = together(vec![call; 64]);
                let given: Vec<_> = answers.iter().map(|answer| pair(&answer.tokens())).collect();
                assert!(given.iter().all(|one| one == &given[0]), "{template}: two pairs for one token");
                assert!(alive(&app, template, &given[0].0), "{template}");
                current = given[0].1.clone();
            }
            refresh(&app, &current).tokens();
        }
    });
}

#[test]
fn fm_28_two_nodes_give_the_identical_pair_too() {
    let server = Server::start(Database::Postgres, &[]);
    let second = server.second_node();
    let (app, _, tokens) = first(&server, "web");
    let mut there = app.clone();
    there.server = second.at("");
    let mut current = tokens.refresh.expect("refresh token");
    for _ in 0..5 {
        let calls = (0..32).map(|n| ask(if n % 2 == 0 { &app } else { &there }, &current)).collect();
        let given: Vec<_> = together(calls).iter().map(|answer| pair(&answer.tokens())).collect();
        assert!(given.iter().all(|one| one == &given[0]), "two pairs for one token");
        current = given[0].1.clone();
    }
}

#[test]
fn fm_29_a_lost_answer_is_given_again_also_after_a_crash_until_its_refresh_token_is_used() {
    on_both_alone(|mut server| {
        let (app, _, tokens) = first(&server, "web");
        let old = tokens.refresh.expect("refresh token");
        let begin = Instant::now();
        let lost = refresh(&app, &old).tokens();
        server.process().kill();
        server.restart();
        let again = refresh(&app, &old).tokens();
        assert_eq!(pair(&again), pair(&lost));
        let left = again.json["expires_in"].as_i64().expect("a number");
        let passed = begin.elapsed().as_secs() as i64 + 1;
        assert!((600 - passed..=600).contains(&left), "what is left after {passed} s: {left}");
        assert_eq!(again.json["scope"], lost.json["scope"]);
        let (access, next) = pair(&again);
        let last = refresh(&app, &next).tokens();
        refresh(&app, &old).refused(400, "invalid_grant");
        for dead in [&tokens.access, &access, &last.access] {
            assert!(!alive(&app, "web", dead), "a token outlived the reuse");
        }
        refresh(&app, &last.refresh.expect("refresh token")).refused(400, "invalid_grant");
    });
}

#[test]
fn fm_32_st_66_another_sender_gets_nothing_and_ends_the_family() {
    on_both(|server| {
        let (app, _, tokens) = first(server, "spa");
        let old = tokens.refresh.expect("refresh token");
        let given = ask(&app, &old).header("User-Agent", "one").send().tokens();
        let again = ask(&app, &old).header("User-Agent", "one").send().tokens();
        assert_eq!(pair(&again), pair(&given));
        ask(&app, &old).header("User-Agent", "two").send().refused(400, "invalid_grant");
        assert!(!alive(&app, "spa", &given.access), "the family lives on");
        ask(&app, &pair(&given).1).header("User-Agent", "one").send().refused(400, "invalid_grant");
        let (app, _, tokens) = first(server, "spa");
        let (here, elsewhere) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let call = ask(&app, &tokens.refresh.expect("refresh token")).header("User-Agent", "one");
        let given = call.send_from(here).expect("an answer").tokens();
        assert_eq!(pair(&call.send_from(here).expect("an answer").tokens()), pair(&given));
        call.send_from(elsewhere).expect("an answer").refused(400, "invalid_grant");
        assert!(!alive(&app, "spa", &given.access), "the family lives on");

        // An authenticated client is itself whatever its User-Agent; with the token alone it is not.
        let (app, _, tokens) = first(server, "gitlife");
        let old = tokens.refresh.expect("refresh token");
        let given = ask(&app, &old).header("User-Agent", "one").send().tokens();
        let again = ask(&app, &old).header("User-Agent", "two").send().tokens();
        assert_eq!(pair(&again), pair(&given));
        alone(&app, &old).send().refused(400, "invalid_grant");
        assert!(!alive(&app, "gitlife", &given.access), "the family lives on");
    });
}

#[test]
fn st_63_fm_22_a_foreign_client_can_neither_have_the_pair_nor_end_the_family() {
    on_both(|server| {
        let (app, _, tokens) = first(server, "web");
        let old = tokens.refresh.expect("refresh token");
        let given = refresh(&app, &old).tokens();
        let other = server.app("web");
        refresh(&other, &old).refused(400, "invalid_grant");
        refresh(&other, &pair(&given).1).refused(400, "invalid_grant");
        assert_eq!(pair(&refresh(&app, &old).tokens()), pair(&given));
    });
}

#[test]
fn a_wrong_secret_for_a_known_token_is_no_reuse_and_ends_nothing() {
    on_both(|server| {
        for template in ["web", "spa"] {
            let (app, _, tokens) = first(server, template);
            let old = tokens.refresh.expect("refresh token");
            let given = refresh(&app, &old).tokens();
            for known in [&old, &pair(&given).1] {
                let id = MachineSecret::parse(Kind::RefreshToken, known).expect("is ours").id();
                let forged = MachineSecret::new(Kind::RefreshToken, id, [7; 32]).spell();
                refresh(&app, forged.expose()).refused(400, "invalid_grant");
            }
            assert!(alive(&app, template, &given.access), "a guess signed somebody out");
            assert_eq!(pair(&refresh(&app, &old).tokens()), pair(&given));
            refresh(&app, &pair(&given).1).tokens();
        }
    });
}

#[test]
fn st_64_st_67_a_narrower_scope_is_for_one_access_token_and_the_family_keeps_its_own() {
    on_both(|server| {
        let (app, _, tokens) = first(server, "web");
        let narrow = |token: &str, scope: &str| {
            app.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)])
        };
        let old = tokens.refresh.expect("refresh token");
        let less = narrow(&old, "openid").tokens();
        assert_eq!(less.json["scope"], "openid");
        // Who asks again for more gets the same as before, and not more.
        let again = narrow(&old, "openid email").tokens();
        assert_eq!((pair(&again), &again.json["scope"]), (pair(&less), &less.json["scope"]));
        narrow(&old, "openid profile").refused(400, "invalid_scope");
        let whole = refresh(&app, &pair(&less).1).tokens();
        let mut scope: Vec<_> = whole.json["scope"].as_str().expect("scope").split(' ').collect();
        scope.sort_unstable();
        assert_eq!(scope, ["email", "offline_access", "openid"]);
    });
}

#[test]
fn st_65_public_clients_rotate_and_an_older_generation_ends_every_session_of_the_family() {
    on_both(|server| {
        for template in ["spa", "native"] {
            let (app, person, tokens) = first(server, template);
            let mut accesses = vec![tokens.access];
            let mut generations = vec![tokens.refresh.expect("refresh token")];
            for _ in 0..4 {
                let (access, next) = pair(&refresh(&app, generations.last().expect("one")).tokens());
                assert!(!generations.contains(&next), "the same token again");
                accesses.push(access);
                generations.push(next);
            }
            assert!(accesses.iter().all(|access| alive(&app, template, access)));
            refresh(&app, &generations[1]).refused(400, "invalid_grant");
            assert!(!accesses.iter().any(|access| alive(&app, template, access)), "a token outlived the reuse");
            for token in &generations {
                refresh(&app, token).refused(400, "invalid_grant");
            }
            let ends = grant_ends(server, &person);
            assert_eq!(ends, [("done".to_owned(), "refresh_reused".to_owned())], "{template}");
        }
    });
}

/// What the trail says about ends of grants of this person's, outcome and reason.
fn grant_ends(server: &Server, person: &Person) -> Vec<(String, String)> {
    const GRANTS: &str = "SELECT g.id FROM grants g JOIN people p ON p.id = g.person WHERE p.id = $1";
    const ENDS: &str = "SELECT outcome, details FROM audit WHERE action = 'grant.end' AND target = $1";
    server.with_store(async |store| {
        let whose = store.find_credentials(&person.name, None).await.expect("reads").expect("is there").person;
        let mut ends = Vec::new();
        for grant in store.scan(&statement!(GRANTS, whose)).await.expect("reads") {
            let target = format!("grant:{}", grant.id(0).expect("an id"));
            for mut row in store.scan(&statement!(ENDS, target)).await.expect("reads") {
                ends.push((row.take_text(0).expect("a text"), row.take_text(1).expect("a text")));
            }
        }
        ends
    })
}

#[test]
fn st_70_fm_29_a_pair_whose_access_token_was_revoked_is_not_handed_out_again_and_its_refresh_token_lives() {
    on_both(|server| {
        for template in ["web", "gitlife"] {
            let (app, _, tokens) = first(server, template);
            let old = tokens.refresh.expect("refresh token");
            let (access, next) = pair(&refresh(&app, &old).tokens());
            assert_eq!(pair(&refresh(&app, &old).tokens()), (access.clone(), next.clone()), "asked again");
            let fields = [("client_id", &*app.client_id), ("client_secret", &*app.client_secret), ("token", &*access)];
            assert_eq!(Call::post(server.at("/oauth/revoke")).form(&fields).send().status, 200);
            refresh(&app, &old).refused(400, "invalid_grant");
            assert!(!alive(&app, template, &access), "{template}");
            let last = refresh(&app, &next).tokens();
            assert!(alive(&app, template, &last.access), "{template}: the family has ended");
            // From here on it is reuse like any other.
            refresh(&app, &old).refused(400, "invalid_grant");
            assert!(!alive(&app, template, &last.access), "{template}: the reuse went unseen");
        }
    });
}

#[test]
fn st_68_st_69_fm_30_asking_again_is_refused_after_a_person_is_disabled_or_has_a_new_password() {
    on_both(|server| {
        let (app, person, tokens) = first(server, "web");
        let old = tokens.refresh.expect("refresh token");
        let next = pair(&refresh(&app, &old).tokens()).1;
        server.json(&["user", "set-password", &person.name, "--password-stdin"], "another password 77");
        refresh(&app, &old).refused(400, "invalid_grant");
        refresh(&app, &next).refused(400, "invalid_grant");
        let (app, person, tokens) = first(server, "web");
        let old = tokens.refresh.expect("refresh token");
        refresh(&app, &old).tokens();
        server.json(&["user", "disable", &person.name], "");
        refresh(&app, &old).refused(400, "invalid_grant");
        server.json(&["user", "enable", &person.name], "");
        refresh(&app, &old).refused(400, "invalid_grant");
    });
}

/// Size in CI: 20 rounds, 16 presenters of each of two generations at once.
#[test]
fn fm_29_no_order_of_events_is_a_5xx() {
    on_both(|server| {
        for _ in 0..20 {
            let (app, _, tokens) = first(server, "web");
            let old = tokens.refresh.expect("refresh token");
            let next = pair(&refresh(&app, &old).tokens()).1;
            let calls = (0..32).map(|n| ask(&app, if n % 2 == 0 { &old } else { &next })).collect();
            for answer in together(calls) {
                assert!(matches!(answer.status, 200 | 400), "{}", answer.text());
            }
        }
    });
}
