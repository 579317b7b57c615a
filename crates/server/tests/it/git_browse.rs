//! `/git/{project}/browse/…`: what a person sees of a host through an authorization, and who sees nothing.

use crate::git_auths::scene::join;
use crate::git_calls::scene::{Calls, KINDS, on_both};
use crate::githosts::Fault;
use crate::harness::page::tags;
use crate::harness::{Chromium, Database, Page, Visitor};

pub fn start(calls: &Calls, kind: &str) -> String {
    calls.server.at(&format!("/git/{}/browse/{}", calls.project, calls.name(kind)))
}

/// The entries of a page: what they are called and where they lead.
fn entries(page: &Page) -> Vec<(String, String)> {
    let html = page.answer.text();
    let items = tags(&html)
        .into_iter()
        .filter(|tag| tag.name == "a" && tag.get("id").is_some_and(|id| id.starts_with("item-")));
    let text = |id: &str| crate::harness::page::text_of(&html, id).unwrap_or_default();
    items.map(|tag| (text(tag.get("id").unwrap()), tag.get("href").unwrap().to_owned())).collect()
}

/// Opens the entry of this name.
#[track_caller]
fn enter(visitor: &mut Visitor, page: &Page, label: &str) -> Page {
    let entries = entries(page);
    let found = entries.iter().find(|(name, _)| name == label);
    let (_, to) = found.unwrap_or_else(|| panic!("no {label} at {}: {entries:?} {}", page.url, page.plain()));
    let to = visitor.resolve(&page.url, to);
    let page = visitor.open(&to);
    assert_eq!(page.answer.status, 200, "{}", page.plain());
    page
}

pub fn walk(visitor: &mut Visitor, start: &str, way: &[&str]) -> Page {
    let mut page = visitor.open(start);
    for label in way {
        page = enter(visitor, &page, label);
    }
    page
}

pub fn text(page: &Page, id: &str) -> String {
    crate::harness::page::text_of(&page.answer.text(), id).unwrap_or_else(|| panic!("no {id}: {}", page.plain()))
}

#[test]
fn every_file_of_a_repository_is_reached_through_its_folders_over_every_kind_of_host() {
    on_both(|calls| {
        for kind in KINDS {
            let (me, start) = (calls.me(kind), start(calls, kind));
            let mut visitor = calls.visitor(&calls.ada);
            let seen = |page: &Page| entries(page).into_iter().map(|(label, _)| label).collect::<Vec<_>>();
            let first = visitor.open(&start);
            assert!(seen(&first).contains(&"octo-org".to_owned()), "{}", first.plain());
            let branches = walk(&mut visitor, &start, &[me, "demo"]);
            assert_eq!(seen(&branches), ["feature/x", "main"]);
            let root = enter(&mut visitor, &branches, "main");
            let names = ["a b/", "bin/", "docs/", "src/", "100%25 #1?&+;.txt", "README.md", "trees"];
            assert_eq!(seen(&root), names, "folders first; links and submodules cannot be read");
            for (way, content) in [
                (vec!["README.md"], "# demo\n"),
                (vec!["trees"], "a file called trees\n"),
                (vec!["100%25 #1?&+;.txt"], "all sorts\n"),
                (vec!["src/", "lib.rs"], "fn main() {}\n"),
                (vec!["a b/", "c d.txt"], "spaces\n"),
                (vec!["docs/", "\u{4ed3}\u{5e93} \u{fc}.md"], "non-ASCII: \u{4ed3}\u{5e93}\n"),
            ] {
                for branch in ["main", "feature/x"] {
                    let page = walk(&mut visitor, &start, &[&[me, "demo", branch], way.as_slice()].concat());
                    assert_eq!(text(&page, "browse-file").trim(), content.trim(), "{way:?}");
                }
            }
            let page = walk(&mut visitor, &start, &[me, "demo", "main", "bin/", "all.bin"]);
            assert!(page.shows("browse-note") && !page.shows("browse-file"), "a binary file: {}", page.plain());
            assert!(text(&page, "browse-facts").starts_with("1000 bytes"));
            let page = walk(&mut visitor, &start, &[me, "empty"]);
            assert!(page.shows("browse-empty"), "{}", page.plain());
        }
    });
}

#[test]
fn fm_92_what_strangers_wrote_into_a_repository_neither_acts_nor_disguises_itself() {
    let calls = Calls::on(Database::Sqlite);
    let (name, branch) = ("<img src=x onerror=alert(1)>\u{202e}txt.exe", "x\"><script>alert(2)</script>");
    let content = "<script>alert(3)</script>\u{202e}\u{2066} // begin\n</pre><b>out</b>\n";
    let long = "0123456789abcdef\n".repeat(40_000);
    calls.forge("github", |forge| {
        let demo = forge.at("octocat/demo");
        demo.commit(
            branch,
            "Attack",
            &[(name, Some(content.as_bytes())), ("long.txt", Some(long.as_bytes())), ("a:b.txt", Some(b"x"))],
        );
        for folder in 0..1200 {
            demo.commit("many", "More", &[(&format!("{folder:04}.txt"), Some(b"x"))]);
        }
    });
    let (mut visitor, start) = (calls.visitor(&calls.ada), start(&calls, "github"));
    let branches = walk(&mut visitor, &start, &["octocat", "demo"]);
    let root = enter(&mut visitor, &branches, branch);
    let html = root.answer.text();
    assert!(html.contains(">a:b.txt</span>"), "what no address can name is no link");
    let shown = name.replace('\u{202e}', "⟨U+202E⟩");
    let page = enter(&mut visitor, &root, &shown);
    assert!(text(&page, "browse-file").contains("alert(3)</script>⟨U+202E⟩⟨U+2066⟩ // begin"));
    for page in [&branches, &root, &page] {
        let html = page.answer.text();
        for raw in ["<script", "<img", "<b>", "\u{202e}", "\u{2066}"] {
            assert!(!html.contains(raw), "{raw} at {}", page.url);
        }
    }
    let page = enter(&mut visitor, &root, "long.txt");
    assert!(page.shows("browse-note") && page.answer.text().len() < 300_000, "{}", page.answer.text().len());
    let page = walk(&mut visitor, &start, &["octocat", "demo", "many"]);
    assert_eq!((entries(&page).len(), page.shows("browse-hidden")), (1000, true));
}

#[test]
fn fm_131_viewers_look_and_whoever_is_no_member_finds_nothing() {
    on_both(|calls| {
        let (viewer, stranger) = (calls.server.person(), calls.server.person());
        join(&calls.server, &calls.project, &viewer, "viewer");
        let here = start(calls, "github");
        let page = walk(&mut calls.visitor(&viewer), &here, &["octocat", "demo", "main", "README.md"]);
        assert!(page.shows("browse-file"), "{}", page.plain());
        calls.github.forget();
        let mut other = calls.visitor(&stranger);
        let nowhere =
            calls.server.at(&format!("/git/0123456789abcdef0123456789abcdef/browse/{}", calls.name("github")));
        for url in [&here, &nowhere, &page.url, &here.replace("by-token-github", "none"), &format!("{here}/more")] {
            let answer = other.open(url);
            assert_eq!((answer.answer.status, answer.error_code().as_deref()), (404, Some("not_found")), "{url}");
        }
        let mut member = calls.visitor(&viewer);
        let answer = member.open(&here.replace("by-token-github", "none"));
        assert_eq!((answer.answer.status, answer.error_code().as_deref()), (404, Some("not_found")));
        // Whoever is not signed in yet stays at the address.
        let mut nobody = Visitor::new(&calls.server);
        let page = nobody.open(&page.url);
        assert!(page.shows("sign-in-password"), "{}", page.plain());
        assert_eq!(calls.github.log().len(), 0, "the host was asked for a stranger");
        let page = nobody.sign_in(&page, &viewer);
        assert!(page.shows("browse-file"), "{} {}", page.url, page.plain());
    });
}

#[test]
fn what_the_host_says_no_to_is_told_and_an_outage_condemns_nothing() {
    on_both(|calls| {
        let (mut visitor, here) = (calls.visitor(&calls.ada), start(calls, "github"));
        let status = |kind| calls.list().iter().find(|row| row["repo_type"] == kind).unwrap()["status"].clone();
        let gone = visitor.open(&format!("{here}?namespace=octocat&repository=gone"));
        assert_eq!((gone.answer.status, gone.shows("browse-trouble")), (404, true), "{}", gone.plain());
        for odd in ["?namespace=..", "?namespace=a&repository=b&ref=a..b", "?namespace=a&repository=b&ref=m&file=../x"]
        {
            let page = visitor.open(&format!("{here}{odd}"));
            assert_eq!((page.answer.status, page.shows("browse-trouble")), (404, true), "{odd}: {}", page.plain());
        }
        assert_eq!(visitor.open(&format!("{here}?namespace=a&namespace=b")).answer.status, 404);
        let demo = format!("{here}?namespace=octocat&repository=demo&ref=main");
        for folder in ["sr", "nowhere/", "README.md/"] {
            let page = visitor.open(&format!("{demo}&folder={folder}"));
            assert_eq!((page.answer.status, page.shows("browse-trouble")), (404, true), "{folder}: {}", page.plain());
        }
        calls.github.fails("GET ", Fault::Status(503), 10);
        let page = visitor.open(&here);
        assert_eq!((page.answer.status, page.shows("browse-trouble")), (502, true), "{}", page.plain());
        assert!(!page.plain().contains(crate::githosts::SAYS));
        calls.github.recovers();
        calls.github.fails("GET ", Fault::Status(429), 10);
        let page = visitor.open(&here);
        assert_eq!(page.answer.status, 429, "{}", page.plain());
        assert!(page.answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok_and(|s| s > 0)));
        calls.github.recovers();
        assert_eq!(status("github"), 0);
        calls.gitee.revoke_all();
        let page = visitor.open(&start(calls, "gitee"));
        assert_eq!((page.answer.status, page.shows("browse-trouble")), (409, true), "{}", page.plain());
        assert_eq!(status("gitee"), 2);
    });
}

#[test]
fn a_person_walks_from_the_list_of_authorizations_to_a_file_on_a_phone_at_night_without_scripts() {
    let calls = Calls::on(Database::Sqlite);
    let browser = Chromium::open();
    browser.become_phone();
    let scheme = serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.cdp("Emulation.setEmulatedMedia", scheme);
    browser.goto(&calls.server.at("/sign-in"));
    browser.sign_in(&calls.ada.name, &calls.ada.password);
    browser.wait_for("git");
    browser.click("git");
    browser.wait_for("browse-by-token-github");
    browser.click("browse-by-token-github");
    for (id, label) in
        [("Repositories", "octocat"), ("Branches", "demo"), ("Files", "main"), ("Files", "src/"), ("", "lib.rs")]
    {
        let fits = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
        assert!(fits.as_i64().is_some_and(|wide| wide <= 0), "{fits} pixels too wide before {label}");
        let find = format!("[...document.querySelectorAll('.shelf a')].find(a => a.textContent === '{label}').id");
        browser.click(browser.evaluate(&find).as_str().unwrap_or_else(|| panic!("no {label}: {}", browser.source())));
        browser.wait_for(if id.is_empty() { "browse-file" } else { "browse-kind" });
        if !id.is_empty() {
            assert_eq!(browser.text("browse-kind"), id);
        }
    }
    assert_eq!(browser.text("browse-file"), "fn main() {}");
    if let Ok(folder) = std::env::var("VESTIBULE_TEST_PICTURES") {
        browser.screenshot(&format!("{folder}/browse-file.png"));
        browser.back();
        browser.back();
        browser.screenshot(&format!("{folder}/browse-branch.png"));
    }
    // Scripts are off from here on: every page is as good without.
    browser.without_scripts();
    browser.goto(&start(&calls, "github"));
    browser.wait_for("browse-kind");
    browser.click("item-0");
    browser.wait_for("browse-kind");
    assert_eq!(browser.console(), Vec::<String>::new(), "nothing was blocked on the way");
    browser.click("git-list");
    browser.wait_for("git-create");
}
