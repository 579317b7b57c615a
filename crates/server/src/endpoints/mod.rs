//! The conductors of the protocol's own addresses.

pub mod authorize;
pub mod health;
pub mod metadata;
pub mod steps;
pub mod token;
pub mod userinfo;
