//! GitLab in the credential store, below a path as a self-managed one may be: its own rules, from the way there to the end.

use super::scene::{Scene, brought, refused};
use crate::githosts::fake::value;
use crate::githosts::{follow, parameters};
use crate::harness::{Database, visitor::parameter, wait_until};
use serde_json::{Value, json};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

#[test]
fn st_124_an_authorization_at_gitlab_by_redirect_keeps_its_pair_and_its_path() {
    on_both(|scene| {
        let lab = &scene.gitlab;
        let url = scene.departure("/GitLab/redirect");
        assert!(url.starts_with(&format!("{}/oauth/authorize?client_id=", lab.url())), "{url}");
        assert_eq!(
            (parameter(&url, "scope").as_deref(), parameter(&url, "response_type").as_deref()),
            (Some("api"), Some("code"))
        );
        assert_eq!(parameter(&url, "code_challenge_method").as_deref(), Some("S256"));
        let address = follow(&url);
        assert!(scene.visitor(&scene.ada).open(&address).shows("git-keep"));
        let kept = scene.post("/gitlab/oauth", &brought("auth1", &address));
        assert_eq!(kept.status, 200, "{}", kept.text());
        let one = kept.json()["authorization"].clone();
        let expected = json!({
            "name": "auth1", "repo_type": "gitlab", "repo_host": format!("{}/api/v4", lab.url()),
            "repo_home": format!("{}/lynx", lab.url()), "repo_user": "lynx",
            "avartar": format!("{}/uploads/-/system/user/avatar/lynx.png", lab.url()), "token_type": "oauth",
            "create_time": one["create_time"], "update_time": one["create_time"], "status": 0,
        });
        assert_eq!(one, expected);
        let trade = lab.log().into_iter().find(|asked| asked.line() == "POST /gitlab/oauth/token").expect("a trade");
        assert!(value(&trade.form(), "code_verifier").is_some(), "the verifier goes with the code");
        let shown = scene.shown("auth1");
        assert_eq!((&shown["scopes"], &shown["account_id"]), (&json!(["api"]), &json!("1")));
        assert!(shown["next"].as_str().is_some_and(|next| next.contains("what renews it is kept")), "{shown}");
        let told = scene.hand_out("auth1").json();
        assert_eq!((&told["username"], &told["repo_web"]), (&json!("oauth2"), &json!(lab.url())), "{told}");
        // A person who says no there comes back without anything.
        lab.asks();
        let url = scene.departure("/gitlab/redirect");
        let mut fields = parameters(&url);
        fields.push(("decision".to_owned(), "deny".to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let decided = crate::harness::Call::post(format!("{}/oauth/authorize", lab.url())).form(&fields).send();
        let back = decided.header("location").expect("a way back").to_owned();
        assert_eq!(scene.visitor(&scene.ada).open(&back).is_error_page(403), "git_denied");
        assert_eq!(scene.list().len(), 1);
    });
}

#[test]
fn deleting_ends_gitlabs_pair_also_where_its_access_token_had_expired() {
    on_both(|scene| {
        for expired in [false, true] {
            scene.authorize("gitlab", "auth1");
            assert_eq!(scene.gitlab.alive(), 1);
            scene.gitlab.clock.advance(if expired { 7300 } else { 0 });
            assert_eq!(scene.delete("auth1").status, 204);
            wait_until(&format!("expired {expired}: the pair is ended"), || scene.gitlab.alive() == 0);
        }
        wait_until("the trail says so", || scene.trail("git_authorization.revoke").len() >= 2);
        assert!(scene.trail("git_authorization.revoke").iter().all(|(outcome, _)| outcome == "done"));
    });
}

#[test]
fn a_personal_token_of_gitlab_is_kept_with_its_scopes_and_its_end_and_stands_in_for_itself() {
    on_both(|scene| {
        let lab = &scene.gitlab;
        let midnight = (lab.clock.now() / 86_400 + 30) * 86_400;
        let token = lab.personal_token(&["api", "read_user"], midnight);
        let post = |body: Value| scene.post("/gitlab/personal", &body);
        let hosts = [None, Some(lab.url()), Some(format!("{}/api/v4", lab.url())), Some(format!("{}/lynx", lab.url()))];
        for (n, host) in hosts.into_iter().enumerate() {
            let kept = post(json!({ "name": format!("own-{n}"), "token": token, "host": host }));
            assert_eq!(kept.status, 200, "{}", kept.text());
            assert_eq!(kept.json()["authorization"]["token_type"], "personal");
        }
        let shown = scene.shown("own-0");
        assert_eq!(shown["scopes"], json!(["api", "read_user"]));
        let told = scene.hand_out("own-0").json();
        assert_eq!((&told["expires_at"], &told["password"]), (&json!(midnight * 1000), &json!(token)), "{told}");
        lab.forget();
        // What lies beside its path is another host.
        let beside = lab.url().replace("/gitlab", "");
        for host in [beside.clone(), format!("{beside}/gitlabs"), "https://gitlab.com".to_owned()] {
            refused(&post(json!({ "name": "elsewhere", "token": token, "host": host })), 400, "SVCSTG.REPO.0400");
        }
        assert_eq!(lab.log().len(), 0, "nothing was asked");
        let narrow = lab.personal_token(&["read_repository"], midnight);
        let over = lab.personal_token(&["api"], lab.clock.now() - 1);
        for bad in [narrow, over, "glpat-wrong".to_owned()] {
            let why = refused(&post(json!({ "name": "wrong", "token": bad })), 400, "SVCSTG.REPO.0400");
            assert!(!why.contains("glpat"), "{why}");
        }
        assert_eq!(scene.delete("own-0").status, 204);
        assert!(lab.is_alive(&token), "it is its owner's");
        let password = json!({ "name": "pass", "user": "lynx", "password": "secret" });
        let why = refused(&scene.post("/gitlab/password", &password), 400, "SVCSTG.REPO.0401");
        assert!(why.contains("GitLab gives no tokens for a password"), "{why}");
    });
}
