//! Child processes that end with the tests, also when a test panics or the whole run is interrupted.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A helper process that acts when this one is gone, however it went.
///
/// Shared servers live in statics, which are never dropped: the reaper waits on a pipe that the system closes.
struct Reaper(Child);

impl Reaper {
    /// `last_will` is a shell script in which `$0` is `argument`.
    fn new(last_will: &str, argument: &std::ffi::OsStr) -> Reaper {
        let script = format!("trap '' INT TERM HUP; read -r word || {last_will}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(argument);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Reaper(command.spawn().expect("sh"))
    }

    /// Nothing is left to do.
    fn dismiss(&mut self) {
        if let Some(stdin) = &mut self.0.stdin {
            let _ = stdin.write_all(b"done\n");
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A new directory that is removed with its value, or with the tests.
pub struct Litter {
    pub path: PathBuf,
    _reaper: Reaper,
}

impl Litter {
    pub fn new() -> Litter {
        let path = tempfile::Builder::new().prefix("vestibule-it-").tempdir().expect("a temporary directory").keep();
        let reaper = Reaper::new("rm -rf \"$0\"", path.as_os_str());
        Litter { path, _reaper: reaper }
    }
}

/// A process that ends with its value, or with the tests.
pub struct Guarded {
    child: Child,
    reaper: Reaper,
}

impl Guarded {
    pub fn spawn(command: &mut Command) -> Guarded {
        let child = command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"));
        let reaper = Reaper::new("kill -KILL \"$0\" 2>/dev/null", child.id().to_string().as_ref());
        Guarded { child, reaper }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM) without waiting.
    pub fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The exit code when it has ended, `None` while it runs.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().expect("wait").map(|status| status.code())
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Option<Option<i32>> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(code) = self.ended() {
                return Some(code);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.terminate();
            if self.wait(Duration::from_secs(5)).is_none() {
                self.kill();
            }
        }
        // Its number may be another process's by now.
        self.reaper.dismiss();
    }
}

/// Sends a signal by name.
pub fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// Runs `command` to its end with `input` on its standard input.
pub fn run(command: &mut Command, input: &str) -> std::process::Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut stdin = child.stdin.take().expect("piped");
    // A command that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("output")
}
