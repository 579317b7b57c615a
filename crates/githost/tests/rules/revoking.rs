//! Ending tokens at a host: it is done when neither of the two is of any use any more, and only then.

use crate::player::{Host, TOKEN, application, run};
use vestibule_githost::errand::Step;
use vestibule_githost::host::Call;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;

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
        // GitHub says 404 or 422 to a token that is dead; after RFC 7009 that is said with 200, and 404 says nothing.
        let is_github = host.name() == "github";
        assert_eq!(run(revoke(&host, None), answer(404)).is_ok(), is_github, "{}", host.name());
        assert_eq!(run(revoke(&host, None), answer(422)).is_ok(), is_github, "{}", host.name());
        assert_eq!(run(revoke(&host, None), answer(401)).unwrap_err().why, Why::ClientRefused, "{}", host.name());
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
