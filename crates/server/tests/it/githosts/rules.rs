//! The fakes themselves keep their hosts' rules: each rule is broken once, as a client would.

use super::fake::{Asked, Fault, value};
use super::{GitHub, GitLab, Gitee, follow, parameters};
use crate::harness::{Answer, Call};

const CALLBACK: &str = "https://vestibule.example/git/landing/1";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn github() -> GitHub {
    let host = GitHub::start();
    host.register(CALLBACK);
    host
}

/// A code for a person who was sent there with this challenge.
fn github_code(host: &GitHub) -> String {
    let fields = [
        ("client_id", host.client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("scope", "read:user repo"),
        ("state", "st4te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let address = Call::get(format!("{}/login/oauth/authorize", host.url())).query(&fields);
    let back = follow(address.url());
    assert!(back.starts_with(CALLBACK), "{back}");
    assert_eq!(value(&parameters(&back), "state"), Some("st4te"));
    value(&parameters(&back), "code").expect("a code").to_owned()
}

fn github_token(host: &GitHub, fields: &[(&str, &str)]) -> Answer {
    let id = [("client_id", host.client_id.as_str()), ("client_secret", host.client_secret.as_str())];
    let fields: Vec<(&str, &str)> = id
        .into_iter()
        .filter(|(name, _)| !fields.iter().any(|(n, _)| n == name))
        .chain(fields.iter().copied())
        .collect();
    let call = Call::post(format!("{}/login/oauth/access_token", host.url())).header("User-Agent", "a test");
    call.header("Accept", "application/json").form(&fields).send()
}

#[test]
fn githubs_token_endpoint_says_no_with_200_and_takes_a_code_once() {
    let host = github();
    let error = |fields: &[(&str, &str)]| {
        let answer = github_token(&host, fields);
        assert_eq!(answer.status, 200);
        answer.json()["error"].as_str().unwrap_or_default().to_owned()
    };
    let code = github_code(&host);
    assert_eq!(error(&[("client_secret", "no"), ("code", &code)]), "incorrect_client_credentials");
    assert_eq!(error(&[("code", "no")]), "bad_verification_code");
    assert_eq!(error(&[("code", &code), ("redirect_uri", "https://else.example/")]), "redirect_uri_mismatch");
    assert_eq!(error(&[("code", &code), ("code_verifier", "wrong")]), "bad_verification_code");
    assert_eq!(error(&[("code", &github_code(&host))]), "bad_verification_code", "without its verifier");
    let code = github_code(&host);
    let fields = [("code", code.as_str()), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
    let answer = github_token(&host, &fields).json();
    assert_eq!((answer["token_type"].as_str(), answer["scope"].as_str()), (Some("bearer"), Some("read:user,repo")));
    assert!(answer["expires_in"].is_null() && answer["refresh_token"].is_null(), "{answer}");
    assert!(host.is_alive(answer["access_token"].as_str().unwrap()));
    assert_eq!(error(&fields), "bad_verification_code", "once");
    let late = github_code(&host);
    host.clock.advance(601);
    assert_eq!(error(&[("code", &late), ("code_verifier", VERIFIER)]), "bad_verification_code", "ten minutes");
    let unknown = github_token(&host, &[("client_id", "no")]);
    assert_eq!(unknown.status, 404);
}

#[test]
fn github_answers_in_form_encoding_to_whoever_asks_for_nothing_else() {
    let host = github();
    let code = github_code(&host);
    let fields = [
        ("client_id", host.client_id.as_str()),
        ("client_secret", host.client_secret.as_str()),
        ("code", &code),
        ("code_verifier", VERIFIER),
    ];
    let call = Call::post(format!("{}/login/oauth/access_token", host.url())).form(&fields);
    assert_eq!(call.clone().send().status, 403, "without a User-Agent");
    let answer = call.header("User-Agent", "a test").send();
    assert_eq!(answer.header("content-type"), Some("application/x-www-form-urlencoded; charset=utf-8"));
    let fields: Vec<(String, String)> = form_urlencoded::parse(&answer.body).into_owned().collect();
    assert!(host.is_alive(value(&fields, "access_token").unwrap()), "{fields:?}");
}

#[test]
fn github_keeps_ten_tokens_of_one_person_and_may_give_a_live_one_again() {
    let host = github();
    let token = || {
        let code = github_code(&host);
        let answer = github_token(&host, &[("code", &code), ("code_verifier", VERIFIER)]).json();
        answer["access_token"].as_str().expect("a token").to_owned()
    };
    let tokens: Vec<String> = (0..11).map(|_| token()).collect();
    assert!(!host.is_alive(&tokens[0]) && tokens[1..].iter().all(|token| host.is_alive(token)));
    host.gives_the_same_again();
    assert_eq!(token(), tokens[1], "the oldest that is alive");
    host.revoke_all();
    let fresh = token();
    assert!(!tokens.contains(&fresh) && host.is_alive(&fresh));
}

#[test]
fn githubs_tokens_end_and_rotate_only_where_that_is_switched_on() {
    let host = github();
    host.tokens_end();
    let code = github_code(&host);
    let pair = github_token(&host, &[("code", &code), ("code_verifier", VERIFIER)]).json();
    assert_eq!(pair["expires_in"], 28_800);
    let (access, refresh) = (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    host.clock.advance(28_801);
    assert!(!host.is_alive(access) && host.is_alive(refresh));
    let renew = || github_token(&host, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).json();
    let next = renew();
    assert!(host.is_alive(next["access_token"].as_str().unwrap()) && !host.is_alive(refresh), "{next}");
    assert_eq!(renew()["error"], "bad_refresh_token", "it rotates");
}

#[test]
fn githubs_api_knows_whose_a_token_is_and_ends_it_for_its_application() {
    let host = github();
    let me = |token: &str| {
        let call = Call::get(format!("{}/api/v3/user", host.url())).header("User-Agent", "a test");
        if token.is_empty() { call.send() } else { call.bearer(token).send() }
    };
    assert_eq!(me("").status, 401);
    assert_eq!(me("ghp_no").json()["message"], "Bad credentials");
    let classic = me(&host.classic_token(&["repo"], None));
    assert_eq!((classic.json()["login"].as_str(), classic.header("x-oauth-scopes")), (Some("octocat"), Some("repo")));
    let fine = host.fine_grained_token(host.clock.now() + 60);
    let answer = me(&fine);
    assert!(answer.header("x-oauth-scopes").is_none());
    assert!(answer.header("github-authentication-token-expiration").is_some_and(|end| end.ends_with(" UTC")));
    host.clock.advance(61);
    assert_eq!(me(&fine).status, 401);

    let code = github_code(&host);
    let token = github_token(&host, &[("code", &code), ("code_verifier", VERIFIER)]).json()["access_token"].clone();
    let end = |secret: &str| {
        let address = format!("{}/api/v3/applications/{}/token", host.url(), host.client_id);
        let call = Call::new("DELETE", address).header("User-Agent", "a test").basic(&host.client_id, secret);
        call.json(&serde_json::json!({ "access_token": token })).send().status
    };
    assert_eq!(end("no"), 401);
    assert!(host.is_alive(token.as_str().unwrap()));
    assert_eq!(end(&host.client_secret), 204);
    assert!(!host.is_alive(token.as_str().unwrap()));
    assert_eq!(me(token.as_str().unwrap()).status, 401);
    assert_eq!(end(&host.client_secret), 422);
}

#[test]
fn github_sends_a_code_nowhere_but_below_the_registered_address() {
    let host = github();
    for wanted in
        ["https://evil.example/", "https://vestibule.example/git/landing/12", "http://vestibule.example/git/landing/1"]
    {
        let fields = [("client_id", host.client_id.as_str()), ("redirect_uri", wanted), ("state", "s")];
        let back = follow(Call::get(format!("{}/login/oauth/authorize", host.url())).query(&fields).url());
        assert!(back.starts_with(CALLBACK) && !back.contains("code="), "{back}");
        assert_eq!(value(&parameters(&back), "error"), Some("redirect_uri_mismatch"));
    }
}

#[test]
fn gitee_wants_the_secret_among_the_parameters_and_says_401_to_all_that_is_wrong() {
    let host = Gitee::start();
    host.register(CALLBACK);
    let code = || {
        let fields = [
            ("client_id", host.client_id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "user_info projects"),
            ("state", "st4te"),
        ];
        let back = follow(Call::get(format!("{}/oauth/authorize", host.url())).query(&fields).url());
        value(&parameters(&back), "code").expect("a code").to_owned()
    };
    let token = |fields: &[(&str, &str)]| {
        let call = Call::post(format!("{}/oauth/token", host.url())).header("User-Agent", "a test");
        call.form(fields).send()
    };
    let id = [("client_id", host.client_id.as_str()), ("client_secret", host.client_secret.as_str())];
    let grant = |code: &str| {
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let refused = |fields: &[(&str, &str)]| {
        let answer = token(fields);
        assert_eq!(answer.status, 401);
        answer.json()["error"].as_str().unwrap_or_default().to_owned()
    };
    let with = |code: &str, more: &[(&str, &str)]| {
        let fields: Vec<(String, String)> =
            grant(code).into_iter().chain(more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))).collect();
        fields
    };
    let borrow = |fields: &[(String, String)]| fields.iter().map(|(n, v)| (n.clone(), v.clone())).collect::<Vec<_>>();
    let call = |fields: Vec<(String, String)>| {
        let fields = borrow(&fields);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        token(&fields)
    };
    // Basic credentials are not looked at.
    let code1 = code();
    let fields = with(&code1, &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let basic = Call::post(format!("{}/oauth/token", host.url())).header("User-Agent", "a test");
    let basic = basic.basic(&host.client_id, &host.client_secret).form(&fields).send();
    assert_eq!((basic.status, basic.json()["error"].as_str()), (401, Some("invalid_client")));
    let pair = call(with(&code1, &id));
    assert_eq!(pair.status, 200);
    assert_eq!(call(with(&code1, &id)).status, 401, "once");
    let pair = pair.json();
    assert_eq!((pair["expires_in"].as_i64(), pair["scope"].as_str()), (Some(86_400), Some("user_info projects")));
    let (access, refresh) = (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    host.clock.advance(86_401);
    let me = Call::get(format!("{}/api/v5/user", host.url())).header("User-Agent", "a test").bearer(access).send();
    assert_eq!(me.json()["message"], "401 Unauthorized: Access token is expired");
    // The refresh token alone, and once.
    assert_eq!(token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).status, 200);
    assert_eq!(refused(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]), "invalid_grant");
    assert_eq!(refused(&[id[0], id[1], ("grant_type", "password"), ("username", "cat@example.com")]), "invalid_grant");
    let late = code();
    host.clock.advance(601);
    assert_eq!(call(with(&late, &id)).status, 401);
    let bare = Call::post(format!("{}/oauth/token", host.url())).form(&[("grant_type", "refresh_token")]).send();
    assert_eq!(bare.status, 403, "without a User-Agent");
    let elsewhere =
        [("client_id", host.client_id.as_str()), ("redirect_uri", "https://evil.example/"), ("response_type", "code")];
    let page =
        Call::get(format!("{}/oauth/authorize", host.url())).header("User-Agent", "a test").query(&elsewhere).send();
    assert_eq!((page.status, page.header("location")), (401, None));
}

#[test]
fn a_fake_misbehaves_when_it_is_told_to_and_writes_everything_down() {
    let host = github();
    let me = || Call::get(format!("{}/api/v3/user", host.url())).header("User-Agent", "a test").try_send();
    for (fault, status) in [
        (Fault::DropBefore, None),
        (Fault::DropAfter, None),
        (Fault::Status(502), Some(502)),
        (Fault::Redirect(307, "http://127.0.0.1:9/".into()), Some(307)),
        (Fault::Nonsense, Some(200)),
    ] {
        host.fails("GET /api/v3/user", fault.clone(), 1);
        assert_eq!(me().ok().map(|answer| answer.status), status, "{fault:?}");
        assert_eq!(me().unwrap().status, 401, "once");
    }
    assert_eq!(host.count("GET /api/v3/user"), 10);
    assert!(host.log().iter().all(|asked: &Asked| asked.header("user-agent") == "a test"));
    host.forget();
    assert!(host.log().is_empty());
}

#[test]
fn a_person_is_asked_where_they_were_not_before_and_can_end_what_they_gave() {
    let (hub, tee) = (github(), Gitee::start());
    tee.register(CALLBACK);
    hub.asks();
    tee.asks();
    for (url, path, client_id, yes, no) in [
        (hub.url(), "/login/oauth/authorize", &hub.client_id, ("authorize", "1"), ("authorize", "0")),
        (tee.url(), "/oauth/authorize", &tee.client_id, ("decision", "allow"), ("decision", "deny")),
    ] {
        let address = format!("{url}{path}");
        let fields = [
            ("client_id", client_id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "st4te"),
        ];
        let page = Call::get(&address).header("User-Agent", "a browser").query(&fields).send();
        assert_eq!((page.status, page.header("location")), (200, None), "a page comes first");
        let decide = |decision| {
            let fields = [&fields[..], &[decision]].concat();
            let answer = Call::post(&address).header("User-Agent", "a browser").form(&fields).send();
            parameters(answer.header("location").expect("a way back"))
        };
        assert_eq!(value(&decide(no), "error"), Some("access_denied"));
        let back = decide(yes);
        assert!(value(&back, "code").is_some() && value(&back, "state") == Some("st4te"), "{back:?}");
    }
    let (one, other) = (hub.token_for_app(), tee.personal_token(&["user_info"], None));
    assert!(hub.is_alive(&one) && tee.is_alive(&other));
    hub.revoke_all();
    tee.revoke_all();
    assert!(!hub.is_alive(&one) && !tee.is_alive(&other));
}

fn gitlab_code(host: &GitLab) -> String {
    let fields = [
        ("client_id", host.client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "api"),
        ("state", "st4te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let address = Call::get(format!("{}/oauth/authorize", host.url())).query(&fields);
    let back = follow(address.url());
    assert!(back.starts_with(CALLBACK), "{back}");
    value(&parameters(&back), "code").expect("a code").to_owned()
}

fn gitlab_post(host: &GitLab, what: &str, fields: &[(&str, &str)]) -> Answer {
    let id = [("client_id", host.client_id.as_str()), ("client_secret", host.client_secret.as_str())];
    let fields: Vec<(&str, &str)> = id.into_iter().chain(fields.iter().copied()).collect();
    Call::post(format!("{}/oauth/{what}", host.url())).form(&fields).send()
}

fn gitlab_pair(host: &GitLab) -> (String, String) {
    let code = gitlab_code(host);
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let without = gitlab_post(host, "token", &fields);
    assert_eq!((without.status, &without.json()["error"]), (400, &"invalid_grant".into()), "without its verifier");
    let code = gitlab_code(host);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = gitlab_post(host, "token", &fields).json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &7200.into()), "{answer}");
    assert_eq!(gitlab_post(host, "token", &fields).status, 400, "once");
    let text = |name: &str| answer[name].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

#[test]
fn gitlabs_pairs_live_two_hours_and_the_old_one_dies_at_once_with_a_refresh() {
    let host = GitLab::below("/gitlab");
    host.register(CALLBACK);
    let user = |token: &str| {
        Call::get(format!("{}/api/v4/user", host.url())).header("Authorization", format!("Bearer {token}")).send()
    };
    let (access, refresh) = gitlab_pair(&host);
    assert_eq!((user(&access).status, host.alive()), (200, 1));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let next = gitlab_post(&host, "token", &fields).json();
    assert_eq!(user(&access).json()["error"], "invalid_token");
    let again = gitlab_post(&host, "token", &fields);
    assert_eq!((again.status, &again.json()["error"]), (400, &"invalid_grant".into()));
    let access = next["access_token"].as_str().expect("a token").to_owned();
    assert_eq!((user(&access).status, host.alive()), (200, 1));
    host.clock.advance(7201);
    assert_eq!(user(&access).status, 401);
    // An access token that has expired is "ended" with 200, and its refresh token lives on.
    let refresh = next["refresh_token"].as_str().expect("a token");
    assert_eq!(gitlab_post(&host, "revoke", &[("token", &access)]).status, 200);
    assert!(host.is_alive(refresh));
    assert_eq!(gitlab_post(&host, "revoke", &[("token", refresh)]).status, 200);
    assert!(!host.is_alive(refresh));
    let wrong = Call::post(format!("{}/oauth/token", host.url())).form(&[("client_id", "no")]).send();
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &"invalid_client".into()));
}

#[test]
fn gitlabs_personal_tokens_tell_of_themselves_and_oauth_tokens_tell_at_another_address() {
    let host = GitLab::start();
    host.register(CALLBACK);
    let get = |what: &str, token: &str| {
        Call::get(format!("{}{what}", host.url())).header("Authorization", format!("Bearer {token}")).send()
    };
    let (access, _) = gitlab_pair(&host);
    let midnight = 1_830_297_600;
    let personal = host.personal_token(&["api"], midnight);
    let told = get("/api/v4/personal_access_tokens/self", &personal).json();
    assert_eq!((&told["active"], &told["expires_at"]), (&true.into(), &"2028-01-01".into()), "{told}");
    assert_eq!(get("/api/v4/personal_access_tokens/self", &access).status, 400);
    assert_eq!(get("/oauth/token/info", &access).json()["scope"], serde_json::json!(["api"]));
    let narrow = host.personal_token(&["read_repository"], midnight);
    let denied = get("/api/v4/user", &narrow);
    assert_eq!((denied.status, &denied.json()["error"]), (403, &"insufficient_scope".into()));
    host.clock.advance(2 * 366 * 86_400);
    assert_eq!(get("/api/v4/user", &personal).status, 401);
}
