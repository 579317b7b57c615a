//! The members of metadata that are lists: what the standards know for each, and how one value is tried.

use super::List;
use super::scene::{Came, EVERYTHING, Scene, claims, value};
use crate::harness::{Answer, App, CHALLENGE, Call, VERIFIER, jwt, page, unique};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const AUTH_METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
];

pub const ALL: &[List] = &[
    List {
        member: "response_types_supported",
        universe: &[
            "code",
            "token",
            "id_token",
            "none",
            "code token",
            "code id_token",
            "id_token token",
            "code id_token token",
        ],
        works: |scene, value| scene.is_served(&[("response_type", value), ("nonce", "n")], "unsupported_response_type"),
    },
    List {
        member: "response_modes_supported",
        universe: &[
            "query",
            "fragment",
            "form_post",
            "jwt",
            "query.jwt",
            "fragment.jwt",
            "form_post.jwt",
            "web_message",
        ],
        works: |scene, mode| match scene.ask(&scene.web, &[("response_mode", mode)]) {
            Came::Back(came_by, told) if value(&told, "code").is_some() => came_by == mode,
            Came::Back(_, told) => {
                assert_eq!(value(&told, "error").as_deref(), Some("invalid_request"), "{mode}");
                false
            }
            Came::Page(page) => panic!("{mode}: {}", page.plain()),
        },
    },
    List {
        member: "grant_types_supported",
        universe: &[
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "password",
            "implicit",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "urn:openid:params:grant-type:ciba",
            "urn:ietf:params:oauth:grant-type:uma-ticket",
        ],
        works: grant_works,
    },
    List {
        member: "token_endpoint_auth_methods_supported",
        universe: AUTH_METHODS,
        works: |scene, method| auth_works(scene, "/oauth/token", method),
    },
    List {
        member: "revocation_endpoint_auth_methods_supported",
        universe: AUTH_METHODS,
        works: |scene, method| auth_works(scene, "/oauth/revoke", method),
    },
    List {
        member: "introspection_endpoint_auth_methods_supported",
        universe: AUTH_METHODS,
        works: |scene, method| auth_works(scene, "/oauth/introspect", method),
    },
    List {
        member: "scopes_supported",
        universe: &[
            "openid",
            "profile",
            "email",
            "phone",
            "address",
            "offline_access",
            "git_authorizations",
            "device_sso",
            "groups",
        ],
        works: scope_works,
    },
    List {
        member: "code_challenge_methods_supported",
        universe: &["S256", "plain", "S512"],
        works: |scene, method| {
            let challenge = if method == "S256" { CHALLENGE } else { VERIFIER };
            let over = [("code_challenge", challenge), ("code_challenge_method", method)];
            match scene.code(&scene.web, &over) {
                Ok(code) => scene.web.trade(&code).status == 200,
                Err(error) => {
                    assert_eq!(error, "invalid_request", "{method}");
                    false
                }
            }
        },
    },
    List {
        member: "subject_types_supported",
        universe: &["public", "pairwise"],
        works: |scene, kind| {
            let sub = |app: &App| {
                let tokens = scene.tokens(app, &[("scope", "openid")]).expect("tokens");
                let sub = scene.id_token(app, &tokens)["sub"].clone();
                assert_eq!(scene.userinfo(&tokens)["sub"], sub);
                sub
            };
            match kind {
                "public" => sub(&scene.web) == sub(&scene.app("web", &[])),
                _ => sub(&scene.web) != sub(&scene.app("web", &["--pairwise"])),
            }
        },
    },
    List {
        member: "id_token_signing_alg_values_supported",
        universe: &[
            "none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
            "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448",
        ],
        works: algorithm_works,
    },
    List {
        member: "acr_values_supported",
        universe: &[
            "0",
            "phr",
            "phrh",
            "urn:mace:incommon:iap:silver",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:X509",
        ],
        works: |scene, class| {
            let claims = claims("id_token", "acr", &json!({"essential": true, "value": class}));
            match scene.tokens(&scene.web, &[("scope", "openid"), ("claims", &claims)]) {
                Ok(tokens) => scene.id_token(&scene.web, &tokens)["acr"] == class,
                Err(error) => {
                    assert_eq!(error, "unmet_authentication_requirements", "{class}");
                    false
                }
            }
        },
    },
    List {
        member: "claims_supported",
        universe: &[
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "nbf",
            "jti",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "azp",
            "at_hash",
            "c_hash",
            "sid",
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "email",
            "email_verified",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "phone_number",
            "phone_number_verified",
            "address",
            "updated_at",
            "groups",
            "roles",
            "org",
        ],
        works: |scene, name| {
            let over = |place| [("scope", EVERYTHING), ("nonce", "n-1"), ("claims", place)];
            let asked = [claims("id_token", name, &Value::Null), claims("userinfo", name, &Value::Null)];
            let told = asked.each_ref().map(|asked| scene.tokens(&scene.web, &over(asked)).expect("tokens"));
            let (token, info) = (scene.id_token(&scene.web, &told[0]), scene.userinfo(&told[1]));
            !token[name].is_null() || !info[name].is_null()
        },
    },
    List {
        member: "prompt_values_supported",
        universe: &["none", "login", "consent", "select_account", "create"],
        works: |scene, prompt| match (prompt, scene.ask(&scene.web, &[("prompt", prompt), ("scope", "openid")])) {
            (_, Came::Back(_, told)) if value(&told, "error").is_some() => {
                assert_eq!(value(&told, "error").as_deref(), Some("invalid_request"), "{prompt}");
                false
            }
            ("none", Came::Back(_, told)) => {
                let mut stranger = scene.stranger();
                let silent = stranger.open(&scene.web.authorize_url(&[("prompt", "none")]));
                silent.is_error_at(&scene.web, "login_required");
                value(&told, "code").is_some()
            }
            (_, Came::Back(..)) => false,
            ("login", Came::Page(page)) => page.shows("sign-in-password"),
            ("consent", Came::Page(page)) => page.shows("allow"),
            ("select_account", Came::Page(page)) => page.shows("go-on") && page.shows("switch"),
            (_, Came::Page(page)) => panic!("{prompt}: {}", page.plain()),
        },
    },
    List {
        member: "ui_locales_supported",
        universe: &["en", "de", "fr", "es", "ja", "zh-CN", "zh-Hant", "ar"],
        works: |scene, tag| {
            let page = scene.stranger().open(&scene.web.authorize_url(&[("ui_locales", tag)]));
            assert!(page.shows("sign-in-password"), "{tag} is never an error: {}", page.plain());
            let tags = page::tags(&page.answer.text());
            let html = tags.iter().find(|tag| tag.name == "html").expect("html");
            html.get("lang") == Some(tag)
        },
    },
];

fn grant_works(scene: &Scene, grant: &str) -> bool {
    let answer = match grant {
        "authorization_code" => scene.web.trade(&scene.code(&scene.web, &[]).expect("a code")),
        "refresh_token" => {
            let tokens = scene.tokens(&scene.web, &[("scope", EVERYTHING)]).expect("tokens");
            scene.web.token(&[("grant_type", grant), ("refresh_token", &tokens.refresh.expect("a refresh token"))])
        }
        "client_credentials" => scene.app("service", &[]).token(&[("grant_type", grant)]),
        // Advertised for the applications whose template switches it on; no other may use it.
        "password" => {
            let fields =
                [("grant_type", grant), ("username", &scene.person.email), ("password", &scene.person.password)];
            scene.web.token(&fields).refused(400, "unauthorized_client");
            scene.app("gitlife", &[]).token(&fields)
        }
        _ => {
            let fields = [("grant_type", grant), ("device_code", "x"), ("assertion", "x"), ("subject_token", "x")];
            scene.web.token(&fields)
        }
    };
    if answer.status != 200 {
        answer.refused(400, "unsupported_grant_type");
        return false;
    }
    answer.tokens();
    true
}

/// Tries a method at an endpoint with a call that is good in all else. A method that is one day served must be registered
/// here as its application would.
fn auth_works(scene: &Scene, path: &str, method: &str) -> bool {
    let url = scene.server.at(path);
    let public = method == "none";
    let app = if public { scene.app("spa", &[]) } else { scene.app("web", &[]) };
    let code = scene.code(&app, &[]).expect("a code");
    let access = || app.trade(&code).tokens().access;
    let mut fields = match path {
        "/oauth/token" => vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.clone()),
            ("redirect_uri", app.redirect_uri.clone()),
            ("code_verifier", VERIFIER.to_owned()),
        ],
        _ => vec![("token", access())],
    };
    let (id, secret) = (app.client_id.as_str(), app.client_secret.as_str());
    if method != "client_secret_basic" {
        fields.push(("client_id", id.to_owned()));
    }
    match method {
        "client_secret_post" => fields.push(("client_secret", secret.to_owned())),
        "client_secret_jwt" => {
            fields.extend(assertion(&url, id, Algorithm::HS256, &EncodingKey::from_secret(secret.as_bytes())));
        }
        "private_key_jwt" => {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
            let key = EncodingKey::from_ec_der(pkcs8.expect("a key").as_ref());
            fields.extend(assertion(&url, id, Algorithm::ES256, &key));
        }
        _ => {}
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = Call::post(url).form(&fields);
    let call = if method == "client_secret_basic" { call.basic(id, secret) } else { call };
    is_let_in(&call.send(), path)
}

fn is_let_in(answer: &Answer, path: &str) -> bool {
    if answer.status != 200 {
        answer.refused(401, "invalid_client");
        return false;
    }
    match path {
        "/oauth/token" => drop(answer.tokens()),
        "/oauth/introspect" => assert_eq!(answer.json()["active"], true),
        _ => {}
    }
    true
}

/// A client assertion (RFC 7523 section 2.2).
fn assertion(url: &str, client_id: &str, algorithm: Algorithm, key: &EncodingKey) -> [(&'static str, String); 2] {
    let claims = json!({"iss": client_id, "sub": client_id, "aud": url, "exp": 4_000_000_000_u64, "jti": unique("j")});
    let text = jsonwebtoken::encode(&Header::new(algorithm), &claims, key).expect("signs");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    [("client_assertion_type", kind.to_owned()), ("client_assertion", text)]
}

fn scope_works(scene: &Scene, scope: &str) -> bool {
    let asked = format!("openid {scope}");
    // What no template registers by itself is registered by name.
    let named = (scope == "git_authorizations").then(|| scene.app("web", &["--scopes", &asked]));
    let tokens = match scene.tokens(named.as_ref().unwrap_or(&scene.web), &[("scope", &asked)]) {
        Ok(tokens) => tokens,
        Err(error) => {
            assert_eq!(error, "invalid_scope", "{scope}");
            return false;
        }
    };
    let granted = tokens.json["scope"].as_str().unwrap_or_default();
    assert!(granted.split(' ').any(|granted| granted == scope), "{scope}: {granted}");
    let info = scene.userinfo(&tokens);
    let tells = |claims: &[&str]| claims.iter().all(|claim| !info[claim].is_null());
    match scope {
        "openid" => scene.id_token(&scene.web, &tokens)["sub"] == info["sub"],
        "profile" => tells(&["name", "nickname", "preferred_username", "locale", "zoneinfo", "updated_at"]),
        "email" => tells(&["email", "email_verified"]),
        "phone" => tells(&["phone_number"]),
        "offline_access" => tokens.refresh.is_some(),
        "git_authorizations" => {
            let projects = Call::get(scene.server.at("/v3/projects")).bearer(&tokens.access).send();
            projects.json()["projects"].is_array()
        }
        _ => panic!("{scope} is granted: say here what it opens"),
    }
}

fn algorithm_works(scene: &Scene, algorithm: &str) -> bool {
    let (name, uri) = (unique("alg"), "https://client.example/callback");
    let add = ["app", "add", &name, "--template", "web", "--redirect-uri", uri, "--id-token-alg", algorithm];
    let output = scene.server.command(&add, "");
    if !output.status.success() {
        return false;
    }
    let shown = serde_json::from_slice(&output.stdout).expect("JSON");
    let app = App::read(scene.server, name, uri, shown);
    let tokens = scene.tokens(&app, &[("scope", "openid")]).expect("tokens");
    let text = tokens.json["id_token"].as_str().expect("an ID token");
    format!("{:?}", jwt::verified(scene.server, text, &app.client_id).header.alg) == algorithm
}
