//! What each host's no means: recorded-form refusals of every kind, and how a status hangs on them.

use crate::every_host::place;
use crate::player::{Host, NOW, application, recorded, reply, run};
use std::collections::BTreeSet;
use vestibule_githost::errand::Step;
use vestibule_githost::host::Change;
use vestibule_githost::names::{BlobSha, FilePath, Message, Ref};
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
    assert_eq!(seen.len(), 9, "{seen:?}");
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
        Why::BadCloneUrl,
        Why::CannotDo,
        Why::Unreachable,
        Why::HostBroken { retry_after: None },
    ];
    assert!(others.into_iter().all(|why| !condemns(why)));
    assert!(!Refusal::broken("x").is_definite());
}

#[test]
fn no_answer_of_an_outage_condemns_a_token_whatever_its_body_says() {
    let codes = ["invalid_grant", "bad_refresh_token", "bad_verification_code"];
    let errors = codes.map(|code| format!("{{\"error\":\"{code}\"}}"));
    let others = ["", "<html>401</html>", "{\"message\":\"Bad credentials\"}", "[]", "null"].map(str::to_owned);
    for host in Host::all() {
        for status in [200, 201, 204, 302, 403, 404, 408, 422, 425, 429, 500, 502, 503, 504, 520] {
            for body in errors.iter().chain(&others) {
                let reply = || Reply::new(status, Vec::new(), body.as_bytes().to_vec());
                let api = run(host.kind.who(&host.visit()), |_| reply()).unwrap_err();
                assert!(!api.condemns_the_token(), "{} {status} {body}: {api:?}", host.name());
                let token = run(host.kind.refresh(&host.site, &application(), &Secret::new("r")), |_| reply());
                // With 200 errors come from GitHub alone, in its own words.
                let is_said = status == 200 && body.contains("bad_");
                assert_eq!(token.unwrap_err().condemns_the_token(), is_said, "{} {status} {body}", host.name());
            }
        }
        for (status, body) in [400, 401].into_iter().flat_map(|status| errors.each_ref().map(|body| (status, body))) {
            let step = host.kind.refresh(&host.site, &application(), &Secret::new("r"));
            let refusal = run(step, |_| Reply::new(status, Vec::new(), body.as_bytes().to_vec())).unwrap_err();
            assert!(refusal.condemns_the_token(), "{} {status} {body}", host.name());
        }
    }
}

#[test]
fn a_life_that_is_spelled_oddly_does_not_cost_the_token() {
    let host = Host::new("gitlab", "https://gitlab.com");
    for (life, end) in
        [("7200", Some(NOW + 7_200_000)), ("\"7200\"", Some(NOW + 7_200_000)), ("null", None), ("{}", None)]
    {
        let body = format!("{{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":{life}}}");
        let step = host.kind.refresh(&host.site, &application(), &Secret::new("r"));
        let tokens = run(step, |_| Reply::new(200, Vec::new(), body.clone().into_bytes())).unwrap();
        assert_eq!(tokens.access_ends_at, end, "{life}");
    }
}

#[test]
fn a_tag_whose_deletion_a_rule_forbids_is_not_called_absent() {
    let host = Host::new("github", "https://github.com");
    for (words, why) in
        [("Reference does not exist", Why::NotFound), ("Cannot delete this protected ref", Why::Invalid)]
    {
        let step = host.kind.delete_tag(&host.visit(), &place("a", "b"), &Ref::parse("v1").unwrap());
        let body = format!("{{\"message\":\"{words}\"}}");
        let refusal = run(step, |_| Reply::new(422, Vec::new(), body.clone().into_bytes())).unwrap_err();
        assert_eq!(refusal.why, why, "{words}");
    }
}

#[test]
fn a_file_that_is_longer_than_we_read_is_too_large_and_the_host_is_not_to_blame() {
    for host in Host::all().into_iter().filter(|host| host.name() != "github") {
        let path = FilePath::parse("a").unwrap();
        let step = host.kind.read_file(&host.visit(), &place("a", "b"), &path, &Ref::parse("main").unwrap());
        let refusal = run(step, |request| Reply::new(200, Vec::new(), vec![b' '; request.most_reply_bytes() + 1]));
        assert_eq!(refusal.unwrap_err().why, Why::TooLarge, "{}", host.name());
    }
}

/// A file is removed, which begins with a look by HEAD.
fn removal_at_gitlab() -> Step<()> {
    let host = Host::new("gitlab", "https://gitlab.com");
    let change = Change {
        path: FilePath::parse("a").unwrap(),
        branch: Ref::parse("main").unwrap(),
        message: Message::parse("m").unwrap(),
    };
    let sha = BlobSha::parse(&"0".repeat(40)).unwrap();
    host.kind.delete_file(&host.visit(), &place("a", "b"), &change, &sha)
}

#[test]
fn a_host_that_does_not_answer_head_is_asked_for_the_whole_file_and_its_refusal_is_read() {
    let mut asked = Vec::new();
    let outcome = run(removal_at_gitlab(), |request| {
        asked.push(request.method().name());
        let body: &[u8] = if asked.len() == 1 { b"" } else { b"{\"message\":\"404 File Not Found\"}" };
        Reply::new(404, Vec::new(), body.to_vec())
    });
    assert_eq!((asked.as_slice(), outcome.unwrap_err().why), (["HEAD", "GET"].as_slice(), Why::NotFound));
}

#[test]
fn a_host_that_wants_to_be_left_alone_or_is_away_is_not_asked_again_for_the_whole_file() {
    for (status, why) in [
        (429, Why::RateLimited { retry_after: 42_000 }),
        (403, Why::RateLimited { retry_after: 42_000 }),
        (503, Why::HostBroken { retry_after: Some(42_000) }),
    ] {
        let mut asked = 0;
        let outcome = run(removal_at_gitlab(), |_| {
            asked += 1;
            Reply::new(status, vec![("Retry-After".to_owned(), "42".to_owned())], Vec::new())
        });
        assert_eq!((asked, outcome.unwrap_err().why), (1, why), "{status}");
    }
}

#[test]
fn a_file_that_github_does_not_answer_is_too_large() {
    let host = Host::new("github", "https://github.com");
    let path = FilePath::parse("a").unwrap();
    let step = host.kind.read_file(&host.visit(), &place("a", "b"), &path, &Ref::parse("main").unwrap());
    let body = br#"{"message":"This API returns blobs up to 100 MB in size.","errors":[{"resource":"Blob","field":"data","code":"too_large"}]}"#;
    let refusal = run(step, |_| Reply::new(403, Vec::new(), body.to_vec())).unwrap_err();
    assert_eq!(refusal.why, Why::TooLarge);
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

#[test]
fn a_personal_token_that_may_not_tell_its_own_scopes_is_a_good_one() {
    let host = Host::new("gitlab", "https://gitlab.com");
    let outcome = run(host.kind.try_personal(&host.visit()), |request| match request.url().ends_with("/user") {
        true => reply(&host.exchanges("who")[0]["reply"]),
        false => Reply::new(403, Vec::new(), b"{\"error\":\"insufficient_scope\",\"scope\":\"api\"}".to_vec()),
    });
    assert_eq!(outcome.unwrap().scopes, None);
}
