//! Application templates: which switches a kind of application starts with.
//!
//! A template only pre-fills switches; afterwards the switches stand on the application and decide. Owns the
//! switches, their names and the lifetimes. Does not own what a switch does: that is written where it is asked.

use crate::scope::ScopeSet;

/// The kind of application that a console offers to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Server-side web application.
    Web,
    /// Single-page application: a public client in a browser.
    Spa,
    /// Native or command-line application: a public client on a person's machine.
    Native,
    /// Machine to machine.
    Service,
    /// The enterprise "OAuth2 application" wire of IDaaS.
    IdaasOauth2,
    /// The code-hosting wire of Gitlife and Gitee.
    Gitlife,
}

impl Template {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Template; 6] =
        [Template::Web, Template::Spa, Template::Native, Template::Service, Template::IdaasOauth2, Template::Gitlife];

    /// The name on the command line and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Template::Web => "web",
            Template::Spa => "spa",
            Template::Native => "native",
            Template::Service => "service",
            Template::IdaasOauth2 => "idaas-oauth2",
            Template::Gitlife => "gitlife",
        }
    }

    /// The template of this name.
    pub fn parse(name: &str) -> Option<Template> {
        Template::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Which form errors take for applications of this template.
    pub const fn wire(self) -> Wire {
        match self {
            Template::IdaasOauth2 => Wire::Idaas,
            Template::Gitlife => Wire::Gitlife,
            _ => Wire::Standard,
        }
    }

    /// Whether its applications keep a secret (RFC 6749 section 2.1, "confidential").
    pub const fn confidential(self) -> bool {
        !matches!(self, Template::Spa | Template::Native)
    }

    /// Whether it sends people through a browser and so needs a redirect URI.
    pub const fn redirects(self) -> bool {
        !matches!(self, Template::Service)
    }

    /// The switches that it starts with.
    pub const fn switches(self) -> Switches {
        use Switch as S;
        match self {
            Template::Web => Switches::of(&[S::CodeGrant, S::RefreshGrant]),
            Template::Spa => Switches::of(&[S::CodeGrant, S::RefreshGrant, S::PkceRequired]),
            Template::Native => Switches::of(&[
                S::CodeGrant,
                S::RefreshGrant,
                S::PkceRequired,
                S::LoopbackAnyPort,
                S::PrivateUseSchemes,
            ]),
            Template::Service => Switches::of(&[S::ClientCredentialsGrant]),
            Template::IdaasOauth2 => Switches::of(&[
                S::CodeGrant,
                S::QueryParameters,
                S::QueryAccessToken,
                S::NoConsent,
                S::PlainHttpRedirects,
            ]),
            Template::Gitlife => Switches::of(&[
                S::CodeGrant,
                S::RefreshGrant,
                S::PasswordGrant,
                S::QueryParameters,
                S::QueryAccessToken,
                S::JsonBody,
                S::RefreshAlways,
                S::RefreshWithoutClient,
                S::ConsentPerScope,
                S::PlainHttpRedirects,
            ]),
        }
    }

    /// The lifetimes that it starts with.
    pub const fn lifetimes(self) -> Lifetimes {
        const MINUTE: i64 = 60_000;
        const DAY: i64 = 86_400_000;
        let (access_ms, refresh_idle_ms, refresh_max_ms) = match self {
            Template::Web | Template::Native => (10 * MINUTE, 30 * DAY, 365 * DAY),
            Template::Spa => (10 * MINUTE, DAY, DAY),
            Template::Service => (60 * MINUTE, 0, 0),
            Template::IdaasOauth2 => (7_200_000, 30 * DAY, 365 * DAY),
            Template::Gitlife => (DAY, 30 * DAY, i64::MAX / 4),
        };
        Lifetimes { access_ms, refresh_idle_ms, refresh_max_ms }
    }

    /// The scopes that an application registers when none are named.
    pub fn default_scopes(self) -> ScopeSet {
        let text = match self {
            Template::Web | Template::Spa | Template::Native => "openid profile email phone offline_access",
            Template::Service => "api",
            Template::IdaasOauth2 => "read",
            Template::Gitlife => {
                "user_info projects pull_requests issues notes keys hook groups gists enterprises emails"
            }
        };
        ScopeSet::parse(text).unwrap_or_default()
    }

    /// Who may sign in when nothing else is said: only assigned people under IDaaS, everyone elsewhere.
    pub const fn access(self) -> crate::client::Access {
        match self {
            Template::IdaasOauth2 => crate::client::Access::Assigned,
            _ => crate::client::Access::Everyone,
        }
    }
}

/// The form that errors and answers take on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// RFC 6749, RFC 6750.
    Standard,
    /// The IDaaS OAuth2 application: its error table and envelope.
    Idaas,
    /// Gitlife and Gitee: RFC 6749 codes, one English text, `created_at`.
    Gitlife,
}

/// One switch of an application. The number is what the database keeps: never give one a second meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Switch {
    /// Authorization code grant.
    CodeGrant = 0,
    /// Refresh token grant.
    RefreshGrant = 1,
    /// Resource owner password grant (an older form).
    PasswordGrant = 2,
    /// Client credentials grant.
    ClientCredentialsGrant = 3,
    /// An authorization request must carry a PKCE challenge.
    PkceRequired = 4,
    /// Token request parameters, credentials included, may stand in the query (an older form).
    QueryParameters = 5,
    /// The token request's body may be JSON.
    JsonBody = 6,
    /// `access_token` may stand in the query of a resource call (an older form).
    QueryAccessToken = 7,
    /// Every grant of a person gives a refresh token, whatever was asked for.
    RefreshAlways = 8,
    /// A refresh token is accepted without client authentication, for its own application (an older form).
    RefreshWithoutClient = 9,
    /// Consent ticks scope by scope, skipped only when `scope` equals what was ticked last.
    ConsentPerScope = 10,
    /// No consent page: being assigned is the consent.
    NoConsent = 11,
    /// Plain `http` redirect URIs are accepted outside loopback (an older form).
    PlainHttpRedirects = 12,
    /// A loopback redirect URI matches on any port (RFC 8252 section 7.3).
    LoopbackAnyPort = 13,
    /// Private-use URI schemes are accepted (RFC 8252 section 7.1).
    PrivateUseSchemes = 14,
    /// It may introspect the access tokens of every application, as a resource server does (RFC 7662). No template
    /// starts with it.
    Introspect = 15,
}

impl Switch {
    /// All of them, in the order of their numbers.
    pub const ALL: [Switch; 16] = [
        Switch::CodeGrant,
        Switch::RefreshGrant,
        Switch::PasswordGrant,
        Switch::ClientCredentialsGrant,
        Switch::PkceRequired,
        Switch::QueryParameters,
        Switch::JsonBody,
        Switch::QueryAccessToken,
        Switch::RefreshAlways,
        Switch::RefreshWithoutClient,
        Switch::ConsentPerScope,
        Switch::NoConsent,
        Switch::PlainHttpRedirects,
        Switch::LoopbackAnyPort,
        Switch::PrivateUseSchemes,
        Switch::Introspect,
    ];

    /// The name that an administrator sees.
    pub const fn name(self) -> &'static str {
        match self {
            Switch::CodeGrant => "code_grant",
            Switch::RefreshGrant => "refresh_grant",
            Switch::PasswordGrant => "password_grant",
            Switch::ClientCredentialsGrant => "client_credentials_grant",
            Switch::PkceRequired => "pkce_required",
            Switch::QueryParameters => "query_parameters",
            Switch::JsonBody => "json_body",
            Switch::QueryAccessToken => "query_access_token",
            Switch::RefreshAlways => "refresh_always",
            Switch::RefreshWithoutClient => "refresh_without_client",
            Switch::ConsentPerScope => "consent_per_scope",
            Switch::NoConsent => "no_consent",
            Switch::PlainHttpRedirects => "plain_http_redirects",
            Switch::LoopbackAnyPort => "loopback_any_port",
            Switch::PrivateUseSchemes => "private_use_schemes",
            Switch::Introspect => "introspect",
        }
    }

    /// The switch of this name.
    pub fn parse(name: &str) -> Option<Switch> {
        Switch::ALL.into_iter().find(|switch| switch.name() == name)
    }

    /// Whether its use is an older form that is audited, so that an administrator sees when it may go.
    pub const fn is_older_form(self) -> bool {
        matches!(
            self,
            Switch::PasswordGrant
                | Switch::QueryParameters
                | Switch::QueryAccessToken
                | Switch::RefreshWithoutClient
                | Switch::PlainHttpRedirects
        )
    }
}

/// A set of switches, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches(i64);

impl Switches {
    /// The set of these switches.
    pub const fn of(list: &[Switch]) -> Switches {
        let mut bits = 0;
        let mut i = 0;
        while i < list.len() {
            bits |= 1 << list[i] as u8;
            i += 1;
        }
        Switches(bits)
    }

    /// Reads what [`Switches::bits`] gave.
    pub const fn from_bits(bits: i64) -> Switches {
        Switches(bits)
    }

    /// The number that the database keeps.
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether `switch` is on.
    pub const fn has(self, switch: Switch) -> bool {
        self.0 & (1 << switch as u8) != 0
    }

    /// The same set with `switch` on or off.
    pub const fn with(self, switch: Switch, on: bool) -> Switches {
        let bit = 1 << switch as u8;
        Switches(if on { self.0 | bit } else { self.0 & !bit })
    }
}

/// How long an application's tokens live, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token's life.
    pub access_ms: i64,
    /// How long a refresh token may lie unused.
    pub refresh_idle_ms: i64,
    /// How long a family of refresh tokens may live at most, whatever its use.
    pub refresh_max_ms: i64,
}

/// An authorization code's life, in milliseconds (RFC 6749 section 4.1.2 allows ten minutes; ours is one).
pub const CODE_MS: i64 = 60_000;
/// How long a stored authorization request waits for its person, in milliseconds.
pub const AUTHORIZATION_REQUEST_MS: i64 = 30 * 60_000;
/// How long a browser session may lie unused, in milliseconds.
pub const SESSION_IDLE_MS: i64 = 12 * 3_600_000;
/// How long a browser session lives at most, in milliseconds.
pub const SESSION_MAX_MS: i64 = 7 * 86_400_000;
/// The life of a one-time setup link, in milliseconds.
pub const SETUP_LINK_MS: i64 = 3_600_000;
/// An ID token's life, in milliseconds: long enough for clients that keep nothing else to know a person by.
pub const ID_TOKEN_MS: i64 = 3_600_000;
