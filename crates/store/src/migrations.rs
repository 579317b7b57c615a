//! The schema's numbers: which migrations there are, and whether a program may run on what it finds.
//!
//! Owns the list and the rules (forward only, checksummed, the same numbers for every database). Does not own the SQL,
//! which stands in `migrations/{sqlite,postgres}/`, nor how a database runs it.

use crate::db::Role;
use crate::error::StoreError;
use crate::value::Statement;
use vestibule_oauth::secret::Digest;

/// One step of the schema, in the words of both databases.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number: 1, 2, 3, … without gaps.
    pub number: i64,
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

/// The migrations that a program brings, in order.
#[derive(Clone, Copy, Debug)]
pub struct Schema(pub &'static [Migration]);

impl Schema {
    /// The migrations of this release.
    pub const fn ours() -> Schema {
        Schema(OURS)
    }

    /// The number on which this schema ends.
    pub(crate) fn number(&self) -> i64 {
        self.0.last().map_or(0, |last| last.number)
    }

    /// What a program may do with a database on which `applied` (number and checksum) stand.
    ///
    /// A node runs on its own number or the next one: migrations are additive, so that the servers of a release and of the
    /// one after it can run side by side while one replaces the other.
    pub(crate) fn judge(
        &self,
        role: Role,
        applied: &[(i64, String)],
        text: fn(&Migration) -> &'static str,
    ) -> Result<&'static [Migration], StoreError> {
        let found = applied.iter().map(|(number, _)| *number).max().unwrap_or(0);
        let ours = self.number();
        if found > ours + 1 {
            return Err(StoreError::SchemaTooNew { found, supported: ours + 1 });
        }
        for (number, sum) in applied {
            let known = self.0.iter().find(|migration| migration.number == *number);
            if known.is_some_and(|migration| checksum(text(migration)) != *sum) {
                return Err(StoreError::SchemaChanged { number: *number });
            }
        }
        let due =
            self.0.iter().position(|migration| migration.number > found).map_or(&[][..], |first| &self.0[first..]);
        if role == Role::Node && !due.is_empty() {
            return Err(StoreError::NotMigrated { found, needed: ours });
        }
        Ok(due)
    }
}

/// SHA-256 of a migration's text, as hexadecimal digits.
pub(crate) fn checksum(sql: &str) -> String {
    Digest::of(sql.as_bytes()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the runner remembers what it applied. The one table without a tenant.
pub(crate) const CREATE_APPLIED: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";
pub(crate) const NEWEST_APPLIED: &str = "SELECT MAX(number) FROM schema_migrations";
pub(crate) const LIST_APPLIED: &str = "SELECT number, checksum FROM schema_migrations ORDER BY number";
pub(crate) const RECORD_APPLIED: &str =
    "INSERT INTO schema_migrations (number, checksum, applied_at) VALUES ($1, $2, $3)";

/// The statement that records a migration.
pub(crate) fn record(number: i64, sql: &str, now: i64) -> Statement {
    crate::statement!(RECORD_APPLIED, number, checksum(sql), now)
}

const OURS: &[Migration] = &[Migration {
    number: 1,
    sqlite: include_str!("migrations/sqlite/0001_ground.sql"),
    postgres: include_str!("migrations/postgres/0001_ground.sql"),
}];

#[cfg(test)]
mod tests {
    use super::*;

    static THREE: [Migration; 3] = [
        Migration { number: 1, sqlite: "one", postgres: "" },
        Migration { number: 2, sqlite: "two", postgres: "" },
        Migration { number: 3, sqlite: "three", postgres: "" },
    ];

    fn due(role: Role, applied: &[(i64, &str)]) -> Result<Vec<i64>, StoreError> {
        let applied: Vec<_> = applied.iter().map(|(number, text)| (*number, checksum(text))).collect();
        let due = Schema(&THREE).judge(role, &applied, |migration| migration.sqlite)?;
        Ok(due.iter().map(|migration| migration.number).collect())
    }

    #[test]
    fn a_server_brings_what_is_missing_and_a_command_asks_for_a_server() {
        assert_eq!(due(Role::Server, &[]), Ok(vec![1, 2, 3]));
        assert_eq!(due(Role::Server, &[(1, "one"), (2, "two")]), Ok(vec![3]));
        assert_eq!(due(Role::Node, &[(1, "one")]), Err(StoreError::NotMigrated { found: 1, needed: 3 }));
    }

    #[test]
    fn a_node_runs_on_its_own_number_or_the_next_and_on_no_later_one() {
        let on = |newest: i64| {
            let mut applied = vec![(1, "one"), (2, "two"), (3, "three")];
            applied.extend((4..=newest).map(|number| (number, "of a newer release")));
            [Role::Server, Role::Node].map(|role| due(role, &applied))
        };
        assert_eq!(on(3), [Ok(vec![]), Ok(vec![])]);
        assert_eq!(on(4), [Ok(vec![]), Ok(vec![])]);
        let refused = Err(StoreError::SchemaTooNew { found: 5, supported: 4 });
        assert_eq!(on(5), [refused.clone(), refused]);
    }

    #[test]
    fn a_changed_migration_is_noticed() {
        assert_eq!(due(Role::Server, &[(1, "one"), (2, "2")]), Err(StoreError::SchemaChanged { number: 2 }));
    }

    #[test]
    fn our_numbers_are_in_lock_step_without_gaps() {
        assert!(Schema::ours().0.iter().map(|migration| migration.number).eq(1..=Schema::ours().number()));
    }
}
