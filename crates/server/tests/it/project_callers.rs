//! Who may call the project API: project tokens (`/v3/auth/tokens`), signatures with access keys, access tokens; one of
//! them at a time. What is asked for is the caller's own projects, which each of them opens.

use crate::harness::{AccessKey, Answer, App, Call, Person, Server, on_both, on_both_alone, unique};
use serde_json::{Value, json};

/// A project with a member, and what the member comes with.
struct Member {
    person: Person,
    project: String,
    id: String,
}

impl Member {
    fn new(server: &Server) -> Member {
        let (person, project) = (server.person(), unique("project"));
        let id = server.json(&["project", "add", &project], "")["id"].as_str().expect("an id").to_owned();
        server.json(&["project", "member", "add", &project, &person.name, "--role", "editor"], "");
        Member { person, project, id }
    }

    fn by_password(&self, password: &str) -> Value {
        let user = json!({ "name": self.person.name, "password": password, "domain": { "name": "any" } });
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        json!({ "auth": { "identity": identity, "scope": { "project": { "id": self.id } } } })
    }

    fn token(&self, server: &Server) -> String {
        given(&ask(server, &self.by_password(&self.person.password)))
    }
}

fn by_access_key(key: &AccessKey, scope: &Value) -> Value {
    let method = json!({ "access": { "key": key.name }, "secret": { "key": key.secret } });
    json!({ "auth": { "identity": { "methods": ["hw_ak_sk"], "hw_ak_sk": method }, "scope": { "project": scope } } })
}

fn ask(server: &Server, body: &Value) -> Answer {
    Call::post(server.at("/v3/auth/tokens")).json(body).send()
}

fn given(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("x-subject-token").expect("a token").to_owned()
}

fn projects(server: &Server, token: &str) -> Answer {
    Call::get(server.at("/v3/projects")).header("X-Auth-Token", token).send()
}

/// A refusal before the call is looked at: this status, and a sentence with these words.
#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    let error = &answer.json()["error"];
    let title = if status == 401 { "Unauthorized" } else { error["title"].as_str().expect("a title") };
    assert_eq!((&error["code"], &error["title"]), (&status.into(), &title.into()), "{text}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{text}");
    assert!(answer.header("x-request-id").is_some() && answer.header("x-subject-token").is_none());
}

const WRONG: &str = "The name, the password, the access key or the project is wrong.";

#[test]
fn st_52_a_project_token_is_given_for_a_password_and_for_an_access_key_shown_and_ended() {
    on_both(|server| {
        let member = Member::new(server);
        let key = AccessKey::add(server, &member.person.name);
        let answer = ask(server, &member.by_password(&member.person.password));
        let by_key = ask(server, &by_access_key(&key, &json!({ "name": member.project })));
        for (answer, method) in [(&answer, "password"), (&by_key, "hw_ak_sk")] {
            let token = given(answer);
            assert!(token.starts_with("vst_pt_"), "{token}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let told = &answer.json()["token"];
            assert_eq!((&told["methods"], &told["catalog"]), (&json!([method]), &json!([])), "{told}");
            assert_eq!(told["roles"], json!([{ "name": "editor" }]));
            let domain = json!({ "id": format!("{:032x}", 1), "name": "default" });
            assert_eq!(told["project"], json!({ "id": member.id, "name": member.project, "domain": domain }));
            assert_eq!((&told["user"]["name"], &told["user"]["domain"]), (&json!(member.person.name), &domain));
            let [issued, expires] = ["issued_at", "expires_at"].map(|at| told[at].as_str().expect("a moment"));
            assert_eq!((issued[10..].len(), &issued[10..]), (17, &expires[10..]), "a day later: {told}");
            assert_ne!(issued[..10], expires[..10]);
            let listed = projects(server, &token).json();
            let own = json!({ "id": member.id, "name": member.project, "domain_id": domain["id"], "enabled": true });
            assert_eq!(listed, json!({ "projects": [own] }));
            let at_token = |method: &str, subject: &str| {
                let call = Call::new(method, server.at("/v3/auth/tokens")).header("X-Auth-Token", &token);
                call.header("X-Subject-Token", subject).send()
            };
            assert_eq!(at_token("GET", &token).json()["token"], *told, "shown as it was given");
            let strangers = Member::new(server).token(server);
            for (method, subject) in [("GET", &strangers), ("DELETE", &strangers), ("DELETE", &format!("{token}x"))] {
                refused(&at_token(method, subject), 404, "There is no such token.");
            }
            assert_eq!(projects(server, &strangers).status, 200);
            assert_eq!(at_token("DELETE", &token).status, 204);
            refused(&projects(server, &token), 401, "decrypt token fail");
        }
        let domains = Call::get(server.at("/v3/auth/domains")).header("X-Auth-Token", member.token(server)).send();
        assert_eq!(
            domains.json()["domains"],
            json!([{ "id": format!("{:032x}", 1), "name": "default", "enabled": true }])
        );
        let trail: Vec<String> = server.with_store(async |store| {
            let rows = store.list_audit(100_000).await.expect("reads");
            rows.into_iter().filter(|row| row.action.starts_with("project_token.")).map(|row| row.action).collect()
        });
        assert!(["project_token.add", "project_token.end"].iter().all(|wanted| trail.iter().any(|row| row == wanted)));
    });
}

#[test]
fn fm_96_whatever_is_wrong_about_a_request_for_a_token_is_answered_the_same() {
    on_both(|server| {
        let (member, stranger) = (Member::new(server), Member::new(server));
        let key = AccessKey::add(server, &member.person.name);
        let good = member.by_password(&member.person.password);
        let with = |pointer: &str, value: &str| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("is there") = value.into();
            body
        };
        let (user, project) = ("/auth/identity/password/user", "/auth/scope/project/id");
        let wrong_secret = AccessKey { secret: format!("{}x", key.secret), ..key.clone() };
        let no_key = AccessKey { name: "VSTKAAAAAAAAAAAAAAAA".to_owned(), ..key.clone() };
        let own = json!({ "id": member.id });
        let bodies = [
            with(&format!("{user}/name"), "nobody-at-all"),
            with(&format!("{user}/password"), "another password"),
            with(project, &stranger.id),
            with(project, "0123456789abcdef0123456789abcdef"),
            with(project, "no id"),
            by_access_key(&wrong_secret, &own),
            by_access_key(&no_key, &own),
            by_access_key(&key, &json!({ "name": stranger.project })),
            by_access_key(&key, &json!({ "name": "no-such-project" })),
            by_access_key(&key, &json!({ "name": "a\u{0}b" })),
        ];
        let first = ask(server, &bodies[0]);
        refused(&first, 401, WRONG);
        for body in &bodies[1..] {
            let answer = ask(server, body);
            let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!((answer.status, answer.text(), names(&answer)), (401, first.text(), names(&first)), "{body}");
        }
        given(&ask(server, &good));
        server.json(&["user", "disable", &member.person.name], "");
        assert_eq!(ask(server, &good).text(), first.text());
        assert_eq!(ask(server, &by_access_key(&key, &own)).text(), first.text());
        for body in [json!({}), json!({ "auth": { "identity": { "methods": ["password", "hw_ak_sk"] } } }), json!([])] {
            refused(&ask(server, &body), 400, "");
        }
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        refused(&Call::post(server.at("/v3/auth/tokens")).body(None, deep).send(), 400, "object");
    });
}

#[test]
fn fm_99_fm_100_wrong_passwords_count_as_at_every_other_door_and_wait() {
    on_both(|server| {
        let member = Member::new(server);
        let wrong = member.by_password("not this one");
        let answers: Vec<u16> = (0..6).map(|_| ask(server, &wrong).status).collect();
        assert_eq!(answers, [401, 401, 401, 401, 401, 429]);
        let waits = ask(server, &member.by_password(&member.person.password));
        refused(&waits, 429, "Too many tries");
        assert!(waits.header("retry-after").is_some());
    });
}

#[test]
fn st_46_one_credential_is_taken_and_neither_two_nor_none() {
    on_both(|server| {
        let member = Member::new(server);
        let (token, key) = (member.token(server), AccessKey::add(server, &member.person.name));
        let url = server.at("/v3/projects");
        refused(&Call::get(&url).send(), 401, "Incorrect IAM authentication information: x-auth-token not found");
        refused(&Call::get(&url).basic("a", "b").send(), 401, "x-auth-token not found");
        refused(&Call::get(format!("{url}?access_token={token}")).send(), 401, "x-auth-token not found");
        let one_of = "send one of X-Auth-Token";
        refused(&key.get(&url).header("X-Auth-Token", &token).send(), 401, one_of);
        refused(&Call::get(&url).bearer("x").header("X-Auth-Token", &token).send(), 401, one_of);
        refused(&key.get(&url).bearer("x").send(), 401, one_of);
        refused(&Call::get(&url).header("X-Auth-Token", &token).header("X-Auth-Token", &token).send(), 401, one_of);
        for wrong in ["x", "", &token[..token.len() - 1], &token.replace("vst_pt_", "vst_at_")] {
            refused(&projects(server, wrong), 401, "Incorrect IAM authentication information: decrypt token fail");
        }
        assert_eq!(projects(server, &token).status, 200);
        refused(&Call::get(&url).bearer(&token).send(), 401, "decrypt token fail");
    });
}

#[test]
fn st_112_fm_59_an_access_token_needs_a_person_and_a_scope() {
    on_both(|server| {
        let member = Member::new(server);
        let redirect = ["https://client.example/callback"];
        let app = server.app_with("web", &redirect, &["--scopes", "openid git_authorizations"]);
        let tokens = |app: &App, scope| app.tokens(server, &member.person, &[("scope", scope)]).access;
        let list = |token: &str| Call::get(server.at("/v3/projects")).bearer(token).send();
        let opaque = tokens(&app, "openid git_authorizations");
        assert_eq!(list(&opaque).json()["projects"][0]["id"], member.id.as_str());
        let poor = list(&tokens(&app, "openid"));
        refused(&poor, 403, "needs the scope git_authorizations");
        assert_eq!(poor.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
        let in_query = Call::get(server.at("/v3/projects")).query(&[("access_token", &opaque)]).send();
        refused(&in_query, 401, "x-auth-token not found");
        server.json(&["app", "set", &app.name, "--access-token", "EdDSA"], "");
        let signed = tokens(&app, "openid git_authorizations");
        assert_eq!((signed.matches('.').count(), list(&signed).status), (2, 200));
        let unknown = list(&format!("{signed}x"));
        refused(&unknown, 401, "decrypt token fail");
        assert_eq!(unknown.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        let gitlife = server.app("gitlife");
        let Person { name, password, .. } = &member.person;
        let by_password =
            [("grant_type", "password"), ("username", name), ("password", password), ("scope", "projects")];
        assert_eq!(list(&gitlife.token(&by_password).tokens().access).status, 200);
        let service = server.app_with("service", &[], &["--scopes", "git_authorizations"]);
        let own = service.token(&[("grant_type", "client_credentials")]).tokens().access;
        refused(&list(&own), 400, "stands for no person");
    });
}

#[test]
fn fm_96_a_signature_is_taken_for_fifteen_minutes_and_what_is_wrong_about_it_is_not_told() {
    on_both(|server| {
        let member = Member::new(server);
        let key = AccessKey::add(server, &member.person.name);
        let url = format!("{}?name={}", server.at("/v3/projects"), member.project);
        assert_eq!(key.get(&url).send().json()["projects"][0]["id"], member.id.as_str());
        let other = unique("no project").replace(' ', "%20");
        let none = key.get(format!("{}?name={other}", server.at("/v3/projects"))).send();
        assert_eq!(none.json(), json!({ "projects": [] }));
        for away_s in [-890, 890] {
            assert_eq!(key.call_at("GET", &url, None, away_s).send().status, 200, "{away_s}");
        }
        for away_s in [-920, 920] {
            refused(&key.call_at("GET", &url, None, away_s).send(), 401, "15 minutes");
        }
        let wrong = AccessKey { secret: "x".to_owned(), ..key.clone() }.get(&url).send();
        let nobody = AccessKey { name: unique("VSTKNONE").replace('-', ""), ..key.clone() }.get(&url).send();
        refused(&wrong, 401, "Incorrect IAM authentication information: verify aksk signature fail");
        assert_eq!(wrong.text(), nobody.text());
        server.json(&["access-key", "disable", &key.name], "");
        assert_eq!(key.get(&url).send().text(), wrong.text());
        assert_eq!(key.get(&url).send().text(), wrong.text());
        let target = format!("access_key:{}", key.name);
        let uses = server.with_store(async |store| {
            let rows = store.list_audit(100_000).await.expect("reads");
            rows.into_iter().filter(|row| row.action == "access_key.use" && row.target == target).count()
        });
        assert!((1..=2).contains(&uses), "a row an hour: {uses}");
        server.json(&["access-key", "remove", &key.name], "");
        assert_eq!(key.get(&url).send().text(), wrong.text());
    });
}

/// Sends `call` from this address of the loopback network.
fn from(address: [u8; 4], server: &Server, call: &Call) -> Answer {
    call.send_from(address.into()).unwrap_or_else(|why| panic!("{}: {why}", server.url))
}

/// Size in CI: 5 failures in a row from one address, 51 from thirteen.
#[test]
fn fm_75_fm_99_fm_102_an_access_key_is_locked_for_the_address_that_guesses_and_only_far_beyond_for_all() {
    on_both_alone(|mut server| {
        let member = Member::new(&server);
        let key = AccessKey::add(&server, &member.person.name);
        let url = server.at("/v3/projects");
        let wrong = AccessKey { secret: "x".to_owned(), ..key.clone() };
        let (here, there) = ([127, 0, 0, 1], [127, 0, 0, 2]);
        let ask = |server: &Server, key: &AccessKey, address| from(address, server, &key.get(&url));
        let limit = "AK access failed to reach the limit";
        for _ in 0..4 {
            refused(&ask(&server, &wrong, here), 401, "verify aksk signature fail");
        }
        assert_eq!(ask(&server, &key, here).status, 200, "four, and then the row is broken");
        for _ in 0..5 {
            refused(&ask(&server, &wrong, here), 401, "verify aksk signature fail");
        }
        let locked = ask(&server, &key, here);
        refused(&locked, 401, limit);
        let wait: u32 = locked.header("retry-after").and_then(|wait| wait.parse().ok()).expect("how long");
        assert!((240..=300).contains(&wait), "{wait}");
        refused(
            &from(
                here,
                &server,
                &Call::post(server.at("/v3/auth/tokens")).json(&by_access_key(&key, &json!({ "id": member.id }))),
            ),
            401,
            limit,
        );
        assert_eq!(ask(&server, &key, there).status, 200, "its owner is elsewhere");
        server.process().kill();
        server.restart();
        refused(&ask(&server, &key, here), 401, limit);
        // A name that nobody has is locked as well.
        let nobody = AccessKey { name: "VSTKNOBODY".to_owned(), ..key.clone() };
        let answers: Vec<_> = (0..6).map(|_| ask(&server, &nobody, there).text()).collect();
        assert!(answers[4].contains("verify aksk") && answers[5].contains(limit), "{answers:?}");
        // Another key, guessed at from everywhere; failures are counted together for a minute.
        let busy = AccessKey::add(&server, &member.person.name);
        let wrong = AccessKey { secret: "x".to_owned(), ..busy.clone() };
        let addresses = (0..250_u8).map(|n| [127, 0, 1, 1 + n / 4]);
        let failures = addresses.take_while(|address| !ask(&server, &wrong, *address).text().contains(limit)).count();
        assert!((51..250).contains(&failures), "{failures}");
        refused(&ask(&server, &busy, [127, 0, 2, 1]), 401, limit);
        assert_eq!(ask(&server, &key, there).status, 200, "another key is not");
        let locks = server.with_store(async |store| {
            let rows = store.list_audit(1_000).await.expect("reads");
            rows.into_iter().filter(|row| row.action == "access_key.lock").map(|row| row.target).collect::<Vec<_>>()
        });
        let wanted = [&busy, &key].map(|key| format!("access_key:{}", key.name));
        assert_eq!(locks, wanted, "no row for a key that nobody has");
    });
}

#[test]
fn fm_106_fm_134_a_path_with_escapes_has_one_reading_or_none() {
    on_both(|server| {
        let unknown = [
            "/v1/x/git/nothing",
            "/v1/x/git/%61uths",
            "/v1/x/git%2Fauths",
            "/v1/x/git/auths/%2e%2e/redirect",
            "/v1/x/git/auths/a%00",
            "/v1/x/git/auths/a;b",
            "/v1/x//git/auths",
            "/v1/../v3/projects",
            "/v1/%2e%2e/v3/projects",
            "/v1/x/git/auths/",
            "/v1/x/git/auths/%ff",
        ];
        for path in unknown {
            let answer = Call::get(server.at(path)).header("X-Request-Id", "mine").send();
            let told = answer.json();
            let wanted = json!({
                "error_msg": "The API does not exist or has not been published in the environment",
                "error_code": "APIG.0101",
                "request_id": "mine",
            });
            assert_eq!((answer.status, told), (404, wanted), "{path}");
            assert_eq!(answer.header("x-request-id"), Some("mine"));
        }
        refused(&Call::get(server.at("/v3/nothing")).send(), 404, "nothing");
        refused(&Call::get(server.at("/v3/auth%2Ftokens")).send(), 404, "nothing");
        refused(&Call::new("PUT", server.at("/v3/projects")).send(), 405, "Allow");
        let large = vec![b' '; 70_000];
        refused(&Call::post(server.at("/v3/auth/tokens")).body(None, large).send(), 413, "64 KiB");
    });
}

/// What the Git API says to this call, but for the name of the request.
fn told(call: &Call) -> (u16, String, Vec<(String, String)>) {
    let answer = call.clone().header("X-Request-Id", "mine").send();
    let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (answer.status, answer.text(), headers)
}

#[test]
fn fm_131_a_project_of_others_answers_like_one_that_does_not_exist_to_every_kind_of_caller() {
    on_both(|server| {
        let (member, stranger) = (Member::new(server), Member::new(server));
        let key = AccessKey::add(server, &member.person.name);
        let token = member.token(server);
        let redirect = ["https://client.example/callback"];
        let app = server.app_with("web", &redirect, &["--scopes", "openid git_authorizations"]);
        let access = app.tokens(server, &member.person, &[("scope", "openid git_authorizations")]).access;
        let poor = app.tokens(server, &member.person, &[("scope", "openid")]).access;
        let url = |project: &str, rest: &str| server.at(&format!("/v1/{project}/git/auths{rest}"));
        type By<'a> = &'a dyn Fn(&str, &str) -> Call;
        let by: [(&str, By); 3] = [
            ("token", &|method, url| Call::new(method, url).header("X-Auth-Token", &token)),
            ("signature", &|method, url| key.call(method, url, None)),
            ("access token", &|method, url| Call::new(method, url).bearer(&access)),
        ];
        let denied = json!({
            "error_msg": "The IAM user is not authorized to access the API",
            "error_code": "APIG.0302",
            "request_id": "mine",
        });
        server.json(&["project", "member", "add", &member.project, &member.person.name, "--role", "viewer"], "");
        for (what, by) in by {
            let own = by("GET", &url(&member.id, "")).send();
            assert_eq!((own.status, own.json()["count"].clone()), (200, json!(0)), "{what}: {}", own.text());
            let foreign = told(&by("GET", &url(&stranger.id, "")));
            assert_eq!((foreign.0, foreign.1.as_str()), (403, denied.to_string().as_str()), "{what}");
            for (method, project, rest) in [
                ("GET", "0123456789abcdef0123456789abcdef", ""),
                ("GET", "no-id", ""),
                ("GET", "a%2Fb", ""),
                ("DELETE", &stranger.id, "/some-name"),
                ("DELETE", "0123456789abcdef0123456789abcdef", "/some-name"),
                // In their own project, but not for a viewer.
                ("DELETE", &member.id, "/some-name"),
                ("GET", &member.id, "/github/redirect"),
            ] {
                assert_eq!(told(&by(method, &url(project, rest))), foreign, "{what}: {method} {project}{rest}");
            }
        }
        let [own, foreign] = [&member.id, &stranger.id].map(|id| told(&Call::get(url(id, "")).bearer(&poor)));
        assert_eq!((own.0, &own), (403, &foreign), "a scope that is missing tells of no membership");
        assert!(own.1.contains("needs the scope git_authorizations"), "{}", own.1);
        let nobody = told(&Call::get(url(&member.id, "")));
        assert_eq!(nobody.0, 401);
        let unknown = "Incorrect IAM authentication information: x-auth-token not found";
        assert_eq!(
            nobody.1,
            json!({ "error_msg": unknown, "error_code": "APIG.0301", "request_id": "mine" }).to_string()
        );
        // The header that clients name the project in a second time.
        let elsewhere = key.get(url(&member.id, "")).header("X-Project-Id", &stranger.id).send();
        assert_eq!((elsewhere.status, &elsewhere.json()["error_code"]), (400, &json!("SVCSTG.REPO.0400")));
        assert_eq!(key.get(url(&member.id, "")).header("X-Project-Id", &member.id).send().status, 200);
        // A token leaves the house for editors only.
        let ask = json!({ "authorization": "none" });
        let credential = |project: &str| server.at(&format!("/v1/{project}/git/credentials"));
        for project in [&member.id, &stranger.id] {
            let answer = Call::post(credential(project)).header("X-Auth-Token", &token).json(&ask).send();
            assert_eq!((answer.status, &answer.json()["error_code"]), (403, &json!("APIG.0302")));
        }
        server.json(&["project", "member", "add", &member.project, &member.person.name, "--role", "editor"], "");
        let unknown = key.call("POST", credential(&member.id), Some(&ask)).send();
        assert_eq!((unknown.status, &unknown.json()["error_code"]), (400, &json!("SVCSTG.REPO.0450")));
        let open = key.call("POST", credential(&member.id), Some(&ask));
        let open = open.header("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD").send();
        assert!(open.status == 401 && open.text().contains("the body must be signed"), "{}", open.text());
        let gone = key.call("DELETE", url(&member.id, "/a%2Fb%20c"), None).send();
        assert_eq!(
            (gone.status, gone.json()["error_code"].clone()),
            (404, json!("SVCSTG.REPO.0450")),
            "{}",
            gone.text()
        );
    });
}
