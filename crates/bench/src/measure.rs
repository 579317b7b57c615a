//! One row measured: rounds of the bare route and of the server in turn, on the same core, medians of all rounds.
//!
//! Owns the order and the arithmetic. A machine that others use is slow for both alike, so the ratio holds where the
//! times do not.

use crate::caller::Caller;
use crate::cpu::Cpu;
use crate::crowd::Crowd;
use crate::house::House;
use crate::load::Ready;
use crate::process::{self, Listener};
use crate::proof::Proof;
use crate::rows::Row;
use crate::supply::{self, Supply};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// Below this share of its core's time, something else than what is measured was the limit.
const FULLY: f64 = 0.9;

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

/// A part that only warms up takes this many times less.
const WARMING: u32 = 4;

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
    /// For which share of the time the measured core was at work for the server, and for the bare route.
    pub busy: f64,
    pub bare_busy: f64,
    /// And the generator's own core meanwhile: near one, it is the generator that was measured.
    pub generator: f64,
    pub bare_generator: f64,
    /// For sign-ins: how many hashes this core makes in a second of processor time.
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

    /// What makes one doubt the figures. What writes waits for the disk, so that its core has pauses without any fault.
    pub fn doubts(&self) -> Vec<String> {
        let waits_for_disk = self.writer_us > 0.5 && self.generator < FULLY;
        let parts = [
            ("the bare route", self.bare_busy, self.bare_generator, false),
            ("the server", self.busy, self.generator, waits_for_disk),
        ];
        let idle = parts.into_iter().filter(|(_, busy, _, excused)| *busy < FULLY && !excused);
        idle.map(|(who, busy, generator, _)| {
            let (title, busy, generator) = (self.row.title(), busy * 100.0, generator * 100.0);
            format!("{title}: {who} had its core for {busy:.0} % of the time only, the generator its own for {generator:.0} %")
        })
        .collect()
    }

    /// The share of what Argon2id allows: sign-ins in a second of processor time as a part of hashes. By time instead it would
    /// tell who was let onto a core that others use.
    pub fn share(&self) -> Option<f64> {
        self.hashes.map(|hashes| 1e6 / self.cpu_us.max(1e-9) / hashes.max(1e-9))
    }
}

/// Measures `row`.
pub async fn measure(row: Row, house: &mut House, crowd: Option<&Crowd>, plan: Plan) -> Result<Measured, String> {
    let mut callers = supplied(row, house, crowd, plan).await?;
    let mut server = house.start()?;
    let (request, size) = supply::sample(server.address, &mut callers[0]).await?;
    let onwards = row.goes_on().then_some(house.host());
    let bare = Listener::start(bare_command(&request, size, onwards)?, None)?;
    let floor = || Caller::around(row.connections(), vec![request.clone()], supply::ANYTHING);
    let most = if row.each_once() { plan.once } else { usize::MAX };
    let mut rounds = Rounds::default();
    // What warms up is looked at, but not counted.
    part(&bare, floor(), plan.bare / WARMING, usize::MAX, &mut rounds).await?;
    callers = part(&server, callers, plan.row / WARMING, most / WARMING as usize, &mut rounds).await?.callers;
    for round in 0..plan.rounds {
        if round > 0 && row.each_once() {
            // Codes live a minute: those of a round are made right before it.
            server.end()?;
            callers = supplied(row, house, crowd, plan).await?;
            server = house.start()?;
            callers = part(&server, callers, plan.row / WARMING, most / WARMING as usize, &mut rounds).await?.callers;
        }
        let hashes = (row == Row::SignIn).then(|| hash_rate(plan.row)).transpose()?.unwrap_or(0.0);
        let floor = part(&bare, floor(), plan.bare, usize::MAX, &mut rounds).await?;
        let proof = Proof::before(row, server.address, &callers).await?;
        let done = part(&server, callers, plan.row, most, &mut rounds).await?;
        proof.after(server.address).await?;
        rounds.keep(&done, &floor, hashes);
        callers = done.callers;
    }
    server.end()?;
    let [rate, p50_us, p99_us, cpu_us, writer_us, busy, generator, bare_us, bare_busy, bare_generator, hashes] =
        rounds.medians();
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
        busy,
        bare_busy,
        generator,
        bare_generator,
        hashes: (row == Row::SignIn).then_some(hashes),
    })
}

/// What the row needs for a round, made by another process than the one that is measured.
async fn supplied(row: Row, house: &mut House, crowd: Option<&Crowd>, plan: Plan) -> Result<Vec<Caller>, String> {
    let server = house.start()?;
    let once = row.connections() * (plan.once + plan.once / WARMING as usize + 1);
    let supply = Supply { house, to: server.address, crowd };
    let callers = row.callers(house, &supply, row.connections(), once).await?;
    server.end()?;
    Ok(callers)
}

/// One part of a round: times in microseconds, processor time per answer, shares of the wall's time, and the callers.
struct Part {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
    writer: f64,
    busy: f64,
    generator: f64,
    callers: Vec<Caller>,
}

async fn part(
    at: &Listener,
    callers: Vec<Caller>,
    time: Duration,
    most: usize,
    rounds: &mut Rounds,
) -> Result<Part, String> {
    let ready = Ready::connect(at.address, callers).await?;
    let (before, own) = (at.cpu()?, Cpu::own()?);
    let (window, callers) = ready.drive(time, most).await;
    let (spent, own) = (at.cpu()?.since(&before)?, Cpu::own()?.since(&own)?);
    if window.times.is_empty() {
        window.check()?;
    }
    rounds.errors += window.errors;
    rounds.complaints.extend(window.complaints.iter().take(3).cloned());
    let each = |nanoseconds: u64| nanoseconds as f64 / 1000.0 / window.times.len() as f64;
    let share = |nanoseconds: u64| nanoseconds as f64 / 1e9 / window.wall.as_secs_f64().max(1e-9);
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    Ok(Part {
        rate: window.rate(),
        p50: us(window.within(0.5)),
        p99: us(window.within(0.99)),
        cpu: each(spent.all),
        writer: each(spent.writer),
        busy: share(spent.all),
        generator: share(own.all),
        callers,
    })
}

#[derive(Default)]
struct Rounds {
    figures: [Vec<f64>; 11],
    errors: u64,
    complaints: Vec<String>,
}

impl Rounds {
    /// In the order in which `medians` gives them back.
    fn keep(&mut self, row: &Part, bare: &Part, hashes: f64) {
        let row = [row.rate, row.p50, row.p99, row.cpu, row.writer, row.busy, row.generator];
        let figures = row.into_iter().chain([bare.cpu, bare.busy, bare.generator, hashes]);
        for (kept, figure) in self.figures.iter_mut().zip(figures) {
            kept.push(figure);
        }
    }

    fn medians(&self) -> [f64; 11] {
        self.figures.each_ref().map(|figures| median(figures))
    }
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// This program as the bare route at the path of `request`, with answers of `size` bytes, or with what a host answers.
fn bare_command(request: &[u8], size: usize, onwards: Option<SocketAddr>) -> Result<Command, String> {
    let line = String::from_utf8_lossy(request);
    let target = line.split(' ').nth(1).unwrap_or("/");
    let path = target.split('?').next().unwrap_or("/");
    let mut command = process::pinned(&[], &std::env::current_exe().map_err(|error| error.to_string())?)?;
    match onwards {
        Some(host) => command.args(["forward", path, &host.to_string()]),
        None => command.args(["bare", path, &size.to_string()]),
    };
    Ok(command)
}

/// This program as Argon2id alone.
fn hash_rate(time: Duration) -> Result<f64, String> {
    let mut command = process::pinned(&[], &std::env::current_exe().map_err(|error| error.to_string())?)?;
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
