//! The authorization request: what is refused, who is told, what is kept.

use crate::sample::{HINTING, client, query, scope, with};
use vestibule_oauth::authorize::{AuthorizationRequest, Prompt, Rejection, judge};
use vestibule_oauth::client::Client;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::template::{Switch, Template, Wire};

const CALLBACK: &str = "https://app.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn ask(client: &Client, text: &str) -> Result<AuthorizationRequest, Rejection> {
    judge(&query(text), client, &[CALLBACK.to_owned()], &HINTING)
}

/// A request of `client` with a good redirect URI and state, and with `rest`.
fn ask_well(client: &Client, rest: &str) -> Result<AuthorizationRequest, Rejection> {
    ask(client, &format!("client_id=app_sample&redirect_uri={CALLBACK}&state=xyz&{rest}"))
}

/// The refusal, which must go to the client together with its state.
fn redirected(outcome: Result<AuthorizationRequest, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Redirect { redirect_uri, state, refusal, .. }) => {
            assert_eq!((redirect_uri.as_str(), state.as_deref()), (CALLBACK, Some("xyz")));
            refusal
        }
        other => panic!("{other:?}"),
    }
}

/// The refusal, which must be a page.
fn shown(outcome: Result<AuthorizationRequest, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Page(refusal, _)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Each way in which the part of a request behind the redirect URI can be wrong, with the code that it gives.
const WRONG: [(&str, Code); 29] = [
    ("scope=openid", Code::InvalidRequest),
    ("response_type=", Code::InvalidRequest),
    ("response_type=token", Code::UnsupportedResponseType),
    ("response_type=code%20id_token", Code::UnsupportedResponseType),
    ("response_type=Code", Code::UnsupportedResponseType),
    ("response_type=none&prompt=none", Code::UnsupportedResponseType),
    ("response_type=code&response_mode=fragment", Code::InvalidRequest),
    ("response_type=code&response_mode=form_post.jwt", Code::InvalidRequest),
    ("response_type=code&response_mode=web_message", Code::InvalidRequest),
    ("response_type=code&scope=openid%20admin", Code::InvalidScope),
    ("response_type=code&scope=admin&prompt=none", Code::InvalidScope),
    ("response_type=code&scope=open%22id", Code::InvalidScope),
    ("response_type=code&request=eyJhbGciOiJub25lIn0.e30.", Code::RequestNotSupported),
    ("response_type=code&request_uri=https://evil.example/r", Code::RequestUriNotSupported),
    ("response_type=code&registration=%7B%7D", Code::RegistrationNotSupported),
    ("response_type=code&max_age=-1", Code::InvalidRequest),
    ("response_type=code&max_age=1.5", Code::InvalidRequest),
    ("response_type=code&max_age=%2B1", Code::InvalidRequest),
    ("response_type=code&scope=openid&claims=%5B%5D", Code::InvalidRequest),
    ("response_type=code&scope=openid&id_token_hint=eyJhbGciOiJub25lIn0.e30.", Code::InvalidRequest),
    ("response_type=code&code_challenge_method=S256", Code::InvalidRequest),
    ("response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Code::InvalidRequest),
    (
        "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=plain",
        Code::InvalidRequest,
    ),
    (
        "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S512",
        Code::InvalidRequest,
    ),
    ("response_type=code&code_challenge=short&code_challenge_method=S256", Code::InvalidRequest),
    ("response_type=code&prompt=create", Code::InvalidRequest),
    ("response_type=code&prompt=none%20login", Code::InvalidRequest),
    ("response_type=code&prompt=consent%20none", Code::InvalidRequest),
    ("response_type=code&prompt=none%20select_account", Code::InvalidRequest),
];

#[test]
fn st_12_st_13_st_23_st_35_st_36_st_37_st_38_fm_35_fm_36_each_wrong_request_is_told_to_its_registered_uri() {
    for (rest, code) in WRONG {
        for template in [Template::Web, Template::Spa] {
            let refusal = redirected(ask_well(&client(template), rest));
            assert_eq!(refusal.code, code, "{rest}");
            let allowed = |b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(!refusal.description().is_empty() && refusal.description().bytes().all(allowed), "{rest}");
        }
    }
    let gitlife = client(Template::Gitlife);
    assert_eq!(redirected(ask_well(&gitlife, "response_type=token")).wire, Wire::Gitlife);
}

#[test]
fn st_6_fm_10_fm_13_fm_14_nothing_is_redirected_to_a_uri_that_is_not_known_good() {
    let web = client(Template::Web);
    let good = ("response_type=code&scope=openid", Code::InvalidRequest);
    for (rest, _) in WRONG.iter().chain([&good]) {
        for uri in [
            "https://evil.example/cb",
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/cb%23f",
            "//app.example/cb",
            "javascript:alert(1)",
            "not%20a%20uri",
        ] {
            let refusal = shown(ask(&web, &format!("redirect_uri={uri}&state=xyz&{rest}")));
            assert_eq!(refusal.code, Code::InvalidRequest, "{uri} {rest}");
            assert!(refusal.description().starts_with("redirect_uri"));
        }
    }
}

#[test]
fn st_6_a_mismatch_shows_the_compared_values_to_the_developer() {
    let outcome = ask(&client(Template::IdaasOauth2), "response_type=code&redirect_uri=https://app.example/CB");
    match outcome {
        Err(Rejection::Page(refusal, Some(mismatch))) => {
            assert_eq!(
                (mismatch.asked.as_str(), mismatch.registered.as_slice()),
                ("https://app.example/CB", &[CALLBACK.to_owned()][..])
            );
            assert_eq!(refusal.wire, Wire::Idaas);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn st_6_the_only_registered_uri_needs_no_name_and_one_of_several_does() {
    let web = client(Template::Web);
    let request = ask(&web, "response_type=code&redirect_uri=").unwrap();
    assert_eq!((request.redirect_uri.as_str(), request.redirect_uri_sent), (CALLBACK, false));
    let request = ask_well(&web, "response_type=code").unwrap();
    assert_eq!((request.redirect_uri.as_str(), request.redirect_uri_sent), (CALLBACK, true));
    for registered in [vec![], vec![CALLBACK.to_owned(), "https://app.example/two".to_owned()]] {
        match judge(&query("response_type=code"), &web, &registered, &HINTING) {
            Err(Rejection::Page(refusal, None)) => assert_eq!(refusal.code, Code::InvalidRequest),
            other => panic!("{other:?}"),
        }
    }
    // FM-01: a client without a registered URI is never usable.
    shown(judge(&query(&format!("response_type=code&redirect_uri={CALLBACK}")), &web, &[], &HINTING));
}

#[test]
fn st_8_a_loopback_port_is_free_only_where_the_switch_says_so() {
    let registered = ["http://127.0.0.1/cb".to_owned()];
    let text = format!(
        "response_type=code&redirect_uri=http://127.0.0.1:4711/cb&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let native = client(Template::Native);
    assert_eq!(judge(&query(&text), &native, &registered, &HINTING).unwrap().redirect_uri, "http://127.0.0.1:4711/cb");
    shown(judge(&query(&text), &client(Template::Web), &registered, &HINTING));
}

#[test]
fn st_1_query_and_body_are_read_alike_and_contradictions_refused() {
    let web = client(Template::Web);
    let registered = [CALLBACK.to_owned()];
    let both = |query: &str, body: &str| {
        judge(&Parameters::read(Some(query), Body::Form(body.as_bytes()), None).unwrap(), &web, &registered, &HINTING)
    };
    assert_eq!(both("response_type=code&state=xyz", "state=xyz").unwrap().state.as_deref(), Some("xyz"));
    let contradiction = format!("redirect_uri={CALLBACK}");
    shown(both("response_type=code&redirect_uri=https://evil.example", &contradiction));
    match both("response_type=code&state=a", "state=b") {
        Err(Rejection::Redirect { redirect_uri, state: None, refusal, .. }) => {
            assert_eq!((redirect_uri.as_str(), refusal.code), (CALLBACK, Code::InvalidRequest));
        }
        other => panic!("{other:?}"),
    }
    let refusal = redirected(both("response_type=code&state=xyz&nonce=a", "nonce=b"));
    assert_eq!(refusal.code, Code::InvalidRequest);
}

#[test]
fn st_2_st_4_unknown_parameters_are_ignored_and_empty_ones_are_absent() {
    let web = client(Template::Web);
    let empties = "scope=&nonce=&login_hint=&prompt=&response_mode=&code_challenge=&code_challenge_method=&request=&request_uri=\
         &registration=&max_age=&claims=&id_token_hint=&ui_locales=&acr_values=";
    let request =
        ask(&web, &format!("response_type=code&state=&resource=a&resource2=b&display=page&{empties}")).unwrap();
    assert!(request.scope.is_none() && request.state.is_none() && request.nonce.is_none());
    assert!(request.login_hint.is_none() && request.challenge.is_none());
    assert_eq!(request.prompt, Prompt::default());
}

#[test]
fn nonce_and_login_hint_are_at_most_a_kibibyte_and_longer_ones_are_told_to_the_client() {
    let web = client(Template::Web);
    for name in ["nonce", "login_hint"] {
        let ask = |length: usize| ask_well(&web, &format!("response_type=code&{name}={}", "n".repeat(length)));
        let request = ask(1024).expect("is short enough");
        assert_eq!(request.nonce.or(request.login_hint).map(|text| text.len()), Some(1024));
        let refusal = redirected(ask(1025));
        assert_eq!((refusal.code, refusal.description().contains(name)), (Code::InvalidRequest, true));
    }
}

#[test]
fn a_good_request_is_read_whole() {
    let text = format!(
        "response_type=code&response_mode=query&scope=email%20openid&nonce=n&login_hint=ada%40b.example&\
         prompt=login%20%20consent&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let request = ask_well(&client(Template::Web), &text).unwrap();
    assert_eq!(request.scope.as_ref().unwrap().to_string(), "email openid");
    assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("xyz"), Some("n")));
    assert_eq!(request.login_hint.as_deref(), Some("ada@b.example"));
    assert_eq!(request.challenge.unwrap().as_str(), CHALLENGE);
    assert_eq!(request.prompt, Prompt { login: true, consent: true, ..Prompt::default() });
    for (text, prompt) in [
        ("none", Prompt { none: true, ..Prompt::default() }),
        ("select_account", Prompt { select_account: true, ..Prompt::default() }),
    ] {
        let request = ask_well(&client(Template::Web), &format!("response_type=code&prompt={text}")).unwrap();
        assert_eq!(request.prompt, prompt);
    }
}

#[test]
fn st_35_fm_37_pkce_is_needed_by_public_clients_and_where_the_switch_says_so() {
    let with_challenge = format!("response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256");
    let mut public = with(client(Template::Spa), Switch::PkceRequired, false);
    for needs in [client(Template::Native), public.clone(), with(client(Template::Web), Switch::PkceRequired, true)] {
        let refusal = redirected(ask_well(&needs, "response_type=code"));
        assert_eq!(refusal.code, Code::InvalidRequest);
        assert!(refusal.description().starts_with("code_challenge"));
        assert!(ask_well(&needs, &with_challenge).is_ok());
    }
    public.confidential = true;
    assert!(ask_well(&public, "response_type=code").is_ok());
}

#[test]
fn the_idaas_application_reads_when_it_names_no_scope() {
    let idaas = client(Template::IdaasOauth2);
    assert!(ask_well(&idaas, "response_type=code").unwrap().scope.is_none());
    assert_eq!(ask_well(&idaas, "response_type=code&scope=read").unwrap().scope, Some(scope("read")));
    assert_eq!(idaas.scopes, scope("read"));
    assert_eq!(redirected(ask_well(&idaas, "response_type=code&scope=openid")).code, Code::InvalidScope);
}

#[test]
fn a_client_without_scopes_is_refused() {
    let mut web = client(Template::Web);
    web.scopes = scope("");
    assert_eq!(redirected(ask_well(&web, "response_type=code")).code, Code::InvalidScope);
}

#[test]
fn st_51_the_code_flow_needs_its_switch() {
    let service = client(Template::Service);
    assert_eq!(redirected(ask_well(&service, "response_type=code")).code, Code::UnauthorizedClient);
}

#[test]
fn fm_63_a_client_that_is_switched_off_gets_a_page_and_nothing_else() {
    let mut off = client(Template::Web);
    off.enabled = false;
    for rest in ["response_type=code", "response_type=token"] {
        assert_eq!(shown(ask_well(&off, rest)).code, Code::UnauthorizedClient);
    }
}

#[test]
fn st_13_a_strange_state_comes_back_as_it_came() {
    let outcome = ask(&client(Template::Web), "response_type=token&state=%24%2a%252F%20%C3%BC%22%3C");
    match outcome {
        Err(Rejection::Redirect { state, .. }) => assert_eq!(state.as_deref(), Some("$*%2F ü\"<")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fm_49_a_stored_request_is_read_back_whole_and_nothing_else_is_read() {
    let full = format!(
        "response_type=code&scope=email%20openid&nonce=n&login_hint=ada&prompt=select_account&\
         code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    for rest in [full.as_str(), "response_type=code"] {
        let request = ask_well(&client(Template::Web), rest).unwrap();
        let back = AuthorizationRequest::from_json(&request.to_json()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{request:?}"));
    }
    let request = ask_well(&client(Template::Web), &full).unwrap().to_json();
    assert!(AuthorizationRequest::from_json(&request.replace(CHALLENGE, "weak")).is_none());
    assert!(AuthorizationRequest::from_json(&request.replace("email openid", "email \\\"")).is_none());
    assert!(AuthorizationRequest::from_json("{}").is_none());
    assert!(AuthorizationRequest::from_json("").is_none());
}
