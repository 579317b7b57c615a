//! The documents stay true: every path that they name is there, and every link leads somewhere.

use crate::harness::process::run;
use crate::harness::server::program;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/git-hosts", "docs/security"].map(|folder| root().join(folder)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// What stands between `open` and `close`, again and again.
fn between<'a>(text: &'a str, open: &str, close: char) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close).map(|(inside, _)| inside)).collect()
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let mut checked = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for line in text.lines() {
            let quoted = line.split('`').skip(1).step_by(2);
            for path in quoted.filter(|q| ["crates/", "docs/", "scripts/", ".ci/"].iter().any(|p| q.starts_with(p))) {
                assert!(root().join(path).exists(), "{} names `{path}`, which is not there", document.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "only {checked} paths were found; does the test still read the documents?");
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut checked = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in between(&text, "](", ')').into_iter().filter(|l| !l.starts_with("http")) {
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}, which is not there", document.display());
            checked += 1;
        }
    }
    assert!(checked > 15, "only {checked} links were found; does the test still read the documents?");
}

#[test]
fn every_setting_is_explained_to_operators() {
    let operating = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let mut checked = 0;
    for name in ["serve", "git-credential"] {
        let help = run(program().args([name, "--help"]), "").stdout;
        let help = String::from_utf8(help).unwrap();
        for word in help.lines().filter_map(|line| line.trim_start().split(' ').find(|word| word.starts_with("--"))) {
            if !["--help", "--version"].contains(&word) {
                let row =
                    |prefix: &str| [" ", "`"].iter().any(|end| operating.contains(&format!("| `{prefix}{word}{end}")));
                assert!(row("") || row(&format!("{name} ")), "docs/operating.md has no row for {name} {word}");
                checked += 1;
            }
        }
        for variable in between(&help, "[env: ", ']') {
            let variable = variable.split('=').next().unwrap();
            assert!(operating.contains(&format!("`{variable}`")), "docs/operating.md does not name {variable}");
            checked += 1;
        }
    }
    assert!(checked > 16, "only {checked} settings were found; does the test still read the help?");
}

#[test]
fn every_room_stays_small_enough_to_read() {
    let mut rooms = Vec::new();
    for name in ["oauth", "githost", "store", "server"] {
        collect(&root().join("crates").join(name).join("src"), &mut rooms);
    }
    assert!(rooms.len() > 60);
    for room in rooms {
        let lines = std::fs::read_to_string(&room).unwrap().lines().count();
        assert!(lines <= 350, "{} has {lines} lines; find the noun that wants a room of its own", room.display());
    }
}

fn collect(folder: &Path, rooms: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, rooms);
        } else if path.extension().is_some_and(|e| e == "rs") {
            rooms.push(path);
        }
    }
}

/// Rule 7 of the house: one policy for every call to another machine, because there is one opener of connections.
#[test]
fn fm_86_only_one_room_opens_connections_to_other_machines() {
    let mut rooms = Vec::new();
    for name in ["oauth", "githost", "store", "server"] {
        collect(&root().join("crates").join(name).join("src"), &mut rooms);
    }
    let openers =
        ["TcpStream::connect", "TcpSocket", "UdpSocket", "UnixStream::connect", "TlsConnector", "lookup_host"];
    let more = ["to_socket_addrs", "client::conn", "client::legacy", "reqwest::", "ureq::"];
    let mut found = std::collections::BTreeSet::new();
    for room in rooms {
        let text = std::fs::read_to_string(&room).unwrap();
        if openers.iter().chain(&more).any(|word| text.contains(word)) {
            let path = room.strip_prefix(root().join("crates")).unwrap().to_str().unwrap().to_owned();
            found.insert(path.split("/outbound").next().unwrap().to_owned());
        }
    }
    // The demo's sample application and `vestibule prove` are clients of our own server on loopback, and the house of a proof
    // keeps its ports.
    let expected = ["server/src", "server/src/demo/call.rs", "server/src/prove/house.rs", "server/src/prove/http.rs"];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn every_kind_of_git_host_has_a_page_for_operators_that_gives_the_reason_for_each_scope() {
    for kind in vestibule_githost::registry::KINDS {
        let habits = kind.habits();
        let page = root().join("docs/git-hosts").join(format!("{}.md", habits.kind));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|why| panic!("{}: {why}", page.display()));
        for (scope, reason) in habits.scopes {
            assert!(text.contains(&format!("| `{scope}` | {reason}")), "{} lacks `{scope}`: {reason}", page.display());
        }
        assert!(text.contains(&format!("--kind {}", habits.kind)), "{}", page.display());
    }
}
