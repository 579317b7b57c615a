//! Who lives in the house: a few (2,000 people, 4,000 grants, 20,000 access tokens) or many, fifty times as many, put
//! straight into the database.
//!
//! Owns loading them. One statement a table makes the rows, all people share one password hash, and of the tokens 20,000,
//! spread evenly over all, get a digest of which the generator knows the secret. So both houses are asked about equally
//! many tokens, and what differs is only how much else lies around these.

use crate::house::{House, PASSWORD};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use std::time::{SystemTime, UNIX_EPOCH};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_store::{Options, Role, Statement, Store, StoreUrl, Value, statement};

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    people: i64,
    grants: i64,
    tokens: i64,
}

/// What the rows are measured with, and the full store.
pub const FEW: Size = Size { people: 2_000, grants: 4_000, tokens: 20_000 };
pub const MANY: Size = Size { people: 100_000, grants: 200_000, tokens: 1_000_000 };
/// Of so many tokens the generator knows the secret, whatever the size.
const KNOWN: i64 = 20_000;
/// Rows that are made a millisecond, so that ids are spread over time as they are in life.
const A_MILLISECOND: i64 = 4;

/// What the generator knows of the crowd.
pub struct Crowd {
    pub web_tokens: Vec<String>,
    pub idaas_tokens: Vec<String>,
    people: usize,
}

/// The identifier of the row `$n` counted from 0 of a table: a UUIDv7 of `first + n / 4` milliseconds, with `n` as its
/// random part. On SQLite by `printf`, on PostgreSQL by `to_hex`.
macro_rules! id {
    (sqlite, $n:literal, $first:literal) => {
        concat!("unhex(printf('%012x7000800000000%07x', ", $first, " + (", $n, ") / 4, ", $n, "))")
    };
    (postgres, $n:literal, $first:literal) => {
        concat!(
            "decode(lpad(to_hex(",
            $first,
            " + (",
            $n,
            ") / 4), 12, '0') || '7000800000000' || lpad(to_hex(",
            $n,
            "), 7, '0'), 'hex')"
        )
    };
}

/// The three statements, in each dialect. `$1` is how many, `$2` the first id's milliseconds, `$3` the moment.
macro_rules! load {
    ($dialect:ident, $numbers:literal, $digest:literal) => {
        [
            concat!(
                "INSERT INTO people (id, tenant, number, subject, user_name, user_name_key, email, email_key, \
                 email_verified, password_hash, administrator, valid_from, last_sign_in_at, created_at, updated_at) ",
                $numbers,
                id!($dialect, "i", "$2"),
                ", 1, 1000000 + i, 'crowd-' || i, 'crowd-' || i, 'crowd-' || i, 'crowd-' || i || '@example.org', \
                 'crowd-' || i || '@example.org', 1, $4, 0, $2, $3, $3, $3 FROM n"
            ),
            concat!(
                "INSERT INTO grants (id, tenant, application, person, kind, scopes, session_epoch, epoch, consent, \
                 auth_time, created_at, expires_at) ",
                $numbers,
                id!($dialect, "i", "$2"),
                ", 1, a.id, ",
                id!($dialect, "i / 2", "$2"),
                ", 'authorization_code', CASE WHEN i % 2 = 0 THEN 'openid profile email' ELSE 'read' END, 0, 0, 0, \
                 $3, $3, $3 + 86400000 FROM n JOIN applications a \
                 ON a.client_id = CASE WHEN i % 2 = 0 THEN $4 ELSE $5 END"
            ),
            concat!(
                "INSERT INTO tokens (id, tenant, digest, grant_id, scopes, created_at, expires_at) ",
                $numbers,
                id!($dialect, "i", "$2"),
                ", 1, ",
                $digest,
                ", ",
                id!($dialect, "i / 5", "$2"),
                ", CASE WHEN i / 5 % 2 = 0 THEN 'openid profile email' ELSE 'read' END, $3, $3 + 86400000 FROM n"
            ),
        ]
    };
}

const SQLITE: [&str; 3] = load!(
    sqlite,
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) SELECT ",
    "randomblob(32)"
);
const POSTGRES: [&str; 3] =
    load!(postgres, "WITH n(i) AS (SELECT generate_series(0, $1::bigint - 1)) SELECT ", "sha256(int8send(i))");

impl Crowd {
    /// Fills the house, whose server is not running. Everything was made an hour ago.
    pub async fn load(house: &House, size: Size) -> Result<Crowd, String> {
        let now = unix_ms();
        let first = now - 3_600_000;
        let url = StoreUrl::parse(&house.store_url()).map_err(|error| error.to_string())?;
        let store = Store::open(&url, Role::Node, Options::new(Role::Node, "bench", now)).await;
        let store = store.map_err(|error| error.to_string())?;
        let [people, grants, tokens] = if matches!(url, StoreUrl::Sqlite(_)) { SQLITE } else { POSTGRES };
        let apps = &house.applications;
        let (web, idaas) = (apps.web.client_id.clone(), apps.idaas.client_id.clone());
        run(&store, vec![statement!(people, size.people, first, now, hash()?)]).await?;
        run(&store, vec![statement!(grants, size.grants, first, now, web, idaas)]).await?;
        run(&store, vec![statement!(tokens, size.tokens, first, now)]).await?;
        let known = know(&store, first, size.tokens / KNOWN).await?;
        if !matches!(url, StoreUrl::Sqlite(_)) {
            run(&store, vec![Statement::new("ANALYZE", [])]).await?;
        }
        store.close().await;
        let of = |remainder: i64| {
            known.iter().filter(move |(n, _)| n / 5 % 2 == remainder).map(|(_, token)| token.clone()).collect()
        };
        let people = usize::try_from(size.people).unwrap_or(1);
        Ok(Crowd { web_tokens: of(0), idaas_tokens: of(1), people })
    }

    /// The user name of a person somewhere in the crowd.
    pub fn name(&self, n: usize) -> String {
        format!("crowd-{}", (n * 7919) % self.people)
    }
}

/// Gives one of `of` tokens a digest of a secret that we know, in an order that jumps about.
async fn know(store: &Store, first: i64, of: i64) -> Result<Vec<(i64, String)>, String> {
    const UPDATE: &str = "UPDATE tokens SET digest = $2 WHERE id = $1";
    let mut known = Vec::new();
    let mut verb = Vec::new();
    for k in 0..KNOWN {
        // 7,919 is a prime, so that every k comes once and neighbours lie far apart.
        let n = (k * 7919 % KNOWN) * of + k % of;
        let secret = MachineSecret::new(Kind::AccessToken, id(first, n), [7; 32]);
        verb.push(statement!(UPDATE, secret.id(), &secret.digest()));
        known.push((n, secret.spell().expose().to_owned()));
        if verb.len() == 500 {
            run(store, std::mem::take(&mut verb)).await?;
        }
    }
    run(store, verb).await?;
    Ok(known)
}

async fn run(store: &Store, verb: Vec<Statement>) -> Result<(), String> {
    if verb.is_empty() {
        return Ok(());
    }
    store.run(verb).await.map(drop).map_err(|error| format!("the crowd is not let in: {error}"))
}

/// What the statements spell as `id!`.
fn id(first: i64, n: i64) -> Id {
    let text = format!("{:012x}7000800000000{n:07x}", first + n / A_MILLISECOND);
    Id::parse(&text).unwrap_or(Id::from_bytes([0; 16]))
}

/// The one hash, in the spelling and with the cost of the server.
fn hash() -> Result<Value, String> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
    let (salt, mut out) = (*b"sixteen bytes...", [0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(PASSWORD.as_bytes(), &salt, &mut out).map_err(|error| error.to_string())?;
    let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(Value::from(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${out}")))
}

/// What time it is.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
