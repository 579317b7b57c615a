//! A PostgreSQL that is thrown away: started on a free port if the programs are on this machine.
//!
//! Owns starting and ending it, on cores that nothing else needs; where there are only two, it has the generator's. Whoever names one with `--postgres` gets that one.

use crate::cores;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server of our own.
pub struct Postgres {
    programs: PathBuf,
    home: PathBuf,
    pub url: String,
}

impl Postgres {
    /// Starts one; `None` where there are no programs.
    pub fn start() -> Result<Option<Postgres>, String> {
        let Some(programs) = newest_programs() else { return Ok(None) };
        let home = std::env::temp_dir().join(format!("vestibule-bench-pg-{}", std::process::id()));
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        if is_root() {
            let _ = Command::new("chown").arg("postgres").arg(&home).status();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
        let port = port.map_err(|error| error.to_string())?.port();
        let url = format!("postgres://vestibule@127.0.0.1:{port}/postgres");
        let postgres = Postgres { programs, home, url };
        let data = postgres.home.join("data").display().to_string();
        let log = postgres.home.join("log").display().to_string();
        let socket = postgres.home.display();
        let options = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1 -c max_connections=100");
        postgres
            .run("initdb", &["--auth=trust", "--username=vestibule", "--encoding=UTF8", "--locale=C", "-D", &data])?;
        postgres.run("pg_ctl", &["-D", &data, "-l", &log, "-w", "-t", "60", "start", "-o", &options])?;
        Ok(Some(postgres))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let path = self.programs.join(program);
        let mut command = Command::new("taskset");
        command.args(["-c", &cores::chosen()?.database]);
        if is_root() {
            command.args(["runuser", "-u", "postgres", "--"]);
        }
        command.arg(path).args(arguments).current_dir(&self.home).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("{program} failed: see {}", self.home.display())),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.home.join("data").display().to_string();
        if self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]).is_ok() {
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    let mut found: Vec<PathBuf> = versions.filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|own| own.uid() == 0)
}
