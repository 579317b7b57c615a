//! What is sealed for Git hosts: client secrets in the deployment's or the project's scope, tokens in the project's.

use super::opener::Opener;
use crate::harness::{Database, Server, on_both_alone, postgres, unique};
use vestibule_oauth::id::Id;
use vestibule_store::Statement;
use vestibule_store::audit::Note;
use vestibule_store::data_keys::DEPLOYMENT;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitAccount, GitTokens, TokenType};
use vestibule_store::git_credentials::{AddGitAuthorization, NewGitAuthorization};
use vestibule_store::git_hosts::GitHost;
use vestibule_store::sealed::SealedValue;

const OURS: &str = "canary-client-secret-of-the-deployment-51";
const THEIRS: &str = "canary-client-secret-of-a-project-93";
const TOKEN: &str = "canary-token-of-a-person-77";

fn id_of(value: &serde_json::Value) -> Id {
    Id::parse(value["id"].as_str().expect("an id")).expect("an id")
}

fn host(server: &Server, id: Id) -> GitHost {
    server.with_store(async |store| store.find_git_host(id).await.expect("reads").expect("is there"))
}

fn find(server: &Server, project: Id, name: &str) -> FoundGitAuthorization {
    server
        .with_store(async |store| store.find_git_authorization(project, name).await.expect("reads").expect("is there"))
}

/// A project, a host of the deployment's and one of the project's, each with a secret.
fn furnish(server: &Server) -> (Id, Id, Id) {
    let (name, person) = (unique("project"), server.person());
    let project = id_of(&server.json(&["project", "add", &name], ""));
    server.json(&["project", "member", "add", &name, &person.name, "--role", "editor"], "");
    let add = |more: &[&str], secret: &str| {
        // Nobody is there, and the server may not go there either: nothing of a test leaves the machine.
        let flags = ["git-host", "add", more[0], "--kind", "github", "--url", "http://127.0.0.1:9"];
        let secret_flags = ["--client-id", "id", "--secret-stdin"];
        id_of(&server.json(&[&flags[..], &secret_flags, &more[1..]].concat(), secret))
    };
    (project, add(&[&unique("hub")], OURS), add(&[&unique("own"), "--project", &name], THEIRS))
}

/// Keeps an authorization whose token is sealed as the server would seal it.
/// The token of the n-th authorization: the server leaves one alive that another authorization holds too.
fn token(n: u8) -> String {
    format!("{TOKEN}-{n}")
}

fn keep(server: &Server, project: Id, host: Id, name: &str, n: u8) {
    let (opener, id) = (Opener::of(server).expect("unwraps"), Id::from_bytes([n; 16]));
    server.with_store(async |store| {
        let key = store.sealing_key(project).await.expect("reads").expect("the project has one").id;
        let account = GitAccount {
            token_type: TokenType::Oauth,
            upstream_id: "7".to_owned(),
            login: "octocat".to_owned(),
            avatar: None,
            home: "https://github.com/octocat".to_owned(),
            scopes: None,
            access_ends_at: None,
            refresh_ends_at: None,
        };
        let access = opener.seal("git_authorizations", "access", id, key, token(n).as_bytes());
        let refresh = opener.seal("git_authorizations", "refresh", id, key, format!("{TOKEN}-r").as_bytes());
        let tokens = GitTokens { access, refresh: Some(refresh) };
        let name = name.to_owned();
        let person = store.project_members(project).await.expect("reads")[0].person;
        let new = NewGitAuthorization { id, project, name, host, tag: None, account, tokens, person };
        let note = Note { id: Id::from_bytes([n + 100; 16]), at: 1, actor: "tester".to_owned(), request_id: None };
        assert_eq!(store.add_git_authorization(&new, &note).await.expect("runs"), AddGitAuthorization::Added);
    });
}

#[test]
fn fm_107_fm_127_secrets_of_hosts_are_sealed_under_their_own_scope_and_stand_nowhere_in_the_clear() {
    on_both_alone(|mut server| {
        let (project, ours, theirs) = furnish(&server);
        let opener = Opener::of(&server).expect("the keys unwrap");
        for (id, plain, scope) in [(ours, OURS, DEPLOYMENT), (theirs, THEIRS, project)] {
            let sealed = host(&server, id).secret.expect("has one");
            assert_eq!(opener.open("git_hosts", "secret", id, &sealed).as_deref(), Some(plain.as_bytes()));
            let key = server.with_store(async |store| store.find_data_key(sealed.key).await.expect("reads"));
            assert_eq!(key.expect("is there").scope, scope);
        }
        server.process().terminate();
        server.process().wait(std::time::Duration::from_secs(30));
        let mut heap = server.output().into_bytes();
        for entry in std::fs::read_dir(server.data_directory()).into_iter().flatten().flatten() {
            heap.extend(std::fs::read(entry.path()).expect("reads"));
        }
        if server.database == Database::Postgres {
            heap.extend(postgres::dump(server.database_url.as_deref().expect("an address")).into_bytes());
        }
        let holds = |needle: &[u8]| heap.windows(needle.len()).any(|window| window == needle);
        assert!(holds(b"git_host.add"), "the search finds what is there");
        for secret in [OURS, THEIRS] {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!holds(secret.as_bytes()) && !holds(hex.as_bytes()), "{secret}");
        }
    });
}

#[test]
fn fm_124_fm_126_fm_128_new_data_keys_take_over_what_is_sealed_for_git_hosts_and_a_changed_row_is_named() {
    on_both_alone(|server| {
        let (project, ours, theirs) = furnish(&server);
        keep(&server, project, theirs, "good", 1);
        keep(&server, project, theirs, "changed", 2);
        let before =
            [host(&server, ours).secret, host(&server, theirs).secret].map(|secret| secret.expect("has one").key);
        let mut bytes = find(&server, project, "changed").tokens.access.bytes;
        *bytes.last_mut().expect("bytes") ^= 1;
        let values = vec![bytes.into(), Id::from_bytes([2; 16]).into()];
        let sql = "UPDATE git_authorizations SET access = $1 WHERE id = $2";
        server.with_store(async |store| store.run(vec![Statement::new(sql, values)]).await.expect("runs"));
        let said = server.command(&["keys", "rotate", "--data"], "");
        let sentence = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.code() == Some(1) && sentence.contains("1 values cannot be opened"), "{sentence}");
        let opener = Opener::of(&server).expect("the keys unwrap");
        for ((id, plain), before) in [(ours, OURS), (theirs, THEIRS)].into_iter().zip(before) {
            let sealed = host(&server, id).secret.expect("has one");
            assert_ne!(sealed.key, before, "sealed anew");
            assert_eq!(opener.open("git_hosts", "secret", id, &sealed).as_deref(), Some(plain.as_bytes()));
        }
        let (good, changed) = (find(&server, project, "good"), find(&server, project, "changed"));
        let open = |found: &FoundGitAuthorization, column: &str, value: &SealedValue| {
            opener.open("git_authorizations", column, found.authorization.id, value)
        };
        let refresh = |found: &FoundGitAuthorization| found.tokens.refresh.clone().expect("has one");
        for found in [&good, &changed] {
            assert!(!before.contains(&refresh(found).key), "sealed anew");
            assert_eq!(open(found, "refresh", &refresh(found)), Some(format!("{TOKEN}-r").into_bytes()));
        }
        assert_eq!(open(&good, "access", &good.tokens.access), Some(token(1).into_bytes()));
        assert_eq!(changed.tokens.access.key, before[1], "what cannot be opened is left as it is, with its key");
        let trail = server.with_store(async |store| store.list_audit(200).await.expect("reads"));
        let named: Vec<_> = trail.iter().filter(|row| row.action == "sealed.open").collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0].target, format!("git_authorizations:{}", Id::from_bytes([2; 16])));
        assert_eq!((named[0].outcome.as_str(), named[0].details.as_str()), ("refused", "column access"));
    });
}

/// For when a database and its keys may be in wrong hands: whatever is kept goes at once, and is ended at its host.
#[test]
fn fm_126_all_authorizations_are_removed_by_one_command_and_their_tokens_wait_to_be_ended() {
    on_both_alone(|server| {
        let (project, _, theirs) = furnish(&server);
        for n in 1..=3 {
            keep(&server, project, theirs, &format!("name{n}"), n);
        }
        let name =
            server.json(&["project", "show", &project.to_string()], "")["name"].as_str().expect("a name").to_owned();
        let gone = server.json(&["git-auth", "remove", &name, "name2"], "");
        assert_eq!((&gone["name"], &gone["removed"]), (&"name2".into(), &true.into()));
        let again = server.command(&["git-auth", "remove", &name, "name2"], "");
        assert_eq!(again.status.code(), Some(1), "{}", String::from_utf8_lossy(&again.stderr));
        for wrong in [&["git-auth", "remove-all"][..], &["git-auth", "remove-all", "--project", &name, "--everywhere"]]
        {
            assert_eq!(server.command(wrong, "").status.code(), Some(2), "{wrong:?}");
        }
        assert_eq!(server.json(&["git-auth", "remove-all", "--project", &name], "")["removed"], 2);
        keep(&server, project, theirs, "name1", 9);
        assert_eq!(server.json(&["git-auth", "remove-all", "--everywhere"], "")["removed"], 1);
        assert_eq!(server.json(&["git-auth", "list"], ""), serde_json::json!([]));
        let (trail, waiting) = server.with_store(async |store| {
            let later = i64::MAX / 2;
            let claim = Id::from_bytes([42; 16]);
            let waiting = store.claim_git_revocations(theirs, claim, later, later, 100).await.expect("runs");
            (store.list_audit(500).await.expect("reads"), waiting)
        });
        assert_eq!(trail.iter().filter(|row| row.action == "git_authorization.end").count(), 4);
        assert_eq!(waiting.len(), 4, "each is ended at its host as soon as it can be reached");
        let opener = Opener::of(&server).expect("the keys unwrap");
        for waiting in &waiting {
            let (id, access) = (waiting.revocation.id, &waiting.revocation.access);
            let opened = opener.open("git_revocations", "access", id, access).expect("opens");
            assert!([1, 2, 3, 9].map(|n| token(n).into_bytes()).contains(&opened));
        }
    });
}
