//! The seventeen calls through a stored authorization, over every kind of host.

mod bounds;
mod callers;
mod empty;
mod history;
mod leaks;
mod nested;
mod once;
mod reading;
mod renewed;
pub mod scene;
mod sdk;
mod strangers;
mod table;
mod turns;
mod writing;
