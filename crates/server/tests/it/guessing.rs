//! Guessing passwords, clients' secrets, codes and refresh tokens: few tries are free, and nobody is kept out for long.

use crate::harness::{
    Answer, App, Call, Database, Page, Person, Server, Visitor, on_both, on_both_alone, postgres, quick, until_quick,
    wait_until,
};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vestibule_store::statement;

/// Tries a password at the sign-in page in a browser that nobody has seen before.
fn stranger(server: &Server, name: &str, password: &str) -> Page {
    let mut visitor = Visitor::new(server);
    let page = visitor.open(&server.at("/sign-in"));
    visitor.sign_in_as(&page, name, password)
}

fn by_password_mode(app: &App, name: &str, password: &str) -> Answer {
    app.token(&[("grant_type", "password"), ("username", name), ("password", password)])
}

#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    let seconds = answer.header("retry-after").and_then(|text| text.parse().ok());
    seconds.unwrap_or_else(|| panic!("{} without Retry-After: {}", answer.status, answer.text()))
}

/// The answer of one who must wait, at a page; gives the seconds.
#[track_caller]
fn page_waits(page: &Page) -> u64 {
    assert_eq!(page.is_error_page(429), "too_many_tries");
    let seconds = retry_after(&page.answer);
    let told = if seconds == 1 { "in a second.".to_owned() } else { format!("in {seconds} seconds.") };
    assert!(page.plain().contains(&told), "{told} {}", page.plain());
    seconds
}

/// The same at the token endpoint.
#[track_caller]
fn client_waits(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    retry_after(answer)
}

fn signed_in(server: &Server, page: &Page, person: &Person) -> bool {
    page.answer.status == 200 && page.url == server.at("/") && page.plain().contains(&person.name)
}

/// A page without what differs each time: its form's token, the request's id and the name that was typed.
fn shape(page: &Page, name: &str) -> String {
    let mut text = page.answer.text().replace(name, "NAME");
    let id = page.answer.header("x-request-id").unwrap_or_default().to_owned();
    text = text.replace(&id, "ID");
    if let Some((before, rest)) = text.clone().split_once("name=\"form_token\" value=\"") {
        let after = rest.split_once('"').map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    let quiet = ["x-request-id", "date", "set-cookie", "content-length", "retry-after"];
    let headers: Vec<_> = page.answer.headers.iter().filter(|(n, _)| !quiet.contains(&&*n.to_lowercase())).collect();
    format!("{} {headers:?} {text}", page.answer.status)
}

#[test]
fn st_48_fm_100_after_five_wrong_passwords_even_the_right_one_waits_at_every_door() {
    on_both(|server| until_quick(|| five_wrong_at(server)));
}

fn five_wrong_at(server: &Server) -> Option<()> {
    let (app, person) = server.app_and_person("gitlife");
    for _ in 0..3 {
        assert_eq!(stranger(server, &person.name, "wrong").answer.status, 422);
    }
    by_password_mode(&app, &person.name, "wrong").refused(400, "invalid_grant");
    let since = Instant::now();
    by_password_mode(&app, &person.name, "wrong").refused(400, "invalid_grant");
    let until = Instant::now() + Duration::from_millis(1_050);
    let wrong = stranger(server, &person.name, "wrong");
    let right = stranger(server, &person.name, &person.password);
    let by_client = by_password_mode(&app, &person.name, &person.password);
    let mut visitor = Visitor::new(server);
    let page = visitor.open(&app.authorize_url(&[]));
    let by_application = visitor.sign_in(&page, &person);
    quick(since)?;
    assert_eq!(page_waits(&wrong), 1);
    assert_eq!(page_waits(&right), 1, "nothing is told of the password");
    assert_eq!(client_waits(&by_client), 1);
    assert_eq!(page_waits(&by_application), 1, "nor by way of an application");
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    let since = Instant::now();
    assert_eq!(stranger(server, &person.name, "wrong").answer.status, 422, "one try after the wait");
    let until = Instant::now() + Duration::from_millis(2_050);
    let right = stranger(server, &person.name, &person.password);
    quick(since)?;
    assert_eq!(page_waits(&right), 2);
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    let page = stranger(server, &person.name, &person.password);
    assert!(signed_in(server, &page, &person), "{}", page.plain());
    assert_eq!(stranger(server, &person.name, "wrong").answer.status, 422, "signing in has set it back");
    assert_eq!(by_password_mode(&app, &person.name, &person.password).status, 200);
    Some(())
}

#[test]
fn fm_99_all_spellings_of_a_name_share_one_counter() {
    let scene = |server: &Server| {
        let person = server.person();
        let spellings = [
            person.name.clone(),
            person.name.to_uppercase(),
            format!("  {}", person.name),
            person.email.to_uppercase(),
            format!("{}\t ", person.email),
        ];
        for spelling in &spellings[..4] {
            assert_eq!(stranger(server, spelling, "wrong").answer.status, 422, "{spelling:?}");
        }
        let since = Instant::now();
        assert_eq!(stranger(server, &person.email, "wrong").answer.status, 422);
        let mut pages: Vec<Page> = spellings[..4].iter().map(|name| stranger(server, name, "wrong")).collect();
        pages.push(stranger(server, &person.email, &person.password));
        quick(since)?;
        for page in &pages {
            page_waits(page);
        }
        Some(())
    };
    on_both(|server| until_quick(|| scene(server)));
}

#[test]
fn fm_96_a_name_that_nobody_has_waits_as_one_that_somebody_has() {
    let scene = |server: &Server| {
        let (app, person) = server.app_and_person("gitlife");
        let nobody = crate::harness::unique("nobody");
        let mut since = Instant::now();
        let mut pairs = Vec::new();
        for n in 0..8 {
            // The waits begin with the fifth.
            since = if n <= 4 { Instant::now() } else { since };
            pairs.push((stranger(server, &person.name, "wrong"), stranger(server, &nobody, "wrong")));
        }
        let known_client = by_password_mode(&app, &person.name, "wrong");
        let unknown_client = by_password_mode(&app, &nobody.to_uppercase(), "wrong");
        quick(since)?;
        for (n, (known, unknown)) in pairs.iter().enumerate() {
            assert_eq!(shape(known, &person.name), shape(unknown, &nobody), "{n}");
            assert_eq!(known.answer.status, if n < 5 { 422 } else { 429 }, "{n}");
            assert_eq!(known.answer.header("retry-after"), unknown.answer.header("retry-after"), "{n}");
        }
        let (known, unknown) = (known_client, unknown_client);
        assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
        assert_eq!(client_waits(&known), client_waits(&unknown));
        Some(())
    };
    on_both(|server| until_quick(|| scene(server)));
}

/// Size in CI: 1,000 tries from elsewhere, most of which are told to wait, on each database.
#[test]
fn fm_102_after_a_thousand_failures_from_elsewhere_the_known_browser_signs_in_at_once() {
    on_both(|server| {
        let person = server.person();
        let mut home = Visitor::new(server);
        let page = home.open(&server.at("/sign-in"));
        let page = home.sign_in(&page, &person);
        assert!(signed_in(server, &page, &person), "{}", page.plain());
        home.cookies.remove("vestibule-session");

        let mut attacker = Visitor::new(server);
        let form = attacker.open(&server.at("/sign-in"));
        let mut waited = 0;
        for _ in 0..1_000 {
            match attacker.sign_in_as(&form, &person.name, "wrong").answer.status {
                422 => {}
                429 => waited += 1,
                other => panic!("{other}"),
            }
        }
        assert!(waited > 900, "{waited}");
        // Until the wait is long enough for what follows to fit in.
        loop {
            let answer = attacker.sign_in_as(&form, &person.name, "wrong").answer;
            if answer.status == 429 && retry_after(&answer) >= 6 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        page_waits(&stranger(server, &person.name, &person.password));
        let page = home.open(&server.at("/sign-in"));
        let page = home.sign_in(&page, &person);
        assert!(signed_in(server, &page, &person), "{}", page.plain());
        page_waits(&attacker.sign_in_as(&form, &person.name, &person.password));

        // A known browser has a budget of its own, and not more.
        home.cookies.remove("vestibule-session");
        let form = home.open(&server.at("/sign-in"));
        until_quick(|| {
            let wrong = || home.clone().sign_in_as(&form, &person.name, "wrong").answer.status;
            assert_eq!([(); 4].map(|()| wrong()), [422; 4]);
            let since = Instant::now();
            assert_eq!(wrong(), 422);
            let right = home.clone().sign_in_as(&form, &person.name, &person.password);
            if quick(since).is_none() {
                // Signing in sets it back.
                wait_until("the known browser signs in", || {
                    home.clone().sign_in_as(&form, &person.name, &person.password).answer.status == 200
                });
                return None;
            }
            page_waits(&right);
            Some(())
        });
        let other = server.person();
        assert_eq!(home.sign_in_as(&form, &other.name, "wrong").answer.status, 422, "known to one person only");
    });
}

#[test]
fn fm_101_of_64_passwords_at_once_five_are_tried() {
    // They are as many as there is room for at the door.
    on_both_alone(|server| {
        let person = server.person();
        let began = Instant::now();
        let statuses = at_once(64, || stranger(&server, &person.name, "wrong").answer.status);
        let (tried, waited) = (of(&statuses, 422), of(&statuses, 429));
        assert!((5..=budget(5, began.elapsed())).contains(&tried), "{statuses:?}");
        assert_eq!(tried + waited, 64, "{statuses:?}");
    });
}

fn at_once<T: Send>(callers: usize, call: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..callers).map(|_| scope.spawn(&call)).collect();
        started.into_iter().map(|caller| caller.join().expect("a caller")).collect()
    })
}

fn of(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|one| **one == status).count()
}

/// A server at which five failures of a network are free.
fn with_five_free(database: Database) -> Server {
    Server::start(database, &["--guess-free", "5"])
}

/// How many tries a network may make in vain within `took` after the first of them, if `free` cost nothing.
fn budget(free: usize, took: Duration) -> usize {
    let waits = [1, 3, 7, 15, 31, 63].iter().filter(|seconds| took >= Duration::from_secs(**seconds));
    free + waits.count()
}

/// Size in CI: 12 people at once from one network of which five may fail, with and without four failures before.
#[test]
fn fm_102_twelve_right_passwords_at_once_from_one_network_are_all_let_in() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = with_five_free(database);
        let app = server.app("gitlife");
        let people: Vec<Person> = (0..12).map(|_| server.person()).collect();
        let sign_in = |person: &Person| {
            let page = stranger(&server, &person.name, &person.password);
            assert!(signed_in(&server, &page, person), "{} {}", page.answer.status, page.plain());
        };
        let by_password = |person: &Person| {
            let answer = by_password_mode(&app, &person.name, &person.password);
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        each_at_once(&people, sign_in);
        each_at_once(&people, by_password);
        for n in 0..4 {
            assert_eq!(stranger(&server, &format!("nobody-{n}"), "wrong").answer.status, 422);
        }
        each_at_once(&people, |person| by_password(person));
        // Of wrong ones among them no more are tried than one, and nobody else is refused before it is found wrong.
        let began = Instant::now();
        let wrong: Vec<u16> = at_once(2, || by_password_mode(&app, &crate::harness::unique("nobody"), "wrong").status);
        let tried = of(&wrong, 400);
        assert!((1..=budget(1, began.elapsed())).contains(&tried), "{wrong:?}");
        assert_eq!(of(&wrong, 429), 2 - tried, "{wrong:?}");
    }
}

/// Size in CI: 12 at once with one name, in three rounds, from as many new browsers, from one known browser and in password
/// mode, on each database.
#[test]
fn fm_102_twelve_right_passwords_at_once_with_one_name_are_all_let_in() {
    on_both(|server| {
        let (app, person) = (server.app("gitlife"), server.person());
        let mut home = Visitor::new(server);
        let page = home.open(&server.at("/sign-in"));
        assert!(signed_in(server, &home.sign_in(&page, &person), &person));
        home.cookies.remove("vestibule-session");
        let form = home.open(&server.at("/sign-in"));
        let known = || home.clone().sign_in(&form, &person);
        for round in 0..3 {
            let pages = [at_once(12, || stranger(server, &person.name, &person.password)), at_once(12, known)];
            for page in pages.iter().flatten() {
                assert!(signed_in(server, page, &person), "{round}: {} {}", page.answer.status, page.plain());
            }
            let statuses = at_once(12, || by_password_mode(&app, &person.name, &person.password).status);
            assert_eq!(of(&statuses, 200), 12, "{round}: {statuses:?}");
        }
        // Of wrong ones at once no more are tried, with right ones among them too, which set the counter back.
        let began = Instant::now();
        let wrong = at_once(12, || by_password_mode(&app, &person.name, "wrong").status);
        assert!((5..=budget(5, began.elapsed())).contains(&of(&wrong, 400)), "{wrong:?}");
    });
}

/// Size in CI: three callers at an account of which five tries were lost with their server, and six others of their network.
#[test]
fn fm_102_an_account_that_has_no_place_keeps_nobody_else_of_the_network_waiting() {
    use vestibule_oauth::guessing::{FREE, Key, UNDER_WAY_MS};
    use vestibule_store::guesses::{Counter, Counters, Reserve};
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::start(database, &["--guess-free", "100"]);
        let (app, person, others) = (server.app("gitlife"), server.person(), [(); 6].map(|()| server.person()));
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("later").as_millis()).expect("a time");
        server.with_store(async |store| {
            let whose = store.find_credentials(&person.name, None).await.expect("reads").expect("is there").person;
            let own = Counter { key: Key::account(whose), free: FREE };
            let counters = Counters { own, beside: None };
            for n in 0..FREE {
                let verb = vestibule_oauth::id::Id::from_bytes([n as u8 + 1; 16]);
                let reserved = store.reserve_guess(&counters, verb, now).await.expect("runs");
                assert!(matches!(reserved, Reserve::Reserved(_)));
            }
        });
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let crowded = || {
                let first = by_password_mode(&app, &person.name, &person.password).status;
                while !is_over.load(Ordering::Relaxed) {
                    by_password_mode(&app, &person.name, &person.password);
                }
                first
            };
            let callers = [(); 3].map(|()| scope.spawn(crowded));
            std::thread::sleep(Duration::from_millis(300));
            let statuses = others.each_ref().map(|other| by_password_mode(&app, &other.name, &other.password).status);
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(statuses, [200; 6]);
            let told = callers.map(|caller| caller.join().expect("a caller"));
            let lost =
                i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("later").as_millis()).expect("a time") - now;
            assert!(told == [429; 3] || lost > UNDER_WAY_MS, "{told:?}: nobody stood in line");
        });
    }
}

/// Size in CI: 64 wrong passwords at once for as many accounts, of one network.
#[test]
fn fm_101_of_64_passwords_at_once_for_64_accounts_from_one_network_five_are_tried() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = with_five_free(database);
        let (app, began) = (server.app("gitlife"), Instant::now());
        let statuses = at_once(64, || by_password_mode(&app, &crate::harness::unique("nobody"), "wrong").status);
        let (tried, waited) = (of(&statuses, 400), of(&statuses, 429));
        assert!((5..=budget(5, began.elapsed())).contains(&tried), "{statuses:?}");
        assert_eq!(tried + waited, 64, "{statuses:?}");
    }
}

/// Size in CI: 30 right and 30 wrong passwords at once from one network.
#[test]
fn fm_101_fm_102_right_passwords_among_wrong_ones_give_no_more_of_those_a_try() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = with_five_free(database);
        let app = server.app("gitlife");
        let people: Vec<Person> = (0..6).map(|_| server.person()).collect();
        let tries: Vec<(String, &str)> = (0..60)
            .map(|n| match people.get(n / 2 % 6).filter(|_| n % 2 == 0) {
                Some(person) => (person.name.clone(), person.password.as_str()),
                None => (crate::harness::unique("nobody"), "wrong"),
            })
            .collect();
        let began = Instant::now();
        let statuses = each_at_once(&tries, |(name, password)| by_password_mode(&app, name, password).status);
        let tried = of(&statuses, 400);
        assert!((1..=budget(5, began.elapsed())).contains(&tried), "{statuses:?}");
        assert_eq!(tried + of(&statuses, 200) + of(&statuses, 429), 60, "{statuses:?}");
    }
}

#[test]
fn who_leaves_before_the_answer_keeps_nobody_of_their_network_waiting_for_it() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = with_five_free(database);
        let (app, person) = (server.app("gitlife"), server.person());
        let ask = |n: usize| {
            let (client, secret) = (&app.client_id, &app.client_secret);
            let body = format!(
                "grant_type=password&client_id={client}&client_secret={secret}&username=nobody-{n}&password=wrong"
            );
            let request = format!(
                "POST /oauth/token HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: {}\r\n\r\n{body}",
                server.authority(),
                body.len()
            );
            let mut stream = crate::harness::http::connect(server.authority()).expect("connects");
            stream.write_all(request.as_bytes()).expect("writes");
            stream
        };
        let began = Instant::now();
        // Before they are counted, while they are, and after: too short for five hashes one after the other.
        for (round, stay) in [0, 1, 3, 40].into_iter().enumerate() {
            let streams: Vec<_> = (0..5).map(|n| ask(5 * round + n)).collect();
            std::thread::sleep(Duration::from_millis(stay));
            drop(streams);
        }
        while by_password_mode(&app, &person.name, &person.password).status != 200 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let limit = Duration::from_millis(vestibule_oauth::guessing::UNDER_WAY_MS as u64 * 3 / 4);
        assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    }
}

/// A storm of clients' failures that all wait for one row does not keep people waiting.
#[test]
fn clients_failures_that_wait_in_the_database_do_not_keep_people_waiting() {
    use vestibule_oauth::guessing::Key;
    let server = Server::start(Database::Postgres, &[]);
    let (service, person) = (server.app("service"), server.person());
    let wrong = || service.token(&[("grant_type", "client_credentials"), ("client_secret", "vst_cs_wrong")]).status;
    assert_eq!(wrong(), 401, "now there is a row");
    let held = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            server.with_store(async |store| {
                const HOLD: &str = "UPDATE guesses SET updated_at = updated_at WHERE key = $1";
                let network = Key::clients_of(&[127, 0, 0, 1]);
                // Under the time after which the server gives up on a lock.
                let sleep = statement!("SELECT 1 FROM pg_sleep(4.5)");
                store.run(vec![statement!(HOLD, network.digest()), sleep]).await.expect("runs");
            });
            held.store(false, Ordering::Relaxed);
        });
        let url = server.database_url.as_deref().expect("a URL");
        let holds = "state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep%'";
        wait_until("the row is held", || postgres::count(url, holds) == 1);
        let callers: Vec<_> = (0..12).map(|_| scope.spawn(wrong)).collect();
        wait_until("clients wait for it", || postgres::count(url, "wait_event_type = 'Lock'") > 0);
        assert!(held.load(Ordering::Relaxed) && callers.iter().all(|caller| !caller.is_finished()), "nobody waits");
        let page = stranger(&server, &person.name, &person.password);
        assert!(signed_in(&server, &page, &person), "{}", page.plain());
        assert!(held.load(Ordering::Relaxed), "the person waited for the clients");
    });
}

fn each_at_once<T: Sync, R: Send>(all: &[T], call: impl Fn(&T) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let call = &call;
        let started: Vec<_> = all.iter().map(|one| scope.spawn(move || call(one))).collect();
        started.into_iter().map(|caller| caller.join().expect("a caller")).collect()
    })
}

#[test]
fn counters_of_guesses_survive_a_crash() {
    on_both_alone(|mut server| {
        let person = server.person();
        let names = [person.name.as_str(), "nobody at all"];
        let wrong = |server: &Server, name| stranger(server, name, "wrong").answer;
        let outlived = (0..5).any(|_| {
            // Until the wait is long enough for the restart to fit in; one that was too short is followed by a longer one.
            let (mut since, mut wait) = (Instant::now(), 0);
            wait_until("both wait for long", || {
                std::thread::sleep(Duration::from_millis(200));
                since = Instant::now();
                let answers = names.map(|name| wrong(&server, name));
                let seconds = |answer: &Answer| if answer.status == 429 { retry_after(answer) } else { 0 };
                wait = answers.iter().map(seconds).min().unwrap_or_default();
                wait >= 6
            });
            server.process().kill();
            server.restart();
            let pages = names.map(|name| stranger(&server, name, "wrong"));
            // Seconds are told rounded up.
            let is_in_time = since.elapsed() < Duration::from_secs(wait - 1);
            if is_in_time {
                for page in &pages {
                    page_waits(page);
                }
            }
            is_in_time
        });
        assert!(outlived, "five restarts took longer than the wait");
    });
}

#[test]
fn a_network_waits_after_five_failures_at_whatever_accounts_and_known_browsers_there_do_not() {
    let scene = |server: &Server, [known, other]: &[Person; 2], people: &[Person], [app, service]: &[App; 2]| {
        // A try that was too slow has failed as well.
        server.with_store(async |store| store.run(vec![statement!("DELETE FROM guesses")]).await.expect("runs"));
        let mut home = Visitor::new(server);
        let page = home.open(&server.at("/sign-in"));
        assert!(signed_in(server, &home.sign_in(&page, known), known));
        home.cookies.remove("vestibule-session");
        let mut since = Instant::now();
        for person in people {
            since = Instant::now();
            assert_eq!(stranger(server, &person.name, "wrong").answer.status, 422);
        }
        let page = stranger(server, &other.name, &other.password);
        let by_client = by_password_mode(app, &other.name, &other.password);
        quick(since)?;
        page_waits(&page);
        client_waits(&by_client);
        let page = home.open(&server.at("/sign-in"));
        assert!(signed_in(server, &home.sign_in(&page, known), known), "a known browser has its own budget");
        // Clients' failures are counted apart from people's, and what is right is never refused.
        let wrong = |n: usize| {
            Call::post(server.at("/oauth/token"))
                .form(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", &format!("app_{n}")),
                    ("client_secret", "x"),
                ])
                .send()
        };
        for n in 0..4 {
            wrong(n).refused(401, "invalid_client");
        }
        let since = Instant::now();
        wrong(4).refused(401, "invalid_client");
        let sixth = wrong(5);
        assert_eq!(service.token(&[("grant_type", "client_credentials")]).status, 200);
        quick(since)?;
        assert_eq!(client_waits(&sixth), 1);
        Some(())
    };
    for database in [Database::Sqlite, Database::Postgres] {
        let server = with_five_free(database);
        let (two, five) = ([(); 2].map(|()| server.person()), [(); 5].map(|()| server.person()));
        let apps = ["gitlife", "service"].map(|template| server.app(template));
        until_quick(|| scene(&server, &two, &five, &apps));
    }
}

#[test]
fn st_48_wrong_client_secrets_are_told_to_wait_and_a_right_one_never_is() {
    on_both(|server| {
        for template in ["service", "gitlife", "idaas-oauth2"] {
            until_quick(|| {
                let app = server.app(template);
                let wrong = || app.token(&[("grant_type", "client_credentials"), ("client_secret", "vst_cs_wrong")]);
                assert_eq!([(); 4].map(|()| wrong().status), [401; 4], "{template}");
                let since = Instant::now();
                let answers = [(); 5].map(|()| wrong());
                let basic = Call::post(server.at("/oauth/token")).basic(&app.client_id, "wrong");
                let basic = basic.form(&[("grant_type", "client_credentials")]).send();
                if template == "service" {
                    assert_eq!(app.token(&[("grant_type", "client_credentials")]).status, 200);
                }
                quick(since)?;
                assert_eq!(answers.each_ref().map(|answer| answer.status), [401, 429, 429, 429, 429], "{template}");
                assert_eq!(client_waits(&answers[4]), 1);
                client_waits(&basic);
                Some(())
            });
        }
        // A client that nobody has heard of waits as well.
        until_quick(|| {
            let nobody = crate::harness::unique("app_nobody");
            let unknown = || {
                let fields = [("grant_type", "client_credentials"), ("client_id", &*nobody), ("client_secret", "x")];
                Call::post(server.at("/oauth/token")).form(&fields).send().status
            };
            assert_eq!([(); 4].map(|()| unknown()), [401; 4]);
            let since = Instant::now();
            let statuses = [(); 2].map(|()| unknown());
            quick(since)?;
            assert_eq!(statuses, [401, 429]);
            Some(())
        });
    });
}

#[test]
fn fm_28_wrong_codes_and_wrong_refresh_secrets_are_told_to_wait_and_end_nothing() {
    let scene = |server: &Server| {
        let (app, person) = server.app_and_person("gitlife");
        let codes = [(); 2].map(|()| app.code(server, &person, &[]));
        let another = app.tokens(server, &person, &[]).refresh.expect("gitlife has one");
        let refresh = app.trade(&codes[0]).tokens().refresh.expect("gitlife has one");
        // Right id, other secret: the spelling is that of another token with this one's id.
        let forged = forge(&refresh, &another);
        let ask = |token: &str| app.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        for _ in 0..4 {
            app.trade("vst_ac_wrong").refused(400, "invalid_grant");
        }
        let since = Instant::now();
        app.trade("vst_ac_wrong").refused(400, "invalid_grant");
        let wrong = [app.trade("vst_ac_wrong"), ask(&forged)];
        app.trade(&codes[1]).tokens();
        assert_eq!(ask(&refresh).status, 200, "the family lives, and a right token is not refused");
        quick(since)?;
        for wrong in &wrong {
            client_waits(wrong);
        }
        Some(())
    };
    on_both(|server| until_quick(|| scene(server)));
}

/// A well-spelled token with the id of `one` and the secret of `other`.
fn forge(one: &str, other: &str) -> String {
    use vestibule_oauth::secret::{Kind, MachineSecret};
    let id = MachineSecret::parse(Kind::RefreshToken, one).expect("ours").id();
    assert!(MachineSecret::parse(Kind::RefreshToken, other).is_some());
    MachineSecret::new(Kind::RefreshToken, id, [7; 32]).spell().expose().to_owned()
}

/// How long answers took.
#[derive(Debug)]
struct Times(Vec<Duration>);

impl Times {
    /// The duration that this share of answers did not exceed.
    fn at(&mut self, share: f64) -> Duration {
        self.0.sort();
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

fn timed(call: impl FnOnce() -> Answer) -> (Answer, Duration) {
    let start = Instant::now();
    let answer = call();
    (answer, start.elapsed())
}

/// What a storm did.
struct Storm {
    /// The token endpoint's answers to a client of its own without a storm.
    idle: Times,
    windows: Vec<Window>,
    tried: usize,
    took: Duration,
}

/// A while of the storm.
struct Window {
    /// The token endpoint's answers.
    under: Times,
    /// Answers that told to come back.
    excess: Times,
}

/// Windows of a storm, and how many tokens are asked for in each.
const WINDOWS: usize = 5;
const TOKENS: usize = 60;

/// A hundred callers send wrong passwords, or what else `wrong` says, for as long as a service asks for its tokens.
fn storm(server: &Server, service: &App, wrong: impl Fn(usize) -> Answer + Sync) -> Storm {
    use std::sync::atomic::AtomicUsize;
    let began = Instant::now();
    let tokens = |count: usize| {
        let call = || timed(|| service.token(&[("grant_type", "client_credentials")]));
        let answers: Vec<_> = (0..count).map(|_| call()).collect();
        assert!(answers.iter().all(|(answer, _)| answer.status == 200));
        Times(answers.into_iter().map(|(_, time)| time).collect())
    };
    let idle = tokens(WINDOWS * TOKENS);
    let (over, next, window) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    std::thread::scope(|scope| {
        let caller = || {
            let mut got = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let (answer, time) = timed(|| wrong(next.fetch_add(1, Ordering::Relaxed)));
                let calm = answer.status == 200;
                let told = calm || matches!(answer.status, 429 | 503);
                got.push((window.load(Ordering::Relaxed), told, time));
                if told {
                    assert!(calm || retry_after(&answer) >= 1);
                    // Too early, but no busy loop: the callers have the server's processors too.
                    std::thread::sleep(Duration::from_millis(400 + got.len() as u64 % 7 * 40));
                }
            }
            got
        };
        let callers: Vec<_> = (0..100).map(|_| scope.spawn(caller)).collect();
        std::thread::sleep(Duration::from_secs(1));
        let mut measure = |n: usize| {
            window.store(n, Ordering::Relaxed);
            let under = tokens(TOKENS);
            // As long as every caller comes at least twice.
            std::thread::sleep(Duration::from_millis(1_500));
            under
        };
        let under: Vec<Times> = (0..WINDOWS).map(&mut measure).collect();
        assert_eq!(Call::get(server.at("/readyz")).send().status, 200, "ready in the storm");
        over.store(true, Ordering::Relaxed);
        let got: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect();
        let excess =
            |n: usize| got.iter().filter(|(at, told, _)| *told && *at == n).map(|(_, _, time)| *time).collect();
        let windows = under.into_iter().enumerate().map(|(n, under)| Window { under, excess: Times(excess(n)) });
        let tried = got.iter().filter(|(_, told, _)| !told).count();
        Storm { idle, windows: windows.collect(), tried, took: began.elapsed() }
    })
}

/// The most memory that the process ever had, in MiB.
fn peak_memory(server: &mut Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().id())).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// Size in CI: three storms of a hundred callers on each database: wrong passwords for one account, for as many accounts as
/// there are tries, and where a network has five tries as ever. Each has five windows, of 60 tokens and a second and a half.
/// The machine runs the callers too, and others, so what is asserted is measured against the same crowd at the same machine
/// when it asks for `/livez` only. The token endpoint's p99 in the middle window is at most three times what it is then or
/// without any crowd, whichever is more. Those who are told to come back are told so within 50 ms, or within three times what
/// that crowd waits for its answers, whichever is more: half of them in the middle window, 19 in 20 in the best one. A noisy
/// machine gets five chances at all of this for each storm, from the second on with another calm crowd. Whatever the machine
/// does, and each time: at one account and from that network no more than the budget is tried, and more than 50 are told.
#[test]
fn fm_117_fm_121_a_storm_of_wrong_passwords_is_told_to_come_back_at_once_and_tokens_are_given_meanwhile() {
    for database in [Database::Sqlite, Database::Postgres] {
        let mut server = Server::start(database, &[]);
        let before = peak_memory(&mut server);
        storms(&server);
        let memory = peak_memory(&mut server);
        eprintln!("{database:?}: at most {memory} MiB of memory, {before} before");
        assert!(memory < 256, "{memory} MiB");
    }
}

fn storms(server: &Server) {
    let (service, app, person) = (server.app("service"), server.app("gitlife"), server.person());
    let narrow = with_five_free(server.database);
    let (narrow_service, narrow_app) = (narrow.app("service"), narrow.app("gitlife"));
    let wrong = |app: &App, n: usize, chance: usize| by_password_mode(app, &format!("nobody-{n}-{chance}"), "wrong");
    let one = |_: usize| storm(server, &service, |_| by_password_mode(&app, &person.name, "wrong"));
    let many = |chance| storm(server, &service, |n| wrong(&app, n, chance));
    let network = |chance| storm(&narrow, &narrow_service, |n| wrong(&narrow_app, n, chance));
    let calm_crowd = || middle(&mut storm(server, &service, |_| Call::get(server.at("/livez")).send()));
    let all: [(&str, &dyn Fn(usize) -> Storm); 3] =
        [("one account", &one), ("many accounts", &many), ("one network", &network)];
    let mut calm = calm_crowd();
    for (of, play) in all {
        let mut seen = Vec::new();
        let is_good = (0..5).any(|chance| {
            if chance > 0 {
                calm = calm_crowd();
            }
            let mut storm = play(chance);
            // The excess never comes to the pool.
            let is_bounded = of == "many accounts" || storm.tried <= budget(5, storm.took);
            assert!(is_bounded, "{of}: {} tried in {:?}", storm.tried, storm.took);
            let (line, is_good) = told_at_once(&mut storm, calm);
            eprintln!("{:?}, {of}: {line}", server.database);
            seen.push(line);
            is_good
        });
        assert!(is_good, "{:?}, {of}: {seen:#?}", server.database);
    }
}

/// What the storm showed, in words, and whether that is good beside the figures of a calm crowd.
fn told_at_once(storm: &mut Storm, calm: [Duration; 3]) -> (String, bool) {
    let told: usize = storm.windows.iter().map(|window| window.excess.0.len()).sum();
    assert!(told > 50, "{told} were told to come back");
    let (by_window, idle) = (figures(storm), [storm.idle.at(0.5), storm.idle.at(0.99)]);
    let line = format!(
        "token p50 and p99 {idle:?} idle; in a calm crowd token p99, answers p50 and p95 {calm:?}; {} tried, {told} told to \
         come back; by window the same: {by_window:?}",
        storm.tried,
    );
    let [token, half, _] = middle(storm);
    let soon = |calm: Duration| Duration::from_millis(50).max(calm * 3);
    let is_good = token <= idle[1].max(calm[0]) * 3
        && half <= soon(calm[1])
        && by_window.iter().any(|window| window[2] <= soon(calm[2]));
    (line, is_good)
}

/// Of each window the token endpoint's p99, and of the answers that told to come back the p50 and the p95.
fn figures(storm: &mut Storm) -> Vec<[Duration; 3]> {
    let of = |window: &mut Window| [window.under.at(0.99), window.excess.at(0.5), window.excess.at(0.95)];
    storm.windows.iter_mut().map(of).collect()
}

/// The same in the middle, each figure for itself.
fn middle(storm: &mut Storm) -> [Duration; 3] {
    let figures = figures(storm);
    [0, 1, 2].map(|n| {
        let mut all: Vec<Duration> = figures.iter().map(|window| window[n]).collect();
        all.sort();
        all[all.len() / 2]
    })
}
