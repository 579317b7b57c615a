//! The binary `vestibule`: waits, tells time, throws dice, talks.
//!
//! The rules are in `vestibule-oauth` and `vestibule-githost`, what is remembered in `vestibule-store`. Here a conductor (a file in
//! `endpoints/`, `api/` or `pages/`) calls down, gets an answer and calls the next; nothing below calls up.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a binary has no readers of its interface but its own files")]

mod accept;
mod admin;
mod api;
mod app;
mod broker;
mod cli;
mod clock;
mod commands;
mod config;
mod demo;
mod dice;
mod endpoints;
mod git_credential;
mod githosts;
mod keys;
mod messenger;
mod outbound;
mod pages;
mod passwords;
mod places;
mod prove;
mod router;
mod seal;
mod serve;
mod telemetry;
mod text;
mod turns;
mod upkeep;
mod web;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(cli::Cli::parse())
}
