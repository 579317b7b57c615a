//! What a server takes when nobody asks: memory, the time to its first answer, its size on the disk.
//!
//! Owns these readings and the disk's own fsync, which every commit waits for.

use crate::caller::Caller;
use crate::house::House;
use crate::load::Ready;
use crate::measure::median;
use crate::rows::Row;
use crate::supply::Supply;
use crate::wire::{self, Connection};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// After how long without work hashing memory must have been given back, with a little patience.
const GIVEN_BACK: Duration = Duration::from_secs(13);
/// After how long without work a server counts as idle.
const IDLE: Duration = Duration::from_secs(60);

/// Memory in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Right after ten sign-ins, and when hashing memory has been given back.
    pub after_sign_ins: f64,
    pub after_hashing: f64,
    /// A minute after the last request; not waited for in a quick run.
    pub idle: Option<f64>,
}

/// Memory after 1,000 requests of several kinds and 10 sign-ins.
pub async fn memory(house: &mut House, quick: bool) -> Result<Memory, String> {
    let server = house.start()?;
    let supply = Supply { house, to: server.address, crowd: None };
    let mut visits = Vec::new();
    for (row, callers, each) in [
        (Row::Introspect, 10, 25),
        (Row::Userinfo, 10, 25),
        (Row::ClientCredentials, 10, 25),
        (Row::Discovery, 10, 25),
        (Row::SignIn, 5, 2),
    ] {
        visits.push((row.callers(house, &supply, callers, each).await?, each));
    }
    for (callers, each) in visits {
        ask(server.address, callers, each).await?;
    }
    let mib = || server.memory() as f64 / 1024.0 / 1024.0;
    let after_sign_ins = mib();
    tokio::time::sleep(GIVEN_BACK).await;
    let after_hashing = mib();
    let mut idle = None;
    if !quick {
        tokio::time::sleep(IDLE - GIVEN_BACK).await;
        idle = Some(mib());
    }
    server.end()?;
    Ok(Memory { after_sign_ins, after_hashing, idle })
}

async fn ask(to: std::net::SocketAddr, callers: Vec<Caller>, each: usize) -> Result<(), String> {
    let all = callers.len() * each;
    let (window, _) = Ready::connect(to, callers).await?.drive(IDLE, each).await;
    window.check()?;
    if window.times.len() == all { Ok(()) } else { Err(format!("{} of {all} were answered", window.times.len())) }
}

/// Milliseconds from the start of the process to its first answer, on the directory as it is: the median of a few.
pub async fn first_answer(house: &mut House, tries: usize) -> Result<f64, String> {
    let mut times = Vec::new();
    for _ in 0..tries {
        let start = Instant::now();
        let server = house.start()?;
        let mut line = Connection::open(server.address).await?;
        let status = line.call(&wire::get("/readyz", &[])).await?.status;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if status != 200 {
            return Err(format!("the first answer is {status}"));
        }
        drop(line);
        server.end()?;
    }
    Ok(median(&times))
}

/// Microseconds that this disk takes for 4 KiB and fsync, in the middle.
pub fn fsync_us(directory: &Path) -> Result<f64, String> {
    let path = directory.join("fsync");
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(&path).map_err(wrong)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[0; 4096]).map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}
