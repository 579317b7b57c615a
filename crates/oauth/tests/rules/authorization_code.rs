//! The judgement of a presented code: good, refused, burnt, replayed.

use crate::sample::{NOW, authed, client, form, id, off_switches, scope, standing, told, unassigned};
use vestibule_oauth::client::Client;
use vestibule_oauth::client_auth::AuthedClient;
use vestibule_oauth::grant::authorization_code::{Ask, IssuedCode, Verdict, judge, refused};
use vestibule_oauth::grant::{self};
use vestibule_oauth::pkce::Challenge;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::template::{Template, Wire};
use vestibule_oauth::token::Standing;

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example/callback";

fn code() -> IssuedCode {
    IssuedCode {
        client: id(1),
        redirect_uri: CALLBACK.to_owned(),
        redirect_uri_sent: true,
        challenge: Challenge::parse(CHALLENGE),
        scope: scope("openid"),
        spent: false,
        standing: standing(),
    }
}

fn ask(rest: &str) -> Ask {
    let client = authed(client(Template::Web));
    match grant::read(&client, &form(&format!("grant_type=authorization_code&code=the-code{rest}"))) {
        Ok(grant::Ask::AuthorizationCode(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

fn good_ask() -> Ask {
    ask(&format!("&redirect_uri={CALLBACK}&code_verifier={VERIFIER}"))
}

fn burnt(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Burn(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn web() -> AuthedClient {
    authed(client(Template::Web))
}

#[test]
fn st_31_a_good_code_is_spent() {
    assert!(matches!(judge(&web(), &good_ask(), Some(&code()), NOW), Verdict::Spend(_)));
}

#[test]
fn fm_20_fm_23_an_unknown_code_is_refused_and_nothing_changes() {
    match judge(&web(), &good_ask(), None, NOW) {
        Verdict::Refuse(refusal) => assert_eq!((refusal.code, refusal.status()), (Code::InvalidGrant, 400)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn st_30_fm_19_a_second_presentation_ends_the_grant_whoever_presents_it_and_however() {
    let spent = IssuedCode { spent: true, ..code() };
    let expired = IssuedCode { standing: Standing { expires_at: NOW - 1, ..standing() }, ..spent.clone() };
    let foreign = IssuedCode { client: id(2), ..spent.clone() };
    for code in [spent, expired, foreign] {
        for ask in [good_ask(), ask("")] {
            match judge(&web(), &ask, Some(&code), NOW) {
                Verdict::Replay(refusal) => assert_eq!(refusal.code, Code::InvalidGrant),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn st_33_fm_21_fm_22_a_foreign_client_burns_the_code() {
    let refusal = burnt(judge(&web(), &good_ask(), Some(&IssuedCode { client: id(2), ..code() }), NOW));
    assert_eq!((refusal.code, refusal.status()), (Code::InvalidGrant, 400));
}

#[test]
fn st_29_fm_113_a_code_dies_on_its_millisecond() {
    let code = code();
    let end = code.standing.expires_at;
    assert!(matches!(judge(&web(), &good_ask(), Some(&code), end - 1), Verdict::Spend(_)));
    assert!(matches!(judge(&web(), &good_ask(), Some(&code), end), Verdict::Refuse(_)));
}

#[test]
fn fm_30_fm_63_a_code_whose_person_client_or_grant_was_switched_off_is_refused() {
    for (name, standing) in off_switches() {
        match judge(&web(), &good_ask(), Some(&IssuedCode { standing, ..code() }), NOW) {
            Verdict::Refuse(refusal) => assert_eq!(refusal.code, Code::InvalidGrant, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn fm_62_a_person_who_is_not_assigned_any_more_gets_nothing() {
    let code = IssuedCode { standing: unassigned(), ..code() };
    let refusal = burnt(judge(&web(), &good_ask(), Some(&code), NOW));
    assert_eq!((refusal.code, refusal.status()), (Code::InvalidGrant, 400));
    assert!(refusal.description().contains("assign"), "{}", refusal.description());
    let refusal = burnt(judge(&authed(client(Template::IdaasOauth2)), &good_ask(), Some(&code), NOW));
    assert_eq!(told(&refusal), (Code::Forbidden, "Forbidden", 403));
}

#[test]
fn st_32_a_redirect_uri_that_was_named_must_be_repeated_byte_for_byte() {
    let verifier = format!("&code_verifier={VERIFIER}");
    for wrong in [
        "",
        "&redirect_uri=",
        "&redirect_uri=https://app.example/callback/",
        "&redirect_uri=https://app.example/Callback",
    ] {
        let refusal = burnt(judge(&web(), &ask(&format!("{verifier}{wrong}")), Some(&code()), NOW));
        assert_eq!(refusal.code, Code::InvalidGrant, "{wrong}");
        assert!(refusal.description().starts_with("redirect_uri"));
    }
}

#[test]
fn st_32_a_redirect_uri_that_was_not_named_may_be_sent_if_it_is_the_one_that_was_used() {
    let code = IssuedCode { redirect_uri_sent: false, ..code() };
    let verifier = format!("&code_verifier={VERIFIER}");
    assert!(matches!(judge(&web(), &ask(&verifier), Some(&code), NOW), Verdict::Spend(_)));
    assert!(matches!(judge(&web(), &good_ask(), Some(&code), NOW), Verdict::Spend(_)));
    let other = ask(&format!("{verifier}&redirect_uri=https://app.example/other"));
    assert_eq!(burnt(judge(&web(), &other, Some(&code), NOW)).code, Code::InvalidGrant);
}

#[test]
fn st_39_fm_24_fm_34_a_wrong_or_missing_verifier_burns_the_code() {
    let with_uri = |rest: &str| ask(&format!("&redirect_uri={CALLBACK}{rest}"));
    let wrong = "&code_verifier=XXjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for rest in ["", "&code_verifier=", "&code_verifier=%20", wrong] {
        assert_eq!(burnt(judge(&web(), &with_uri(rest), Some(&code()), NOW)).code, Code::InvalidGrant, "{rest}");
    }
}

#[test]
fn st_40_fm_33_a_verifier_without_a_challenge_burns_the_code() {
    let code = IssuedCode { challenge: None, ..code() };
    assert!(matches!(
        burnt(judge(&web(), &good_ask(), Some(&code), NOW)).code,
        Code::InvalidRequest | Code::InvalidGrant
    ));
    let without = ask(&format!("&redirect_uri={CALLBACK}"));
    assert!(matches!(judge(&web(), &without, Some(&code), NOW), Verdict::Spend(_)));
}

#[test]
fn unknown_foreign_expired_and_spent_codes_are_told_the_same() {
    let expired = IssuedCode { standing: Standing { expires_at: NOW, ..standing() }, ..code() };
    let foreign = IssuedCode { client: id(2), ..code() };
    let spent = IssuedCode { spent: true, ..code() };
    for template in [Template::Web, Template::IdaasOauth2, Template::Gitlife] {
        let client = authed(client(template));
        let expected = refused(&client, &good_ask()).body();
        for code in [None, Some(&expired), Some(&foreign), Some(&spent)] {
            match judge(&client, &good_ask(), code, NOW) {
                Verdict::Refuse(refusal) | Verdict::Burn(refusal) | Verdict::Replay(refusal) => {
                    assert_eq!(refusal.body(), expected);
                }
                Verdict::Spend(_) => panic!("{code:?}"),
            }
        }
    }
}

#[test]
fn the_idaas_wire_has_the_documents_sentences() {
    let idaas = authed(client(Template::IdaasOauth2));
    assert_eq!(
        refused(&idaas, &ask("")).body(),
        r#"{"error":"invalid_grant","error_description":"Invalid authorization code: the-code"}"#
    );
    let mismatch = ask("&redirect_uri=https://app.example/other");
    let refusal = burnt(judge(&idaas, &mismatch, Some(&IssuedCode { challenge: None, ..code() }), NOW));
    assert_eq!(refusal.body(), r#"{"error":"invalid_grant","error_description":"Redirect URI mismatch."}"#);
    assert_eq!(refusal.status(), 400);
    // The challenge's refusal has the client's wire too.
    let uri_only = ask(&format!("&redirect_uri={CALLBACK}"));
    assert_eq!(burnt(judge(&idaas, &uri_only, Some(&code()), NOW)).wire, Wire::Idaas);
}

#[test]
fn fm_93_only_a_short_code_of_harmless_characters_is_echoed() {
    let idaas = authed(client(Template::IdaasOauth2));
    let told = |code: &str| {
        let encoded: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
        let request = format!("grant_type=authorization_code&code={encoded}");
        let Ok(grant::Ask::AuthorizationCode(ask)) = grant::read(&idaas, &form(&request)) else { panic!("{code}") };
        refused(&idaas, &ask).description().to_owned()
    };
    let longest = "x".repeat(128);
    for echoed in ["vuQ3n6", "a b!#[]~", longest.as_str()] {
        assert_eq!(told(echoed), format!("Invalid authorization code: {echoed}"));
    }
    for silent in ["x".repeat(129).as_str(), "a\"b", "a\\b", "ü", "a\tb"] {
        assert_eq!(told(silent), "Invalid authorization code.", "{silent}");
    }
}

#[test]
fn a_standard_client_is_not_shown_its_code() {
    let web = web();
    assert!(!refused(&web, &good_ask()).body().contains("the-code"));
    assert!(refused(&web, &good_ask()).description().starts_with("code is unknown"));
}

#[test]
fn fm_30_a_code_gives_only_what_the_application_still_registers() {
    let registering = |scopes: &str| authed(Client { scopes: scope(scopes), ..client(Template::Web) });
    let code = IssuedCode { scope: scope("openid email"), ..code() };
    match judge(&registering("email phone"), &good_ask(), Some(&code), NOW) {
        Verdict::Spend(left) => assert_eq!(left, scope("email")),
        other => panic!("{other:?}"),
    }
    let nothing = burnt(judge(&registering("phone"), &good_ask(), Some(&code), NOW));
    assert_eq!((nothing.code, nothing.status()), (Code::InvalidGrant, 400));
    // A grant without any scope has nothing to lose.
    let bare = IssuedCode { scope: scope(""), ..code };
    assert!(matches!(judge(&registering("phone"), &good_ask(), Some(&bare), NOW), Verdict::Spend(_)));
}
