//! Child processes on a core of their own, and what the kernel says of them.
//!
//! Owns starting (pinned with `taskset`), ending, and the size of a process. Processor time is read by `cpu`, which cores
//! there are by `cores`.

use crate::cores;
use crate::cpu::Cpu;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A process that listens.
pub struct Listener {
    child: Child,
    pub address: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

/// `program` on the measured core, by way of `tool` if there is one.
pub fn pinned(tool: &[&str], program: &Path) -> Result<Command, String> {
    let mut command = Command::new("taskset");
    command.args(["-c", &cores::chosen()?.measured]).args(tool).arg(program);
    Ok(command)
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
    pub fn cpu(&self) -> Result<Cpu, String> {
        Cpu::of(self.child.id())
    }

    /// Its memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse().ok());
        kib.unwrap_or(0_u64) * 1024
    }

    /// Ends it as an operator would, and waits for a minute: what watches it has to write down what it saw.
    pub fn end(mut self) -> Result<(), String> {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        for _ in 0..3000 {
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
