//! What the helper says by itself, to git and to people.

use super::workshop::{Done, Workshop};
use crate::git_auths::scene::{Scene, join, project, token};
use crate::harness::Database;
use serde_json::{Value, json};

/// A scene with an authorization at each host, and the flags that lead to it.
struct Stage {
    scene: Scene,
    workshop: Workshop,
}

impl Stage {
    fn on(database: Database) -> Stage {
        let scene = Scene::on(database);
        scene.authorize("github", "hub1");
        let workshop = Workshop::of_ada(&scene);
        Stage { scene, workshop }
    }

    fn flags<'a>(&'a self, operation: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let file = self.workshop.secret_file.to_str().expect("a path");
        let mut flags = vec![operation, "--server", &self.scene.server.url, "--project", &self.scene.project];
        flags.extend(["--secret-file", file]);
        flags.extend_from_slice(more);
        flags
    }

    fn get(&self, more: &[&str], input: &str) -> Done {
        self.workshop.help(&self.flags("get", more), input)
    }

    /// The line of git's that names the fake GitHub.
    fn hub(&self) -> String {
        format!("protocol=http\nhost={}\n", self.scene.github.authority)
    }

    /// Says nothing to git, and one sentence without a secret to its person.
    #[track_caller]
    fn complains(&self, done: &Done, about: &str) {
        assert!(!done.ok && done.out.is_empty(), "{done:?}");
        assert!(done.err.contains(about) && done.err.lines().count() == 1, "{done:?}");
        let secret: Value =
            serde_json::from_slice(&std::fs::read(&self.workshop.secret_file).unwrap_or_default()).unwrap_or_default();
        for name in ["secret", "token"] {
            let secret = secret[name].as_str().filter(|text| !text.is_empty());
            assert!(secret.is_none_or(|secret| !done.err.contains(secret)), "{done:?}");
        }
    }
}

#[track_caller]
fn is_quiet(done: &Done) {
    assert!(done.ok && done.out.is_empty() && done.err.is_empty(), "{done:?}");
}

/// The value of a key in the helper's answer.
fn said<'a>(done: &'a Done, key: &str) -> Option<&'a str> {
    done.out.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn git_is_answered_with_what_the_host_wants_and_when_it_ends() {
    for database in [Database::Sqlite, Database::Postgres] {
        let stage = Stage::on(database);
        let token = stage.scene.github.live_tokens().pop().expect("a token");
        let more = "capability[]=authtype\ncapability[]=state\nwwwauth[]=Basic realm=\"git\"\n";
        let done = stage.get(&[], &format!("{more}{}path=octocat/app.git\n\n", stage.hub()));
        assert!(done.ok && done.err.is_empty(), "{done:?}");
        assert_eq!(done.out, format!("username=x-access-token\npassword={token}\n"), "no end is known");

        // Whose tokens end, says when.
        stage.scene.authorize("gitee", "tee1");
        let done = stage.get(&[], &format!("protocol=http\nhost={}\n\n", stage.scene.gitee.authority));
        let end: i64 = said(&done, "password_expiry_utc").expect("an end").parse().expect("seconds");
        let day = stage.scene.gitee.clock.now() + 86_400;
        assert!((day - 120..=day).contains(&end), "{end} {day}");
        assert_eq!(said(&done, "username"), Some("cat"));
    }
}

#[test]
fn it_is_quiet_where_it_does_not_apply() {
    let stage = Stage::on(Database::Sqlite);
    let hub = stage.hub();
    let asked = stage.scene.github.log().len();
    for input in [
        "protocol=https\nhost=other.example\n\n".to_owned(),
        "protocol=ssh\nhost=other.example\n\n".to_owned(),
        // The same name by https is another place, and another port is.
        hub.replace("protocol=http\n", "protocol=https\n"),
        "protocol=http\nhost=127.0.0.1:1\n\n".to_owned(),
        "protocol=http\n\n".to_owned(),
        String::new(),
        "\u{0}\u{ff}".to_owned(),
    ] {
        is_quiet(&stage.get(&[], &input));
        is_quiet(&stage.get(&["--authorization", "hub1"], &input));
    }
    // git asks for operations that come with time, and helpers keep nothing here.
    for operation in ["store", "capability", "approve", "nonsense"] {
        is_quiet(&stage.workshop.help(&stage.flags(operation, &[]), &format!("{hub}username=a\npassword=b\n\n")));
    }
    // Nobody has configured it.
    is_quiet(&stage.workshop.help(&["get"], &hub));
    is_quiet(&stage.workshop.help(&["get", "--server", &stage.scene.server.url], &hub));
    is_quiet(&stage.workshop.help(&stage.flags("erase", &[]), &hub));
    assert_eq!(stage.scene.github.log().len(), asked, "no host was asked for any of it");
}

#[test]
fn settings_come_from_the_environment_too_and_the_secret_file_from_its_usual_place() {
    let stage = Stage::on(Database::Sqlite);
    let variables =
        [("VESTIBULE_SERVER", stage.scene.server.url.as_str()), ("VESTIBULE_PROJECT", &stage.scene.project)];
    let settings = stage.workshop.directory(".config/vestibule").join("git-credential.json");
    std::fs::rename(&stage.workshop.secret_file, &settings).expect("moved");
    let done = stage.workshop.help_in(&variables, &["get"], &stage.hub());
    assert!(done.ok && said(&done, "password").is_some(), "{done:?}");
    // A flag wins.
    let done = stage.workshop.help_in(&variables, &["get", "--authorization", "none"], &stage.hub());
    stage.complains(&done, "no repository authorization");
}

#[test]
fn fm_127_a_secret_file_that_others_can_read_is_not_used() {
    let stage = Stage::on(Database::Sqlite);
    for mode in [0o644, 0o640, 0o604, 0o666] {
        stage.workshop.mode(mode);
        stage.complains(&stage.get(&[], &stage.hub()), "chmod 600");
    }
    stage.workshop.mode(0o400);
    assert!(stage.get(&[], &stage.hub()).ok);
    for wrong in
        [json!({}), json!({ "access_key": "x" }), json!({ "token": "a b" }), json!([1]), json!({ "token": "" })]
    {
        stage.workshop.mode(0o600);
        stage.workshop.keep(&wrong);
        stage.complains(&stage.get(&[], &stage.hub()), "must hold");
    }
    std::fs::remove_file(&stage.workshop.secret_file).expect("removed");
    stage.complains(&stage.get(&[], &stage.hub()), "cannot be read");
}

#[test]
fn what_keeps_it_from_helping_is_one_sentence() {
    let stage = Stage::on(Database::Sqlite);
    let hub = stage.hub();
    let file = stage.workshop.secret_file.to_str().expect("a path");
    let at = |server: &str, project: &str| {
        stage.workshop.help(&["get", "--server", server, "--project", project, "--secret-file", file], &hub)
    };
    let (here, project) = (stage.scene.server.url.as_str(), stage.scene.project.as_str());
    stage.complains(&at("http://127.0.0.1:1", project), "cannot be reached");
    stage.complains(&at("http://id.example.com", project), "must be https");
    stage.complains(&at("nonsense", project), "--server");
    stage.complains(&at(here, "harbour"), "--project");
    stage.complains(&at(here, "0123456789abcdef0123456789abcdef"), "not authorized");
    stage.complains(&at(&stage.scene.gitee.url(), project), "is --server right?");
    stage.complains(&stage.get(&["--authorization", "gone"], &hub), "no repository authorization");
    stage.workshop.keep(&json!({ "access_key": "AK", "secret": "wrong-secret" }));
    stage.complains(&stage.get(&[], &hub), "verify aksk signature fail");
    stage.workshop.keep(&json!({ "token": "vst_pt_wrong-token" }));
    stage.complains(&stage.get(&[], &hub), "IAM authentication");
}

#[test]
fn fm_131_a_viewer_gets_no_token_and_a_project_that_hands_out_none_says_so() {
    for database in [Database::Sqlite, Database::Postgres] {
        let stage = Stage::on(database);
        let viewer = stage.scene.server.person();
        join(&stage.scene.server, &stage.scene.project, &viewer, "viewer");
        stage.workshop.keep(&json!({ "token": token(&stage.scene.server, &viewer, &stage.scene.project) }));
        stage.complains(&stage.get(&[], &stage.hub()), "not authorized");
        stage.workshop.keep(&json!({ "token": stage.scene.token }));
        stage.scene.server.json(&["project", "set", &stage.scene.project, "--hand-out", "off"], "");
        stage.complains(&stage.get(&[], &stage.hub()), "--hand-out on");
        let other = project(&stage.scene.server);
        let file = stage.workshop.secret_file.to_str().expect("a path");
        let flags = ["get", "--server", &stage.scene.server.url, "--project", &other, "--secret-file", file];
        stage.complains(&stage.workshop.help(&flags, &stage.hub()), "not authorized");
    }
}

#[test]
fn of_several_authorizations_at_a_host_the_path_the_user_or_a_flag_chooses() {
    for database in [Database::Sqlite, Database::Postgres] {
        let stage = Stage::on(database);
        stage.scene.github.add_person("hubot");
        stage.scene.authorize("github", "hub2");
        let tokens = stage.scene.github.live_tokens();
        let [first, second] = tokens.as_slice() else { panic!("{tokens:?}") };
        let hub = stage.hub();
        let password = |more: &[&str], input: &str| {
            let done = stage.get(more, &format!("{hub}{input}\n"));
            assert!(done.ok, "{done:?}");
            said(&done, "password").map(str::to_owned)
        };
        assert_eq!(password(&["--authorization", "hub1"], "").as_ref(), Some(first));
        assert_eq!(password(&["--authorization", "hub2"], "").as_ref(), Some(second));
        assert_eq!(password(&[], "path=octocat/app.git\n").as_ref(), Some(first));
        assert_eq!(password(&[], "path=Hubot/app.git\n").as_ref(), Some(second));
        assert_eq!(password(&[], "username=hubot\n").as_ref(), Some(second));
        let done = stage.get(&[], &format!("{hub}path=acme/app.git\n\n"));
        stage.complains(&done, "name one of hub1, hub2");
        // One that is over is not in the way.
        stage.scene.delete("hub2");
        assert_eq!(password(&[], "path=acme/app.git\n").as_ref(), Some(first));
    }
}

#[test]
fn an_outage_of_the_host_or_a_callers_word_condemns_no_token() {
    for database in [Database::Sqlite, Database::Postgres] {
        let stage = Stage::on(database);
        let token = stage.scene.github.live_tokens().pop().expect("a token");
        let erase = |password: &str| {
            let input = format!("{}username=x-access-token\npassword={password}\n\n", stage.hub());
            stage.workshop.help(&stage.flags("erase", &[]), &input)
        };
        let asked = stage.scene.github.count("GET /api/v3/user");
        // Not the one that we have: nobody is asked.
        is_quiet(&erase("gho_somebody-elses"));
        assert_eq!(stage.scene.github.count("GET /api/v3/user"), asked);
        // The host is asked, and says that all is well.
        is_quiet(&erase(&token));
        assert_eq!(stage.scene.github.count("GET /api/v3/user"), asked + 1);
        stage.scene.github.fails("GET /api/v3/user", crate::githosts::Fault::Status(502), 10);
        assert!(erase(&token).out.is_empty());
        assert_eq!(stage.scene.list()[0]["status"], 0);
        stage.scene.github.recovers();
        // The host's own no counts, and its person is told the way back.
        stage.scene.github.revoke_all();
        stage.complains(&erase(&token), "repository authorization invalid");
        assert_eq!(stage.scene.list()[0]["status"], 2);
        let done = stage.get(&[], &stage.hub());
        stage.complains(&done, "repository authorization invalid");
    }
}

#[test]
fn an_access_token_of_a_persons_with_the_scope_signs_in_and_one_without_is_told_which() {
    let stage = Stage::on(Database::Sqlite);
    let server = &stage.scene.server;
    let uri = ["https://client.example/callback"];
    let app = server.app_with("web", &uri, &["--scopes", "openid git_authorizations"]);
    for (scope, opens) in [("openid git_authorizations", true), ("openid", false)] {
        let token = app.tokens(server, &stage.scene.ada, &[("scope", scope)]).access;
        stage.workshop.keep(&json!({ "token": token }));
        let done = stage.get(&[], &stage.hub());
        match opens {
            true => assert!(done.ok && said(&done, "password").is_some(), "{done:?}"),
            false => stage.complains(&done, "needs the scope git_authorizations"),
        }
    }
}

#[test]
fn fm_107_no_secret_stands_in_what_others_see_of_the_process_or_in_a_log() {
    let stage = Stage::on(Database::Sqlite);
    let help = String::from_utf8(
        crate::harness::server::program().args(["git-credential", "--help"]).output().unwrap().stdout,
    );
    let help = help.unwrap();
    let flags = help.lines().filter_map(|line| line.trim_start().split(' ').find(|word| word.starts_with("--")));
    let secret = ["--secret", "--token", "--password", "--access-key"];
    assert!(
        flags.into_iter().all(|flag| !secret.contains(&flag)),
        "a secret in a flag stands in every list of processes"
    );
    let done = stage.get(&[], &stage.hub());
    let token = said(&done, "password").expect("a token").to_owned();
    let secret: Value = serde_json::from_slice(&std::fs::read(&stage.workshop.secret_file).unwrap()).unwrap();
    let output = stage.scene.server.output();
    assert!(!output.contains(&token) && !output.contains(secret["secret"].as_str().unwrap()));
}
