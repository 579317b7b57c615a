//! `/v1/{project_id}/git/auths…`: the six calls of the credential store (ServiceStage "Git Repository Access", pages
//! ss/0092 to ss/0097).
//!
//! Owns the calls: who may make each, which host a path means, and which documented code says what went wrong. How an
//! authorization is obtained and ended is `broker`'s.

mod answers;
mod bodies;

use crate::app::App;
use crate::broker::NotKept;
use crate::broker::departing::{Traveller, depart};
use crate::broker::ending::{End, end};
use crate::broker::finishing::{Finish, finish};
use crate::broker::keeping::{Keeper, Workbench};
use crate::broker::tokens::{Brought, bring, meant_by};
use crate::web::answer;
use crate::web::form::Received;
use crate::web::project_caller::{Needs, ProjectCaller};
use crate::web::segments::Segments;
use crate::web::servicestage::{Code, Refusal, respond};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bodies::{OauthBody, PasswordBody, PersonalBody};
use std::sync::Arc;
use vestibule_githost::refusal::Why;
use vestibule_githost::secret::Secret;
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body as QueryOnly, Parameters};
use vestibule_store::git_authorizations::GitAuthorization;
use vestibule_store::git_flow_steps::GitFlowRefusal;
use vestibule_store::git_hosts::{GitHost, MeantHost};
use vestibule_store::projects::Role;

/// The scope that an access token needs for the credential store.
pub const SCOPE: &str = "git_authorizations";
const READ: Needs = Needs { role: Role::Viewer, scopes: &[SCOPE] };
const CHANGE: Needs = Needs { role: Role::Editor, scopes: &[SCOPE] };

/// A call on its way: who makes it, and the path's segments.
struct Call<'a> {
    app: &'a Arc<App>,
    received: &'a Received,
    caller: ProjectCaller,
    segments: Segments,
}

impl<'a> Call<'a> {
    async fn begin(app: &'a Arc<App>, received: &'a Received, needs: Needs) -> Result<Call<'a>, Refusal> {
        let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
        let caller = ProjectCaller::of(app, received, segments.at(1), needs).await?;
        Ok(Call { app, received, caller, segments })
    }

    /// What stands after `auths`: a kind of host, a configuration's name, or an authorization's.
    fn named(&self) -> &str {
        self.segments.at(4)
    }

    fn project(&self) -> Id {
        self.caller.project
    }

    fn tag(&self) -> Result<Option<String>, Refusal> {
        let sentence =
            |_| Refusal::saying(Code::ParameterInvalid, "the query cannot be read; tag may stand there once");
        let query = Parameters::read(self.received.query.as_deref(), QueryOnly::None, None).map_err(sentence)?;
        Ok(query.get("tag").map_err(sentence)?.map(str::to_owned))
    }

    fn keeper(&self, name: String) -> Keeper {
        let note = self.caller.note(self.app, self.app.clock.now());
        Keeper { person: self.caller.person, project: self.project(), name, in_place: false, note }
    }

    /// The host that the path and the tag mean.
    async fn host(&self, tag: Option<&str>) -> Result<GitHost, Refusal> {
        one(self.app.store.git_host_for(self.project(), self.named(), tag).await?, || {
            let sentence = "no host configuration of this kind or name serves the project";
            Refusal::saying(Code::NotImplemented, sentence)
        })
    }

    fn kept(&self, kept: Result<GitAuthorization, NotKept>) -> Result<Response, Refusal> {
        let row = kept.map_err(refusal)?;
        Ok(answer::json(200, answers::one(&row, self.app.clock.now())))
    }
}

/// `GET …/git/auths`: the project's authorizations.
pub async fn list(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, READ).await?;
        let rows = app.store.list_git_authorizations(call.project()).await?;
        Ok(answer::json(200, answers::list(&rows, app.clock.now())))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/auths/{repo_type}/redirect`: where to send a person's browser.
pub async fn redirect(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, CHANGE).await?;
        let tag = call.tag()?;
        let host = call.host(tag.as_deref()).await?;
        let (person, project) = (call.caller.person, call.project());
        let url = depart(&app, Traveller { person, project, host: &host, tag: tag.as_deref(), renews: None }).await;
        Ok(answer::json(200, answers::redirect(&url.map_err(refusal)?)))
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/auths/{repo_type}/oauth`: what landed in the person's browser is kept.
pub async fn oauth(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, CHANGE).await?;
        let (body, tag) = (OauthBody::read(&received.body)?, call.tag()?);
        let OauthBody { name, code, state } = body;
        let (keeper, kind_or_name) = (call.keeper(name), call.named().to_owned());
        let kept = finish(&app, Finish { keeper, kind_or_name, host: None, tag, state, code }).await;
        match kept {
            Err(NotKept::Host(why)) => {
                let (code, sentence) = by_host(&why);
                Err(waiting(Refusal::saying(code, format!("{sentence}; {SPENT}")), NotKept::Host(why).wait_s()))
            }
            // Whatever state was brought: nobody is sent to, or comes back from, a host that nobody knows.
            Err(NotKept::Flow(why)) if why != GitFlowRefusal::NotServed => match call.host(None).await {
                Err(unknown) if unknown.code == Code::NotImplemented => Err(unknown),
                _ => Err(refusal(NotKept::Flow(why))),
            },
            kept => call.kept(kept),
        }
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/auths/{repo_type}/personal`: a personal token is tried and kept.
pub async fn personal(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, CHANGE).await?;
        let PersonalBody { name, token, host } = PersonalBody::read(&received.body)?;
        let host = match host {
            None => call.host(None).await?,
            Some(named) => chosen(&call, &named).await?,
        };
        let brought = Brought::Personal(Secret::new(token.expose()));
        call.kept(bring(&app, call.keeper(name), host, brought).await)
    };
    respond(served.await, &received.request_id)
}

/// Which of the project's hosts a caller means by `host`: one of the path's kind, or the one that the path names.
async fn chosen(call: &Call<'_>, host: &str) -> Result<GitHost, Refusal> {
    let mut hosts = call.app.store.git_hosts_of_kind(call.project(), call.named()).await?;
    if hosts.is_empty() {
        hosts.push(call.host(None).await?);
    }
    one(meant_by(hosts, host), || {
        let sentence = "host must be the address of a configured host of this kind, its API's, or a page of it";
        Refusal::saying(Code::ParameterInvalid, sentence)
    })
}

/// The one host that is meant, or why there is not one; `unknown` says why there is none.
fn one(meant: MeantHost, unknown: impl Fn() -> Refusal) -> Result<GitHost, Refusal> {
    let invalid = |sentence: String| Err(Refusal::saying(Code::ParameterInvalid, sentence));
    match meant {
        MeantHost::Found(host) => Ok(*host),
        MeantHost::Unknown => Err(unknown()),
        MeantHost::UnknownTag => invalid("no host configuration of this kind or name carries the tag".to_owned()),
        MeantHost::Several(names) => {
            let names = names.join(", ");
            invalid(format!("several host configurations are meant and none is the default: name one of {names}"))
        }
    }
}

/// `POST …/git/auths/{repo_type}/password`: a name and a password are tried, and what the host gives for them is kept.
pub async fn password(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, CHANGE).await?;
        let PasswordBody { name, user, password } = PasswordBody::read(&received.body)?;
        let host = call.host(None).await?;
        let brought = Brought::Password(user, Secret::new(password.expose()));
        call.kept(bring(&app, call.keeper(name), host, brought).await)
    };
    respond(served.await, &received.request_id)
}

/// `DELETE …/git/auths/{name}`: gone at once; its host hears of it when it can.
pub async fn delete(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = Call::begin(&app, &received, CHANGE).await?;
        let note = call.caller.note(&app, app.clock.now());
        match end(Workbench::of(&app), call.project(), call.named(), &note).await.map_err(refusal)? {
            End::Ended => {
                app.revocations.ring();
                Ok(no_content())
            }
            End::Unknown => Err(Refusal::new(Code::UnknownAuthorization)),
        }
    };
    respond(served.await, &received.request_id)
}

/// What is answered where nothing is left to say.
pub fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
    response
}

/// Why nothing was kept, in the documented codes and our own words: what a host has said is not repeated (FM-90).
fn refusal(why: NotKept) -> Refusal {
    let invalid = |sentence| Refusal::saying(Code::ParameterInvalid, sentence);
    let wait_s = why.wait_s();
    let refusal = match why {
        NotKept::BadName => invalid("name must have 4 to 63 letters, digits, dots, underscores and hyphens"),
        NotKept::NameTaken => Refusal::saying(Code::AlreadyExists, "the project has an authorization of this name"),
        NotKept::NameTakenMeanwhile => Refusal::saying(Code::AlreadyExists, format!("somebody was faster; {SPENT}")),
        NotKept::TooMany => invalid("there are as many under way, or kept, as there may be"),
        NotKept::Flow(_) => Refusal::new(Code::CodeOrStateInvalid),
        NotKept::Changed => invalid("the authorization was changed meanwhile: try again"),
        NotKept::NotAllowed => Refusal::new(Code::NotAllowed),
        NotKept::NotServed => {
            Refusal::saying(Code::NotImplemented, "the host configuration does not serve the project")
        }
        NotKept::CannotDo(sentence) => Refusal::saying(Code::NotImplemented, sentence),
        NotKept::NoApplication => Refusal::saying(
            Code::NotImplemented,
            "the host configuration has no client id and secret: bring a personal token",
        ),
        NotKept::Host(why) => {
            let (code, sentence) = by_host(&why);
            Refusal::saying(code, sentence)
        }
        NotKept::TooManyTries(_) => {
            let sentence = "nothing was sent to the host; come again after the time that Retry-After tells";
            Refusal::saying(Code::TooManyTries, sentence)
        }
        NotKept::Ours(cause) => Refusal::because(cause),
    };
    waiting(refusal, wait_s)
}

fn waiting(refusal: Refusal, wait_s: Option<u32>) -> Refusal {
    match wait_s {
        Some(seconds) => refusal.waiting(seconds),
        None => refusal,
    }
}

fn by_host(why: &Why) -> (Code, &'static str) {
    match why {
        Why::TokenRefused => (Code::ParameterInvalid, "the host does not accept the token"),
        Why::GrantRefused => (Code::ParameterInvalid, "the host does not accept the user and password"),
        Why::ScopeMissing { .. } | Why::Forbidden => {
            (Code::ParameterInvalid, "the host does not let the token tell whose it is")
        }
        Why::CannotDo => (Code::NotImplemented, "this kind of host has no way to do it"),
        Why::Crowded { .. } => (Code::Crowded, "as many requests as may are under way to the host"),
        Why::RateLimited { .. } => (Code::RateLimited, "come again after the time that Retry-After tells"),
        Why::ClientRefused => (Code::Internal, "the host does not accept our client id and secret: tell the operator"),
        _ => (Code::Internal, "the host did not answer as it should; nothing was kept"),
    }
}

/// What is said once a code was traded, or might have been.
const SPENT: &str = "code and state are used up: begin again with …/redirect";

/// The template of each address, for the router.
pub mod path {
    pub const LIST: &str = "/v1/{project_id}/git/auths";
    pub const ONE: &str = "/v1/{project_id}/git/auths/{name}";
    pub const REDIRECT: &str = "/v1/{project_id}/git/auths/{repo_type}/redirect";
    pub const OAUTH: &str = "/v1/{project_id}/git/auths/{repo_type}/oauth";
    pub const PERSONAL: &str = "/v1/{project_id}/git/auths/{repo_type}/personal";
    pub const PASSWORD: &str = "/v1/{project_id}/git/auths/{repo_type}/password";
}
