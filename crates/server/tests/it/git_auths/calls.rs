//! The six calls as they are documented: fields, their order and types, names and codes.

use super::scene::{Scene, brought, join, project, refused, token};
use crate::githosts::{Fault, SAYS, follow};
use crate::harness::visitor::{parameter, parameters};
use crate::harness::{Answer, Call, Database, wait_until};
use serde_json::{Value, json};

const FIELDS: [&str; 10] = [
    "name",
    "repo_type",
    "repo_host",
    "repo_home",
    "repo_user",
    "avartar",
    "token_type",
    "create_time",
    "update_time",
    "status",
];

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// The members of the (first) authorization in the order in which they were sent.
fn order(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let object = &text[text.find("{\"name\"").expect("an authorization")..];
    let object = &object[..object.find('}').expect("its end")];
    object.split(",\"").map(|part| part.trim_start_matches("{\"").split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn st_120_st_121_st_124_fm_89_an_authorization_by_redirect_is_kept_with_the_documented_fields_in_their_order() {
    on_both(|scene| {
        let url = scene.departure("/GitHub/redirect");
        let hub = &scene.github;
        assert!(url.starts_with(&format!("{}/login/oauth/authorize?client_id=", hub.url())), "{url}");
        let names: Vec<String> = parameters(&url).into_iter().map(|(name, _)| name).collect();
        let wanted = ["client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"];
        assert_eq!(names, wanted);
        assert_eq!(parameter(&url, "code_challenge_method").as_deref(), Some("S256"));
        let state = parameter(&url, "state").expect("state");
        assert!(
            state.len() >= 43 && state.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
            "{state}"
        );
        let callback = parameter(&url, "redirect_uri").expect("redirect_uri");
        let host = callback.strip_prefix(&scene.server.at("/git/callback/")).expect("one address per configuration");
        assert!(host.len() == 32 && host.bytes().all(|b| b.is_ascii_hexdigit()), "{callback}");

        let address = follow(&url);
        let mut visitor = scene.visitor(&scene.ada);
        let page = visitor.open(&address);
        assert_eq!((page.answer.status, &page.url), (200, &address), "answered at its own address");
        let asked = scene.asked();
        assert_eq!(asked, 0, "landing asks the host nothing");
        let answer = scene.post("/github/oauth", &brought("auth1", &address));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(order(&answer), FIELDS);
        let one = answer.json()["authorization"].clone();
        assert_eq!(one.as_object().unwrap().len(), 10);
        let expected = json!({
            "name": "auth1",
            "repo_type": "github",
            "repo_host": format!("{}/api/v3", hub.url()),
            "repo_home": format!("{}/octocat", hub.url()),
            "repo_user": "octocat",
            "avartar": format!("{}/avatars/octocat.png", hub.url()),
            "token_type": "oauth",
            "create_time": one["create_time"],
            "update_time": one["create_time"],
            "status": 0,
        });
        assert_eq!(one, expected);
        let (now, kept) = (crate::githosts::HostClock::default().now() * 1000, one["create_time"].as_i64().unwrap());
        assert!((now - kept).abs() < 60_000, "milliseconds: {kept}");

        let answer = scene.get("");
        assert_eq!(order(&answer), [&FIELDS[..], &["tag"]].concat());
        assert!(answer.text().starts_with("{\"authorizations\":[{\"name\":\"auth1\","), "{}", answer.text());
        assert!(answer.text().ends_with("\"tag\":null}],\"count\":1}"), "{}", answer.text());

        // The verifier was sent once, with the code, and the avatar never fetched.
        let trade = hub.log().into_iter().find(|asked| asked.line() == "POST /login/oauth/access_token").unwrap();
        assert_eq!(trade.form().iter().filter(|(name, _)| name == "code_verifier").count(), 1);
        assert_eq!(hub.count("GET /avatars"), 0);
    });
}

#[test]
fn st_124_gitee_knows_no_pkce_and_gets_neither_challenge_nor_verifier() {
    on_both(|scene| {
        let url = scene.departure("/gitee/redirect");
        assert_eq!(parameter(&url, "code_challenge"), None);
        let one = scene.authorize("gitee", "tee-1");
        assert_eq!((&one["repo_type"], &one["token_type"]), (&json!("gitee"), &json!("oauth")));
        assert!(!scene.gitee.log().iter().any(|asked| asked.all().contains("code_verifier")));
    });
}

#[test]
fn a_personal_token_is_tried_before_it_is_kept_and_its_host_is_one_that_is_configured() {
    on_both(|scene| {
        let (hub, post) = (&scene.github, |body: Value| scene.post("/GitHub/personal", &body));
        let token = hub.classic_token(&["repo", "read:user"], None);
        let hosts =
            [None, Some(hub.url()), Some(format!("{}/api/v3", hub.url())), Some(format!("{}/tom-repo/", hub.url()))];
        for (n, host) in hosts.into_iter().enumerate() {
            let name = format!("own-{n}");
            let answer = post(json!({ "name": name, "token": token, "host": host }));
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(order(&answer), FIELDS);
            assert_eq!(answer.json()["authorization"]["token_type"], "personal");
        }
        assert_eq!(scene.list().len(), 4);
        hub.forget();
        let elsewhere = [scene.gitee.url(), "https://github.com".into(), "http://127.0.0.1:1".into(), "x".into()];
        for host in elsewhere {
            let answer = post(json!({ "name": "elsewhere", "token": token, "host": host }));
            refused(&answer, 400, "SVCSTG.REPO.0400");
        }
        assert_eq!(hub.log().len(), 0, "nothing was asked");
        for (bad, body) in [
            ("wrong", json!({ "name": "wrong", "token": "ghp_wrong" })),
            ("over", json!({ "name": "over", "token": hub.fine_grained_token(hub.clock.now() - 1) })),
        ] {
            let sentence = refused(&post(body), 400, "SVCSTG.REPO.0400");
            assert!(!sentence.contains("ghp_"), "{bad}: {sentence}");
        }
        let answer =
            scene.call("POST", "/github/personal").body(None, json!({ "name": "untyped", "token": token }).to_string());
        assert_eq!(answer.send().status, 200, "a body without a type is read");
        let answer = scene.call("POST", "/github/personal");
        let body = json!({ "name": "charset", "token": token }).to_string();
        assert_eq!(answer.body(Some("application/json;charset=utf8"), body).send().status, 200);
    });
}

#[test]
fn a_password_is_taken_in_both_forms_where_the_kind_knows_a_way() {
    use base64::Engine as _;
    on_both(|scene| {
        let (email, password) = scene.gitee.add_person("grace");
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{email}:{password}"));
        let answer = scene.post("/Gitee/password", &json!({ "name": "pass-1", "user": email, "password": password }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(order(&answer), FIELDS);
        assert_eq!(answer.json()["authorization"]["token_type"], "password");
        assert_eq!(answer.json()["authorization"]["repo_user"], "grace");
        let answer = scene.post("/gitee/password", &json!({ "name": "pass-2", "token": token }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let wrong = json!({ "name": "pass-3", "user": email, "password": "wrong" });
        refused(&scene.post("/gitee/password", &wrong), 400, "SVCSTG.REPO.0400");
        let sentence = refused(&scene.post("/github/password", &wrong), 400, "SVCSTG.REPO.0401");
        assert!(sentence.contains("personal token"), "{sentence}");
        assert_eq!(scene.list().len(), 2);
    });
}

#[test]
fn names_kinds_and_tags_are_refused_in_the_documented_codes_before_anything_is_sent() {
    on_both(|scene| {
        let token = scene.github.classic_token(&["repo"], None);
        let personal = |name: &str| scene.post("/github/personal", &json!({ "name": name, "token": token }));
        assert_eq!(personal("auth1").status, 200);
        scene.github.forget();
        refused(&personal("auth1"), 400, "SVCSTG.REPO.0403");
        for name in ["abc", "x y z w", "auth/1", "äuth1", &"x".repeat(64), ""] {
            refused(&personal(name), 400, "SVCSTG.REPO.0400");
        }
        for kind in ["devcloud", "svn", "auth1", "bitbucket"] {
            refused(&scene.get(&format!("/{kind}/redirect")), 400, "SVCSTG.REPO.0401");
            let answer = scene.post(&format!("/{kind}/personal"), &json!({ "name": "auth2", "token": token }));
            refused(&answer, 400, "SVCSTG.REPO.0401");
            let (code, state) = ("c".repeat(20), "s".repeat(70));
            for kind in [kind, &kind.to_uppercase()] {
                let body = json!({ "name": "auth2", "code": code, "state": state });
                let answer = scene.post(&format!("/{kind}/oauth"), &body);
                refused(&answer, 400, "SVCSTG.REPO.0401");
                refused(&scene.post("/github/oauth", &body), 400, "SVCSTG.REPO.0402");
            }
        }
        refused(&scene.get("/github/redirect?tag=intl"), 400, "SVCSTG.REPO.0400");
        refused(&scene.get("/github/redirect?tag=a&tag=b"), 400, "SVCSTG.REPO.0400");
        for body in ["", "[]", "name=auth2&token=x", "{\"name\":\"auth2\"}", "{\"name\":\"auth2\",\"token\":7}"] {
            let answer = scene.call("POST", "/github/personal").body(Some("application/json"), body).send();
            refused(&answer, 400, "SVCSTG.REPO.0400");
        }
        assert_eq!(scene.github.log().len(), 0);
        let sentence = refused(&scene.delete("nothing"), 404, "SVCSTG.REPO.0450");
        assert!(!sentence.is_empty());
    });
}

#[test]
fn a_tag_and_a_name_choose_among_configurations_and_a_list_tells_the_tag() {
    on_both(|scene| {
        let hub = &scene.github;
        let client = (hub.client_id.as_str(), hub.client_secret.as_str());
        let callback = scene.add_host("hub-intl", "github", &hub.url(), client, &["--tag", "intl"]);
        refused(&scene.get("/github/redirect"), 400, "SVCSTG.REPO.0400");
        for chosen in ["/github/redirect?tag=intl", "/hub-intl/redirect", "/HUB-INTL/redirect?tag=intl"] {
            assert_eq!(parameter(&scene.departure(chosen), "redirect_uri").as_deref(), Some(callback.as_str()));
        }
        hub.register(&callback);
        let address = follow(&scene.departure("/github/redirect?tag=intl"));
        scene.visitor(&scene.ada).open(&address);
        for other in ["?tag=other", "?tag=intl&tag=intl"] {
            assert_eq!(scene.post(&format!("/github/oauth{other}"), &brought("auth1", &address)).status, 400);
        }
        let answer = scene.post("/GITHUB/oauth?tag=intl", &brought("auth1", &address));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(scene.list()[0]["tag"], "intl");
    });
}

#[test]
fn fm_131_roles_scopes_and_other_projects_are_refused_alike() {
    on_both(|scene| {
        let (viewer, owner) = (scene.server.person(), scene.server.person());
        join(&scene.server, &scene.project, &viewer, "viewer");
        join(&scene.server, &scene.project, &owner, "owner");
        scene.authorize("github", "auth1");
        let by = |token: &str, method: &str, path: &str| {
            let call = Call::new(method, path).header("X-Auth-Token", token);
            call.header("X-Request-Id", "same").send()
        };
        let viewing = token(&scene.server, &viewer, &scene.project);
        let owning = token(&scene.server, &owner, &scene.project);
        assert_eq!(by(&viewing, "GET", &scene.path("")).status, 200);
        for (method, rest) in [("GET", "/github/redirect"), ("POST", "/github/oauth"), ("DELETE", "/auth1")] {
            let answer = by(&viewing, method, &scene.path(rest));
            assert_eq!((answer.status, answer.json()["error_code"].as_str()), (403, Some("APIG.0302")));
        }
        // A project of somebody else and one that is none: the same bytes.
        let (other, none) = (project(&scene.server), "0".repeat(32));
        let answers = [&other, &none].map(|id| {
            let path = scene.server.at(&format!("/v1/{id}/git/auths"));
            let answer = by(&scene.token, "GET", &path);
            (answer.status, answer.text())
        });
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].0, 403);
        assert_eq!(by(&owning, "DELETE", &scene.path("/auth1")).status, 204);
        let answer = Call::get(scene.path("")).send();
        assert_eq!((answer.status, answer.json()["error_code"].as_str()), (401, Some("APIG.0301")));
    });
}

#[test]
fn fm_90_a_host_that_misbehaves_keeps_nothing_and_is_not_quoted() {
    on_both(|scene| {
        let faults = [Fault::Status(500), Fault::Nonsense, Fault::DropBefore, Fault::Redirect(302, scene.gitee.url())];
        for fault in faults {
            let (address, _, _) = scene.landed("github");
            scene.github.fails("POST /login/oauth/access_token", fault.clone(), 1);
            let answer = scene.post("/github/oauth", &brought("auth1", &address));
            let sentence = refused(&answer, 500, "SVCSTG.REPO.0500");
            assert!(!sentence.contains(SAYS) && sentence.contains("used up"), "{fault:?}: {sentence}");
            scene.github.recovers();
            refused(&scene.post("/github/oauth", &brought("auth1", &address)), 400, "SVCSTG.REPO.0402");
        }
        // The token came, but not whose it is: it does not stay alive at the host.
        let (address, _, _) = scene.landed("github");
        scene.github.fails("GET /api/v3/user", Fault::Status(502), 2);
        refused(&scene.post("/github/oauth", &brought("auth1", &address)), 500, "SVCSTG.REPO.0500");
        scene.github.recovers();
        wait_until("a token that nobody has is ended", || scene.github.live_tokens().is_empty());
        assert_eq!(scene.list().len(), 0);
    });
}

#[test]
fn of_several_hosts_at_one_address_a_personal_tokens_host_is_the_one_that_their_kind_would_mean() {
    on_both(|scene| {
        let hub = &scene.github;
        let (client, token) =
            ((hub.client_id.as_str(), hub.client_secret.as_str()), hub.classic_token(&["repo"], None));
        scene.add_host("own", "github", &hub.url(), client, &["--project", &scene.project]);
        let bring = |name: &str, rest: &str| {
            let body = json!({ "name": name, "token": token, "host": format!("{}/octocat", hub.url()) });
            scene.post(rest, &body)
        };
        let sentence = refused(&bring("none", "/github/personal"), 400, "SVCSTG.REPO.0400");
        assert!(sentence.contains("hub") && sentence.contains("own"), "{sentence}");
        assert_eq!(bring("by-name", "/own/personal").status, 200, "a path may name one");
        let host_of = |name: &str| scene.server.json(&["git-auth", "show", &scene.project, name], "")["host"].clone();
        // The deployment's is the default, though the project has one of its own there.
        scene.server.json(&["git-host", "set-default", "hub"], "");
        assert_eq!(bring("by-default", "/github/personal").status, 200);
        scene.server.json(&["git-host", "set-default", "own", "--project", &scene.project], "");
        assert_eq!(bring("own-default", "/github/personal").status, 200);
        assert_eq!(["by-name", "by-default", "own-default"].map(host_of), ["own", "hub", "own"].map(Value::from),);
    });
}
