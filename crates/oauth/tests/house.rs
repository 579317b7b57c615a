//! Rule 1 of the house: a rulebook depends on no runtime, web, SQL or network crate, and reaches for none of these
//! in the standard library. Reads the manifests, the lock file and the sources of every rulebook crate there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that are rulebooks, by folder.
const RULEBOOKS: [&str; 2] = ["oauth", "githost"];

/// What a rulebook may name in its manifest: plain data, text and arithmetic.
const ALLOWED: [&str; 8] = ["aws-lc-rs", "base64", "form_urlencoded", "serde", "serde_json", "url", "uuid", "zeroize"];

/// What must not come in through somebody else's manifest either.
const FORBIDDEN: [&str; 33] = [
    "actix-web",
    "async-std",
    "axum",
    "curl",
    "deadpool-postgres",
    "diesel",
    "h2",
    "hyper",
    "hyper-util",
    "isahc",
    "libsqlite3-sys",
    "mio",
    "native-tls",
    "openssl",
    "postgres",
    "quinn",
    "r2d2",
    "reqwest",
    "rusqlite",
    "rustls",
    "sea-orm",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tower",
    "tower-http",
    "ureq",
    "vestibule-oauth",
    "vestibule-githost",
    "vestibule-store",
    "warp",
];

/// What no source line of a rulebook may say.
const FORBIDDEN_WORDS: [&str; 12] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "rand::fill",
    "async fn",
    ".await",
];

fn crates_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rulebooks() -> Vec<PathBuf> {
    let found: Vec<_> = RULEBOOKS.iter().map(|n| crates_folder().join(n)).collect();
    assert!(found.iter().all(|folder| folder.is_dir()), "a rulebook crate was not found");
    found
}

/// The names in every dependency table of a manifest that reaches what is shipped: tests may use what they like.
fn shipped_dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut in_table = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let parts: Vec<&str> = table.split('.').collect();
            let at = parts.iter().position(|p| matches!(*p, "dependencies" | "build-dependencies"));
            in_table = at == Some(parts.len() - 1);
            if let Some(at) = at.filter(|at| at + 1 < parts.len()) {
                names.insert(parts[at + 1].trim_matches('"').to_owned());
            }
        } else if in_table && !line.starts_with('#') && line.contains('=') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.insert(name.trim_matches('"').to_owned());
        }
    }
    names
}

#[test]
fn house_rule_1_a_rulebooks_manifest_names_no_runtime_web_sql_or_network_crate() {
    for folder in rulebooks() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let names = shipped_dependencies(&manifest);
        assert!(names.contains("serde_json"), "the manifest of {} was not understood: {names:?}", folder.display());
        for name in &names {
            assert!(
                ALLOWED.contains(&name.as_str()),
                "{} depends on {name}, which no rulebook may without a decision in docs/decisions",
                folder.display()
            );
        }
    }
}

#[test]
fn house_rule_1_the_reader_of_manifests_sees_every_form_of_a_dependency() {
    let manifest = r#"
[package]
name = "x"
[dependencies]
a = "1"
b.workspace = true
# c = "1"
"d" = { version = "1" }
[dependencies.tokio]
version = "1"
[target.'cfg(unix)'.dependencies]
e = "1"
[build-dependencies]
f = "1"
[dev-dependencies]
g = "1"
"#;
    let names: Vec<String> = shipped_dependencies(manifest).into_iter().collect();
    assert_eq!(names, ["a", "b", "d", "e", "f", "tokio"]);
}

/// Package name to the names that it depends on, after the lock file.
fn lock_file() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(crates_folder().join("../Cargo.lock")).unwrap();
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for block in text.split("[[package]]").skip(1) {
        let name = block.lines().find_map(|l| l.strip_prefix("name = ")).unwrap().trim_matches('"').to_owned();
        let dependencies = block.split("dependencies = [").nth(1).and_then(|d| d.split(']').next()).unwrap_or_default();
        let names = dependencies.lines().map(|l| l.trim().trim_matches(['"', ',']));
        let names = names.filter_map(|l| l.split(' ').next()).filter(|n| !n.is_empty()).map(str::to_owned);
        packages.entry(name).or_default().extend(names);
    }
    packages
}

#[test]
fn house_rule_1_nothing_that_a_rulebook_depends_on_brings_one_in() {
    let lock = lock_file();
    for folder in rulebooks() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let mut open: Vec<String> = shipped_dependencies(&manifest).into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            assert!(!FORBIDDEN.contains(&name.as_str()), "{} reaches {name}", folder.display());
            if seen.insert(name.clone()) {
                open.extend(lock.get(&name).into_iter().flatten().cloned());
            }
        }
        assert!(seen.len() > ALLOWED.len(), "the lock file was not understood: {seen:?}");
    }
}

/// Its timing leak has had no fixed release (RUSTSEC-2023-0071); a test's dependency would be one `use` away from ours.
#[test]
fn fm_84_the_rsa_crate_is_not_even_in_the_lock_file() {
    let lock = lock_file();
    assert!(lock.contains_key("aws-lc-rs") && lock.contains_key("jsonwebtoken"), "the lock file was not understood");
    assert!(!lock.contains_key("rsa"));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn house_rules_1_and_2_a_rulebook_reaches_for_no_clock_dice_file_thread_or_network() {
    for folder in rulebooks() {
        let mut files = Vec::new();
        sources(&folder.join("src"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//!"), "{} does not say what it owns", file.display());
            for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
                for word in FORBIDDEN_WORDS {
                    assert!(!line.contains(word), "{}:{} says {word}", file.display(), number + 1);
                }
            }
        }
    }
}
