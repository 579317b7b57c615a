//! What the targets share: a key that is the same in every run, and an application of each template.
//!
//! Owns no checks; each target says in its first lines what must hold for every input.

use aws_lc_rs::signature::Ed25519KeyPair;
use std::sync::LazyLock;
use vestibule_oauth::client::{AccessTokenFormat, Client};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::{Algorithm, SigningKey, VerifyingKey};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::template::Template;

/// The only private key. Nobody's: its seed is 32 bytes of the letter V.
pub static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[b'V'; 32]).expect("a seed is 32 bytes"));

/// The same key, as the server holds it.
pub static SIGNING: LazyLock<SigningKey> = LazyLock::new(|| {
    let pkcs8 = PAIR.to_pkcs8().expect("a key can be spelled");
    SigningKey::from_pkcs8(Algorithm::EdDsa, pkcs8.as_ref()).expect("it is one of ours")
});

/// Its public half.
pub static VERIFYING: LazyLock<VerifyingKey> =
    LazyLock::new(|| VerifyingKey::of(SIGNING.jwk()).expect("it is one of ours"));

/// The redirect URIs that every application registers here.
pub const REGISTERED: [&str; 3] = ["https://app.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"];

/// An application: `choice` picks its template.
pub fn client(choice: u8) -> Client {
    let template = Template::ALL[usize::from(choice) % Template::ALL.len()];
    Client {
        id: Id::from_bytes([1; 16]),
        client_id: "app".to_owned(),
        name: "Sample".to_owned(),
        template,
        confidential: template.confidential(),
        switches: template.switches(),
        lifetimes: template.lifetimes(),
        scopes: ScopeSet::parse("openid profile email phone offline_access user_info emails read").expect("names"),
        access: template.access(),
        id_token_alg: Algorithm::EdDsa,
        access_token_format: AccessTokenFormat::Opaque,
        sector: None,
        enabled: true,
    }
}
