//! The dispatch over grants: switches, missing parameters, scopes.

use crate::sample::{authed, authed_by_refresh_token, client, form, scope, told, with};
use vestibule_oauth::grant::{self, Ask, Kind};
use vestibule_oauth::refusal::Code;
use vestibule_oauth::template::{Switch, Template, Wire};

const GRANT_SWITCHES: [(Kind, Switch); 4] = [
    (Kind::AuthorizationCode, Switch::CodeGrant),
    (Kind::RefreshToken, Switch::RefreshGrant),
    (Kind::Password, Switch::PasswordGrant),
    (Kind::ClientCredentials, Switch::ClientCredentialsGrant),
];

/// A good request of each grant.
fn request(kind: Kind) -> String {
    let rest = match kind {
        Kind::AuthorizationCode => "code=abc",
        Kind::RefreshToken => "refresh_token=abc",
        Kind::Password => "username=ada&password=secret",
        Kind::ClientCredentials => "scope=api",
    };
    format!("grant_type={}&{rest}", kind.name())
}

/// A client with no grant switched on, but with a scope for machines.
fn bare(template: Template) -> vestibule_oauth::client::Client {
    let mut client = client(template);
    client.scopes = scope("api openid");
    for switch in [Switch::RefreshAlways, Switch::RefreshWithoutClient].into_iter().chain(GRANT_SWITCHES.map(|g| g.1)) {
        client = with(client, switch, false);
    }
    client
}

#[test]
fn kinds_have_the_names_of_the_standard() {
    let names = ["authorization_code", "refresh_token", "password", "client_credentials"];
    assert_eq!(Kind::ALL.map(Kind::name), names);
    assert_eq!(Kind::ALL.map(|kind| Kind::parse(kind.name())), Kind::ALL.map(Some));
    assert_eq!(Kind::parse("implicit"), None);
}

#[test]
fn st_24_st_51_each_grant_is_open_to_a_client_only_by_its_own_switch() {
    for (kind, own) in GRANT_SWITCHES {
        for (_, switch) in GRANT_SWITCHES {
            let client = authed(with(bare(Template::Web), switch, true));
            let read = grant::read(&client, &form(&request(kind)));
            if switch == own {
                assert!(read.is_ok(), "{kind:?}");
            } else {
                assert_eq!(read.unwrap_err().code, Code::UnauthorizedClient, "{kind:?} by {switch:?}");
            }
        }
    }
    assert!(Kind::RefreshToken.allowed(&with(bare(Template::Web), Switch::RefreshAlways, true)));
}

#[test]
fn st_50_fm_70_what_stands_on_the_clients_word_alone_is_closed_to_public_clients() {
    for (kind, switch) in GRANT_SWITCHES {
        let public = with(bare(Template::Spa), switch, true);
        let open = matches!(kind, Kind::AuthorizationCode | Kind::RefreshToken);
        assert_eq!(kind.allowed(&public), open, "{kind:?}");
        assert!(kind.allowed(&with(bare(Template::Web), switch, true)), "{kind:?}");
    }
}

#[test]
fn st_51_an_unknown_grant_is_unsupported_and_a_missing_one_an_invalid_request() {
    let client = authed(client(Template::Gitlife));
    let refusal = grant::read(&client, &form("grant_type=implicit")).unwrap_err();
    assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::UnsupportedGrantType, 400, Wire::Gitlife));
    for missing in ["", "grant_type="] {
        let refusal = grant::read(&client, &form(missing)).unwrap_err();
        assert_eq!((refusal.code, refusal.wire), (Code::InvalidRequest, Wire::Gitlife));
        assert!(refusal.description().contains("grant_type"));
    }
}

#[test]
fn fm_70_a_refresh_token_stands_for_its_client_only_to_be_refreshed() {
    let mut gitlife = client(Template::Gitlife);
    gitlife.scopes = scope("api user_info");
    let client = authed_by_refresh_token(with(gitlife, Switch::ClientCredentialsGrant, true));
    assert!(grant::read(&client, &form(&request(Kind::RefreshToken))).is_ok());
    for kind in [Kind::AuthorizationCode, Kind::Password, Kind::ClientCredentials] {
        let refusal = grant::read(&client, &form(&request(kind))).unwrap_err();
        assert_eq!((refusal.code, refusal.status()), (Code::InvalidClient, 401), "{kind:?}");
    }
}

#[test]
fn each_grant_reads_its_own_parameters() {
    let mut gitlife = client(Template::Gitlife);
    gitlife.scopes = scope("user_info emails api");
    let client = authed(with(gitlife, Switch::ClientCredentialsGrant, true));
    let read = |text: &str| grant::read(&client, &form(text)).unwrap();

    let Ask::AuthorizationCode(ask) =
        read("grant_type=authorization_code&code=c&redirect_uri=https://a.example/cb&code_verifier=v")
    else {
        panic!("another grant")
    };
    assert_eq!((ask.code.expose(), ask.redirect_uri.as_deref()), ("c", Some("https://a.example/cb")));
    assert_eq!(ask.verifier.unwrap().expose(), "v");

    let Ask::AuthorizationCode(ask) = read("grant_type=authorization_code&code=c&redirect_uri=&code_verifier=") else {
        panic!("another grant")
    };
    assert!(ask.redirect_uri.is_none() && ask.verifier.is_none());

    let Ask::RefreshToken(ask) = read("grant_type=refresh_token&refresh_token=r&scope=emails") else {
        panic!("another grant")
    };
    assert_eq!((ask.refresh_token.expose(), ask.scope), ("r", Some(scope("emails"))));

    let Ask::Password(ask) = read("grant_type=password&username=ada&password=p%20w&scope=emails") else {
        panic!("another grant")
    };
    assert_eq!((ask.username.as_str(), ask.password.expose(), ask.scope), ("ada", "p w", scope("emails")));

    let Ask::ClientCredentials(ask) = read("grant_type=client_credentials&scope=api") else { panic!("another grant") };
    assert_eq!(ask.scope, scope("api"));
}

#[test]
fn a_missing_parameter_is_named() {
    let client = authed(client(Template::Gitlife));
    for (request, missing) in [
        ("grant_type=authorization_code", "code"),
        ("grant_type=refresh_token", "refresh_token"),
        ("grant_type=password&password=x", "username"),
        ("grant_type=password&username=x", "password"),
    ] {
        let refusal = grant::read(&client, &form(request)).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidRequest, "{request}");
        assert!(refusal.description().starts_with(missing), "{}", refusal.description());
    }
}

#[test]
fn st_54_scopes_that_are_unknown_malformed_or_too_many_are_refused() {
    let mut gitlife = client(Template::Gitlife);
    let names: Vec<String> = (0..=64).map(|i| format!("s{i}")).collect();
    gitlife.scopes = scope(&names[..64].join(" "));
    let client = authed(gitlife);
    let read = |scopes: &str| {
        let request = format!("grant_type=password&username=a&password=b&scope={}", scopes.replace(' ', "%20"));
        grant::read(&client, &form(&request)).map(|ask| match ask {
            Ask::Password(ask) => ask.scope.len(),
            _ => panic!("another grant"),
        })
    };
    assert_eq!(read(&names[..64].join(" ")).unwrap(), 64);
    assert_eq!(read("s1 s2 s1").unwrap(), 2);
    assert_eq!(read("").unwrap(), 64);
    assert_eq!(read("  ").unwrap(), 64);
    for bad in [names.join(" "), "s1 s\"2".to_owned(), "s1\\".to_owned(), "s1 admin".to_owned()] {
        let refusal = read(&bad).unwrap_err();
        assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidScope, 400, Wire::Gitlife), "{bad}");
        assert!(told(&refusal).1.starts_with("scope"));
    }
}
