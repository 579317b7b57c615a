//! `bench count`: how many instructions the server takes for a request.
//!
//! Owns driving the real server under valgrind, one request at a time. Instructions are the same on a busy machine, so this
//! runs in CI where times would not hold. Does not count what the kernel does. What they may be at most, `bars` knows.

use crate::caller::Caller;
use crate::house::House;
use crate::load::Ready;
use crate::process::Listener;
use crate::proof::Proof;
use crate::rows::Row;
use crate::supply::Supply;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Requests of a row that are not counted, because they prepare statements and fill caches, and that are.
const WARMING: usize = 20;
const COUNTED: usize = 100;
/// Longer than all of it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The rows that are counted: Argon2id would drown a sign-in, and what goes on to another machine waits for it.
fn rows() -> impl Iterator<Item = Row> {
    Row::ALL.into_iter().filter(|row| *row != Row::SignIn && !row.goes_on())
}

/// Counts the `chosen` rows, or all. Gives instructions per request by the row's name.
pub async fn count(house: &mut House, chosen: &[Row]) -> Result<BTreeMap<&'static str, u64>, String> {
    // What the rows need is made by a server that is not slowed down; for codes only the sessions.
    let server = house.start()?;
    let supply = Supply { house, to: server.address, crowd: None };
    let mut foreseen = Vec::new();
    for row in rows().filter(|row| chosen.is_empty() || chosen.contains(row)) {
        let once = if row.is_code() { 1 } else { WARMING + COUNTED };
        foreseen.push((row, row.callers(house, &supply, 1, once).await?));
    }
    server.end()?;
    let dumps = house.directory.join("counted");
    let out = format!("--callgrind-out-file={}", dumps.display());
    let server = house.start_under(&["valgrind", "-q", "--tool=callgrind", &out])?;
    let supply = Supply { house, to: server.address, crowd: None };
    let mut counts = BTreeMap::new();
    let mut number = 0;
    for (row, mut callers) in foreseen {
        if row.is_code() {
            // They live a minute, which under valgrind is over before their turn comes.
            callers = row.callers(house, &supply, 1, WARMING + COUNTED).await?;
        }
        let proof = Proof::before(row, server.address, &callers).await?;
        let callers = ask(&server, callers, WARMING).await?;
        proof.after(server.address).await?;
        number += 1;
        dump(&server, &dumps, number)?;
        ask(&server, callers, COUNTED).await?;
        number += 1;
        let instructions = dump(&server, &dumps, number)? / COUNTED as u64;
        eprintln!("{:20} {instructions:>9}", row.name());
        counts.insert(row.name(), instructions);
    }
    server.end()?;
    Ok(counts)
}

/// Has each caller ask exactly so often: what stays unasked would make the rest look cheap.
async fn ask(server: &Listener, callers: Vec<Caller>, each: usize) -> Result<Vec<Caller>, String> {
    let all = callers.len() * each;
    let (window, callers) = Ready::connect(server.address, callers).await?.drive(PATIENCE, each).await;
    window.check()?;
    if window.times.len() == all { Ok(callers) } else { Err(format!("{} of {all} were answered", window.times.len())) }
}

/// Has valgrind write down what was counted since the last time, and reads the sum.
fn dump(server: &Listener, dumps: &Path, number: usize) -> Result<u64, String> {
    let mut vgdb = Command::new("vgdb");
    vgdb.arg(format!("--pid={}", server.pid())).arg("dump").stdout(Stdio::null()).stderr(Stdio::null());
    let told = vgdb.status();
    let file = PathBuf::from(format!("{}.{number}", dumps.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{told:?}: {}: {error}", file.display()))?;
    let sum = text.lines().rev().find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok());
    sum.ok_or_else(|| format!("{} holds no sum", file.display()))
}
