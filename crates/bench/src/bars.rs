//! The bars: how many instructions a request of each row may take, in `crates/bench/bars.tsv`.
//!
//! Owns the file, and how far a count may be from it. Counting is `count`'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// By how much a count may differ from its bar, either way: what got better without the bar could get worse unseen.
const SLACK: f64 = 0.05;
/// And where compiler, valgrind or processor are others than those that the bars were set with.
const SLACK_ELSEWHERE: f64 = 0.12;
/// What libraries choose their code by.
const FLAGS: [&str; 10] =
    ["sse4_2", "avx2", "bmi2", "adx", "aes", "vaes", "pclmulqdq", "sha_ni", "avx512f", "avx512ifma"];

/// The line that says with what the bars were set.
const SET_WITH: &str = "# set with: ";
const HEAD: &str = "# Instructions of the server for one request, as `cargo run --release -p bench -- count` counts them. How to move\n\
                    # a bar: CONTRIBUTING.md.\n";

/// Compares with the bars. Every difference that is too large is a sentence, and so is a bar of no row, if this is the whole.
pub fn compare(counts: &BTreeMap<&'static str, u64>, whole: bool) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    let (then, now) =
        (text.lines().find_map(|line| line.strip_prefix(SET_WITH)).unwrap_or("nobody knows what"), setting());
    let slack = if then == now { SLACK } else { SLACK_ELSEWHERE };
    if then != now {
        let percent = slack * 100.0;
        eprintln!("bench: the bars were set with {then}; here is {now}. So they may be {percent:.0} % off");
    }
    let bars = parse(&text)?;
    let mut faults = Vec::new();
    for (row, count) in counts {
        let Some(bar) = bars.get(row) else {
            faults.push(format!("{row} has no bar; it takes {count} instructions"));
            continue;
        };
        let times = *count as f64 / *bar as f64;
        if (times - 1.0).abs() > slack {
            faults.push(format!("{row} takes {count} instructions, {times:.2} times its bar of {bar}"));
        }
    }
    let orphans = bars.keys().filter(|row| whole && !counts.contains_key(*row));
    faults.extend(orphans.map(|row| format!("the bar {row} belongs to no row that is counted")));
    Ok(faults)
}

fn parse(text: &str) -> Result<BTreeMap<&str, u64>, String> {
    let mut bars = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let bar = line.split_once('\t').and_then(|(row, bar)| Some((row, bar.trim().parse().ok()?)));
        let (row, bar) = bar.filter(|(_, bar)| *bar > 0).ok_or_else(|| format!("{line:?} is no bar"))?;
        if bars.insert(row, bar).is_some() {
            return Err(format!("{row} has two bars"));
        }
    }
    Ok(bars)
}

/// Makes these counts the bars.
pub fn write(counts: &BTreeMap<&'static str, u64>) -> Result<(), String> {
    let mut text = format!("{HEAD}{SET_WITH}{}\n", setting());
    for (row, count) in counts {
        text.push_str(&format!("{row}\t{count}\n"));
    }
    std::fs::write(file(), text).map_err(|error| error.to_string())
}

/// The compiler, valgrind, and what the processor can do.
fn setting() -> String {
    let said = |program: &str| {
        let output = Command::new(program).arg("--version").current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        if text.is_empty() { format!("no {program}") } else { text }
    };
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = info.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':')).map_or("", |(_, flags)| flags);
    let has: Vec<&str> = FLAGS.into_iter().filter(|flag| has.split_whitespace().any(|one| one == *flag)).collect();
    format!("{}, {}, processor {}", said("rustc"), said("valgrind"), has.join(" "))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bars.tsv")
}
