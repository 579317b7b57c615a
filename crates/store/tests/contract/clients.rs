//! Applications: what they are, their secrets, and that removing or switching off is felt at once.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, race};
use vestibule_oauth::template::{Switch, Template};
use vestibule_store::applications::{AddApplication, CLOCKS_MS, Change, NewRedirectUri, NewSecret};
use vestibule_store::assignments::Subject;
use vestibule_store::authorizations::Answer;
use vestibule_store::clients::Logo;
use vestibule_store::older_forms::Uses;
use vestibule_store::statement;

#[test]
fn of_64_applications_with_one_name_one_is_added_and_the_others_hear_that_it_is_taken() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let new = world.new_application(if n % 2 == 0 { "Shop" } else { "sHOP" }, Template::Web);
            let added = world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
            let found = world.store.find_client(&new.client.client_id, NOW).await.expect("reads");
            assert_eq!(found.is_some(), added == AddApplication::Added);
            added
        })
        .await;
        assert_eq!(count(&got, &AddApplication::Added), 1);
        assert_eq!(count(&got, &AddApplication::NameTaken), CALLERS - 1);
        let mut new = world.new_application("other", Template::Web);
        let first = world.store.list_applications().await.expect("reads").remove(0).client;
        new.client.client_id = first.client_id;
        let added = world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        assert_eq!(added, AddApplication::ClientIdTaken);
    });
}

#[test]
fn a_client_is_found_by_its_id_with_live_secrets_and_with_its_redirect_uris_in_order() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("shop", Template::Web);
        for n in (0..12).rev() {
            new.redirect_uris.push(NewRedirectUri { uri: format!("https://shop.example/{n}"), origin: None });
        }
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let found = world.store.find_client(&new.client.client_id, NOW).await.expect("reads").expect("is there");
        assert_eq!(
            (found.client.id, found.client.template, found.client.access),
            (new.client.id, new.client.template, new.client.access)
        );
        assert_eq!(found.client.lifetimes, new.client.lifetimes);
        assert!(found.client.enabled && found.client.confidential);
        assert_eq!(found.secrets.len(), 1);
        assert!(found.secrets[0].matches(&new.secret.expect("was made").digest));
        let found = world.store.find_redirecting_client(&new.client.client_id).await.expect("reads").expect("is there");
        let uris: Vec<_> = new.redirect_uris.iter().map(|uri| uri.uri.as_str()).collect();
        assert_eq!(found.redirect_uris, uris);
        for unknown in ["", "app_", "APP_", "%", "' OR ''='"] {
            assert!(world.store.find_client(unknown, NOW).await.expect("reads").is_none());
            assert!(world.store.find_redirecting_client(unknown).await.expect("reads").is_none());
        }
        let mut bare = world.new_application("bare", Template::Service);
        bare.redirect_uris.clear();
        bare.secret = None;
        world.store.add_application(&bare, &world.note(NOW)).await.expect("runs");
        let found = world.store.find_client(&bare.client.client_id, NOW).await.expect("reads").expect("is there");
        assert!(found.secrets.is_empty());
        let found =
            world.store.find_redirecting_client(&bare.client.client_id).await.expect("reads").expect("is there");
        assert!(found.redirect_uris.is_empty());
    });
}

#[test]
fn an_older_secret_ends_when_its_successor_says_so_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let live = async |now| {
            world.store.find_client(&client.client_id, now).await.expect("reads").expect("is there").secrets.len()
        };
        let rotate = async |overlap, at| {
            let secret = NewSecret { id: world.id(), digest: world.digest() };
            let done = world.store.rotate_secret(client.id, &secret, overlap, &world.note(at)).await.expect("runs");
            assert_eq!(done, Change::Done);
            secret
        };
        rotate(1_000, NOW).await;
        assert_eq!((live(NOW + 999).await, live(NOW + 1_000).await), (2, 1));
        let last = rotate(0, NOW + 10).await;
        assert_eq!(live(NOW + 10).await, 1, "what was to end later ends now, too");
        let found = world.store.find_client(&client.client_id, NOW + 10).await.expect("reads").expect("is there");
        assert!(found.secrets[0].matches(&last.digest));
        let sheet = world.store.show_application(client.id).await.expect("reads").expect("is there");
        let ends: Vec<_> = sheet.secrets.iter().map(|secret| secret.ends_at).collect();
        assert_eq!((sheet.secrets[0].id, ends), (last.id, vec![None, Some(NOW + 10), Some(NOW + 10)]));
        let nobodys = world.store.rotate_secret(world.id(), &last, 0, &world.note(NOW)).await.expect("runs");
        assert_eq!(nobodys, Change::NotFound);
    });
}

#[test]
fn of_16_rotations_at_once_without_overlap_one_secret_lives() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..5 {
            let client = world.application(&format!("shop{round}"), Template::Web).await;
            let rotated = race(&world, 16, |world, _| async move {
                let secret = NewSecret { id: world.id(), digest: world.digest() };
                world.store.rotate_secret(client.id, &secret, 0, &world.note(NOW + 1)).await.expect("runs")
            })
            .await;
            assert_eq!(count(&rotated, &Change::Done), 16);
            let found = world.store.find_client(&client.client_id, NOW + 1).await.expect("reads").expect("is there");
            assert_eq!(found.secrets.len(), 1, "round {round}");
        }
    });
}

#[test]
fn a_rotation_beside_a_removal_leaves_no_secret_behind() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..10 {
            let client = world.application(&format!("shop{round}"), Template::Web).await;
            race(&world, 8, |world, n| async move {
                if n == 0 {
                    return world.store.remove_application(client.id, &world.note(NOW)).await.expect("runs");
                }
                let secret = NewSecret { id: world.id(), digest: world.digest() };
                world.store.rotate_secret(client.id, &secret, 1_000, &world.note(NOW)).await.expect("runs")
            })
            .await;
        }
        const LEFT: &str = "SELECT COUNT(*) FROM client_secrets";
        assert_eq!(world.store.scan(&statement!(LEFT)).await.expect("reads")[0].int(0), Ok(0));
    });
}

#[test]
fn of_16_switchings_off_at_once_one_stands_in_the_trail() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        for (round, on) in [false, true, false, true].into_iter().enumerate() {
            let done = race(&world, 16, |world, n| async move {
                let note = world.note(NOW);
                match n % 2 {
                    0 => world.store.set_application_enabled(client.id, on, &note).await.expect("runs"),
                    _ => world.store.set_person_enabled(person, on, &note).await.expect("runs"),
                }
            })
            .await;
            assert_eq!(count(&done, &Change::Done), 16);
            let (application, of_person) =
                if on { ("application.enable", "person.enable") } else { ("application.disable", "person.disable") };
            let trail = world.trail().await;
            assert_eq!(count(&trail, &application.to_owned()), 1 + round / 2, "{trail:?}");
            assert_eq!(count(&trail, &of_person.to_owned()), 1 + round / 2, "{trail:?}");
        }
    });
}

#[test]
fn what_a_node_gave_whose_clock_is_ahead_stays_dead_after_switching_on_again() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let mut dead = Vec::new();
        // All in one millisecond of the administrator's node.
        for round in 0..3 {
            let ahead = NOW + CLOCKS_MS;
            let issue = world.new_issue(client.id, person, session, NOW);
            let answer = world.store.issue_fresh(&issue, &world.note(ahead)).await.expect("runs");
            assert_eq!(answer, Answer::Given, "round {round}");
            let (access, refresh) = world.spend(issue.code.id, ahead).await;
            let late = ahead + 10 * SECOND;
            assert!(world.accepted(access, late).await && world.refreshable(refresh, late).await, "round {round}");
            for on in [false, true] {
                world.store.set_application_enabled(client.id, on, &world.note(NOW)).await.expect("runs");
            }
            dead.push((access, refresh));
            for (access, refresh) in &dead {
                assert!(!world.accepted(*access, late).await && !world.refreshable(*refresh, late).await);
            }
        }
    });
}

#[test]
fn an_origin_is_allowed_only_for_a_public_client_that_is_switched_on() {
    each_database(async |store| {
        let world = World::new(store);
        let spa = world.application("app", Template::Spa).await;
        world.application("shop", Template::Web).await;
        let allowed = async |origin: &str| world.store.allows_origin(origin).await.expect("reads");
        assert!(allowed("https://app.example").await);
        for origin in ["https://shop.example", "https://app.example:443", "https://app.example.evil", "null", ""] {
            assert!(!allowed(origin).await, "{origin}");
        }
        world.store.set_application_enabled(spa.id, false, &world.note(NOW)).await.expect("runs");
        assert!(!allowed("https://app.example").await);
        world.store.set_application_enabled(spa.id, true, &world.note(NOW)).await.expect("runs");
        assert!(allowed("https://app.example").await);
        world.store.remove_application(spa.id, &world.note(NOW)).await.expect("runs");
        assert!(!allowed("https://app.example").await);
    });
}

#[test]
fn an_application_that_was_removed_is_nowhere_and_its_name_is_free() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("shop", Template::Web);
        new.logo = Some(Logo { media_type: "image/png".to_owned(), bytes: vec![7; 16] });
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let (id, client_id) = (new.client.id, new.client.client_id.as_str());
        let removed = race(&world, 16, |world, _| async move {
            world.store.remove_application(id, &world.note(NOW + 1)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&removed, &Change::Done), 1);
        assert_eq!(count(&world.trail().await, &"application.remove".to_owned()), 1);
        assert!(world.store.find_client(client_id, NOW).await.expect("reads").is_none());
        assert!(world.store.find_card(client_id).await.expect("reads").is_none());
        assert!(world.store.find_logo(client_id).await.expect("reads").is_none());
        assert!(world.store.show_application(id).await.expect("reads").is_none());
        assert_eq!(world.store.find_application("shop").await.expect("reads"), None);
        world.application("shop", Template::Web).await;
    });
}

#[test]
fn a_page_finds_name_home_page_logo_and_whether_somebody_vouches() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("<b>Shop</b> & Söhne", Template::Web);
        let logo = Logo { media_type: "image/png".to_owned(), bytes: (0..=255).cycle().take(70_000).collect() };
        new.logo = Some(logo.clone());
        new.verified = true;
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let card = world.store.find_card(&new.client.client_id).await.expect("reads").expect("is there");
        assert_eq!((card.name, card.home_page), (new.client.name, new.home_page));
        assert!(card.verified && card.has_logo);
        assert_eq!(world.store.find_logo(&new.client.client_id).await.expect("reads"), Some(logo));
        let plain = world.application("plain", Template::Web).await;
        let card = world.store.find_card(&plain.client_id).await.expect("reads").expect("is there");
        assert!(!card.verified && !card.has_logo);
        assert_eq!(world.store.find_logo(&plain.client_id).await.expect("reads"), None);
    });
}

#[test]
fn an_administrator_sees_everything_about_an_application() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::IdaasOauth2).await;
        world.application("Atelier", Template::Web).await;
        let person = world.person("alice").await;
        world.store.assign(client.id, Subject::Person(person), &world.note(NOW)).await.expect("runs");
        let uses = |day, uses| Uses { application: client.id, form: Switch::QueryParameters, day, uses };
        world.store.add_uses(&[uses(10, 3), uses(11, 4)], NOW).await.expect("runs");
        world.store.add_uses(&[uses(11, 5)], NOW).await.expect("runs");
        world.store.set_application_enabled(client.id, false, &world.note(NOW + 7)).await.expect("runs");
        let sheet = world.store.show_application(client.id).await.expect("reads").expect("is there");
        assert!(!sheet.client.enabled);
        assert_eq!((sheet.disabled_at, sheet.valid_from), (Some(NOW + 7), NOW + 8 + CLOCKS_MS));
        assert_eq!((sheet.created_at, sheet.updated_at), (NOW, NOW + 7));
        assert_eq!(sheet.redirect_uris, ["https://shop.example/callback"]);
        assert_eq!(sheet.assignments.len(), 1);
        assert_eq!(sheet.assignments[0].name, "alice");
        assert_eq!(sheet.older_forms.len(), 1);
        let line = sheet.older_forms[0];
        assert_eq!((line.form, line.uses, line.last_day), (Switch::QueryParameters as i64, 12, 11));
        let list = world.store.list_applications().await.expect("reads");
        let names: Vec<_> = list.iter().map(|line| line.client.name.as_str()).collect();
        assert_eq!(names, ["Atelier", "shop"]);
        assert_eq!(world.store.find_application("SHOP").await.expect("reads"), Some(client.id));
        assert_eq!(world.store.find_application(&client.client_id).await.expect("reads"), Some(client.id));
        let switched = world.store.set_application_enabled(world.id(), false, &world.note(NOW)).await.expect("runs");
        assert_eq!(switched, Change::NotFound);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "older_form.use").count(), 2, "one a day");
    });
}
