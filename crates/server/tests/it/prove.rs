//! `vestibule prove` at the size of CI: the driver against the real binary on both databases, judged by the checker.

use crate::harness::{Database, postgres, process, server};
use serde_json::Value;

/// Runs a proof on a throw-away house; asserts that it was one, and that nothing was broken.
#[track_caller]
fn proven(what: &str, rounds: u64, database: Database) -> Value {
    let litter = process::Litter::new();
    let url = (database == Database::Postgres).then(postgres::fresh);
    let mut command = server::binary(&litter.path, url.as_deref());
    command.env("TMPDIR", &litter.path).args(["prove", what, "--rounds", &rounds.to_string()]);
    let output = process::run(&mut command, "");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "prove {what} on {database:?}: {said}{errors}");
    assert!(errors.contains("seed "), "no seed: {errors}");
    assert_eq!(said.trim_end().lines().count(), 1, "not one line: {said}");
    let result: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((result["violations"].as_u64(), result["rounds"].as_u64()), (Some(0), Some(rounds)), "{said}");
    // Each would have been a violation; counted apart from answers that a kill cut off.
    assert_eq!(count(&result, "errors"), 0, "{said}");
    // Only clients whose secret was removed are told to wait, which only these two do.
    assert!(matches!(what, "kill" | "switches") || count(&result, "told_to_wait") == 0, "{said}");
    let sorts = ["introspected", "signed_tokens", "public_trades"].map(|sort| count(&result, sort));
    assert!(what == "timing" || !sorts.contains(&0), "a sort of tokens or clients took no part: {said}");
    let left: Vec<_> = std::fs::read_dir(&litter.path).expect("a directory").flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "the throw-away directory is still there: {left:?}");
    result
}

fn count(result: &Value, member: &str) -> u64 {
    result[member].as_u64().unwrap_or_else(|| panic!("no {member}: {result}"))
}

/// Size in CI: 60 kills under load, 30 on each database.
#[test]
fn fm_75_nothing_acknowledged_is_lost_and_nothing_ended_lives_after_kills() {
    for database in [Database::Sqlite, Database::Postgres] {
        let result = proven("kill", 30, database);
        assert!(count(&result, "acknowledged") > 1_000, "hardly any load: {result}");
        assert!(count(&result, "unknown") > 0, "no kill ever met a request under way: {result}");
        assert!(count(&result, "refused") > 0, "nothing ever ended: {result}");
        // What was answered before the kill is presented once more after it.
        assert!(count(&result, "codes_again") > 100, "no code was presented again: {result}");
        assert!(count(&result, "generations_again") > 20, "no old generation was presented again: {result}");
        // And what had ended before an earlier kill is asked after once more.
        assert!(count(&result, "ended_again") > 500, "what ended is asked after one restart only: {result}");
    }
}

/// Size in CI: 100 races of 2 to 8 presenters, 50 on each database.
#[test]
fn fm_18_fm_19_one_time_things_are_good_once_in_a_history_of_races() {
    for database in [Database::Sqlite, Database::Postgres] {
        let result = proven("once", 50, database);
        assert_eq!(count(&result, "unknown") + count(&result, "unavailable"), 0, "a race was not answered: {result}");
    }
}

/// Size in CI: 48 switches of twelve kinds turned under load, 24 on each database, with two nodes on PostgreSQL.
#[test]
fn fm_30_fm_63_what_a_switch_ended_is_dead_in_a_history_of_races() {
    for database in [Database::Sqlite, Database::Postgres] {
        let result = proven("switches", 24, database);
        assert_eq!(count(&result, "unknown") + count(&result, "unavailable"), 0, "a race was not answered: {result}");
        let kinds = result["kinds"].as_object().expect("kinds");
        assert_eq!(kinds.len(), 12, "{result}");
        for (kind, told) in kinds {
            // Two rounds of each; 0 in 2 says nothing yet, and a bound above 1 shows it.
            assert_eq!((told["rounds"].as_u64(), told["below_at_95_percent"].as_f64()), (Some(2), Some(1.5)), "{kind}");
        }
        assert_eq!(result["below_at_95_percent"].as_f64(), Some(1.5), "not the bound of one kind: {result}");
        assert!(count(&result, "refused") > 20, "nothing ever ended: {result}");
        // A removed secret that is shown again and again looks like guessing: that is no broken promise.
        assert!(count(&result, "told_to_wait") > 0, "no removed secret was told to wait: {result}");
    }
}

const RACES: [&str; 3] = ["refresh_revoke", "trade_disable", "consent_withdraw"];

/// Races in which each side wins now and then. The driver has to find out which of the two is faster and by how much; on a slow
/// machine it may take more rounds for that than there are, and then there are more. Gives how many there were, too.
fn raced(database: Database) -> (Value, u64) {
    const MORE: u64 = 80;
    let result = proven("races", 20, database);
    let is_race = |kind: &&str| {
        let told = &result["kinds"][kind];
        count(told, "met") > 0 && (1..20).contains(&count(told, "use_was_first"))
    };
    if RACES.iter().all(is_race) { (result, 20) } else { (proven("races", MORE, database), MORE) }
}

/// Size in CI: 40 rounds of three races, 20 on each database; `--long` makes 10,000.
#[test]
fn fm_29_fm_30_fm_63_of_refresh_and_revoke_trade_and_disable_consent_and_withdraw_both_never_win() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (result, rounds) = raced(database);
        assert_eq!(count(&result, "unknown") + count(&result, "unavailable"), 0, "a race was not answered: {result}");
        for kind in RACES {
            let told = &result["kinds"][kind];
            assert_eq!(count(told, "rounds"), rounds, "{result}");
            let met = count(told, "met");
            assert!((1..=rounds).contains(&met), "{kind}: the two sides met in {met} rounds: {result}");
            let bound = told["below_at_95_percent"].as_f64().expect("a bound");
            assert!((bound - 3.0 / met as f64).abs() < 1e-9, "not the bound of the rounds that met: {result}");
            // A race that the same side always wins is none.
            let first = count(told, "use_was_first");
            assert!(first > 0 && first < rounds, "{kind}: {first} of {rounds}: {result}");
        }
        assert!(count(&result, "acknowledged") > 300 && count(&result, "refused") > 200, "hardly a race: {result}");
    }
}

/// Size in CI: 60 pairs of wrong passwords and 60 of wrong client secrets on each database. Told apart means: by five
/// standard deviations of chance, and the one is slower six times in ten. `prove timing --long` looks closer.
#[test]
fn fm_96_the_time_of_an_answer_does_not_tell_a_name_that_somebody_has() {
    for database in [Database::Sqlite, Database::Postgres] {
        let result = proven("timing", 60, database);
        for what in ["people", "clients"] {
            let measured = &result["measured"][what];
            eprintln!("{database:?}: {what} {measured}");
            assert!(measured["median_known_us"].as_u64().is_some_and(|time| time > 0), "{result}");
        }
        assert!(result["below_at_95_percent"].is_null(), "a time is no count of failures: {result}");
    }
}

#[test]
fn a_long_run_is_as_long_as_it_is_told() {
    let litter = process::Litter::new();
    let run = |arguments: &[&str]| process::run(server::binary(&litter.path, None).arg("prove").args(arguments), "");
    let result: Value = serde_json::from_slice(&run(&["once", "--long", "2"]).stdout).expect("JSON");
    assert_eq!(result["rounds"].as_u64(), Some(2));
    let both = run(&["once", "--long", "2", "--rounds", "3"]);
    assert_eq!(both.status.code(), Some(2), "{}", String::from_utf8_lossy(&both.stderr));
}

#[test]
fn a_seed_is_taken_and_told_again() {
    let litter = process::Litter::new();
    let mut command = server::binary(&litter.path, None);
    let output = process::run(command.args(["prove", "once", "--rounds", "1", "--seed", "42"]), "");
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((result["seed"].as_u64(), result["below_at_95_percent"].as_f64()), (Some(42), Some(3.0)));
}

#[test]
fn a_database_that_somebody_uses_is_never_the_place_of_a_proof() {
    let used = server::Server::shared(Database::Postgres);
    let people =
        used.json(&["user", "add", "kept", "--email", "kept@example.org", "--password-stdin"], "a password 12");
    let output = used.command(&["prove", "kill", "--rounds", "1"], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is in use"), "{said}");
    assert_eq!(used.json(&["user", "show", "kept"], "")["subject"], people["subject"]);
}
