//! What Vestibule remembers: one method per promise, on SQLite and PostgreSQL.
//!
//! Owns the list of rooms. The engine (`db`, `value`, `row`, `url`, `sqlite`, `postgres`, `migrations`, `error`) knows
//! no table but the schema's own; the nouns speak SQL and know no database. Does not own rules: what needs judgement is
//! judged by a rulebook before or after a verb, never between its statements.

mod columns;

pub mod access_keys;
pub mod application_settings;
pub mod application_sheets;
pub mod applications;
pub mod assignments;
pub mod audit;
pub mod authorizations;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod data_keys;
pub mod direct_grants;
pub mod git_authorizations;
pub mod git_credentials;
pub mod git_flow_steps;
pub mod git_flows;
pub mod git_host_changes;
pub mod git_hosts;
pub mod git_refreshes;
pub mod git_revocations;
pub mod git_standing;
pub mod grants;
pub mod groups;
pub mod guesses;
pub mod key_locks;
pub mod logout;
pub mod logout_notices;
pub mod older_forms;
pub mod organizations;
pub mod people;
pub mod person_sheets;
pub mod presented;
pub mod project_tokens;
pub mod projects;
pub mod refresh_tokens;
pub mod sealed;
pub mod sessions;
pub mod settings;
pub mod setup_links;
pub mod signing_keys;
pub mod switches;
pub mod tokens;
pub mod upkeep;

pub mod db;
pub mod error;
pub mod migrations;
mod postgres;
pub mod row;
mod sqlite;
pub mod url;
pub mod value;

pub use db::{Commits, Options, Role, Store};
pub use error::StoreError;
pub use row::Row;
pub use url::StoreUrl;
pub use value::{Statement, Value, Verb};
