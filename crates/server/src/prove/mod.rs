//! `vestibule prove`: this program drives a server of its own, breaks it, and judges what it promised.
//!
//! Owns the command, its rounds and its one-line result. The driver speaks HTTP and the command line like anybody else and
//! writes a history; the checker knows nothing but that history. Nothing here looks into a database.

mod browser;
mod checker;
mod deeds;
mod driver;
mod graves;
mod history;
mod house;
mod http;
mod kill;
mod once;
mod part;
mod races;
mod seed;
mod switchboard;
mod switches;
mod timing;
mod together;
mod visits;
mod worker;

use crate::cli::Globals;
use crate::clock::Clock;
use crate::config;
use crate::dice::Dice;
use clap::Args;
use driver::{Make, Stage};
use history::Event;
use house::House;
use part::{Part, Tally};
use seed::Chance;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use timing::Measured;
use together::joined;
use vestibule_store::{Options, Role, Store, StoreError, StoreUrl};

/// How many drivers there are at most, each with people and applications of its own, and the rounds that are worth one.
const LANES: u64 = 4;
const ROUNDS_OF_A_LANE: u64 = 10;

/// What is proven, and how long.
#[derive(Args, Clone, Debug)]
pub struct Prove {
    /// kill: kill -9 under mixed load; once: races for one-time things; switches: ends raced against every use; races:
    /// refresh against revoke, trade against disable, consent against withdraw; timing: whether the time of an answer tells
    /// who exists
    #[arg(value_enum)]
    pub what: Proof,
    /// How many rounds
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// A long run: so many rounds instead [default without N: 10000]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10000", conflicts_with = "rounds", value_parser = clap::value_parser!(u64).range(1..))]
    pub long: Option<u64>,
    /// Begin from this seed, as an earlier run printed it
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}

/// One of the five.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Kill,
    Once,
    Switches,
    Races,
    Timing,
}

impl Prove {
    fn rounds(&self) -> u64 {
        self.long.unwrap_or(self.rounds)
    }
}

/// Proves; exit status 1 when a promise was broken. An `Err` says why nothing was proven.
pub async fn prove(globals: &Globals, flags: &Prove) -> Result<ExitCode, String> {
    let url = database(globals).await?;
    let seed = flags.seed.unwrap_or_else(|| u64::from_be_bytes(Dice.bytes()) >> 12);
    eprintln!("seed {seed}");
    let clock = Clock::system();
    let house = House::new(Dice, url.clone())?;
    let outcome = run(&house, flags, seed);
    let good = outcome.as_ref().is_ok_and(|tally| tally.violations == 0);
    house.close(!good);
    let tally = outcome.map_err(|why| format!("{why}; everything is in {}", house.directory.display()))?;
    let head = serde_json::json!({
        "prove": format!("{:?}", flags.what).to_lowercase(),
        "database": if url.is_some() { "postgresql" } else { "sqlite" },
        "seed": seed,
        "seconds": clock.ticks() / 1000,
    });
    println!("{}", tally.line(head, flags.rounds()));
    if good {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("vestibule: {} promises were broken; everything is in {}", tally.violations, house.directory.display());
    Ok(ExitCode::FAILURE)
}

/// The PostgreSQL database to prove on, which must be empty: nobody's people are switched off for a proof. `None`: a new
/// SQLite file in the throw-away directory.
async fn database(globals: &Globals) -> Result<Option<String>, String> {
    if globals.database_url.is_none() && globals.database_url_file.is_none() {
        return Ok(None);
    }
    let text = config::database_text(globals)?;
    let url = StoreUrl::parse(&text).map_err(|error| error.to_string())?;
    if let StoreUrl::Sqlite(_) = url {
        return Err("on SQLite the proof makes a file of its own; leave --database-url out".to_owned());
    }
    let options = Options::new(Role::Node, "prove".to_owned(), Clock::system().now());
    match Store::open(&url, Role::Node, options).await {
        Err(StoreError::NotMigrated { found: 0, .. }) => Ok(Some(text)),
        Err(error) => Err(format!("{}: {error}", url.describe())),
        Ok(store) => {
            store.close().await;
            Err(format!("{} is in use; a proof needs an empty database", url.describe()))
        }
    }
}

fn run(house: &House, flags: &Prove, seed: u64) -> Result<Tally, String> {
    house.start()?;
    let rounds = flags.rounds();
    let lanes = match flags.what {
        // Who kills the server kills it for all, and who times answers must be alone.
        Proof::Kill | Proof::Timing => 1,
        Proof::Once | Proof::Switches | Proof::Races => (rounds / ROUNDS_OF_A_LANE).clamp(1, LANES),
    };
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let lane = |lane: u64| {
        let done = drive(house, flags, seed, lane, &next, &tally);
        if done.is_err() {
            // The others need not go on.
            next.store(rounds, Ordering::SeqCst);
        }
        done
    };
    std::thread::scope(|scope| {
        let lane = &lane;
        let drivers: Vec<_> = (0..lanes).map(|n| scope.spawn(move || lane(n))).collect();
        let ends: Vec<_> = drivers.into_iter().map(|driver| joined(driver).flatten()).collect();
        ends.into_iter().collect::<Result<(), String>>()
    })?;
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One driver: round after round, until all have been begun.
fn drive(
    house: &House,
    flags: &Prove,
    seed: u64,
    lane: u64,
    next: &AtomicU64,
    tally: &Mutex<Tally>,
) -> Result<(), String> {
    let (people, applications): (usize, &[Make]) = match flags.what {
        Proof::Kill => (kill::PEOPLE, &kill::APPLICATIONS),
        Proof::Once => (once::PEOPLE, &once::APPLICATIONS),
        Proof::Switches => (switches::PEOPLE, &switches::APPLICATIONS),
        Proof::Races => (races::PEOPLE, &races::APPLICATIONS),
        Proof::Timing => (timing::PEOPLE, &timing::APPLICATIONS),
    };
    let stage = Stage::furnish(house, usize::try_from(lane).unwrap_or_default(), people, applications)?;
    let mut measured = Measured::default();
    loop {
        let n = next.fetch_add(1, Ordering::SeqCst);
        if n >= flags.rounds() {
            break;
        }
        let chance = Chance::new(seed).branch(n);
        let parts = match flags.what {
            Proof::Kill => kill::cycle(&stage, chance)?,
            Proof::Once => once::round(&stage, n, chance)?,
            Proof::Switches => switches::round(&stage, n, chance)?,
            Proof::Races => races::round(&stage, n, chance)?,
            Proof::Timing => timing::round(&stage, n, &mut measured)?,
        };
        stage.forget();
        tally.lock().unwrap_or_else(PoisonError::into_inner).add(&stage.took_part());
        for part in &parts {
            tally.lock().unwrap_or_else(PoisonError::into_inner).count(part);
            if !part.found.is_empty() {
                keep(house, n, part)?;
            }
        }
    }
    if flags.what == Proof::Timing {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let Measured { people, clients } = &measured;
        tally.violations += usize::from(people.told_apart()) + usize::from(clients.told_apart());
        tally.measured = Some(serde_json::json!({ "people": people.line(), "clients": clients.line() }));
    }
    Ok(())
}

/// Keeps the history of a round in which something was broken, and says what.
fn keep(house: &House, round: u64, part: &Part) -> Result<(), String> {
    let of = part.kind.map_or_else(|| format!("{round}"), |kind| format!("{round}-{kind}"));
    let mut text = String::new();
    for violation in &part.found {
        eprintln!("round {of}: {violation}");
        text.push_str(&format!("{violation}\n"));
    }
    let mut history: Vec<&Event> = part.before.iter().chain(&part.history).collect();
    history.sort_by_key(|event| event.span.begin);
    for Event { span, what } in history {
        text.push_str(&format!("{:>6} {:>6} {what:?}\n", span.begin, span.end));
    }
    let path = house.directory.join(format!("history-{of}.txt"));
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
