//! Processor time as the kernel's scheduler counts it.
//!
//! Owns the readings of `/proc` and that they are believed only when they agree: a figure that could not be read is an
//! error, never a zero, because zero would look like the best of all.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// What the coarse count may differ by, in nanoseconds and as a share: it goes by hundredths of a second, and it has the
/// time of threads that ended meanwhile.
const COARSE_NS: u64 = 60_000_000;
const COARSE: f64 = 0.05;
/// Nanoseconds of one of the ticks that `/proc/PID/stat` counts; Linux has shown programs 100 a second since 2.6.
const TICK_NS: u64 = 10_000_000;

/// A reading: nanoseconds by thread, and the coarse count of the whole process.
#[derive(Clone, Debug)]
pub struct Cpu {
    threads: BTreeMap<u32, Thread>,
    coarse: u64,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    spent: u64,
    writes: bool,
}

/// Nanoseconds between two readings.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Of all threads.
    pub all: u64,
    /// Of the thread that writes to SQLite.
    pub writer: u64,
}

impl Cpu {
    /// Of this process.
    pub fn own() -> Result<Cpu, String> {
        Cpu::of(std::process::id())
    }

    /// Of any.
    pub fn of(process: u32) -> Result<Cpu, String> {
        let directory = format!("/proc/{process}/task");
        let tasks = std::fs::read_dir(&directory).map_err(|error| format!("{directory}: {error}"))?;
        let mut threads = BTreeMap::new();
        for task in tasks.flatten() {
            let number = task.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some((number, thread)) = number.zip(read_thread(&task.path())?) {
                threads.insert(number, thread);
            }
        }
        if threads.is_empty() {
            return Err(format!("{directory} holds no thread"));
        }
        Ok(Cpu { threads, coarse: read_coarse(process)? })
    }

    /// What has been spent since `before`, in which something was done.
    pub fn since(&self, before: &Cpu) -> Result<Spent, String> {
        let mut spent = Spent { all: 0, writer: 0 };
        for (number, thread) in &self.threads {
            let earlier = before.threads.get(number).map_or(0, |earlier| earlier.spent);
            let more = thread.spent.checked_sub(earlier).ok_or("a thread's processor time has shrunk")?;
            spent.all += more;
            spent.writer += if thread.writes { more } else { 0 };
        }
        if spent.all == 0 {
            return Err("the kernel counts no processor time".to_owned());
        }
        let coarse = self.coarse.checked_sub(before.coarse).ok_or("a process's processor time has shrunk")?;
        if coarse.abs_diff(spent.all) > COARSE_NS.max((spent.all as f64 * COARSE) as u64) {
            let (fine, coarse) = (spent.all / 1_000_000, coarse / 1_000_000);
            return Err(format!(
                "the kernel counts {fine} ms of processor time by threads and {coarse} ms by the process"
            ));
        }
        Ok(spent)
    }
}

/// The scheduler's own count, to the nanosecond; `None` when the thread has just ended.
fn read_thread(task: &Path) -> Result<Option<Thread>, String> {
    let path = task.join("schedstat");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // ESRCH, which has no name of its own here.
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(3) => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let spent = text.split(' ').next().and_then(|first| first.parse().ok());
    let spent = spent.ok_or_else(|| format!("{} holds no processor time: {text:?}", path.display()))?;
    let writes = std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "store-writer");
    Ok(Some(Thread { spent, writes }))
}

/// User and system time of the process, its ended threads included.
fn read_coarse(process: u32) -> Result<u64, String> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name in brackets may hold anything; after it, utime and stime are the 12th and 13th field.
    let fields: Option<Vec<u64>> = text
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect());
    match fields.as_deref() {
        Some([user, system]) => Ok((user + system) * TICK_NS),
        _ => Err(format!("{path} holds no processor time")),
    }
}
