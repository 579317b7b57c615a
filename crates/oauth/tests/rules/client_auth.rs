//! Client authentication: every template, every method, every way to get it wrong.

use vestibule_oauth::client::{Access, AccessTokenFormat, Client, RegisteredClient};
use vestibule_oauth::client_auth::{AuthedClient, Method, authenticate, by_refresh_token, identify, unknown};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::secret::{Digest, Kind, MachineSecret};
use vestibule_oauth::template::{Switch, Template, Wire};

fn client(template: Template) -> Client {
    Client {
        id: Id::from_bytes([7; 16]),
        client_id: "app_a".to_owned(),
        name: "A".to_owned(),
        template,
        confidential: template.confidential(),
        switches: template.switches(),
        lifetimes: template.lifetimes(),
        scopes: template.default_scopes(),
        access: Access::Everyone,
        id_token_alg: Algorithm::Rs256,
        access_token_format: AccessTokenFormat::Opaque,
        sector: None,
        enabled: true,
    }
}

fn machine_secret(kind: Kind, seed: u8) -> MachineSecret {
    MachineSecret::new(kind, Id::from_bytes([seed; 16]), [seed; 32])
}

/// The spelling of the client secret made from `seed`.
fn spelled(seed: u8) -> String {
    machine_secret(Kind::ClientSecret, seed).spell().expose().to_owned()
}

fn digests(seeds: &[u8]) -> Vec<Digest> {
    seeds.iter().map(|s| machine_secret(Kind::ClientSecret, *s).digest()).collect()
}

fn basic(id: &str, secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn form(text: &str) -> Parameters {
    Parameters::read(None, Body::Form(text.as_bytes()), None).unwrap()
}

fn with_basic(header: &str, body: &str) -> Parameters {
    Parameters::read(None, Body::Form(body.as_bytes()), Some(header)).unwrap()
}

fn in_query(text: &str) -> Parameters {
    Parameters::read(Some(text), Body::None, None).unwrap()
}

fn json(text: &str) -> Parameters {
    Parameters::read(None, Body::Json(text.as_bytes()), None).unwrap()
}

fn try_as(template: Template, parameters: &Parameters) -> Result<AuthedClient, Refusal> {
    let client = client(template);
    let secrets = if client.confidential { digests(&[1, 2]) } else { Vec::new() };
    authenticate(parameters, RegisteredClient { client, secrets })
}

fn method(template: Template, parameters: &Parameters) -> Method {
    let authed = try_as(template, parameters).unwrap_or_else(|r| panic!("{template:?}: {}", r.message()));
    assert_eq!(authed.client().client_id, "app_a");
    assert_eq!(authed.client().template, template);
    authed.method()
}

fn code(template: Template, parameters: &Parameters) -> Code {
    try_as(template, parameters).expect_err("it was accepted").code
}

const CONFIDENTIAL: [Template; 4] = [Template::Web, Template::Service, Template::IdaasOauth2, Template::Gitlife];
const PUBLIC: [Template; 2] = [Template::Spa, Template::Native];
const OLDER: [Template; 2] = [Template::IdaasOauth2, Template::Gitlife];

#[test]
fn identify_takes_the_client_id_from_wherever_it_stands() {
    assert_eq!(identify(&form("client_id=x")).unwrap(), Some("x"));
    assert_eq!(identify(&in_query("client_id=x")).unwrap(), Some("x"));
    assert_eq!(identify(&with_basic(&basic("x", "s"), "a=b")).unwrap(), Some("x"));
    assert_eq!(identify(&with_basic(&basic("x", "s"), "client_id=x")).unwrap(), Some("x"));
    assert_eq!(identify(&form("client_id=&client_secret=s")).unwrap(), None);
    assert_eq!(identify(&form("")).unwrap(), None);
}

#[test]
fn fm_21_a_request_that_names_two_clients_is_refused() {
    let both = with_basic(&basic("x", "s"), "client_id=y");
    assert_eq!(identify(&both).unwrap_err().code, Code::InvalidRequest);
    let both = Parameters::read(Some("client_id=x"), Body::Form(b"client_id=y"), None).unwrap();
    assert_eq!(identify(&both).unwrap_err().code, Code::InvalidRequest);
    let both = with_basic(&basic("app_a", &spelled(1)), "client_id=app_b");
    assert_eq!(code(Template::Web, &both), Code::InvalidRequest);
}

#[test]
fn st_45_basic_and_body_credentials_are_accepted() {
    for template in CONFIDENTIAL {
        for seed in [1, 2] {
            let body = form(&format!("client_id=app_a&client_secret={}", spelled(seed)));
            assert_eq!(method(template, &body), Method::Body);
            assert_eq!(method(template, &with_basic(&basic("app_a", &spelled(seed)), "x=y")), Method::Basic);
        }
        // A secret that is kept twice is still a secret.
        let registered = RegisteredClient { client: client(template), secrets: digests(&[1, 1]) };
        let p = form(&format!("client_id=app_a&client_secret={}", spelled(1)));
        assert!(authenticate(&p, registered).is_ok());
        // A bare client_id beside Basic is no second method.
        assert_eq!(method(template, &with_basic(&basic("app_a", &spelled(1)), "client_id=app_a")), Method::Basic);
        let encoded = basic("app%5Fa", &spelled(1).replace('_', "%5f"));
        assert_eq!(method(template, &with_basic(&encoded, "x=y")), Method::Basic);
    }
}

#[test]
fn st_44_fm_109_token_parameters_in_the_query_are_refused_unless_the_switch_allows_them() {
    let credentials = format!("client_id=app_a&client_secret={}", spelled(1));
    for template in OLDER {
        assert_eq!(method(template, &in_query(&credentials)), Method::Query);
        let split = Parameters::read(
            Some("client_id=app_a&grant_type=authorization_code"),
            Body::Form(format!("client_secret={}", spelled(1)).as_bytes()),
            None,
        );
        assert_eq!(method(template, &split.unwrap()), Method::Body, "id and secret in two places are one method");
        let twice = Parameters::read(Some(&credentials), Body::Form(credentials.as_bytes()), None).unwrap();
        assert_eq!(method(template, &twice), Method::Query, "equal values count once");
        let mut off = client(template);
        off.switches = off.switches.with(Switch::QueryParameters, false);
        let registered = RegisteredClient { client: off, secrets: digests(&[1]) };
        assert_eq!(authenticate(&in_query(&credentials), registered).unwrap_err().code, Code::InvalidRequest);
    }
    for template in [Template::Web, Template::Service, Template::Spa, Template::Native] {
        assert_eq!(code(template, &in_query(&credentials)), Code::InvalidRequest);
        for name in [
            "client_id",
            "client_secret",
            "code",
            "code_verifier",
            "refresh_token",
            "password",
            "username",
            "token",
            "grant_type",
            "redirect_uri",
            "scope",
        ] {
            let text = if name == "client_id" { "client_id=app_a".to_owned() } else { format!("{name}=v") };
            let body = if name == "client_secret" { "client_id=app_a" } else { credentials.as_str() };
            let p = Parameters::read(Some(&text), Body::Form(body.as_bytes()), None).unwrap();
            let refusal = try_as(template, &p).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidRequest, "{template:?} {name}");
            assert!(
                refusal.message().starts_with(&format!("{name} must not stand in the URL")),
                "{}",
                refusal.message()
            );
            assert!(!refusal.message().contains(&spelled(1)));
        }
    }
    // What is no parameter of a token request may stand there.
    let p = Parameters::read(Some("trace=1&scope="), Body::Form(credentials.as_bytes()), None).unwrap();
    assert_eq!(method(Template::Web, &p), Method::Body);
}

#[test]
fn a_json_body_is_refused_unless_the_switch_allows_it() {
    let text = format!(r#"{{"client_id":"app_a","client_secret":"{}"}}"#, spelled(1));
    assert_eq!(method(Template::Gitlife, &json(&text)), Method::Body);
    for template in [Template::Web, Template::Service, Template::IdaasOauth2] {
        assert_eq!(code(template, &json(&text)), Code::InvalidRequest);
    }
    for template in PUBLIC {
        assert_eq!(code(template, &json(r#"{"client_id":"app_a"}"#)), Code::InvalidRequest);
    }
}

#[test]
fn st_46_two_authentication_methods_are_refused_even_with_equal_values() {
    for template in CONFIDENTIAL {
        for (header, body) in [(1, 1), (1, 2), (1, 9), (9, 1)] {
            let body = format!("client_secret={}", spelled(body));
            let p = with_basic(&basic("app_a", &spelled(header)), &body);
            assert_eq!(code(template, &p), Code::InvalidRequest);
        }
        let p = with_basic(&basic("app_a", ""), &format!("client_secret={}", spelled(1)));
        assert_eq!(code(template, &p), Code::InvalidRequest, "a header without secret is a header");
        // An empty client_secret is absent, so it is no second method.
        let p = with_basic(&basic("app_a", &spelled(1)), "client_secret=");
        assert_eq!(method(template, &p), Method::Basic);
    }
}

#[test]
fn st_49_fm_66_a_confidential_client_without_secret_is_refused() {
    for template in CONFIDENTIAL {
        for p in [
            form("client_id=app_a"),
            form("client_id=app_a&client_secret="),
            form("client_id=app_a&client_secret=+"),
            form("client_id=app_a&client_secret=%20%20"),
            with_basic(&basic("app_a", ""), ""),
            with_basic(&basic("app_a", "+"), ""),
            with_basic(&basic("app_a", ""), "client_id=app_a"),
        ] {
            assert_eq!(code(template, &p), Code::InvalidClient, "{template:?} {p:?}");
        }
        // Nor when it has no live secret at all.
        for text in [
            "client_id=app_a",
            "client_id=app_a&client_secret=",
            &format!("client_id=app_a&client_secret={}", spelled(1)),
        ] {
            let registered = RegisteredClient { client: client(template), secrets: Vec::new() };
            assert_eq!(authenticate(&form(text), registered).unwrap_err().code, Code::InvalidClient, "{text}");
        }
    }
}

#[test]
fn fm_20_fm_21_fm_22_a_wrong_secret_is_refused() {
    let good = spelled(1);
    let flipped = good.replace(&good[20..21], if &good[20..21] == "A" { "B" } else { "A" });
    let other_kind = machine_secret(Kind::RefreshToken, 1).spell().expose().to_owned();
    let right_id = MachineSecret::new(Kind::ClientSecret, Id::from_bytes([1; 16]), [9; 32]).spell().expose().to_owned();
    for wrong in [
        spelled(3),
        "x".to_owned(),
        flipped,
        other_kind,
        right_id,
        good[..74].to_owned(),
        format!("{good}A"),
        good.to_uppercase(),
        "vst_cs_".to_owned(),
    ] {
        for template in CONFIDENTIAL {
            let refusals = [
                try_as(template, &form(&format!("client_id=app_a&client_secret={wrong}"))).unwrap_err(),
                try_as(template, &with_basic(&basic("app_a", &wrong), "")).unwrap_err(),
            ];
            for refusal in refusals {
                assert_eq!((refusal.code, refusal.status()), (Code::InvalidClient, 401), "{wrong}");
                assert!(!refusal.body().contains(&wrong), "{wrong}");
            }
        }
    }
}

#[test]
fn fm_21_one_clients_id_with_anothers_secret_is_refused() {
    // B's own secret with A's name: A's digests are what it is compared with.
    assert_eq!(
        code(Template::Web, &form(&format!("client_id=app_a&client_secret={}", spelled(5)))),
        Code::InvalidClient
    );
    // A conductor that loads the wrong client authenticates nobody.
    for text in [format!("client_id=app_b&client_secret={}", spelled(1)), format!("client_secret={}", spelled(1))] {
        assert_eq!(code(Template::Web, &form(&text)), Code::InvalidClient, "{text}");
    }
    assert_eq!(code(Template::Spa, &form("client_id=app_b")), Code::InvalidClient);
    assert_eq!(code(Template::Spa, &form("code=x")), Code::InvalidClient);
}

#[test]
fn a_public_client_names_itself_and_sends_no_secret() {
    for template in PUBLIC {
        assert_eq!(method(template, &form("client_id=app_a")), Method::Public);
        assert_eq!(method(template, &form("client_id=app_a&client_secret=")), Method::Public);
        assert_eq!(method(template, &with_basic(&basic("app_a", ""), "")), Method::Public);
        assert_eq!(code(template, &form("client_id=app_a&client_secret=x")), Code::InvalidClient);
        assert_eq!(code(template, &with_basic(&basic("app_a", &spelled(1)), "")), Code::InvalidClient);
        // Even if somebody has left a secret with it.
        let registered = RegisteredClient { client: client(template), secrets: digests(&[1]) };
        let p = form(&format!("client_id=app_a&client_secret={}", spelled(1)));
        assert_eq!(authenticate(&p, registered).unwrap_err().code, Code::InvalidClient);
    }
}

#[test]
fn fm_63_a_disabled_client_is_refused_and_only_the_client_itself_learns_why() {
    for template in Template::ALL {
        let off = || RegisteredClient { client: Client { enabled: false, ..client(template) }, secrets: digests(&[1]) };
        let good = if template.confidential() {
            form(&format!("client_id=app_a&client_secret={}", spelled(1)))
        } else {
            form("client_id=app_a")
        };
        let refusal = authenticate(&good, off()).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidClient);
        assert!(refusal.description().contains("switched off"));
        let stranger = authenticate(&form("client_id=app_a&client_secret=x"), off()).unwrap_err();
        assert_eq!(stranger.code, Code::InvalidClient);
        assert!(!stranger.description().contains("switched off"));
    }
}

#[test]
fn st_47_a_failed_header_is_answered_with_its_scheme() {
    let failed = try_as(Template::Web, &with_basic(&basic("app_a", &spelled(9)), "")).unwrap_err();
    assert!(failed.www_authenticate().unwrap().starts_with("Basic "));
    let failed = try_as(Template::Web, &form(&format!("client_id=app_a&client_secret={}", spelled(9)))).unwrap_err();
    assert!(failed.www_authenticate().unwrap().starts_with("Bearer "));
    assert!(unknown(&with_basic(&basic("nobody", "x"), "")).www_authenticate().unwrap().starts_with("Basic "));
    assert!(unknown(&form("client_id=nobody")).www_authenticate().unwrap().starts_with("Bearer "));
}

#[test]
fn st_48_an_unknown_client_gets_the_same_answer_as_a_wrong_secret() {
    for p in
        [form(&format!("client_id=app_a&client_secret={}", spelled(9))), with_basic(&basic("app_a", &spelled(9)), "")]
    {
        let (known, stranger) = (try_as(Template::Web, &p).unwrap_err(), unknown(&p));
        assert_eq!(known.body(), stranger.body());
        assert_eq!(known.status(), stranger.status());
        assert_eq!(known.www_authenticate(), stranger.www_authenticate());
    }
}

#[test]
fn refusals_have_the_clients_wire_form() {
    let wrong = form(&format!("client_id=app_a&client_secret={}", spelled(9)));
    let refusal = try_as(Template::IdaasOauth2, &wrong).unwrap_err();
    assert_eq!(refusal.status(), 401);
    assert_eq!(refusal.body(), r#"{"error":"Unauthorized","error_description":"Unauthorized"}"#);
    for (template, wire) in
        [(Template::Web, Wire::Standard), (Template::Gitlife, Wire::Gitlife), (Template::IdaasOauth2, Wire::Idaas)]
    {
        assert_eq!(try_as(template, &wrong).unwrap_err().wire, wire);
        assert_eq!(try_as(template, &form("client_id=app_a")).unwrap_err().wire, wire);
        let lone = by_refresh_token(&form("client_id=app_a"), client(template)).unwrap_err();
        assert_eq!(lone.wire, wire);
    }
}

#[test]
fn st_49_fm_70_a_refresh_token_alone_authenticates_only_where_the_switch_allows_it() {
    let alone = "grant_type=refresh_token&refresh_token=t";
    for p in [form(alone), in_query(alone), json(r#"{"grant_type":"refresh_token","refresh_token":"t"}"#)] {
        let authed = by_refresh_token(&p, client(Template::Gitlife)).unwrap();
        assert_eq!(authed.method(), Method::RefreshToken);
        assert_eq!(authed.client().client_id, "app_a");
        for template in [Template::Web, Template::Spa, Template::Native, Template::Service, Template::IdaasOauth2] {
            assert!(by_refresh_token(&p, client(template)).is_err(), "{template:?}");
        }
    }
    let mut off = client(Template::Gitlife);
    off.switches = off.switches.with(Switch::RefreshWithoutClient, false);
    assert_eq!(by_refresh_token(&form(alone), off).unwrap_err().code, Code::InvalidClient);
}

#[test]
fn st_63_fm_70_who_is_named_or_sends_credentials_must_be_authenticated() {
    let gitlife = || client(Template::Gitlife);
    for p in [
        form("grant_type=refresh_token&refresh_token=t&client_id=app_a"),
        form("grant_type=refresh_token&refresh_token=t&client_id=app_b"),
        form("grant_type=refresh_token&refresh_token=t&client_secret=x"),
        with_basic(&basic("app_a", "x"), "grant_type=refresh_token&refresh_token=t"),
        with_basic(&basic("app_a", ""), "grant_type=refresh_token&refresh_token=t"),
        // The client that the token stands for is for no other grant.
        form("grant_type=client_credentials&refresh_token=t"),
        form("grant_type=password&refresh_token=t"),
        form("grant_type=authorization_code&refresh_token=t"),
        form("refresh_token=t"),
    ] {
        assert_eq!(by_refresh_token(&p, gitlife()).unwrap_err().code, Code::InvalidClient, "{p:?}");
    }
    let off = Client { enabled: false, ..gitlife() };
    let alone = "grant_type=refresh_token&refresh_token=t";
    assert_eq!(by_refresh_token(&form(alone), off).unwrap_err().code, Code::InvalidClient);
    let strict = Client { switches: gitlife().switches.with(Switch::QueryParameters, false), ..gitlife() };
    assert_eq!(by_refresh_token(&in_query(alone), strict.clone()).unwrap_err().code, Code::InvalidRequest);
    assert!(by_refresh_token(&form(alone), strict).is_ok());
    let differing = Parameters::read(Some("client_id=a"), Body::Form(b"client_id=b"), None).unwrap();
    assert_eq!(by_refresh_token(&differing, gitlife()).unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn older_forms_are_told_each_once() {
    let secret = format!("client_id=app_a&client_secret={}", spelled(1));
    let forms = |template, p: &Parameters| try_as(template, p).unwrap().older_forms(p);
    assert_eq!(forms(Template::Gitlife, &form(&secret)), []);
    assert_eq!(forms(Template::Gitlife, &with_basic(&basic("app_a", &spelled(1)), "grant_type=x")), []);
    assert_eq!(forms(Template::Gitlife, &in_query(&secret)), [Switch::QueryParameters]);
    assert_eq!(forms(Template::Gitlife, &form(&format!("{secret}&grant_type=password"))), [Switch::PasswordGrant]);
    for (uri, expected) in [
        ("http://app.example/cb", vec![Switch::PlainHttpRedirects]),
        ("http://localhost/cb", vec![]),
        ("https://app.example/cb", vec![]),
    ] {
        assert_eq!(forms(Template::IdaasOauth2, &form(&format!("{secret}&redirect_uri={uri}"))), expected, "{uri}");
    }
    let all = in_query(&format!("{secret}&grant_type=password&redirect_uri=http://a.example/"));
    assert_eq!(
        forms(Template::Gitlife, &all),
        [Switch::QueryParameters, Switch::PasswordGrant, Switch::PlainHttpRedirects]
    );
    let alone = form("grant_type=refresh_token&refresh_token=t");
    let authed = by_refresh_token(&alone, client(Template::Gitlife)).unwrap();
    assert_eq!(authed.older_forms(&alone), [Switch::RefreshWithoutClient]);
    assert!(authed.older_forms(&alone).iter().all(|s| s.is_older_form()));
}

#[test]
fn fm_107_an_authenticated_client_prints_no_secret() {
    let authed = try_as(Template::Web, &form(&format!("client_id=app_a&client_secret={}", spelled(1)))).unwrap();
    assert!(!format!("{authed:?}").contains("vst_cs_"));
    let registered = RegisteredClient { client: client(Template::Web), secrets: digests(&[1]) };
    assert!(format!("{registered:?}").contains("[digest]"));
}
