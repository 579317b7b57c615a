//! Who calls the project API: a person, by a project token, by a request signed with an access key, or by an access token
//! of an application's; and what they may do in the project that the path names.
//!
//! Owns that there is exactly one credential, that it is looked at in one place, and that a project which is another's
//! answers as one that does not exist: the same reads, the same body. What each credential is worth is asked of the store
//! at each use.

use crate::app::App;
use crate::web::credential::{self, Reach, Someone};
use crate::web::form::Received;
use crate::web::servicestage::{Code, Refusal};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_store::audit::Note;
use vestibule_store::projects::Role;

/// What a call asks of its caller. Every call says so: there is no other way to a [`ProjectCaller`] (FM-59).
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// What they must be in the project, or more.
    pub role: Role,
    /// What an access token must be good for: one of these is enough. Project tokens and access keys act for the person
    /// without bounds.
    pub scopes: &'static [&'static str],
}

/// By what a caller is known.
#[derive(Clone, Debug)]
pub enum By {
    /// A project token (`X-Auth-Token`) of this row.
    Token(Id),
    /// An access key of this name.
    AccessKey(String),
    /// An access token of this application's, good for this.
    Bearer {
        /// The application.
        application: Id,
        /// What the token is good for.
        scopes: ScopeSet,
    },
}

impl By {
    /// Whether it is good for something that one of these scopes opens.
    pub fn opens(&self, any_of: &[&str]) -> Result<(), Refusal> {
        match self {
            By::Bearer { scopes, .. } if !any_of.iter().any(|scope| scopes.contains(scope)) => {
                let sentence = match any_of {
                    [] => "an access token is of no use here".to_owned(),
                    _ => format!("the access token needs the scope {}", any_of.join(" or ")),
                };
                Err(Refusal::saying(Code::NotAllowed, sentence).challenging("Bearer error=\"insufficient_scope\""))
            }
            _ => Ok(()),
        }
    }
}

/// Whoever may make the call that they make.
#[derive(Clone, Debug)]
pub struct ProjectCaller {
    /// The person.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// The project that the path names.
    pub project: Id,
    /// By what they are known.
    pub by: By,
    /// What the request is called in answers and logs.
    pub request_id: String,
}

impl ProjectCaller {
    /// The caller of this request in the project that the path names, if they may do what the call needs.
    ///
    /// A project that is another's, one that does not exist, and one in which the caller may not do this answer the same,
    /// after the same reads (FM-131).
    pub async fn of(app: &App, received: &Received, project: &str, needs: Needs) -> Result<ProjectCaller, Refusal> {
        let named = project;
        // No project has this id: what is no id is looked up as well.
        let project = Id::parse(project).unwrap_or(Id::from_bytes([0; 16]));
        let Someone { person, number, by, reach } = credential::identify_in(app, received, Some(project)).await?;
        by.opens(needs.scopes)?;
        // Clients name the project twice; whoever routes by the header must mean the same one.
        if received.headers.get_all(PROJECT_HEADER).iter().any(|also| also.as_bytes() != named.as_bytes()) {
            let sentence = "X-Project-Id names another project than the path";
            return Err(Refusal::saying(Code::ParameterInvalid, sentence));
        }
        let role = match reach {
            Reach::Only(own, role) => (own == project).then_some(role),
            Reach::There(role) => role,
            Reach::Unread => app.store.role_in(project, person).await?,
        };
        match role.filter(|role| *role >= needs.role) {
            Some(_) => Ok(ProjectCaller { person, number, project, by, request_id: received.request_id.clone() }),
            None => Err(Refusal::new(Code::NotAllowed)),
        }
    }

    /// The audit note of something that they do with this request: who, and with what in hand.
    pub fn note(&self, app: &App, now: i64) -> Note {
        let by = match &self.by {
            By::Token(id) => format!("project_token:{id}"),
            By::AccessKey(name) => format!("access_key:{name}"),
            By::Bearer { application, .. } => format!("application:{application}"),
        };
        let actor = format!("person:{} by {by}", self.number);
        Note { id: app.dice.id(now), at: now, actor, request_id: Some(self.request_id.clone()) }
    }
}

/// Where the vendor's clients name the project once more.
const PROJECT_HEADER: &str = "x-project-id";
