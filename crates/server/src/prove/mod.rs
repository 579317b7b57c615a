//! `vestibule prove`: this program drives a server of its own, breaks it, and judges what it promised.
//!
//! Owns the command, its rounds and its one-line result. The driver speaks HTTP and the command line like anybody else and
//! writes a history; the checker knows nothing but that history. Nothing here looks into a database.

mod browser;
mod checker;
mod driver;
mod history;
mod house;
mod http;
mod kill;
mod once;
mod races;
mod seed;
mod switchboard;
mod switches;
mod timing;
mod visits;
mod worker;

use crate::cli::Globals;
use crate::clock::Clock;
use crate::config;
use crate::dice::Dice;
use checker::Violation;
use clap::Args;
use driver::Stage;
use history::{Event, Outcome, What};
use house::House;
use seed::Chance;
use std::process::ExitCode;
use timing::Measured;
use vestibule_store::{Options, Role, Store, StoreError, StoreUrl};

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
    let house = House::new(Dice, url.clone())?;
    let outcome = run(&house, flags, seed);
    let good = outcome.as_ref().is_ok_and(|tally| tally.violations == 0);
    house.close(!good);
    let tally = outcome.map_err(|why| format!("{why}; everything is in {}", house.directory.display()))?;
    println!("{}", tally.line(flags, seed, url.is_some()));
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
    let clock = Clock::system();
    house.start()?;
    let (people, applications) = match flags.what {
        Proof::Kill => (kill::PEOPLE, kill::APPLICATIONS),
        Proof::Once => (once::PEOPLE, once::APPLICATIONS),
        Proof::Switches => (switches::PEOPLE, switches::APPLICATIONS),
        Proof::Races => (races::PEOPLE, races::APPLICATIONS),
        Proof::Timing => (timing::PEOPLE, timing::APPLICATIONS),
    };
    let stage = Stage::furnish(house, people, applications)?;
    let (chance, mut tally) = (Chance::new(seed), Tally::default());
    let mut measured = Measured::default();
    for n in 0..flags.rounds() {
        let chance = chance.branch(n);
        let (history, found) = match flags.what {
            Proof::Kill => kill::cycle(&stage, chance)?,
            Proof::Once => once::round(&stage, chance)?,
            Proof::Switches => switches::round(&stage, n, chance)?,
            Proof::Races => races::round(&stage, n, chance)?,
            Proof::Timing => {
                timing::round(&stage, n, chance, &mut measured)?;
                let history = stage.recorder.take();
                let found = checker::check(&history);
                (history, found)
            }
        };
        stage.forget();
        tally.count(&history);
        tally.violations += found.len();
        if !found.is_empty() {
            keep(house, n, &history, &found)?;
        }
    }
    if flags.what == Proof::Timing {
        let Measured { people, clients } = &measured;
        tally.violations += usize::from(people.told_apart()) + usize::from(clients.told_apart());
        tally.measured = Some(serde_json::json!({ "people": people.line(), "clients": clients.line() }));
    }
    tally.milliseconds = clock.ticks();
    Ok(tally)
}

/// Keeps the history of a round in which something was broken, and says what.
fn keep(house: &House, round: u64, history: &[Event], found: &[Violation]) -> Result<(), String> {
    let mut text = String::new();
    for violation in found {
        eprintln!("round {round}: {violation}");
        text.push_str(&format!("{violation}\n"));
    }
    let mut history: Vec<&Event> = history.iter().collect();
    history.sort_by_key(|event| event.span.begin);
    for Event { span, what } in history {
        text.push_str(&format!("{:>6} {:>6} {what:?}\n", span.begin, span.end));
    }
    let path = house.directory.join(format!("history-{round}.txt"));
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What was counted.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: usize,
    refused: usize,
    unknown: usize,
    violations: usize,
    milliseconds: i64,
    /// What was timed, where that is the proof.
    measured: Option<serde_json::Value>,
}

impl Tally {
    fn count(&mut self, history: &[Event]) {
        for event in history {
            let (done, refused) = match &event.what {
                What::Issue { outcome, .. } => sides(outcome),
                What::Redeem { outcome, .. } | What::Refresh { outcome, .. } => sides(outcome),
                What::Use { outcome, .. } | What::Knock { outcome, .. } => sides(outcome),
                What::End { outcome, .. } | What::Restore { outcome, .. } | What::Cut { outcome, .. } => sides(outcome),
            };
            match (done, refused) {
                (true, _) => self.acknowledged += 1,
                (_, true) => self.refused += 1,
                _ => self.unknown += 1,
            }
        }
    }

    /// The result: one line of JSON.
    fn line(&self, flags: &Prove, seed: u64, postgres: bool) -> String {
        let rounds = flags.rounds();
        // No failure in n independent rounds: below 3/n with 95 % confidence (the rule of three).
        #[allow(clippy::cast_precision_loss, reason = "a bound of two digits")]
        let bound = (self.violations == 0 && self.measured.is_none()).then(|| 3.0 / rounds as f64);
        let mut line = serde_json::json!({
            "prove": format!("{:?}", flags.what).to_lowercase(),
            "database": if postgres { "postgresql" } else { "sqlite" },
            "seed": seed,
            "rounds": rounds,
            "violations": self.violations,
            "below_at_95_percent": bound,
            "acknowledged": self.acknowledged,
            "refused": self.refused,
            "unknown": self.unknown,
            "seconds": self.milliseconds / 1000,
        });
        if let Some(measured) = &self.measured {
            line["measured"] = measured.clone();
        }
        line.to_string()
    }
}

fn sides<T>(outcome: &Outcome<T>) -> (bool, bool) {
    (matches!(outcome, Outcome::Done(_)), matches!(outcome, Outcome::Refused))
}
