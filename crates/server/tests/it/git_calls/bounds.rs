//! Everything is bounded, and an answer says when it was cut; a host's limits and outages are told as what they are.

use super::scene::{KINDS, on_both};
use crate::git_auths::scene::refused;
use crate::githosts::forge::{blob_sha, to_base64};
use crate::githosts::{Fault, SAYS, fake::Said};
use serde_json::json;

/// What the path of every request to a host's API begins with.
fn api(kind: &str) -> &'static str {
    match kind {
        "github" => "/api/v3/",
        "gitlab" => "/gitlab/api/v4/",
        _ => "/api/v5/",
    }
}

#[test]
fn a_list_is_read_to_its_end_page_by_page_and_one_that_has_no_end_is_cut_and_says_so() {
    on_both(|calls| {
        for kind in KINDS {
            let demo = calls.demo(kind);
            let tip = calls.forge(kind, |forge| forge.at(&demo).branches["main"].clone());
            let names: Vec<String> = (0..23).map(|n| format!("b{n:03}")).collect();
            calls.forge(kind, |forge| {
                forge.most_per_page = 2;
                let branches = &mut forge.at(&demo).branches;
                branches.clear();
                branches.extend(names.iter().map(|name| (name.clone(), tip.clone())));
            });
            let whole = calls.read(kind, &format!("/repos/{demo}/branches"));
            assert_eq!(whole.json(), json!({ "branches": names }), "{kind}: twelve pages");
            assert_eq!(whole.header("x-truncated"), None, "{kind}");
            let many: Vec<String> = (0..120).map(|n| format!("b{n:03}")).collect();
            calls.forge(kind, |forge| {
                let branches = &mut forge.at(&demo).branches;
                branches.extend(many.iter().map(|name| (name.clone(), tip.clone())));
            });
            let cut = calls.read(kind, &format!("/repos/{demo}/branches"));
            assert_eq!(cut.json(), json!({ "branches": many[..100] }), "{kind}: fifty pages and no more");
            assert_eq!(cut.header("x-truncated"), Some("true"), "{kind}");
            // GitHub and Gitee cut a tree themselves and say so; GitLab gives it page by page, and we stop.
            let files: Vec<String> = (0..120).map(|n| format!("{n:03}.txt")).collect();
            let changes: Vec<(&str, Option<&[u8]>)> =
                files.iter().map(|name| (name.as_str(), Some(name.as_bytes()))).collect();
            calls.forge(kind, |forge| drop(forge.at(&demo).commit("huge", "Many", &changes)));
            let tree = calls.read(kind, &format!("/files/{demo}/trees?ref=huge"));
            assert_eq!((tree.status, tree.header("x-truncated")), (200, Some("true")), "{kind}: {}", tree.text());
            if kind == "gitlab" {
                assert_eq!(tree.json(), json!({ "paths": files[..100] }), "fifty pages of two");
                calls.forge(kind, |forge| forge.most_per_page = 3);
                let whole = calls.read(kind, &format!("/files/{demo}/trees?ref=huge"));
                assert_eq!(
                    (whole.json(), whole.header("x-truncated")),
                    (json!({ "paths": files }), None),
                    "forty pages"
                );
            }
        }
    });
}

#[test]
fn a_hosts_rate_limit_is_told_as_429_and_turns_no_authorization_bad() {
    on_both(|calls| {
        for kind in KINDS {
            let (fake, demo) = (calls.fake(kind).clone(), calls.demo(kind));
            let reset = calls.github.clock.now() + 90;
            let spent = |status: u16, header: [(&str, String); 2], words: &str| {
                let body = json!({ "message": words });
                header.iter().fold(Said::json(status, &body), |said, (name, value)| said.header(name, value))
            };
            let limits = match kind {
                "github" => vec![
                    (
                        spent(
                            403,
                            [("X-RateLimit-Remaining", "0".into()), ("X-RateLimit-Reset", reset.to_string())],
                            "API rate limit exceeded",
                        ),
                        80..=91,
                    ),
                    (
                        spent(
                            429,
                            [("Retry-After", "7".into()), ("X-RateLimit-Remaining", "9".into())],
                            "secondary rate limit",
                        ),
                        7..=7,
                    ),
                ],
                "gitlab" => vec![(
                    spent(429, [("Retry-After", "42".into()), ("RateLimit-Remaining", "0".into())], "Retry later"),
                    42..=42,
                )],
                _ => {
                    vec![(
                        spent(429, [("Retry-After", "5".into()), ("X-Nothing", "0".into())], "Too many requests"),
                        5..=5,
                    )]
                }
            };
            for (said, wait) in limits {
                fake.fails(&format!("GET {}", api(kind)), Fault::Says(said), 1);
                let answer = calls.read(kind, &format!("/repos/{demo}/branches"));
                let words = refused(&answer, 429, "SVCSTG.REPO.0400");
                assert!(words.starts_with("the repository host asks for patience: "), "{words}");
                let told: i64 = answer.header("retry-after").and_then(|v| v.parse().ok()).expect("Retry-After");
                assert!(wait.contains(&told), "{kind}: {told} is not in {wait:?}");
                fake.recovers();
                fake.forget();
                refused(&calls.read(kind, &format!("/repos/{demo}/branches")), 429, "SVCSTG.REPO.0400");
                assert_eq!(fake.log().len(), 0, "{kind}: the host is not asked before the time is over");
                // A process that knows nothing of it asks.
                calls.restart();
                assert_eq!(calls.good(kind, &format!("/repos/{demo}/branches"))["branches"][0], "feature/x", "{kind}");
            }
        }
        for row in calls.list() {
            assert_eq!(row["status"], 0, "{row}");
        }
    });
}

#[test]
fn fm_90_an_outage_is_told_in_our_words_and_turns_no_authorization_bad() {
    on_both(|calls| {
        for kind in KINDS {
            let (fake, demo) = (calls.fake(kind), calls.demo(kind));
            for fault in
                [Fault::Status(500), Fault::Status(502), Fault::Status(401), Fault::DropBefore, Fault::Nonsense]
            {
                fake.fails(&format!("GET {}", api(kind)), fault.clone(), 9);
                let answer = calls.read(kind, &format!("/repos/{demo}/tags"));
                let words = refused(&answer, 502, "SVCSTG.REPO.0500");
                assert!(!words.contains(SAYS), "{kind} {fault:?}: {words}");
                fake.recovers();
            }
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/tags")), json!({ "tags": ["v1.0"] }));
        }
        for row in calls.list() {
            assert_eq!(row["status"], 0, "{row}");
        }
    });
}

#[test]
fn fm_119_a_file_has_its_bound_both_ways() {
    on_both(|calls| {
        for kind in KINDS {
            let demo = calls.demo(kind);
            // Longer than GitHub shows in a file's own answer, longer than any other body of ours.
            let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
            let body = json!({ "message": "Large", "content": to_base64(&large) });
            let file = format!("/files/{demo}/large.bin?ref=main");
            let made = calls.git(kind, "POST", &file).json(&body).send();
            assert_eq!(made.status, 200, "{kind}: {}", made.text());
            let read = calls.good(kind, &file);
            assert_eq!(read["sha"], blob_sha(&large), "{kind}");
            assert_eq!(read["content"].as_str().map(str::len), Some(4_000_000));
            let most = 8 << 20;
            calls.forge(kind, |forge| {
                let demo = forge.at(&demo);
                demo.commit(
                    "main",
                    "Most",
                    &[("most.bin", Some(&vec![7; most])), ("more.bin", Some(&vec![7; most + 1]))],
                );
            });
            assert_eq!(calls.good(kind, &format!("/files/{demo}/most.bin?ref=main"))["encoding"], "base64");
            let words =
                refused(&calls.read(kind, &format!("/files/{demo}/more.bin?ref=main")), 400, "SVCSTG.REPO.0400");
            assert!(words.contains("larger than 8 MiB"), "{kind}: {words}");
        }
        let demo = calls.demo("github");
        let over = json!({ "message": "Over", "content": to_base64(&vec![7; (8 << 20) + 1]) });
        let words = refused(
            &calls.git("github", "POST", &format!("/files/{demo}/over.bin?ref=main")).json(&over).send(),
            400,
            "SVCSTG.REPO.0400",
        );
        assert!(words.contains("larger than 8 MiB"), "{words}");
        let far = json!({ "message": "Far", "content": "A".repeat(13 << 20) });
        refused(
            &calls.git("github", "POST", &format!("/files/{demo}/far.bin?ref=main")).json(&far).send(),
            413,
            "SVCSTG.REPO.0400",
        );
        // Every other body keeps the small bound.
        let tag = json!({ "name": "v3", "description": "x".repeat(70_000) });
        refused(
            &calls.git("github", "POST", &format!("/repos/{demo}/tags?ref=main")).json(&tag).send(),
            413,
            "SVCSTG.REPO.0400",
        );
    });
}
