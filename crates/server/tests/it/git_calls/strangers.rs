//! What is another project's is to a caller as what does not exist.

use super::callers::{refused_by_gateway, routes};
use super::scene::on_both;
use crate::git_auths::scene::{join, project, token};
use crate::harness::Call;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use vestibule_oauth::secret::Digest;

/// Status, body and headers of the answer, but for the time.
type Told = (u16, String, Vec<(String, String)>);

fn told(call: &Call) -> Told {
    let answer = call.clone().header("X-Request-Id", "mine").send();
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.status, answer.text(), headers)
}

/// Asserts that both are the documented refusal, to the byte and to the header.
#[track_caller]
fn alike(theirs: &Told, nobodys: &Told, what: &str) {
    assert_eq!(theirs, nobodys, "{what}");
    assert!(theirs.1.contains("SVCSTG.REPO.04"), "{what}: {}", theirs.1);
    assert!(theirs.2.iter().any(|(name, value)| name == "x-request-id" && value == "mine"), "{what}: {:?}", theirs.2);
}

#[test]
fn fm_131_a_call_acts_through_its_own_projects_authorization_and_knows_of_no_others() {
    on_both(|calls| {
        // Another project with an authorization of the same name, as another account, and one that only it has.
        let other = project(&calls.server);
        join(&calls.server, &other, &calls.ada, "editor");
        calls.server.json(&["git-host", "project", "add", "hub", &other], "");
        let others = token(&calls.server, &calls.ada, &other);
        calls.github.add_person("hubot");
        let hubots = calls.personal("github");
        for name in ["by-token-github", "only-theirs"] {
            let url = calls.server.at(&format!("/v1/{other}/git/auths/github/personal"));
            let body = json!({ "name": name, "token": hubots });
            let kept = Call::post(url).header("X-Auth-Token", &others).json(&body).send();
            assert_eq!(kept.status, 200, "{}", kept.text());
        }
        let ask = |project: &str, token: &str, name: &str, (method, rest): (&str, &str)| {
            let url = calls.server.at(&format!("/v1/{project}/git{rest}"));
            let body = json!({ "name": "x1", "message": "m", "content": "eA==", "description": "d", "secret": "s",
                "url": "https://ci.example", "sha": "0".repeat(40) });
            Call::new(method, url).header("X-Auth-Token", token).header("X-Repo-Auth", name).json(&body)
        };
        for (mine, account) in [((&calls.project, &calls.token), "octocat"), ((&other, &others), "hubot")] {
            let answer = ask(mine.0, mine.1, "by-token-github", ("GET", "/repos/namespaces")).send();
            assert_eq!(answer.json()["namespaces"][0]["name"], account, "{}", answer.text());
        }
        calls.github.forget();
        let demo = calls.demo("github");
        for (method, rest, _) in routes(&demo) {
            let told = |name: &str| told(&ask(&calls.project, &calls.token, name, (method, &rest)));
            alike(&told("only-theirs"), &told("no-such-one"), &format!("{method} {rest}"));
            refused_by_gateway(&ask(&other, &calls.token, "only-theirs", (method, &rest)).send());
        }
        // The store's own calls, which name it in the path or in the body.
        let digest = URL_SAFE_NO_PAD.encode(Digest::of(hubots.as_bytes()).as_bytes());
        let store = |project: &str, method: &str, rest: &str, name: &str| {
            let url = calls.server.at(&format!("/v1/{project}/git/{}", rest.replace("NAME", name)));
            let call = Call::new(method, url).header("X-Auth-Token", &calls.token);
            match method {
                "DELETE" => call,
                _ => call.json(&json!({ "authorization": name, "digest": digest })),
            }
        };
        calls.server.json(&["project", "set", &other, "--hand-out", "on"], "");
        for (method, rest) in [("DELETE", "auths/NAME"), ("POST", "credentials"), ("POST", "credentials/refused")] {
            let told = |name: &str| told(&store(&calls.project, method, rest, name));
            alike(&told("only-theirs"), &told("no-such-one"), &format!("{method} {rest}"));
            refused_by_gateway(&store(&other, method, rest, "only-theirs").send());
        }
        assert!(calls.github.log().is_empty(), "a host hears nothing of these");
        // They are there all the same, for whoever may.
        let url = calls.server.at(&format!("/v1/{other}/git/credentials"));
        let body = json!({ "authorization": "only-theirs" });
        let handed = Call::post(url).header("X-Auth-Token", &others).json(&body).send();
        assert_eq!(handed.json()["password"], hubots, "{}", handed.text());
    });
}
