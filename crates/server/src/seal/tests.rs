//! Sealing beside a real database, where values move from key to key.

use super::*;
use vestibule_store::sealed::SealedRow;
use vestibule_store::{Options, Role, Statement, StoreUrl};

const ROW: Id = Id::from_bytes([7; 16]);
const PLACE: Place = Place { table: "deployment_secrets", column: "sealed", row: ROW };

/// A seal on a new SQLite file with one value in it; the directory goes with its value.
async fn sealed() -> (tempfile::TempDir, Store, Seal, SealedValue) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = StoreUrl::Sqlite(directory.path().join("vestibule.db"));
    let options = Options::new(Role::Server, "test", Clock::system().now());
    let store = Store::open(&url, Role::Server, options).await.expect("opens");
    let seal = Seal::start(&store, source(&directory), Clock::system(), Dice).await.expect("starts");
    let value = seal.seal(Scope::Deployment, &PLACE, b"plain").await.expect("seals");
    let row = SealedRow { id: ROW, value: value.clone() };
    store.keep_deployment_secret("a secret", &row, 0).await.expect("runs");
    (directory, store, seal, value)
}

fn source(directory: &tempfile::TempDir) -> KeySource {
    KeySource::Own(directory.path().join("key"))
}

async fn run(store: &Store, sql: &'static str) {
    store.run(vec![Statement::new(sql, [])]).await.expect("runs");
}

/// A retired key rests for a minute; its row is moved back instead of waiting.
async fn rested(store: &Store) {
    run(store, "UPDATE data_keys SET retired_at = retired_at - 60001 WHERE retired_at IS NOT NULL").await;
}

async fn refused(store: &Store) -> usize {
    let trail = store.list_audit(100).await.expect("reads");
    trail.iter().filter(|row| row.action == "sealed.open").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_126_a_value_that_was_sealed_anew_since_it_was_read_is_opened_and_no_alarm_is_given() {
    let (directory, store, seal, read_before) = sealed().await;
    assert_eq!(seal.replace_data_keys("test").await.expect("runs").new, 1);
    rested(&store).await;
    assert_eq!(seal.move_values("test").await.expect("runs").forgotten, 1);
    // A node that had not unwrapped the key that is gone.
    let other = Seal::open(&store, source(&directory), Clock::system(), Dice).await.expect("opens");
    let plain = other.open_value(Scope::Deployment, &PLACE, &read_before).await.expect("opens");
    assert_eq!((plain.as_slice(), refused(&store).await), (b"plain".as_slice(), 0));
    assert!(other.open_value(Scope::Project(ROW), &PLACE, &read_before).await.is_err(), "another scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_126_a_value_that_cannot_be_opened_holds_up_no_later_rotation() {
    let (_directory, store, seal, _) = sealed().await;
    run(&store, "UPDATE deployment_secrets SET sealed = x'00'").await;
    let first = seal.replace_data_keys("test").await.expect("runs");
    assert_eq!((first.new, first.ending, first.moved.unreadable, first.moved.left), (1, 0, 1, 1));
    rested(&store).await;
    let second = seal.replace_data_keys("test").await.expect("runs");
    assert_eq!((second.new, second.ending), (1, 0), "{second:?}");
    // The key of the first one, with the value; that of the second rests and holds nothing: it has to end first.
    let third = seal.replace_data_keys("test").await.expect("runs");
    assert_eq!((third.new, third.ending, third.moved.left), (0, 1, 2), "{third:?}");
    assert_eq!(refused(&store).await, 1, "it is told once");
}
