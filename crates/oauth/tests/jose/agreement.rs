//! Agreement with an independent crate, `jsonwebtoken`, in both directions: what either signs the other reads, and where
//! the two part, it is because ours is the stricter one.

use crate::keys::{PAIRS, PKCS8, forge};
use aws_lc_rs::rand::SystemRandom;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vestibule_oauth::jose::{Algorithm, JoseError, Typ, jws};

fn theirs(at: usize) -> jsonwebtoken::Algorithm {
    match Algorithm::ALL[at] {
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
    }
}

/// Their reading of `token` with the key at `at`, made from the key as we spell it in a key set.
fn they_read(at: usize, token: &str) -> Option<Map<String, Value>> {
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(&PAIRS[at].0.jwk().to_json()).unwrap();
    let mut validation = Validation::new(theirs(at));
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    jsonwebtoken::decode(token, &key, &validation).ok().map(|data| data.claims)
}

fn we_read(at: usize, token: &str) -> Result<Map<String, Value>, JoseError> {
    jws::verify(token, Typ::Jwt, |_| Some(&PAIRS[at].1))
}

fn they_sign(at: usize, claims: &Map<String, Value>) -> String {
    let key = match Algorithm::ALL[at] {
        Algorithm::EdDsa => EncodingKey::from_ed_der(&PKCS8[at]),
        Algorithm::Es256 => EncodingKey::from_ec_der(&PKCS8[at]),
        Algorithm::Rs256 => EncodingKey::from_rsa_der(pkcs1()),
    };
    let header = Header { kid: Some(PAIRS[at].0.kid().into()), ..Header::new(theirs(at)) };
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// The RSA key as the other crate wants it: what is inside of PKCS#8, whose frame for 2,048 bits has 26 bytes.
fn pkcs1() -> &'static [u8] {
    assert!(PKCS8[2][22..].starts_with(&[4, 0x82]) && PKCS8[2][26..].starts_with(&[0x30, 0x82]));
    &PKCS8[2][26..]
}

fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(Value::Null),
    ];
    let value = plain.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("\\PC{0,10}", value, 0..6).prop_map(|map| map.into_iter().collect())
}

/// Headers that are nearly right, as text: what is signed under them is signed properly.
fn header() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let algorithm =
        prop::sample::select(vec!["EdDSA", "ES256", "RS256", "EdDSA", "ES256", "RS256", "HS256", "none", "PS256"]);
    let typ = prop::sample::select(vec![json!("JWT"), json!("JWT"), json!("jwt"), json!("at+jwt"), json!("")]);
    let more = prop::sample::subsequence(
        vec![
            ("crit", json!(["exp"])),
            ("jku", json!("http://127.0.0.1/")),
            ("cty", json!("JWT")),
            ("nonce", json!("n")),
        ],
        0..3,
    );
    (algorithm, typ, more).prop_map(|(alg, typ, more)| {
        [
            vec![("alg", json!(alg)), ("typ", typ), ("kid", json!("k"))],
            more.into_iter().filter(|m| m.0 != "kid").collect(),
        ]
        .concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Size in CI: 200 sets of claims, each with three keys.
    #[test]
    fn what_either_signs_the_other_reads(claims in claims()) {
        for (at, (signing, _)) in PAIRS.iter().enumerate() {
            let text = Value::Object(claims.clone()).to_string();
            let ours = signing.sign(&SystemRandom::new(), Typ::Jwt, &text).unwrap();
            prop_assert_eq!(they_read(at, ours.expose()), Some(claims.clone()));
            prop_assert_eq!(we_read(at, &they_sign(at, &claims)), Ok(claims.clone()));
            for other in (0..3).filter(|other| *other != at) {
                prop_assert_eq!(they_read(other, ours.expose()), None);
                prop_assert!(we_read(other, ours.expose()).is_err());
            }
        }
    }

    /// Size in CI: 200 changes to a good token of each algorithm.
    #[test]
    fn fm_79_neither_reads_a_token_that_was_changed(place in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=+/-]", how in 0..4) {
        for (at, (signing, _)) in PAIRS.iter().enumerate() {
            let token = signing.sign(&SystemRandom::new(), Typ::Jwt, r#"{"sub":"a","n":1}"#).unwrap();
            let token = token.expose();
            let place = place.index(token.len());
            let (before, after) = (&token[..place], &token[place + 1..]);
            let changed = match how {
                0 => format!("{before}{with}{after}"),
                1 => format!("{before}{after}"),
                2 => format!("{before}{with}{}", &token[place..]),
                _ => before.to_owned(),
            };
            if changed != token {
                prop_assert_eq!(they_read(at, &changed), None);
                prop_assert!(we_read(at, &changed).is_err());
            }
        }
    }

    /// Size in CI: 200 headers, each with three keys.
    #[test]
    fn fm_79_where_the_two_part_ours_is_the_stricter(header in header(), claims in claims()) {
        for (at, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            let members: Vec<String> = header.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let token = forge(at, &format!("{{{}}}", members.join(",")), Value::Object(claims.clone()).to_string().as_bytes());
            let has = |name: &str| header.iter().any(|(n, _)| *n == name);
            let sound = header[0].1 == algorithm.name();
            let (ours, theirs) = (we_read(at, &token), they_read(at, &token));
            let typed = header[1].1.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
            prop_assert_eq!(ours.is_ok(), sound && typed && !has("crit"), "{:?} {:?}", header, ours);
            if let Ok(ours) = ours {
                prop_assert_eq!(Some(ours), theirs);
            }
        }
    }
}
