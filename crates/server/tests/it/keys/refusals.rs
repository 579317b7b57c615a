//! When a server does not start, and what it says then.

use super::opener::key_encryption_keys;
use crate::harness::process::{Litter, run};
use crate::harness::server::{self, KEY, binary};
use crate::harness::{Database, Server, postgres, wait_until};
use base64::Engine as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// What a server that must not start says.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = run(command.args(["serve", "--listen", "127.0.0.1:0"]), "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "it listened: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stopped(database: Database) -> Server {
    let mut server = Server::start(database, &[]);
    server.process().terminate();
    server.process().wait(std::time::Duration::from_secs(30));
    server
}

#[test]
fn the_first_start_on_sqlite_makes_a_key_file_for_its_owner_that_later_starts_keep() {
    let mut server = stopped(Database::Sqlite);
    let file = server.data_directory().join("key");
    let first = std::fs::read(&file).expect("is there");
    assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    server.restart();
    assert_eq!(std::fs::read(&file).expect("is there"), first);
    // A database elsewhere has its key beside it.
    let litter = Litter::new();
    let mut command = server::program();
    command.args(["--database-url", &format!("sqlite:{}/house.db", litter.path.display()), "--json"]);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let mut process = crate::harness::process::Guarded::spawn(command.stdout(std::process::Stdio::null()));
    wait_until("the key lies beside the database", || litter.path.join("key").exists());
    process.kill();
}

#[test]
fn a_server_on_postgresql_that_was_given_no_key_says_how_to_make_one() {
    let litter = Litter::new();
    let said = refused(binary(&litter.path, Some(&postgres::fresh())).env_remove("VESTIBULE_KEY"));
    assert!(said.contains("vestibule keys new") && said.contains("--key-file"), "{said}");
    assert!(!litter.path.join("data/key").exists());
}

#[test]
fn a_key_from_keys_new_is_taken_from_a_file_or_the_environment_and_not_from_both() {
    let litter = Litter::new();
    let key = run(server::program().args(["keys", "new"]), "");
    let key = String::from_utf8(key.stdout).expect("text");
    let file = litter.path.join("vestibule.key");
    std::fs::write(&file, &key).expect("file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("mode");
    let url = postgres::fresh();
    let with_file = |command: &mut Command| {
        command.env_remove("VESTIBULE_KEY").env("VESTIBULE_KEY_FILE", &file);
    };
    let mut command = binary(&litter.path, Some(&url));
    with_file(&mut command);
    command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(std::process::Stdio::null());
    let mut process = crate::harness::process::Guarded::spawn(&mut command);
    let listed = || {
        let output = run(binary(&litter.path, Some(&url)).args(["--json", "keys", "list"]), "");
        String::from_utf8_lossy(&output.stdout).contains("RS256")
    };
    wait_until("it made its keys", listed);
    process.kill();
    let said = refused(binary(&litter.path, Some(&url)).arg("--key-file").arg(&file));
    assert!(said.contains("given twice"), "{said}");
    // The same from the environment, and a command that needs it.
    let output =
        run(binary(&litter.path, Some(&url)).env("VESTIBULE_KEY", key.trim()).args(["keys", "rotate", "--data"]), "");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_node_with_another_key_does_not_start_and_says_which_one_it_wants_and_which_it_has() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = stopped(database);
        let wanted = server.json(&["keys", "list"], "")["data_keys"][0]["wrapped_by"].clone();
        let wanted = wanted.as_str().expect("an id");
        let mut other = binary(&server.directory, server.database_url.as_deref());
        let key = run(server::program().args(["keys", "new"]), "").stdout;
        let key = String::from_utf8(key).expect("text");
        let said = refused(other.env("VESTIBULE_KEY", key.trim()));
        assert!(said.contains(wanted) && said.contains("VESTIBULE_KEY holds "), "{said}");
        let held = said.split("holds ").nth(1).and_then(|rest| rest.split(':').next()).expect("names what it has");
        assert!(held.len() == 16 && held != wanted, "{said}");
        assert!(!said.contains(key.trim()), "the key itself is told");
    }
}

#[test]
fn a_lost_key_file_is_not_made_anew_for_a_database_that_needs_the_old_one() {
    let server = stopped(Database::Sqlite);
    let file = server.data_directory().join("key");
    let wanted = server.json(&["keys", "list"], "")["data_keys"][0]["wrapped_by"].clone();
    std::fs::rename(&file, server.directory.join("elsewhere")).expect("moves");
    let said = refused(&mut binary(&server.directory, None));
    assert!(said.contains(wanted.as_str().expect("an id")) && said.contains("backup"), "{said}");
    assert!(!file.exists());
}

#[test]
fn fm_125_a_key_of_wrong_length_or_spelling_a_default_and_one_that_others_may_read_stop_the_start() {
    let litter = Litter::new();
    let url = postgres::fresh();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let long = base64(&[0x5a; 33]);
    for (key, why) in [
        ("changeme", "bytes instead of 32"),
        ("this is not a key", "neither base64 nor hexadecimal"),
        (long.as_str(), "33 bytes instead of 32"),
        (&base64(&[0; 32]), "not drawn at random"),
        (&base64(b"0123456789abcdef0123456789abcdef"), "not drawn at random"),
        (" ", "empty"),
    ] {
        let said = refused(binary(&litter.path, Some(&url)).env("VESTIBULE_KEY", key));
        assert!(said.contains(why) && said.contains("vestibule keys new"), "{key:?}: {said}");
        assert!(key.trim().is_empty() || !said.contains(key), "the key is told: {said}");
    }
    let said = refused(binary(&litter.path, Some(&url)).env("VESTIBULE_KEY", ""));
    assert!(said.contains("must be given"), "an empty variable is none: {said}");
    let file = litter.path.join("open.key");
    std::fs::write(&file, KEY).expect("file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let said = refused(binary(&litter.path, Some(&url)).env_remove("VESTIBULE_KEY").arg("--key-file").arg(&file));
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn two_nodes_that_start_at_once_on_an_empty_database_agree_on_all_keys() {
    let url = postgres::fresh();
    let nodes: Vec<Server> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| Server::start_on(url.clone(), &[]))).collect();
        starts.into_iter().map(|start| start.join().expect("starts")).collect()
    });
    for node in &nodes {
        wait_until("all six keys", || super::kids(node).len() == 6);
    }
    let sorted = |node: &Server| {
        let mut kids = super::kids(node);
        kids.sort();
        kids
    };
    assert!(nodes.iter().all(|node| sorted(node) == sorted(&nodes[0])));
    let keys = nodes[0].with_store(async |store| store.list_data_keys(None, 10).await.expect("reads"));
    assert_eq!(keys.len(), 1, "one data key");
    assert_eq!(key_encryption_keys(&nodes[0]).len(), 1);
}

/// Names of people and sessions in tokens are made with it: with another one everybody would be somebody else.
#[test]
fn fm_124_a_changed_secret_of_pairwise_subjects_stops_the_start_and_is_named_with_its_row_and_audited() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = stopped(database);
        let row = server.with_store(async |store| {
            let row = store.deployment_secret("pairwise subjects").await.expect("reads").expect("is there");
            let mut bytes = row.value.bytes.clone();
            *bytes.last_mut().expect("bytes") ^= 1;
            let sql = "UPDATE deployment_secrets SET sealed = $1 WHERE id = $2";
            let values = vec![bytes.into(), row.id.into()];
            store.run(vec![vestibule_store::Statement::new(sql, values)]).await.expect("runs");
            row.id
        });
        let said = refused(&mut binary(&server.directory, server.database_url.as_deref()));
        assert!(said.contains(&row.to_string()) && said.contains("restore that row"), "{said}");
        let trail = server.with_store(async |store| store.list_audit(100).await.expect("reads"));
        let target = format!("deployment_secrets:{row}");
        assert_eq!(trail.iter().filter(|row| row.action == "sealed.open" && row.target == target).count(), 1);
    }
}
