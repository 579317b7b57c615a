//! One body of tests, run under every kind of host: whichever host answers, the typed answer is the same.

use crate::player::{Host, NOW, application, reply, run};
use vestibule_githost::answers::{CommitItem, HookItem, Listing, MOST_PAGES, NamespaceItem, ProjectInfo, ProjectItem};
use vestibule_githost::clone_url::CloneUrl;
use vestibule_githost::errand::Step;
use vestibule_githost::host::{Call, Change, Place};
use vestibule_githost::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Project, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::registry::KINDS;
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;
use vestibule_githost::site::Departure;

const BLOB: &str = "95b966ae1c166bd92f8ae7d1c313e738c731dfc3";

pub fn place(namespace: &str, project: &str) -> Place {
    Place { namespace: Namespace::parse(namespace).unwrap(), project: Project::parse(project).unwrap() }
}

fn hello() -> Place {
    place("octocat", "Hello-World")
}

fn git_ref(name: &str) -> Ref {
    Ref::parse(name).unwrap()
}

fn message_of(text: &str) -> Message {
    Message::parse(text).unwrap()
}

fn change(path: &str, message: &str) -> Change {
    Change { path: FilePath::parse(path).unwrap(), branch: git_ref("main"), message: message_of(message) }
}

fn content() -> Content {
    Content::parse("bmV3Cg==").unwrap()
}

fn whole<T>(items: Vec<T>) -> Listing<T> {
    Listing { items, is_cut: false }
}

fn strings(items: &[&str]) -> Listing<String> {
    whole(items.iter().map(|item| (*item).to_owned()).collect())
}

fn octocat() -> NamespaceItem {
    NamespaceItem { id: "1".to_owned(), name: "octocat".to_owned() }
}

fn project(id: &str, name: &str) -> ProjectItem {
    let clone_url = format!("https://github.com/octocat/{name}.git");
    ProjectItem { id: id.to_owned(), name: name.to_owned(), clone_url }
}

/// Plays `call` under every host that can do it; where the kind cannot, it says its sentence and asks for nothing.
fn everywhere<T: 'static>(call: Call, file: &str, start: impl Fn(&Host) -> Step<T>, check: impl Fn(&Host, T)) {
    for host in Host::all() {
        match host.kind.habits().cannot(call) {
            None => check(&host, host.play(file, start(&host)).unwrap()),
            Some(sentence) => match start(&host) {
                Step::Done(Err(refusal)) => assert_eq!(refusal, Refusal::cannot(sentence)),
                _ => panic!("{} does what it says that it cannot", host.name()),
            },
        }
    }
}

fn refused<T: 'static + std::fmt::Debug>(file: &str, why: Why, start: impl Fn(&Host) -> Step<T>) {
    for host in Host::all() {
        let refusal = host.play(file, start(&host)).unwrap_err();
        assert_eq!(refusal.why, why, "{} {file}: {}", host.name(), refusal.reason);
        assert!(refusal.is_definite() && !refusal.condemns_the_token());
    }
}

#[test]
fn st_124_the_way_there_has_a_challenge_exactly_where_the_host_knows_pkce() {
    for host in Host::all() {
        let departure = Departure { state: "st-4te_", challenge: Some("ch4llenge") };
        let departure =
            Departure { challenge: departure.challenge.filter(|_| host.kind.habits().knows_pkce), ..departure };
        let url = host.kind.send_user(&host.site, &application(), departure);
        let (page, query) = url.split_once('?').unwrap();
        let path = if host.name() == "github" { "/login/oauth/authorize" } else { "/oauth/authorize" };
        assert_eq!(page, format!("{}{path}", host.site.web().as_str()));
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let find = |name: &str| {
            let found: Vec<_> = query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
            assert!(found.len() < 2, "{name} twice");
            found.first().copied()
        };
        assert_eq!(find("client_id"), Some("app-1"));
        assert_eq!(find("redirect_uri"), Some("https://v.example/git/landing/1"));
        assert_eq!(find("scope"), Some("one two"));
        assert_eq!(find("state"), Some("st-4te_"));
        let knows = host.kind.habits().knows_pkce;
        assert_eq!(find("code_challenge"), knows.then_some("ch4llenge"));
        assert_eq!(find("code_challenge_method"), knows.then_some("S256"));
        assert_eq!(knows, host.name() != "gitee");
        assert!(!url.contains("S3CRET"));
    }
}

#[test]
fn a_code_is_traded_and_the_verifier_is_sent_where_a_challenge_was() {
    let start = |host: &Host| {
        let verifier = Secret::new("veri");
        let verifier = Some(&verifier).filter(|_| host.kind.habits().knows_pkce);
        host.kind.trade_code(&host.site, &application(), &Secret::new("c0de"), verifier)
    };
    everywhere(Call::TradeCode, "trade_code", start, |host, tokens| {
        let life = match host.name() {
            "github" => 28_800,
            "gitlab" => 7_200,
            _ => 86_400,
        };
        assert_eq!(tokens.access_ends_at, Some(NOW + life * 1000), "{}", host.name());
        assert!(!tokens.access.expose().is_empty() && tokens.refresh.is_some());
        // GitHub's Apps answer an empty list, which is no list of scopes.
        assert_eq!(tokens.scopes.is_none(), host.name() == "github");
        let refresh_end = (host.name() == "github").then_some(NOW + 15_811_200_000);
        assert_eq!(tokens.refresh_ends_at, refresh_end);
    });
}

#[test]
fn a_refresh_token_is_traded() {
    let start = |host: &Host| host.kind.refresh(&host.site, &application(), &Secret::new("old-refresh"));
    everywhere(Call::Refresh, "refresh", start, |_, tokens| assert!(tokens.refresh.is_some()));
}

#[test]
fn a_password_is_traded_where_the_host_takes_one() {
    let start =
        |host: &Host| host.kind.password(&host.site, &application(), "cat@example.com", &Secret::new("p4ss & word"));
    everywhere(Call::Password, "password", start, |_, tokens| {
        assert_eq!(tokens.scopes, Some(vec!["user_info".to_owned(), "projects".to_owned()]));
    });
}

#[test]
fn fm_133_a_tokens_owner_is_known_by_the_immutable_id() {
    everywhere(
        Call::Who,
        "who",
        |host| host.kind.who(&host.visit()),
        |host, upstream| {
            assert_eq!((upstream.id.as_str(), upstream.login.as_str()), ("1", "octocat"));
            assert_eq!(upstream.home, format!("{}/octocat", host.site.web().as_str()));
            assert!(upstream.avatar.unwrap().starts_with("https://"));
        },
    );
}

#[test]
fn fm_119_what_a_host_tells_of_a_person_is_bounded() {
    let told = |host: &Host, login: &str, avatar: &str, scopes: &str| {
        run(host.kind.who(&host.visit()), |_| {
            let body = serde_json::json!({ "id": 1, "login": login, "username": login, "avatar_url": avatar });
            let headers = vec![("X-OAuth-Scopes".to_owned(), scopes.to_owned())];
            Reply::new(200, headers, serde_json::to_vec(&body).unwrap())
        })
    };
    let picture = "https://host.example/me.png";
    for host in Host::all() {
        let longest = "x".repeat(255);
        assert_eq!(told(&host, &longest, picture, "repo").unwrap().avatar.as_deref(), Some(picture));
        for login in ["", "a\u{1b}[31mb", "a\nb", &"x".repeat(256)] {
            let outcome = told(&host, login, picture, "repo");
            assert!(matches!(outcome.unwrap_err().why, Why::HostBroken { .. }), "{} {login:?}", host.name());
        }
        for avatar in
            ["javascript:alert(1)", "https://host.example/a b", &format!("https://{longest}/{}", "y".repeat(2048))]
        {
            assert_eq!(told(&host, "octocat", avatar, "repo").unwrap().avatar, None, "{} {avatar}", host.name());
        }
        for scopes in [["repo"; 65].join(","), "x".repeat(257), "re\u{7f}po".to_owned()] {
            assert_eq!(told(&host, "octocat", picture, &scopes).unwrap().scopes, None, "{} {scopes}", host.name());
        }
    }
}

#[test]
fn a_personal_tokens_scopes_and_end_are_read_where_the_host_tells() {
    for host in Host::all() {
        let file = if host.name() == "gitlab" { "try_personal" } else { "who" };
        let upstream = host.play(file, host.kind.try_personal(&host.visit())).unwrap();
        let told = match host.name() {
            "github" => (Some(vec!["read:user".to_owned(), "repo".to_owned()]), Some(1_798_705_800_000)),
            "gitlab" => (Some(vec!["api".to_owned()]), Some(1_798_675_200_000)),
            _ => (None, None),
        };
        assert_eq!((upstream.scopes, upstream.token_ends_at), told, "{}", host.name());
    }
}

#[test]
fn namespaces_are_the_person_and_its_groups() {
    let group = |id: &str, name: &str| NamespaceItem { id: id.to_owned(), name: name.to_owned() };
    let start = |host: &Host| host.kind.namespaces(&host.visit());
    everywhere(Call::Namespaces, "namespaces", start, |host, found| {
        let below = (host.name() == "gitlab").then(|| group("17", "octo-org/team"));
        assert_eq!(found, whole([octocat(), group("7", "octo-org")].into_iter().chain(below).collect()));
    });
}

#[test]
fn a_project_is_found_by_each_form_of_its_clone_url() {
    for form in ["https://octocat@{authority}{path}/octocat/Hello-World.git", "git@{host}:octocat/Hello-World.git"] {
        let start = |host: &Host| {
            let web = host.site.web();
            let authority = web.port().map_or(web.host().to_owned(), |port| format!("{}:{port}", web.host()));
            let url = form.replace("{authority}", &authority).replace("{host}", web.host());
            let url = CloneUrl::parse(&url.replace("{path}", web.path())).unwrap();
            host.kind.project_info(&host.visit(), &url)
        };
        everywhere(Call::ProjectInfo, "project_info", start, |_, found| {
            let (project_id, project) = ("1296269".to_owned(), "Hello-World".to_owned());
            assert_eq!(found, ProjectInfo { namespace: octocat(), project_id, project });
        });
    }
}

#[test]
fn a_namespaces_projects_are_listed_over_all_pages() {
    let start = |host: &Host| host.kind.projects(&host.visit(), &Namespace::parse("octocat").unwrap());
    everywhere(Call::Projects, "projects", start, |_, found| {
        assert_eq!(found, whole(vec![project("1296269", "Hello-World"), project("1296270", "Spoon-Knife")]));
    });
}

#[test]
fn a_project_is_made_private() {
    let start = |host: &Host| {
        let (namespace, name) = (Namespace::parse("octocat").unwrap(), NewName::parse("demo").unwrap());
        host.kind.create_project(&host.visit(), &namespace, &name)
    };
    everywhere(Call::CreateProject, "create_project", start, |_, made| assert_eq!(made, project("1296271", "demo")));
}

#[test]
fn branches_and_tags_are_listed_over_all_pages() {
    let start = |host: &Host| host.kind.branches(&host.visit(), &hello());
    everywhere(Call::Branches, "branches", start, |_, found| assert_eq!(found, strings(&["main", "feature/x"])));
    let start = |host: &Host| host.kind.tags(&host.visit(), &hello());
    everywhere(Call::Tags, "tags", start, |_, found| assert_eq!(found, strings(&["v1.0", "v1.1"])));
}

#[test]
fn a_namespace_and_a_project_are_found_by_the_ids_that_were_given_out() {
    let start = |host: &Host| host.kind.branches(&host.visit(), &place("1", "1296269"));
    everywhere(Call::Branches, "branches_by_id", start, |_, found| assert_eq!(found, strings(&["main"])));
}

#[test]
fn an_id_is_looked_for_among_the_names_where_github_does_not_know_the_address_by_id() {
    let host = Host::new("github", "https://ghe.example");
    let step = host.kind.branches(&host.visit(), &place("1", "1296269"));
    assert_eq!(host.play("branches_by_walk", step).unwrap(), strings(&["main"]));
}

#[test]
fn private_repositories_of_another_person_are_listed_by_the_invitation() {
    for (host, namespace) in [("github", "dog"), ("gitee", "9")] {
        let host = Host::new(host, &format!("https://{host}.com"));
        let step = host.kind.projects(&host.visit(), &Namespace::parse(namespace).unwrap());
        let listing = host.play("projects_of_another", step).unwrap();
        let urls: Vec<_> = listing.items.iter().map(|item| item.clone_url.to_lowercase()).collect();
        let first = if host.name() == "github" { "open" } else { "hello-world" };
        let expected = [first, "closed"].map(|name| format!("{}/dog/{name}.git", host.site.web().as_str()));
        assert_eq!((urls.as_slice(), listing.is_cut), (expected.as_slice(), false));
    }
}

#[test]
fn a_project_may_be_named_by_its_full_path_with_colons() {
    let start = |host: &Host| host.kind.branches(&host.visit(), &place("octocat", "octocat:Hello-World"));
    everywhere(Call::Branches, "branches", start, |_, found| assert_eq!(found.items.len(), 2));
}

#[test]
fn an_annotated_tag_is_made_of_a_ref_with_a_slash_and_deleted() {
    let start = |host: &Host| {
        host.kind.create_tag(&host.visit(), &hello(), &git_ref("feature/x"), &git_ref("v2.0"), &message_of("Second"))
    };
    everywhere(Call::CreateTag, "create_tag", start, |_, ()| {});
    let start = |host: &Host| host.kind.delete_tag(&host.visit(), &hello(), &git_ref("v1.0"));
    everywhere(Call::DeleteTag, "delete_tag", start, |_, ()| {});
}

#[test]
fn the_latest_commits_are_read() {
    let start = |host: &Host| host.kind.commits(&host.visit(), &hello(), Some(&git_ref("feature/x")));
    everywhere(Call::Commits, "commits", start, |_, found| {
        let sha = "6dcb09b5b57875f334f61aebed695e2e4193db5e".to_owned();
        let authored_date = "2011-04-14T16:00:49Z".to_owned();
        assert_eq!(found, [CommitItem { sha, message: "Fix all the bugs".to_owned(), authored_date }]);
    });
}

#[test]
fn hooks_are_listed_made_and_deleted() {
    let hook =
        |id: &str, name: &str| HookItem { id: id.to_owned(), callback_url: format!("https://ci.example/{name}") };
    let start = |host: &Host| host.kind.hooks(&host.visit(), &hello());
    everywhere(Call::Hooks, "hooks", start, |_, found| assert_eq!(found, whole(vec![hook("12345678", "hook")])));
    let start =
        |host: &Host| host.kind.create_hook(&host.visit(), &hello(), "https://ci.example/new", &Secret::new("H00K"));
    everywhere(Call::CreateHook, "create_hook", start, |_, made| assert_eq!(made, hook("12345679", "new")));
    let start = |host: &Host| host.kind.delete_hook(&host.visit(), &hello(), &HookId::parse("12345678").unwrap());
    everywhere(Call::DeleteHook, "delete_hook", start, |_, ()| {});
}

#[test]
fn a_hook_that_is_made_again_after_a_lost_answer_is_not_made_twice() {
    refused("hooks", Why::Conflict, |host| {
        host.kind.create_hook(&host.visit(), &hello(), "https://ci.example/hook", &Secret::new("H00K"))
    });
}

#[test]
fn a_tree_holds_files_only_and_an_empty_repository_has_an_empty_one() {
    let start = |host: &Host| host.kind.tree(&host.visit(), &hello(), &git_ref("main"));
    everywhere(Call::Tree, "tree", start, |_, found| assert_eq!(found, strings(&["README.md", "src/lib.rs"])));
    for host in Host::all().into_iter().filter(|host| host.name() != "gitee") {
        assert_eq!(host.play("empty_tree", start(&host)).unwrap(), strings(&[]), "{}", host.name());
    }
}

#[test]
fn a_file_is_read_with_its_blobs_sha_and_content_without_line_breaks() {
    let start = |host: &Host| {
        host.kind.read_file(&host.visit(), &hello(), &FilePath::parse("src:lib.rs").unwrap(), &git_ref("main"))
    };
    let check = |_: &Host, file: vestibule_githost::answers::File| {
        assert_eq!((file.path.as_str(), file.sha.as_str()), ("src/lib.rs", BLOB));
        assert_eq!(file.content.as_str(), "Zm4gbWFpbigpIHt9Cg==");
    };
    everywhere(Call::ReadFile, "read_file", start, check);
    let github = Host::new("github", "https://github.com");
    check(&github, github.play("read_large_file", start(&github)).unwrap());
}

#[test]
fn files_are_made_changed_and_deleted_on_condition_of_the_blob() {
    let sha = BlobSha::parse(BLOB).unwrap();
    let start =
        |host: &Host| host.kind.create_file(&host.visit(), &hello(), &change("docs:new page.md", "Add"), &content());
    everywhere(Call::CreateFile, "create_file", start, |_, ()| {});
    let update =
        |host: &Host| host.kind.update_file(&host.visit(), &hello(), &change("src:lib.rs", "Change"), &content(), &sha);
    everywhere(Call::UpdateFile, "update_file", update, |_, ()| {});
    let delete = |host: &Host| host.kind.delete_file(&host.visit(), &hello(), &change("src:lib.rs", "Remove"), &sha);
    everywhere(Call::DeleteFile, "delete_file", delete, |_, ()| {});
}

#[test]
fn a_file_that_changed_in_between_is_not_written() {
    let sha = BlobSha::parse(BLOB).unwrap();
    refused("update_stale_file", Why::Stale, |host| {
        host.kind.update_file(&host.visit(), &hello(), &change("src:lib.rs", "Change"), &content(), &sha)
    });
    refused("delete_stale_file", Why::Stale, |host| {
        host.kind.delete_file(&host.visit(), &hello(), &change("src:lib.rs", "Remove"), &sha)
    });
}

#[test]
fn a_stale_file_is_stale_however_long_its_path_is() {
    let path = format!("{}lib.rs", "long-folder/".repeat(40));
    let host = Host::new("gitlab", "https://gitlab.com");
    let change = change(&path, "Change");
    let step = host.kind.update_file(&host.visit(), &hello(), &change, &content(), &BlobSha::parse(BLOB).unwrap());
    let refusal = run(step, |request| match request.method().name() {
        "HEAD" => reply(&host.exchanges("update_stale_file")[0]["reply"]),
        _ => {
            let words =
                format!("You are attempting to update a file `{path}` that has changed since you started editing it.");
            Reply::new(400, Vec::new(), format!("{{\"message\":\"{words}\"}}").into_bytes())
        }
    });
    assert_eq!(refusal.unwrap_err().why, Why::Stale);
}

#[test]
fn a_branch_that_moved_at_gitlab_while_a_file_was_written_is_stale() {
    let host = Host::new("gitlab", "https://gitlab.com");
    let step = host.kind.create_file(&host.visit(), &hello(), &change("a.txt", "Add"), &content());
    let body = b"{\"message\":\"Could not update refs/heads/main. Please refresh and try again.\"}";
    let refusal = run(step, |_| Reply::new(400, Vec::new(), body.to_vec())).unwrap_err();
    assert_eq!(refusal.why, Why::Stale);
}

#[test]
fn a_file_that_exists_is_not_made() {
    refused("create_existing_file", Why::Conflict, |host| {
        host.kind.create_file(&host.visit(), &hello(), &change("src:lib.rs", "Add"), &content())
    });
}

#[test]
fn a_listing_without_end_is_cut_and_says_so() {
    for host in Host::all() {
        let mut asked = 0;
        let outcome = run(host.kind.branches(&host.visit(), &hello()), |_| {
            asked += 1;
            let headers =
                [("link", "<https://evil.example/>; rel=\"next\""), ("x-next-page", "9"), ("total_page", "999999")];
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Reply::new(200, headers, format!("[{{\"name\":\"b{asked}\"}}]").into_bytes())
        });
        let listing = outcome.unwrap();
        assert_eq!((asked, listing.items.len(), listing.is_cut), (MOST_PAGES, MOST_PAGES as usize, true));
    }
}

#[test]
fn a_host_that_gives_the_same_page_for_ever_is_asked_twice() {
    for host in Host::all() {
        let mut asked = 0;
        let listing = run(host.kind.tags(&host.visit(), &hello()), |_| {
            asked += 1;
            let headers = [("link", "<x>; rel=\"next\""), ("x-next-page", "2"), ("total_page", "9")];
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Reply::new(200, headers, b"[{\"name\":\"v1\"}]".to_vec())
        });
        let cut = Listing { is_cut: true, ..strings(&["v1"]) };
        assert_eq!((asked, listing.unwrap()), (2, cut), "{}", host.name());
    }
}

/// Plays pages of branches, each said to be followed by another one but for the last.
fn branches_in(host: &Host, pages: &[Vec<String>]) -> (usize, Listing<String>) {
    let mut asked = 0;
    let outcome = run(host.kind.branches(&host.visit(), &hello()), |_| {
        asked += 1;
        let names = pages[asked - 1].iter().map(|name| serde_json::json!({ "name": name })).collect::<Vec<_>>();
        let next = if asked < pages.len() { ["<x>; rel=\"next\"", "9", "99"] } else { ["", "", "1"] };
        let headers = ["link", "x-next-page", "total_page"].iter().zip(next);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
        Reply::new(200, headers, serde_json::to_vec(&names).unwrap())
    });
    (asked, outcome.unwrap())
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|n| format!("b{n}")).collect()
}

#[test]
fn a_listing_that_shifts_while_it_is_walked_is_read_to_its_end() {
    for host in Host::all() {
        // Two were made meanwhile: the second page begins with what stood at the end of the first.
        let pages = [numbered(0..100), numbered(98..198), numbered(198..210)];
        let (asked, listing) = branches_in(&host, &pages);
        assert_eq!((asked, listing), (3, whole(numbered(0..210))), "{}", host.name());
        // The last page holds nothing new, and the host says that it is the last: nothing is missing.
        let (asked, listing) = branches_in(&host, &[numbered(0..100), numbered(90..100)]);
        assert_eq!((asked, listing), (2, whole(numbered(0..100))), "{}", host.name());
    }
}

#[test]
fn a_listing_of_huge_names_is_cut_and_says_so() {
    for host in Host::all() {
        let page = |n: u32| (0..100).map(|i| format!("{n}-{i}-{}", "x".repeat(30_000))).collect::<Vec<_>>();
        let pages: Vec<_> = (0..5).map(page).collect();
        let (asked, listing) = branches_in(&host, &pages);
        let bytes: usize = listing.items.iter().map(String::len).sum();
        assert!(listing.is_cut && asked == 3 && bytes > 7 << 20 && bytes <= 8 << 20, "{}: {bytes}", host.name());
    }
}

#[test]
fn each_kind_has_a_name_of_its_own_a_reason_for_each_scope_and_a_sentence_for_what_it_cannot_do() {
    for kind in KINDS {
        let habits = kind.habits();
        assert_eq!(KINDS.iter().filter(|other| other.habits().kind == habits.kind).count(), 1);
        assert!(habits.kind.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(
            !habits.scopes.is_empty() && habits.scopes.iter().all(|(scope, why)| !scope.is_empty() && why.len() > 10)
        );
        assert!(habits.cannot.iter().all(|(_, sentence)| sentence.len() > 20));
        for call in Call::ALL {
            assert!(habits.cannot.iter().filter(|(listed, _)| *listed == call).count() < 2);
        }
    }
}
