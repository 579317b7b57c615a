//! Real headless Chromium through chromedriver: the few commands of W3C WebDriver that the tests need.
//!
//! Both come from the system's packages. VESTIBULE_TEST_CHROMEDRIVER names the driver when it is elsewhere.

use super::http::{Call, raw};
use super::process::{Guarded, Litter};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window. One at a time: two cores carry one Chromium well and three badly.
pub struct Chromium {
    session: String,
    _profile: Litter,
    _turn: MutexGuard<'static, ()>,
}

struct Driver {
    url: String,
    _process: Guarded,
    _home: Litter,
}

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let program = std::env::var("VESTIBULE_TEST_CHROMEDRIVER").unwrap_or_else(|_| "/usr/bin/chromedriver".into());
        let home = Litter::new();
        let path = home.path.join("driver.txt");
        let file = std::fs::File::create(&path).expect("file");
        let mut command = Command::new(&program);
        command.args(["--port=0"]).stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
        let process = Guarded::spawn(&mut command);
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if let Some((_, rest)) = text.split_once("successfully on port ") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                return Driver { url: format!("http://127.0.0.1:{port}"), _process: process, _home: home };
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{program} did not start: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

impl Chromium {
    pub fn open() -> Chromium {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = Litter::new();
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1200,900",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path.display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"pageLoad": 50000, "implicit": 0},
        }}});
        let answer = command("POST", "/session", &wanted);
        let session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("no Chromium: {answer}")).to_owned();
        Chromium { session, _profile: profile, _turn: turn }
    }

    fn command(&self, method: &str, path: &str, body: Value) -> Value {
        command(method, &format!("/session/{}{path}", self.session), &body)
    }

    pub fn goto(&self, url: &str) {
        let answer = self.command("POST", "/url", json!({"url": url}));
        assert!(answer.is_null(), "{url}: {answer}");
    }

    pub fn url(&self) -> String {
        self.command("GET", "/url", Value::Null).as_str().unwrap_or_default().to_owned()
    }

    pub fn source(&self) -> String {
        self.command("GET", "/source", Value::Null).as_str().unwrap_or_default().to_owned()
    }

    pub fn back(&self) {
        self.command("POST", "/back", json!({}));
    }

    pub fn refresh(&self) {
        self.command("POST", "/refresh", json!({}));
    }

    /// The element of this id, if there is one.
    fn find(&self, id: &str) -> Option<String> {
        let found = self.command("POST", "/element", json!({"using": "css selector", "value": format!("[id='{id}']")}));
        found[ELEMENT].as_str().map(str::to_owned)
    }

    pub fn shows(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// Waits for the element of this id.
    #[track_caller]
    pub fn wait_for(&self, id: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(element) = self.find(id) {
                return element;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "no #{id} at {}: {}", self.url(), self.source());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Waits until the address starts with `start`.
    #[track_caller]
    pub fn wait_at(&self, start: &str) -> String {
        let begin = Instant::now();
        loop {
            let url = self.url();
            if url.starts_with(start) {
                return url;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "at {url}, not {start}: {}", self.source());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    #[track_caller]
    pub fn type_into(&self, id: &str, text: &str) {
        let element = self.wait_for(id);
        self.command("POST", &format!("/element/{element}/clear"), json!({}));
        let answer = self.command("POST", &format!("/element/{element}/value"), json!({"text": text}));
        assert!(answer.is_null(), "typing into #{id}: {answer}");
    }

    #[track_caller]
    pub fn click(&self, id: &str) {
        let element = self.wait_for(id);
        let answer = self.command("POST", &format!("/element/{element}/click"), json!({}));
        assert!(answer.is_null(), "clicking #{id}: {answer}");
    }

    pub fn text(&self, id: &str) -> String {
        let element = self.wait_for(id);
        self.command("GET", &format!("/element/{element}/text"), Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Presses and lets go of a key, wherever the focus is: a character, or one of WebDriver's for keys without one.
    pub fn press(&self, key: char) {
        let stroke =
            json!([{"type": "keyDown", "value": key.to_string()}, {"type": "keyUp", "value": key.to_string()}]);
        self.command("POST", "/actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": stroke}]}));
    }

    /// The id of what has the focus.
    pub fn focused(&self) -> String {
        let active = self.command("GET", "/element/active", Value::Null);
        let element = active[ELEMENT].as_str().unwrap_or_default();
        let id = self.command("GET", &format!("/element/{element}/attribute/id"), Value::Null);
        id.as_str().unwrap_or_default().to_owned()
    }

    /// Whether the box of this id is ticked.
    pub fn ticked(&self, id: &str) -> bool {
        let element = self.wait_for(id);
        self.command("GET", &format!("/element/{element}/selected"), Value::Null) == json!(true)
    }

    /// Evaluates an expression in the page. Works by the debugger, whatever the page's policy says.
    pub fn evaluate(&self, expression: &str) -> Value {
        self.command("POST", "/execute/sync", json!({"script": format!("return {expression}"), "args": []}))
    }

    /// A command of the browser's own protocol.
    pub fn cdp(&self, name: &str, parameters: Value) -> Value {
        self.command("POST", "/goog/cdp/execute", json!({"cmd": name, "params": parameters}))
    }

    /// A phone's screen.
    pub fn become_phone(&self) {
        let screen = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
        self.cdp("Emulation.setDeviceMetricsOverride", screen);
    }

    /// No page may run a script from now on.
    pub fn without_scripts(&self) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    /// Enters the frame with this index; `None` leaves all frames.
    pub fn frame(&self, index: Option<u32>) {
        self.command("POST", "/frame", json!({"id": index}));
    }

    /// What the console said since the last call: errors of policy and of scripts. A page that answers 4xx is none.
    pub fn console(&self) -> Vec<String> {
        let entries = self.command("POST", "/se/log", json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let messages = entries.iter().filter_map(|e| e["message"].as_str().map(str::to_owned));
        messages.filter(|m| !m.contains("the server responded with a status of 4")).collect()
    }

    pub fn cookies(&self) -> Vec<Value> {
        self.command("GET", "/cookie", Value::Null).as_array().cloned().unwrap_or_default()
    }

    /// The screen as a PNG picture, for a person who looks at what a test saw.
    pub fn screenshot(&self, path: &str) {
        use base64::Engine as _;
        let picture = self.command("GET", "/screenshot", Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap_or_default());
        std::fs::write(path, bytes.expect("base64")).expect("a writable path");
    }

    /// Signs in on the page that is shown.
    #[track_caller]
    pub fn sign_in(&self, name: &str, password: &str) {
        self.type_into("sign-in-name", name);
        self.type_into("sign-in-password", password);
        self.click("sign-in");
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let call = Call::new("DELETE", format!("{}/session/{}", driver().url, self.session));
        let _ = call.try_send();
    }
}

/// One WebDriver command.
fn command(method: &str, path: &str, body: &Value) -> Value {
    let authority = driver().url.strip_prefix("http://").expect("http");
    let text = if method == "GET" { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let answer = raw(authority, head.as_bytes()).unwrap_or_else(|why| panic!("chromedriver {path}: {why}"));
    answer.json()["value"].clone()
}
