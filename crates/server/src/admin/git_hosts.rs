//! Host configurations: adding, showing, secrets, switching off and on, and which projects they serve.
//!
//! Owns what may be registered and the sealing of client secrets. What a kind is and can do stands in `githost`; which
//! address may be called is `outbound`'s.

use super::fields::{Fault, Faults, Field, fault};
use super::git_host_input::{Fit, Registered, Wanted, judge, registered};
use super::{Changed, Desk, Thing, Unknown, projects, reach};
use crate::seal::{Place, Scope, Seal, Unsealed};
use url::Url;
use vestibule_githost::address::Base;
use vestibule_githost::host::GitHost as Kind;
use vestibule_githost::registry;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;
use vestibule_store::applications::Change;
use vestibule_store::git_host_changes::{AddGitHost, GitHostLine, SetGitHostSecret};
use vestibule_store::git_hosts::GitHost;
use vestibule_store::sealed::SealedValue;

/// What became of a host configuration to add.
#[derive(Debug)]
pub enum Add {
    /// Added.
    Added,
    /// It is not fit.
    Wrong(Vec<Fault>),
    /// Another one has this name.
    NameTaken,
    /// There is no such project.
    Unknown(Unknown),
}

/// A host configuration with what an administrator has to know of it.
#[derive(Debug)]
pub struct Sheet {
    /// The configuration, and what hangs on it.
    pub line: GitHostLine,
    /// The names of the projects that it serves.
    pub projects: Vec<String>,
    /// Whether callers who name the kind only mean it, among those of its scope.
    pub is_default: bool,
    /// Where its API begins.
    pub api: Option<String>,
    /// Each scope with the reason for it.
    pub scopes: Vec<(String, &'static str)>,
    /// What should be heard before it is used.
    pub remark: Option<String>,
}

/// Adds a host configuration.
pub async fn add(desk: &Desk<'_>, seal: &Seal, wanted: &Wanted<'_>) -> Result<Add, Unsealed> {
    let allowed = reach::allowed(desk).await?;
    let fit = match judge(wanted, |url| allowed.iter().any(|host| host.allows(url))) {
        Ok(fit) => fit,
        Err(faults) => return Ok(Add::Wrong(faults)),
    };
    let project = match whose(desk, wanted.project).await? {
        Changed::Done(project) => project,
        Changed::Unknown(unknown) => return Ok(Add::Unknown(unknown)),
    };
    let id = desk.id();
    let secret = match &wanted.application {
        Some(application) => Some(sealed(seal, id, project, application.secret).await?),
        None => None,
    };
    let Fit { name, kind, web, client_id, scopes, tags } = fit;
    let host = GitHost {
        id,
        project,
        name,
        kind: kind.to_owned(),
        web,
        client_id,
        secret,
        scopes,
        tags,
        default_at: wanted.is_default.then_some(desk.now),
        disabled_at: None,
        created_at: desk.now,
    };
    Ok(match desk.store.add_git_host(&host, &desk.note()).await? {
        AddGitHost::Added => Add::Added,
        AddGitHost::NameTaken => Add::NameTaken,
    })
}

/// All host configurations: the deployment's first, then by project.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<GitHostLine>, StoreError> {
    desk.store.list_git_hosts().await
}

/// One host configuration with everything that is known of it.
pub async fn show(desk: &Desk<'_>, name: &str, project: Option<&str>) -> Result<Changed<Sheet>, StoreError> {
    let id = match find(desk, name, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let lines = list(desk).await?;
    let default = |host: &GitHost| {
        let rivals = lines.iter().map(|line| &line.host);
        let rivals = rivals.filter(|rival| (&rival.kind, rival.project) == (&host.kind, host.project));
        let last = rivals.filter(|rival| rival.default_at.is_some() && rival.disabled_at.is_none());
        last.max_by_key(|rival| (rival.default_at, rival.id)).is_some_and(|last| last.id == host.id)
    };
    let Some(line) = lines.iter().find(|line| line.host.id == id).cloned() else {
        return Ok(Changed::Unknown(Unknown::new(Thing::GitHost, name, [])));
    };
    let projects = match &line.project {
        Some(project) => vec![project.clone()],
        None => desk.store.git_host_projects(id).await?,
    };
    let remark = match Url::parse(&line.host.web) {
        Ok(url) => reach::remark(desk, &url).await?,
        Err(_) => None,
    };
    let kind = registry::find(&line.host.kind);
    let api = kind.and_then(|kind| Some(kind.site(Base::parse(&line.host.web).ok()?).api().as_str().to_owned()));
    let scopes = line.host.scopes.iter().map(|scope| (scope.clone(), reason(kind, scope))).collect();
    Ok(Changed::Done(Sheet { is_default: default(&line.host), line, projects, api, scopes, remark }))
}

/// Gives a host configuration another client secret, and another client id where one is given.
/// Without one it keeps the one that it has.
pub async fn set_secret(
    desk: &Desk<'_>,
    seal: &Seal,
    (name, project): (&str, Option<&str>),
    client_id: Option<&str>,
    secret: &Secret,
) -> Result<SetSecret, Unsealed> {
    let id = match find(desk, name, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(SetSecret::Unknown(unknown)),
    };
    let Some(host) = desk.store.find_git_host(id).await? else {
        return Ok(SetSecret::Unknown(Unknown::new(Thing::GitHost, name, [])));
    };
    let Some(client_id) = client_id.or(host.client_id.as_deref()) else {
        return Ok(SetSecret::Wrong(vec![fault(Field::ClientId, "it has none yet; give one with the secret.")]));
    };
    let mut faults = Faults::default();
    registered(&Registered { client_id, secret }, &mut faults);
    if let Err(faults) = faults.or(()) {
        return Ok(SetSecret::Wrong(faults));
    }
    let sealed = sealed(seal, id, host.project, secret).await?;
    let change = desk.store.set_git_host_secret(id, Some(client_id.trim()), &sealed, &desk.note()).await?;
    Ok(match change {
        SetGitHostSecret::Set => SetSecret::Done,
        SetGitHostSecret::NotFound => SetSecret::Unknown(Unknown::new(Thing::GitHost, name, [])),
        SetGitHostSecret::InUse => SetSecret::Wrong(vec![fault(
            Field::ClientId,
            "authorizations hang on the former application, and only that one can end them: add another host instead, or \
             remove them first.",
        )]),
    })
}

/// What became of a client secret to set.
#[derive(Debug)]
pub enum SetSecret {
    /// It stands.
    Done,
    /// It is not fit.
    Wrong(Vec<Fault>),
    /// There is no such host configuration.
    Unknown(Unknown),
}

/// Switches a host configuration off or on.
pub async fn set_enabled(
    desk: &Desk<'_>,
    name: &str,
    project: Option<&str>,
    enabled: bool,
) -> Result<Changed<()>, StoreError> {
    match find(desk, name, project).await? {
        Changed::Done(id) => changed(name, desk.store.set_git_host_enabled(id, enabled, &desk.note()).await?),
        Changed::Unknown(unknown) => Ok(Changed::Unknown(unknown)),
    }
}

/// Makes a host configuration the default of its kind.
pub async fn make_default(desk: &Desk<'_>, name: &str, project: Option<&str>) -> Result<Changed<()>, StoreError> {
    match find(desk, name, project).await? {
        Changed::Done(id) => changed(name, desk.store.make_git_host_default(id, &desk.note()).await?),
        Changed::Unknown(unknown) => Ok(Changed::Unknown(unknown)),
    }
}

/// Lets a host configuration of the deployment's serve a project, or takes it away again. `false`: it did not serve it.
pub async fn set_ticked(desk: &Desk<'_>, name: &str, project: &str, ticked: bool) -> Result<Changed<bool>, StoreError> {
    let id = match find(desk, name, None).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let project = match projects::find(desk, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let change = match ticked {
        true => desk.store.tick_git_host(id, project, &desk.note()).await?,
        false => desk.store.untick_git_host(id, project, &desk.note()).await?,
    };
    Ok(Changed::Done(change == Change::Done))
}

fn changed(name: &str, change: Change) -> Result<Changed<()>, StoreError> {
    Ok(match change {
        Change::Done => Changed::Done(()),
        Change::NotFound => Changed::Unknown(Unknown::new(Thing::GitHost, name, [])),
    })
}

/// The project of this id or name; none where none is named.
async fn whose(desk: &Desk<'_>, project: Option<&str>) -> Result<Changed<Option<Id>>, StoreError> {
    let Some(project) = project else { return Ok(Changed::Done(None)) };
    Ok(match projects::find(desk, project).await? {
        Changed::Done(id) => Changed::Done(Some(id)),
        Changed::Unknown(unknown) => Changed::Unknown(unknown),
    })
}

async fn find(desk: &Desk<'_>, name: &str, project: Option<&str>) -> Result<Changed<Id>, StoreError> {
    let project = match whose(desk, project).await? {
        Changed::Done(project) => project,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    if let Some(id) = desk.store.find_git_host_named(project, name).await? {
        return Ok(Changed::Done(id));
    }
    let lines = list(desk).await?;
    let names = lines.iter().filter(|line| line.host.project == project).map(|line| line.host.name.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::GitHost, name, names)))
}

async fn sealed(seal: &Seal, host: Id, project: Option<Id>, secret: &Secret) -> Result<SealedValue, Unsealed> {
    let place = Place { table: "git_hosts", column: "secret", row: host };
    let scope = project.map_or(Scope::Deployment, Scope::Project);
    seal.seal(scope, &place, secret.expose().as_bytes()).await
}

/// Why a scope is asked for.
fn reason(kind: Option<&'static dyn Kind>, scope: &str) -> &'static str {
    let scopes = kind.map_or(&[][..], |kind| kind.habits().scopes);
    let known = scopes.iter().find(|(known, _)| *known == scope);
    known.map_or("an administrator wants it", |(_, reason)| *reason)
}
