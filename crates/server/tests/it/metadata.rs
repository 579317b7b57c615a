//! `/.well-known/openid-configuration` and `…/oauth-authorization-server`: the document and its manners. Whether what it
//! says is true, `advertised` tries.

use crate::harness::{Call, on_both};
use serde_json::json;

/// Both addresses; the issuer has no path that would have to be inserted (RFC 8414 section 3.1).
const ADDRESSES: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

#[test]
fn st_15_st_42_st_81_st_82_st_83_the_document_is_complete_and_names_its_own_address() {
    on_both(|server| {
        let [openid, oauth] = ADDRESSES.map(|path| Call::get(server.at(path)).send());
        assert_eq!(openid.text(), oauth.text());
        for answer in [&openid, &oauth] {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        }
        let document = openid.json();
        // What RFC 8414 section 2 and OpenID Connect Discovery section 3 require.
        for member in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
        ] {
            assert!(!document[member].is_null(), "{member} is missing");
        }
        assert_eq!(document["issuer"], server.url.as_str());
        assert_eq!(document["authorization_endpoint"], server.at("/oauth/authorize").as_str());
        assert_eq!(document["token_endpoint"], server.at("/oauth/token").as_str());
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["request_uri_parameter_supported"], false, "left out it would mean true");
        for (name, value) in document.as_object().expect("an object") {
            assert!(value != &json!([]), "{name} is empty and should be left out");
        }
        for nowhere in ["/x/.well-known/openid-configuration", "/.well-known/openid-configuration/x"] {
            assert_eq!(Call::get(server.at(nowhere)).send().status, 404, "{nowhere}");
        }
    });
}

#[test]
fn st_83_the_document_is_not_sent_again_to_whoever_has_it() {
    on_both(|server| {
        for path in ADDRESSES {
            let first = Call::get(server.at(path)).send();
            let tag = first.header("etag").expect("a tag").to_owned();
            for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let again = Call::get(server.at(path)).header("If-None-Match", known).send();
                assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
                assert_eq!(again.header("etag"), Some(tag.as_str()));
            }
            let other = Call::get(server.at(path)).header("If-None-Match", "\"other\"").send();
            assert_eq!(other.text(), first.text());
        }
    });
}

#[test]
fn st_57_fm_104_fm_105_forwarding_headers_change_nothing() {
    on_both(|server| {
        let plain = Call::get(server.at("/.well-known/oauth-authorization-server")).send().text();
        for (name, value) in [
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("X-Forwarded-Port", "1"),
            ("Forwarded", "host=evil.example;proto=https"),
            ("X-Original-URL", "/evil"),
            ("X-Rewrite-URL", "/evil"),
            ("X-Real-IP", "10.0.0.1"),
        ] {
            let call = Call::get(server.at("/.well-known/oauth-authorization-server")).header(name, value);
            assert_eq!(call.send().text(), plain, "{name}");
            let app = server.app("web");
            let answer = Call::get(app.authorize_url(&[])).header(name, value).send();
            assert!(!answer.header("location").unwrap_or_default().contains("evil"));
        }
    });
}

#[test]
fn fm_106_strange_paths_are_404() {
    on_both(|server| {
        for path in [
            "/oauth/token;x=1",
            "/oauth;/token",
            "/oauth//token",
            "//oauth/token",
            "/oauth/%74oken/../token",
            "/oauth%2ftoken",
            "/x/../oauth/token",
            "/oauth/token/",
            "/OAUTH/TOKEN",
            "/oauth/token%00",
            "/.well-known/../oauth/token",
        ] {
            let answer = Call::post(server.at(path)).form(&[("grant_type", "x")]).send();
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    });
}
