//! The members of metadata that are true or false.

use super::Flag;
use super::scene::{Came, Scene, claims, value};
use crate::harness::{App, Call};
use serde_json::Value;

pub const ALL: &[Flag] = &[
    Flag {
        member: "authorization_response_iss_parameter_supported",
        absent: false,
        works: |scene| {
            let (ok, refused) = (scene.ask(&scene.web, &[]), scene.ask(&scene.web, &[("response_type", "x")]));
            [ok, refused].iter().all(|came| match came {
                Came::Back(_, told) => value(told, "iss").as_deref() == Some(&scene.server.url),
                Came::Page(_) => false,
            })
        },
    },
    Flag {
        member: "claims_parameter_supported",
        absent: false,
        works: |scene| {
            let claims = claims("id_token", "email", &Value::Null);
            let tokens = scene.tokens(&scene.web, &[("scope", "openid"), ("claims", &claims)]).expect("tokens");
            scene.id_token(&scene.web, &tokens)["email"] == scene.person.email.as_str()
        },
    },
    Flag {
        member: "request_parameter_supported",
        absent: false,
        works: |scene| scene.is_served(&[("request", "eyJhbGciOiJub25lIn0.e30.")], "request_not_supported"),
    },
    Flag {
        member: "request_uri_parameter_supported",
        absent: true,
        works: |scene| {
            scene.is_served(&[("request_uri", "https://client.example/request")], "request_uri_not_supported")
        },
    },
    Flag { member: "require_request_uri_registration", absent: false, works: |_| false },
    Flag {
        member: "require_pushed_authorization_requests",
        absent: false,
        works: |scene| scene.code(&scene.web, &[]).is_err(),
    },
    Flag {
        member: "require_signed_request_object",
        absent: false,
        works: |scene| scene.code(&scene.web, &[]).is_err(),
    },
    Flag {
        member: "tls_client_certificate_bound_access_tokens",
        absent: false,
        works: |scene| {
            let tokens = scene.tokens(&scene.web, &[]).expect("tokens");
            let call = Call::post(scene.server.at("/oauth/introspect")).form(&[("token", &tokens.access)]);
            let told = call.basic(&scene.web.client_id, &scene.web.client_secret).send().json();
            assert_eq!(told["active"], true);
            !told["cnf"].is_null()
        },
    },
    Flag {
        member: "backchannel_logout_supported",
        absent: false,
        works: |scene| logout_notice(scene, "sub").is_some(),
    },
    Flag {
        member: "backchannel_logout_session_supported",
        absent: false,
        works: |scene| logout_notice(scene, "sid").is_some(),
    },
    Flag {
        member: "frontchannel_logout_supported",
        absent: false,
        works: |scene| {
            let url = "https://client.example/out";
            let add = ["app", "add", "x", "--template", "web", "--redirect-uri", url, "--frontchannel-logout-uri", url];
            scene.server.command(&add, "").status.success()
        },
    },
    Flag { member: "frontchannel_logout_session_supported", absent: false, works: |_| false },
];

/// Signs somebody out who went to an application that wants to hear of it; gives what the token says under `name`.
fn logout_notice(scene: &Scene, name: &str) -> Option<String> {
    let app: App = scene.app("web", &["--backchannel-logout-uri", &scene.receiver.url()]);
    let person = scene.server.person();
    let mut visitor = scene.stranger();
    visitor.go_through(&app.authorize_url(&[("scope", "openid")]), &person, None);
    let page = visitor.open(&scene.server.at("/sign-out"));
    visitor.submit(&page, "sign-out", &[]);
    let token = scene.receiver.next().logout_token();
    let claims = crate::harness::jwt::verified(scene.server, &token, &app.client_id).claims;
    claims[name].as_str().map(str::to_owned)
}
