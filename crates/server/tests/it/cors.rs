//! Which other sites' scripts may read what.

use crate::harness::{Call, on_both, unique};

fn allowed(call: Call, origin: &str) -> Option<String> {
    let answer = call.header("Origin", origin).send();
    assert!(answer.header("access-control-allow-credentials").is_none(), "cookies are never part of it");
    answer.header("access-control-allow-origin").map(str::to_owned)
}

fn preflight(url: &str, origin: &str, method: &str) -> Option<String> {
    let call = Call::new("OPTIONS", url)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "authorization,content-type");
    allowed(call, origin)
}

/// Size in CI: 6 endpoints × 6 origins, plain and preflight.
#[test]
fn st_21_token_revoke_and_userinfo_are_for_public_clients_origins_metadata_for_any_and_authorize_for_none() {
    on_both(|server| {
        let site = format!("https://{}.example", unique("spa"));
        let confidential = format!("https://{}.example", unique("web"));
        let spa = server.app_with("spa", &[&format!("{site}/callback")], &[]);
        let web = server.app_with("web", &[&format!("{confidential}/callback")], &[]);
        let foreign = [
            "https://evil.example",
            "null",
            &confidential,
            &site.replace("https", "http"),
            &format!("{site}:8443"),
            &format!("{site}.evil.tld"),
        ];
        let (token, userinfo) = (server.at("/oauth/token"), server.at("/oauth/userinfo"));
        let revoke = server.at("/oauth/revoke");
        let end = || Call::post(&revoke).form(&[("token", "nonsense"), ("client_id", &spa.client_id)]);
        assert_eq!(allowed(end(), &site).as_deref(), Some(site.as_str()));
        assert_eq!(preflight(&revoke, &site, "POST").as_deref(), Some(site.as_str()));
        let ask = || Call::post(&token).form(&[("grant_type", "nonsense"), ("client_id", &spa.client_id)]);
        assert_eq!(allowed(ask(), &site).as_deref(), Some(site.as_str()));
        assert_eq!(allowed(Call::get(&userinfo), &site).as_deref(), Some(site.as_str()));
        assert_eq!(preflight(&token, &site, "POST").as_deref(), Some(site.as_str()));
        assert_eq!(preflight(&userinfo, &site, "GET").as_deref(), Some(site.as_str()));
        for origin in foreign {
            for got in [
                allowed(ask(), origin),
                allowed(end(), origin),
                preflight(&revoke, origin, "POST"),
                allowed(Call::get(&userinfo), origin),
                preflight(&token, origin, "POST"),
                preflight(&userinfo, origin, "GET"),
            ] {
                assert_eq!(got, None, "{origin}");
            }
        }
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/oauth/jwks"] {
            for origin in [site.as_str(), "https://evil.example"] {
                assert_eq!(allowed(Call::get(server.at(path)), origin).as_deref(), Some("*"), "{path}");
                assert_eq!(preflight(&server.at(path), origin, "GET").as_deref(), Some("*"), "{path}");
            }
        }
        for origin in [site.as_str(), &confidential, "https://evil.example", "null"] {
            assert_eq!(allowed(Call::get(web.authorize_url(&[])), origin), None);
            assert_eq!(allowed(Call::get(spa.authorize_url(&[])), origin), None);
            assert_eq!(preflight(&server.at("/oauth/authorize"), origin, "GET"), None);
            for path in ["/", "/sign-in", "/api/v5/user", "/api/bff/v1/oauth2/userinfo"] {
                assert_eq!(allowed(Call::get(server.at(path)), origin), None, "{path}");
            }
        }
    });
}
