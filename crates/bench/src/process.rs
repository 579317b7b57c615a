//! Child processes on a core of their own, and what the kernel says of them.
//!
//! Owns starting (pinned with `taskset`), ending, and the readings of `/proc`: processor time, memory, threads.

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The core that everything measured runs on, and the one that the load comes from.
pub const MEASURED: &str = "0";
pub const LOADING: &str = "1";

/// A process that listens.
pub struct Listener {
    child: Child,
    pub address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

/// Moves this process, with the threads that it starts from now on, to the generator's core.
pub fn pin_generator() -> Result<(), String> {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-acp", LOADING, &pid]).stdout(Stdio::null()).status();
    match pinned {
        Ok(status) if status.success() => Ok(()),
        _ => Err("two cores and the program taskset (util-linux) are needed".to_owned()),
    }
}

/// `program` on the measured core, by way of `tool` if there is one.
pub fn pinned(tool: &[&str], program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", MEASURED]).args(tool).arg(program);
    command
}

impl Listener {
    /// Starts what prints `{"listening":"http://…"}` as its first line.
    pub fn start(mut command: Command, log: Option<File>) -> Result<Listener, String> {
        let stderr = log.map_or_else(Stdio::inherit, Stdio::from);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned.map_err(|error| format!("a process does not start: {error}"))?;
        let Some(stdout) = child.stdout.take() else { return Err("a process has no output".to_owned()) };
        let (mut stdout, mut line) = (BufReader::new(stdout), String::new());
        let read = stdout.read_line(&mut line);
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = said["listening"].as_str().and_then(|url| url.strip_prefix("http://")?.parse().ok());
        match address {
            Some(address) => Ok(Listener { child, address, _stdout: stdout }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("a process did not listen ({read:?}): {line}"))
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The processor time that its threads have had.
    pub fn cpu(&self) -> Cpu {
        Cpu::of(self.child.id())
    }

    /// Its memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse().ok());
        kib.unwrap_or(0_u64) * 1024
    }

    /// Ends it as an operator would, and waits.
    pub fn end(mut self) -> Result<(), String> {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        for _ in 0..600 {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Err("the server did not end".to_owned())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Of all threads.
    pub all: u64,
    /// Of the thread that writes to SQLite.
    pub writer: u64,
}

impl Cpu {
    /// Sums up the threads: the kernel's own scheduler counts them to the nanosecond.
    fn of(process: u32) -> Cpu {
        let mut cpu = Cpu::default();
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        for thread in threads.map(|thread| thread.path()) {
            let counted = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
            let spent = counted.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0);
            cpu.all += spent;
            if std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "store-writer") {
                cpu.writer += spent;
            }
        }
        cpu
    }

    /// What has been spent since `before`.
    pub fn since(self, before: Cpu) -> Cpu {
        Cpu { all: self.all.saturating_sub(before.all), writer: self.writer.saturating_sub(before.writer) }
    }
}
