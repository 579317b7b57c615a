//! Time: what a stranger sends is read in time that grows with its length and no faster (FM-118).
//!
//! 64 KiB may cost at most 80 times what 1 KiB costs, for each reader and each text that has hurt a reader of its kind.
//! A reader that refuses whatever is longer than its cap costs nothing at 64 KiB; it is measured once more at the cap,
//! where its work is, by the same cost for each byte.

use crate::sample::{HINTING, client};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;
use vestibule_oauth::authorize::judge;
use vestibule_oauth::claims_request::{self, ClaimsRequest};
use vestibule_oauth::jose::{Algorithm, Jwk, JwkSet, SigningKey, Typ, VerifyingKey, jws, strict_object};
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::presented::Presented;
use vestibule_oauth::redirect_uri::{self, csp_sources, is_plain_http, matches, origin};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::template::Template;

/// Text of about `n` bytes.
type Make = fn(usize) -> String;

/// What a byte of the long text may cost, in 64ths of what a byte of the short one costs.
const COSTS: u32 = 80;

/// Measures until the long text has once been cheap enough. What else the machine does can only make either dearer, so the
/// least of many tries is what the reader itself costs; a reader whose work grows with the square never passes.
fn stays_flat(name: &str, read: fn(&str), make: Make, long: usize) {
    let times = if long < 16 * 1024 { 64 } else { long / 1024 };
    let (short, long) = (make(long / times), make(long));
    let (mut least_short, mut least_long) = (Duration::MAX, Duration::MAX);
    for _ in 0..300 {
        least_short = least_short.min(time(|| (0..times).for_each(|_| read(black_box(&short)))));
        least_long = least_long.min(time(|| read(black_box(&long))));
        if least_long * 64 <= least_short * COSTS {
            return;
        }
    }
    panic!("{name}: {least_long:?} for {} bytes, {least_short:?} for {times} times {}", long.len(), short.len());
}

#[allow(clippy::disallowed_methods, reason = "this test measures")]
fn time(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

/// Each text at 64 KiB against 1 KiB, and at the reader's own cap if that is lower.
fn all_stay_flat(read: fn(&str), cap: usize, texts: &[(&str, Make)]) {
    for (name, make) in texts {
        stays_flat(name, read, *make, 64 * 1024);
        if cap < 64 * 1024 {
            stays_flat(&format!("{name}, at the cap"), read, *make, cap);
        }
    }
}

fn repeated(unit: &str, n: usize) -> String {
    unit.repeat((n / unit.len()).max(1))
}

/// JSON within a frame of our own, for readers that stop at the first byte that is no JSON.
fn list(before: &str, item: impl Fn(usize) -> String, after: &str, n: usize) -> String {
    let mut text = before.to_owned();
    for at in 0.. {
        let item = item(at);
        if at > 0 && text.len() + item.len() + after.len() >= n {
            break;
        }
        text += if at > 0 { "," } else { "" };
        text += &item;
    }
    text + after
}

static KEY: LazyLock<(Vec<u8>, VerifyingKey)> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pkcs8 = pair.to_pkcs8().unwrap().as_ref().to_vec();
    let signing = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
    let verifying = VerifyingKey::of(signing.jwk()).unwrap();
    (pkcs8, verifying)
});

/// A token with this header, signed as it should be.
fn token(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = Ed25519KeyPair::from_pkcs8(&KEY.0).unwrap().sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#;

/// Size in CI: 7 texts, at 64 KiB (refused by its length) and at 16 KiB.
#[test]
fn fm_83_fm_118_a_token_is_read_in_time_of_its_length() {
    let read: fn(&str) = |text| drop(black_box(jws::verify(text, Typ::Jwt, |_| Some(&KEY.1))));
    all_stay_flat(
        read,
        jws::MAX_BYTES,
        &[
            ("dots", |n| repeated(".", n)),
            ("no dots", |n| repeated("e30", n)),
            ("a long kid", |n| token(&HEADER.replace("\"k\"", &format!("\"{}\"", "k".repeat(n * 3 / 4))), "{}")),
            ("many members", |n| token(HEADER, &list("{", |at| format!("\"m{at:05}\":{at}"), "}", n * 3 / 4 - 90))),
            ("one member many times", |n| token(HEADER, &list("{", |_| "\"m\":1".into(), "}", n * 3 / 4 - 90))),
            ("deep claims", |n| token(HEADER, &repeated("[", n * 3 / 4 - 90))),
            ("escapes", |n| token(HEADER, &format!("{{\"a\":\"{}\"}}", repeated("\\u0041", n * 3 / 4 - 100)))),
        ],
    );
    // The texts are taken at the cap, where they should be: it is not their refusal that is measured.
    let claims = list("{\"a\":[", |at| format!("\"{at:05}\""), "]}", jws::MAX_BYTES * 3 / 4 - 150);
    assert!(
        jws::verify(&token(HEADER, &claims), Typ::Jwt, |_| Some(&KEY.1)).unwrap()["a"].as_array().unwrap().len() > 1000
    );
}

/// Size in CI: 7 texts; a key above 16 KiB is refused by its length, a set may have 64 KiB.
#[test]
fn fm_118_keys_are_read_in_time_of_their_length() {
    let keys: &[(&str, Make)] = &[
        ("a long modulus", |n| format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, "x".repeat(n - 36))),
        ("certificates", |n| list(r#"{"kty":"OKP","x5c":["#, |_| "\"MIIB\"".into(), "]}", n)),
        ("members", |n| list("{", |at| format!("\"m{at:05}\":\"\""), "}", n)),
        ("deep", |n| repeated("{\"a\":", n)),
    ];
    all_stay_flat(|text| drop(black_box(Jwk::from_json(text))), 16 * 1024, keys);
    let sets: &[(&str, Make)] = &[
        ("many keys", |n| list(r#"{"keys":["#, |_| r#"{"kty":"oct"}"#.into(), "]}", n)),
        ("one long key", |n| format!(r#"{{"keys":[{{"kty":"RSA","e":"AQAB","n":"{}"}}]}}"#, "x".repeat(n - 50))),
        ("deep", |n| repeated("{\"keys\":[", n)),
    ];
    all_stay_flat(|text| drop(black_box(JwkSet::from_json(text))), 64 * 1024, sets);
}

/// Size in CI: 4 texts.
#[test]
fn fm_118_strict_json_is_read_in_time_of_its_length() {
    all_stay_flat(
        |text| drop(black_box(strict_object(text.as_bytes(), 16))),
        64 * 1024,
        &[
            ("members", |n| list("{", |at| format!("\"m{at:05}\":[1,{{\"a\":2}}]"), "}", n)),
            ("strings", |n| list("{\"a\":[", |_| "\"\\ud83d\\ude00\"".into(), "]}", n)),
            ("digits", |n| format!("{{\"a\":{}}}", "1".repeat(n))),
            ("deep", |n| repeated("{\"a\":", n)),
        ],
    );
}

const CALLBACK: &str = "https://app.example/cb";

/// Size in CI: 9 texts.
#[test]
fn fm_118_an_authorize_query_is_read_and_judged_in_time_of_its_length() {
    const FRONT: &str = "client_id=app_sample&redirect_uri=https://app.example/cb&response_type=code";
    all_stay_flat(
        |text| {
            if let Ok(parameters) = Parameters::read(Some(text), Body::None, None) {
                drop(black_box(judge(&parameters, &client(Template::Web), &[CALLBACK.to_owned()], &HINTING)));
            }
        },
        64 * 1024,
        &[
            ("repeated names", |n| repeated("a=1&", n)),
            ("distinct names", |n| (0..n / 6).map(|at| format!("{at:05}&")).collect()),
            ("a hundred long names", |n| (0..99).map(|at| format!("{at:02}{}&", "x".repeat(n / 99))).collect()),
            ("percent signs", |n| repeated("%", n)),
            ("a long state", |n| format!("{FRONT}&state={}", repeated("%41", n))),
            ("a long prompt", |n| format!("{FRONT}&prompt={}", repeated("login%20", n))),
            ("many scopes", |n| {
                format!("{FRONT}&scope={}", (0..n / 8).map(|at| format!("{at:05}%20")).collect::<String>())
            }),
            ("many languages", |n| {
                format!("{FRONT}&ui_locales={}&acr_values={}", repeated("en%20", n / 2), repeated("a%20", n / 2))
            }),
            ("a long hint", |n| {
                format!("{FRONT}&login_hint={}&id_token_hint={}", repeated("a@", n / 2), repeated("e30.", n / 2))
            }),
        ],
    );
}

/// Size in CI: 8 texts.
#[test]
fn fm_118_a_token_body_is_read_in_time_of_its_length() {
    all_stay_flat(
        |text| {
            if let Ok(parameters) = Parameters::read(None, Body::Form(text.as_bytes()), None) {
                drop(black_box((parameters.get("code"), Presented::read(&parameters))));
            }
        },
        64 * 1024,
        &[
            ("one long value", |n| format!("a={}", repeated("%41", n))),
            ("plus signs", |n| format!("code={}", repeated("+", n))),
            ("a long token", |n| format!("token=vst_at_{}", repeated("A", n))),
            ("ampersands", |n| repeated("&", n)),
        ],
    );
    all_stay_flat(
        |text| drop(black_box(Parameters::read(None, Body::Json(text.as_bytes()), None))),
        64 * 1024,
        &[
            ("deep JSON", |n| repeated("{\"a\":", n)),
            ("wide JSON", |n| list("{", |_| "\"a\":\"b\"".into(), "}", n)),
            ("distinct members", |n| list("{", |at| format!("\"{at:05}\":\"\""), "}", n)),
            ("backslashes", |n| format!("{{\"a\":\"{}\"}}", repeated("\\\\", n))),
        ],
    );
}

/// Size in CI: 4 texts.
#[test]
fn fm_118_a_basic_header_is_read_in_time_of_its_length() {
    all_stay_flat(
        |text| drop(black_box(Parameters::read(None, Body::None, Some(text)))),
        64 * 1024,
        &[
            ("a long secret", |n| format!("Basic {}", STANDARD.encode(format!("a:{}", "s".repeat(n * 3 / 4))))),
            ("percent signs", |n| format!("Basic {}", STANDARD.encode(format!("a:{}", "%".repeat(n * 3 / 4))))),
            ("colons", |n| format!("Basic {}", STANDARD.encode(":".repeat(n * 3 / 4)))),
            ("spaces", |n| format!("Basic{}", " ".repeat(n))),
        ],
    );
}

/// Size in CI: 9 texts; one that is to be registered is refused above 2 KiB, one that is asked for is compared as it is.
#[test]
fn fm_118_a_redirect_uri_is_read_in_time_of_its_length() {
    let texts: &[(&str, Make)] = &[
        ("a long path", |n| format!("https://app.example/{}", repeated("a/", n))),
        ("dots", |n| format!("https://app.example/{}", repeated("../", n))),
        ("a long host", |n| format!("https://{}example/", repeated("a.", n))),
        ("a long query", |n| format!("https://app.example/?{}", repeated("a=b&", n))),
        ("a long port", |n| format!("http://127.0.0.1:{}", "1".repeat(n))),
        ("at signs", |n| format!("https://{}/", "@".repeat(n))),
        ("punycode", |n| format!("https://xn--{}-9za/", "a".repeat(n))),
        ("punycode of many labels", |n| format!("https://{}example/", repeated("xn--zca.", n))),
        ("percent signs", |n| format!("https://app.example/?{}", repeated("%41", n))),
    ];
    all_stay_flat(
        |text| drop(black_box(redirect_uri::register(text, &Template::Native.switches()))),
        redirect_uri::MAX_BYTES,
        texts,
    );
    all_stay_flat(
        |text| {
            let registered = ["http://127.0.0.1/cb".to_owned(), CALLBACK.to_owned()];
            black_box(matches(&registered, text, true));
        },
        64 * 1024,
        texts,
    );
    // What is registered only: these take a text that `register` let through.
    all_stay_flat(
        |text| {
            if text.len() <= redirect_uri::MAX_BYTES {
                drop(black_box((origin(text), csp_sources(text), is_plain_http(text))));
            }
        },
        redirect_uri::MAX_BYTES,
        texts,
    );
}

/// Size in CI: 4 texts; a set has at most 64 names.
#[test]
fn fm_118_scopes_are_read_in_time_of_their_length() {
    all_stay_flat(
        |text| drop(black_box(ScopeSet::parse(text))),
        64 * 1024,
        &[
            ("distinct", |n| (0..n / 6).map(|at| format!("{at:05} ")).collect()),
            ("one name", |n| repeated("read ", n)),
            ("spaces", |n| repeated(" ", n)),
            ("64 long names", |n| (0..64).map(|at| format!("{}{at:02} ", "x".repeat(n / 64))).collect()),
        ],
    );
}

/// Size in CI: 4 texts; above 4 KiB it is refused by its length.
#[test]
fn fm_118_a_claims_parameter_is_read_in_time_of_its_length() {
    all_stay_flat(
        |text| drop(black_box(ClaimsRequest::parse(text))),
        claims_request::MAX_LENGTH,
        &[
            ("claims", |n| list(r#"{"id_token":{"#, |at| format!("\"c{at:04}\":null"), "}}", n)),
            ("one claim", |n| list(r#"{"userinfo":{"#, |_| "\"email\":null".into(), "}}", n)),
            ("values", |n| list(r#"{"userinfo":{"email":{"values":["#, |at| format!("\"{at:04}\""), "]}}}", n)),
            ("deep", |n| repeated("{\"id_token\":", n)),
        ],
    );
}
