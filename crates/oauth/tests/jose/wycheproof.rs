//! Wycheproof's vectors: signatures on the edge of each algorithm, most of them wrong in a way that some library took.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_oauth::jose::{Jwk, VerifyingKey};

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// A number as JWK spells it: of `length` bytes, or without leading zeros.
fn number(text: &Value, length: Option<usize>) -> String {
    let bytes = hex(text);
    let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let zeros = length.map_or(0, |length| length - digits.len());
    URL_SAFE_NO_PAD.encode([vec![0; zeros], digits].concat())
}

fn jwk(key: &Value) -> Value {
    match key["type"].as_str().unwrap() {
        "EcPublicKey" => {
            json!({"kty": "EC", "crv": "P-256", "x": number(&key["wx"], Some(32)), "y": number(&key["wy"], Some(32))})
        }
        "EDDSAPublicKey" => json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(hex(&key["pk"]))}),
        _ => json!({"kty": "RSA", "n": number(&key["modulus"], None), "e": number(&key["publicExponent"], None)}),
    }
}

/// Runs a set; gives how many signatures verified and how many did not.
fn run(set: &str) -> (usize, usize) {
    let set: Value = serde_json::from_str(set).unwrap();
    let (mut good, mut bad) = (0, 0);
    for group in set["testGroups"].as_array().unwrap() {
        let mut key = group["publicKey"].clone();
        // RSA's sets leave the type out.
        key["type"] = key.get("type").cloned().unwrap_or(json!("RSA"));
        let key = VerifyingKey::of(&Jwk::from_json(&jwk(&key).to_string()).unwrap()).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verified = key.verifies(&hex(&test["msg"]), &hex(&test["sig"]));
            // "acceptable" is what lax libraries take; ours does not (a missing NULL in PKCS#1).
            assert_eq!(verified, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
            if verified { good += 1 } else { bad += 1 }
        }
    }
    assert_eq!(good + bad, set["numberOfTests"].as_u64().unwrap() as usize);
    (good, bad)
}

/// Size in CI: 262 signatures.
#[test]
fn fm_79_wycheproof_ecdsa_p256_as_jose_spells_it() {
    assert_eq!(run(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data()), (173, 89));
}

/// Size in CI: 151 signatures.
#[test]
fn fm_79_wycheproof_ed25519() {
    assert_eq!(run(wycheproof::eddsa::TestName::Ed25519.json_data()), (88, 63));
}

/// Size in CI: 1,034 signatures with keys of 2,048 to 8,192 bits.
#[test]
fn fm_79_wycheproof_rsa_pkcs1_sha256() {
    use wycheproof::rsa_pkcs1_verify::TestName as Set;
    let sets = [Set::Rsa2048Sha256, Set::Rsa3072Sha256, Set::Rsa4096Sha256, Set::Rsa8192Sha256];
    assert_eq!(sets.map(|set| run(set.json_data())), [(9, 250), (8, 251), (7, 251), (7, 251)]);
}

/// A DER signature is what most other protocols use; JOSE does not (RFC 7518 section 3.4).
#[test]
fn fm_79_an_ecdsa_signature_in_der_is_none() {
    let set: Value = serde_json::from_str(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256.json_data()).unwrap();
    let mut tried = 0;
    for group in set["testGroups"].as_array().unwrap() {
        let key = VerifyingKey::of(&Jwk::from_json(&jwk(&group["publicKey"]).to_string()).unwrap()).unwrap();
        for test in group["tests"].as_array().unwrap() {
            tried += 1;
            assert!(!key.verifies(&hex(&test["msg"]), &hex(&test["sig"])), "{}", test["comment"]);
        }
    }
    assert!(tried > 400, "{tried}");
}
