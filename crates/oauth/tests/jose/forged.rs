//! Tokens with a good signature, or what once passed for one, that no server may take.

use crate::keys::{PAIRS, PKCS8, forge};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::time::{Duration, Instant};
use vestibule_oauth::jose::json::{MAX_MEMBERS, MAX_VALUES};
use vestibule_oauth::jose::{Algorithm, JoseError, Typ, VerifyingKey, jws};

const CLAIMS: &[u8] = br#"{"sub":"somebody"}"#;

/// What the holder of all three keys, known by their thumbprints, says of `token` as an ID token.
fn taken(token: &str) -> Result<(), JoseError> {
    let key_of = |kid: &str| PAIRS.iter().find(|(signing, _)| signing.kid() == kid).map(|(_, verifying)| verifying);
    jws::verify(token, Typ::Jwt, key_of).map(drop)
}

/// The members of a good header of the key at `at`, without the closing brace.
fn header(at: usize) -> String {
    let name = Algorithm::ALL[at].name();
    format!(r#"{{"alg":"{name}","typ":"JWT","kid":"{}""#, PAIRS[at].0.kid())
}

fn good(at: usize) -> String {
    forge(at, &format!("{}}}", header(at)), CLAIMS)
}

#[test]
fn fm_79_no_spelling_of_a_public_key_is_a_mac_key() {
    for (at, (signing, _)) in PAIRS.iter().enumerate() {
        let jwk = signing.jwk().to_json();
        let numbers: serde_json::Value = serde_json::from_str(&jwk).unwrap();
        let number = |name: &str| URL_SAFE_NO_PAD.decode(numbers[name].as_str().unwrap_or_default()).unwrap();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(jwk.as_bytes()));
        let spellings = [
            jwk.clone().into_bytes(),
            pem.into_bytes(),
            number("x"),
            [vec![4], number("x"), number("y")].concat(),
            number("n"),
            numbers["n"].to_string().into_bytes(),
            signing.kid().as_bytes().to_vec(),
            PKCS8[at].clone(),
            vec![],
        ];
        for key in spellings {
            for name in ["HS256", Algorithm::ALL[at].name()] {
                let header = header(at).replace(Algorithm::ALL[at].name(), name) + "}";
                let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(CLAIMS));
                let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
                let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
                let error = if name == "HS256" { JoseError::Algorithm } else { JoseError::Signature };
                assert_eq!(taken(&token), Err(error));
            }
        }
    }
}

#[test]
fn st_108_fm_79_a_token_cannot_choose_its_algorithm() {
    for at in 0..3 {
        assert_eq!(taken(&good(at)), Ok(()));
        let own = Algorithm::ALL[at].name();
        for name in
            ["none", "None", "NONE", "", "HS256", "HS512", "PS256", "ES384", "Ed25519", "eddsa", "es256", "rs256"]
        {
            let token = forge(at, &(header(at).replace(own, name) + "}"), CLAIMS);
            assert_eq!(taken(&token), Err(JoseError::Algorithm), "{name}");
            let (signed, _) = token.rsplit_once('.').unwrap();
            assert_eq!(taken(&format!("{signed}.")), Err(JoseError::Algorithm), "{name}, unsigned");
        }
        for other in (0..3).filter(|other| *other != at) {
            // Another algorithm of ours under this key's name, signed with this key and with that one.
            let confused = header(at).replace(own, Algorithm::ALL[other].name()) + "}";
            for signer in [at, other] {
                assert_eq!(taken(&forge(signer, &confused, CLAIMS)), Err(JoseError::Algorithm));
            }
            assert_eq!(taken(&forge(other, &(header(at) + "}"), CLAIMS)), Err(JoseError::Signature));
        }
        let (signed, _) = good(at).rsplit_once('.').map(|(s, t)| (s.to_owned(), t.to_owned())).unwrap();
        for signature in ["", "AA", &URL_SAFE_NO_PAD.encode([0; 64]), &URL_SAFE_NO_PAD.encode([0; 256])] {
            assert_eq!(taken(&format!("{signed}.{signature}")), Err(JoseError::Signature), "{signature}");
        }
        assert_eq!(
            taken(&forge(at, &(header(at).replace(&format!("\"alg\":\"{own}\","), "") + "}"), CLAIMS)),
            Err(JoseError::Algorithm)
        );
        assert_eq!(
            taken(&forge(at, &(header(at).replace(&format!("\"{own}\""), "7") + "}"), CLAIMS)),
            Err(JoseError::Algorithm)
        );
    }
}

#[test]
fn st_108_st_111_a_token_of_one_kind_is_not_another() {
    let as_typ = |named: &str| forge(0, &(header(0).replace(r#""typ":"JWT""#, named) + "}"), CLAIMS);
    let read = |named: &str, typ| jws::verify(&as_typ(named), typ, |_| Some(&PAIRS[0].1)).map(drop);
    for (named, kind) in [
        (r#""typ":"JWT""#, Typ::Jwt),
        (r#""typ":"jwt""#, Typ::Jwt),
        (r#""typ":"application/jwt""#, Typ::Jwt),
        (r#""typ":"at+jwt""#, Typ::AccessToken),
        (r#""typ":"AT+JWT""#, Typ::AccessToken),
        (r#""typ":"application/at+jwt""#, Typ::AccessToken),
        (r#""typ":"Application/At+Jwt""#, Typ::AccessToken),
        (r#""typ":"logout+jwt""#, Typ::LogoutToken),
        (r#""typ":"application/logout+jwt""#, Typ::LogoutToken),
    ] {
        for due in Typ::ALL {
            assert_eq!(read(named, due), if due == kind { Ok(()) } else { Err(JoseError::Type) }, "{named} as {due:?}");
        }
    }
    for named in [
        r#""cty":"JWT""#,
        r#""typ":"""#,
        r#""typ":null"#,
        r#""typ":["JWT"]"#,
        r#""typ":"JWT ""#,
        r#""typ":"application/""#,
        r#""typ":"application/application/jwt""#,
        r#""typ":"text/jwt""#,
        r#""typ":"jwt+at""#,
        r#""typ":"secevent+jwt""#,
        r#""typ":"ａpplication/jwt""#,
    ] {
        for due in Typ::ALL {
            assert_eq!(read(named, due), Err(JoseError::Type), "{named} as {due:?}");
        }
    }
}

#[test]
fn fm_81_a_jwe_is_not_a_jws() {
    for parts in [0, 1, 2, 4, 5, 6] {
        assert_eq!(taken(&vec!["e30"; parts].join(".")), Err(JoseError::Parts), "{parts} parts");
    }
    let token = good(0);
    for five in [format!("{token}.AA.AA"), format!("AA.AA.{token}"), format!("{token}."), format!(".{token}")] {
        assert_eq!(taken(&five), Err(JoseError::Parts), "{five}");
    }
    // The header of a JWE in three parts.
    for alg in ["RSA-OAEP", "dir", "ECDH-ES", "A256KW"] {
        let token = forge(0, &format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{}"}}"#, PAIRS[0].0.kid()), CLAIMS);
        assert_eq!(taken(&token), Err(JoseError::Algorithm), "{alg}");
    }
}

#[test]
fn fm_82_nothing_is_decompressed_derived_or_left_unencoded() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""enc":"A256GCM""#,
    ] {
        assert_eq!(
            taken(&forge(0, &format!("{},{member}}}", header(0)), CLAIMS)),
            Err(JoseError::Unsupported),
            "{member}"
        );
    }
    let count = r#","p2c":2147483647,"p2s":"AAAA""#;
    assert_eq!(taken(&forge(0, &format!("{}{count}}}", header(0)), CLAIMS)), Ok(()), "a count that nothing reads");
    let bomb = header(0).replace("EdDSA", "PBES2-HS512+A256KW") + count + "}";
    assert_eq!(taken(&forge(0, &bomb, CLAIMS)), Err(JoseError::Algorithm));
}

#[test]
fn fm_85_a_token_brings_no_key_and_points_at_none() {
    let own = PAIRS[0].0.jwk().to_json();
    for at in 0..3 {
        for member in [
            format!(r#""jwk":{own}"#),
            r#""jku":"http://127.0.0.1:1/keys""#.into(),
            r#""x5u":"http://127.0.0.1:1/chain""#.into(),
            r#""x5c":["MIIB"]"#.into(),
            r#""x5t":"AAAA""#.into(),
        ] {
            // Ignored: the key is the one that is held under that name …
            assert_eq!(taken(&forge(at, &format!("{},{member}}}", header(at)), CLAIMS)), Ok(()), "{member}");
            // … and a stranger's key is not taken because the token says so.
            let kid = format!(r#"{{"alg":"{}","typ":"JWT","kid":"mine",{member}}}"#, Algorithm::ALL[at].name());
            assert_eq!(taken(&forge(at, &kid, CLAIMS)), Err(JoseError::Key), "{member}");
            let stolen = header((at + 1) % 3).replace(Algorithm::ALL[(at + 1) % 3].name(), Algorithm::ALL[at].name());
            assert_eq!(taken(&forge(at, &format!("{stolen},{member}}}"), CLAIMS)), Err(JoseError::Algorithm));
        }
    }
}

#[test]
fn fm_85_a_key_is_named_by_any_text_at_all() {
    let long = "k".repeat(8000);
    for kid in ["../../etc/passwd", "\0", "' OR 1=1 --", "\"", "\\", "\u{202e}", "", "http://127.0.0.1/", &long] {
        let header = serde_json::json!({"alg": "EdDSA", "typ": "JWT", "kid": kid}).to_string();
        let token = forge(0, &header, CLAIMS);
        assert_eq!(taken(&token), Err(JoseError::Key), "{kid:?}");
        let mut asked = None;
        let read = jws::verify(&token, Typ::Jwt, |named| {
            asked = Some(named.to_owned());
            Some(&PAIRS[0].1)
        });
        assert!(read.is_ok(), "{kid:?} {read:?}");
        assert_eq!(asked.as_deref(), Some(kid));
        // A key that somebody else named like that is spelled so that it is read again.
        let mut key: serde_json::Value = serde_json::from_str(&PAIRS[0].0.jwk().to_json()).unwrap();
        key["kid"] = kid.into();
        let key = vestibule_oauth::jose::Jwk::from_json(&key.to_string()).unwrap();
        assert_eq!(vestibule_oauth::jose::Jwk::from_json(&key.to_json()).unwrap(), key);
    }
    for kid in ["null", "7", "[\"a\"]", "{}"] {
        assert_eq!(
            taken(&forge(0, &format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":{kid}}}"#), CLAIMS)),
            Err(JoseError::Key)
        );
    }
    assert_eq!(taken(&forge(0, r#"{"alg":"EdDSA","typ":"JWT"}"#, CLAIMS)), Err(JoseError::Key));
}

#[test]
fn fm_20_a_token_has_one_spelling() {
    let token = good(0);
    let parts: Vec<&str> = token.split('.').collect();
    let with = |at: usize, part: String| {
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[at] = part;
        parts.join(".")
    };
    for at in 0..3 {
        for bent in [
            format!("{}=", parts[at]),
            format!("{}==", parts[at]),
            format!(" {}", parts[at]),
            format!("{}\n", parts[at]),
        ] {
            assert!(taken(&with(at, bent.clone())).is_err(), "{bent:?}");
        }
        // The last character may have bits to spare: one that decodes to the same bytes is refused like any other.
        let last = parts[at].chars().last().unwrap();
        for other in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).filter(|c| *c != last) {
            let bent = format!("{}{other}", &parts[at][..parts[at].len() - 1]);
            assert!(taken(&with(at, bent)).is_err(), "{other}");
        }
    }
    assert!(taken(&with(2, STANDARD.encode(URL_SAFE_NO_PAD.decode(parts[2]).unwrap()))).is_err());
}

#[test]
fn what_is_signed_is_one_json_object_with_each_member_once() {
    let key = |_: &str| Some(&PAIRS[0].1);
    let claims = |claims: &[u8]| jws::verify(&forge(0, &(header(0) + "}"), claims), Typ::Jwt, key);
    assert_eq!(claims(br#"{"a":[1,{"b":null}],"c":-1.5}"#).unwrap().len(), 2);
    let wide = |n: usize| format!("{{{}}}", (0..n).map(|at| format!("\"{at}\":0")).collect::<Vec<_>>().join(","));
    assert_eq!(claims(wide(MAX_MEMBERS).as_bytes()).unwrap().len(), 256);
    assert_eq!(claims(wide(MAX_MEMBERS + 1).as_bytes()), Err(JoseError::Malformed));
    let long = |n: usize| format!("{{\"a\":[{}]}}", vec!["0"; n - 2].join(","));
    assert_eq!(claims(long(MAX_VALUES).as_bytes()).unwrap()["a"].as_array().unwrap().len(), 2046);
    assert_eq!(claims(long(MAX_VALUES + 1).as_bytes()), Err(JoseError::Malformed));
    for bad in [
        &b""[..],
        b"null",
        b"[]",
        b"\"text\"",
        b"{",
        b"{}{}",
        br#"{"sub":"a","sub":"b"}"#,
        br#"{"sub":"a","s\u0075b":"b"}"#,
        br#"{"a":{"b":1,"b":2}}"#,
        br#"{"a":[{"b":1,"b":2}]}"#,
        b"{\"a\":\"\xff\"}",
        b"{'a':1}",
        b"{\"a\":1e999}",
        "{\"a\":".repeat(17).as_bytes(),
        format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17)).as_bytes(),
        format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16)).as_bytes(),
    ] {
        assert_eq!(claims(bad).err(), Some(JoseError::Malformed), "{}", String::from_utf8_lossy(bad));
    }
    for header in [
        String::new(),
        "[]".into(),
        "{".into(),
        format!("{},\"alg\":\"EdDSA\"}}", header(0)),
        format!("{},\"jwk\":{{\"a\":1,\"a\":1}}}}", header(0)),
        format!("{}}} ,", header(0)),
        format!("{},\"a\":{}{}}}", header(0), "[".repeat(20), "]".repeat(20)),
    ] {
        assert_eq!(taken(&forge(0, &header, CLAIMS)), Err(JoseError::Malformed), "{header}");
    }
}

/// A thousand times a mebibyte in less than five milliseconds: nothing of it is looked at, copied or counted.
#[test]
fn fm_83_a_mebibyte_of_dots_costs_nothing() {
    let dots = ".".repeat(1 << 20);
    let no_key = |_: &str| None::<&VerifyingKey>;
    #[allow(clippy::disallowed_methods, reason = "this test measures")]
    let fastest = (0..5).map(|_| {
        let start = Instant::now();
        for _ in 0..1000 {
            assert_eq!(jws::verify(std::hint::black_box(&dots), Typ::Jwt, no_key), Err(JoseError::TooLong));
        }
        start.elapsed()
    });
    assert!(fastest.min().unwrap() < Duration::from_millis(5));
    assert_eq!(taken(&".".repeat(16 * 1024)), Err(JoseError::Parts));
    let longest = |n: usize| {
        let frame = good(0).len() - URL_SAFE_NO_PAD.encode(CLAIMS).len();
        let mut claims = br#"{"a":""#.to_vec();
        claims.resize((n - frame) / 4 * 3 - 2, b'a');
        claims.extend(b"\"}");
        forge(0, &(header(0) + "}"), &claims)
    };
    let (short, long) = (longest(16 * 1024 - 4), longest(16 * 1024 + 4));
    assert!(short.len() <= 16 * 1024 && long.len() > 16 * 1024);
    assert_eq!(taken(&short), Ok(()));
    assert_eq!(taken(&long), Err(JoseError::TooLong));
}
