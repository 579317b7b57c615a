//! A project with a host, for the promises about Git hosts.
//!
//! Owns making them with as few words as possible.

use crate::harness::NOW;
use crate::world::{World, secret_of};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::Store;
use vestibule_store::applications::Change;
use vestibule_store::data_keys::WrappedKey;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitAccount, GitTokens, TokenType};
use vestibule_store::git_credentials::{AddGitAuthorization, NewGitAuthorization, NewGitCredential};
use vestibule_store::git_flow_steps::{GitLanding, GitTaking};
use vestibule_store::git_flows::{NewGitFlow, OpenGitFlow};
use vestibule_store::git_host_changes::AddGitHost;
use vestibule_store::git_hosts::GitHost;
use vestibule_store::git_revocations::NewGitRevocation;
use vestibule_store::projects::Role;
use vestibule_store::sealed::SealedValue;

/// A world in which Alice is an editor of a project that a host of the deployment's serves.
#[derive(Clone)]
pub struct Ground {
    pub world: World,
    pub key: Id,
    pub alice: Id,
    pub project: Id,
    pub host: Id,
}

impl Ground {
    pub async fn new(store: Store) -> Ground {
        let world = World::new(store);
        let (alice, id, (wrapped, wrapped_by)) = (world.person("alice").await, world.id(), (vec![1; 40], "kek".into()));
        let key = WrappedKey { id, scope: world.id(), wrapped, wrapped_by, created_at: NOW, retired_at: None };
        let key = world.store.keep_data_key(&key, &world.note(NOW)).await.expect("runs").id;
        let nobody = world.id();
        let mut ground = Ground { world, key, alice, project: nobody, host: nobody };
        ground.project = ground.project("garden").await;
        ground.join(ground.project, alice).await;
        ground.host = ground.host(None, "hub", |_| {}).await;
        ground.tick(ground.host, ground.project).await;
        ground
    }

    pub fn store(&self) -> &Store {
        &self.world.store
    }

    pub async fn project(&self, name: &str) -> Id {
        let id = self.world.id();
        self.store().add_project(id, name, &self.world.note(NOW)).await.expect("runs");
        id
    }

    pub async fn join(&self, project: Id, person: Id) {
        let note = self.world.note(NOW);
        let joined = self.store().set_project_member(project, person, Role::Editor, &note).await.expect("runs");
        assert_eq!(joined, Change::Done);
    }

    pub async fn tick(&self, host: Id, project: Id) {
        let ticked = self.store().tick_git_host(host, project, &self.world.note(NOW)).await.expect("runs");
        assert_eq!(ticked, Change::Done);
    }

    pub fn sealed(&self, text: &str) -> SealedValue {
        SealedValue { bytes: format!("sealed {text}").into_bytes(), key: self.key }
    }

    pub fn new_host(&self, project: Option<Id>, name: &str) -> GitHost {
        GitHost {
            id: self.world.id(),
            project,
            name: name.to_owned(),
            kind: "github".to_owned(),
            web: "https://github.com".to_owned(),
            client_id: Some("our-client".to_owned()),
            secret: Some(self.sealed("client secret")),
            scopes: vec!["repo".to_owned(), "read:user".to_owned()],
            tags: Vec::new(),
            default_at: None,
            disabled_at: None,
            created_at: NOW,
        }
    }

    pub async fn host(&self, project: Option<Id>, name: &str, set: impl FnOnce(&mut GitHost)) -> Id {
        let mut new = self.new_host(project, name);
        set(&mut new);
        let added = self.store().add_git_host(&new, &self.world.note(NOW)).await.expect("runs");
        assert_eq!(added, AddGitHost::Added);
        new.id
    }

    pub fn new_flow(&self) -> NewGitFlow {
        let id = self.world.id();
        NewGitFlow {
            id,
            digest: secret_of(id).digest(),
            person: self.alice,
            project: self.project,
            host: self.host,
            tag: Some("intl".to_owned()),
            redirect_uri: "https://house.example/git/callback/1".to_owned(),
            verifier: Some(self.sealed("verifier")),
            renews: None,
        }
    }

    /// Opens a flow of Alice's.
    pub async fn open(&self) -> Id {
        let new = self.new_flow();
        assert_eq!(self.store().open_git_flow(&new, NOW).await.expect("runs"), OpenGitFlow::Opened);
        new.id
    }

    pub fn landing(&self) -> GitLanding {
        let session = Id::from_bytes([5; 16]);
        GitLanding { person: self.alice, session, host: self.host, code: Digest::of(b"the code") }
    }

    pub fn taking(&self) -> GitTaking<'static> {
        let code = Digest::of(b"the code");
        GitTaking { person: self.alice, project: self.project, kind_or_name: "GitHub", tag: None, code }
    }

    pub fn account(&self, login: &str) -> GitAccount {
        GitAccount {
            token_type: TokenType::Oauth,
            upstream_id: "583231".to_owned(),
            login: login.to_owned(),
            avatar: None,
            home: format!("https://github.com/{login}"),
            scopes: Some(vec!["repo".to_owned()]),
            access_ends_at: None,
            refresh_ends_at: None,
        }
    }

    pub fn tokens(&self, text: &str) -> GitTokens {
        GitTokens { access: self.sealed(text), refresh: None }
    }

    pub fn new_authorization(&self, name: &str) -> NewGitAuthorization {
        NewGitAuthorization {
            id: self.world.id(),
            project: self.project,
            name: name.to_owned(),
            host: self.host,
            tag: None,
            account: self.account("octocat"),
            tokens: self.tokens(name),
            person: self.alice,
        }
    }

    /// Keeps an authorization of Alice's project.
    pub async fn keep(&self, name: &str) -> FoundGitAuthorization {
        let new = self.new_authorization(name);
        let kept = self.store().add_git_authorization(&new, &self.world.note(NOW)).await.expect("runs");
        assert_eq!(kept, AddGitAuthorization::Added);
        self.find(name).await.expect("is there")
    }

    pub async fn find(&self, name: &str) -> Option<FoundGitAuthorization> {
        self.store().find_git_authorization(self.project, name).await.expect("reads")
    }

    pub fn new_credential(&self, of: &FoundGitAuthorization, login: &str) -> NewGitCredential {
        NewGitCredential {
            id: of.authorization.id,
            project: self.project,
            host: self.host,
            generation: of.authorization.generation,
            person: self.alice,
            account: self.account(login),
            former: of.authorization.account.clone(),
            tokens: self.tokens(login),
        }
    }

    pub fn new_revocation(&self, name: &str) -> NewGitRevocation {
        NewGitRevocation {
            id: self.world.id(),
            project: self.project,
            name: name.to_owned(),
            host: self.host,
            access: self.sealed("access"),
            refresh: Some(self.sealed("refresh")),
        }
    }

    /// How often an action stands in the trail.
    pub async fn audited(&self, action: &str) -> usize {
        self.world.trail().await.iter().filter(|audited| *audited == action).count()
    }

    /// The outcome and the details of the newest row of the trail.
    pub async fn refusals(&self) -> Vec<String> {
        let rows = self.store().list_audit(1000).await.expect("reads");
        rows.into_iter().filter(|row| row.outcome == "refused").map(|row| row.details).collect()
    }
}
