//! `serve --demo`: a furnished house in its own directory.
//!
//! Owns the directory, its marker and the file that keeps the generated passwords. What stands in the house is
//! `furniture`'s, the sample application `sample`'s.

mod call;
mod flow;
mod furniture;
mod sample;
mod visits;

use crate::dice::Dice;
use furniture::Furniture;
use sample::Sample;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use vestibule_store::Store;

/// Says that a directory is a demo's; also the lock that keeps a second demo, or `--reset`, off a running one.
const MARKER: &str = ".vestibule-demo";
/// Keeps passwords and client secrets, so that every start can print them.
const NOTES: &str = "demo.json";
/// Where the sample application's port is looked for first, so that its address is easy to remember.
const PORTS: std::ops::Range<u16> = 8090..8100;

/// The demo's directory, made or recognised, and locked as long as this value lives.
#[derive(Debug)]
pub struct Demo {
    directory: PathBuf,
    _lock: File,
}

/// Makes the demo's directory (mode 0700), or recognises the one that an earlier start made; with `reset`, or when the
/// earlier start did not finish, empties it first. Call it before the store is opened. Gives a sentence when the
/// directory was not made by a demo, is in use, or cannot be made.
pub fn prepare(directory: &Path, reset: bool) -> Result<Demo, String> {
    let shown = directory.display();
    let cannot = |error: std::io::Error| format!("the demo's directory {shown} cannot be used: {error}");
    let foreign = || {
        format!("{shown} was not made by `serve --demo`, so the demo leaves it alone; move it away, or start elsewhere")
    };
    let marker = directory.join(MARKER);
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::DirBuilder::new().mode(0o700).create(directory).map_err(cannot)?;
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&marker).map_err(cannot)?;
        }
        Err(error) => return Err(cannot(error)),
        Ok(found) if !found.is_dir() => return Err(foreign()),
        // A link could lead --reset into somebody else's files.
        Ok(_) if !fs::symlink_metadata(&marker).is_ok_and(|file| file.is_file()) => return Err(foreign()),
        Ok(_) => {}
    }
    let lock = OpenOptions::new().read(true).write(true).open(&marker).map_err(cannot)?;
    lock.try_lock().map_err(|_| format!("a demo is running on {shown} already; stop it first"))?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(cannot)?;
    let demo = Demo { directory: directory.to_owned(), _lock: lock };
    if reset || !demo.notes().exists() {
        demo.empty().map_err(cannot)?;
    }
    Ok(demo)
}

impl Demo {
    /// The SQLite database in the directory: the demo uses no other.
    pub fn database(&self) -> PathBuf {
        self.directory.join("vestibule.db")
    }

    fn notes(&self) -> PathBuf {
        self.directory.join(NOTES)
    }

    /// Removes everything in the directory but the marker.
    fn empty(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false if entry.file_name() != MARKER => fs::remove_file(entry.path())?,
                false => {}
            }
        }
        Ok(())
    }

    /// Furnishes the store (once), starts the sample application beside the server, and gives what says what to open,
    /// with the two people's names and passwords: as text, and as JSON for tools. `issuer` is the public URL, `listening`
    /// where the server's socket is bound. Print it when the server accepts connections.
    pub async fn furnish(&self, store: &Store, issuer: &str, listening: SocketAddr) -> Result<(String, Value), String> {
        let kept = self.read()?;
        let (listeners, port) = listen(kept.as_ref().map(|kept| kept.sample_port)).await?;
        let origin = format!("http://localhost:{port}");
        let furniture = match kept {
            Some(kept) if kept.sample_port == port => kept,
            kept => {
                let furniture = furniture::place(store, kept, port, &origin).await?;
                self.write(&furniture)?;
                furniture
            }
        };
        let sample = furniture.sample(issuer, &origin, loopback_of(listening))?;
        let router = sample::router(Arc::new(sample));
        for listener in listeners {
            let router = router.clone();
            tokio::spawn(async move {
                // It ends with the process; when it ends earlier there is no sample, which does no harm to the server.
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::warn!(%error, "the sample application has ended");
                }
            });
        }
        Ok((furniture.text(issuer, &origin), furniture.json(&origin)))
    }

    fn read(&self) -> Result<Option<Furniture>, String> {
        let text = match fs::read_to_string(self.notes()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} cannot be read: {error}", self.notes().display())),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|_| format!("{} is damaged; start over with --reset", self.notes().display()))
    }

    /// Written beside and moved into place, so that a half-written file never counts.
    fn write(&self, furniture: &Furniture) -> Result<(), String> {
        let draft = self.directory.join("demo.json.draft");
        let write = || {
            let text = serde_json::to_string_pretty(furniture).map_err(std::io::Error::other)?;
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, self.notes())
        };
        write().map_err(|error| format!("{} cannot be written: {error}", self.notes().display()))
    }
}

/// Listens on `localhost`: 127.0.0.1, and ::1 where there is one, on the same port. The port kept from before comes
/// first, then a few easy ones, then any.
async fn listen(kept: Option<u16>) -> Result<(Vec<TcpListener>, u16), String> {
    let mut why = String::new();
    for port in kept.into_iter().chain(PORTS).chain([0; 8]) {
        match listen_on(port).await {
            Ok(listeners) => return Ok(listeners),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("no free port on localhost for the sample application: {why}"))
}

async fn listen_on(port: u16) -> std::io::Result<(Vec<TcpListener>, u16)> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = first.local_addr()?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(second) => Ok((vec![first, second], port)),
        // Somebody else there would be handed our codes by browsers that try ::1 first.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(error),
        Err(_) => Ok((vec![first], port)),
    }
}

/// Where a client on this machine reaches a socket that is bound to `address`.
fn loopback_of(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Furniture {
    /// The sample application with what it needs to know.
    fn sample(&self, issuer: &str, origin: &str, address: SocketAddr) -> Result<Sample, String> {
        let host =
            url::Url::parse(issuer).ok().map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
        let host = host.ok_or_else(|| format!("the public URL {issuer} is no URL"))?;
        Ok(Sample::new(self, issuer, origin, call::Peer { address, host }, Dice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("demo");
        (outer, directory)
    }

    #[test]
    fn the_demo_refuses_a_directory_that_it_did_not_make() {
        let (_outer, directory) = room();
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("mine"), "x").unwrap();
        for reset in [false, true] {
            assert!(prepare(&directory, reset).unwrap_err().contains("was not made by"));
        }
        assert!(directory.join("mine").exists());
    }

    #[test]
    fn the_demo_does_not_follow_a_link_into_another_directory() {
        let (outer, directory) = room();
        let other = outer.path().join("other");
        drop(prepare(&other, false).unwrap());
        std::os::unix::fs::symlink(&other, &directory).unwrap();
        assert!(prepare(&directory, true).is_err());
    }

    #[test]
    fn a_running_demo_is_not_reset_and_a_stopped_one_is() {
        let (_outer, directory) = room();
        let demo = prepare(&directory, false).unwrap();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(prepare(&directory, true).unwrap_err().contains("already"));
        fs::write(demo.notes(), "{}").unwrap();
        fs::write(demo.database(), "x").unwrap();
        drop(demo);
        let demo = prepare(&directory, false).unwrap();
        assert!(demo.database().exists());
        drop(demo);
        let demo = prepare(&directory, true).unwrap();
        assert!(!demo.database().exists() && !demo.notes().exists());
    }

    #[test]
    fn a_start_that_did_not_finish_is_begun_again() {
        let (_outer, directory) = room();
        let demo = prepare(&directory, false).unwrap();
        fs::write(demo.database(), "half").unwrap();
        drop(demo);
        assert!(!prepare(&directory, false).unwrap().database().exists());
    }
}
