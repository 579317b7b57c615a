//! Clone URLs: three forms, strictly.

use crate::player::Host;
use proptest::prelude::*;
use vestibule_githost::clone_url::{CloneUrl, Form};
use vestibule_githost::refusal::Why;

fn read(text: &str) -> Option<(Form, String, Option<u16>, String)> {
    let url = CloneUrl::parse(text).ok()?;
    Some((url.form(), url.host().to_owned(), url.port(), url.segments().join(" ")))
}

#[test]
fn the_three_forms_are_read() {
    let good = |form, host: &str, port, path: &str| Some((form, host.to_owned(), port, path.to_owned()));
    for (text, wanted) in [
        ("https://github.com/octo/demo.git", good(Form::Https, "github.com", None, "octo demo")),
        ("https://github.com/octo/demo", good(Form::Https, "github.com", None, "octo demo")),
        ("https://github.com/octo/demo/", good(Form::Https, "github.com", None, "octo demo")),
        ("https://user-name@github.com/user-name/demo.git", good(Form::Https, "github.com", None, "user-name demo")),
        ("HTTPS://GitHub.com:443/octo/demo.git", good(Form::Https, "github.com", None, "octo demo")),
        ("https://gl.example:8443/a/b/c/d.git", good(Form::Https, "gl.example", Some(8443), "a b c d")),
        ("http://gl.example/a/b.git", good(Form::Http, "gl.example", None, "a b")),
        ("ssh://git@github.com/octo/demo.git", good(Form::Ssh, "github.com", None, "octo demo")),
        ("ssh://git@github.com:2222/octo/demo.git", good(Form::Ssh, "github.com", Some(2222), "octo demo")),
        ("git@github.com:octo/demo.git", good(Form::Ssh, "github.com", None, "octo demo")),
        ("git@github.com:/octo/demo.git", good(Form::Ssh, "github.com", None, "octo demo")),
        ("https://gitee.com/%E7%8C%AB/caf%c3%a9.git", good(Form::Https, "gitee.com", None, "猫 café")),
        ("https://gitee.com/猫/x.git", good(Form::Https, "gitee.com", None, "猫 x")),
        ("https://github.com/octo/a%20b.git", good(Form::Https, "github.com", None, "octo a b")),
        ("https://github.com/octo/demo.git.git", good(Form::Https, "github.com", None, "octo demo.git")),
    ] {
        assert_eq!(read(text), wanted, "{text}");
    }
}

#[test]
fn fm_111_what_could_be_read_in_two_ways_is_refused() {
    for text in [
        "",
        "demo",
        "/octo/demo",
        "file:///etc/passwd",
        "git://github.com/a/b",
        "ext::sh -c id",
        "javascript:alert(1)",
        "https://github.com",
        "https:///a/b",
        "https://github.com//a/b",
        "https://github.com/a//b",
        "https://github.com/a/",
        "https://github.com/../b",
        "https://github.com/a/..",
        "https://github.com/a/%2e%2e/b",
        "https://github.com/a/.git",
        "https://github.com/a%2fb/c",
        "https://github.com/a/b%5cc",
        "https://github.com/a/b\\c",
        "https://github.com/a/b?x=1",
        "https://github.com/a/b#x",
        "https://github.com/a/b%0d%0ahost: evil",
        "https://github.com/a/b\nc",
        "https://github.com/a/b c",
        "https://github.com/a/b%00",
        "https://github.com/a/b%",
        "https://github.com/a/b%2",
        "https://github.com/a/%zz",
        "https://github.com/a/%ff",
        "https://user:secret@github.com/a/b",
        "https://@github.com/a/b",
        "https://a@b@github.com/a/b",
        "https://github.com:0/a/b",
        "https://github.com:099/a/b",
        "https://github.com:65536/a/b",
        "https://github.com:x/a/b",
        "https://github.com:/a/b",
        "https://git hub.com/a/b",
        "https://-oProxyCommand=x/a/b",
        "ssh://-oProxyCommand=x/a/b",
        "git@-oProxyCommand=x:a/b",
        "github.com:a/b",
        "git@github.com",
        "git@github.com/a:b",
        "git@github.com:a/-x",
        "https://[::1]/a/b",
        "https://a..b/c/d",
        "https://github.com/a/b:c",
        "https://gïthub.com/a/b",
        "https://github.com%2eevil/a/b",
    ] {
        assert!(CloneUrl::parse(text).is_err(), "{text} was read as {:?}", read(text));
    }
}

#[test]
fn a_password_in_a_clone_url_is_not_repeated() {
    let refusal = CloneUrl::parse("https://user:canary@github.com/a/b").unwrap_err();
    assert!(
        refusal.why == Why::BadCloneUrl && refusal.reason.contains("password") && !refusal.reason.contains("canary")
    );
}

#[test]
fn a_clone_url_must_lie_at_the_host_of_the_authorization() {
    let on = |web: &str, url: &str| {
        let host = Host::new("gitlab", web);
        CloneUrl::parse(url).ok()?.on(&host.site).map(<[String]>::to_vec).ok()
    };
    let two = Some(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(on("https://gl.example", "https://gl.example/a/b.git"), two);
    assert_eq!(on("https://gl.example", "git@gl.example:a/b.git"), two);
    assert_eq!(on("https://gl.example", "ssh://git@gl.example:2222/a/b.git"), two);
    assert_eq!(on("https://gl.example:8080/gitlab", "https://x@gl.example:8080/gitlab/a/b.git"), two);
    assert_eq!(on("https://gl.example:8080/gitlab", "git@gl.example:a/b.git"), two);
    assert_eq!(on("https://github.com", "ssh://git@ssh.github.com:443/a/b.git"), two);
    assert_eq!(on("https://gitlab.com", "ssh://git@altssh.gitlab.com:443/a/b.git"), two);
    for (web, url) in [
        ("https://github.com", "https://ssh.github.com/a/b"),
        ("https://github.com", "ssh://git@altssh.gitlab.com:443/a/b.git"),
        ("https://gl.example", "ssh://git@ssh.gl.example:443/a/b.git"),
        ("https://gl.example", "https://gl.example.evil/a/b"),
        ("https://gl.example", "https://evil.example/gl.example/a"),
        ("https://gl.example", "http://gl.example/a/b"),
        ("https://gl.example", "https://gl.example:8080/a/b"),
        ("https://gl.example", "https://gl.example@evil.example/a/b"),
        ("https://gl.example:8080/gitlab", "https://gl.example:8080/a/b"),
        ("https://gl.example:8080/gitlab", "https://gl.example:8080/gitlabx/a/b"),
        ("https://gl.example:8080/gitlab", "https://gl.example:8080/gitlab/a"),
    ] {
        assert_eq!(on(web, url), None, "{url} at {web}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(
        name in "[a-z][a-z0-9-]{0,12}\\.example", user in "[a-z0-9._-]{1,8}", port in 1024u16..,
        path in prop::collection::vec("[A-Za-z0-9_+é猫 ][A-Za-z0-9_.+é猫 -]{0,8}[A-Za-z0-9]", 2..5),
    ) {
        // A name of that sort is Punycode, and mostly none that can be read.
        prop_assume!(!name.starts_with("xn--"));
        let encoded: Vec<String> = path.iter().map(|segment| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
            segment.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
        }).collect();
        let encoded = encoded.join("/");
        prop_assume!(!encoded.ends_with(".git"));
        for text in [
            format!("https://{name}:{port}/{encoded}"),
            format!("https://{user}@{name}:{port}/{encoded}.git"),
            format!("ssh://{user}@{name}:{port}/{encoded}.git/"),
            format!("{user}@{name}:{encoded}.git"),
        ] {
            let url = CloneUrl::parse(&text).unwrap();
            prop_assert_eq!((url.host(), url.segments()), (name.as_str(), &path[..]));
            prop_assert_eq!(url.port().unwrap_or(port), port);
        }
    }

    #[test]
    fn no_text_panics_and_what_is_read_is_harmless(text in "((https|ssh)://)?[a-z@:./%0-9A-Z~\\\\ \\PC-]{0,60}") {
        if let Ok(url) = CloneUrl::parse(&text) {
            let harmless = |s: &String| !s.is_empty() && s != "." && s != ".." && !s.contains(['/', '\\', ':'])
                && !s.contains(char::is_control) && !s.starts_with('-');
            prop_assert!(url.segments().iter().all(harmless), "{:?}", url);
            prop_assert!(url.host().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b)));
        }
    }
}
