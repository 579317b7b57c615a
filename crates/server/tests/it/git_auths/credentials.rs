//! `/v1/{project_id}/git/credentials`: the token of a stored authorization, for whoever may have it.

use super::scene::{Scene, join, project, refused, token};
use crate::harness::{AccessKey, Answer, Call, Database};
use serde_json::{Value, json};

fn credentials(scene: &Scene, project: &str) -> String {
    scene.server.at(&format!("/v1/{project}/git/credentials"))
}

fn ask(scene: &Scene, name: &str) -> Answer {
    let call = Call::post(credentials(scene, &scene.project)).header("X-Auth-Token", &scene.token);
    call.json(&json!({ "authorization": name })).send()
}

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        test(Scene::on(database));
    }
}

#[test]
fn fm_127_a_stored_token_is_handed_out_to_editors_of_its_project_and_the_trail_says_so() {
    on_both(|scene| {
        let kept = scene.authorize("github", "auth1");
        let answer = ask(&scene, "auth1");
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
        let told = answer.json();
        assert_eq!((&told["username"], &told["repo_type"]), (&json!("x-access-token"), &json!("github")));
        assert_eq!((&told["repo_host"], &told["authorization"]), (&kept["repo_host"], &kept["name"]));
        assert_eq!(told["repo_web"], scene.github.url());
        assert!(told["password"].as_str().is_some_and(|token| !token.is_empty()), "{told}");
        let members: Vec<&String> = told.as_object().expect("an object").keys().collect();
        assert_eq!(
            members,
            ["authorization", "expires_at", "password", "repo_host", "repo_type", "repo_web", "scopes", "username"]
        );
        let key = AccessKey::add(&scene.server, &scene.ada.name);
        let body = json!({ "authorization": "auth1" });
        let signed = key.call("POST", credentials(&scene, &scene.project), Some(&body)).send();
        assert_eq!(signed.json(), told);
        for _ in 0..3 {
            assert_eq!(ask(&scene, "auth1").status, 200);
        }
        let rows = scene.trail("git_authorization.hand_out");
        assert!((2..=4).contains(&rows.len()), "once an hour for each of two callers: {rows:?}");
        refused(&ask(&scene, "auth2"), 400, "SVCSTG.REPO.0450");
        for body in [json!({}), json!({ "authorization": 7 }), json!({ "authorization": "a\u{0}b" }), json!([])] {
            let call = Call::post(credentials(&scene, &scene.project)).header("X-Auth-Token", &scene.token);
            refused(&call.json(&body).send(), 400, "SVCSTG.REPO.0400");
        }
    });
}

#[test]
fn fm_127_no_token_leaves_a_project_before_an_administrator_opens_it() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let set =
            |on| scene.server.json(&["project", "set", &scene.project, "--hand-out", on], "")["hands_out"].clone();
        assert_eq!(ask(&scene, "auth1").status, 200, "the scene has opened it");
        assert_eq!(set("off"), json!(false));
        let refused = ask(&scene, "auth1");
        assert_eq!((refused.status, &refused.json()["error_code"]), (403, &json!("APIG.0302")), "{}", refused.text());
        assert!(refused.text().contains("--hand-out on"), "{}", refused.text());
        assert_eq!((set("off"), set("on"), set("on")), (json!(false), json!(true), json!(true)));
        assert_eq!(ask(&scene, "auth1").status, 200);
        let told: Vec<String> = scene.trail("project.hand_out").into_iter().map(|(_, details)| details).collect();
        assert_eq!(told, ["on", "off", "on"], "what stands so already is not told again");
        // One that nobody has opened is shut.
        let fresh = project(&scene.server);
        assert_eq!(scene.server.json(&["project", "show", &fresh], "")["hands_out"], false);
        join(&scene.server, &fresh, &scene.ada, "owner");
        scene.server.json(&["git-host", "project", "add", "hub", &fresh], "");
        let owners = token(&scene.server, &scene.ada, &fresh);
        let call = |path: String| Call::post(path).header("X-Auth-Token", &owners);
        let body = json!({ "name": "auth1", "token": scene.github.classic_token(&["repo"], None) });
        let kept = call(scene.server.at(&format!("/v1/{fresh}/git/auths/github/personal"))).json(&body).send();
        assert_eq!(kept.status, 200, "{}", kept.text());
        let asked = call(credentials(&scene, &fresh)).json(&json!({ "authorization": "auth1" })).send();
        assert_eq!((asked.status, &asked.json()["error_code"]), (403, &json!("APIG.0302")), "{}", asked.text());
    });
}

#[test]
fn fm_111_a_token_is_handed_out_for_the_very_host_that_it_is_for_and_for_no_other() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        scene.authorize("gitlab", "lab1");
        let ask = |body: &Value| {
            let call = Call::post(credentials(&scene, &scene.project)).header("X-Auth-Token", &scene.token);
            call.json(body).send()
        };
        let (hub, lab) = (scene.github.url(), format!("http://{}", scene.gitlab.authority));
        let told = |body: Value| ask(&body).json()["authorization"].clone();
        assert_eq!(told(json!({ "url": hub })), "auth1");
        assert_eq!(told(json!({ "url": format!("{hub}/octocat/app.git"), "authorization": "auth1" })), "auth1");
        // Without a path the host has to do; with one it must lie below the host's pages.
        assert_eq!(told(json!({ "url": lab })), "lab1");
        assert_eq!(told(json!({ "url": format!("{lab}/gitlab/team/app.git") })), "lab1");
        let (name, port) = hub.rsplit_once(':').expect("a port");
        let elsewhere = [
            hub.replace("http://", "https://"),
            name.to_owned(),
            format!("{hub}1"),
            format!("http://localhost:{port}"),
            format!("http://127.0.0.1.evil.example:{port}"),
            format!("{lab}/gitlab-evil/team/app.git"),
            format!("{lab}/other/app.git"),
            "https://github.com".to_owned(),
        ];
        for url in elsewhere {
            for body in [json!({ "url": url }), json!({ "url": url, "authorization": "auth1" })] {
                refused(&ask(&body), 400, "SVCSTG.REPO.0452");
            }
        }
        for url in
            ["", "octocat/app", "ssh://git@127.0.0.1/x", "http://ada@127.0.0.1/x", "http://a/../b", "http://a/x?y"]
        {
            refused(&ask(&json!({ "url": url })), 400, "SVCSTG.REPO.0452");
        }
        for url in [format!("{hub}\n"), format!("{hub}/a\r\nhost=evil"), format!("{hub}/{}", "x".repeat(3000))] {
            refused(&ask(&json!({ "url": url })), 400, "SVCSTG.REPO.0400");
        }
        refused(&ask(&json!({ "url": hub, "username": "a\nb" })), 400, "SVCSTG.REPO.0400");
        refused(&ask(&json!({ "url": lab, "authorization": "auth1" })), 400, "SVCSTG.REPO.0452");
        // A host whose pages lie above another's does not get what lies below the other.
        scene.server.json(&["git-host", "add", "above", "--kind", "gitee", "--url", &lab], "");
        scene.server.json(&["git-host", "project", "add", "above", &scene.project], "");
        assert_eq!(told(json!({ "url": format!("{lab}/gitlab/team/app.git") })), "lab1");
        refused(
            &ask(&json!({ "url": format!("{lab}/team/app.git"), "authorization": "lab1" })),
            400,
            "SVCSTG.REPO.0452",
        );
    });
}

#[test]
fn fm_131_fm_132_viewers_and_other_projects_get_no_token() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let (viewer, other) = (scene.server.person(), project(&scene.server));
        join(&scene.server, &scene.project, &viewer, "viewer");
        join(&scene.server, &other, &viewer, "owner");
        let ask = |token: &str, project: &str| {
            let call = Call::post(credentials(&scene, project)).header("X-Auth-Token", token);
            call.json(&json!({ "authorization": "auth1" })).header("X-Request-Id", "mine").send()
        };
        let viewers = token(&scene.server, &viewer, &scene.project);
        let denied = ask(&viewers, &scene.project);
        assert_eq!((denied.status, &denied.json()["error_code"]), (403, &json!("APIG.0302")), "{}", denied.text());
        let owners = token(&scene.server, &viewer, &other);
        for project in [scene.project.as_str(), "0123456789abcdef0123456789abcdef"] {
            assert_eq!(ask(&owners, project).text(), denied.text());
        }
        refused(&ask(&owners, &other), 400, "SVCSTG.REPO.0450");
    });
}

#[test]
fn fm_124_fm_128_a_token_that_was_changed_in_the_database_is_refused_named_and_audited() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        scene.authorize("github", "auth2");
        scene.server.with_store(async |store| {
            const DAMAGE: &str = "UPDATE git_authorizations SET access = access_by WHERE name = $1";
            let damage = vestibule_store::statement!(DAMAGE, "auth1");
            store.run(vec![damage]).await.expect("is damaged");
        });
        let why = refused(&ask(&scene, "auth1"), 400, "SVCSTG.REPO.0451");
        assert!(why.contains("changed in the database"), "{why}");
        assert_eq!(ask(&scene, "auth2").status, 200, "others are unaffected");
        let standing: Vec<Value> = scene.list().iter().map(|row| row["status"].clone()).collect();
        assert_eq!(standing, [json!(2), json!(0)]);
        refused(&ask(&scene, "auth1"), 400, "SVCSTG.REPO.0451");
        assert_eq!(scene.trail("sealed.open").len(), 1);
        assert_eq!(scene.trail("git_authorization.blame").len(), 1);
    });
}
