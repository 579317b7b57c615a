//! A database that goes away at the moment at which a credential is kept: nobody can say whether it was.

use super::renewals::{TOKEN, ended, status};
use super::scene::{Scene, brought};
use crate::crashes::proxy::{Cut, Proxy, behind_a_proxy};
use crate::githosts::{Fault, Gate};
use crate::harness::{Call, wait_until};
use serde_json::json;
use std::time::Duration;

/// A scene whose server speaks to its database through a proxy that can cut it off.
fn cut_off() -> (Scene, Proxy) {
    let mut before = None;
    let scene = Scene::with(|arguments| {
        let (proxy, server) = behind_a_proxy(arguments);
        before = Some(proxy);
        server
    });
    (scene, before.expect("a proxy"))
}

/// Size in CI: 4 credentials, half of them in the place of another, cut off before and after the commit.
#[test]
fn fm_74_fm_130_a_credential_whose_commit_nobody_heard_of_is_kept_and_not_ended_at_its_host() {
    let (scene, proxy) = cut_off();
    let held = |name: &str| {
        let call = Call::post(scene.server.at(&format!("/v1/{}/git/credentials", scene.project)));
        let told = call.header("X-Auth-Token", &scene.token).json(&json!({ "authorization": name })).send();
        told.json()["password"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned()
    };
    for (name, cut) in [("cut-before", Cut::Before), ("cut-after", Cut::After)] {
        let (address, _, _) = scene.landed("github");
        proxy.cut(cut);
        let answer = scene.post("/github/oauth", &brought(name, &address));
        assert!(proxy.has_cut(), "nothing was cut");
        assert_eq!(answer.status, 200, "{cut:?}: {}", answer.text());
        let first = held(name);
        let (_, mut visitor, page) = scene.landed("github");
        proxy.cut(cut);
        let renewed = visitor.submit(&page, &format!("git-renew-{name}"), &[]);
        assert!(proxy.has_cut(), "nothing was cut");
        assert!(renewed.shows("git-kept"), "{cut:?}: {}", renewed.plain());
        let second = held(name);
        assert_ne!(first, second);
        // Whatever was queued is sent by then: the former one is ended, and nothing else.
        wait_until("the former one is ended", || !scene.github.is_alive(&first));
        std::thread::sleep(Duration::from_secs(2));
        assert!(scene.github.is_alive(&second), "{cut:?}: what is kept was ended");
    }
    assert_eq!(scene.github.live_tokens().len(), 2);
    assert_eq!(scene.list().len(), 2);
}

/// A renewal that the host has done: `deed` is done before its answer comes, and then the first caller is answered.
fn renewed(scene: &Scene, deed: impl FnOnce(), meanwhile: impl FnOnce()) -> crate::harness::Answer {
    ended(scene, "auth1");
    let gate = Gate::default();
    scene.gitlab.fails(TOKEN, Fault::FrozenAfter(gate.clone()), 1);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| scene.hand_out("auth1"));
        wait_until("the host is asked", || scene.gitlab.count(TOKEN) > 0);
        deed();
        gate.open();
        meanwhile();
        caller.join().expect("a caller")
    })
}

/// Size in CI: 2 renewals, cut off before and after the commit.
#[test]
fn fm_74_fm_130_a_renewed_pair_whose_commit_nobody_heard_of_is_kept_once_and_not_ended_at_its_host() {
    let (scene, proxy) = cut_off();
    for cut in [Cut::Before, Cut::After] {
        let answer = renewed(&scene, || proxy.cut(cut), || {});
        assert!(proxy.has_cut(), "nothing was cut");
        assert_eq!(answer.status, 200, "{cut:?}: {}", answer.text());
        let token = scene.credential("auth1");
        assert_eq!(answer.json()["password"], token, "{cut:?}");
        assert!(scene.gitlab.is_alive(&token), "{cut:?}: what is kept was ended");
        assert_eq!((scene.gitlab.count(TOKEN), scene.gitlab.alive(), status(&scene)), (1, 1, 0), "{cut:?}");
        let told = scene.trail("git_authorization.refresh");
        assert_eq!(told.len(), if cut == Cut::Before { 1 } else { 2 }, "{cut:?}: {told:?}");
        assert!(told.iter().all(|(_, details)| details.contains("generation 2")), "{cut:?}: {told:?}");
        scene.delete("auth1");
    }
    assert_eq!(scene.trail("git_authorization.blame"), []);
}

#[test]
fn fm_130_a_renewed_pair_outlives_an_outage_of_our_own_database() {
    let (scene, proxy) = cut_off();
    // Longer than anybody waits for an answer.
    let outage = || {
        std::thread::sleep(Duration::from_secs(28));
        proxy.mend();
    };
    renewed(&scene, || proxy.away(), outage);
    wait_until("the pair is kept", || scene.shown("auth1")["renewal"] == json!(null));
    assert!(scene.gitlab.is_alive(&scene.credential("auth1")));
    assert_eq!((scene.gitlab.count(TOKEN), status(&scene)), (1, 0), "the host was asked once");
}
