//! PostgreSQL that crashes, comes back, and is cut off in mid-flight.

use super::cluster::Cluster;
use super::proxy::{Cut, behind_a_proxy};
use super::{Ledger, wait_for_readiness};
use crate::harness::{Call, Server, wait_until};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Trades codes until told to stop, and counts in `acknowledged`; gives what was, and how many answers were errors.
fn trade_on(
    server: &Server,
    ledger: &Ledger,
    codes: &[String],
    (stop, acknowledged): (&AtomicBool, &AtomicUsize),
) -> (Vec<String>, usize) {
    let (mut tokens, mut errors) = (Vec::new(), 0);
    for code in codes {
        let mut fields = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        fields
            .extend([("redirect_uri", ledger.app.redirect_uri.as_str()), ("code_verifier", crate::harness::VERIFIER)]);
        let answer = ledger.app.token_call(&fields).send();
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", answer.text());
            errors += 1;
            break;
        }
        let mut pair = answer.tokens();
        tokens.push(pair.access.clone());
        acknowledged.fetch_add(1, Ordering::SeqCst);
        // The family goes on until the database is gone.
        while let Some(refresh) = pair.refresh.take() {
            if stop.load(Ordering::SeqCst) && errors > 0 {
                break;
            }
            let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            let answer = ledger.app.token_call(&fields).send();
            if answer.status != 200 {
                assert_eq!(answer.status, 503, "{}: {}", answer.text(), server.output());
                errors += 1;
                break;
            }
            pair = answer.tokens();
            tokens.push(pair.access.clone());
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }
    (tokens, errors)
}

/// Size in CI: 2 stops, one of them a crash, with 4 clients under way.
#[test]
fn fm_74_fm_75_a_postgresql_that_crashes_is_503_and_comes_back_with_everything() {
    let cluster = Cluster::start();
    let server = Server::start_on(cluster.url(), &[]);
    let mut ledger = Ledger::open(&server);
    for mode in ["immediate", "fast"] {
        let codes: Vec<Vec<String>> = (0..4).map(|_| vec![ledger.code(&server)]).collect();
        let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
        let told: Vec<(Vec<String>, usize)> = std::thread::scope(|scope| {
            let (server, ledger, signs) = (&server, &ledger, (&stop, &acknowledged));
            let clients: Vec<_> =
                codes.iter().map(|codes| scope.spawn(move || trade_on(server, ledger, codes, signs))).collect();
            wait_until("they are under way", || acknowledged.load(Ordering::SeqCst) >= 20);
            cluster.stop(mode);
            stop.store(true, Ordering::SeqCst);
            clients.into_iter().map(|client| client.join().expect("only 200 and 503")).collect()
        });
        assert!(told.iter().all(|(_, errors)| *errors > 0), "nobody noticed: {told:?}");
        assert!(told.iter().any(|(tokens, _)| tokens.len() > 1), "nothing was under way");
        assert_eq!(Call::get(server.at("/readyz")).send().status, 503, "readiness did not fall");
        assert_eq!(Call::get(server.at("/livez")).send().status, 200);
        cluster.resume();
        wait_for_readiness(&server, 200);
        ledger.tokens.extend(told.into_iter().flat_map(|(tokens, _)| tokens));
        ledger.is_whole(&server);
        let code = ledger.code(&server);
        assert_eq!(ledger.trade(&code).map(|answer| answer.status), Some(200));
    }
}

/// Size in CI: 12 trades, half of them codes, cut off before and after the commit.
#[test]
fn fm_74_fm_75_an_unknown_commit_is_an_error_and_the_retry_finds_one_truth() {
    let (proxy, server) = behind_a_proxy(&[]);
    let mut ledger = Ledger::open(&server);
    for round in 0..6 {
        let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
        let code = ledger.code(&server);
        proxy.cut(cut);
        let unknown = ledger.trade(&code).expect("an answer");
        assert!(proxy.has_cut(), "nothing was cut");
        proxy.mend();
        assert_eq!(unknown.status, 503, "{cut:?}: {}", unknown.text());
        assert!(unknown.header("retry-after").is_some());
        let again = ledger.trade(&code).expect("an answer");
        let truth = if cut == Cut::Before { 200 } else { 400 };
        assert_eq!(again.status, truth, "{cut:?}: {}", again.text());
        assert_eq!(ledger.trade(&code).expect("an answer").status, 400, "{cut:?}: good twice");
        if cut == Cut::Before {
            // The replay just now has ended it.
            let token = ledger.tokens.pop().expect("a token");
            assert_eq!(Call::get(server.at("/oauth/userinfo")).bearer(&token).send().status, 401);
        }
    }
    for round in 0..6 {
        let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
        let code = ledger.code(&server);
        let refresh = ledger.trade(&code).expect("an answer").tokens().refresh.expect("a refresh token");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        proxy.cut(cut);
        let unknown = ledger.app.token(&fields);
        assert!(proxy.has_cut(), "nothing was cut");
        proxy.mend();
        assert_eq!(unknown.status, 503, "{cut:?}: {}", unknown.text());
        // The same client asks again: one pair, whether the first one was kept or not.
        let first = ledger.app.token(&fields).tokens();
        let second = ledger.app.token(&fields).tokens();
        assert_eq!((&first.access, &first.refresh), (&second.access, &second.refresh), "{cut:?}: the family forks");
        ledger.tokens.push(first.access);
    }
    ledger.is_whole(&server);
}

/// Size in CI: 8 revocations, half of them by the refresh token, cut off before and after the commit.
#[test]
fn fm_74_fm_75_a_revocation_of_which_nobody_knows_is_an_error_and_once_answered_it_is_the_end() {
    let (proxy, server) = behind_a_proxy(&[]);
    let mut ledger = Ledger::open(&server);
    for round in 0..8 {
        let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
        let by_refresh = round % 4 < 2;
        let code = ledger.code(&server);
        let tokens = ledger.trade(&code).expect("an answer").tokens();
        ledger.tokens.retain(|token| *token != tokens.access);
        let refresh = tokens.refresh.expect("a refresh token");
        let shown = if by_refresh { &refresh } else { &tokens.access };
        proxy.cut(cut);
        let unknown = ledger.call("/oauth/revoke", shown).send();
        assert!(proxy.has_cut(), "nothing was cut");
        proxy.mend();
        assert_eq!(unknown.status, 503, "{cut:?}: {}", unknown.text());
        assert!(unknown.header("retry-after").is_some());
        // One truth, told at every endpoint: it was done or it was not.
        assert_eq!(ledger.lives(&server, &tokens.access), cut == Cut::Before, "{cut:?}");
        for _ in 0..2 {
            assert_eq!(ledger.call("/oauth/revoke", shown).send().status, 200, "{cut:?}");
            assert!(!ledger.lives(&server, &tokens.access), "{cut:?}: what was revoked lives");
        }
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let traded = ledger.app.token(&fields);
        assert_eq!(traded.status, if by_refresh { 400 } else { 200 }, "{cut:?}: {}", traded.text());
        ledger.keep(&traded);
        ledger.ended.push(tokens.access);
    }
    ledger.is_whole(&server);
}
