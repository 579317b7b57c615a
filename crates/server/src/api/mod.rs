//! The conductors of the two vendors' resource addresses.

pub mod gitlife;
pub mod idaas;
