//! `bench count`: how many instructions the server takes for a request, compared with bars that stand in the sources.
//!
//! Owns driving the real server under valgrind, one request at a time, and the bars. Instructions are the same on a busy
//! machine, so this runs in CI where times would not hold. Does not count what the kernel does.

use crate::caller::Caller;
use crate::house::House;
use crate::load::Ready;
use crate::process::Listener;
use crate::rows::Row;
use crate::supply::Supply;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Requests of a row that are not counted, because they prepare statements and fill caches, and that are.
const WARMING: usize = 20;
const COUNTED: usize = 100;
/// By how much a count may differ from its bar, either way: what got better without the bar could get worse unseen.
const SLACK: f64 = 0.12;
/// Longer than all of it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The rows that are counted: Argon2id would drown a sign-in.
fn rows() -> impl Iterator<Item = Row> {
    Row::ALL.into_iter().filter(|row| *row != Row::SignIn)
}

/// Counts every row. Gives instructions per request by the row's name.
pub async fn count(house: &mut House) -> Result<BTreeMap<&'static str, u64>, String> {
    // What the rows need is made by a server that is not slowed down.
    let server = house.start()?;
    let supply = Supply { house, to: server.address, crowd: None };
    let mut asked = Vec::new();
    for row in rows() {
        asked.push((row, row.callers(house, &supply, 1, WARMING + COUNTED).await?));
    }
    server.end()?;
    let dumps = house.directory.join("counted");
    let out = format!("--callgrind-out-file={}", dumps.display());
    let server = house.start_under(&["valgrind", "-q", "--tool=callgrind", &out])?;
    let mut counts = BTreeMap::new();
    let mut number = 0;
    for (row, callers) in asked {
        let callers = ask(&server, callers, WARMING).await?;
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

async fn ask(server: &Listener, callers: Vec<Caller>, each: usize) -> Result<Vec<Caller>, String> {
    let (window, callers) = Ready::connect(server.address, callers).await?.drive(PATIENCE, each).await;
    window.complaints.into_iter().next().map_or(Ok(callers), Err)
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

/// Compares with the bars. Every difference that is too large is a sentence.
pub fn compare(counts: &BTreeMap<&'static str, u64>) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(bars()).map_err(|error| format!("{}: {error}", bars().display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    let known: BTreeMap<&str, u64> = lines.filter_map(|(row, bar)| Some((row, bar.trim().parse().ok()?))).collect();
    let mut faults = Vec::new();
    for (row, count) in counts {
        let Some(bar) = known.get(row) else {
            faults.push(format!("{row} has no bar; it takes {count} instructions"));
            continue;
        };
        let times = *count as f64 / *bar as f64;
        if (times - 1.0).abs() > SLACK {
            faults.push(format!("{row} takes {count} instructions, {times:.2} times its bar of {bar}"));
        }
    }
    Ok(faults)
}

/// Makes these counts the bars.
pub fn write(counts: &BTreeMap<&'static str, u64>) -> Result<(), String> {
    let mut text = String::from(
        "# Instructions of the server for one request, as `cargo run --release -p bench -- count` counts them. How to move\n\
         # a bar: CONTRIBUTING.md.\n",
    );
    for (row, count) in counts {
        text.push_str(&format!("{row}\t{count}\n"));
    }
    std::fs::write(bars(), text).map_err(|error| error.to_string())
}

fn bars() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bars.tsv")
}
