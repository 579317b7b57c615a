//! Every promise of the store, kept on both databases.
//!
//! Owns the list of rooms; `harness` makes the databases, `engine` holds what any verb can rely on.

mod crowd;
mod disk;
mod engine;
mod harness;
mod starting;
