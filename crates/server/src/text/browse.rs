//! The type of the sentences on the pages that show what a Git host holds.

use crate::pages::git::shelves::{Kind, Trouble};

/// The sentences of looking at a Git host.
pub struct Browse {
    pub open: &'static str,
    pub open_of: fn(&str) -> String,
    pub way: &'static str,
    pub lead: fn(&str, &str) -> String,
    pub heading: fn(Kind) -> &'static str,
    pub empty: fn(Kind) -> &'static str,
    pub hidden: fn(usize) -> String,
    pub cut: &'static str,
    pub facts: fn(usize, &str) -> String,
    pub binary: &'static str,
    pub empty_file: &'static str,
    pub shortened: fn(usize) -> String,
    pub trouble: fn(&Trouble) -> String,
}
