//! The metadata document says what is served and nothing else.

use vestibule_oauth::grant::Kind;
use vestibule_oauth::metadata::{Served, document};

const ALL: Served = Served {
    authorization_endpoint: Some("/oauth/authorize"),
    token_endpoint: Some("/oauth/token"),
    userinfo_endpoint: Some("/oauth/userinfo"),
    jwks_uri: Some("/oauth/jwks"),
    revocation_endpoint: Some("/oauth/revoke"),
    introspection_endpoint: Some("/oauth/introspect"),
    end_session_endpoint: None,
    backchannel_logout: false,
    grants: &[Kind::AuthorizationCode, Kind::ClientCredentials],
    scopes: &["openid", "email"],
    ui_locales: &["en"],
    service_documentation: Some("https://docs.example/"),
};

#[test]
fn st_15_st_42_st_82_st_83_the_document_names_what_is_served() {
    let expected = concat!(
        r#"{"issuer":"https://id.example","authorization_endpoint":"https://id.example/oauth/authorize","#,
        r#""token_endpoint":"https://id.example/oauth/token","userinfo_endpoint":"https://id.example/oauth/userinfo","#,
        r#""jwks_uri":"https://id.example/oauth/jwks","#,
        r#""revocation_endpoint":"https://id.example/oauth/revoke","#,
        r#""introspection_endpoint":"https://id.example/oauth/introspect","#,
        r#""scopes_supported":["openid","email"],"response_types_supported":["code"],"#,
        r#""response_modes_supported":["query","form_post"],"grant_types_supported":["authorization_code","client_credentials"],"#,
        r#""token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],"#,
        r#""revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],"#,
        r#""introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"#,
        r#""code_challenge_methods_supported":["S256"],"authorization_response_iss_parameter_supported":true,"#,
        r#""ui_locales_supported":["en"],"service_documentation":"https://docs.example/","#,
        r#""subject_types_supported":["public","pairwise"],"#,
        r#""id_token_signing_alg_values_supported":["EdDSA","ES256","RS256"],"#,
        r#""acr_values_supported":["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"],"#,
        r#""claims_supported":["sub","auth_time","acr","amr","name","nickname","preferred_username","locale","#,
        r#""zoneinfo","updated_at","email","email_verified","phone_number","iss","aud","exp","iat","nonce","#,
        r#""at_hash","sid"],"prompt_values_supported":["none","login","consent","select_account"],"#,
        r#""claims_parameter_supported":true,"request_parameter_supported":false,"#,
        r#""request_uri_parameter_supported":false}"#,
    );
    assert_eq!(document("https://id.example", &ALL), expected);
}

#[test]
fn st_84_what_is_not_served_is_not_named_and_empty_lists_are_left_out() {
    assert_eq!(
        document("https://id.example", &Served::default()),
        r#"{"issuer":"https://id.example","authorization_response_iss_parameter_supported":false}"#
    );
    let machines = Served { token_endpoint: Some("/t"), grants: &[Kind::ClientCredentials], ..Served::default() };
    let text = document("https://id.example", &machines);
    assert!(text.contains("token_endpoint_auth_methods_supported") && text.contains("client_credentials"), "{text}");
    for openid in ["subject_types", "id_token", "claims", "request_parameter", "ui_locales"] {
        assert!(!text.contains(openid), "no keys, and so no OpenID Connect: {text}");
    }
    assert!(
        !text.contains("response_types") && !text.contains("response_modes") && !text.contains("code_challenge"),
        "{text}"
    );
}
