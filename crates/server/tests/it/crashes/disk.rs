//! SQLite on a disk that is looked at, fails, or is full.

use super::strace::Strace;
use super::{Ledger, wait_for_readiness};
use crate::harness::{Answer, Call, Database, Server};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const EXIT: Duration = Duration::from_secs(60);
/// How long a process whose disk has failed still answers.
const FAREWELL: Duration = Duration::from_secs(1);

/// Asserts a 503, and says whether one came. Whoever comes a second after the failure, which was not before `began`, may
/// find nobody; whoever is let in with half of it left is answered.
#[track_caller]
fn is_unavailable(call: &Call, began: Instant, what: &str) -> bool {
    let came = began.elapsed();
    match call.try_send() {
        Ok(answer) => {
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
            true
        }
        Err(why) => {
            let is_shut_out = why.contains("refused");
            assert!(is_shut_out || came >= FAREWELL / 2, "{what} came after {came:?} and has no answer: {why}");
            assert!(began.elapsed() >= FAREWELL, "{what}: {why}");
            false
        }
    }
}

/// Has all come at once; one of them is told at least, whose write met the failure.
#[track_caller]
fn are_unavailable(calls: &[Call], began: Instant, what: &str) {
    let told = std::thread::scope(|scope| {
        let callers: Vec<_> = calls.iter().map(|call| scope.spawn(move || is_unavailable(call, began, what))).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller")).filter(|told| *told).count()
    });
    assert!(told > 0, "{what}: none of {} was told anything", calls.len());
}

/// The lines of a trace in their order; `what` must come after line `from`.
#[track_caller]
fn line_after(trace: &str, from: usize, what: &str, holds: impl Fn(&str) -> bool) -> usize {
    let found = trace.lines().enumerate().skip(from).find(|(_, line)| holds(line));
    found.unwrap_or_else(|| panic!("no {what} after line {from} of the trace:\n{trace}")).0
}

#[test]
fn fm_74_the_answer_is_written_after_the_sync() {
    let mut server = Server::start(Database::Sqlite, &[]);
    let mut ledger = Ledger::open(&server);
    let codes: Vec<String> = (0..3).map(|_| ledger.code(&server)).collect();
    let pid = server.process().id();
    let calls = "trace=fdatasync,fsync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    for code in &codes {
        let strace = Strace::attach(pid, &server.directory, &["-e", calls]);
        assert_eq!(ledger.trade(code).map(|answer| answer.status), Some(200));
        let trace = strace.end();
        let asked = line_after(&trace, 0, "request", |line| line.contains("POST /oauth/token"));
        let synced =
            line_after(&trace, asked, "sync of the log", |line| line.contains("sync(") && line.contains("-wal>"));
        let thread = trace.lines().nth(synced).and_then(|line| line.split_whitespace().next()).expect("a thread");
        let done = line_after(&trace, synced, "end of the sync", |line| {
            line.starts_with(thread) && line.contains("sync") && line.trim_end().ends_with("= 0")
        });
        let answered = trace.lines().position(|line| line.contains("HTTP/1.1 200")).expect("an answer in the trace");
        assert!(done < answered, "answered in line {answered}, synced in line {done}:\n{trace}");
    }
    ledger.is_whole(&server);
}

/// That SQLite was compiled with `HAVE_PREAD` and `HAVE_PWRITE`, by our flags or by itself, which it does not tell.
#[test]
fn a_page_of_the_log_is_written_by_one_system_call() {
    let mut server = Server::start(Database::Sqlite, &[]);
    let mut ledger = Ledger::open(&server);
    let code = ledger.code(&server);
    let calls = "trace=lseek,_llseek,write,pwrite64";
    let strace = Strace::attach(server.process().id(), &server.directory, &["-e", calls]);
    assert_eq!(ledger.trade(&code).map(|answer| answer.status), Some(200));
    let trace = strace.end();
    let on_log = |call: &str| trace.lines().filter(|line| line.contains(call) && line.contains("-wal>")).count();
    assert!(on_log("pwrite64(") > 0, "{trace}");
    assert_eq!((on_log("seek("), on_log(" write(")), (0, 0), "{trace}");
}

/// Size in CI: 4 requests at once when the disk begins to fail.
#[test]
fn fm_74_a_disk_that_cannot_sync_is_503_and_the_end() {
    let mut server = Server::start(Database::Sqlite, &[]);
    let mut ledger = Ledger::open(&server);
    let before = ledger.code(&server);
    assert_eq!(ledger.trade(&before).map(|answer| answer.status), Some(200));
    let codes: Vec<String> = (0..4).map(|_| ledger.code(&server)).collect();
    let unspent = ledger.code(&server);
    let strace = Strace::attach(server.process().id(), &server.directory, &["-e", "inject=fdatasync,fsync:error=EIO"]);
    let began = Instant::now();
    let trades: Vec<Call> = codes.iter().map(|code| ledger.app.token_call(&ledger.usual(code))).collect();
    are_unavailable(&trades, began, "a trade");
    is_unavailable(&Call::get(server.at("/readyz")), began, "readiness");
    is_unavailable(&ledger.app.token_call(&ledger.usual(&unspent)), began, "later");
    while let Some(later) = ledger.trade(&unspent) {
        assert_ne!(later.status, 200, "acknowledged after the disk had failed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let code = server.process().wait(EXIT).unwrap_or_else(|| panic!("it lives on: {}", server.output()));
    assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
    drop(strace);
    server.restart();
    ledger.is_whole(&server);
    // Whether an unacknowledged trade was done nobody knows; it is never done twice.
    for code in &codes {
        assert!(matches!(ledger.trade(code).map(|answer| answer.status), Some(200 | 400)));
        assert_eq!(ledger.trade(code).map(|answer| answer.status), Some(400));
    }
    assert_eq!(ledger.trade(&unspent).map(|answer| answer.status), Some(200), "what came after the failure was done");
}

#[test]
fn fm_74_a_disk_that_fails_while_the_process_drains_ends_it_as_failed_and_at_once() {
    let mut server = Server::start(Database::Sqlite, &["--drain-grace", "120"]);
    let mut ledger = Ledger::open(&server);
    let code = ledger.code(&server);
    let strace = Strace::attach(server.process().id(), &server.directory, &["-e", "inject=fdatasync,fsync:error=EIO"]);
    server.process().terminate();
    wait_for_readiness(&server, 503);
    assert_eq!(ledger.trade(&code).map(|answer| answer.status), Some(503));
    let code = server.process().wait(EXIT).unwrap_or_else(|| panic!("it drains on: {}", server.output()));
    assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
    assert!(server.output().contains("the store has failed for good"), "{}", server.output());
    drop(strace);
}

/// A script with a sync in each line: what it was told before the first failure.
fn script(server: &Server, ledger: &mut Ledger, codes: &[String]) -> bool {
    let app = ledger.app.clone();
    let good = |answer: &Answer| {
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        answer.status == 200
    };
    for (n, code) in codes.iter().enumerate() {
        let Some(first) = ledger.trade(code).filter(good) else { return false };
        let (first, fields) = (first.tokens(), |token| [("grant_type", "refresh_token"), ("refresh_token", token)]);
        let refresh = first.refresh.expect("a refresh token");
        let second = app.token_call(&fields(refresh.as_str())).try_send().ok();
        let Some(second) = second.filter(good) else { return false };
        ledger.keep(&second);
        let second = second.tokens();
        let (refresh, accesses) = (second.refresh.expect("a refresh token"), [&*first.access, &*second.access]);
        // The first family lives on.
        if n > 0 && !ledger.revoke(&refresh, &accesses).is_some_and(|answer| good(&answer)) {
            return false;
        }
    }
    Call::get(server.at("/readyz")).try_send().is_ok_and(|answer| answer.status == 200)
}

/// Size in CI: every sync of a script of 8 acknowledged writes (trades, refreshes, revocations), one failing at a time.
#[test]
fn fm_74_fm_75_whichever_sync_fails_nothing_acknowledged_is_lost() {
    for k in 1.. {
        let mut server = Server::start(Database::Sqlite, &[]);
        let mut ledger = Ledger::open(&server);
        let codes: Vec<String> = (0..3).map(|_| ledger.code(&server)).collect();
        let unspent = ledger.code(&server);
        // Only one sync fails: the kernel would say that all is well the next time, without the pages.
        let inject = format!("inject=fdatasync,fsync:error=EIO:when={k}");
        let strace = Strace::attach(server.process().id(), &server.directory, &["-e", &inject]);
        if script(&server, &mut ledger, &codes) {
            assert!(k > 8 && ledger.ended.len() == 4, "the script of eight writes took only {} syncs", k - 1);
            ledger.is_whole(&server);
            return;
        }
        let told = ledger.tokens.len();
        for code in codes.iter().chain([&unspent]) {
            ledger.trade(code);
        }
        assert_eq!(ledger.tokens.len(), told, "acknowledged after sync {k} had failed");
        let code = server.process().wait(EXIT).unwrap_or_else(|| panic!("it lives on: {}", server.output()));
        assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
        drop(strace);
        server.restart();
        ledger.is_whole(&server);
        assert_eq!(ledger.trade(&unspent).map(|answer| answer.status), Some(200), "done after sync {k} had failed");
    }
}

/// Size in CI: 4 revocations at once when the disk begins to fail, of two families and two access tokens.
#[test]
fn fm_74_a_revocation_that_cannot_be_kept_is_503_and_its_repetition_after_the_restart_ends_it() {
    let mut server = Server::start(Database::Sqlite, &[]);
    let mut ledger = Ledger::open(&server);
    let pairs: Vec<_> = (0..4)
        .map(|_| {
            let code = ledger.code(&server);
            let tokens = ledger.trade(&code).expect("an answer").tokens();
            (tokens.access, tokens.refresh.expect("a refresh token"))
        })
        .collect();
    // Every other one by its refresh token, which takes the access token along.
    let shown: Vec<_> =
        pairs.iter().enumerate().map(|(n, (access, refresh))| if n % 2 == 0 { refresh } else { access }).collect();
    let strace = Strace::attach(server.process().id(), &server.directory, &["-e", "inject=fdatasync,fsync:error=EIO"]);
    let began = Instant::now();
    let calls: Vec<Call> = shown.iter().map(|token| ledger.call("/oauth/revoke", token)).collect();
    are_unavailable(&calls, began, "a revocation");
    while let Ok(later) = ledger.call("/oauth/revoke", shown[0]).try_send() {
        assert_ne!(later.status, 200, "acknowledged after the disk had failed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let code = server.process().wait(EXIT).unwrap_or_else(|| panic!("it lives on: {}", server.output()));
    assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
    drop(strace);
    server.restart();
    for ((access, _), token) in pairs.iter().zip(shown) {
        // Whether the end was kept nobody knows, but everybody is told the same; asked once more, it is.
        ledger.lives(&server, access);
        assert_eq!(ledger.call("/oauth/revoke", token).send().status, 200);
        assert!(!ledger.lives(&server, access));
        ledger.tokens.retain(|kept| kept != access);
        ledger.ended.push(access.clone());
    }
    server.process().kill();
    server.restart();
    ledger.is_whole(&server);
}

/// A small file system of its own in the server's data directory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Puts the data directory of a stopped server on one with `room` bytes to spare.
    fn under(data: PathBuf, room: u64) -> SmallDisk {
        let aside = data.with_extension("aside");
        std::fs::rename(&data, &aside).expect("renames");
        std::fs::create_dir(&data).expect("makes");
        let files: Vec<PathBuf> =
            std::fs::read_dir(&aside).expect("reads").flatten().map(|entry| entry.path()).collect();
        let used: u64 =
            files.iter().map(|file| file.metadata().map_or(0, |data| data.len().next_multiple_of(4096))).sum();
        let options = format!("size={}", used + room);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "vestibule-full"]).arg(&data);
        assert!(mount.status().expect("mount").success(), "this test must be able to mount a tmpfs: it needs root");
        let disk = SmallDisk(data.clone());
        for file in files {
            std::fs::copy(&file, data.join(file.file_name().expect("a name"))).expect("copies");
        }
        disk
    }

    fn grow(&self) {
        let status = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0).status();
        assert!(status.expect("mount").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn fm_74_fm_75_a_full_disk_is_503_and_the_end_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(Database::Sqlite, &[]);
    let mut ledger = Ledger::open(&server);
    server.process().terminate();
    assert!(server.process().wait(EXIT).is_some());
    let disk = SmallDisk::under(server.data_directory(), 1024 * 1024);
    server.restart();
    let app = server.app("service");
    let ask = [("grant_type", "client_credentials")];
    let code = ledger.code(&server);
    assert_eq!(ledger.trade(&code).map(|answer| answer.status), Some(200));
    let mut issued = Vec::new();
    let (full, began) = loop {
        let began = Instant::now();
        let answer = app.token_call(&ask).try_send().expect("an answer");
        if answer.status != 200 {
            break (answer, began);
        }
        issued.push(answer.tokens().access);
        assert!(issued.len() < 100_000, "the disk never fills");
    };
    assert_eq!(full.status, 503, "{}", full.text());
    is_unavailable(&Call::get(server.at("/readyz")), began, "readiness");
    while let Ok(answer) = app.token_call(&ask).try_send() {
        assert_ne!(answer.status, 200, "acknowledged on a full disk");
        std::thread::sleep(Duration::from_millis(20));
    }
    let code = server.process().wait(EXIT).unwrap_or_else(|| panic!("it lives on: {}", server.output()));
    assert!(code.is_some_and(|code| code != 0), "it ended with {code:?}");
    disk.grow();
    server.restart();
    wait_for_readiness(&server, 200);
    ledger.is_whole(&server);
    for token in &issued {
        let status = Call::get(server.at("/oauth/userinfo")).bearer(token).send().status;
        // A token of a service speaks for nobody, so there is nobody to tell of; it is alive, and not 401.
        assert_eq!(status, 403, "one of {} acknowledged tokens is gone", issued.len());
    }
    server.process().kill();
}
