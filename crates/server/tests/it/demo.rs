//! `serve --demo`: the newcomer's first minute.

use crate::harness::process::{Guarded, Litter, run};
use crate::harness::server::program;
use crate::harness::{Call, Chromium, wait_until};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A running demo and what it printed.
struct Demo {
    printed: String,
    url: String,
    sample: String,
    _process: Guarded,
}

fn start(directory: &Path, arguments: &[&str]) -> Demo {
    start_with(directory, arguments, &[])
}

fn start_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Demo {
    let out = directory.join("printed.txt");
    let file = std::fs::File::create(&out).expect("file");
    let mut command = program();
    command.current_dir(directory).args(["serve", "--demo", "--listen", "127.0.0.1:0"]).args(arguments);
    command.envs(variables.iter().copied());
    let process = Guarded::spawn(command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()));
    let begin = Instant::now();
    loop {
        let printed = std::fs::read_to_string(&out).unwrap_or_default();
        let word = |start: &str| {
            let found = printed.split_whitespace().find(|w| w.starts_with(start));
            found.map(|w| w.trim_end_matches(['/', '.', ',']).to_owned())
        };
        if let (Some(url), Some(sample)) = (word("http://127.0.0.1:"), word("http://localhost:"))
            && printed.contains("--reset")
        {
            return Demo { printed, url, sample, _process: process };
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the demo is not up after a minute: {printed}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Demo {
    /// The people that it printed: name and password.
    fn people(&self) -> Vec<(String, String)> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines = self.printed.lines().map(words).filter(|w| w.len() >= 4 && w[0] == "name" && w[2] == "password");
        lines.map(|w| (w[1].clone(), w[3].clone())).collect()
    }
}

#[test]
fn a_newcomer_sees_the_round_trip_in_a_browser() {
    let litter = Litter::new();
    let demo = start(&litter.path, &[]);
    assert!(litter.path.join("vestibule-demo").is_dir());
    let people = demo.people();
    assert_eq!(people.len(), 2, "{}", demo.printed);
    let browser = Chromium::open();
    browser.goto(&demo.sample);
    browser.click("sign-in");
    browser.wait_at(&demo.url);
    browser.sign_in(&people[0].0, &people[0].1);
    browser.click("allow");
    browser.wait_at(&demo.sample);
    wait_until("the sample shows who came", || browser.source().contains(&people[0].0));
    assert_eq!(browser.console().iter().filter(|l| l.contains("SEVERE") || l.contains("Refused")).count(), 0);
}

#[test]
fn passwords_are_generated_kept_and_renewed_by_reset() {
    let litter = Litter::new();
    let first = start(&litter.path, &[]).people();
    let again = start(&litter.path, &[]).people();
    assert_eq!(first, again, "a second start keeps the people");
    let reset = start(&litter.path, &["--reset"]).people();
    assert_ne!(first, reset, "--reset makes new passwords");
    let twin = start_with(&litter.path, &[], &[("VESTIBULE_RESET", "true")]).people();
    assert_ne!(reset, twin, "so does its twin in the environment");
    assert!(first.iter().all(|(_, password)| password.len() >= 12));
}

#[test]
fn every_template_is_there_and_works_through_the_sample() {
    let litter = Litter::new();
    let demo = start(&litter.path, &[]);
    for template in ["web", "spa", "native", "service", "idaas-oauth2", "gitlife"] {
        assert!(demo.printed.contains(template), "no application of {template}: {}", demo.printed);
    }
    assert_eq!(Call::get(format!("{}/readyz", demo.url)).send().status, 200);
}

#[test]
fn for_tools_the_demo_prints_its_people_and_applications_as_fields() {
    let litter = Litter::new();
    let out = litter.path.join("printed.txt");
    let mut command = program();
    command.current_dir(&litter.path).args(["--json", "serve", "--demo", "--listen", "127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(std::fs::File::create(&out).expect("file")).stderr(Stdio::null());
    let _process = Guarded::spawn(&mut command);
    let begin = Instant::now();
    let printed = loop {
        let printed = std::fs::read_to_string(&out).unwrap_or_default();
        if printed.matches('\n').count() == 2 {
            break printed;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the demo is not up after a minute: {printed}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let lines: Vec<serde_json::Value> = printed.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let (listening, demo) = (lines[0]["listening"].as_str().expect("listening"), &lines[1]);
    assert_eq!(lines[0]["issuer"], listening);
    assert!(demo["sample"].as_str().is_some_and(|url| url.starts_with("http://localhost:")), "{demo}");
    let people: Vec<_> = demo["people"].as_array().expect("people").iter().map(|p| p["user_name"].as_str()).collect();
    assert_eq!(people, [Some("alice"), Some("bob")]);
    let applications = demo["applications"].as_array().expect("applications");
    let service = applications.iter().find(|app| app["template"] == "service").expect("one of each template");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let answer = Call::post(format!("{listening}/oauth/token"))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &text(&service["client_id"])),
            ("client_secret", &text(&service["client_secret"])),
        ])
        .send();
    assert_eq!(answer.status, 200, "what was printed works: {}", answer.text());
}

#[test]
fn a_directory_that_the_demo_did_not_make_is_refused() {
    let litter = Litter::new();
    std::fs::create_dir(litter.path.join("vestibule-demo")).expect("directory");
    std::fs::write(litter.path.join("vestibule-demo/mine.txt"), "mine").expect("file");
    for arguments in [vec![], vec!["--reset"]] {
        let mut command = program();
        command.current_dir(&litter.path).args(["serve", "--demo", "--listen", "127.0.0.1:0"]).args(arguments);
        assert!(!run(&mut command, "").status.success());
    }
    assert_eq!(std::fs::read_to_string(litter.path.join("vestibule-demo/mine.txt")).expect("still there"), "mine");
}
