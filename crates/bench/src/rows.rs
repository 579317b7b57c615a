//! The rows of the table: which requests each one sends, and what it must cost at most.
//!
//! Owns the list. What a row needs beforehand (tokens, codes, families, sessions) is made by `supply`.

use crate::caller::{Caller, Wanted};
use crate::house::House;
use crate::project::AUTHORIZATION;
use crate::supply::{self, Supply};
use crate::{browser, wire};

/// Connections that ask at once, and those that sign in: the queue for passwords has 32 places.
pub const CONNECTIONS: usize = 64;
pub const SIGNING_IN: usize = 8;
/// Connections whose requests go on to another machine: as many as there are places at one host.
pub const VISITING: usize = 16;

/// What clients look up first.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Introspect,
    IdaasUserinfo,
    Userinfo,
    ClientCredentials,
    ClientCredentialsSigned,
    Code,
    CodeEs256,
    CodeRs256,
    Refresh,
    Revoke,
    Authorize,
    SignIn,
    Discovery,
    Keys,
    GitList,
    GitListSigned,
    GitCredential,
    GitBranches,
}

impl Row {
    /// All of them, in the order of the table.
    pub const ALL: [Row; 18] = [
        Row::Introspect,
        Row::IdaasUserinfo,
        Row::Userinfo,
        Row::ClientCredentials,
        Row::ClientCredentialsSigned,
        Row::Code,
        Row::CodeEs256,
        Row::CodeRs256,
        Row::Refresh,
        Row::Revoke,
        Row::Authorize,
        Row::SignIn,
        Row::Discovery,
        Row::Keys,
        Row::GitList,
        Row::GitListSigned,
        Row::GitCredential,
        Row::GitBranches,
    ];

    /// Its name for `--rows`, in bars and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Row::Introspect => "introspect",
            Row::IdaasUserinfo => "idaas-userinfo",
            Row::Userinfo => "userinfo",
            Row::ClientCredentials => "client-credentials",
            Row::ClientCredentialsSigned => "client-credentials-signed",
            Row::Code => "code",
            Row::CodeEs256 => "code-es256",
            Row::CodeRs256 => "code-rs256",
            Row::Refresh => "refresh",
            Row::Revoke => "revoke",
            Row::Authorize => "authorize",
            Row::SignIn => "sign-in",
            Row::Discovery => "discovery",
            Row::Keys => "keys",
            Row::GitList => "git-list",
            Row::GitListSigned => "git-list-signed",
            Row::GitCredential => "git-credential",
            Row::GitBranches => "git-branches",
        }
    }

    /// What it says in the table.
    pub const fn title(self) -> &'static str {
        match self {
            Row::Introspect => "introspection",
            Row::IdaasUserinfo => "IDaaS userinfo",
            Row::Userinfo => "OpenID userinfo",
            Row::ClientCredentials => "client credentials, opaque, durable",
            Row::ClientCredentialsSigned => "client credentials, signed (EdDSA)",
            Row::Code => "code exchange, opaque",
            Row::CodeEs256 => "code exchange, ES256 ID token",
            Row::CodeRs256 => "code exchange, RS256 ID token",
            Row::Refresh => "refresh",
            Row::Revoke => "revocation",
            Row::Authorize => "authorize with a session",
            Row::SignIn => "password sign-in",
            Row::Discovery => "discovery",
            Row::Keys => "keys",
            Row::GitList => "a project's Git authorizations, by token",
            Row::GitListSigned => "the same, by access key",
            Row::GitCredential => "hand-out of a stored token",
            Row::GitBranches => "branches through an authorization",
        }
    }

    /// At most how many times the processor time of the bare route it may take, on SQLite.
    pub const fn aim(self) -> Option<f64> {
        match self {
            Row::Introspect | Row::IdaasUserinfo | Row::Userinfo => Some(3.0),
            Row::GitCredential => Some(4.0),
            Row::ClientCredentials => Some(5.0),
            Row::Refresh => Some(7.0),
            Row::CodeEs256 => Some(12.0),
            _ => None,
        }
    }

    /// Whether it reads rows that were loaded, spread over all that is stored. The others use what was made for them.
    pub const fn asks_the_crowd(self) -> bool {
        matches!(self, Row::Introspect | Row::IdaasUserinfo | Row::Userinfo | Row::SignIn)
    }

    /// The row of this name.
    pub fn parse(name: &str) -> Option<Row> {
        Row::ALL.into_iter().find(|row| row.name() == name)
    }

    /// How many connections ask.
    pub const fn connections(self) -> usize {
        match self {
            Row::SignIn => SIGNING_IN,
            Row::GitBranches => VISITING,
            _ => CONNECTIONS,
        }
    }

    /// Whether it uses each request up, so that every round needs a supply of its own.
    pub const fn each_once(self) -> bool {
        matches!(self, Row::Code | Row::CodeEs256 | Row::CodeRs256 | Row::Revoke)
    }

    /// Whether each request leads to another, so that the yardstick is a bare reverse proxy.
    pub const fn goes_on(self) -> bool {
        matches!(self, Row::GitBranches)
    }

    /// Whether what it uses up lives a minute only.
    pub const fn is_code(self) -> bool {
        matches!(self, Row::Code | Row::CodeEs256 | Row::CodeRs256)
    }

    /// Its callers; `once` is how many requests those have that ask each request once.
    pub async fn callers(
        self,
        house: &House,
        supply: &Supply<'_>,
        count: usize,
        once: usize,
    ) -> Result<Vec<Caller>, String> {
        let apps = &house.applications;
        let ok = |holds| Wanted { status: 200, holds };
        let around = |requests, wanted| Ok(Caller::around(count, requests, wanted));
        match self {
            Row::Introspect => {
                let authorization = apps.service.basic();
                let ask = |token: &String| {
                    wire::post("/oauth/introspect", &[("authorization", &authorization)], &[("token", token)])
                };
                around(supply.web_tokens().await?.iter().map(ask).collect(), ok("\"active\":true"))
            }
            Row::Userinfo => {
                let ask =
                    |token: &String| wire::get("/oauth/userinfo", &[("authorization", &format!("Bearer {token}"))]);
                around(supply.web_tokens().await?.iter().map(ask).collect(), ok("\"sub\":"))
            }
            Row::IdaasUserinfo => {
                let path = "/api/bff/v1.2/oauth2/userinfo?access_token=";
                let ask = |token: &String| wire::get(&format!("{path}{token}"), &[]);
                around(supply.idaas_tokens().await?.iter().map(ask).collect(), ok("\"success\":true"))
            }
            Row::ClientCredentials => around(vec![supply::client_credentials(&apps.service)], ok("access_token")),
            Row::ClientCredentialsSigned => around(vec![supply::client_credentials(&apps.signed)], ok("access_token")),
            Row::Code | Row::CodeEs256 | Row::CodeRs256 => {
                let (application, scope, holds) = match self {
                    Row::CodeEs256 => (&apps.web_es256, supply::OPENID_SCOPE, "id_token"),
                    Row::CodeRs256 => (&apps.web, supply::OPENID_SCOPE, "id_token"),
                    _ => (&apps.web, supply::SCOPE, "access_token"),
                };
                let codes = supply.codes(application, scope, once).await?;
                let ask = |code: &String| supply::exchange(application, code);
                let lists = supply::share(codes.iter().map(ask).collect(), count);
                Ok(Caller::once(lists, ok(holds)))
            }
            Row::Refresh => {
                let authorization = apps.web.basic();
                let families = supply.families(&apps.web, count).await?;
                Ok(families.iter().map(|token| Caller::family(&authorization, token)).collect())
            }
            Row::Revoke => {
                let authorization = apps.service.basic();
                let ask = |token: &String| {
                    wire::post("/oauth/revoke", &[("authorization", &authorization)], &[("token", token)])
                };
                let requests = supply.service_tokens(&apps.service, once).await?.iter().map(ask).collect();
                Ok(Caller::once(supply::share(requests, count), ok("")))
            }
            Row::Authorize => {
                let path = browser::authorize(&apps.web.client_id, supply::SCOPE);
                let ask = |cookie: &String| wire::get(&path, &[("cookie", cookie)]);
                let requests = supply.sessions(&apps.web, supply::SCOPE).await?.iter().map(ask).collect();
                around(requests, Wanted { status: 303, holds: "code=" })
            }
            Row::SignIn => around(supply.sign_ins(count).await?, Wanted { status: 303, holds: "/" }),
            Row::Discovery => around(vec![wire::get(DISCOVERY, &[])], ok("\"issuer\":")),
            Row::Keys => around(vec![wire::get("/oauth/jwks", &[])], ok("\"keys\":")),
            Row::GitList | Row::GitCredential => {
                let (project, token) = (&house.project, house.project.token(supply.to).await?);
                project.authorize(supply.to, &token).await?;
                let headers = [("x-auth-token", token.as_str())];
                if self == Row::GitList {
                    return around(vec![wire::get(&project.path("auths"), &headers)], ok("\"count\":1"));
                }
                let body = format!("{{\"authorization\":\"{AUTHORIZATION}\"}}");
                around(vec![wire::post_json(&project.path("credentials"), &headers, &body)], ok("\"password\":"))
            }
            Row::GitBranches => {
                let (project, token) = (&house.project, house.project.token(supply.to).await?);
                project.authorize(supply.to, &token).await?;
                let headers = [("x-auth-token", token.as_str()), ("x-repo-auth", AUTHORIZATION)];
                let request = wire::get(&project.path("repos/ada/demo/branches"), &headers);
                around(vec![request], ok("\"branches\":[\"main\""))
            }
            Row::GitListSigned => {
                let project = &house.project;
                project.authorize(supply.to, &project.token(supply.to).await?).await?;
                around(vec![project.signed(&project.path("auths"))?], ok("\"count\":1"))
            }
        }
    }
}
