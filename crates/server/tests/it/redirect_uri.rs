//! Redirect URIs on the wire: what is registered is compared byte for byte, and nothing else is ever redirected to.

use crate::harness::visitor::parameter;
use crate::harness::{App, Call, Server, Visitor, on_both, unique};

/// Asks with this redirect URI and says whether the request was taken up.
fn is_taken_up(server: &Server, app: &App, redirect_uri: &str) -> bool {
    let page = Visitor::new(server).open(&app.authorize_url(&[("redirect_uri", redirect_uri)]));
    if page.shows("sign-in-password") {
        return true;
    }
    page.is_error_page(400);
    false
}

/// What differs from `good` in ways that have fooled servers: see section A of the failure modes.
fn mutants(good: &str) -> Vec<String> {
    let rest = good.strip_prefix("https://").expect("https");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut all: Vec<String> = vec![
        format!("https://{}/{path}", host.replace('.', "X")),
        format!("https://{host}.evil.tld/{path}"),
        format!("https://evil.{host}/{path}"),
        format!("https://evil{host}/{path}"),
        format!("https://{}/{path}", host.to_uppercase()),
        format!("https://{host}:443/{path}"),
        format!("https://{host}:8443/{path}"),
        format!("https://{host}./{path}"),
        format!("http://{host}/{path}"),
        format!("HTTPS://{host}/{path}"),
        format!("https://{host}@evil.example/{path}"),
        format!("https://{host}:x@evil.example/{path}"),
        format!("https://evil.example#@{host}/{path}"),
        format!("https://evil.example\\@{host}/{path}"),
        format!("https://evil.example/@{host}/{path}"),
        format!("https://a@b@{host}/{path}"),
        format!("https://user@{host}/{path}"),
        format!("https://@{host}/{path}"),
        format!("https://{host}\t/{path}"),
        format!("https://{host}\\/{path}"),
        format!("https://{host}/{path}/"),
        format!("https://{host}/{path}/.."),
        format!("https://{host}/{path}/../{path}"),
        format!("https://{host}/./{path}"),
        format!("https://{host}/x/..;/{path}"),
        format!("https://{host}/%2e%2e/{path}"),
        format!("https://{host}/..%2f{path}"),
        format!("https://{host}//{path}"),
        format!("https://{host}/{path};a=b"),
        format!("https://{host}/{path}%00"),
        format!("https://{host}/{path}?code=x"),
        format!("https://{host}/{path}?"),
        format!("https://{host}/{path}#"),
        format!("https://{host}/{path}#fragment"),
        format!("https://{host}/{path}x"),
        format!("https://{host}/{}", &path[..path.len() - 1]),
        format!("https://{host}/{}", path.to_uppercase()),
        format!("https://{host}/%63{}", &path[1..]),
        format!("https://{host}/"),
        format!("https://{host}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good},https://evil.example/"),
        format!("//{host}/{path}"),
        format!("/{path}"),
        "javascript:alert(1)".into(),
        "JaVaScRiPt:alert(1)".into(),
        "java\tscript:alert(1)".into(),
        "data:text/html,<script>alert(1)</script>".into(),
        "https://evil.example/callback".into(),
        ".*".into(),
        "*".into(),
        "https://*".into(),
        "https:".into(),
        "%".into(),
        "\u{0}".into(),
    ];
    for at in 0..6 {
        all.push(format!("https://{}{host}/{path}", "@".repeat(at + 1)));
        all.push(format!("https://{}{host}/{path}", ":".repeat(at + 1)));
    }
    all
}

/// Size in CI: 69 mutants of one registered address.
#[test]
fn st_06_st_07_fm_01_fm_02_fm_03_fm_04_fm_07_fm_08_fm_09_fm_10_fm_11_fm_12_only_the_registered_bytes_match() {
    on_both(|server| {
        let good = "https://client.example/callback";
        let app = server.app_with("web", &[good], &[]);
        assert!(is_taken_up(server, &app, good));
        for bad in mutants(good) {
            assert!(!is_taken_up(server, &app, &bad), "{bad} was taken for {good}");
        }
    });
}

#[test]
fn st_06_fm_01_the_parameter_may_be_left_out_only_when_one_is_registered() {
    on_both(|server| {
        let one = server.app_with("web", &["https://client.example/one"], &[]);
        let page = Visitor::new(server).open(&one.authorize_url(&[("redirect_uri", "")]));
        assert!(page.shows("sign-in-password"), "{}", page.answer.text());
        let two = server.app_with("web", &["https://client.example/one", "https://client.example/two"], &[]);
        Visitor::new(server).open(&two.authorize_url(&[("redirect_uri", "")])).is_error_page(400);
        assert!(is_taken_up(server, &two, "https://client.example/two"));
    });
}

#[test]
fn fm_01_an_application_that_signs_people_in_needs_a_registered_address() {
    on_both(|server| {
        let output = server.command(&["app", "add", &unique("none"), "--template", "web"], "");
        assert!(!output.status.success(), "a web application without a redirect URI was made");
    });
}

#[test]
fn st_09_st_10_st_11_fm_06_fm_08_what_may_not_be_registered() {
    on_both(|server| {
        let refused = |template: &str, uri: &str| {
            let name = unique("bad");
            let output = server.command(&["app", "add", &name, "--template", template, "--redirect-uri", uri], "");
            assert!(!output.status.success(), "{template} registered {uri}");
            assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "without a word");
        };
        for uri in [
            "https://client.example/cb#fragment",
            "https://client.example/cb#",
            "https://client.example/cb?code=1",
            "https://client.example/cb?state=1",
            "https://client.example/cb?iss=1",
            "https://client.example/cb?error=1",
            "https://client.example/cb?%63ode=1",
            "https://user@client.example/cb",
            "https://client.example\\@evil.example/cb",
            "https://client.example/a/../cb",
            "http://client.example/cb",
            "/cb",
            "client.example/cb",
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://client.example/x",
            "about:blank",
            "https://client.example/ cb",
            "https://client.example/cb\n",
            "",
        ] {
            refused("web", uri);
        }
        for uri in ["myapp:/cb", "myapp://cb", "javascript:alert(1)", "http://client.example/cb", "data:x"] {
            refused("native", uri);
        }
        refused("web", "com.example.app:/cb");
        let native = server.app_with("native", &["com.example.app:/cb"], &[]);
        assert!(is_taken_up(server, &native, "com.example.app:/cb"));
    });
}

#[test]
fn st_10_plain_http_is_accepted_with_a_warning_only_where_the_template_says_so() {
    on_both(|server| {
        for template in ["idaas-oauth2", "gitlife"] {
            let app = server.app_with(template, &["http://intranet.example/cb"], &[]);
            assert!(is_taken_up(server, &app, "http://intranet.example/cb"));
            let warnings = app.shown["warnings"].to_string();
            assert!(warnings.contains("http"), "no warning: {}", app.shown);
        }
        let loopback = server.app_with("web", &["http://127.0.0.1:9/cb"], &[]);
        assert!(is_taken_up(server, &loopback, "http://127.0.0.1:9/cb"));
        assert!(!is_taken_up(server, &loopback, "http://127.0.0.1:10/cb"), "any port is for native clients");
    });
}

#[test]
fn st_08_fm_05_the_loopback_exception_is_the_port_and_nothing_else() {
    on_both(|server| {
        let uris = ["http://127.0.0.1/cb", "http://[::1]/cb?k=v"];
        let app = server.app_with("native", &uris, &[]);
        for good in
            ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:8080/cb?k=v"]
        {
            assert!(is_taken_up(server, &app, good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:8080/other",
            "http://127.0.0.1:8080/cb/",
            "http://127.0.0.1:8080/cb?x=1",
            "http://127.0.0.1:8080",
            "http://127.0.0.2:8080/cb",
            "http://localhost:8080/cb",
            "https://127.0.0.1:8080/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:0x50/cb",
            "http://127.0.0.1:8080@evil.example/cb",
            "http://127.0.0.1:@evil.example/cb",
            "http://127.0.0.1.evil.example:80/cb",
            "http://127.1:8080/cb",
            "http://2130706433:8080/cb",
            "http://0x7f.0.0.1:8080/cb",
            "http://0.0.0.0:8080/cb",
            "http://[::1]:8080/cb",
            "http://[::1]:8080/cb?k=w",
            "http://[0:0:0:0:0:0:0:1]:8080/cb?k=v",
            "http://[::ffff:127.0.0.1]:8080/cb",
            "http://user@127.0.0.1:8080/cb",
        ] {
            assert!(!is_taken_up(server, &app, bad), "{bad}");
        }
        let named = server.app_with("native", &["http://localhost/cb"], &[]);
        for bad in [
            "http://127.0.0.1/cb",
            "http://localhost.evil.example/cb",
            "http://evil.example/cb",
            "http://localhost@evil.example/cb",
        ] {
            assert!(!is_taken_up(server, &named, bad), "{bad}");
        }
    });
}

#[test]
fn st_09_fm_06_an_existing_query_is_kept_and_each_parameter_stands_once() {
    on_both(|server| {
        let uri = "https://client.example/cb?keep=a%20b&x=";
        let app = server.app_with("web", &[uri], &[]);
        let person = server.person();
        let mut visitor = Visitor::new(server);
        let back = visitor.go_through(&app.authorize_url(&[]), &person, None);
        assert!(back.starts_with("https://client.example/cb?keep=a%20b&x=&"), "{back}");
        for name in ["code", "state", "iss"] {
            assert!(parameter(&back, name).is_some(), "{name}: {back}");
        }
        let error = visitor.open(&app.authorize_url(&[("response_type", "token")]));
        let back = error.left_for.expect("sent back");
        assert!(back.starts_with("https://client.example/cb?keep=a%20b&x=&"), "{back}");
        for name in ["error", "state", "iss"] {
            assert!(parameter(&back, name).is_some(), "{name}: {back}");
        }
    });
}

#[test]
fn fm_13_fm_14_no_error_at_all_goes_to_an_unregistered_address() {
    on_both(|server| {
        let app = server.app("web");
        let evil = "https://evil.example/callback";
        let long = "x".repeat(3000);
        for over in [
            ("response_type", ""),
            ("response_type", "token"),
            ("scope", "no_such_scope"),
            ("scope", "\""),
            ("code_challenge", ""),
            ("code_challenge_method", "plain"),
            ("prompt", "none"),
            ("prompt", "none login"),
            ("prompt", "nonsense"),
            ("state", long.as_str()),
            ("request", "eyJ"),
            ("request_uri", "https://evil.example/request"),
            ("response_mode", "fragment"),
            ("nonce", "n"),
        ] {
            let url = app.authorize_url(&[("redirect_uri", evil), over]);
            let page = Visitor::new(server).open(&url);
            page.is_error_page(400);
            assert!(!page.answer.text().contains(&format!("href=\"{evil}")), "the page links to it");
            let fields = crate::harness::visitor::parameters(&url);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let posted = Call::post(server.at("/oauth/authorize")).form(&fields).send();
            assert_eq!((posted.status, posted.header("location")), (400, None), "{}", posted.text());
        }
    });
}

#[test]
fn the_page_of_a_wrong_callback_shows_both_values_to_the_developer() {
    on_both(|server| {
        let app = server.app_with("web", &["https://client.example/callback"], &[]);
        let page =
            Visitor::new(server).open(&app.authorize_url(&[("redirect_uri", "https://client.example/callback/")]));
        page.is_error_page(400);
        // The part that differs is marked.
        let text = page.answer.text().replace("<mark>", "").replace("</mark>", "");
        assert!(text.contains("https://client.example/callback/<"), "{text}");
        assert!(text.matches("https://client.example/callback").count() >= 2, "{text}");
    });
}
