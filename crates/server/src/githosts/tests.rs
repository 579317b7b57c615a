//! Conversations over real connections: what is sent twice, what never is, and what is said when nothing came back.

use super::*;
use crate::outbound::allowed::AllowedHost;
use crate::outbound::tests::nobody;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vestibule_githost::address::Base;
use vestibule_githost::refusal::Why as No;
use vestibule_githost::secret::Secret;
use vestibule_githost::wire::Fields;

/// A machine that plays one act after the other, a connection each, and keeps what it heard. The last act stays.
struct Machine {
    base: Base,
    heard: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Act {
    Answer(String),
    /// Reads the request and closes.
    Hang,
    /// Reads the request and says nothing.
    Silence,
}

impl Machine {
    async fn playing(acts: Vec<Act>) -> Machine {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Base::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let at = log.lock().unwrap().len();
                let act = acts[at.min(acts.len() - 1)].clone();
                let mut piece = [0; 16 * 1024];
                let read = stream.read(&mut piece).await.unwrap_or(0);
                log.lock().unwrap().push(String::from_utf8_lossy(&piece[..read]).into_owned());
                match act {
                    Act::Answer(text) => drop(stream.write_all(text.as_bytes()).await),
                    Act::Hang => {}
                    Act::Silence => drop(tokio::spawn(async move {
                        let _ = stream.read(&mut piece).await;
                    })),
                }
            }
        });
        Machine { base, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn ask(&self, method: wire::Method) -> Step<u16> {
        self.ask_at_most(method, 1000)
    }

    fn ask_at_most(&self, method: wire::Method, bytes: usize) -> Step<u16> {
        let request = wire::Request::new(method, self.base.at().fixed("x")).bearer(&Secret::new("T0KEN"));
        let request = match method {
            wire::Method::Get | wire::Method::Head => request,
            _ => request.json(Fields::new().secret("access_token", &Secret::new("B0DY"))),
        };
        Step::ask(request.reply_limit(bytes), |reply, _| Ok(reply.status()))
    }

    async fn converse<T: Send + 'static>(&self, step: Step<T>) -> Result<T, Refusal> {
        self.converse_within(BOUNDS, step).await
    }

    async fn converse_within<T: Send + 'static>(&self, bounds: Bounds, step: Step<T>) -> Result<T, Refusal> {
        let own = format!("{}:{}", self.base.host(), self.base.port().unwrap());
        let outbound = Outbound::new(vec![AllowedHost::parse(&own).unwrap()], Vec::new()).unwrap();
        converse_within(bounds, None, &outbound, &Clock::system(), step).await
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

const METHODS: [wire::Method; 5] =
    [wire::Method::Get, wire::Method::Head, wire::Method::Post, wire::Method::Put, wire::Method::Delete];

#[tokio::test]
async fn what_the_rulebook_wants_sent_is_what_arrives() {
    let machine = Machine::playing(vec![answer("200 OK", "", "{}")]).await;
    for method in METHODS {
        assert_eq!(machine.converse(machine.ask(method)).await.unwrap(), 200);
        let heard = machine.heard().pop().unwrap();
        assert!(heard.starts_with(&format!("{} /x HTTP/1.1\r\n", method.name())), "{heard}");
        let lower = heard.to_lowercase();
        assert!(lower.contains("\r\nauthorization: bearer t0ken\r\n"), "{heard}");
        assert_eq!(lower.matches("\r\nuser-agent: ").count(), 1, "{heard}");
        assert_eq!(heard.ends_with("{\"access_token\":\"B0DY\"}"), !matches!(method.name(), "GET" | "HEAD"), "{heard}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more_only_where_that_does_nothing_twice() {
    for method in METHODS {
        let machine = Machine::playing(vec![Act::Hang, answer("200 OK", "", "")]).await;
        let outcome = machine.converse(machine.ask(method)).await;
        let repeats = matches!(method, wire::Method::Get | wire::Method::Head);
        assert_eq!(machine.heard().len(), if repeats { 2 } else { 1 }, "{method:?}");
        match repeats {
            true => assert_eq!(outcome.unwrap(), 200),
            false => assert_eq!(outcome.unwrap_err().why, No::HostBroken { retry_after: None }, "{method:?}"),
        }
    }
    let machine = Machine::playing(vec![Act::Hang]).await;
    assert!(machine.converse(machine.ask(wire::Method::Get)).await.is_err());
    assert_eq!(machine.heard().len(), 2, "once more, and not for ever");
}

#[tokio::test]
async fn fm_87_fm_91_a_reply_that_leads_elsewhere_is_a_reply_and_nobody_goes_there() {
    let inside = Machine::playing(vec![answer("200 OK", "", "")]).await;
    for (status, method) in
        [301, 302, 303, 307, 308].into_iter().flat_map(|status| METHODS.map(|method| (status, method)))
    {
        let location = format!("Location: {}/x\r\n", inside.base.as_str());
        let machine = Machine::playing(vec![answer(&format!("{status} There"), &location, "")]).await;
        assert_eq!(machine.converse(machine.ask(method)).await.unwrap(), status);
        assert_eq!(machine.heard().len(), 1);
    }
    assert!(inside.heard().is_empty());
}

#[tokio::test]
async fn fm_90_nothing_that_a_host_says_instead_of_a_reply_is_told() {
    const SAYS: &str = "root:x:0:0";
    let oversized = answer("200 OK", "", &SAYS.repeat(200));
    let no_http = Act::Answer(format!("220 {SAYS} ESMTP\r\n"));
    let cut = Act::Answer(format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{SAYS}"));
    for act in [oversized, no_http, cut] {
        let machine = Machine::playing(vec![act]).await;
        let refusal = machine.converse(machine.ask(wire::Method::Post)).await.unwrap_err();
        assert_eq!(refusal.why, No::HostBroken { retry_after: None });
        assert!(!refusal.reason.contains("root"), "{refusal:?}");
        assert!(!refusal.is_definite() && !refusal.condemns_the_token());
    }
    let machine = Machine::playing(vec![answer("200 OK", "", &SAYS.repeat(200))]).await;
    let file = wire::Request::new(wire::Method::Get, machine.base.at()).file_limit(1000);
    let refusal = machine.converse(Step::ask(file, |_, _| Ok(()))).await.unwrap_err();
    assert_eq!(refusal.why, No::TooLarge, "a file that is too large is no fault of the host");
}

#[tokio::test]
async fn fm_86_fm_90_whatever_is_wrong_with_the_way_there_the_words_are_the_same_and_nothing_arrives() {
    let machine = Machine::playing(vec![answer("200 OK", "", "")]).await;
    let outbound = Outbound::new(Vec::new(), Vec::new()).unwrap();
    let port = machine.base.port().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut reasons = Vec::new();
    for base in [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        format!("https://127.0.0.1:{free}"),
        "https://169.254.169.254".to_owned(),
        "https://no-such-name.invalid".to_owned(),
    ] {
        let request = wire::Request::new(wire::Method::Post, Base::parse(&base).unwrap().at());
        let step = Step::ask(request, |reply, _| Ok(reply.status()));
        let refusal = converse(&outbound, &Clock::system(), step).await.unwrap_err();
        assert_eq!(refusal.why, No::Unreachable, "{base}");
        assert!(refusal.is_definite() && !refusal.condemns_the_token());
        reasons.push(refusal.reason);
    }
    reasons.dedup();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(machine.heard().is_empty());
}

#[tokio::test]
async fn once_something_was_changed_there_a_host_that_cannot_be_reached_leaves_it_unknown() {
    let machine = Machine::playing(vec![answer("200 OK", "", "")]).await;
    let (gone, _nobodys) = nobody();
    let gone = Base::parse(&format!("http://{gone}")).unwrap();
    for (first, why) in
        [(wire::Method::Post, No::HostBroken { retry_after: None }), (wire::Method::Get, No::Unreachable)]
    {
        let next = wire::Request::new(wire::Method::Get, gone.at());
        let step = machine.ask(first).then(|_| Step::ask(next, |reply, _| Ok(reply.status())));
        assert_eq!(machine.converse(step).await.unwrap_err().why, why);
    }
}

#[tokio::test]
async fn a_host_that_is_slow_is_not_waited_for_and_not_asked_again() {
    let machine = Machine::playing(vec![Act::Silence]).await;
    let bounds = Bounds { request: Duration::from_secs(2), ..BOUNDS };
    let refusal = machine.converse_within(bounds, machine.ask(wire::Method::Get)).await.unwrap_err();
    assert_eq!((refusal.why, machine.heard().len()), (No::HostBroken { retry_after: None }, 1));
    assert!(refusal.reason.contains("in time"), "{}", refusal.reason);
}

#[tokio::test]
async fn a_listing_that_there_is_no_time_to_end_is_cut_and_says_so() {
    let page = |n: u32| answer("200 OK", "Link: <x>; rel=\"next\"\r\n", &format!("[{{\"name\":\"b{n}\"}}]"));
    let kind = vestibule_githost::registry::find("github").unwrap();
    let listed = async |acts: Vec<Act>, bounds: Bounds| {
        let machine = Machine::playing(acts).await;
        let site = Arc::new(kind.site(machine.base.clone()));
        let visit = vestibule_githost::site::Visit { site, token: Secret::new("T0KEN") };
        let namespace = vestibule_githost::names::Namespace::parse("a").unwrap();
        let project = vestibule_githost::names::Project::parse("b").unwrap();
        let step = kind.branches(&visit, &vestibule_githost::host::Place { namespace, project });
        machine.converse_within(bounds, step).await
    };
    let pages: Vec<Act> = (0..3).map(page).collect();
    let listing = listed(pages.clone(), Bounds { requests: 2, ..BOUNDS }).await.unwrap();
    assert_eq!((listing.items.len(), listing.is_cut), (2, true));
    let slow = pages.into_iter().chain([Act::Silence]).collect::<Vec<_>>();
    let listing = listed(slow, Bounds { whole: 3000, ..BOUNDS }).await.unwrap();
    assert_eq!((listing.items.len(), listing.is_cut), (3, true));
    // Without a page there is no list.
    let refusal = listed(vec![Act::Silence], Bounds { whole: 2000, ..BOUNDS }).await.unwrap_err();
    assert_eq!(refusal.why, No::HostBroken { retry_after: None });
}

#[tokio::test]
async fn a_conversation_without_end_is_ended() {
    fn again(base: Base) -> Step<()> {
        let request = wire::Request::new(wire::Method::Get, base.at());
        Step::ask_on(request, move |_, _| again(base))
    }
    let machine = Machine::playing(vec![answer("200 OK", "", "")]).await;
    let bounds = Bounds { requests: 7, ..BOUNDS };
    let refusal = machine.converse_within(bounds, again(machine.base.clone())).await.unwrap_err();
    assert_eq!((refusal.why, machine.heard().len()), (No::Unreachable, 7));
    // By time: the host answers at once, and there is always something more to ask.
    let bounds = Bounds { whole: 3000, requests: u32::MAX, ..BOUNDS };
    let refusal = machine.converse_within(bounds, again(machine.base.clone())).await.unwrap_err();
    assert!(matches!(refusal.why, No::Unreachable | No::HostBroken { .. }), "{refusal:?}");
    assert!(machine.heard().len() > 7);
}

#[tokio::test]
async fn what_there_was_no_time_left_for_before_it_was_sent_was_not_done() {
    // A host that takes connections and makes no handshake: by the end of the conversation nothing was sent.
    let machine = Machine::playing(vec![Act::Silence]).await;
    let own = format!("{}:{}", machine.base.host(), machine.base.port().unwrap());
    let outbound = Outbound::new(vec![AllowedHost::parse(&own).unwrap()], Vec::new()).unwrap();
    let base = Base::parse(&format!("https://{own}")).unwrap();
    let step = || {
        let request = wire::Request::new(wire::Method::Post, base.at());
        Step::ask(request, |reply, _| Ok(reply.status()))
    };
    let short = Bounds { whole: 2000, ..BOUNDS };
    let refusal = converse_within(short, None, &outbound, &Clock::system(), step()).await.unwrap_err();
    assert_eq!(refusal.why, No::Unreachable);
    assert!(refusal.is_definite() && machine.heard().len() == 1, "{refusal:?}");
    // What was sent is another matter.
    let refusal = machine.converse_within(short, machine.ask(wire::Method::Post)).await.unwrap_err();
    assert_eq!(refusal.why, No::HostBroken { retry_after: None });
}

#[tokio::test]
async fn whoever_finds_no_turn_from_here_is_told_that_it_is_ours_and_not_that_the_host_asks_for_patience() {
    let machine = Arc::new(Machine::playing(vec![Act::Silence]).await);
    let own = format!("{}:{}", machine.base.host(), machine.base.port().unwrap());
    let outbound = Arc::new(Outbound::new(vec![AllowedHost::parse(&own).unwrap()], Vec::new()).unwrap());
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (outbound, step) = (outbound.clone(), machine.ask(wire::Method::Get));
        crowd.spawn(async move { converse(&outbound, &Clock::system(), step).await });
    }
    while machine.heard().len() < 16 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Its patience is over, or all of its time.
    for bounds in [
        Bounds { patience: Duration::from_millis(50), ..BOUNDS },
        Bounds { patience: Duration::from_secs(20), whole: 200, ..BOUNDS },
    ] {
        let step = machine.ask(wire::Method::Post);
        let refusal = converse_within(bounds, None, &outbound, &Clock::system(), step).await.unwrap_err();
        assert_eq!(refusal.why, No::Crowded { retry_after: COME_AGAIN_MS });
        assert!(refusal.is_definite() && !refusal.condemns_the_token());
    }
    assert_eq!(machine.heard().len(), 16);
}

#[tokio::test]
async fn after_its_moment_nothing_is_sent_though_the_way_there_is_open() {
    let machine = Machine::playing(vec![answer("200 OK", "", "")]).await;
    let own = format!("{}:{}", machine.base.host(), machine.base.port().unwrap());
    let outbound = Outbound::new(vec![AllowedHost::parse(&own).unwrap()], Vec::new()).unwrap();
    let clock = Clock::system();
    let ask = async |ms| converse_for_tokens(&outbound, &clock, clock.until(ms), machine.ask(wire::Method::Post)).await;
    let refusal = ask(0).await.unwrap_err();
    assert_eq!((refusal.why, machine.heard().join("")), (No::Unreachable, String::new()), "connected, and no more");
    assert_eq!(ask(10_000).await.unwrap(), 200);
}
