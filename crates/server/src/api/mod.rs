//! The conductors of the vendors' addresses: two wires' resources, the Git API, and the identity calls beside it.

pub mod git_auths;
pub mod git_calls;
pub mod git_credentials;
pub mod git_files;
pub mod git_repos;
mod git_visits;
pub mod gitlife;
pub mod idaas;
pub mod projects;
pub mod tokens;
