//! The end of the way back: a landed flow is taken, its code traded, and what comes of it kept.
//!
//! Owns the order: the name is looked at first, so that a wrong one spends nothing; then the flow is taken, once; only then
//! is anything sent. That a name is taken, or that there is no turn, is told only of a flow that could be taken: any other is
//! refused as such, whatever it is to be called. Landing is `pages/git`'s. All of it happens in a task of its own, which is waited for when the server
//! ends: a caller who hangs up does not leave a spent code and tokens that nobody has.

use super::keeping::{Credential, Keeper, end_unkept, keep};
use super::place::{Place, sealed_at, text};
use super::{NotKept, turn};
use crate::app::App;
use crate::githosts::converse_patiently;
use crate::places::Seat;
use crate::seal::Scope;
use std::sync::Arc;
use vestibule_githost::answers::Tokens;
use vestibule_githost::refusal::Why;
use vestibule_githost::secret::Secret as HostSecret;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret, Secret};
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{GitAuthorization, TokenType};
use vestibule_store::git_flow_steps::{GitFlowRefusal, GitTaking, TakeGitFlow};
use vestibule_store::git_flows::GitFlow;

/// A flow that somebody wants to finish.
pub struct Finish {
    /// Who, and what it is to be kept as.
    pub keeper: Keeper,
    /// The kind of the host, or the configuration's name, as they named it.
    pub kind_or_name: String,
    /// The configuration whose page it is finished on; it must be the flow's.
    pub host: Option<Id>,
    /// The tag, if they sent one.
    pub tag: Option<String>,
    /// The state.
    pub state: Secret,
    /// The code.
    pub code: Secret,
}

impl Finish {
    fn state(&self) -> Result<MachineSecret, NotKept> {
        MachineSecret::parse(Kind::GitState, self.state.expose()).ok_or(NotKept::Flow(GitFlowRefusal::Unknown))
    }

    fn taking(&self, code: &Secret) -> GitTaking<'_> {
        GitTaking {
            person: self.keeper.person,
            project: self.keeper.project,
            kind_or_name: &self.kind_or_name,
            tag: self.tag.as_deref(),
            code: code.digest(),
        }
    }

    fn note(&self, app: &App) -> Note {
        Note { id: app.dice.id(app.clock.now()), ..self.keeper.note.clone() }
    }
}

/// Finishes a flow.
pub async fn finish(app: &Arc<App>, finish: Finish) -> Result<GitAuthorization, NotKept> {
    let here = app.clone();
    let work = app.under_way.spawn(async move { finish_here(&here, &finish).await });
    work.await.unwrap_or_else(|_| Err(NotKept::Ours("the task that obtains an authorization has died".to_owned())))
}

async fn finish_here(app: &App, finish: &Finish) -> Result<GitAuthorization, NotKept> {
    let (renews, _turn) = match ready(app, finish).await {
        Ok(ready) => ready,
        // A name that is not fit is told of whatever comes with it.
        Err(why @ (NotKept::BadName | NotKept::Ours(_))) => return Err(why),
        // Judged after the name was looked at: if it was this very flow that brought the name, it is seen to be taken.
        Err(why) => return judge(app, finish).await.and(Err(why)),
    };
    let (flow, code) = take(app, finish).await?;
    if finish.host.is_some_and(|host| host != flow.host.id) {
        return Err(NotKept::Flow(GitFlowRefusal::OtherHost));
    }
    let place = Place::asked(&flow.host)?;
    let tokens = trade(app, &flow, &place, &code).await?;
    let upstream =
        match converse_patiently(&app.outbound, &app.clock, place.kind.who(&place.visit(&tokens.access))).await {
            Ok(upstream) => upstream,
            Err(refusal) => {
                end_unkept(app, &finish.keeper, flow.host.id, &tokens.access, tokens.refresh.as_ref()).await;
                return Err(refusal.into());
            }
        };
    let Tokens { access, refresh, access_ends_at, refresh_ends_at, scopes } = tokens;
    let token_type = TokenType::Oauth;
    let credential = Credential { token_type, access, refresh, access_ends_at, refresh_ends_at, scopes, upstream };
    keep(app, &finish.keeper, &place, (flow.tag.as_deref(), renews), credential).await
}

/// What there must be before the flow is taken: a name (and what has it, where that is to be renewed), and a turn.
async fn ready(app: &App, finish: &Finish) -> Result<(Option<(Id, i64)>, Seat<Id>), NotKept> {
    let renews = finish.keeper.look(app, finish.host).await?;
    Ok((renews, turn(app, finish.keeper.project).await?))
}

/// Takes the flow, and tells with which code: as it came, or decoded once more, because the documents tell people to copy
/// both out of an address by hand (FM-134).
async fn take(app: &App, finish: &Finish) -> Result<(GitFlow, Secret), NotKept> {
    let (state, mut refused) = (finish.state()?, GitFlowRefusal::Unknown);
    for code in readings(&finish.code) {
        match app.store.take_git_flow(&state, &finish.taking(&code), &finish.note(app)).await? {
            TakeGitFlow::Taken(flow) => return Ok((*flow, code)),
            TakeGitFlow::Refused(why) => refused = why,
        }
        if refused != GitFlowRefusal::OtherCode {
            break;
        }
    }
    Err(NotKept::Flow(refused))
}

/// Says no if [`take`] would, and takes nothing.
async fn judge(app: &App, finish: &Finish) -> Result<(), NotKept> {
    let (state, mut refused) = (finish.state()?, None);
    for code in readings(&finish.code) {
        refused = app.store.judge_git_flow(&state, &finish.taking(&code), &finish.note(app)).await?;
        if refused != Some(GitFlowRefusal::OtherCode) {
            break;
        }
    }
    refused.map_or(Ok(()), |why| Err(NotKept::Flow(why)))
}

/// The code as it came, and decoded once if it has escapes.
fn readings(code: &Secret) -> Vec<Secret> {
    let text = code.expose();
    let decoded = text.contains('%').then(|| format!("c={}", text.replace('+', "%2B").replace('&', "%26")));
    let decoded = decoded.and_then(|pair| form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned()));
    std::iter::once(code.clone()).chain(decoded.filter(|decoded| decoded != text).map(Secret::new)).collect()
}

async fn trade(app: &App, flow: &GitFlow, place: &Place<'_>, code: &Secret) -> Result<Tokens, NotKept> {
    let mut application = place.application(app).await?;
    // What the host was told on the way there, whatever we are called by now.
    application.redirect_uri.clone_from(&flow.redirect_uri);
    let verifier = match &flow.verifier {
        Some(sealed) => {
            let at = sealed_at("git_flows", "verifier", flow.id);
            Some(text(&app.seal.open_value(Scope::Project(flow.project), &at, sealed).await?)?)
        }
        None => None,
    };
    let code = HostSecret::new(code.expose());
    let step = place.kind.trade_code(&place.site, &application, &code, verifier.as_ref());
    match converse_patiently(&app.outbound, &app.clock, step).await {
        Err(refusal) if refusal.why == Why::GrantRefused => Err(NotKept::Flow(GitFlowRefusal::OtherCode)),
        traded => Ok(traded?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_134_a_code_is_read_as_it_came_or_decoded_once_and_never_twice() {
        let read = |code: &str| readings(&Secret::new(code)).iter().map(|s| s.expose().to_owned()).collect::<Vec<_>>();
        assert_eq!(read("04bed2df009f3fc9"), ["04bed2df009f3fc9"]);
        assert_eq!(read("a%2Fb"), ["a%2Fb", "a/b"]);
        assert_eq!(read("a%252Fb"), ["a%252Fb", "a%2Fb"]);
        assert_eq!(read("a+b%20c&d"), ["a+b%20c&d", "a+b c&d"]);
        assert_eq!(read("100%"), ["100%"]);
    }
}
