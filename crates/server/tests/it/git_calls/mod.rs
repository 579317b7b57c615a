//! The seventeen calls through a stored authorization, over every kind of host.

mod reading;
pub mod scene;
