//! `cargo run --release -p bench`: what Vestibule costs.
//!
//! Owns the command line and what runs when. docs/performance.md tells how it measures and what came out.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a binary has no readers of its interface but its own files")]
#![allow(clippy::disallowed_methods, reason = "measuring is asking what time it is, before and after")]

mod bare;
mod bars;
mod browser;
mod caller;
mod cores;
mod count;
mod cpu;
mod crowd;
mod expiry;
mod house;
mod life;
mod load;
mod measure;
mod postgres;
mod process;
mod project;
mod proof;
mod report;
mod rows;
mod supply;
mod wire;

use clap::{Parser, Subcommand};
use crowd::Crowd;
use house::{Build, Database, House};
use measure::{Measured, Plan};
use postgres::Postgres;
use report::Report;
use rows::Row;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
    /// The full store also where only some rows or a quick run are asked for
    #[arg(long)]
    full: bool,
    /// A PostgreSQL database that may be filled (default: a server of our own, where there are its programs)
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Nothing on PostgreSQL
    #[arg(long)]
    no_postgres: bool,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Put the table into docs/performance.md
    #[arg(long, conflicts_with_all = ["quick", "rows", "no_postgres"])]
    write: bool,
    /// The server's program (default: built from here, for `count` with --release and otherwise as it is published)
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Count instructions for each request under valgrind and compare them with crates/bench/bars.tsv
    Count {
        /// Make what was counted the bars
        #[arg(long)]
        write: bool,
    },
    /// 1,000 callers at the moment at which a host's token ends: one refresh at the host, and what they wait
    Expiry,
    /// A bare axum route
    #[command(hide = true)]
    Bare { path: String, size: usize },
    /// The same as a reverse proxy of the house's Git host
    #[command(hide = true)]
    Forward { path: String, host: std::net::SocketAddr },
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
            println!("{}", bare::hash(Duration::from_millis(*milliseconds))?);
            Ok(true)
        }
        Some(Part::Bare { path, size }) => {
            // The same runtime as the server's.
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(bare::serve(path, *size)).map(|()| true)
        }
        Some(Part::Forward { path, host }) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let serving = bare::forward(path, *host, project::BRANCHES);
            runtime.map_err(|error| error.to_string())?.block_on(serving).map(|()| true)
        }
        part => {
            if cfg!(debug_assertions) {
                return Err(
                    "this is a debug build, whose figures mean nothing: cargo run --release -p bench".to_owned()
                );
            }
            cores::pin_generator()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            match part {
                Some(Part::Expiry) => runtime.block_on(expiry(&cli)),
                Some(Part::Count { write }) => runtime.block_on(count(&cli, *write)),
                _ => runtime.block_on(all(&cli)),
            }
        }
    }
}

/// The whole benchmark; `false` when an answer was wrong.
async fn all(cli: &Cli) -> Result<bool, String> {
    let program = house::find_server(cli.server.clone(), Build::Published)?;
    let mut report = Report { machine: report::machine()?, ..Report::default() };
    sqlite(cli, &program, &mut report).await?;
    beside(cli, &program, &mut report).await?;
    match cli.json {
        true => println!("{}", report.json()),
        false => println!("{}", report.table()),
    }
    for complaint in report.complaints().chain(report.doubts()) {
        eprintln!("bench: {complaint}");
    }
    if cli.write && report.is_good() {
        report.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md"))?;
    }
    Ok(report.is_good())
}

/// The moment of expiry, on both databases; `false` when the host was asked more than once.
async fn expiry(cli: &Cli) -> Result<bool, String> {
    let program = house::find_server(cli.server.clone(), Build::Published)?;
    let own = if cli.postgres.is_none() && !cli.no_postgres { Postgres::start()? } else { None };
    let url = cli.postgres.clone().or_else(|| own.as_ref().map(|own| own.url.clone()));
    let mut is_good = true;
    for database in [Some(Database::Sqlite), url.map(Database::Postgres)].into_iter().flatten() {
        let place = if database == Database::Sqlite { "SQLite" } else { "PostgreSQL" };
        let expiry::Expiry { median, p99, last, refreshed } =
            expiry::expire(&mut furnished(&program, database)?).await?;
        let [median, p99, last] = [median, p99, last].map(|time| time.as_secs_f64() * 1e3);
        println!(
            "{place}: {refreshed} refresh at the host; half within {median:.0} ms, 99 of 100 within {p99:.0} ms, all within {last:.0} ms"
        );
        is_good &= refreshed == 1;
    }
    Ok(is_good)
}

/// Instructions instead of times; `false` when a row is too far from its bar, however often it is counted.
async fn count(cli: &Cli, write: bool) -> Result<bool, String> {
    let program = house::find_server(cli.server.clone(), Build::Quick)?;
    let whole = cli.rows.is_empty();
    let mut counts = counted(cli, &program).await?;
    if write {
        keep_least(&mut counts, counted(cli, &program).await?);
        return if whole { bars::write(&counts).map(|()| true) } else { Err("all bars are set together".to_owned()) };
    }
    let mut faults = bars::compare(&counts, whole)?;
    for _ in 0..MORE_COUNTS {
        if faults.is_empty() {
            break;
        }
        say(&format!("counting once more: {}", faults.join("; ")));
        keep_least(&mut counts, counted(cli, &program).await?);
        faults = bars::compare(&counts, whole)?;
    }
    for fault in &faults {
        eprintln!("bench: {fault}. CONTRIBUTING.md tells when to move a bar");
    }
    Ok(faults.is_empty())
}

/// What the server does of itself now and then (sweeping, opening a connection) may fall into the requests of a row.
const MORE_COUNTS: usize = 2;

async fn counted(cli: &Cli, program: &Path) -> Result<BTreeMap<&'static str, u64>, String> {
    count::count(&mut furnished(program, Database::Sqlite)?, &cli.rows).await
}

fn keep_least(counts: &mut BTreeMap<&'static str, u64>, again: BTreeMap<&'static str, u64>) {
    for (row, count) in again {
        counts.entry(row).and_modify(|least| *least = count.min(*least)).or_insert(count);
    }
}

/// The default database: the rows in a house of few, what an idle server takes, and the rows again in a full house.
async fn sqlite(cli: &Cli, program: &Path, report: &mut Report) -> Result<(), String> {
    let mut house = furnished(program, Database::Sqlite)?;
    report.binary_mb = house.program_size() as f64 / 1e6;
    report.fsync_us = life::fsync_us(&house.directory)?;
    let few = Crowd::load(&house, crowd::FEW).await?;
    report.small = rows(cli, &mut house, &few, "small").await?;
    if !cli.rows.is_empty() && !cli.full {
        return Ok(());
    }
    report.first_answer_ms = Some(life::first_answer(&mut house, 5).await?);
    report.memory = Some(life::memory(&mut house, cli.quick).await?);
    // Its directory goes with it: the next one takes the same.
    drop(house);
    if !cli.quick || cli.full {
        say("100,000 people, 200,000 grants and 1,000,000 tokens move in");
        let mut house = furnished(program, Database::Sqlite)?;
        let many = Crowd::load(&house, crowd::MANY).await?;
        report.first_answer_full_ms = Some(life::first_answer(&mut house, 3).await?);
        report.full = rows(cli, &mut house, &many, "full").await?;
    }
    Ok(())
}

/// The same rows on PostgreSQL.
async fn beside(cli: &Cli, program: &Path, report: &mut Report) -> Result<(), String> {
    let own = if cli.postgres.is_none() && !cli.no_postgres { Postgres::start()? } else { None };
    let Some(url) = cli.postgres.clone().or_else(|| own.as_ref().map(|own| own.url.clone())) else { return Ok(()) };
    report.postgres_at = match &own {
        Some(_) => format!("on core {}", cores::chosen()?.database),
        None => "one that was named".to_owned(),
    };
    let mut house = furnished(program, Database::Postgres(url))?;
    let few = Crowd::load(&house, crowd::FEW).await?;
    report.postgres = rows(cli, &mut house, &few, "PostgreSQL").await?;
    Ok(())
}

fn furnished(program: &Path, database: Database) -> Result<House, String> {
    let mut house = House::new(program, database)?;
    let server = house.start()?;
    house.furnish()?;
    server.end()?;
    Ok(house)
}

async fn rows(cli: &Cli, house: &mut House, crowd: &Crowd, place: &str) -> Result<Vec<Measured>, String> {
    let ms = Duration::from_millis;
    let plan = match (cli.quick, &house.database) {
        (true, _) => Plan { rounds: 1, row: ms(300), bare: ms(200), once: 10 },
        (false, Database::Sqlite) => Plan { rounds: 5, row: ms(1000), bare: ms(500), once: 40 },
        (false, Database::Postgres(_)) => Plan { rounds: 3, row: ms(1000), bare: ms(300), once: 30 },
    };
    let chosen = if cli.rows.is_empty() { Row::ALL.to_vec() } else { cli.rows.clone() };
    let mut all = Vec::new();
    for row in chosen {
        let measured = measure::measure(row, house, Some(crowd), plan).await?;
        let (rate, cpu, ratio) = (measured.rate, measured.cpu_us, measured.ratio());
        say(&format!("{place:10} {:36} {rate:>8.0}/s {cpu:>9.1} µs {ratio:>8.2} × bare", row.title()));
        all.push(measured);
    }
    Ok(all)
}

/// Tells how far we are, beside what is asked for.
fn say(line: &str) {
    eprintln!("{line}");
}
