//! Server-side request forgery through Git hosts: whatever stands in a host configuration, in a call or in what a host
//! says, the server connects to nothing inside the house that an administrator did not allow by its name. Each way in
//! points at listeners that notice whoever comes; and the same calls reach the hosts that were allowed.

use crate::git_auths::scene::Scene;
use crate::githosts::{Fault, SAYS, follow};
use crate::harness::{Answer, Database, process::run, server::binary};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Something inside the house: it listens on loopback in both families at one port, and counts who connects.
struct Inside {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Inside {
    fn listens() -> Inside {
        for _ in 0..50 {
            let four = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = four.local_addr().expect("an address").port();
            let Ok(six) = TcpListener::bind(("::1", port)) else { continue };
            let visits = Arc::new(AtomicUsize::new(0));
            for listener in [four, six] {
                let visits = visits.clone();
                std::thread::spawn(move || {
                    for _ in listener.incoming().flatten() {
                        visits.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            return Inside { port, visits };
        }
        panic!("no port is free in both families");
    }

    #[track_caller]
    fn saw_nobody(&self) {
        assert_eq!(self.visits.load(Ordering::SeqCst), 0, "somebody came");
    }
}

/// Loopback by every spelling that some reader of addresses takes for it.
const LOOPBACK: [&str; 18] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "2130706433",
    "127.255.255.254",
    "１２７.0.0.1",
    "127。0。0。1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
];

/// What else is nobody's business: private, shared, link-local, metadata, and IPv6 forms that carry them. Nothing of it is
/// connected to, so that nothing needs to listen there.
const ELSEWHERE: [&str; 14] = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
    "[::]",
];

/// Adds a host configuration at this address for the scene's project; whether the administrator's command took it.
fn add(scene: &Scene, name: &str, url: &str) -> bool {
    let mut command = binary(&scene.server.directory, scene.server.database_url.as_deref());
    let arguments = ["--json", "git-host", "add", name, "--kind", "github", "--url", url, "--project", &scene.project];
    run(command.args(arguments), "").status.success()
}

fn bring(scene: &Scene, kind: &str, body: &Value) -> Answer {
    scene.post(&format!("/{kind}/personal"), body)
}

#[test]
fn fm_86_fm_88_fm_90_a_host_configuration_inside_the_house_leads_nowhere_until_it_is_allowed() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (scene, inside) = (Scene::on(database), Inside::listens());
        let near = LOOPBACK
            .iter()
            .flat_map(|host| [format!("https://{host}:{}", inside.port), format!("http://{host}:{}", inside.port)]);
        let far = ELSEWHERE.iter().map(|host| format!("https://{host}"));
        // The allowed host at another port, the allowed port at another name, and the way back to ourselves.
        let hub = scene.github.authority.clone();
        let beside = hub.replace("127.0.0.1", "localhost");
        let ours = scene.server.url.clone();
        let others = [format!("http://{beside}"), format!("https://{beside}"), ours.clone(), format!("{ours}/git")];
        let (mut taken, mut bodies) = (0, Vec::new());
        for (n, url) in near.chain(far).chain(others).enumerate() {
            let name = format!("house-{n}");
            if !add(&scene, &name, &url) {
                continue;
            }
            taken += 1;
            // A connection that nobody takes is waited for for three seconds, each time.
            let is_at_once = (0..3).any(|_| {
                let began = Instant::now();
                let answer = bring(&scene, &name, &json!({ "name": "inside", "token": "ghp_canary" }));
                let took = began.elapsed();
                assert_eq!(answer.status, 500, "{url}: {}", answer.text());
                bodies.push(answer.text());
                took < Duration::from_secs(2)
            });
            assert!(is_at_once, "{url} was waited for");
        }
        assert!(taken > 20, "only {taken} were taken: does this still try anything?");
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "the answers tell one from another: {bodies:?}");
        inside.saw_nobody();
        assert_eq!(scene.asked(), 0, "an allowed host was reached by another name");
        assert!(scene.list().is_empty());
        // The one that is allowed is reached: the test would notice.
        let token = scene.github.classic_token(&["repo"], None);
        assert_eq!(bring(&scene, "hub", &json!({ "name": "allowed", "token": token })).status, 200);
        assert_eq!(scene.asked(), 1);
    }
}

#[test]
fn fm_86_fm_90_the_host_of_a_call_chooses_among_configured_ones_and_makes_no_address() {
    let (scene, inside) = (Scene::on(Database::Sqlite), Inside::listens());
    let (hub, port) = (scene.github.authority.clone(), inside.port);
    let token = scene.github.classic_token(&["repo"], None);
    let mut tried = 0;
    let mut forged = vec![
        format!("http://{hub}@127.0.0.1:{port}"),
        format!("http://{hub}:x@127.0.0.1:{port}/octocat"),
        format!("http://127.0.0.1:{port}#@{hub}"),
        format!("http://127.0.0.1:{port}?http://{hub}"),
        format!("http://127.0.0.1:{port}\\@{hub}"),
        format!("http://{hub}\\@127.0.0.1:{port}"),
        format!("http://{hub}/../../@127.0.0.1:{port}"),
        format!("http://{hub}.example:{port}"),
        format!("https://{hub}"),
        format!("http://{}", hub.replace("127.0.0.1", "localhost")),
        format!("http://{hub}/a\r\nHost: 127.0.0.1:{port}"),
        format!("//127.0.0.1:{port}"),
        format!("gopher://127.0.0.1:{port}/_x"),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
    ];
    forged.extend(LOOPBACK.iter().map(|host| format!("http://{host}:{port}/tom-repo")));
    forged.extend(ELSEWHERE.iter().map(|host| format!("http://{host}/latest/meta-data")));
    for host in forged {
        let answer = bring(&scene, "github", &json!({ "name": "forged", "token": token, "host": host }));
        assert_eq!(answer.status, 400, "{host}: {}", answer.text());
        assert!(!answer.text().contains(&inside.port.to_string()), "{host}: {}", answer.text());
        tried += 1;
    }
    assert!(tried > 40);
    inside.saw_nobody();
    assert_eq!(scene.asked(), 0, "the token was sent somewhere");
    // The three forms that the documents have: origin, API, a person's page.
    let base = scene.github.url();
    for (n, host) in [base.clone(), format!("{base}/api/v3"), format!("{base}/octocat")].into_iter().enumerate() {
        let body = json!({ "name": format!("good-{n}"), "token": token, "host": host });
        assert_eq!(bring(&scene, "github", &body).status, 200, "{host}");
    }
}

#[test]
fn fm_89_a_persons_picture_is_never_fetched() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (scene, inside) = (Scene::on(database), Inside::listens());
        let picture = format!("http://127.0.0.1:{}/me.png", inside.port);
        scene.github.avatar(&picture);
        let token = scene.github.classic_token(&["repo"], None);
        let answer = bring(&scene, "github", &json!({ "name": "with-picture", "token": token }));
        assert_eq!(answer.json()["authorization"]["avartar"], picture.as_str(), "{}", answer.text());
        scene.gitee.avatar(&picture);
        let other = scene.gitee.personal_token(&["user_info"], None);
        let answer = bring(&scene, "gitee", &json!({ "name": "gitee-picture", "token": other }));
        assert_eq!(answer.json()["authorization"]["avartar"], picture.as_str(), "{}", answer.text());
        let kept = scene.authorize("github", "by-redirect");
        assert_eq!(kept["avartar"], picture.as_str());
        assert_eq!(scene.list().len(), 3);
        let page = scene.visitor(&scene.ada).open(&scene.server.at("/git"));
        assert!(!page.plain().contains("me.png"), "a page would send the person's browser there");
        for other in ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"] {
            scene.github.avatar(other);
            let name = format!("odd-{}", other.len());
            let answer = bring(&scene, "github", &json!({ "name": name, "token": token }));
            assert_eq!(answer.json()["authorization"]["avartar"], "", "{other}: {}", answer.text());
        }
        inside.saw_nobody();
    }
}

#[test]
fn st_125_fm_86_nothing_that_stands_in_a_landing_address_is_called_or_led_to() {
    let (scene, inside) = (Scene::on(Database::Postgres), Inside::listens());
    let there = format!("http://127.0.0.1:{}/", inside.port);
    let names =
        ["iss", "redirect_uri", "return_to", "next", "host", "url", "error_uri", "avatar_url", "installation_id"];
    let more: Vec<(&str, &str)> = names.iter().map(|name| (*name, there.as_str())).collect();
    let more = crate::harness::http::query(&more);
    for address in [
        format!("{}&{more}", scene.way_back("github")),
        format!("{}&error={there}&error_description={there}&{more}", scene.way_back("github")),
        format!("{}?code={there}&state={there}&{more}", scene.way_back("gitee").split('?').next().expect("an address")),
    ] {
        let mut visitor = scene.visitor(&scene.ada);
        let page = visitor.open(&address);
        let target = |attribute: &str| format!("{attribute}=\"{there}");
        for attribute in ["href", "src", "action", "content"] {
            assert!(!page.answer.text().contains(&target(attribute)), "{address}: {}", page.answer.text());
        }
        assert!(page.answer.header("location").is_none_or(|to| !to.starts_with(&there)));
    }
    inside.saw_nobody();
}

#[test]
fn fm_87_fm_90_fm_91_what_an_allowed_host_says_leads_nobody_into_the_house_and_is_told_to_nobody() {
    for database in [Database::Sqlite, Database::Postgres] {
        let (scene, inside) = (Scene::on(database), Inside::listens());
        let there = format!("http://127.0.0.1:{}/api/v3/user", inside.port);
        let token = scene.github.classic_token(&["repo"], None);
        let redirects = [301, 302, 303, 307, 308].map(|status| Fault::Redirect(status, there.clone()));
        let others = [Fault::Status(502), Fault::Nonsense, Fault::Flood, Fault::DropBefore];
        for fault in redirects.iter().cloned().chain(others) {
            // A broken connection is tried once more.
            scene.github.fails("GET /api/v3/user", fault.clone(), 2);
            let answer = bring(&scene, "github", &json!({ "name": "broken", "token": token }));
            assert!(answer.status >= 400, "{fault:?}: {}", answer.text());
            assert!(!answer.text().contains(SAYS) && !answer.text().contains(&token), "{fault:?}: {}", answer.text());
            scene.github.recovers();
        }
        // The same of the request that carries code and client secret.
        for fault in redirects {
            let (address, _, _) = scene.landed("github");
            scene.github.fails("POST /login/oauth/access_token", fault, 1);
            let answer = scene.post("/github/oauth", &crate::git_auths::scene::brought("broken", &address));
            assert!(answer.status >= 400, "{}", answer.text());
            scene.github.recovers();
        }
        inside.saw_nobody();
        assert!(scene.list().is_empty());
        let printed = scene.server.output();
        for secret in [SAYS, token.as_str(), scene.github.client_secret.as_str()] {
            assert!(!printed.contains(secret), "the log holds {secret}");
        }
        // It is well again, and so are the calls.
        assert_eq!(bring(&scene, "github", &json!({ "name": "well", "token": token })).status, 200);
        assert!(follow(&scene.departure("/github/redirect")).starts_with(&scene.server.url));
    }
}
