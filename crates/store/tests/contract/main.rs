//! Every promise of the store, kept on both databases.
//!
//! Owns the list of rooms; `harness` makes the databases, `engine` holds what any verb can rely on.

mod access_keys;
mod application_settings;
mod authorizations;
mod claims;
mod clients;
mod codes;
mod crowd;
mod data_keys;
mod disk;
mod ends;
mod engine;
mod git_authorizations;
mod git_flows;
mod git_ground;
mod git_hosts;
mod git_refreshes;
mod git_revocations;
mod guesses;
mod harness;
mod key_locks;
mod logouts;
mod organizations;
mod people;
mod plans;
mod project_tokens;
mod projects;
mod refresh_tokens;
mod sessions;
mod setup_links;
mod signing_keys;
mod starting;
mod switches;
mod tokens;
mod upkeep;
mod values;
mod world;
