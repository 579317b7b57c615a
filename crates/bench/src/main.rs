//! `cargo run --release -p bench`: what Vestibule costs.
//!
//! Owns the command line and what runs when. docs/performance.md tells how it measures and what came out.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a binary has no readers of its interface but its own files")]
#![allow(clippy::disallowed_methods, reason = "measuring is asking what time it is, before and after")]

mod bare;
mod browser;
mod caller;
mod crowd;
mod house;
mod load;
mod measure;
mod process;
mod rows;
mod supply;
mod wire;

use clap::{Parser, Subcommand};
use house::{Database, House};
use measure::{Measured, Plan};
use rows::Row;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measures what Vestibule costs beside a bare axum route on the same core
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    /// Only these rows
    #[arg(long, value_delimiter = ',', value_parser = row)]
    rows: Vec<Row>,
    /// Short rounds, nothing that waits
    #[arg(long)]
    quick: bool,
    /// The server's program (default: built with this one)
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// A bare axum route
    #[command(hide = true)]
    Bare { path: String, size: usize },
    /// Argon2id alone
    #[command(hide = true)]
    Hash { milliseconds: u64 },
}

fn row(name: &str) -> Result<Row, String> {
    Row::parse(name).ok_or_else(|| format!("rows are {}", Row::ALL.map(Row::name).join(", ")))
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool, String> {
    match &cli.part {
        Some(Part::Hash { milliseconds }) => {
            println!("{}", bare::hash(Duration::from_millis(*milliseconds)));
            Ok(true)
        }
        Some(Part::Bare { path, size }) => {
            // The same runtime as the server's.
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(bare::serve(path, *size)).map(|()| true)
        }
        None => {
            process::pin_generator()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(all(&cli))
        }
    }
}

async fn all(cli: &Cli) -> Result<bool, String> {
    let program = house::find_server(cli.server.clone())?;
    let plan = match cli.quick {
        true => Plan { rounds: 1, row: Duration::from_millis(300), bare: Duration::from_millis(200), once: 10 },
        false => Plan { rounds: 3, row: Duration::from_millis(1500), bare: Duration::from_millis(700), once: 60 },
    };
    let rows = if cli.rows.is_empty() { Row::ALL.to_vec() } else { cli.rows.clone() };
    let mut house = House::new(&program, Database::Sqlite)?;
    let server = house.start()?;
    house.furnish()?;
    server.end()?;
    let mut good = true;
    for row in rows {
        let measured = measure::measure(row, &mut house, None, plan).await?;
        good &= measured.errors == 0;
        print(&measured);
    }
    Ok(good)
}

fn print(m: &Measured) {
    println!(
        "{:38} {:>8.0}/s p50 {:>7.0} p99 {:>7.0} errors {} cpu {:>7.2} writer {:>6.2} bare {:>6.2} ratio {:>6.2} {:?} {:?} {:?}",
        m.row.title(),
        m.rate,
        m.p50_us,
        m.p99_us,
        m.errors,
        m.cpu_us,
        m.writer_us,
        m.bare_us,
        m.ratio(),
        m.commits,
        m.share(),
        m.complaints
    );
}
