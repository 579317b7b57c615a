//! What a statement walks over.
//!
//! Every statement that any promise runs by `Store::read` or in a verb, on the caller's own thread or on the writer's, is
//! planned again here: it must be led by an index to the rows that it wants, however many there are. What may walk goes
//! through `Store::scan`. Nobody has to list a statement for this: `harness` brings what it heard.

use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Tables that do not grow with people, applications or traffic.
const SMALL: [&str; 6] =
    ["counters", "removed_applications", "schema_migrations", "settings", "setup_links", "tenants"];

/// Indexes that hold few rows of a tenant by what they leave out.
const FEW: [&str; 1] = ["people_administrators"];

/// Fails for each statement that walks over a table that grows, or over all that a tenant has in it.
pub fn judge(database: &Path, heard: &BTreeSet<&str>) {
    let connection = Connection::open(database).expect("opens");
    let tables = tables(&connection);
    let wrong: Vec<_> = heard.iter().flat_map(|sql| walks(&connection, &tables, sql)).collect();
    assert!(wrong.is_empty(), "statements that walk:\n{}", wrong.join("\n"));
}

fn tables(connection: &Connection) -> BTreeSet<String> {
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("reads");
    let names = names.query_map([], |row| row.get(0)).expect("reads");
    names.collect::<Result<_, _>>().expect("reads")
}

/// The steps of the plan of `sql` that walk, each with the statement.
fn walks(connection: &Connection, tables: &BTreeSet<String>, sql: &str) -> Vec<String> {
    let named = named(tables, sql);
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("is planned");
    let mut rows = plan.raw_query();
    let mut wrong = Vec::new();
    while let Some(row) = rows.next().expect("is planned") {
        let step: String = row.get(3).expect("has a text");
        let mut words = step.split(' ');
        let (verb, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        // What is not a table is a row of constants, a list of values or a subquery.
        let Some(table) = named.get(name) else { continue };
        // An automatic index is made by walking, for each run anew.
        let whole = verb == "SCAN" || step.ends_with("(tenant=?)") || step.contains(" AUTOMATIC ");
        // Whether a person may use an application is asked from the person: it can have any number of assignments.
        let whole = whole || step.ends_with("(application=? AND kind=?)");
        if whole && !SMALL.contains(table) && !FEW.iter().any(|index| step.contains(index)) {
            wrong.push(format!("{step} [{table}] in: {sql}"));
        }
    }
    wrong
}

/// The tables that a statement names, by their names in it.
fn named<'a>(tables: &'a BTreeSet<String>, sql: &'a str) -> BTreeMap<&'a str, &'a str> {
    let words: Vec<_> =
        sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let mut named = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let Some(table) = tables.get(*word) else { continue };
        named.insert(table.as_str(), table.as_str());
        let alias = words.get(at + 1).filter(|next| **next != "AS").or_else(|| words.get(at + 2));
        if let Some(alias) = alias.filter(|alias| !tables.contains(**alias)) {
            let known = named.entry(alias).or_insert(table.as_str());
            // One alias can stand for two tables in two subqueries: the one that grows is meant.
            if SMALL.contains(known) {
                *known = table;
            }
        }
    }
    named
}

#[test]
fn walking_is_seen_and_being_led_is_not() {
    let connection = Connection::open_in_memory().expect("opens");
    let things = "CREATE TABLE things (id INTEGER PRIMARY KEY, tenant INTEGER, name TEXT);
        CREATE INDEX things_of ON things (tenant, name); CREATE TABLE settings (name TEXT)";
    connection.execute_batch(things).expect("runs");
    let tables = tables(&connection);
    let steps = |sql: &str| walks(&connection, &tables, sql).len();
    for walking in [
        "SELECT id FROM things",
        "SELECT t.id FROM things t WHERE t.name = $1",
        "SELECT s.name FROM settings s JOIN things AS t ON t.name = s.name",
        "DELETE FROM things WHERE tenant = $1",
        "SELECT 1 FROM things WHERE tenant = $1 AND (id = $2 OR name = $3)",
    ] {
        assert_eq!(steps(walking), 1, "{walking}");
    }
    for led in [
        "SELECT name FROM things WHERE id = $1",
        "SELECT s.name FROM settings s CROSS JOIN things t ON t.tenant = $1 AND t.name = s.name",
        "DELETE FROM things WHERE id IN (SELECT t.id FROM things t WHERE t.tenant = $1 AND t.name < $2 LIMIT 5)",
        "INSERT INTO things (id) VALUES ($1)",
    ] {
        assert_eq!(steps(led), 0, "{led}");
    }
}
