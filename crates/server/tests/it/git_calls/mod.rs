//! The seventeen calls through a stored authorization, over every kind of host.

mod bounds;
mod callers;
mod leaks;
mod reading;
mod renewed;
pub mod scene;
mod sdk;
mod table;
mod turns;
mod writing;
