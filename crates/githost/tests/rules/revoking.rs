//! Ending tokens at a host: it is done when neither of the two is of any use any more, and only then.

use crate::player::{Host, TOKEN, application, run};
use vestibule_githost::errand::Step;
use vestibule_githost::host::Call;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;
use vestibule_githost::wire::Request;

fn revoke(host: &Host, refresh: Option<&str>) -> Step<()> {
    let refresh = refresh.map(Secret::new);
    host.kind.revoke(&host.site, &application(), &Secret::new(TOKEN), refresh.as_ref())
}

fn hosts() -> impl Iterator<Item = Host> {
    Host::all().into_iter().filter(|host| host.kind.habits().cannot(Call::Revoke).is_none())
}

#[test]
fn both_tokens_are_ended_where_the_host_can() {
    for host in hosts() {
        host.play("revoke", revoke(&host, Some("old-refresh"))).unwrap();
        host.play("revoke_access_only", revoke(&host, None)).unwrap();
    }
    let gitee = Host::new("gitee", "https://gitee.com");
    let sentence = gitee.kind.habits().cannot(Call::Revoke).unwrap();
    let Step::Done(Err(refusal)) = revoke(&gitee, Some("old-refresh")) else { panic!("it cannot") };
    assert_eq!(refusal, Refusal::cannot(sentence));
}

#[test]
fn a_refresh_token_that_outlived_its_access_token_is_ended_with_what_it_gives() {
    for host in hosts() {
        host.play("revoke_expired", revoke(&host, Some("old-refresh"))).unwrap();
    }
}

#[test]
fn what_is_no_answer_of_the_host_has_ended_nothing() {
    let bodies = ["", "<html>Not Found</html>", "[]"];
    for host in hosts() {
        for (status, body) in [404, 410, 422, 500, 503].into_iter().flat_map(|s| bodies.map(|b| (s, b))) {
            let outcome = run(revoke(&host, None), |_| Reply::new(status, Vec::new(), body.as_bytes().to_vec()));
            assert!(matches!(outcome.unwrap_err().why, Why::HostBroken { .. }), "{} {status} {body}", host.name());
        }
        let page = |_: &_| Reply::new(200, Vec::new(), b"<html>Sign in</html>".to_vec());
        assert!(!run(revoke(&host, None), page).unwrap_err().is_definite());
        let answer = |status| move |_: &_| Reply::new(status, Vec::new(), b"{\"message\":\"no\"}".to_vec());
        for status in [404, 422] {
            assert!(run(revoke(&host, None), answer(status)).is_err(), "{}", host.name());
        }
        assert_eq!(run(revoke(&host, None), answer(401)).unwrap_err().why, Why::ClientRefused, "{}", host.name());
    }
}

#[test]
fn what_leads_elsewhere_has_ended_nothing_and_is_not_called_absent() {
    for host in hosts() {
        for status in [301, 302, 307, 308] {
            let away = |_: &Request| Reply::new(status, Vec::new(), b"{\"error\":\"invalid_token\"}".to_vec());
            let outcome = run(revoke(&host, None), away);
            assert!(matches!(outcome.unwrap_err().why, Why::HostBroken { .. }), "{} {status}", host.name());
            // The same of the refresh token, once the access token is dead; and where nobody is at home.
            for status in [status, 404] {
                let outcome = run(revoke(&host, Some("old-refresh")), |request| {
                    let is_refresh = request.body().windows(24).any(|part| part == b"grant_type=refresh_token");
                    match is_refresh {
                        true => Reply::new(status, Vec::new(), b"{\"error\":\"Not Found\"}".to_vec()),
                        false => Reply::new(204, Vec::new(), Vec::new()),
                    }
                });
                assert!(matches!(outcome.unwrap_err().why, Why::HostBroken { .. }), "{} {status}", host.name());
            }
        }
    }
}

#[test]
fn github_says_the_same_of_a_dead_token_and_of_anothers_so_that_the_token_itself_is_asked() {
    let host = Host::new("github", "https://github.com");
    for said in [404, 422] {
        let ask = |alive: u16| {
            run(revoke(&host, None), |request| {
                let status = if request.method().name() == "DELETE" { said } else { alive };
                Reply::new(status, Vec::new(), b"{\"message\":\"no\"}".to_vec())
            })
        };
        assert_eq!(ask(401), Ok(()));
        assert_eq!(ask(200).unwrap_err().why, Why::ClientRefused);
        for unknown in [403, 404, 301, 500] {
            assert!(matches!(ask(unknown).unwrap_err().why, Why::HostBroken { .. }), "{unknown}");
        }
    }
}

#[test]
fn a_host_that_goes_away_before_the_refresh_token_is_dead_has_not_ended_it() {
    for host in hosts() {
        let outcome = run(revoke(&host, Some("old-refresh")), |request| {
            let is_refresh = request.body().windows(24).any(|part| part == b"grant_type=refresh_token");
            let status = if is_refresh { 503 } else { 204 };
            Reply::new(status, Vec::new(), Vec::new())
        });
        assert!(matches!(outcome.unwrap_err().why, Why::HostBroken { .. }), "{}", host.name());
    }
}
