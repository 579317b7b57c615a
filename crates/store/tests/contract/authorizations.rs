//! Authorization requests: kept, shown, answered once.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, World, count, race, scopes, secret_of};
use vestibule_oauth::template::{AUTHORIZATION_REQUEST_MS, SESSION_IDLE_MS, SESSION_MAX_MS, Template};
use vestibule_store::applications::Change;
use vestibule_store::authorizations::{Answer, Issue, NewAuthorization};
use vestibule_store::clients::Logo;
use vestibule_store::sessions::EndSession;
use vestibule_store::statement;

#[test]
fn a_request_is_found_with_the_application_that_asks_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("shop", Template::Web);
        new.verified = true;
        new.logo = Some(Logo { media_type: "image/png".to_owned(), bytes: vec![1, 2, 3] });
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let (id, browser) = (world.id(), world.digest());
        let (application, request) = (new.client.id, "{\"state\":\"söme '; --\"}".to_owned());
        let kept = NewAuthorization { id, application, browser: browser.clone(), request: request.clone() };
        world.store.keep_request(&kept, NOW).await.expect("runs");
        let found = world.store.find_request(id).await.expect("reads").expect("is there");
        assert!(found.browser.matches(&browser));
        assert_eq!((found.request, found.created_at, found.answered_at), (request, NOW, None));
        assert_eq!(found.expires_at, NOW + AUTHORIZATION_REQUEST_MS);
        assert_eq!((found.client.client_id, found.home_page), (new.client.client_id, new.home_page));
        assert!(found.verified && found.has_logo && found.client.enabled);
        assert!(world.store.find_request(world.id()).await.expect("reads").is_none());
        world.store.remove_application(application, &world.note(NOW)).await.expect("runs");
        assert!(world.store.find_request(id).await.expect("reads").is_none(), "nor when nobody asks any more");
    });
}

#[test]
fn fm_112_a_stored_request_that_64_callers_answer_at_once_is_answered_by_one_and_the_others_hear_so() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        for _ in 0..3 {
            let request = world.request(client.id, NOW).await;
            let got = race(&world, CALLERS, |world, n| async move {
                if n % 4 == 0 {
                    let denied = world.store.deny_stored(request, world.id(), &world.note(NOW)).await;
                    return (denied.expect("runs"), None);
                }
                let issue = world.new_issue(client.id, person, session, NOW);
                let answer = world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs");
                (answer, Some(issue.code.id))
            })
            .await;
            let answers: Vec<_> = got.iter().map(|(answer, _)| *answer).collect();
            assert_eq!(count(&answers, &Answer::Given), 1);
            assert_eq!(count(&answers, &Answer::AlreadyAnswered), CALLERS - 1);
            for (answer, code) in got {
                let Some(code) = code else { continue };
                let found = world.store.find_code(&secret_of(code)).await.expect("reads");
                assert_eq!(found.is_some(), answer == Answer::Given);
            }
            let found = world.store.find_request(request).await.expect("reads").expect("is there");
            assert_eq!(found.answered_at, Some(NOW));
        }
    });
}

#[test]
fn fm_113_a_request_is_over_after_30_minutes_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let request = world.request(client.id, NOW).await;
        let end = NOW + 30 * 60_000;
        let issue = world.new_issue(client.id, person, session, NOW);
        let late = world.store.issue_stored(request, &issue, &world.note(end)).await.expect("runs");
        let denied = world.store.deny_stored(request, world.id(), &world.note(end)).await.expect("runs");
        assert_eq!((late, denied), (Answer::Expired, Answer::Expired));
        let unknown = world.store.issue_stored(world.id(), &issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(unknown, Answer::Expired);
        let timely = world.store.issue_stored(request, &issue, &world.note(end - 1)).await.expect("runs");
        assert_eq!(timely, Answer::Given);
    });
}

#[test]
fn fm_63_nothing_is_issued_once_person_session_or_application_was_switched_off() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let other = world.application("other", Template::Web).await;
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let session = world.session(alice, NOW).await;
        let tries = async |what: &str, allowed: bool| {
            let expected = if allowed { Answer::Given } else { Answer::NoLongerAllowed };
            let request = world.request(client.id, NOW).await;
            let issue = world.new_issue(client.id, alice, session, NOW);
            let stored = world.store.issue_stored(request, &issue, &world.note(NOW + 9)).await.expect("runs");
            let fresh = world.new_issue(client.id, alice, session, NOW);
            let fresh = world.store.issue_fresh(&fresh, &world.note(NOW + 9)).await.expect("runs");
            assert_eq!((stored, fresh), (expected, expected), "{what}");
            let code = world.store.find_code(&secret_of(issue.code.id)).await.expect("reads");
            assert_eq!(code.is_some(), allowed, "{what}");
        };
        tries("everything on", true).await;
        let done = world.store.set_application_enabled(client.id, false, &world.note(NOW + 1)).await;
        assert_eq!(done.expect("runs"), Change::Done);
        tries("application off", false).await;
        world.store.set_application_enabled(client.id, true, &world.note(NOW + 2)).await.expect("runs");
        tries("application on again", true).await;
        world.store.set_person_enabled(alice, false, &world.note(NOW + 3)).await.expect("runs");
        tries("person off", false).await;
        world.store.set_person_enabled(alice, true, &world.note(NOW + 4)).await.expect("runs");
        tries("person on again, with a session from before", false).await;
        let session = world.session(bob, NOW).await;
        assert_eq!(world.store.end_session(session, &world.note(NOW)).await.expect("runs"), EndSession::Ended);
        let issue = world.new_issue(client.id, bob, session, NOW);
        let answer = world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed, "signed out");
        let request = world.request(client.id, NOW).await;
        let answer = world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed, "signed out, with a stored request");
        let foreign = world.session(bob, NOW).await;
        let issue = world.new_issue(client.id, alice, foreign, NOW + 100);
        let answer = world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed, "somebody else's session");
        let request = world.request(client.id, NOW).await;
        let issue = world.new_issue(other.id, bob, foreign, NOW);
        let answer = world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed, "another application than the one that asked");
    });
}

#[test]
fn fm_63_nothing_is_issued_to_a_session_whose_time_is_over_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let (idle, old) = (world.session(person, NOW).await, world.session(person, NOW).await);
        let live = world.store.find_session(&secret_of(old), None, NOW).await.expect("reads").expect("is there");
        world.store.touch_session(&live, NOW + SESSION_MAX_MS - 1).await.expect("runs");
        for (session, end) in [(idle, NOW + SESSION_IDLE_MS), (old, NOW + SESSION_MAX_MS)] {
            for (at, expected) in [(end, Answer::NoLongerAllowed), (end - 1, Answer::Given)] {
                let request = world.request(client.id, at).await;
                let issue = world.new_issue(client.id, person, session, NOW);
                let stored = world.store.issue_stored(request, &issue, &world.note(at)).await.expect("runs");
                let issue = world.new_issue(client.id, person, session, NOW);
                let fresh = world.store.issue_fresh(&issue, &world.note(at)).await.expect("runs");
                assert_eq!((stored, fresh), (expected, expected));
            }
        }
    });
}

#[test]
fn of_an_issue_and_a_removal_of_the_application_at_once_a_code_is_given_only_if_there_is_one() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        for round in 0..20 {
            let client = world.application(&format!("shop{round}"), Template::Web).await;
            let request = world.request(client.id, NOW).await;
            let answers = race(&world, 2, |world, n| async move {
                if n == 0 {
                    world.store.remove_application(client.id, &world.note(NOW)).await.expect("runs");
                    return None;
                }
                let issue = world.new_issue(client.id, person, session, NOW);
                let answer = world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs");
                Some((answer, issue.code.id))
            })
            .await;
            let (answer, code) = answers.into_iter().flatten().next().expect("one issued");
            const KEPT: &str = "SELECT id FROM codes WHERE id = $1";
            let kept = world.store.find(&statement!(KEPT, code)).await.expect("reads").is_some();
            assert_eq!(kept, answer == Answer::Given, "round {round}: {answer:?}");
        }
    });
}

#[test]
fn each_consent_replaces_the_last_one_and_only_together_with_its_code() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let request = world.request(client.id, NOW).await;
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), None);
        let mut issue = world.new_issue(client.id, person, session, NOW);
        issue.consent = Some(scopes("user_info projects"));
        assert_eq!(world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), issue.consent);
        let mut loser = world.new_issue(client.id, person, session, NOW);
        loser.consent = Some(scopes("user_info"));
        let lost = world.store.issue_stored(request, &loser, &world.note(NOW)).await.expect("runs");
        assert_eq!(lost, Answer::AlreadyAnswered);
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), issue.consent);
        let mut next = world.new_issue(client.id, person, session, NOW);
        next.consent = Some(scopes("user_info emails"));
        let mut other_tab = world.new_issue(client.id, person, session, NOW);
        other_tab.consent = Some(scopes("user_info keys"));
        assert_eq!(world.store.issue_fresh(&other_tab, &world.note(NOW)).await.expect("runs"), Answer::Given);
        let kept = world.store.last_consent(person, client.id).await.expect("reads");
        assert_eq!(kept, issue.consent, "what was ticked beside something older is not kept over it");
        next.last_consent = issue.consent.clone();
        assert_eq!(world.store.issue_fresh(&next, &world.note(NOW)).await.expect("runs"), Answer::Given);
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), next.consent);
        let without = world.new_issue(client.id, person, session, NOW);
        assert_eq!(world.store.issue_fresh(&without, &world.note(NOW)).await.expect("runs"), Answer::Given);
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), next.consent);
        let stranger = world.person("bob").await;
        assert_eq!(world.store.last_consent(stranger, client.id).await.expect("reads"), None);
        let given = world.trail().await.into_iter().filter(|action| action == "consent.give").count();
        assert_eq!(given, 3, "each consent stands in the trail, a lost one does not");
    });
}

#[test]
fn a_denial_stands_in_the_trail() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let request = world.request(client.id, NOW).await;
        for expected in [Answer::Given, Answer::AlreadyAnswered] {
            let answer = world.store.deny_stored(request, world.id(), &world.note(NOW)).await.expect("runs");
            assert_eq!(answer, expected);
        }
        assert_eq!(world.trail().await.iter().filter(|action| *action == "consent.deny").count(), 1);
    });
}

#[test]
fn the_session_that_a_person_goes_on_with_is_kept_only_while_the_request_waits() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let chosen = async |request| world.store.find_request(request).await.expect("reads").expect("is there").chosen;
        let (request, other) = (world.request(client.id, NOW).await, world.request(client.id, NOW).await);
        assert_eq!(chosen(request).await, None);
        world.store.choose_session(request, session, NOW).await.expect("runs");
        assert_eq!((chosen(request).await, chosen(other).await), (Some(session), None));
        let later = world.id();
        world.store.choose_session(request, later, NOW).await.expect("runs");
        assert_eq!(chosen(request).await, Some(later), "whoever is asked again says it again");

        // Not in a request that is over, nor in one that was answered, nor in one that never was.
        world.store.choose_session(other, session, NOW + AUTHORIZATION_REQUEST_MS).await.expect("runs");
        assert_eq!(chosen(other).await, None);
        let issue = world.new_issue(client.id, person, session, NOW);
        assert_eq!(world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
        world.store.choose_session(request, session, NOW).await.expect("runs");
        assert_eq!(chosen(request).await, Some(later));
        world.store.choose_session(world.id(), session, NOW).await.expect("runs");
    });
}

#[test]
fn what_was_asked_for_by_name_is_kept_with_the_grant_and_only_with_it() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        for claims in [Some(r#"{"id_token":[{"name":"email"}]}"#.to_owned()), None] {
            let issue = Issue { claims: claims.clone(), ..world.new_issue(client.id, person, session, NOW) };
            assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
            let found = world.store.find_code(&secret_of(issue.code.id)).await.expect("reads").expect("is there");
            assert_eq!(found.person.claims.map(|claims| claims.to_json()), claims);
        }
    });
}
