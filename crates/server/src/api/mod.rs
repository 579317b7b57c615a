//! The conductors of the vendors' addresses: two wires' resources, and the Git API.

pub mod git_auths;
pub mod gitlife;
pub mod idaas;
