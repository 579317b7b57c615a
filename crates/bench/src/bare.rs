//! The yardsticks: a bare axum route, one that forwards, and Argon2id alone. Each runs as a process of its own on the measured core.
//!
//! Owns what "bare" means: axum as its book starts it, one route that reads the request whole and answers fixed bytes;
//! no time limits, no store, no checks.

use crate::cpu::Cpu;
use crate::wire::{self, Connection};
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::any;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Serves answers of `size` bytes at `path` until it is ended.
pub async fn serve(path: &str, size: usize) -> Result<(), String> {
    let body = Bytes::from(vec![b'x'; size]);
    let answer = move |_whole: Bytes| async move { ([(header::CONTENT_TYPE, "application/json")], body.clone()) };
    listen(Router::new().route(path, any(answer))).await
}

/// Serves at `path` what the host answers at `onwards`, over connections that are kept: a reverse proxy and no more.
pub async fn forward(path: &str, host: SocketAddr, onwards: &'static str) -> Result<(), String> {
    let kept: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let answer = move |_whole: Bytes| {
        let kept = kept.clone();
        async move {
            let known = kept.lock().map_err(|error| error.to_string())?.pop();
            let mut line = match known {
                Some(line) => line,
                None => Connection::open(host).await?,
            };
            let request = wire::get(onwards, &[("authorization", "Bearer a-personal-token")]);
            let body = Bytes::copy_from_slice(line.call(&request).await?.body);
            kept.lock().map_err(|error| error.to_string())?.push(line);
            Ok::<_, String>(([(header::CONTENT_TYPE, "application/json")], body))
        }
    };
    listen(Router::new().route(path, any(answer))).await
}

async fn listen(router: Router) -> Result<(), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("{{\"listening\":\"http://{address}\"}}");
    let _ = std::io::stdout().flush();
    axum::serve(listener, router).await.map_err(|error| error.to_string())
}

/// Hashes passwords for `time` as the server does (19 MiB, two passes, one lane, memory used again); gives hashes in a
/// second of processor time, which is a second where nobody else wants the core.
pub fn hash(time: Duration) -> Result<f64, String> {
    use argon2::{Algorithm, Argon2, Block, Params, Version};
    let params = Params::new(19_456, 2, 1, Some(32)).unwrap_or_default();
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut once = || {
        let mut out = [0; 32];
        let made = argon2.hash_password_into_with_memory(b"a password", b"sixteen bytes...", &mut out, &mut memory);
        made.map_err(|error| error.to_string())
    };
    // The first run is not counted: it is the one for which the system hands out the memory.
    once()?;
    let (before, start, mut runs) = (Cpu::own()?, Instant::now(), 0_u32);
    while start.elapsed() < time {
        once()?;
        runs += 1;
    }
    Ok(f64::from(runs) * 1e9 / Cpu::own()?.since(&before)?.all as f64)
}
