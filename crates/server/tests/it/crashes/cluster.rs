//! A PostgreSQL of our own that can be stopped, as scripts/test starts the one that all tests share.

use crate::harness::{Port, process::Litter};
use std::path::PathBuf;
use std::process::Command;

/// A cluster in a directory of its own; ends with its value.
pub struct Cluster {
    programs: PathBuf,
    litter: Litter,
    port: Port,
}

impl Cluster {
    pub fn start() -> Cluster {
        let versions =
            std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is needed: scripts/test installs it");
        let mut programs: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
        programs.sort();
        let programs = programs.pop().expect("a version of PostgreSQL");
        let cluster = Cluster { programs, litter: Litter::new(), port: Port::held() };
        if is_root() {
            let owner = Command::new("chown").arg("postgres").arg(&cluster.litter.path).status();
            assert!(owner.expect("chown").success());
        }
        let data = cluster.data();
        cluster.run("initdb", &["--auth=trust", "--username=vestibule", "--encoding=UTF8", "--locale=C", "-D", &data]);
        cluster.resume();
        cluster
    }

    /// The address of its one database.
    pub fn url(&self) -> String {
        format!("postgres://vestibule@127.0.0.1:{}/postgres", self.port.number)
    }

    /// Starts it again.
    pub fn resume(&self) {
        let options =
            format!("-p {} -k {} -c listen_addresses=127.0.0.1", self.port.number, self.litter.path.display());
        let log = self.litter.path.join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-w", "-t", "60", "-o", &options, "start"]);
    }

    /// Stops it: `fast` lets no client end its transaction, `immediate` is a crash.
    pub fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", mode, "-w", "stop"]);
    }

    fn data(&self) -> String {
        self.litter.path.join("data").display().to_string()
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).expect(program), "{program} {arguments:?} failed");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> std::io::Result<bool> {
        let program = self.programs.join(program);
        let mut command = match is_root() {
            true => Command::new("runuser"),
            false => Command::new(&program),
        };
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        // A server that inherits a pipe would keep it open.
        let quiet = std::process::Stdio::null;
        let status =
            command.args(arguments).current_dir("/").stdin(quiet()).stdout(quiet()).stderr(quiet()).status()?;
        Ok(status.success())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}
