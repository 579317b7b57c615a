//! The life of signing keys: published before they sign and until what they signed is over, on every node.

use super::{key_set, kids, listed};
use crate::harness::jwt::verified;
use crate::harness::{Call, Database, Server, on_both_alone, wait_until};
use std::process::Output;
use vestibule_store::Statement;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn set(server: &Server, sql: &'static str, values: &[i64]) {
    let values: Vec<_> = values.iter().map(|value| (*value).into()).collect();
    server.with_store(async |store| store.run(vec![Statement::new(sql, values)]).await.expect("runs"));
}

fn trail(server: &Server, action: &str) -> Vec<String> {
    let rows = server.with_store(async |store| store.list_audit(500).await.expect("reads"));
    rows.into_iter().filter(|row| row.action == action).map(|row| row.target).collect()
}

#[test]
fn st_85_the_first_answer_of_the_key_set_and_of_metadata_has_a_key_of_every_algorithm_behind_it() {
    on_both_alone(|server| {
        // The server listens before its RSA key is made; whoever comes now waits for it.
        let metadata = Call::get(server.at("/.well-known/oauth-authorization-server")).send();
        assert_eq!(metadata.status, 200, "{}", metadata.text());
        let set = key_set(&server);
        for algorithm in ["EdDSA", "ES256", "RS256"] {
            assert!(set.iter().any(|key| key["alg"] == algorithm), "{algorithm}: {set:?}");
        }
        let rsa = set.iter().find(|key| key["alg"] == "RS256").expect("is there");
        assert_eq!(rsa["n"].as_str().map(str::len), Some(342), "2048 bits");
    });
}

#[test]
fn st_85_the_key_set_may_be_kept_by_anybody_and_asked_for_again_by_its_tag() {
    let server = Server::shared(Database::Sqlite);
    wait_until("all six keys", || kids(server).len() >= 6);
    let answer = Call::get(server.at("/oauth/jwks")).header("Origin", "https://anywhere.example").send();
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let tag = answer.header("etag").expect("a tag").to_owned();
    let again = Call::get(server.at("/oauth/jwks")).header("If-None-Match", &tag).send();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = Call::get(server.at("/oauth/jwks")).header("If-None-Match", "\"else\"").send();
    assert_eq!(other.status, 200);
    let asked = Call::new("OPTIONS", server.at("/oauth/jwks")).header("Origin", "https://anywhere.example");
    let asked = asked.header("Access-Control-Request-Method", "GET").send();
    assert_eq!(asked.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(Call::post(server.at("/oauth/jwks")).form(&[]).send().status, 405);
}

#[test]
fn st_85_a_next_key_that_not_everybody_has_is_promoted_only_with_now_which_says_what_it_breaks() {
    on_both_alone(|server| {
        wait_until("all six keys", || kids(&server).len() == 6);
        let next = listed(&server, "ES256", "next")[0]["kid"].clone();
        let current = listed(&server, "ES256", "current")[0]["kid"].clone();
        let early = server.command(&["keys", "rotate"], "");
        assert_eq!(early.status.code(), Some(1));
        assert!(said(&early).contains("may sign from") && said(&early).contains("--now"), "{}", said(&early));
        assert_eq!(listed(&server, "ES256", "current")[0]["kid"], current, "nothing was done");
        let now = server.command(&["keys", "rotate", "--now", "--algorithm", "ES256"], "");
        assert!(now.status.success(), "{}", said(&now));
        assert!(said(&now).contains("refuse tokens"), "{}", said(&now));
        assert_eq!(listed(&server, "ES256", "current")[0]["kid"], next);
        assert_eq!(listed(&server, "ES256", "previous")[0]["kid"], current);
        assert!(listed(&server, "EdDSA", "previous").is_empty(), "the others stay");
        wait_until("another next key", || kids(&server).len() == 7);
        let published = kids(&server);
        assert!(published.contains(&current.as_str().expect("kid").to_owned()), "what it signed can be verified");
        assert_eq!(trail(&server, "signing_key.promote"), [format!("signing_key:{}", next.as_str().expect("kid"))]);
        let wrong = server.command(&["keys", "rotate", "--algorithm", "HS256"], "");
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    });
}

/// The database's times are moved back instead of waiting for 90 days.
#[test]
fn st_85_st_130_keys_rotate_by_themselves_once_and_leave_the_set_when_what_they_signed_is_over() {
    on_both_alone(|server| {
        wait_until("all six keys", || kids(&server).len() == 6);
        let second = (server.database == Database::Postgres).then(|| server.second_node());
        let (old, next) = (listed(&server, "EdDSA", "current"), listed(&server, "EdDSA", "next"));
        let days = 91 * 86_400_000;
        set(
            &server,
            "UPDATE signing_keys SET published_at = published_at - $1, usable_at = usable_at - $1, \
             promoted_at = promoted_at - $1 WHERE algorithm = 'EdDSA'",
            &[days],
        );
        wait_until("it was replaced", || !listed(&server, "EdDSA", "previous").is_empty());
        let previous = listed(&server, "EdDSA", "previous");
        assert_eq!((previous.len(), &previous[0]["kid"]), (1, &old[0]["kid"]));
        assert_eq!(listed(&server, "EdDSA", "current")[0]["kid"], next[0]["kid"]);
        wait_until("another next key", || listed(&server, "EdDSA", "next").len() == 1);
        for node in second.iter().chain([&server]) {
            wait_until("all nodes publish the same", || kids(node).len() == 7);
        }
        assert_eq!(trail(&server, "signing_key.promote").len(), 1, "one node did it, once");
        set(&server, "UPDATE signing_keys SET ends_at = $1 WHERE replaced_at IS NOT NULL", &[1]);
        for node in second.iter().chain([&server]) {
            wait_until("it has left the set", || kids(node).len() == 6);
        }
        assert_eq!(trail(&server, "signing_key.retire").len(), 1, "the trail has it once");
    });
}

#[test]
fn a_key_is_kept_as_long_as_a_session_may_live_or_for_the_longest_life_of_an_applications_tokens() {
    let server = Server::start(Database::Sqlite, &[]);
    wait_until("all six keys", || kids(&server).len() == 6);
    server.app("service");
    let days = 9 * 86_400_000;
    let kept = |algorithm: &str| {
        let rows = server.with_store(async |store| store.signing_keys().await.expect("reads"));
        let row = rows.into_iter().find(|row| row.algorithm.name() == algorithm && row.replaced_at.is_some());
        let row = row.expect("was replaced");
        row.ends_at.zip(row.replaced_at).map(|(end, since)| end - since).expect("has an end")
    };
    let minute = 60_000;
    server.json(&["keys", "rotate", "--now", "--algorithm", "EdDSA"], "");
    assert_eq!(kept("EdDSA"), 7 * 86_400_000 + minute);
    set(&server, "UPDATE applications SET access_ms = $1", &[days]);
    server.json(&["keys", "rotate", "--now", "--algorithm", "ES256"], "");
    assert_eq!(kept("ES256"), days + minute);
}

/// A key that somebody else has must be taken out of the set, in whatever stage it is.
#[test]
fn st_85_a_withdrawn_key_leaves_the_set_on_every_node_at_once_and_another_signs() {
    on_both_alone(|server| {
        wait_until("all six keys", || kids(&server).len() == 6);
        let second = (server.database == Database::Postgres).then(|| server.second_node());
        let kid = |state: &str| listed(&server, "EdDSA", state)[0]["kid"].as_str().expect("kid").to_owned();
        let (current, next) = (kid("current"), kid("next"));
        let gone = |kid: &str| {
            for node in second.iter().chain([&server]) {
                wait_until("it has left the set", || !kids(node).contains(&kid.to_owned()));
            }
        };
        let done = server.json(&["keys", "withdraw", &current], "");
        assert_eq!((&done["was"], &done["signs"]), (&"current".into(), &next.as_str().into()), "{done}");
        gone(&current);
        assert!(listed(&server, "EdDSA", "previous").is_empty(), "nothing is left of it");
        wait_until("another next key", || listed(&server, "EdDSA", "next").len() == 1);
        let unused = kid("next");
        let output = server.command(&["keys", "withdraw", &unused], "");
        assert!(output.status.success() && said(&output).contains("copy of the key set"), "{}", said(&output));
        gone(&unused);
        wait_until("another next key", || listed(&server, "EdDSA", "next").len() == 1);
        let both = [current, unused].map(|kid| format!("signing_key:{kid}"));
        let told = trail(&server, "signing_key.withdraw");
        assert!(told.len() == 2 && both.iter().all(|kid| told.contains(kid)), "{told:?}");
        for name in ["nobody", "-6Y08h6mtk7Q7QuGFFBt0VxCTwQtdaidAFMwF39LaLY"] {
            let unknown = server.command(&["keys", "withdraw", name], "");
            assert_eq!(unknown.status.code(), Some(1));
            let said = said(&unknown);
            assert!(said.contains(&format!("no signing key {name}")) && said.contains("keys list"), "{said}");
        }
    });
}

#[test]
fn st_130_id_tokens_of_before_a_rotation_are_verified_after_it_and_new_ones_bear_the_new_key() {
    on_both_alone(|server| {
        wait_until("all six keys", || kids(&server).len() == 6);
        for algorithm in ["EdDSA", "ES256", "RS256"] {
            let app = server.app_with("web", &["https://client.example/cb"], &["--id-token-alg", algorithm]);
            let person = server.person();
            let id_token = || {
                let tokens = app.tokens(&server, &person, &[("scope", "openid")]);
                tokens.json["id_token"].as_str().expect("an ID token").to_owned()
            };
            let before = id_token();
            let old = verified(&server, &before, &app.client_id).header.kid;
            server.json(&["keys", "rotate", "--now", "--algorithm", algorithm], "");
            wait_until("the node has heard of it", || {
                let kid = verified(&server, &id_token(), &app.client_id).header.kid;
                kid.is_some() && kid != old
            });
            assert_eq!(verified(&server, &before, &app.client_id).header.kid, old, "{algorithm}");
        }
    });
}
