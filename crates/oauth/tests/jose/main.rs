//! The JOSE layer: the RFCs' own examples, Wycheproof's vectors, and an independent crate to agree with.
//!
//! One binary with a file per source of truth.

mod agreement;
mod forged;
mod keys;
mod rfc;
mod tokens;
mod wycheproof;
