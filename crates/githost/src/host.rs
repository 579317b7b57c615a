//! What every kind of Git host can be asked, and what a kind cannot do.
//!
//! Owns the trait, the list of calls and the table of habits by which kinds differ. Each method starts a conversation
//! ([`Step`]); nothing here sends. A method that a kind leaves out answers with its sentence.

use crate::address::Base;
use crate::answers::{CommitItem, File, HookItem, Listing, NamespaceItem, ProjectInfo, ProjectItem, Tokens, Upstream};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Project, Ref};
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};

/// A call that a kind may be unable to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the method of the same name")]
pub enum Call {
    SendUser,
    TradeCode,
    Refresh,
    Password,
    Who,
    Revoke,
    Namespaces,
    ProjectInfo,
    Projects,
    CreateProject,
    Branches,
    Tags,
    CreateTag,
    DeleteTag,
    Commits,
    Hooks,
    CreateHook,
    DeleteHook,
    Tree,
    ReadFile,
    CreateFile,
    UpdateFile,
    DeleteFile,
}

impl Call {
    /// All of them: six of signing in, seventeen of repositories and files.
    pub const ALL: [Call; 23] = [
        Call::SendUser,
        Call::TradeCode,
        Call::Refresh,
        Call::Password,
        Call::Who,
        Call::Revoke,
        Call::Namespaces,
        Call::ProjectInfo,
        Call::Projects,
        Call::CreateProject,
        Call::Branches,
        Call::Tags,
        Call::CreateTag,
        Call::DeleteTag,
        Call::Commits,
        Call::Hooks,
        Call::CreateHook,
        Call::DeleteHook,
        Call::Tree,
        Call::ReadFile,
        Call::CreateFile,
        Call::UpdateFile,
        Call::DeleteFile,
    ];
}

/// How a kind differs from the others, as plain facts.
#[derive(Debug)]
pub struct Habits {
    /// The kind's name on the wire, in lower case.
    pub kind: &'static str,
    /// The kind's name for people.
    pub label: &'static str,
    /// The public host's pages.
    pub public: &'static str,
    /// The user name that git sends beside a token, whosever the token is; `None` where it is the account's own.
    pub git_user: Option<&'static str>,
    /// Whether it knows PKCE. Where it does, the challenge and the verifier are both sent, always (statement 124).
    pub knows_pkce: bool,
    /// The scopes that are asked for at first, each with the reason that an administrator reads.
    pub scopes: &'static [(&'static str, &'static str)],
    /// What it cannot do, each with a sentence for the caller.
    pub cannot: &'static [(Call, &'static str)],
}

impl Habits {
    /// The sentence that says why this kind cannot do it; `None` if it can.
    pub fn cannot(&self, call: Call) -> Option<&'static str> {
        self.cannot.iter().find(|(listed, _)| *listed == call).map(|(_, sentence)| *sentence)
    }
}

/// A repository by the names that a caller gave.
#[derive(Clone, Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: Namespace,
    /// The project within it.
    pub project: Project,
}

/// A change of one file, written on condition.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file.
    pub path: FilePath,
    /// The branch.
    pub branch: Ref,
    /// The commit's message.
    pub message: Message,
}

/// A kind of Git host.
#[rustfmt::skip] // One method a line: the table of contents of every kind.
pub trait GitHost: Sync {
    /// How it differs.
    fn habits(&self) -> &'static Habits;

    /// The host whose pages begin at `web`: the public one or somebody's own.
    fn site(&self, web: Base) -> Site;

    /// The address to send a person's browser to. Holds no secret.
    fn send_user(&self, site: &Site, application: &Application, departure: Departure<'_>) -> String;

    /// Trades a code for tokens.
    fn trade_code(&self, site: &Site, application: &Application, code: &Secret, verifier: Option<&Secret>) -> Step<Tokens>;

    /// Trades a refresh token for new tokens. On every kind the old one may be dead afterwards.
    fn refresh(&self, site: &Site, application: &Application, refresh: &Secret) -> Step<Tokens>;

    /// Trades a name and a password for tokens.
    fn password(&self, _site: &Site, _application: &Application, _user: &str, _password: &Secret) -> Step<Tokens> { self.no(Call::Password) }

    /// Asks whose token it is.
    fn who(&self, visit: &Visit) -> Step<Upstream>;

    /// Tries a personal token before it is kept: whose it is, its scopes and its end where the host tells.
    fn try_personal(&self, visit: &Visit) -> Step<Upstream> { self.who(visit) }

    /// Ends both tokens that our application was given. Tokens that are dead already are ended; done means that neither
    /// is of any use to whoever holds a copy, also where the access token had expired before.
    fn revoke(&self, _site: &Site, _application: &Application, _access: &Secret, _refresh: Option<&Secret>) -> Step<()> { self.no(Call::Revoke) }

    /// Lists the namespaces that the token sees.
    fn namespaces(&self, _visit: &Visit) -> Step<Listing<NamespaceItem>> { self.no(Call::Namespaces) }

    /// Finds a repository by its clone URL.
    fn project_info(&self, _visit: &Visit, _clone_url: &CloneUrl) -> Step<ProjectInfo> { self.no(Call::ProjectInfo) }

    /// Lists a namespace's repositories.
    fn projects(&self, _visit: &Visit, _namespace: &Namespace) -> Step<Listing<ProjectItem>> { self.no(Call::Projects) }

    /// Makes a private repository.
    fn create_project(&self, _visit: &Visit, _namespace: &Namespace, _name: &NewName) -> Step<ProjectItem> { self.no(Call::CreateProject) }

    /// Lists branches.
    fn branches(&self, _visit: &Visit, _place: &Place) -> Step<Listing<String>> { self.no(Call::Branches) }

    /// Lists tags.
    fn tags(&self, _visit: &Visit, _place: &Place) -> Step<Listing<String>> { self.no(Call::Tags) }

    /// Makes an annotated tag of what `target` names.
    fn create_tag(&self, _visit: &Visit, _place: &Place, _target: &Ref, _name: &Ref, _message: &Message) -> Step<()> { self.no(Call::CreateTag) }

    /// Deletes a tag.
    fn delete_tag(&self, _visit: &Visit, _place: &Place, _name: &Ref) -> Step<()> { self.no(Call::DeleteTag) }

    /// The latest ten commits of `from`, or of the default branch. None in an empty repository.
    fn commits(&self, _visit: &Visit, _place: &Place, _from: Option<&Ref>) -> Step<Vec<CommitItem>> { self.no(Call::Commits) }

    /// Lists webhooks.
    fn hooks(&self, _visit: &Visit, _place: &Place) -> Step<Listing<HookItem>> { self.no(Call::Hooks) }

    /// Makes a webhook for pushes. One that calls the same address already is a conflict, on every kind.
    fn create_hook(&self, _visit: &Visit, _place: &Place, _url: &str, _secret: &Secret) -> Step<HookItem> { self.no(Call::CreateHook) }

    /// Deletes a webhook.
    fn delete_hook(&self, _visit: &Visit, _place: &Place, _hook: &HookId) -> Step<()> { self.no(Call::DeleteHook) }

    /// The paths of all files. Folders and submodules are left out, because they cannot be read as files; symbolic links
    /// too: one host answers what a link leads to, another the link's own text.
    fn tree(&self, _visit: &Visit, _place: &Place, _at: &Ref) -> Step<Listing<String>> { self.no(Call::Tree) }

    /// Reads a file.
    fn read_file(&self, _visit: &Visit, _place: &Place, _path: &FilePath, _at: &Ref) -> Step<File> { self.no(Call::ReadFile) }

    /// Makes a file that must not exist yet.
    fn create_file(&self, _visit: &Visit, _place: &Place, _change: &Change, _content: &Content) -> Step<()> { self.no(Call::CreateFile) }

    /// Changes a file whose blob must still be `sha`.
    fn update_file(&self, _visit: &Visit, _place: &Place, _change: &Change, _content: &Content, _sha: &BlobSha) -> Step<()> { self.no(Call::UpdateFile) }

    /// Deletes a file whose blob must still be `sha`.
    fn delete_file(&self, _visit: &Visit, _place: &Place, _change: &Change, _sha: &BlobSha) -> Step<()> { self.no(Call::DeleteFile) }
}

/// How a kind says no to what it cannot do.
trait SayNo {
    fn no<T: 'static>(&self, call: Call) -> Step<T>;
}

impl<H: GitHost + ?Sized> SayNo for H {
    fn no<T: 'static>(&self, call: Call) -> Step<T> {
        Step::refuse(Refusal::cannot(self.habits().cannot(call).unwrap_or("this kind of host has no way to do it")))
    }
}
