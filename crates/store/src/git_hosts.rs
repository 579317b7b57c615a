//! Host configurations as they are used: which of them serve a project, and which one a caller means.
//!
//! Owns the lookups. A host of another project, one that nobody ticked for this one and one that is switched off all
//! answer as one that does not exist. Changing them is `git_host_changes`'s; what a kind can do is the server's to ask.

use crate::columns::Columns;
use crate::data_keys::DEPLOYMENT;
use crate::people::canonical;
use crate::sealed::SealedValue;
use crate::{Row, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// A host configuration: one application of ours at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHost {
    /// The row; its 32 digits end the address that the host sends people back to (statement 121).
    pub id: Id,
    /// The project that it belongs to; none where it is the deployment's.
    pub project: Option<Id>,
    /// Its name.
    pub name: String,
    /// Its kind, as `githost::registry` names it.
    pub kind: String,
    /// Where its pages begin.
    pub web: String,
    /// Our client id there; none where only personal tokens and passwords are taken.
    pub client_id: Option<String>,
    /// Our client secret there, sealed for the row's column `git_hosts.secret` in the scope [`GitHost::scope`].
    pub secret: Option<SealedValue>,
    /// The scopes that are asked for, as the host spells them.
    pub scopes: Vec<String>,
    /// The tags by which callers choose it.
    pub tags: Vec<String>,
    /// When it was made the default of its kind, in Unix milliseconds. The one that was made so last is it.
    pub default_at: Option<i64>,
    /// When it was switched off, in Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
}

impl GitHost {
    /// The scope of the data key that seals its secret: [`DEPLOYMENT`], or its project.
    pub fn scope(&self) -> Id {
        self.project.unwrap_or(DEPLOYMENT)
    }

    /// Whether it carries the tag.
    pub fn carries(&self, tag: &str) -> bool {
        self.tags.iter().any(|carried| carried == tag)
    }
}

/// Which host a caller means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeantHost {
    /// This one.
    Found(Box<GitHost>),
    /// No host of this kind or name serves the project.
    Unknown,
    /// Such hosts serve the project, and none of them carries the tag.
    UnknownTag,
    /// Several serve the project, and none is the default: these are their names.
    Several(Vec<String>),
}

/// The columns of a host configuration; the table is aliased `h`. Read by [`read`].
macro_rules! git_host_columns {
    () => {
        "h.id, h.scope, h.name, h.kind, h.web, h.client_id, h.secret, h.secret_by, h.scopes, h.tags, h.default_at, \
         h.disabled_at, h.created_at"
    };
}
pub(crate) use git_host_columns;

/// Whether the host `h` serves the project `$project`: it is not switched off, and is the project's own or ticked for it.
macro_rules! serves {
    ($project:literal) => {
        concat!(
            "(h.disabled_at IS NULL AND (h.scope = ",
            $project,
            " OR EXISTS (SELECT 1 FROM git_host_projects t WHERE t.project = ",
            $project,
            " AND t.host = h.id)))"
        )
    };
}
pub(crate) use serves;

/// Reads `git_host_columns!()`.
pub(crate) fn read(c: &mut Columns) -> Result<GitHost, StoreError> {
    let (id, scope) = (c.id()?, c.id()?);
    Ok(GitHost {
        id,
        project: (scope != DEPLOYMENT).then_some(scope),
        name: c.text()?,
        kind: c.text()?,
        web: c.text()?,
        client_id: c.opt_text()?,
        secret: c.opt_sealed()?,
        scopes: words(&c.text()?),
        tags: words(&c.text()?),
        default_at: c.opt_int()?,
        disabled_at: c.opt_int()?,
        created_at: c.int()?,
    })
}

fn read_row(mut row: Row) -> Result<GitHost, StoreError> {
    read(&mut Columns::of(&mut row))
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Store {
    /// The hosts that serve the project, its own first, then in the order of their names.
    pub async fn git_hosts_of(&self, project: Id) -> Result<Vec<GitHost>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            git_host_columns!(),
            " FROM git_hosts h WHERE h.tenant = $1 AND h.scope = $2 AND h.disabled_at IS NULL UNION ALL SELECT ",
            git_host_columns!(),
            " FROM git_host_projects t CROSS JOIN git_hosts h WHERE t.project = $2 AND h.id = t.host AND h.tenant = $1 \
             AND h.disabled_at IS NULL"
        );
        let rows = self.scan(&statement!(LIST, self.tenant(), project)).await?;
        let mut hosts: Vec<GitHost> = rows.into_iter().map(read_row).collect::<Result<_, _>>()?;
        hosts.sort_by(|one, other| {
            (one.project.is_none(), canonical(&one.name)).cmp(&(other.project.is_none(), canonical(&other.name)))
        });
        Ok(hosts)
    }

    /// The hosts of a kind that serve the project: among them a personal token's `host` is looked for.
    pub async fn git_hosts_of_kind(&self, project: Id, kind: &str) -> Result<Vec<GitHost>, StoreError> {
        let mut hosts = self.git_hosts_of(project).await?;
        hosts.retain(|host| host.kind.eq_ignore_ascii_case(kind));
        Ok(hosts)
    }

    /// The host that a caller of the project means by a kind or a name, and perhaps a tag.
    pub async fn git_host_for(
        &self,
        project: Id,
        kind_or_name: &str,
        tag: Option<&str>,
    ) -> Result<MeantHost, StoreError> {
        Ok(meant(self.git_hosts_of(project).await?, kind_or_name, tag))
    }

    /// The host configuration of this id, whichever project it serves, switched off or not: for the address that a host
    /// sends people back to, and for what is ended there.
    pub async fn find_git_host(&self, id: Id) -> Result<Option<GitHost>, StoreError> {
        const FIND: &str =
            concat!("SELECT ", git_host_columns!(), " FROM git_hosts h WHERE h.id = $2 AND h.tenant = $1");
        self.find(&statement!(FIND, self.tenant(), id)).await?.map(read_row).transpose()
    }
}

/// A name means the host that bears it, the project's own before the deployment's. A kind means the default of that kind:
/// the project's own, else the deployment's, else the only one there is. A tag leaves only those that carry it.
fn meant(hosts: Vec<GitHost>, kind_or_name: &str, tag: Option<&str>) -> MeantHost {
    let asked = canonical(kind_or_name);
    let is_kind = hosts.iter().any(|host| host.kind == asked);
    let named = |host: &GitHost| if is_kind { host.kind == asked } else { canonical(&host.name) == asked };
    let mut meant: Vec<GitHost> = hosts.into_iter().filter(named).collect();
    if meant.is_empty() {
        return MeantHost::Unknown;
    }
    if let Some(tag) = tag {
        meant.retain(|host| host.carries(tag));
        if meant.is_empty() {
            return MeantHost::UnknownTag;
        }
    }
    if !is_kind {
        meant.truncate(1);
    }
    one_of(meant)
}

/// Of several that are meant alike: the default, the project's own before the deployment's; else the only one there is.
pub fn one_of(mut meant: Vec<GitHost>) -> MeantHost {
    if meant.is_empty() {
        return MeantHost::Unknown;
    }
    let rank = |host: &GitHost| host.default_at.map(|at| (host.project.is_some(), at, host.id));
    meant.sort_by_key(|host| std::cmp::Reverse(rank(host)));
    match meant.as_slice() {
        [first, _, ..] if first.default_at.is_none() => {
            MeantHost::Several(meant.into_iter().map(|host| host.name).collect())
        }
        _ => MeantHost::Found(Box::new(meant.swap_remove(0))),
    }
}
