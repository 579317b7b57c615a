//! What each host's no means: recorded-form refusals of every kind, and how a status hangs on them.

use crate::every_host::place;
use crate::player::{Host, application, recorded, reply, run};
use std::collections::BTreeSet;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;

/// Plays each recorded refusal of `file` and compares what it is read to.
fn judged(file: &str, ask: impl Fn(&Host, Reply) -> Refusal) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for host in Host::all() {
        for case in recorded(host.name(), file).unwrap() {
            let refusal = ask(&host, reply(&case["reply"]));
            assert_eq!(
                format!("{:?}", refusal.why),
                case["why"],
                "{} {}: {}",
                host.name(),
                case["name"],
                refusal.reason
            );
            assert!(!refusal.reason.is_empty() && refusal.reason.len() < 1200 && !refusal.reason.contains('<'));
            seen.insert(format!("{:?}", refusal.why).split(' ').next().unwrap().to_owned());
        }
    }
    seen
}

#[test]
fn each_hosts_refusals_are_read_to_the_same_kinds() {
    let seen = judged("refusals", |host, reply| {
        let mut reply = Some(reply);
        run(host.kind.branches(&host.visit(), &place("a", "b")), |_| reply.take().unwrap()).unwrap_err()
    });
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn a_token_endpoints_refusals_say_who_is_to_blame() {
    judged("token_refusals", |host, reply| {
        let mut reply = Some(reply);
        let step = host.kind.refresh(&host.site, &application(), &Secret::new("old"));
        run(step, |_| reply.take().unwrap()).unwrap_err()
    });
}

#[test]
fn only_a_definite_no_to_the_token_worsens_a_status() {
    let condemns = |why: Why| Refusal::new(why, "x").condemns_the_token();
    assert!(condemns(Why::TokenRefused) && condemns(Why::GrantRefused));
    let others = [
        Why::RateLimited { retry_after: 1000 },
        Why::ClientRefused,
        Why::ScopeMissing { needed: None },
        Why::Forbidden,
        Why::NotFound,
        Why::Conflict,
        Why::Stale,
        Why::Invalid,
        Why::TooLarge,
        Why::CannotDo,
        Why::HostBroken { retry_after: None },
    ];
    assert!(others.into_iter().all(|why| !condemns(why)));
    assert!(!Refusal::broken("x").is_definite());
}

#[test]
fn no_answer_of_an_outage_condemns_a_token_whatever_its_body_says() {
    let bodies =
        ["", "<html>401</html>", "{\"message\":\"Bad credentials\"}", "{\"error\":\"invalid_grant\"}", "[]", "null"];
    for host in Host::all() {
        for status in [200, 204, 302, 408, 425, 500, 502, 503, 504, 520] {
            for body in bodies {
                let reply = || Reply::new(status, Vec::new(), body.as_bytes().to_vec());
                let api = run(host.kind.who(&host.visit()), |_| reply()).unwrap_err();
                assert!(!api.condemns_the_token(), "{} {status} {body}: {api:?}", host.name());
                let token = run(host.kind.refresh(&host.site, &application(), &Secret::new("r")), |_| reply());
                let condemns = token.unwrap_err().condemns_the_token();
                assert_eq!(condemns, status < 500 && body.contains("invalid_grant"), "{} {status} {body}", host.name());
            }
        }
    }
}

#[test]
fn a_reply_that_is_too_long_too_deep_or_not_json_is_the_hosts_fault() {
    for host in Host::all() {
        let deep = "[".repeat(100_000);
        for body in [vec![b' '; (4 << 20) + 1], deep.into_bytes(), b"{".to_vec(), b"\xff\xfe".to_vec(), Vec::new()] {
            let step = host.kind.tags(&host.visit(), &place("a", "b"));
            let refusal = run(step, |_| Reply::new(200, Vec::new(), body.clone())).unwrap_err();
            assert_eq!(refusal.why, Why::HostBroken { retry_after: None });
        }
    }
}

#[test]
fn a_wait_is_never_longer_than_six_hours_nor_negative() {
    let host = Host::new("gitlab", "https://gitlab.com");
    let wait = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let step = host.kind.who(&host.visit());
        match run(step, |_| Reply::new(429, headers.clone(), Vec::new())).unwrap_err().why {
            Why::RateLimited { retry_after } => retry_after,
            why => panic!("{why:?}"),
        }
    };
    assert_eq!(wait(&[("Retry-After", "9223372036854775807")]), 60_000);
    assert_eq!(wait(&[("Retry-After", "99999999")]), 21_600_000);
    assert_eq!(wait(&[("Retry-After", "-5")]), 1000);
    assert_eq!(wait(&[("Retry-After", "soon")]), 60_000);
    assert_eq!(wait(&[("RateLimit-Reset", "1")]), 1000);
    assert_eq!(wait(&[("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")]), 1000);
}

#[test]
fn fm_91_an_answer_that_leads_elsewhere_is_not_followed() {
    for host in Host::all() {
        let mut asked = 0;
        let step = host.kind.branches(&host.visit(), &place("a", "b"));
        let outcome = run(step, |request| {
            asked += 1;
            assert!(request.url().starts_with(host.site.api().as_str()));
            Reply::new(307, vec![("Location".to_owned(), "https://evil.example/".to_owned())], b"{}".to_vec())
        });
        assert_eq!((asked, outcome.unwrap_err().why), (1, Why::NotFound));
    }
}
