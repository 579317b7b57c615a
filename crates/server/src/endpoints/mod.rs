//! The conductors of the protocol's own addresses.

pub mod authorize;
pub mod health;
pub mod introspect;
pub mod issued;
pub mod jwks;
pub mod logout;
pub mod metadata;
mod mint;
pub mod revoke;
pub mod step_pages;
pub mod steps;
pub mod token;
pub mod userinfo;
