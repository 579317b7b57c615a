//! Listings to their end, by each host's own way, and what is said of those that do not get there.

use crate::every_host::place;
use crate::player::{Host, NOW, reply, run};
use vestibule_githost::answers::{Listing, MOST_PAGES};
use vestibule_githost::errand::Step;
use vestibule_githost::names::{Namespace, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;
use vestibule_githost::wire::Request;

fn gitlab() -> Host {
    Host::new("gitlab", "https://gitlab.com")
}

fn branches(host: &Host) -> Step<Listing<String>> {
    host.kind.branches(&host.visit(), &place("a", "b"))
}

fn tree(host: &Host) -> Step<Listing<String>> {
    host.kind.tree(&host.visit(), &place("a", "b"), &Ref::parse("main").unwrap())
}

fn ok(headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Reply::new(200, headers, body.as_bytes().to_vec())
}

const MORE: [(&str, &str); 3] = [("link", "<x>; rel=\"next\""), ("x-next-page", "9"), ("total_page", "999")];

/// Plays `pages` replies, and says then that there is no time left.
fn stopped<T: 'static>(mut step: Step<T>, pages: u32, answer: impl Fn(u32) -> Reply) -> Result<T, Refusal> {
    for page in 0.. {
        step = match step {
            Step::Done(outcome) => return outcome,
            Step::Ask(errand) if page < pages => errand.read(&answer(page), NOW),
            Step::Ask(errand) => errand.stop(Refusal::broken("no time")),
        };
    }
    unreachable!()
}

#[test]
fn a_listing_that_runs_out_of_time_keeps_what_it_has_and_says_that_it_is_cut() {
    for host in Host::all() {
        let page = |page: u32| ok(&MORE, &format!("[{{\"name\":\"b{page}\"}}]"));
        let listing = stopped(branches(&host), 2, page).unwrap();
        assert_eq!(listing, Listing { items: vec!["b0".to_owned(), "b1".to_owned()], is_cut: true }, "{}", host.name());
        // Of nothing nothing is kept: an empty list would say that there are none.
        let refusal = stopped(branches(&host), 0, page).unwrap_err();
        assert_eq!((refusal.why, refusal.reason.as_str()), (Why::HostBroken { retry_after: None }, "no time"));
    }
}

#[test]
fn a_second_listing_that_there_is_no_time_for_does_not_take_the_first_one_along() {
    let host = Host::new("github", "https://github.com");
    let answer = |page: u32| match page {
        0 => ok(&[], r#"{"id":9,"login":"dog"}"#),
        1 => ok(&[], r#"{"id":1,"login":"octocat"}"#),
        _ => ok(&MORE, r#"[{"id":5,"name":"b","clone_url":"u","owner":{"id":9,"login":"dog"}}]"#),
    };
    let projects = || host.kind.projects(&host.visit(), &Namespace::parse("dog").unwrap());
    let listing = stopped(projects(), 3, answer).unwrap();
    assert_eq!((listing.items.len(), listing.is_cut), (1, true));
    assert!(stopped(projects(), 2, answer).is_err());
}

#[test]
fn a_page_that_is_refused_is_not_passed_over() {
    for host in Host::all() {
        let mut asked = 0;
        let outcome = run(branches(&host), |_| {
            asked += 1;
            match asked {
                1 => ok(&MORE, "[{\"name\":\"b\"}]"),
                _ => Reply::new(429, vec![("Retry-After".to_owned(), "7".to_owned())], Vec::new()),
            }
        });
        assert_eq!(outcome.unwrap_err().why, Why::RateLimited { retry_after: 7000 }, "{}", host.name());
    }
}

#[test]
fn a_list_that_leaves_out_organizations_for_their_single_sign_on_is_cut() {
    let host = Host::new("github", "https://github.com");
    let sso = [("x-github-sso", "partial-results; organizations=21955855,20582480")];
    let answer = |request: &Request| match request.url() {
        url if url.contains("/user/orgs") => ok(&sso, "[{\"id\":7,\"login\":\"octo-org\"}]"),
        url if url.contains("/user/repos") => ok(&sso, "[]"),
        _ => ok(&[], "{\"id\":1,\"login\":\"octocat\"}"),
    };
    let namespaces = run(host.kind.namespaces(&host.visit()), answer).unwrap();
    assert_eq!((namespaces.items.len(), namespaces.is_cut), (2, true));
    let projects = host.kind.projects(&host.visit(), &Namespace::parse("octocat").unwrap());
    assert!(run(projects, answer).unwrap().is_cut);
}

#[test]
fn a_tree_that_is_longer_than_we_read_is_its_top_and_cut() {
    for host in Host::all().into_iter().filter(|host| host.name() != "gitlab") {
        let mut asked = Vec::new();
        let outcome = run(tree(&host), |request| {
            asked.push(request.url().contains("recursive"));
            match asked.len() {
                1 => Reply::new(200, Vec::new(), vec![b' '; request.most_reply_bytes() + 1]),
                _ => ok(&[], r#"{"tree":[{"path":"a","type":"blob"},{"path":"b","type":"tree"}],"truncated":false}"#),
            }
        });
        assert_eq!(outcome.unwrap(), Listing { items: vec!["a".to_owned()], is_cut: true }, "{}", host.name());
        assert_eq!(asked, [true, false]);
        // A top that is too long as well is told as what it is.
        let refusal =
            run(tree(&host), |request| Reply::new(200, Vec::new(), vec![b' '; request.most_reply_bytes() + 1]));
        let refusal = refusal.unwrap_err();
        assert!(refusal.why == Why::TooLarge && refusal.reason.contains("tree"), "{}", refusal.reason);
    }
}

/// Plays a tree of one file a page under `headers` of each page but the last; the requests' queries.
fn tree_pages(pages: &[&[(&str, &str)]]) -> (Vec<String>, Listing<String>) {
    let (host, mut asked) = (gitlab(), Vec::new());
    let outcome = run(tree(&host), |request| {
        asked.push(request.url().split_once("ref=main&").unwrap().1.to_owned());
        let page = asked.len() - 1;
        ok(pages[page], &format!("[{{\"path\":\"{page}\",\"type\":\"blob\",\"mode\":\"100644\"}}]"))
    });
    (asked, outcome.unwrap())
}

#[test]
fn a_tree_of_gitlab_is_walked_by_keys_and_by_numbers_where_it_is_counted_all_the_same() {
    let link = |key: &str| format!("<https://gitlab.com/api/v4/x?page_token={key}&per_page=100>; rel=\"next\"");
    let (first, second) = (link("k1"), link("k2%26x%3D1"));
    let first_too = format!("<https://gitlab.com/x?page_token=k0>; rel=\"first\", {first}");
    let (asked, listing) = tree_pages(&[&[("link", &first_too)], &[("link", &second)], &[]]);
    let by_key = "pagination=keyset&per_page=100";
    let third = format!("{by_key}&page_token=k2%26x%3D1");
    assert_eq!(asked, [by_key.to_owned(), format!("{by_key}&page_token=k1"), third]);
    assert_eq!((listing.items.len(), listing.is_cut), (3, false));
    // Older servers, and those that have it switched off, answer a number (gitlab-org/gitlab issue 427205).
    let (asked, listing) = tree_pages(&[&[("x-next-page", "2")], &[("x-next-page", "")]]);
    assert_eq!(asked, [by_key, "page=2&per_page=100"]);
    assert_eq!((listing.items.len(), listing.is_cut), (2, false));
    // A key without end is not sent back.
    let long = link(&"k".repeat(5000));
    assert_eq!(tree_pages(&[&[("link", &long)], &[]]).0[1], "page=2&per_page=100");
}

#[test]
fn a_tree_of_gitlab_without_end_is_cut_where_we_stop_and_one_that_repeats_itself_where_it_begins_to() {
    let link = |page: usize| format!("<https://gitlab.com/x?page_token=k{page}>; rel=\"next\"");
    let (host, mut asked) = (gitlab(), Vec::new());
    let outcome = run(tree(&host), |request| {
        asked.push(request.url().to_owned());
        let (page, files) = (asked.len(), (0..100).map(|n| (asked.len(), n)));
        // Folders alone are no end either.
        let kind = if page % 2 == 0 { "tree" } else { "blob" };
        let files: Vec<_> = files.map(|(page, n)| format!(r#"{{"path":"{page}/{n}","type":"{kind}"}}"#)).collect();
        ok(&[("link", &link(page))], &format!("[{}]", files.join(",")))
    });
    let listing = outcome.unwrap();
    assert_eq!(asked.len(), MOST_PAGES as usize, "and not once more");
    assert!(asked[49].ends_with("page_token=k49"), "{}", asked[49]);
    assert_eq!((listing.items.len(), listing.is_cut), (2500, true));
    assert_eq!(listing.items[100], "3/0");

    // One that goes round in a circle of keys is asked for no longer than it brings something new.
    let mut asked = 0;
    let outcome = run(tree(&host), |_| {
        asked += 1;
        let files = r#"[{"path":"a","type":"blob"},{"path":"b","type":"blob"}]"#;
        ok(&[("link", &link(asked % 2))], files)
    });
    let listing = outcome.unwrap();
    assert_eq!((asked, listing.items.len(), listing.is_cut), (2, 2, true));

    // Paths as long as they may be: the bytes are bounded too, whatever the number of pages.
    let mut asked = 0;
    let outcome = run(tree(&host), |_| {
        asked += 1;
        let long = "x".repeat(4000);
        let files: Vec<_> = (0..100).map(|n| format!(r#"{{"path":"{long}/{asked}/{n}","type":"blob"}}"#)).collect();
        ok(&[("link", &link(asked))], &format!("[{}]", files.join(",")))
    });
    let listing = outcome.unwrap();
    assert!((15..25).contains(&asked) && listing.is_cut, "{asked} pages");
}

#[test]
fn fm_91_whatever_a_link_says_the_next_page_is_asked_for_at_the_host() {
    let links = [
        "<",
        "<>; rel=\"next\"",
        "<a",
        "a>; rel=\"next\"",
        "<?page_token=>; rel=\"next\"",
        "<\u{fffd}?page_token=%ff%00>; rel=\"next\"",
        "<//evil.example/?page_token=..%2F..%2F%3F%23@evil.example>; rel=\"next\"",
        "<https://evil.example/?page_token=k>; rel=\"next\"",
    ];
    for (link, host) in links.iter().flat_map(|link| Host::all().into_iter().map(move |host| (link, host))) {
        let mut asked = 0;
        let _ = run(tree(&host), |request| {
            asked += 1;
            assert!(request.url().starts_with(&format!("{}/", host.site.api().as_str())), "{}", request.url());
            assert!(!request.url().contains("evil.example/") && asked <= 2, "{}", request.url());
            ok(&[("link", link)], r#"[{"path":"a","type":"blob"}]"#)
        });
    }
}

#[test]
fn a_listing_of_gitlab_is_read_on_where_a_proxy_has_taken_its_headers_away() {
    let host = gitlab();
    let page = |from: u32, to: u32| {
        let names: Vec<_> = (from..to).map(|n| format!("{{\"name\":\"b{n}\"}}")).collect();
        format!("[{}]", names.join(","))
    };
    for headers in [&[("link", "<https://gitlab.com/x?page=2>; rel=\"next\"")][..], &[][..]] {
        let mut asked = 0;
        let listing = run(branches(&host), |_| {
            asked += 1;
            let (from, to) = [(0, 100), (100, 107)][asked - 1];
            ok(if asked == 1 { headers } else { &[] }, &page(from, to))
        });
        let listing = listing.unwrap();
        assert_eq!((asked, listing.items.len(), listing.is_cut), (2, 107, false));
    }
}

#[test]
fn an_empty_repository_has_no_commits_and_no_files_where_the_host_calls_them_absent() {
    for host in [gitlab(), Host::new("gitee", "https://gitee.com")] {
        for (is_empty, branches, found) in [("true", "[]", Some(0)), ("false", "[{\"name\":\"x\"}]", None)] {
            let answer = |request: &Request| match request.url() {
                url if url.contains("/commits") || url.contains("tree") => {
                    Reply::new(404, Vec::new(), b"{\"message\":\"404 Not Found\"}".to_vec())
                }
                url if url.contains("/branches") => ok(&[], branches),
                _ => {
                    let facts = r#""id":5,"path":"b","http_url_to_repo":"u","namespace":{"id":7,"full_path":"a"}"#;
                    ok(&[], &format!("{{{facts},\"empty_repo\":{is_empty}}}"))
                }
            };
            let commits = run(host.kind.commits(&host.visit(), &place("a", "b"), None), answer);
            assert_eq!(commits.ok().map(|commits| commits.len()), found, "{}", host.name());
            assert_eq!(run(tree(&host), answer).ok().map(|tree| tree.items.len()), found, "{}", host.name());
        }
    }
}

#[test]
fn a_hook_is_looked_for_on_every_page_before_it_is_made() {
    let host = Host::new("github", "https://github.com");
    let hook = &host.exchanges("hooks")[0]["reply"];
    let mut asked = Vec::new();
    let secret = vestibule_githost::secret::Secret::new("s");
    let step = host.kind.create_hook(&host.visit(), &place("a", "b"), "https://ci.example/hook", &secret);
    let outcome = run(step, |request| {
        asked.push(request.method().name());
        match asked.len() {
            1 => ok(&MORE, r#"[{"id":1,"config":{"url":"https://other.example/"}}]"#),
            _ => reply(hook),
        }
    });
    assert_eq!((asked.as_slice(), outcome.unwrap_err().why), (["GET", "GET"].as_slice(), Why::Conflict));
}

#[test]
fn a_hook_is_not_made_where_the_list_of_those_that_are_there_was_cut() {
    for host in Host::all() {
        let secret = vestibule_githost::secret::Secret::new("s");
        let step = |url| host.kind.create_hook(&host.visit(), &place("a", "b"), url, &secret);
        let other = r#"[{"id":1,"url":"https://other.example/","config":{"url":"https://other.example/"}}]"#;
        let refusal = stopped(step("https://ci.example/hook"), 1, |_| ok(&MORE, other)).unwrap_err();
        assert!(refusal.why == Why::TooLarge && refusal.is_definite(), "{}: {refusal:?}", host.name());
        assert!(refusal.reason.contains("none was made"), "{}", refusal.reason);
        // What was read of it counts all the same.
        let refusal = stopped(step("https://other.example/"), 1, |_| ok(&MORE, other)).unwrap_err();
        assert_eq!(refusal.why, Why::Conflict, "{}", host.name());
    }
}
