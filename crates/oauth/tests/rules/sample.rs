//! Samples: a client of each template, parameters, an authenticated client.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use vestibule_oauth::authorize::Hinting;
use vestibule_oauth::client::{AccessTokenFormat, Client, RegisteredClient};
use vestibule_oauth::client_auth::{AuthedClient, authenticate, by_refresh_token};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::{Algorithm, SigningKey, Typ, VerifyingKey};
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_oauth::template::{Switch, Template};
use vestibule_oauth::token::{PersonStanding, Standing};

/// The moment at which the samples happen.
pub const NOW: i64 = 1_800_000_000_000;

pub const ISSUER: &str = "https://id.example";
pub const CLIENT_ID: &str = "app_sample";

/// A key that ID tokens are signed with.
pub struct HintKey {
    pub signing: SigningKey,
    pub verifying: VerifyingKey,
}

/// A fresh one.
pub fn hint_key() -> HintKey {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let signing = SigningKey::from_pkcs8(Algorithm::EdDsa, pkcs8.as_ref()).unwrap();
    let verifying = VerifyingKey::of(signing.jwk()).unwrap();
    HintKey { signing, verifying }
}

impl HintKey {
    /// A token of kind `typ` with these claims.
    pub fn token(&self, typ: Typ, claims: &str) -> String {
        self.signing.sign(&SystemRandom::new(), typ, claims).unwrap().expose().to_owned()
    }
}

/// Our issuer, without a key that a hint could be verified with.
pub const HINTING: Hinting = Hinting { issuer: ISSUER, key: None };

pub fn client(template: Template) -> Client {
    Client {
        id: id(1),
        client_id: CLIENT_ID.to_owned(),
        name: "Sample".to_owned(),
        template,
        confidential: template.confidential(),
        switches: template.switches(),
        lifetimes: template.lifetimes(),
        scopes: template.default_scopes(),
        access: template.access(),
        id_token_alg: Algorithm::Rs256,
        access_token_format: AccessTokenFormat::Opaque,
        sector: None,
        enabled: true,
    }
}

pub fn with(mut client: Client, switch: Switch, on: bool) -> Client {
    client.switches = client.switches.with(switch, on);
    client
}

pub const fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 16])
}

pub fn scope(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// The parameters of a form body.
pub fn form(text: &str) -> Parameters {
    Parameters::read(None, Body::Form(text.as_bytes()), None).unwrap()
}

/// The parameters of a query.
pub fn query(text: &str) -> Parameters {
    Parameters::read(Some(text), Body::None, None).unwrap()
}

/// The client after it authenticated as its template wants it.
pub fn authed(client: Client) -> AuthedClient {
    let secret = MachineSecret::new(Kind::ClientSecret, client.id, [7; 32]);
    let credentials = match client.confidential {
        true => format!("client_id={}&client_secret={}", client.client_id, secret.spell().expose()),
        false => format!("client_id={}", client.client_id),
    };
    authenticate(&form(&credentials), RegisteredClient { client, secrets: vec![secret.digest()] }).unwrap()
}

/// The client after its refresh token stood for it.
pub fn authed_by_refresh_token(client: Client) -> AuthedClient {
    by_refresh_token(&form("grant_type=refresh_token&refresh_token=x"), client).unwrap()
}

/// Everything alive at [`NOW`], and for a minute more.
pub fn standing() -> Standing {
    Standing {
        begun_at: NOW - 1000,
        expires_at: NOW + 60_000,
        revoked: false,
        grant_ended: false,
        signed_out: false,
        consent_withdrawn: false,
        organization_off: false,
        person: Some(person()),
        client_enabled: true,
        client_valid_from: 0,
    }
}

pub fn person() -> PersonStanding {
    PersonStanding { enabled: true, signed_in_at: NOW - 5000, valid_from: 0, assigned: true }
}

/// Everything that may end what hangs on a standing, with a word for it. Being no longer assigned is not among them.
pub fn off_switches() -> Vec<(&'static str, Standing)> {
    let off = |change: fn(&mut Standing)| {
        let mut standing = standing();
        change(&mut standing);
        standing
    };
    vec![
        ("expired", off(|s| s.expires_at = NOW)),
        ("revoked", off(|s| s.revoked = true)),
        ("grant ended", off(|s| s.grant_ended = true)),
        ("signed out", off(|s| s.signed_out = true)),
        ("consent withdrawn", off(|s| s.consent_withdrawn = true)),
        ("organization off", off(|s| s.organization_off = true)),
        ("client disabled", off(|s| s.client_enabled = false)),
        ("client re-enabled", off(|s| s.client_valid_from = s.begun_at + 1)),
        ("person disabled", off(|s| s.person.as_mut().unwrap().enabled = false)),
        ("password changed", off(|s| s.person.as_mut().unwrap().valid_from = NOW - 4999)),
    ]
}

/// A standing whose person may not use the application any more.
pub fn unassigned() -> Standing {
    Standing { person: Some(PersonStanding { assigned: false, ..person() }), ..standing() }
}

/// The code of a refusal, its sentence and the status, for comparing whole answers.
pub fn told(refusal: &Refusal) -> (Code, &str, u16) {
    (refusal.code, refusal.message(), refusal.status())
}
