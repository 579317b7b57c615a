//! The first administrator: one link, an hour, one use.

use crate::harness::process::{Guarded, Litter};
use crate::harness::server::program;
use crate::harness::{Call, Database, Server, Visitor, on_both_alone};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The setup link that the first start printed.
fn link(server: &Server) -> String {
    let wanted = format!("{}/setup/", server.url);
    let begin = Instant::now();
    loop {
        let output = server.output();
        if let Some((_, rest)) = output.split_once(&wanted)
            && let Some((secret, _)) = rest.split_once(char::is_whitespace)
        {
            return format!("{wanted}{secret}");
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "no setup link: {output}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn fm_112_the_setup_link_makes_the_first_administrator_once() {
    on_both_alone(|server| {
        let url = link(&server);
        let mut visitor = Visitor::new(&server);
        let page = visitor.open(&url);
        assert_eq!(page.answer.status, 200, "{}", page.answer.text());
        let form = crate::harness::page::forms(&page.answer.text()).into_iter().next().expect("a form");
        let mut fields: Vec<(String, String)> = form.fields();
        for tag in form.tags.iter().filter(|t| t.name == "input") {
            let (name, kind) = (tag.get("name").unwrap_or_default(), tag.get("type").unwrap_or("text"));
            let value = match (kind, name) {
                ("password", _) => "correct horse battery",
                (_, n) if n.contains("mail") => "root@example.org",
                ("text", n) if n.contains("name") => "root",
                _ => continue,
            };
            fields.retain(|(n, _)| n != name);
            fields.push((name.to_owned(), value.to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let weak: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (*n, if *v == "correct horse battery" { "short" } else { *v })).collect();
        let refused = visitor.post(&page, &form, &weak);
        assert!(!server.json(&["user", "list"], "").to_string().contains("root"), "{}", refused.answer.text());
        let done = visitor.post(&page, &form, &fields);
        assert!(done.answer.status < 400, "{}", done.answer.text());
        let people = server.json(&["user", "list"], "");
        assert!(people.to_string().contains("root@example.org"), "{people}");
        assert!(
            server.json(&["user", "show", "root"], "")["administrator"] == true,
            "{}",
            server.json(&["user", "show", "root"], "")
        );

        let again = Visitor::new(&server).open(&url);
        assert!(again.answer.status >= 400, "the link still opens: {}", again.answer.text());
        let replay = visitor.post(&page, &form, &fields);
        assert!(replay.answer.status >= 400, "{}", replay.answer.text());
        assert!(!server.command(&["setup-link"], "").status.success(), "there is an administrator already");

        let page = visitor.open(&server.at("/sign-in"));
        let page = visitor.sign_in_as(&page, "root", "correct horse battery");
        assert!(page.plain().contains("root"), "{}", page.plain());
    });
}

#[test]
fn another_link_can_be_printed_until_there_is_an_administrator() {
    on_both_alone(|server| {
        let first = link(&server);
        let second = server.json(&["setup-link"], "")["url"].as_str().expect("url").to_owned();
        assert_ne!(first, second);
        assert_eq!(Call::get(&second).send().status, 200);
        server.person_with(&["--admin"]);
        assert!(!server.command(&["setup-link"], "").status.success());
        for url in [first, second] {
            assert!(Call::get(&url).send().status >= 400, "a link outlived the first administrator");
        }
    });
}

#[test]
fn fm_23_fm_38_a_setup_link_cannot_be_guessed_or_cut() {
    let server = Server::start(Database::Sqlite, &[]);
    let url = link(&server);
    for cut in [
        &url[..url.len() - 1],
        &url[..url.len() - 10],
        &format!("{url}x"),
        &server.at("/setup/"),
        &server.at("/setup/vst_su_x"),
    ] {
        assert!(Call::get(cut.to_owned()).send().status >= 400, "{cut}");
    }
}

#[test]
fn without_a_word_the_data_lies_where_xdg_says_and_is_the_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let litter = Litter::new();
    let mut command = program();
    command.env("XDG_DATA_HOME", &litter.path).args(["serve", "--listen", "127.0.0.1:0"]);
    let _process = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    let directory = litter.path.join("vestibule");
    let begin = Instant::now();
    while !directory.join("vestibule.db").exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no database in {}", directory.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mode = std::fs::metadata(&directory).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
