//! Applications as an administrator changes them: adding, secrets, switching off and on, removing.
//!
//! Owns the guarded verbs. Switching and removing change one row; whatever the application was given is dead at its
//! next use because every acceptance joins up to that row. Does not judge what may be registered
//! (`oauth::redirect_uri`).

use crate::audit::{self, Event, Note, audited};
use crate::clients::Logo;
use crate::people::canonical;
use crate::{Row, Statement, Store, StoreError, Verb, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;

/// A redirect URI to register, with its web origin (`oauth::redirect_uri::origin`).
#[derive(Clone, Debug)]
pub struct NewRedirectUri {
    /// The URI.
    pub uri: String,
    /// `scheme://host[:port]` for http and https, else none.
    pub origin: Option<String>,
}

/// A secret to keep: its row and digest.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The row.
    pub id: Id,
    /// The digest of the secret, as `oauth::client_auth` compares it (`MachineSecret::digest`).
    pub digest: Digest,
}

/// An application to add.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// What the rules know of it; `client.enabled` is taken as true.
    pub client: Client,
    /// Its home page.
    pub home_page: Option<String>,
    /// Its picture.
    pub logo: Option<Logo>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Its redirect URIs.
    pub redirect_uris: Vec<NewRedirectUri>,
    /// Its first secret, if it keeps one.
    pub secret: Option<NewSecret>,
}

/// What became of an application to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddApplication {
    /// It was added.
    Added,
    /// Another application has this name.
    NameTaken,
    /// Another application has this client id.
    ClientIdTaken,
}

/// What became of a change to something that must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was done.
    Done,
    /// There is nothing of this id.
    NotFound,
}

/// How far a node's clock may be ahead of another's, in milliseconds, while both serve: each may differ by half of it from
/// their database's.
pub const CLOCKS_MS: i64 = 4_000;

/// Whether the application has a secret in effect at `$moment` besides this one.
macro_rules! another_in_effect {
    ($application:literal, $secret:literal, $moment:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM client_secrets o WHERE o.application = ",
            $application,
            " AND o.id <> ",
            $secret,
            " AND (o.ends_at IS NULL OR o.ends_at > ",
            $moment,
            "))"
        )
    };
}

/// Ends what was issued before: `valid_from` goes past whatever a node gave whose clock is ahead, and grows each time; new
/// grants begin no earlier. `$moment` is now and that much more.
macro_rules! past {
    ($moment:literal) => {
        concat!("valid_from = CASE WHEN valid_from >= ", $moment, " THEN valid_from + 1 ELSE ", $moment, " END")
    };
}

impl Store {
    /// Adds an application with its redirect URIs and its first secret; of two with one name, one wins.
    pub async fn add_application(&self, new: &NewApplication, note: &Note) -> Result<AddApplication, StoreError> {
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11)");
        let id = new.client.id;
        let mut verb = vec![insert_application(self.tenant(), new, note.at)];
        verb.extend(insert_parts(self.tenant(), new, note.at));
        let details = format!("{} {}", new.client.template.name(), new.client.client_id);
        verb.push(audit::row(self, note, event("application.add", id, details), AUDIT, vec![id.into()]));
        if claimed(&self.run(verb).await?) {
            return Ok(AddApplication::Added);
        }
        const TAKEN: &str = "SELECT id FROM applications WHERE tenant = $1 AND client_id = $2";
        let taken = self.find(&statement!(TAKEN, self.tenant(), &new.client.client_id)).await?;
        Ok(if taken.is_some() { AddApplication::ClientIdTaken } else { AddApplication::NameTaken })
    }

    /// The row of the application that has this `client_id` or this name.
    pub async fn find_application(&self, name_or_client_id: &str) -> Result<Option<Id>, StoreError> {
        const FIND: &str = "SELECT id FROM applications WHERE (tenant = $1 AND client_id = $2) \
            OR (tenant = $1 AND name_key = $3) \
            ORDER BY CASE WHEN client_id = $2 THEN 0 ELSE 1 END LIMIT 1";
        let key = canonical(name_or_client_id);
        self.find(&statement!(FIND, self.tenant(), name_or_client_id, key)).await?.map(|row| row.id(0)).transpose()
    }

    /// Gives the application a new secret; the older ones end `overlap_ms` after `note.at` (0: now), or earlier where
    /// that was set before. Of several at once, each ends those before it.
    pub async fn rotate_secret(
        &self,
        application: Id,
        secret: &NewSecret,
        overlap_ms: i64,
        note: &Note,
    ) -> Result<Change, StoreError> {
        // Takes the row, so that each of several at once sees the secret of the one before it, on PostgreSQL too.
        const TAKE: &str = "UPDATE applications SET updated_at = $3, changed_by = $4 WHERE id = $1 AND tenant = $2 \
            RETURNING id";
        const ADD: &str = "INSERT INTO client_secrets (id, tenant, application, digest, created_at) \
            SELECT $1, $2, a.id, $4, $5 FROM applications a WHERE a.id = $3 AND a.tenant = $2";
        const END: &str = "UPDATE client_secrets SET ends_at = $3 WHERE application = $2 AND id <> $1 \
            AND (ends_at IS NULL OR ends_at > $3) AND EXISTS (SELECT 1 FROM client_secrets s WHERE s.id = $1)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM client_secrets WHERE id = $11)");
        let ends_at = note.at.saturating_add(overlap_ms);
        let event = event("application.rotate_secret", application, format!("older ones end at {ends_at}"));
        let verb = vec![
            statement!(TAKE, application, self.tenant(), note.at, note.id),
            statement!(ADD, secret.id, self.tenant(), application, &secret.digest, note.at),
            statement!(END, secret.id, application, ends_at),
            audit::row(self, note, event, AUDIT, vec![secret.id.into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// Removes a secret of the application: from the answer on it authenticates nobody. What was issued to whoever knew it
    /// lives on while the application has another one in effect, be it for the rest of an overlap: rotating must sign nobody
    /// out. Where there is none everything ends that was issued to it, also for when it is given a new one. `NotFound` when it
    /// has no secret of this id.
    pub async fn remove_secret(&self, application: Id, secret: Id, note: &Note) -> Result<Change, StoreError> {
        // Takes the row, so that of two who remove the last two at once the later one sees that its is the last.
        const TAKE: &str = "UPDATE applications SET updated_at = $4, changed_by = $5 WHERE id = $1 AND tenant = $2 \
            AND EXISTS (SELECT 1 FROM client_secrets s WHERE s.id = $3 AND s.application = $1)";
        // Locked before it goes: once the secret is gone nothing is left to repeat the claim on.
        const CLAIM: &str = "UPDATE client_secrets SET created_at = created_at \
            WHERE id = $1 AND tenant = $2 AND application = $3 RETURNING id";
        const END: &str = concat!(
            "UPDATE applications SET ",
            past!("$5"),
            " WHERE id = $1 AND tenant = $2 AND EXISTS (SELECT 1 FROM client_secrets WHERE id = $3 AND application = $1) \
             AND NOT ",
            another_in_effect!("$1", "$3", "$4")
        );
        const AUDIT_LAST: &str = audited!(
            "EXISTS (SELECT 1 FROM client_secrets WHERE id = $11 AND tenant = $2 AND application = $12) AND NOT ",
            another_in_effect!("$12", "$11", "$3")
        );
        const AUDIT: &str =
            audited!("EXISTS (SELECT 1 FROM client_secrets WHERE id = $11 AND tenant = $2 AND application = $12)");
        const REMOVE: &str = "DELETE FROM client_secrets WHERE id = $1 AND tenant = $2 AND application = $3";
        let tenant = self.tenant();
        let told = |more: &str| event("application.remove_secret", application, format!("secret:{secret}{more}"));
        let (last, guard) =
            (told(", the last one: what was issued before has ended"), || vec![secret.into(), application.into()]);
        let verb = vec![
            statement!(TAKE, application, tenant, secret, note.at, note.id),
            statement!(CLAIM, secret, tenant, application),
            statement!(END, application, tenant, secret, note.at, note.at + CLOCKS_MS + 1),
            audit::row(self, note, last, AUDIT_LAST, guard()),
            // One row of a verb stays: where the one above stands this one is left out.
            audit::row(self, note, told(""), AUDIT, guard()),
            statement!(REMOVE, secret, tenant, application),
        ];
        Ok(Change::when(self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty())))
    }

    /// Switches the application on or off at `note.at`. What it got before that stays dead after switching on again.
    /// One that stands so already is left as it is.
    pub async fn set_application_enabled(
        &self,
        application: Id,
        enabled: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        const SWITCH: &str = concat!(
            "UPDATE applications SET disabled_at = $3, updated_at = $4, changed_by = $6, ",
            past!("$5"),
            " WHERE id = $1 AND tenant = $2 AND (disabled_at IS NULL) = ($3 IS NOT NULL) RETURNING id"
        );
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11 AND changed_by = $1)");
        let action = if enabled { "application.enable" } else { "application.disable" };
        let disabled_at = (!enabled).then_some(note.at);
        let verb = vec![
            statement!(SWITCH, application, self.tenant(), disabled_at, note.at, note.at + CLOCKS_MS + 1, note.id),
            audit::row(self, note, event(action, application, String::new()), AUDIT, vec![application.into()]),
        ];
        if claimed(&self.run(verb).await?) {
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT id FROM applications WHERE id = $1 AND tenant = $2";
        Ok(Change::when(self.find(&statement!(THERE, application, self.tenant())).await?.is_some()))
    }

    /// Removes the application: from the answer on nothing of it is accepted. Upkeep sweeps what hung on it.
    pub async fn remove_application(&self, application: Id, note: &Note) -> Result<Change, StoreError> {
        const CLAIM: &str = "INSERT INTO removed_applications (id, tenant, removed_at, removed_by) \
            SELECT a.id, a.tenant, $3, $4 FROM applications a WHERE a.id = $1 AND a.tenant = $2 \
            ON CONFLICT (id) DO NOTHING RETURNING id";
        const PARTS: [&str; 7] = [
            "DELETE FROM applications WHERE id = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM redirect_uris WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM client_secrets WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM assignments WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM post_logout_redirect_uris WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM logout_addresses WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
            "DELETE FROM logos WHERE application = $1 \
             AND EXISTS (SELECT 1 FROM removed_applications r WHERE r.id = $1 AND r.tenant = $2)",
        ];
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM removed_applications WHERE id = $11 AND removed_by = $1)");
        let mut verb = vec![statement!(CLAIM, application, self.tenant(), note.at, note.id)];
        verb.extend(PARTS.map(|sql| statement!(sql, application, self.tenant())));
        let event = event("application.remove", application, String::new());
        verb.push(audit::row(self, note, event, AUDIT, vec![application.into()]));
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }
}

impl Change {
    /// `Done` when something was.
    pub(crate) const fn when(done: bool) -> Change {
        if done { Change::Done } else { Change::NotFound }
    }
}

/// Whether a verb's first statement, its claim, gave a row.
pub(crate) fn claimed(answers: &[Vec<Row>]) -> bool {
    answers.first().is_some_and(|rows| !rows.is_empty())
}

fn event(action: &'static str, application: Id, details: String) -> Event {
    Event { action, target: format!("application:{application}"), outcome: "done", details }
}

/// The claim: of two with one name or client id, one is inserted.
fn insert_application(tenant: i64, new: &NewApplication, now: i64) -> Statement {
    const INSERT: &str = "INSERT INTO applications (id, tenant, client_id, name, name_key, template, confidential, \
        switches, access_ms, refresh_idle_ms, refresh_max_ms, scopes, access, id_token_alg, access_token, \
        sector, home_page, verified, valid_from, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, $19) \
        ON CONFLICT DO NOTHING RETURNING id";
    let Client { id, client_id, name, template, confidential, switches, lifetimes, scopes, access, .. } = &new.client;
    let Client { id_token_alg, access_token_format, sector, .. } = &new.client;
    statement!(
        INSERT,
        id,
        tenant,
        client_id,
        name,
        canonical(name),
        template.name(),
        *confidential,
        switches.bits(),
        lifetimes.access_ms,
        lifetimes.refresh_idle_ms,
        lifetimes.refresh_max_ms,
        scopes,
        access.name(),
        id_token_alg.name(),
        access_token_format.name(),
        sector.as_deref(),
        new.home_page.as_deref(),
        new.verified,
        now,
    )
}

/// What hangs on the claim.
fn insert_parts(tenant: i64, new: &NewApplication, now: i64) -> Verb {
    const REDIRECT_URI: &str = "INSERT INTO redirect_uris (tenant, application, position, uri, origin) \
        SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM applications a WHERE a.id = $2)";
    const SECRET: &str = "INSERT INTO client_secrets (id, tenant, application, digest, created_at) \
        SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM applications a WHERE a.id = $3)";
    const LOGO: &str = "INSERT INTO logos (application, tenant, media_type, bytes) \
        SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM applications a WHERE a.id = $1)";
    let id = new.client.id;
    let uris = (0_i64..).zip(&new.redirect_uris);
    let mut parts: Verb =
        uris.map(|(n, uri)| statement!(REDIRECT_URI, tenant, id, n, &uri.uri, uri.origin.as_deref())).collect();
    parts.extend(new.secret.as_ref().map(|s| statement!(SECRET, s.id, tenant, id, &s.digest, now)));
    parts.extend(new.logo.as_ref().map(|l| statement!(LOGO, id, tenant, &l.media_type, l.bytes.clone())));
    parts
}
