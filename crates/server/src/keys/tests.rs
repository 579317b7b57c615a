//! Keys in memory, beside a real database.

use super::*;
use crate::seal::KeySource;
use vestibule_store::audit::Note;
use vestibule_store::signing_keys::{Promotion, Stage};
use vestibule_store::{Options, Role, Statement, StoreUrl};

const TERMS: Terms = Terms { max_age_s: 300, replaced_after_ms: None };

/// A server's keys on a new SQLite file; the directory goes with its value.
async fn keys() -> (tempfile::TempDir, Store, Arc<Seal>, Arc<Keys>) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = StoreUrl::Sqlite(directory.path().join("vestibule.db"));
    let options = Options::new(Role::Server, "test", Clock::system().now());
    let store = Store::open(&url, Role::Server, options).await.expect("opens");
    let source = KeySource::Own(directory.path().join("key"));
    let seal = Arc::new(Seal::start(&store, source, Clock::system(), Dice).await.expect("starts"));
    let keys = Keys::start(&store, seal.clone(), Clock::system(), Dice, TERMS).await.expect("starts");
    (directory, store, seal, Arc::new(keys))
}

/// Another node makes and publishes a key; gives its name.
async fn made_elsewhere(store: &Store, seal: &Arc<Seal>) -> String {
    let other = Keys::start(store, seal.clone(), Clock::system(), Dice, TERMS).await.expect("starts");
    let ring = other.ring.borrow().clone();
    let [current, next] = [Stage::Current, Stage::Next].map(|stage| ring.row(Algorithm::EdDsa, stage).cloned());
    let (current, next) = current.zip(next).expect("are there");
    let promotion = Promotion { current: current.id, next: next.id, when_usable: false, ends_at: i64::MAX };
    let (verb, note) = (Dice.id(1), Dice.id(2));
    let note = Note { id: note, at: Clock::system().now(), actor: "test".to_owned(), request_id: None };
    assert!(store.promote_signing_key(promotion, &next, verb, &note).await.expect("runs"));
    other.read().await.expect("reads");
    other.make_what_is_missing(Algorithm::EdDsa).await.expect("makes");
    other.read().await.expect("reads");
    let ring = other.ring.borrow().clone();
    ring.row(Algorithm::EdDsa, Stage::Next).expect("is there").kid.clone()
}

/// Size in CI: 10,000 names, asked for one after the other and 1,000 at once.
#[tokio::test(flavor = "multi_thread")]
async fn fm_85_ten_thousand_unknown_names_read_the_database_once_in_a_cool_down() {
    let (_directory, store, seal, keys) = keys().await;
    assert!(keys.find_verifying("nobody").await.expect("reads").is_none());
    // The cool-down is over when the test says so, and not when the machine is slow.
    keys.looked.lock().expect("is whole").at += 3_600_000;
    let looked_at = || keys.looked.lock().expect("is whole").at;
    let first = looked_at();
    // Within the cool-down not even a name that is in the database by now leads there.
    let new = made_elsewhere(&store, &seal).await;
    let hostile = ["../../etc/passwd", "' OR 1=1 --", "a\0b", "", &"x".repeat(4096)];
    for n in 0..10_000 {
        let name = if n % 2 == 0 { hostile[n / 2 % 5].to_owned() } else { format!("unknown {n}") };
        assert!(keys.find_verifying(&name).await.expect("reads").is_none());
    }
    assert!(keys.find_verifying(&new).await.expect("reads").is_none(), "it was looked for");
    assert_eq!(looked_at(), first, "the database was read once");
    // Once it is over, many who ask at once cost one read, and all get its answer.
    keys.looked.lock().expect("is whole").at = keys.clock.ticks() - COOL_DOWN_MS;
    let asked: Vec<_> = (0..1_000)
        .map(|_| {
            let (keys, new) = (keys.clone(), new.clone());
            tokio::spawn(async move { keys.find_verifying(&new).await.expect("reads").is_some() })
        })
        .collect();
    for one in asked {
        assert!(one.await.expect("ends"), "the key that another node made is found");
    }
}

async fn run(store: &Store, sql: &'static str) {
    store.run(vec![Statement::new(sql, [])]).await.expect("runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_85_a_database_that_does_not_answer_has_not_said_that_a_name_is_unknown() {
    let (_directory, store, seal, keys) = keys().await;
    let new = made_elsewhere(&store, &seal).await;
    run(&store, "ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    for _ in 0..3 {
        assert!(keys.find_verifying(&new).await.is_err(), "also within the cool-down");
    }
    run(&store, "ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    keys.read().await.expect("reads");
    assert!(keys.find_verifying(&new).await.expect("the failure is over").is_some());
    assert!(keys.find_verifying("nobody").await.expect("the failure is over").is_none());
}

/// A look that is made while another waits for its turn comes after it, so that nothing older takes the place of newer.
#[tokio::test(flavor = "multi_thread")]
async fn st_85_two_readings_of_the_keys_never_overlap() {
    let (_directory, store, seal, keys) = keys().await;
    let turn = keys.turn.lock().await;
    let waiting = tokio::spawn({
        let keys = keys.clone();
        async move { keys.read().await }
    });
    let new = made_elsewhere(&store, &seal).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished() && keys.verifying(&new).is_none(), "it waits for its turn");
    drop(turn);
    waiting.await.expect("ends").expect("reads");
    assert!(keys.verifying(&new).is_some(), "and sees what is there by then");
}

/// A node with another key-encryption key than the one that the data keys are wrapped with by now.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_unwrap_leaves_the_next_keys_of_the_others_alone_and_opens_them_when_it_can() {
    let (directory, store, seal, keys) = keys().await;
    let moved = directory.path().join("away");
    std::fs::copy(directory.path().join("key"), &moved).expect("copies");
    let narrow = Seal::open(&store, KeySource::File(moved.clone()), Clock::system(), Dice).await.expect("opens");
    // Not yet opened there when everything is wrapped with a key that it does not have.
    let other = Keys::start(&store, Arc::new(narrow), Clock::system(), Dice, TERMS).await.expect("starts");
    other.ring.send_replace(Arc::default());
    seal.rewrap("test").await.expect("wraps anew");
    other.seal.forget_everything();
    other.read().await.expect("reads");
    let names =
        async || -> Vec<String> { store.signing_keys().await.expect("reads").into_iter().map(|row| row.kid).collect() };
    let before = names().await;
    assert!(other.signer(Algorithm::EdDsa).is_none(), "it opens nothing");
    other.turn_over().await.expect("runs");
    assert_eq!(names().await, before, "what it cannot open is good elsewhere");
    assert!(keys.signer(Algorithm::EdDsa).is_some());
    std::fs::copy(directory.path().join("key"), &moved).expect("copies");
    other.read().await.expect("reads");
    assert!(other.signer(Algorithm::EdDsa).is_some(), "it has the key now, though no row has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_rsa_key_gets_it_when_it_is_made() {
    let (_directory, _store, _seal, keys) = keys().await;
    assert!(keys.signer(Algorithm::EdDsa).is_some() && keys.signer(Algorithm::Es256).is_some());
    assert!(keys.signer(Algorithm::Rs256).is_none(), "it is made beside everything else");
    let waiting = tokio::spawn({
        let keys = keys.clone();
        async move { keys.signer_ready(Algorithm::Rs256).await.is_some() && keys.ready().await }
    });
    keys.make_rsa();
    assert!(waiting.await.expect("ends"));
    let kid = keys.signer(Algorithm::Rs256).expect("is there").kid().to_owned();
    assert!(keys.verifying(&kid).is_some());
    assert!(std::str::from_utf8(&keys.set().text).is_ok_and(|text| text.contains(&kid)));
}

/// Whoever takes a key set from a node that has not read the rows for a while must not keep it past the moment at which a
/// key that is not in it signs.
#[tokio::test(flavor = "multi_thread")]
async fn st_85_a_key_set_that_could_not_be_refreshed_is_kept_for_a_shorter_time_and_at_last_not_at_all() {
    let (_directory, store, _seal, keys) = keys().await;
    let since = |ms: i64| keys.looked.lock().expect("is whole").read_at = keys.clock.ticks() - ms;
    assert_eq!(keys.max_age_s(), 300);
    since(20_000);
    assert_eq!(keys.max_age_s(), 300, "a look or two that failed change nothing");
    for age_s in [60, 100, 200, 330] {
        since(age_s * 1000);
        let kept = i64::from(keys.max_age_s());
        assert!(kept < 300 && (age_s + kept) * 1000 < TERMS.published_ms(), "{age_s}: {kept}");
    }
    since(1_000_000);
    assert_eq!(keys.max_age_s(), 0);
    run(&store, "ALTER TABLE signing_keys RENAME TO signing_keys_away").await;
    assert!(keys.read().await.is_err());
    assert_eq!(keys.max_age_s(), 0, "a reading that failed is none");
    run(&store, "ALTER TABLE signing_keys_away RENAME TO signing_keys").await;
    keys.read().await.expect("reads");
    assert_eq!(keys.max_age_s(), 300, "also when no row has changed");
}

#[test]
fn a_key_is_published_longer_than_a_key_set_may_be_kept_and_nodes_look_far_more_often() {
    assert_eq!(TERMS.published_ms(), 300_000 + 60_000 + 10_000);
    for max_age_s in [1, 60, 300, 86_400] {
        let terms = Terms { max_age_s, ..TERMS };
        let kept = i64::from(max_age_s) * 1000;
        let interval = i64::try_from(terms.interval().as_millis()).expect("is short");
        assert!(terms.published_ms() >= kept + interval, "{max_age_s}");
        assert!(interval <= 5_000);
    }
    let session = vestibule_oauth::template::SESSION_MAX_MS;
    assert_eq!(ends_at(0, 1), session + 60_000, "a hint at signing out is verified while its session lives");
    assert_eq!(ends_at(5, 9 * session), 9 * session + 60_005);
}
