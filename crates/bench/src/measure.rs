//! One row measured: rounds of the bare route and of the server in turn, on the same core, medians of all rounds.
//!
//! Owns the order and the arithmetic. A machine that others use is slow for both alike, so the ratio holds where the
//! times do not.

use crate::caller::Caller;
use crate::crowd::Crowd;
use crate::house::House;
use crate::load::Ready;
use crate::process::{self, Listener};
use crate::rows::Row;
use crate::supply::{self, Supply};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// How long everything takes.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often bare route and row take turns.
    pub rounds: usize,
    /// The server's part of a round, and the bare route's.
    pub row: Duration,
    pub bare: Duration,
    /// How many requests of one connection a part has, for rows that ask each request once.
    pub once: usize,
}

/// A row's figures: medians over the rounds.
#[derive(Clone, Debug)]
pub struct Measured {
    pub row: Row,
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub errors: u64,
    pub complaints: Vec<String>,
    /// Processor time per request: the server's, of that the thread's that writes, and the bare route's.
    pub cpu_us: f64,
    pub writer_us: f64,
    pub bare_us: f64,
    /// Verbs in one commit, and how long a commit took with its fsync.
    pub commits: Option<Commits>,
    /// For sign-ins: how many hashes a second this core makes when it does nothing else.
    pub hashes: Option<f64>,
}

/// What the store says at its end.
#[derive(Clone, Copy, Debug)]
pub struct Commits {
    pub verbs_each: f64,
    pub commit_us: f64,
}

impl Measured {
    /// Processor time as a multiple of the bare route's.
    pub fn ratio(&self) -> f64 {
        self.cpu_us / self.bare_us.max(1e-9)
    }

    /// The share of what Argon2id allows.
    pub fn share(&self) -> Option<f64> {
        self.hashes.map(|hashes| self.rate / hashes.max(1e-9))
    }
}

/// Measures `row`.
pub async fn measure(row: Row, house: &mut House, crowd: Option<&Crowd>, plan: Plan) -> Result<Measured, String> {
    // What the row needs is made by another process than the one that is measured.
    let server = house.start()?;
    let once = row.connections() * plan.once * (plan.rounds + 1);
    let supply = Supply { house, to: server.address, crowd };
    let mut callers = row.callers(house, &supply, row.connections(), once).await?;
    server.end()?;

    let server = house.start()?;
    let (request, size) = supply::sample(server.address, &mut callers[0]).await?;
    let bare = Listener::start(bare_command(&request, size)?, None)?;
    let floor = || Caller::around(row.connections(), vec![request.clone()], supply::ANYTHING);
    let mut rounds = Rounds::default();
    for round in 0..=plan.rounds {
        // The first round warms both up and is not counted.
        let shorter = if round == 0 { 4 } else { 1 };
        let hashes = (row == Row::SignIn && round > 0).then(|| hash_rate(plan.row)).transpose()?;
        let (bare_us, ..) = part(&bare, floor(), plan.bare / shorter, usize::MAX, &mut rounds).await?;
        let most = if row.each_once() { plan.once } else { usize::MAX };
        let (cpu_us, writer_us, rate, p50, p99, rest) =
            part(&server, callers, plan.row / shorter, most, &mut rounds).await?;
        callers = rest;
        if round > 0 {
            rounds.keep(&[rate, p50, p99, cpu_us, writer_us, bare_us, hashes.unwrap_or(0.0)]);
        }
    }
    server.end()?;
    let [rate, p50_us, p99_us, cpu_us, writer_us, bare_us, hashes] = rounds.medians();
    Ok(Measured {
        row,
        rate,
        p50_us,
        p99_us,
        errors: rounds.errors,
        complaints: rounds.complaints,
        cpu_us,
        writer_us,
        bare_us,
        commits: last_commits(house),
        hashes: (row == Row::SignIn).then_some(hashes),
    })
}

type Part = (f64, f64, f64, f64, f64, Vec<Caller>);

/// One part of a round: processor time per request, the writer's share of it, rate, p50, p99 (µs), and the callers.
async fn part(
    at: &Listener,
    callers: Vec<Caller>,
    time: Duration,
    most: usize,
    rounds: &mut Rounds,
) -> Result<Part, String> {
    let ready = Ready::connect(at.address, callers).await?;
    let before = at.cpu();
    let (window, callers) = ready.drive(time, most).await;
    let spent = at.cpu().since(before);
    rounds.errors += window.errors;
    rounds.complaints.extend(window.complaints.iter().take(3).cloned());
    let each = |nanoseconds: u64| nanoseconds as f64 / 1000.0 / window.times.len().max(1) as f64;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    Ok((each(spent.all), each(spent.writer), window.rate(), us(window.within(0.5)), us(window.within(0.99)), callers))
}

#[derive(Default)]
struct Rounds {
    figures: [Vec<f64>; 7],
    errors: u64,
    complaints: Vec<String>,
}

impl Rounds {
    fn keep(&mut self, figures: &[f64; 7]) {
        for (kept, figure) in self.figures.iter_mut().zip(figures) {
            kept.push(*figure);
        }
    }

    fn medians(&self) -> [f64; 7] {
        self.figures.each_ref().map(|figures| median(figures))
    }
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// This program as the bare route at the path of `request`, with answers of `size` bytes.
fn bare_command(request: &[u8], size: usize) -> Result<Command, String> {
    let line = String::from_utf8_lossy(request);
    let target = line.split(' ').nth(1).unwrap_or("/");
    let path = target.split('?').next().unwrap_or("/");
    let mut command = process::pinned(&[], &std::env::current_exe().map_err(|error| error.to_string())?);
    command.args(["bare", path, &size.to_string()]);
    Ok(command)
}

/// This program as Argon2id alone.
fn hash_rate(time: Duration) -> Result<f64, String> {
    let mut command = process::pinned(&[], &std::env::current_exe().map_err(|error| error.to_string())?);
    let output = command.args(["hash", &time.as_millis().to_string()]).output().map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| "the hash rate is no number".to_owned())
}

/// The line that the server writes to its log when the store is closed.
fn last_commits(house: &House) -> Option<Commits> {
    let log = std::fs::read_to_string(house.log()).ok()?;
    let line = log.lines().rev().find(|line| line.contains("\"commits\":"))?;
    let said: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| said[name].as_f64();
    let (commits, verbs, commit_us) = (number("commits")?, number("verbs")?, number("commit_us")?);
    (commits > 0.0).then(|| Commits { verbs_each: verbs / commits, commit_us: commit_us / commits })
}
