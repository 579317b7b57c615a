//! The endpoints that metadata may name.

use super::Address;
use crate::harness::Call;

pub const ALL: &[Address] = &[
    Address { member: "authorization_endpoint", path: "/oauth/authorize" },
    Address { member: "token_endpoint", path: "/oauth/token" },
    Address { member: "userinfo_endpoint", path: "/oauth/userinfo" },
    Address { member: "jwks_uri", path: "/oauth/jwks" },
    Address { member: "revocation_endpoint", path: "/oauth/revoke" },
    Address { member: "introspection_endpoint", path: "/oauth/introspect" },
    Address { member: "end_session_endpoint", path: "/oauth/logout" },
    Address { member: "device_authorization_endpoint", path: "/oauth/device_authorization" },
    Address { member: "pushed_authorization_request_endpoint", path: "/oauth/par" },
    Address { member: "registration_endpoint", path: "/oauth/register" },
    Address { member: "backchannel_authentication_endpoint", path: "/oauth/bc-authorize" },
    Address { member: "check_session_iframe", path: "/oauth/check_session" },
];

/// Whether something answers there, to whatever method.
pub fn is_there(url: &str) -> bool {
    [Call::get(url), Call::post(url).form(&[("a", "b")])].iter().any(|call| call.send().status != 404)
}
