//! Redirect URIs: what may be registered, and what matches what.

use proptest::prelude::*;
use vestibule_oauth::redirect_uri::{
    MAX_BYTES, NoRedirect, RedirectMismatch, RedirectUriProblem as P, csp_sources, is_plain_http, matches, origin,
    register, select,
};
use vestibule_oauth::template::{Switch, Switches};

const STRICT: Switches = Switches::of(&[]);
const NATIVE: Switches = Switches::of(&[Switch::PrivateUseSchemes, Switch::LoopbackAnyPort]);
const OLDER: Switches = Switches::of(&[Switch::PlainHttpRedirects]);
const ALL: Switches = Switches::of(&[Switch::PrivateUseSchemes, Switch::PlainHttpRedirects, Switch::LoopbackAnyPort]);

fn problem(text: &str, switches: &Switches) -> P {
    match register(text, switches) {
        Ok(_) => panic!("{text:?} was accepted"),
        Err(problem) => problem,
    }
}

fn list(uris: &[&str]) -> Vec<String> {
    uris.iter().map(|u| (*u).to_owned()).collect()
}

#[test]
fn st_7_st_9_absolute_uris_are_registered_exactly_as_they_are_written() {
    for good in [
        "https://app.example/callback",
        "https://app.example",
        "https://app.example/",
        "https://app.example?tenant=a",
        "https://app.example/?tenant=a&x=b+c",
        "https://app.example:8443/cb",
        "https://app.example:443/cb",
        "https://xn--bcher-kva.example/cb",
        "https://192.0.2.7/cb",
        "https://[2001:db8::1]:8443/cb",
        "https://app.example/a/b;c=d/e.f/...",
        "https://app.example/%41%2f%C3%A9~_-.!$&'()*+,;=:@",
        "https://app.example/cb?next=%2Fhome&codes=1&x-state=2",
        "https://app.example/a@b",
        "http://localhost/cb",
        "http://localhost:8080/cb",
        "http://localhost:80/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]/cb",
        "http://[::1]:8080/cb?a=b",
    ] {
        match register(good, &STRICT) {
            Ok(uri) => assert_eq!(uri.as_str(), good),
            Err(problem) => panic!("{good}: {problem:?}"),
        }
    }
}

#[test]
fn st_9_fm_06_a_fragment_is_refused_even_an_empty_one() {
    for bad in ["https://app.example/#", "https://app.example/cb#code=x", "https://app.example#/cb?x"] {
        assert_eq!(problem(bad, &ALL), P::Fragment, "{bad}");
    }
}

#[test]
fn st_9_a_relative_uri_is_refused() {
    for bad in ["", "/cb", "//app.example/cb", "app.example", "https", "https/x"] {
        assert_eq!(problem(bad, &ALL), P::NotAbsolute, "{bad}");
    }
    for bad in ["https:", "https:/app.example", "https:app.example", "http:/localhost/cb"] {
        assert_eq!(problem(bad, &ALL), P::NotAbsolute, "{bad}");
    }
    for bad in ["https://", "https:///cb", "https://?x", "https://:8443/cb", "http:///cb"] {
        assert_eq!(problem(bad, &ALL), P::NotAbsolute, "{bad}");
    }
    for bad in ["com.example.app:", "com.example.app:cb", "com.example.app:?x", "com.example.app:///cb"] {
        assert_eq!(problem(bad, &ALL), P::NotAbsolute, "{bad}");
    }
}

#[test]
fn st_10_fm_05_plain_http_is_for_this_machine_only_unless_the_switch_allows_it() {
    for remote in [
        "http://app.example/cb",
        "http://localhost.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2/cb",
        "http://10.0.0.1/cb",
        "http://[::2]/cb",
        "http://localhost./cb",
    ] {
        assert_eq!(problem(remote, &STRICT), P::PlainHttp, "{remote}");
        assert_eq!(problem(remote, &NATIVE), P::PlainHttp, "{remote}");
        assert!(register(remote, &OLDER).is_ok(), "{remote}");
        assert!(is_plain_http(remote), "{remote}");
    }
    for local in ["http://localhost:1/", "http://127.0.0.1/", "http://[::1]/", "https://app.example/", "com.a:/", "?"] {
        assert!(!is_plain_http(local), "{local}");
    }
}

#[test]
fn st_11_fm_08_only_allowed_schemes() {
    for bad in [
        "javascript:alert(1)",
        "javascript://app.example/%250Aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "about:blank",
        "blob:https://app.example/x",
        "view-source:https://app.example/",
        "ftp://app.example/",
        "ws://app.example/",
        "urn:ietf:wg:oauth:2.0:oob",
        "myapp://callback",
        "myapp:/callback",
        ":/x",
    ] {
        assert_eq!(problem(bad, &ALL), P::Scheme, "{bad}");
        assert_eq!(problem(bad, &STRICT), P::Scheme, "{bad}");
    }
    for mixed in ["HTTPS://app.example/", "Https://app.example/", "JavaScript:alert(1)", "HTTP://localhost/"] {
        assert_eq!(problem(mixed, &ALL), P::Scheme, "{mixed}");
    }
    for spoiled in [" https://app.example/", "java\tscript:x", "\0javascript:x", "https ://app.example/"] {
        assert_eq!(problem(spoiled, &ALL), P::Character, "{spoiled:?}");
    }
}

#[test]
fn st_11_private_use_schemes_need_a_dot_and_the_switch() {
    for good in [
        "com.example.app:/callback",
        "com.example.app:/",
        "com.example.app://callback",
        "com.example.app://auth/callback?x=1",
        "com.example.app://auth:99/callback",
    ] {
        assert_eq!(register(good, &NATIVE).unwrap().as_str(), good);
        assert_eq!(problem(good, &STRICT), P::Scheme, "{good}");
        assert_eq!(problem(good, &OLDER), P::Scheme, "{good}");
    }
    // The path, query and host rules hold for them too.
    assert_eq!(problem("com.example.app:/a/../b", &NATIVE), P::DotSegment);
    assert_eq!(problem("com.example.app://a/../b", &NATIVE), P::DotSegment);
    assert_eq!(problem("com.example.app:/?code=1", &NATIVE), P::ReservedName);
    assert_eq!(problem("com.example.app://a?state=1", &NATIVE), P::ReservedName);
    assert_eq!(problem("com.example.app://u@a/", &NATIVE), P::UserInfo);
    assert_eq!(problem("com.example.app://a:x/", &NATIVE), P::Port);
    assert_eq!(problem("Com.example.app:/callback", &NATIVE), P::Ambiguous);
    assert_eq!(problem("1.2:/callback", &NATIVE), P::Ambiguous);
}

#[test]
fn fm_02_fm_03_no_user_information() {
    for bad in [
        "https://good.example@evil.example/",
        "https://good.example:x@evil.example/",
        "https://a@b@evil.example/",
        "https://@evil.example/",
        "https://good.example:443@evil.example:443/",
        "https://[::1]@evil.example/",
        "http://localhost@evil.example/",
    ] {
        assert_eq!(problem(bad, &ALL), P::UserInfo, "{bad}");
    }
    assert_eq!(problem("https://evil.example#@good.example/", &ALL), P::Fragment);
    assert_eq!(problem("https://good.example\\@evil.example/", &ALL), P::Character);
}

#[test]
fn fm_02_an_address_or_host_that_a_browser_reads_otherwise_is_refused() {
    for bad in [
        "https://APP.example/cb",
        "https://0x7f.1/cb",
        "https://2130706433/cb",
        "https://0300.0.2.7/cb",
        "https://192.0.2.07/cb",
        "https://[0:0:0:0:0:0:0:1]/cb",
        "https://[::FF]/cb",
        "https://xn--/cb",
        "https://[app.example]/cb",
        "https://[::1/cb",
        "http://127.1/cb",
    ] {
        let problem = problem(bad, &ALL);
        assert!(matches!(problem, P::Ambiguous | P::Port), "{bad}: {problem:?}");
    }
    // WHATWG URLs encode an apostrophe in a query: what we would send is not what was registered.
    assert_eq!(problem("https://app.example/?a='b'", &ALL), P::Ambiguous);
}

#[test]
fn fm_02_st_25_a_host_holds_nothing_that_could_end_a_policys_directive() {
    for host in ["a;b", "a'b", "a,b", "a%2eb", "a*b", "*.app.example", "a(b)", "a!b", "a$b", "a&b", "a+b", "a=b", "a~b"]
    {
        assert_eq!(problem(&format!("https://{host}/cb"), &ALL), P::Character, "{host}");
        assert_eq!(problem(&format!("com.example.app://{host}/cb"), &ALL), P::Character, "{host}");
    }
    assert!(register("https://a_b-c.example/cb", &ALL).is_ok());
}

#[test]
fn fm_02_a_port_has_one_spelling() {
    for bad in ["", "0", "08443", "65536", "99999999999999999999", "84x3", "+8443", "-1", "1:2"] {
        assert_eq!(problem(&format!("https://app.example:{bad}/cb"), &ALL), P::Port, "{bad}");
        assert_eq!(problem(&format!("https://[::1]:{bad}/cb"), &ALL), P::Port, "{bad}");
    }
    assert_eq!(problem("https://[::1]8443/cb", &ALL), P::Port);
    assert_eq!(problem("https://[::1].evil.example/cb", &ALL), P::Port);
}

#[test]
fn fm_04_dot_segments_are_refused_however_they_are_spelled() {
    for path in [
        ".",
        "..",
        "./",
        "../",
        "a/..",
        "a/../b",
        "a/./b",
        "%2e",
        "%2E%2e",
        "a/.%2e/b",
        "a/%2e./b",
        "..;/",
        "a/..;x=y/b",
        ".;",
        "a;../b",
        "a%2f..%2Fb",
        "..%2f",
        "a//../b",
    ] {
        assert_eq!(problem(&format!("https://app.example/{path}"), &ALL), P::DotSegment, "{path}");
    }
    for path in ["...", "a.b", ".well-known/x", "a..b", "..a", "a//b", "%252e%252e", ".%2e."] {
        assert!(register(&format!("https://app.example/{path}"), &ALL).is_ok(), "{path}");
    }
    assert!(register("https://app.example/cb?x=../..", &ALL).is_ok());
}

#[test]
fn fm_08_only_the_characters_of_a_uri() {
    for bad in 0..=0x7f_u8 {
        let bad = bad as char;
        let text = format!("https://app.example/a{bad}b");
        let fine = bad.is_ascii_alphanumeric() || "-._~:/?@!$&'()*+,;=".contains(bad);
        if fine {
            assert!(register(&text, &ALL).is_ok(), "{text}");
        } else {
            let expected = if bad == '#' { P::Fragment } else { P::Character };
            assert_eq!(problem(&text, &ALL), expected, "{text:?}");
        }
    }
    for bad in ["\u{e9}", "\u{ff0e}", "\u{2028}", "\u{202e}", "%", "%4", "%zz", "%4z", "%z4", "%+1"] {
        assert_eq!(problem(&format!("https://app.example/{bad}"), &ALL), P::Character, "{bad}");
        assert_eq!(problem(&format!("https://app.example/?x={bad}"), &ALL), P::Character, "{bad}");
        assert_eq!(problem(&format!("https://app.example{bad}"), &ALL), P::Character, "{bad}");
    }
    for encoded in ["%00", "%09", "%0a", "%0D", "%1f", "%1F", "%7f", "%7F", "%5c", "%5C"] {
        assert_eq!(problem(&format!("https://app.example/{encoded}"), &ALL), P::Character, "{encoded}");
        assert_eq!(problem(&format!("https://app.example/?{encoded}=1"), &ALL), P::Character, "{encoded}");
    }
    for encoded in ["%20", "%5b", "%5d", "%7e", "%80", "%2c", "%4c", "%6c"] {
        assert!(register(&format!("https://app.example/{encoded}"), &ALL).is_ok(), "{encoded}");
    }
    assert_eq!(problem("https://app.example/a[b", &ALL), P::Character);
    assert_eq!(problem("https://app.example/?a]=b", &ALL), P::Character);
}

#[test]
fn fm_06_a_query_with_a_response_parameter_is_refused() {
    for name in [
        "code",
        "state",
        "iss",
        "error",
        "error_description",
        "error_uri",
        "response",
        "session_state",
        "id_token",
        "access_token",
        "token_type",
        "expires_in",
        "CODE",
        "State",
        "c%6fde",
        "%73tate",
    ] {
        for query in [format!("{name}=x"), name.to_owned(), format!("a=b&{name}="), format!("a=b;{name}=x")] {
            assert_eq!(problem(&format!("https://app.example/cb?{query}"), &ALL), P::ReservedName, "{query}");
        }
        assert!(register(&format!("https://app.example/cb?my_{name}=x&a={name}"), &ALL).is_ok());
    }
}

#[test]
fn fm_118_a_redirect_uri_has_a_length_limit() {
    let base = "https://app.example/";
    let longest = format!("{base}{}", "a".repeat(MAX_BYTES - base.len()));
    assert_eq!(longest.len(), 2048);
    assert!(register(&longest, &ALL).is_ok());
    assert_eq!(problem(&format!("{longest}a"), &ALL), P::TooLong);
}

#[test]
fn every_problem_says_something_of_its_own() {
    let all = [
        P::TooLong,
        P::NotAbsolute,
        P::Fragment,
        P::Character,
        P::Scheme,
        P::PlainHttp,
        P::UserInfo,
        P::Port,
        P::DotSegment,
        P::ReservedName,
        P::Ambiguous,
    ];
    let sentences: std::collections::BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), all.len());
    assert!(sentences.iter().all(|s| s.len() > 20));
}

#[test]
fn st_7_fm_01_fm_07_fm_11_matching_is_byte_equality() {
    let registered = list(&["https://foo.example/cb", "https://bar.example/.*"]);
    for any_port in [false, true] {
        assert!(matches(&registered, "https://foo.example/cb", any_port));
        assert!(matches(&registered, "https://bar.example/.*", any_port));
        for bad in [
            "https://fooXexample/cb",
            "https://foo.example/cb/",
            "https://foo.example/c",
            "https://foo.example",
            "https://foo.example/CB",
            "https://FOO.example/cb",
            "https://foo.example:443/cb",
            "https://foo.example/cb?x",
            "https://foo.example/cb#",
            "https://foo.example/cb ",
            " https://foo.example/cb",
            "https://foo.example/%63b",
            "https://foo.example/x/../cb",
            "https://foo.example/..;/cb",
            "https://foo.example//cb",
            "http://foo.example/cb",
            "https://foo.example.evil.example/cb",
            "https://evil.example/https://foo.example/cb",
            "https://bar.example/anything",
            "",
        ] {
            assert!(!matches(&registered, bad, any_port), "{bad}");
        }
        assert!(!matches(&[], "https://foo.example/cb", any_port), "a client without URIs matches nothing");
        assert!(!matches(&[], "", any_port));
    }
}

#[test]
fn fm_09_fm_12_no_subdomain_and_no_other_path_matches() {
    let registered = list(&["https://app.example.co.uk/oauth/cb"]);
    for host in [
        "evil.app.example.co.uk",
        "example.co.uk",
        "co.uk",
        "appxexample.co.uk",
        "evilapp.example.co.uk",
        "app.example.co.uk.evil.example",
        "app.example.co.uk.",
        "app.example.co.uk%2eevil.example",
        "app.example.co.uk\\.evil.example",
        "app.example.co.uk%00.evil.example",
        "app.example.co.uk:443",
        "app.example.co.uk:80",
        "app.example.co.uk@evil.example",
        "app.example.co.uk&evil.example",
        "app\u{3002}example.co.uk",
    ] {
        assert!(!matches(&registered, &format!("https://{host}/oauth/cb"), true), "{host}");
    }
    for path in [
        "/oauth/cb/",
        "/oauth/cb/evil",
        "/oauth/cb/../evil",
        "/oauth/cb/..;/evil",
        "/oauth/cb%2f..%2fevil",
        "/oauth/cb;x",
        "/oauth/cb?",
        "/oauth/cb?x=y",
        "/oauth/cb#",
        "/oauth/cb%20",
        "/oauth/cb%00",
        "/oauth/./cb",
        "//oauth/cb",
        "/oauth//cb",
        "/OAUTH/cb",
        "/oauth%2fcb",
        "/oauth\\cb",
        "/oauth/cb\t",
        "/oauth/c%62",
        "/oauth/cb%0d%0aX:y",
        "",
        "/oauth/evil/../cb",
        "/oauth/cb.evil",
        "/oauth/cbevil",
        "/oauth/cb&x=y",
    ] {
        assert!(!matches(&registered, &format!("https://app.example.co.uk{path}"), true), "{path}");
    }
}

#[test]
fn st_8_fm_05_only_the_port_of_a_loopback_uri_may_differ() {
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let registered = list(&[&format!("http://{host}/cb?a=b"), "https://app.example/cb"]);
        let ported = list(&[&format!("http://{host}:8080/cb?a=b")]);
        for good in [
            format!("http://{host}/cb?a=b"),
            format!("http://{host}:1/cb?a=b"),
            format!("http://{host}:49152/cb?a=b"),
            format!("http://{host}:65535/cb?a=b"),
        ] {
            assert!(matches(&registered, &good, true), "{good}");
            assert!(matches(&ported, &good, true), "{good}");
            let exact = good == registered[0];
            assert_eq!(matches(&registered, &good, false), exact, "{good}");
        }
        for bad in [
            format!("http://{host}:0/cb?a=b"),
            format!("http://{host}:/cb?a=b"),
            format!("http://{host}:080/cb?a=b"),
            format!("http://{host}:65536/cb?a=b"),
            format!("http://{host}:+80/cb?a=b"),
            format!("http://{host}:8o/cb?a=b"),
            format!("http://{host}:80:80/cb?a=b"),
            format!("http://{host}:80@evil.example/cb?a=b"),
            format!("http://{host}@evil.example/cb?a=b"),
            format!("http://{host}.evil.example/cb?a=b"),
            format!("http://{host}80/cb?a=b"),
            format!("http://{host}:80/CB?a=b"),
            format!("http://{host}:80/cb?a=c"),
            format!("http://{host}:80/cb"),
            format!("http://{host}:80"),
            format!("https://{host}:80/cb?a=b"),
            format!("HTTP://{host}:80/cb?a=b"),
            format!("http://{host}:80/cb?a=b#"),
            "http://127.0.0.2:80/cb?a=b".to_owned(),
            "http://evil.example:80/cb?a=b".to_owned(),
        ] {
            assert!(!matches(&registered, &bad, true), "{bad}");
            assert!(!matches(&ported, &bad, true), "{bad}");
        }
    }
    // The three hosts are not each other, and https does not take part.
    assert!(!matches(&list(&["http://localhost/cb"]), "http://127.0.0.1:80/cb", true));
    assert!(!matches(&list(&["https://localhost/cb"]), "https://localhost:80/cb", true));
    assert!(matches(&list(&["http://localhost"]), "http://localhost:9", true));
    assert!(matches(&list(&["http://localhost?a"]), "http://localhost:9?a", true));
    // Even beside a registered value that should not be there.
    assert!(!matches(&list(&["http://localhost.evil.example/cb"]), "http://localhost:9.evil.example/cb", true));
    assert!(!matches(&list(&["http://localhost:9.evil.example/cb"]), "http://localhost.evil.example/cb", true));
    assert!(!matches(&list(&["http://localhost.a/cb"]), "http://localhost.b/cb", true));
}

#[test]
fn st_6_a_missing_redirect_uri_stands_for_the_only_registered_one() {
    let one = list(&["https://a.example/cb"]);
    let two = list(&["https://a.example/cb", "https://b.example/cb"]);
    assert_eq!(select(None, &one, false), Ok("https://a.example/cb"));
    assert_eq!(select(None, &two, false), Err(NoRedirect::Missing));
    assert_eq!(select(None, &[], false), Err(NoRedirect::Missing));
    assert_eq!(select(Some("https://b.example/cb"), &two, false), Ok("https://b.example/cb"));
}

#[test]
fn st_6_fm_01_an_unregistered_redirect_uri_is_told_with_what_it_was_compared() {
    let one = list(&["https://a.example/cb"]);
    let asked = "https://evil.example/cb".to_owned();
    assert_eq!(
        select(Some(&asked), &one, true),
        Err(NoRedirect::Mismatch(RedirectMismatch { asked: asked.clone(), registered: one.clone() }))
    );
    assert_eq!(
        select(Some(&asked), &[], true),
        Err(NoRedirect::Mismatch(RedirectMismatch { asked: asked.clone(), registered: Vec::new() }))
    );
}

#[test]
fn st_8_select_lets_the_loopback_port_differ_only_when_told_so() {
    let registered = list(&["http://127.0.0.1/cb"]);
    assert_eq!(select(Some("http://127.0.0.1:5/cb"), &registered, true), Ok("http://127.0.0.1:5/cb"));
    assert!(select(Some("http://127.0.0.1:5/cb"), &registered, false).is_err());
}

#[test]
fn origins_are_spelled_as_browsers_spell_them() {
    assert_eq!(origin("https://app.example/cb?x").as_deref(), Some("https://app.example"));
    assert_eq!(origin("https://app.example:443/cb").as_deref(), Some("https://app.example"));
    assert_eq!(origin("https://app.example:8443/cb").as_deref(), Some("https://app.example:8443"));
    assert_eq!(origin("http://localhost:8080/cb").as_deref(), Some("http://localhost:8080"));
    assert_eq!(origin("http://[::1]:8080/cb").as_deref(), Some("http://[::1]:8080"));
    for none in ["com.example.app:/cb", "ftp://a.example/", "blob:https://a.example/x", "nonsense", ""] {
        assert_eq!(origin(none), None, "{none}");
    }
}

#[test]
fn a_content_security_policy_gets_a_source_that_its_grammar_has() {
    for (uri, sources) in [
        ("https://app.example:8443/cb", &["https:"][..]),
        ("https://[2001:db8::1]/cb", &["https:"]),
        ("http://127.0.0.1:5/cb", &["http://localhost:*", "http://127.0.0.1:*", "https:"]),
        ("http://localhost/cb", &["http://localhost:*", "http://127.0.0.1:*", "https:"]),
        ("http://[::1]:5/cb", &["http:", "https:"]),
        ("http://wiki.example/cb", &["http:", "https:"]),
        ("com.example.app:/cb", &["com.example.app:", "https:"]),
        ("com.example.app://host/cb", &["com.example.app:", "https:"]),
        ("javascript:alert(1)", &[]),
        ("data:text/html,x", &[]),
        ("nonsense", &[]),
        ("", &[]),
    ] {
        assert_eq!(csp_sources(uri), sources, "{uri}");
    }
}

/// Pieces out of which attacks are made.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "https://",
        "http://",
        "http:",
        "//",
        "/",
        "\\",
        "@",
        ":",
        "#",
        "?",
        "&",
        "=",
        ";",
        ".",
        "..",
        "%2e",
        "%2F",
        "%5c",
        "%00",
        "%0a",
        "\t",
        "\n",
        " ",
        "\0",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[",
        "]",
        "0x7f.1",
        "good.example",
        "evil.example",
        "GOOD.example",
        "xn--a",
        "\u{e9}",
        "\u{ff0f}",
        "\u{3002}",
        "%",
        "%4",
        "code",
        "state",
        "80",
        "443",
        "8080",
        "0",
        "a",
        "A",
        "-",
        "_",
        "~",
        "+",
        "*",
        "com.example.app:",
        "javascript:",
        "data:",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn fm_02_fm_03_whatever_is_registered_reads_the_same_to_a_browser(
        start in prop::sample::select(vec!["", "https://good.example", "http://localhost", "com.example.app:/"]),
        pieces in prop::collection::vec(piece(), 0..8),
    ) {
        let text = format!("{start}{}", pieces.concat());
        if let Ok(uri) = register(&text, &ALL) {
            prop_assert_eq!(uri.as_str(), &text);
            let read = url::Url::parse(&text).unwrap();
            let authority = text.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
            let authority = authority.and_then(|rest| rest.split(['/', '?']).next());
            let port = read.port().map(|p| format!(":{p}")).unwrap_or_default();
            if let Some(authority) = authority {
                let host = read.host_str().unwrap_or_default();
                let with_default_port = [format!("{host}:443"), format!("{host}:80")];
                prop_assert!(
                    authority == format!("{host}{port}") || with_default_port.contains(&authority.to_owned()),
                    "{} is read as {}{}", text, host, port
                );
            }
            prop_assert_eq!(read.username(), "");
            prop_assert_eq!(read.password(), None);
            prop_assert_eq!(read.fragment(), None);
            prop_assert!(matches!(read.scheme(), "https" | "http") || read.scheme().contains('.'));
            for (name, _) in read.query_pairs() {
                prop_assert!(name != "code" && name != "state");
            }
            prop_assert!(text.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\'));
        }
    }

    #[test]
    fn fm_07_no_mutant_of_a_registered_uri_matches(
        registered in prop::sample::select(vec![
            "https://portal.example.com/cb", "https://a.example/cb?x=1", "http://localhost:8080/cb",
        ]),
        at in 0usize..40, insert in piece(), cut in 0usize..4,
    ) {
        let at = at.min(registered.len());
        let end = (at + cut).min(registered.len());
        let mutant = format!("{}{}{}", &registered[..at], insert, &registered[end..]);
        let same = mutant == registered;
        prop_assert_eq!(matches(&[registered.to_owned()], &mutant, false), same);
    }

    #[test]
    fn st_8_with_any_loopback_port_a_match_differs_in_port_digits_only(
        pieces in prop::collection::vec(piece(), 0..5), port in 0u32..70_000,
    ) {
        let registered = "http://127.0.0.1/cb";
        let text = format!("http://127.0.0.1:{port}{}", pieces.concat());
        let expected = (1..=65_535).contains(&port) && pieces.concat() == "/cb";
        prop_assert_eq!(matches(&[registered.to_owned()], &text, true), expected);
        let text = format!("http://127.0.0.1:{port}/cb");
        prop_assert_eq!(matches(&[registered.to_owned()], &text, true), (1..=65_535).contains(&port));
    }

    #[test]
    fn fm_118_no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = (register(&text, &ALL), origin(&text), csp_sources(&text), is_plain_http(&text));
        let _ = matches(std::slice::from_ref(&text), &text, true);
    }
}
