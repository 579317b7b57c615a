//! What an application says about signing out: where people go afterwards, and where it wants to hear of it.
//!
//! Owns these rows, and which applications a person went to in a session. Kept apart from the application's own row, which
//! stays small on the way of every token. What may be registered is `oauth::logout`'s; what is to be delivered is in
//! `logout_notices`.

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::columns::{Columns, client_columns};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;

/// Where an application wants to hear that a session has ended (OpenID Connect Back-Channel Logout).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backchannel {
    /// The address to post to.
    pub uri: String,
    /// Whether it says that it needs the session's identifier to know what ended. It is kept and shown, and decides
    /// nothing: the identifier is always told.
    pub session_required: bool,
}

/// What to set; `None` leaves a setting as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutSettings {
    /// All addresses that people may be sent to after signing out, in their order.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Where to hear of ended sessions, or nowhere.
    pub backchannel: Option<Option<Backchannel>>,
}

/// What an application has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutSheet {
    /// Where people may be sent, in order.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears of ended sessions.
    pub backchannel: Option<Backchannel>,
}

/// An application that sends a person to sign out.
#[derive(Clone, Debug)]
pub struct LeavingClient {
    /// The client, whether it is switched on or not.
    pub client: Client,
    /// Where people may be sent afterwards.
    pub post_logout_redirect_uris: Vec<String>,
}

impl Store {
    /// Sets what `settings` names. Audited.
    pub async fn set_logout(
        &self,
        application: Id,
        settings: &LogoutSettings,
        note: &Note,
    ) -> Result<Change, StoreError> {
        // Takes the row, so that of several at once the last one stands whole.
        const TAKE: &str = "UPDATE applications SET updated_at = $3, changed_by = $4 WHERE id = $1 AND tenant = $2 \
            RETURNING id";
        const FORGET: [&str; 2] = [
            "DELETE FROM post_logout_redirect_uris WHERE application = $1 AND tenant = $2 \
             AND EXISTS (SELECT 1 FROM applications a WHERE a.id = $1 AND a.changed_by = $3)",
            "DELETE FROM logout_addresses WHERE application = $1 AND tenant = $2 \
             AND EXISTS (SELECT 1 FROM applications a WHERE a.id = $1 AND a.changed_by = $3)",
        ];
        const URI: &str = "INSERT INTO post_logout_redirect_uris (tenant, application, position, uri) \
            SELECT $2, $1, $4, $5 WHERE EXISTS (SELECT 1 FROM applications a WHERE a.id = $1 AND a.changed_by = $3)";
        const ADDRESS: &str = "INSERT INTO logout_addresses (tenant, application, uri, session_required) \
            SELECT $2, $1, $4, $5 WHERE EXISTS (SELECT 1 FROM applications a WHERE a.id = $1 AND a.changed_by = $3)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11 AND changed_by = $1)");
        let tenant = self.tenant();
        let mut verb = vec![statement!(TAKE, application, tenant, note.at, note.id)];
        if let Some(uris) = &settings.post_logout_redirect_uris {
            verb.push(statement!(FORGET[0], application, tenant, note.id));
            let uris = (0_i64..).zip(uris);
            verb.extend(uris.map(|(position, uri)| statement!(URI, application, tenant, note.id, position, uri)));
        }
        if let Some(backchannel) = &settings.backchannel {
            verb.push(statement!(FORGET[1], application, tenant, note.id));
            let set = |b: &Backchannel| statement!(ADDRESS, application, tenant, note.id, &b.uri, b.session_required);
            verb.extend(backchannel.as_ref().map(set));
        }
        let target = format!("application:{application}");
        let event = Event { action: "application.set", target, outcome: "done", details: details(settings) };
        verb.push(audit::row(self, note, event, AUDIT, vec![application.into()]));
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// What the application has said about signing out.
    pub async fn show_logout(&self, application: Id) -> Result<LogoutSheet, StoreError> {
        const URIS: &str = "SELECT uri FROM post_logout_redirect_uris WHERE application = $1 AND tenant = $2 \
            ORDER BY position";
        const ADDRESS: &str =
            "SELECT uri, session_required FROM logout_addresses WHERE application = $1 AND tenant = $2";
        let uris = self.read(&statement!(URIS, application, self.tenant())).await?;
        let address = self.find(&statement!(ADDRESS, application, self.tenant())).await?;
        let backchannel = address.map(|mut row| {
            let mut c = Columns::of(&mut row);
            Ok::<_, StoreError>(Backchannel { uri: c.text()?, session_required: c.flag()? })
        });
        Ok(LogoutSheet {
            post_logout_redirect_uris: uris.into_iter().map(|mut row| row.take_text(0)).collect::<Result<_, _>>()?,
            backchannel: backchannel.transpose()?,
        })
    }

    /// The client of this `client_id` with the addresses that people may be sent to after signing out, in one read.
    pub async fn find_leaving_client(&self, client_id: &str) -> Result<Option<LeavingClient>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            client_columns!(),
            ", r.uri FROM applications a LEFT JOIN post_logout_redirect_uris r ON r.application = a.id \
             WHERE a.tenant = $1 AND a.client_id = $2 ORDER BY r.position"
        );
        let mut found: Option<LeavingClient> = None;
        for mut row in self.read(&statement!(FIND, self.tenant(), client_id)).await? {
            let mut c = Columns::of(&mut row);
            let (client, uri) = (c.client()?, c.opt_text()?);
            let leaving = found.get_or_insert_with(|| LeavingClient { client, post_logout_redirect_uris: Vec::new() });
            leaving.post_logout_redirect_uris.extend(uri);
        }
        Ok(found)
    }
}

/// Notes, in the verb that keeps `grant`, that its person went to the application in the session `session`, if the
/// application wants to hear of its end. A grant may be over long before the application's own session is.
pub(crate) fn note_visit(tenant: i64, session: Id, application: Id, grant: Id) -> Statement {
    const VISIT: &str = "INSERT INTO session_applications (session, application, tenant, person, kept_until) \
        SELECT s.root, b.application, s.tenant, s.person, s.ends_at FROM sessions s \
        JOIN logout_addresses b ON b.application = $2 AND b.tenant = s.tenant \
        WHERE s.id = $1 AND s.tenant = $3 AND EXISTS (SELECT 1 FROM grants g WHERE g.id = $4) \
        ON CONFLICT (session, application) DO UPDATE SET kept_until = excluded.kept_until";
    statement!(VISIT, session, application, tenant, grant)
}

/// For the trail: what was set to what.
fn details(settings: &LogoutSettings) -> String {
    let uris = settings.post_logout_redirect_uris.as_ref();
    let backchannel = settings.backchannel.as_ref().map(|backchannel| match backchannel {
        None => "backchannel_logout_uri none".to_owned(),
        Some(Backchannel { uri, session_required: true }) => format!("backchannel_logout_uri {uri} with sessions"),
        Some(Backchannel { uri, session_required: false }) => format!("backchannel_logout_uri {uri}"),
    });
    let uris = uris.map(|uris| format!("post_logout_redirect_uris {}", uris.join(" ")));
    [uris, backchannel].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
