//! Which core is measured and which one asks.
//!
//! Owns the choice, from the cores that this process may use. Pinning children is `process`'s.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The choice, as `taskset -c` wants it.
#[derive(Clone, Debug)]
pub struct Cores {
    /// Everything measured runs on it.
    pub measured: String,
    /// The load comes from it.
    pub loading: String,
    /// Where a database server of our own runs: on what is left, or beside the generator.
    pub database: String,
    /// Measured and loading are two threads of one core, which share its units: both are slower than they look.
    pub are_one: bool,
}

static CHOSEN: OnceLock<Result<Cores, String>> = OnceLock::new();

/// The cores, chosen at the first call: it must come before this process is pinned.
pub fn chosen() -> Result<Cores, String> {
    CHOSEN.get_or_init(choose).clone()
}

/// Moves this process, with the threads and children that it starts from now on, to the generator's core.
pub fn pin_generator() -> Result<(), String> {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-acp", &chosen()?.loading, &pid]).stdout(Stdio::null()).status();
    match pinned {
        Ok(status) if status.success() => Ok(()),
        _ => Err("the program taskset (util-linux) is needed".to_owned()),
    }
}

fn choose() -> Result<Cores, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc/self/status: {error}"))?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let allowed = list.and_then(parse).ok_or("/proc/self/status does not say which cores may be used")?;
    let [measured, rest @ ..] = allowed.as_slice() else { return Err("two cores are needed".to_owned()) };
    let siblings = siblings(*measured);
    let apart = rest.iter().find(|core| !siblings.contains(core));
    let loading = *apart.or(rest.first()).ok_or("two cores are needed; this process may use one")?;
    let left: Vec<String> = rest.iter().filter(|core| **core != loading).map(u32::to_string).collect();
    let database = if left.is_empty() { loading.to_string() } else { left.join(",") };
    let (measured, loading) = (measured.to_string(), loading.to_string());
    Ok(Cores { measured, loading, database, are_one: apart.is_none() })
}

/// The threads of the core that `core` is one of.
fn siblings(core: u32) -> Vec<u32> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    std::fs::read_to_string(path).ok().and_then(|list| parse(&list)).unwrap_or_default()
}

/// The kernel's lists: `0-3,8`.
fn parse(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for piece in list.trim().split(',') {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        cores.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(cores)
}
