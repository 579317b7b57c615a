//! Counting tries: none is lost however many come at once, and nobody is kept out by what others do.

use crate::harness::{NOW, each_database, each_empty_database};
use crate::upkeep::sweep;
use crate::world::{CALLERS, SECOND, World, race};
use vestibule_oauth::guessing::{DEVICES, FREE, Key, UNDER_WAY_MS, WINDOW_MS};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::guesses::{Counter, Counters, Hold, Reservation, Reserve, Whose};
use vestibule_store::migrations::Schema;
use vestibule_store::{Role, Store, statement};

const MINUTE: i64 = 60 * SECOND;

fn counters(person: u8, network: u8) -> Counters {
    let own = Counter { key: Key::account(Id::from_bytes([person; 16])), free: FREE };
    let beside = Counter { key: Key::people_of(&[10, 0, network, 1]), free: 1_000_000 };
    Counters { own, beside: Some(beside) }
}

fn device(browser: &str) -> Counters {
    let key = Key::device(Id::from_bytes([1; 16]), &Digest::of(browser.as_bytes()));
    Counters { own: Counter { key, free: FREE }, beside: None }
}

async fn reserve(world: &World, counters: &Counters, now: i64) -> Result<Reservation, Hold> {
    match world.store.reserve_guess(counters, world.id(), now).await.expect("runs") {
        Reserve::Reserved(reservation) => Ok(reservation),
        Reserve::Held(hold) => Err(hold),
    }
}

/// Tries in vain; gives how long it has to wait in milliseconds if it may not.
async fn fail(world: &World, counters: &Counters, now: i64) -> Result<Reservation, i64> {
    match reserve(world, counters, now).await {
        Ok(reservation) => {
            world.store.fail_guess(&reservation, now).await.expect("runs");
            Ok(reservation)
        }
        Err(Hold::Waits(until) | Hold::Crowded(until, _)) => Err(until - now),
    }
}

async fn waits(world: &World, counters: &Counters, now: i64) -> Option<i64> {
    world.store.guess_hold(counters, now).await.expect("reads").map(|hold| match hold {
        Hold::Waits(until) => until - now,
        Hold::Crowded(..) => panic!("a try is under way"),
    })
}

/// From a network of which five may fail.
fn from(person: u8, network: u8) -> Counters {
    let mut counters = counters(person, network);
    counters.beside.as_mut().expect("is there").free = FREE;
    counters
}

async fn failures(store: &Store, key: &Key) -> i64 {
    const FIND: &str = "SELECT failures FROM guesses WHERE tenant = $1 AND key = $2";
    let row = store.find(&statement!(FIND, store.tenant(), key.digest())).await.expect("reads");
    row.map_or(0, |row| row.int(0).expect("a number"))
}

#[test]
fn st_48_five_failures_are_free_then_each_try_waits_twice_as_long_and_a_try_in_between_counts_nothing() {
    each_database(async |store| {
        let (world, alice) = (World::new(store), counters(1, 1));
        for _ in 0..5 {
            fail(&world, &alice, NOW).await.expect("is free");
        }
        let mut now = NOW;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(fail(&world, &alice, now).await.expect_err("waits"), wait * SECOND);
            assert_eq!(waits(&world, &alice, now).await, Some(wait * SECOND));
            assert_eq!(fail(&world, &alice, now + wait * SECOND - 1).await.expect_err("waits"), 1);
            now += wait * SECOND;
            assert_eq!(waits(&world, &alice, now).await, None);
            fail(&world, &alice, now).await.expect("has waited");
        }
        let over = NOW + WINDOW_MS;
        for _ in 0..5 {
            fail(&world, &alice, over).await.expect("is a new window");
        }
        assert_eq!(fail(&world, &alice, over).await.expect_err("waits"), SECOND);
        assert!(fail(&world, &counters(2, 1), NOW).await.is_ok(), "another account does not wait");
    });
}

#[test]
fn fm_101_of_64_guesses_at_once_five_are_made_and_none_is_lost() {
    each_database(async |store| {
        let world = World::new(store);
        let tries = |now, person, network| {
            let world = world.clone();
            async move {
                let got = race(&world, CALLERS, |world, _| async move {
                    fail(&world, &counters(person, network), now).await.is_ok()
                })
                .await;
                got.iter().filter(|made| **made).count()
            }
        };
        assert_eq!(tries(NOW, 1, 1).await, 5);
        assert_eq!(tries(NOW, 1, 2).await, 0, "from elsewhere neither");
        assert_eq!(tries(NOW + SECOND, 1, 1).await, 1);
        assert_eq!(tries(NOW + 3 * SECOND, 1, 3).await, 1);
        let alice = counters(1, 1);
        assert_eq!(failures(&world.store, &alice.own.key).await, 7);
        assert_eq!(failures(&world.store, &alice.beside.expect("is there").key).await, 6, "made from there");
    });
}

#[test]
fn fm_101_64_failures_at_once_from_one_network_count_64() {
    each_database(async |store| {
        let world = World::new(store);
        let got =
            race(&world, CALLERS, |world, n| async move { fail(&world, &counters(n as u8, 1), NOW).await.is_ok() })
                .await;
        assert!(got.iter().all(|made| *made));
        let network = counters(0, 1).beside.expect("is there").key;
        assert_eq!(failures(&world.store, &network).await, CALLERS as i64);
    });
}

#[test]
fn fm_101_of_64_guesses_at_once_at_as_many_accounts_five_are_made_and_then_their_network_waits() {
    each_database(async |store| {
        let world = World::new(store);
        let storm = async |now| {
            race(&world, CALLERS, move |world, n| async move { reserve(&world, &from(n as u8, 1), now).await }).await
        };
        let got = storm(NOW).await;
        let made: Vec<&Reservation> = got.iter().flatten().collect();
        assert_eq!(made.len(), 5);
        let crowded: Result<Reservation, Hold> = Err(Hold::Crowded(NOW + UNDER_WAY_MS, Whose::Beside));
        assert!(got.iter().filter(|held| held.is_err()).all(|held| held.as_ref().err() == crowded.as_ref().err()));
        for (n, reservation) in made.into_iter().enumerate() {
            assert_eq!(
                world.store.guess_hold(&from(70, 1), NOW).await.expect("reads"),
                crowded.as_ref().err().copied(),
                "{n}"
            );
            world.store.fail_guess(reservation, NOW).await.expect("runs");
        }
        assert_eq!(waits(&world, &from(70, 1), NOW).await, Some(SECOND));
        let mut counted = 0;
        for person in 0..CALLERS as u8 {
            counted += failures(&world.store, &from(person, 1).own.key).await;
        }
        assert_eq!(counted, 5, "who was not let try has not failed");
        assert!(fail(&world, &from(3, 2), NOW).await.is_ok(), "another network does not wait");
        // After the wait one at a time, however many come.
        let again = storm(NOW + SECOND).await;
        let made: Vec<&Reservation> = again.iter().flatten().collect();
        assert_eq!(made.len(), 1);
        world.store.fail_guess(made[0], NOW + SECOND).await.expect("runs");
        assert_eq!(waits(&world, &from(70, 1), NOW + SECOND).await, Some(2 * SECOND));
    });
}

#[test]
fn tries_under_way_make_a_network_wait_for_no_longer_than_until_they_are_judged() {
    each_database(async |store| {
        let world = World::new(store);
        let start = async |person, now| reserve(&world, &from(person, 1), now).await;
        let mut under_way = Vec::new();
        for person in 0..5 {
            under_way.push(start(person, NOW).await.expect("is free"));
        }
        assert_eq!(start(5, NOW).await.expect_err("is held"), Hold::Crowded(NOW + UNDER_WAY_MS, Whose::Beside));
        // One that was right makes place for one, and so does one that was not made.
        world.store.settle_guess(&under_way[0], None, NOW).await.expect("runs");
        under_way[0] = start(5, NOW).await.expect("has place");
        assert!(start(6, NOW).await.is_err());
        world.store.give_back_guess(&under_way[1]).await.expect("runs");
        under_way[1] = start(6, NOW).await.expect("has place");
        // One that was wrong makes none.
        world.store.fail_guess(&under_way[2], NOW).await.expect("runs");
        assert_eq!(start(7, NOW).await.expect_err("is held"), Hold::Crowded(NOW + UNDER_WAY_MS, Whose::Beside));
        // Four failures and a right one under way: it does not make others wait, and a fifth failure does.
        for n in [0, 1, 3] {
            world.store.fail_guess(&under_way[n], NOW).await.expect("runs");
        }
        assert_eq!(start(7, NOW).await.expect_err("is held"), Hold::Crowded(NOW + UNDER_WAY_MS, Whose::Beside));
        world.store.settle_guess(&under_way[4], None, NOW).await.expect("runs");
        let fifth = start(7, NOW).await.expect("has place");
        world.store.fail_guess(&fifth, NOW).await.expect("runs");
        assert_eq!(start(8, NOW).await.expect_err("is held"), Hold::Waits(NOW + SECOND));
        // After the wait a right one follows upon the other.
        for person in 8..12 {
            let right = start(person, NOW + SECOND).await.expect("has waited");
            world.store.settle_guess(&right, None, NOW + SECOND).await.expect("runs");
        }
        // What was lost with its server keeps nobody for ever, and stays a failure.
        let now = NOW + SECOND;
        start(13, now).await.expect("has waited");
        assert_eq!(
            start(14, now + UNDER_WAY_MS - 1).await.expect_err("is held"),
            Hold::Crowded(now + UNDER_WAY_MS, Whose::Beside)
        );
        let late = start(14, now + UNDER_WAY_MS).await.expect("nobody waits for what was lost");
        world.store.fail_guess(&late, now + UNDER_WAY_MS).await.expect("runs");
        assert_eq!(
            start(15, now + UNDER_WAY_MS).await.expect_err("is held"),
            Hold::Waits(now + UNDER_WAY_MS + 4 * SECOND)
        );
        assert_eq!(failures(&world.store, &from(0, 1).beside.expect("is there").key).await, 7);
        // A new window begins with nothing under way.
        start(16, NOW + WINDOW_MS).await.expect("is a new window");
        let network = from(0, 1).beside.expect("is there").key;
        assert_eq!(failures(&world.store, &network).await, 1);
    });
}

#[test]
fn tries_under_way_with_one_name_wait_for_each_other_and_a_right_one_leaves_only_those_that_are() {
    each_database(async |store| {
        let (world, alice) = (World::new(store), counters(1, 1));
        let key = alice.own.key.clone();
        let mut under_way = Vec::new();
        for _ in 0..5 {
            under_way.push(reserve(&world, &alice, NOW).await.expect("is free"));
        }
        let elsewhere = counters(1, 2);
        assert_eq!(
            reserve(&world, &elsewhere, NOW).await.expect_err("is held"),
            Hold::Crowded(NOW + UNDER_WAY_MS, Whose::Own)
        );
        assert_eq!(failures(&world.store, &elsewhere.beside.clone().expect("is there").key).await, 0);
        // A right one: the four others are still counted, and one more is let in.
        world.store.settle_guess(&under_way.remove(0), None, NOW).await.expect("runs");
        assert_eq!(failures(&world.store, &key).await, 4);
        under_way.push(reserve(&world, &elsewhere, NOW).await.expect("has place"));
        assert!(reserve(&world, &alice, NOW).await.is_err());
        for reservation in &under_way {
            let hold = world.store.guess_hold(&counters(1, 3), NOW).await.expect("reads");
            assert!(matches!(hold, Some(Hold::Crowded(..))), "{hold:?}");
            world.store.fail_guess(reservation, NOW).await.expect("runs");
        }
        assert_eq!(waits(&world, &counters(1, 3), NOW).await, Some(SECOND));
        // After the wait one at a time, and a right one makes an end of it.
        let one = reserve(&world, &alice, NOW + SECOND).await.expect("has waited");
        assert!(reserve(&world, &alice, NOW + SECOND).await.is_err());
        world.store.settle_guess(&one, None, NOW + SECOND).await.expect("runs");
        assert_eq!(failures(&world.store, &key).await, 0);
        // What was begun in a window that is over takes nothing from the next; what was lost is forgotten.
        let old = reserve(&world, &alice, NOW).await.expect("is free");
        let late = reserve(&world, &alice, NOW + WINDOW_MS).await.expect("is a new window");
        world.store.settle_guess(&old, None, NOW + WINDOW_MS).await.expect("runs");
        assert_eq!(failures(&world.store, &key).await, 1, "the other is still under way");
        world.store.settle_guess(&late, None, NOW + WINDOW_MS + UNDER_WAY_MS).await.expect("runs");
        assert_eq!(failures(&world.store, &key).await, 0);
    });
}

#[test]
fn failures_that_were_found_before_they_are_counted_make_their_network_wait_at_once() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let counted = world.store.count_failure(&from(n as u8, 1), world.id(), NOW).await.expect("runs");
            matches!(counted, Reserve::Reserved(_))
        })
        .await;
        assert_eq!(got.iter().filter(|counted| **counted).count(), 5);
        assert_eq!(waits(&world, &from(70, 1), NOW).await, Some(SECOND));
    });
}

#[test]
fn a_right_try_sets_its_account_back_and_gives_its_network_back_only_its_own() {
    each_database(async |store| {
        let (world, alice, bob) = (World::new(store), counters(1, 1), counters(2, 1));
        let network = alice.beside.clone().expect("is there").key;
        for _ in 0..4 {
            fail(&world, &alice, NOW).await.expect("is free");
            fail(&world, &bob, NOW).await.expect("is free");
        }
        let right = reserve(&world, &alice, NOW).await.expect("is free");
        assert!(fail(&world, &alice, NOW).await.is_err(), "while it is not known to be right it counts");
        world.store.settle_guess(&right, None, NOW).await.expect("runs");
        assert_eq!(failures(&world.store, &alice.own.key).await, 0);
        assert_eq!(failures(&world.store, &bob.own.key).await, 4);
        assert_eq!(failures(&world.store, &network).await, 8);
        let untried = reserve(&world, &bob, NOW).await.expect("is free");
        world.store.give_back_guess(&untried).await.expect("runs");
        assert_eq!(failures(&world.store, &bob.own.key).await, 4);
        assert_eq!(failures(&world.store, &network).await, 8);
        fail(&world, &bob, NOW).await.expect("was given back, and its wait too");
        // What is given back after the window is over takes nothing from the next.
        world.store.give_back_guess(&untried).await.expect("runs");
        let late = reserve(&world, &bob, NOW + WINDOW_MS).await.expect("is a new window");
        world.store.give_back_guess(&untried).await.expect("runs");
        assert_eq!(failures(&world.store, &bob.own.key).await, 1);
        world.store.give_back_guess(&late).await.expect("runs");
        assert_eq!(failures(&world.store, &bob.own.key).await, 0);
    });
}

#[test]
fn fm_102_a_thousand_failures_from_elsewhere_do_not_keep_out_a_browser_that_is_known() {
    each_database(async |store| {
        let (world, mut now) = (World::new(store), NOW);
        let alice = Id::from_bytes([1; 16]);
        let home = Digest::of(b"home");
        assert!(!world.store.knows_device(alice, &home, NOW).await.expect("reads"));
        let first = reserve(&world, &counters(1, 1), NOW).await.expect("is free");
        world.store.settle_guess(&first, Some((alice, &home)), NOW).await.expect("runs");
        let mut failed = 0;
        while failed < 1_000 {
            match fail(&world, &counters(1, 2), now).await {
                Ok(_) => failed += 1,
                Err(wait) => now += wait,
            }
        }
        assert!(now > NOW + 600 * MINUTE, "they were made to wait");
        assert!(world.store.knows_device(alice, &home, now).await.expect("reads"));
        assert!(!world.store.knows_device(alice, &Digest::of(b"else"), now).await.expect("reads"));
        assert!(!world.store.knows_device(Id::from_bytes([2; 16]), &home, now).await.expect("reads"));
        fail(&world, &device("home"), now).await.expect("signs in at once");
        for _ in 0..4 {
            fail(&world, &device("home"), now).await.expect("is free");
        }
        assert!(fail(&world, &device("home"), now).await.is_err(), "its own failures count there too");
        assert!(fail(&world, &device("work"), now).await.is_ok());
    });
}

#[test]
fn of_a_persons_browsers_the_last_are_known_and_for_half_a_year() {
    each_database(async |store| {
        let world = World::new(store);
        let (alice, bob) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let browser = |n: i64| Digest::of(&n.to_be_bytes());
        for (n, person) in (0..=DEVICES).map(|n| (n, alice)).chain([(0, bob)]) {
            let right = reserve(&world, &counters(9, 9), NOW + n).await.expect("is free");
            world.store.settle_guess(&right, Some((person, &browser(n))), NOW + n).await.expect("runs");
        }
        let knows = |person, n, now| {
            let store = world.store.clone();
            async move { store.knows_device(person, &browser(n), now).await.expect("reads") }
        };
        assert!(!knows(alice, 0, NOW).await, "one too many");
        assert!(knows(alice, 1, NOW).await && knows(alice, DEVICES, NOW).await);
        assert!(knows(bob, 0, NOW).await, "others' browsers are others'");
        let end = NOW + 1 + vestibule_oauth::guessing::DEVICE_MS;
        assert!(knows(alice, 1, end - 1).await);
        assert!(!knows(alice, 1, end).await);
    });
}

#[test]
fn counters_survive_a_restart_and_are_swept_when_they_count_no_more() {
    each_empty_database(async |database| {
        let store = database.open(Role::Server, Schema::ours()).await.expect("opens");
        let world = World::new(store.clone());
        for _ in 0..5 {
            fail(&world, &counters(1, 1), NOW).await.expect("is free");
        }
        assert_eq!(store.keep_setting("salt", "first").await.expect("runs"), "first");
        store.close().await;
        let store = database.open(Role::Server, Schema::ours()).await.expect("opens");
        let again = World::new(store.clone());
        assert_eq!(waits(&again, &counters(1, 1), NOW).await, Some(SECOND));
        assert!(fail(&again, &counters(1, 1), NOW + 999).await.is_err());
        assert_eq!(store.keep_setting("salt", "second").await.expect("runs"), "first");
        assert_eq!(sweep(&store, NOW + 60 * MINUTE, 1).await.expect("runs"), 0);
        assert_eq!(sweep(&store, NOW + 60 * MINUTE + 1, 1).await.expect("runs"), 1, "no more than the batch");
        assert_eq!(sweep(&store, NOW + 60 * MINUTE + 1, 10).await.expect("runs"), 1);
        assert_eq!(failures(&store, &counters(1, 1).own.key).await, 0);
        store.close().await;
    });
}
