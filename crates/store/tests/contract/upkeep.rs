//! Sweeping, the trail, and what is kept for the operator's commands.

use crate::harness::{NOW, each_database};
use crate::world::{SECOND, World, race, secret_of};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::{Switch, Template};
use vestibule_store::applications::NewSecret;
use vestibule_store::audit::Event;
use vestibule_store::authorizations::Answer;
use vestibule_store::codes::SpendCode;
use vestibule_store::older_forms::{USES_AT_ONCE, Uses};
use vestibule_store::setup_links::OpenSetupLink;
use vestibule_store::upkeep::{REFUSED_STAY_MS, SWEEPS, TRAIL_STAYS_MS};
use vestibule_store::{Store, StoreError, statement};

const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

async fn rows(store: &Store) -> Vec<i64> {
    const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM sessions), (SELECT COUNT(*) FROM authorizations), \
        (SELECT COUNT(*) FROM grants), (SELECT COUNT(*) FROM codes), (SELECT COUNT(*) FROM tokens), \
        (SELECT COUNT(*) FROM refresh_tokens)";
    let row = store.scan(&statement!(COUNTS)).await.expect("reads").remove(0);
    (0..6).map(|column| row.int(column).expect("a number")).collect()
}

/// One batch of everything.
pub async fn sweep(store: &Store, now: i64, batch: i64) -> Result<u64, StoreError> {
    let mut gone = 0;
    for what in &SWEEPS {
        gone += store.sweep(what, now, batch).await?;
    }
    Ok(gone)
}

#[test]
fn rows_whose_time_is_over_go_in_small_batches_and_nothing_that_lives_goes() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        for _ in 0..25 {
            let session = world.session(person, NOW).await;
            world.request(client.id, NOW).await;
            let issue = world.new_issue(client.id, person, session, NOW);
            assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
            world.spend(issue.code.id, NOW).await;
        }
        assert_eq!(rows(&world.store).await, [25, 25, 25, 25, 25, 25]);
        assert_eq!(sweep(&world.store, NOW + HOUR, 10).await.expect("runs"), 0, "everything lives, or ended just now");
        let gone = sweep(&world.store, NOW + 90 * 60 * SECOND + 1, 10).await.expect("runs");
        assert_eq!(gone, 20, "ten requests and ten access tokens: no more at once");
        assert_eq!(rows(&world.store).await, [25, 15, 25, 25, 15, 25]);
        let live = world.session(person, NOW + 2 * DAY).await;
        while sweep(&world.store, NOW + 8 * DAY, 10).await.expect("runs") > 0 {}
        assert_eq!(rows(&world.store).await, [1, 0, 0, 0, 0, 0]);
        let found = world.store.find_session(&secret_of(live), None, NOW + 2 * DAY).await.expect("reads");
        assert!(found.is_some());
    });
}

#[test]
fn st_30_a_spent_code_is_remembered_for_as_long_as_what_it_gave_lives() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let code = world.flow(&client, "alice").await.code;
        let (_, first) = world.spend(code, NOW).await;
        let later = NOW + 3_000 * SECOND;
        let next = world.new_rotation(later);
        world.rotate(first, &next, later).await.expect("runs");
        let refresh = next.tokens.refresh.expect("was made").id;
        let late = later + 3_599 * SECOND;
        while sweep(&world.store, late + HOUR, 100).await.expect("runs") > 0 {}
        assert!(world.refreshable(refresh, late).await);
        let again = world.store.spend_code(code, world.id(), &world.new_tokens(late), late).await.expect("runs");
        assert_eq!(again, SpendCode::AlreadySpent);
        assert!(world.store.end_grant_of_replayed_code(code, &world.note(late)).await.expect("runs"));
        assert!(!world.refreshable(refresh, late).await);
    });
}

#[test]
fn st_66_every_generation_is_remembered_for_as_long_as_its_family_lives() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let code = world.flow(&client, "alice").await.code;
        let (first, mut last) = (world.spend(code, NOW).await.1, None);
        let mut now = NOW;
        for _ in 0..12 {
            now += 3_000 * SECOND;
            let next = world.new_rotation(now);
            world.rotate(last.unwrap_or(first), &next, now).await.expect("runs");
            last = next.tokens.refresh.map(|refresh| refresh.id);
        }
        let last = last.expect("was made");
        while sweep(&world.store, now + HOUR, 5).await.expect("runs") > 0 {}
        let found = world.store.find_refresh(&secret_of(first)).await.expect("reads").expect("is remembered");
        assert!(found.generation.spent.is_some(), "so that its presentation is a reuse");
        assert!(world.refreshable(last, now).await);
        // The first rotation moved the grant's time on by a day more than its tokens needed.
        let over = NOW + (3_000 + 3_600 + 86_400) * SECOND + HOUR;
        while sweep(&world.store, over, 5).await.expect("runs") > 0 {}
        assert!(world.store.find_refresh(&secret_of(last)).await.expect("reads").is_ok(), "not yet an hour over");
        let gone = sweep(&world.store, over + 1, 5).await.expect("runs");
        assert_eq!((gone, rows(&world.store).await[5]), (5, 8), "a long family goes in batches, and its grant last");
        while sweep(&world.store, over + 1, 5).await.expect("runs") > 0 {}
        assert_eq!(rows(&world.store).await[2..], [0, 0, 0, 0]);
    });
}

#[test]
fn nodes_that_sweep_grants_at_once_leave_nothing_of_them_behind() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        for n in 0..60 {
            let issue = world.new_issue(client.id, person, session, NOW);
            assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
            if n % 3 == 0 {
                world.spend(issue.code.id, NOW).await;
            }
        }
        race(&world, 8, |world, _| async move {
            for _ in 0..4 {
                sweep(&world.store, NOW + DAY, 5).await.expect("runs");
            }
        })
        .await;
        const ORPHANS: &str = "SELECT (SELECT COUNT(*) FROM codes k WHERE NOT EXISTS \
            (SELECT 1 FROM grants g WHERE g.id = k.grant_id)), (SELECT COUNT(*) FROM refresh_tokens t WHERE NOT EXISTS \
            (SELECT 1 FROM grants g WHERE g.id = t.grant_id))";
        let orphans = world.store.scan(&statement!(ORPHANS)).await.expect("reads").remove(0);
        assert_eq!((orphans.int(0), orphans.int(1)), (Ok(0), Ok(0)));
        while sweep(&world.store, NOW + DAY, 5).await.expect("runs") > 0 {}
        assert_eq!(rows(&world.store).await, [1, 0, 0, 0, 0, 0]);
    });
}

#[test]
fn nodes_that_sweep_at_once_do_not_disturb_each_other_nor_whoever_works() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        for _ in 0..40 {
            world.request(client.id, NOW - 10 * HOUR).await;
        }
        let session = world.session(person, NOW).await;
        let gone = race(&world, 8, |world, n| async move {
            if n % 2 == 0 {
                return sweep(&world.store, NOW, 15).await.expect("runs");
            }
            let request = world.request(client.id, NOW).await;
            let issue = world.new_issue(client.id, person, session, NOW);
            let answer = world.store.issue_stored(request, &issue, &world.note(NOW)).await.expect("runs");
            assert_eq!(answer, Answer::Given);
            0
        })
        .await;
        let mut gone: u64 = gone.iter().sum();
        gone += sweep(&world.store, NOW, 100).await.expect("runs");
        assert_eq!(gone, 40);
    });
}

#[test]
fn setup_links_and_client_secrets_go_an_hour_after_their_end_and_live_ones_stay() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let secret = NewSecret { id: world.id(), digest: world.digest() };
        world.store.rotate_secret(client.id, &secret, 0, &world.note(NOW)).await.expect("runs");
        let link = world.id();
        let opened = world.store.open_setup_link(link, &world.digest(), &world.note(NOW - HOUR)).await.expect("runs");
        assert_eq!(opened, OpenSetupLink::Opened);
        const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM client_secrets), (SELECT COUNT(*) FROM setup_links)";
        let left = async || {
            let row = world.store.scan(&statement!(COUNTS)).await.expect("reads").remove(0);
            (row.int(0).expect("a number"), row.int(1).expect("a number"))
        };
        assert_eq!((sweep(&world.store, NOW + HOUR, 10).await, left().await), (Ok(0), (2, 1)));
        assert_eq!((sweep(&world.store, NOW + HOUR + 1, 10).await, left().await), (Ok(2), (1, 0)));
        let found = world.store.find_client(&client.client_id, NOW + HOUR).await.expect("reads").expect("is there");
        assert!(found.secrets[0].matches(&secret.digest));
    });
}

#[test]
fn what_hung_on_a_removed_application_is_swept() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let mut issue = world.new_issue(client.id, person, session, NOW);
        issue.consent = Some(issue.scopes.clone());
        world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        let uses = Uses { application: client.id, form: Switch::PasswordGrant, day: 1, uses: 1 };
        world.store.add_uses(&[uses], NOW).await.expect("runs");
        world.store.remove_application(client.id, &world.note(NOW)).await.expect("runs");
        world.store.add_uses(&[uses], NOW).await.expect("runs");
        while sweep(&world.store, NOW + 2 * HOUR, 10).await.expect("runs") > 0 {}
        assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), None);
        const LEFT: &str = "SELECT (SELECT COUNT(*) FROM older_forms), (SELECT COUNT(*) FROM removed_applications)";
        let row = world.store.scan(&statement!(LEFT)).await.expect("reads").remove(0);
        assert_eq!((row.int(0), row.int(1)), (Ok(0), Ok(0)));
    });
}

#[test]
fn the_trail_keeps_who_did_what_where_and_how_it_ended_newest_first() {
    each_database(async |store| {
        let world = World::new(store);
        let event = |outcome| Event {
            action: "person.sign_in",
            target: "login".to_owned(),
            outcome,
            details: "wrong password".to_owned(),
        };
        let note = world.note(NOW);
        world.store.keep_event(&note, event("refused")).await.expect("runs");
        world.store.keep_event(&note, event("twice")).await.expect("runs");
        world.store.keep_event(&world.note(NOW + 1), event("later")).await.expect("runs");
        let rows = world.store.list_audit(10).await.expect("reads");
        let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_str()).collect();
        assert_eq!(outcomes, ["later", "refused"], "one row for one id");
        let row = &rows[1];
        assert_eq!((row.id, row.at, row.node.as_str(), row.actor.as_str()), (note.id, NOW, "test-node", "tester"));
        assert_eq!((row.action.as_str(), row.target.as_str()), ("person.sign_in", "login"));
        assert_eq!((row.request_id.as_deref(), row.details.as_str()), (Some("request-1"), "wrong password"));
        assert_eq!(world.store.list_audit(1).await.expect("reads").len(), 1);
    });
}

#[test]
fn the_trail_forgets_refused_sign_ins_and_ways_back_from_hosts_after_a_month_and_everything_else_after_a_year() {
    each_database(async |store| {
        let world = World::new(store);
        let keep = async |action, outcome, at| {
            let event = Event { action, target: "person:1".to_owned(), outcome, details: String::new() };
            world.store.keep_event(&world.note(at), event).await.expect("runs");
        };
        for n in 0..25 {
            let action = ["session.open", "git_flow.land", "git_flow.take"][n % 3];
            keep(action, "refused", NOW + i64::try_from(n).expect("is small")).await;
        }
        keep("session.open", "done", NOW).await;
        keep("code.replay", "refused", NOW).await;
        let left = async || world.trail().await.len();
        let month = NOW + REFUSED_STAY_MS;
        assert_eq!(sweep(&world.store, month, 10).await.expect("runs"), 0, "not older than a month");
        assert_eq!(sweep(&world.store, month + 5, 10).await.expect("runs"), 5, "only what is older goes");
        assert_eq!(sweep(&world.store, month + DAY, 10).await.expect("runs"), 10, "no more at once than the batch");
        while sweep(&world.store, NOW + TRAIL_STAYS_MS, 10).await.expect("runs") > 0 {}
        assert_eq!(left().await, 2, "a sign-in that went well and a refusal of another kind stay");
        assert_eq!(sweep(&world.store, NOW + TRAIL_STAYS_MS + 1, 10).await.expect("runs"), 2);
        assert_eq!(left().await, 0);
    });
}

#[test]
fn a_setting_is_kept_in_place_of_the_one_before() {
    each_database(async |store| {
        let world = World::new(store);
        assert_eq!(world.store.setting("issuer").await.expect("reads"), None);
        for value in ["http://127.0.0.1:8080", "https://id.example"] {
            world.store.put_setting("issuer", value).await.expect("runs");
            assert_eq!(world.store.setting("issuer").await.expect("reads").as_deref(), Some(value));
        }
    });
}

#[test]
fn uses_of_older_forms_by_many_nodes_are_all_counted() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        race(&world, 32, |world, n| async move {
            let form = if n % 2 == 0 { Switch::PasswordGrant } else { Switch::QueryAccessToken };
            let uses = Uses { application: client.id, form, day: 5, uses: 2 };
            world.store.add_uses(&[uses], NOW).await.expect("runs");
        })
        .await;
        world.store.add_uses(&[], NOW).await.expect("runs");
        let sheet = world.store.show_application(client.id).await.expect("reads").expect("is there");
        let counts: Vec<_> = sheet.older_forms.iter().map(|line| (line.form, line.uses)).collect();
        assert_eq!(counts, [(Switch::PasswordGrant as i64, 32), (Switch::QueryAccessToken as i64, 32)]);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "older_form.use").count(), 2);
    });
}

#[test]
fn nodes_that_tell_many_uses_in_different_orders_do_not_wait_for_each_other_crosswise() {
    each_database(async |store| {
        let world = World::new(store);
        let mut applications = Vec::new();
        for n in 0..USES_AT_ONCE {
            applications.push(world.application(&format!("forge{n}"), Template::Gitlife).await.id);
        }
        for day in 0..3 {
            race(&world, 8, |world, n| {
                let of =
                    |application: &Id| Uses { application: *application, form: Switch::PasswordGrant, day, uses: 1 };
                let mut uses: Vec<_> = applications.iter().map(of).collect();
                if n % 2 == 1 {
                    uses.reverse();
                }
                async move { world.store.add_uses(&uses, NOW).await.expect("runs") }
            })
            .await;
        }
        const COUNTS: &str = "SELECT COUNT(*), CAST(SUM(uses) AS BIGINT), CAST(MAX(uses) AS BIGINT) FROM older_forms";
        let row = world.store.scan(&statement!(COUNTS)).await.expect("reads").remove(0);
        let many = i64::try_from(USES_AT_ONCE).expect("few");
        assert_eq!((row.int(0), row.int(1), row.int(2)), (Ok(3 * many), Ok(24 * many), Ok(8)));
    });
}
