//! strace on a running server: a look at its system calls, or faults in them.

use crate::harness::process::signal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An strace that is attached.
pub struct Strace {
    child: Child,
    trace: PathBuf,
}

impl Strace {
    /// Attaches to all threads of `pid`; `arguments` say what is traced or injected.
    pub fn attach(pid: u32, directory: &Path, arguments: &[&str]) -> Strace {
        let (trace, said) = (directory.join("trace.txt"), directory.join("strace.txt"));
        let _ = std::fs::remove_file(&trace);
        let stderr = std::fs::File::create(&said).expect("a file");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "64", "-p", &pid.to_string(), "-o"]).arg(&trace).args(arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn();
        let mut strace = Strace { child: child.expect("strace is needed: scripts/test installs it"), trace };
        let start = Instant::now();
        // It says so after the last one; threads come and go meanwhile, so that their number says nothing.
        loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            if text.contains("attached") && has_all_threads(pid, strace.child.id()) {
                return strace;
            }
            let ended = strace.child.try_wait().expect("wait");
            assert!(ended.is_none(), "strace must be able to attach (ptrace): {text}");
            assert!(start.elapsed() < Duration::from_secs(60), "strace did not attach to all threads: {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets go, and gives what was seen.
    pub fn end(mut self) -> String {
        self.let_go();
        std::fs::read_to_string(&self.trace).expect("a trace")
    }

    fn let_go(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal("INT", self.child.id());
        }
        let start = Instant::now();
        while self.child.try_wait().expect("wait").is_none() {
            if start.elapsed() > Duration::from_secs(10) {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether every thread of `pid` is traced by this process.
fn has_all_threads(pid: u32, tracer: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // One that has ended meanwhile has no status.
    let mut statuses = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    let line = format!("TracerPid:\t{tracer}");
    statuses.all(|status| status.lines().any(|told| told == line))
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.let_go();
    }
}
