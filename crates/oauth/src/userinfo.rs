//! What a client reads about a person, in the three forms of the wire.
//!
//! Owns claims per scope, the IDaaS envelope and the code-hosting user object. Does not judge tokens (`token`).

use crate::claims_request::Claim;
use crate::scope::ScopeSet;
use crate::subject::Names;
use crate::template::Wire;
use serde::Serialize;

/// What is known about a person.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The immutable subject.
    pub subject: String,
    /// The never-reused number, below 2^53.
    pub number: i64,
    /// The id by which another directory knows the person.
    pub external_id: Option<String>,
    /// The name to sign in with.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// The name to show.
    pub nickname: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// IANA time zone name.
    pub time_zone: Option<String>,
    /// The primary organization.
    pub organization: Option<Organization>,
    /// In Unix milliseconds.
    pub created_at: i64,
    /// In Unix milliseconds.
    pub updated_at: i64,
}

/// An organization that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The id by which another directory knows it.
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
}

/// What the userinfo endpoint tells, as JSON text: `sub`, what `scope` opens (OpenID Connect Core section 5.4) and what was
/// `asked` for by name (section 5.5).
pub fn standard(profile: &Profile, sub: &str, scope: &ScopeSet, asked: &[Claim]) -> String {
    spell(&Standard { sub, claims: PersonClaims::open(profile, scope, asked) })
}

/// The IDaaS answer; `request_id` is an upper-case UUID.
pub fn idaas_envelope(profile: &Profile, request_id: &str) -> String {
    let organization = profile.organization.as_ref();
    let data = IdaasUser {
        sub: profile.external_id.clone().unwrap_or_else(|| profile.number.to_string()),
        ou_id: organization.and_then(|organization| organization.external_id.as_deref()),
        nickname: profile.nickname.as_deref(),
        phone_number: profile.phone.as_deref(),
        ou_name: organization.map(|organization| organization.name.as_str()),
        email: profile.email.as_deref(),
        username: &profile.username,
    };
    spell(&Envelope { success: true, code: "200", message: None, request_id, data: Some(data) })
}

/// The IDaaS answer that says no: `code` and `message` are those of its error table.
pub fn idaas_error(code: &str, message: &str, request_id: &str) -> String {
    spell(&Envelope { success: false, code, message: Some(message), request_id, data: None })
}

/// The user object of `GET /api/v5/user`, every documented key present. The address is null unless `scope` holds
/// `emails`.
pub fn gitlife_user(profile: &Profile, scope: &ScopeSet) -> String {
    spell(&GitlifeUser {
        id: profile.number,
        login: &profile.username,
        name: profile.shown_name(),
        r#type: "User",
        created_at: beijing_time(profile.created_at),
        updated_at: beijing_time(profile.updated_at),
        email: profile.email.as_deref().filter(|_| scope.contains("emails")),
        ..GitlifeUser::default()
    })
}

/// The list of `GET /api/v5/emails`.
pub fn gitlife_emails(profile: &Profile) -> String {
    let state = if profile.email_verified { "confirmed" } else { "unconfirmed" };
    let email = |email| GitlifeEmail { email, state, scope: ["primary"] };
    spell(&profile.email.as_deref().map(email).into_iter().collect::<Vec<_>>())
}

/// An error at `/api/v5/…`: `{"message":"401 Unauthorized: Access token is expired"}`.
pub fn gitlife_error(status: u16, reason: &str) -> String {
    let phrase = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    // Clients split the message at ": " and read what follows, so that something always does.
    let reason = if reason.is_empty() { phrase } else { reason };
    spell(&GitlifeError { message: format!("{status} {phrase}: {reason}") })
}

/// Whether `scope` opens the name that a person signs in with, on this wire.
pub fn opens_username(wire: Wire, scope: &ScopeSet) -> bool {
    match wire {
        Wire::Standard => scope.contains("profile"),
        // There everything about the person is told to whoever holds a token.
        Wire::Idaas => true,
        Wire::Gitlife => scope.contains("user_info"),
    }
}

impl Profile {
    /// The ids by which different wires know the person.
    pub fn names(&self) -> Names<'_> {
        Names { subject: &self.subject, number: self.number, external_id: self.external_id.as_deref() }
    }

    fn shown_name(&self) -> &str {
        self.nickname.as_deref().unwrap_or(&self.username)
    }
}

/// Text, numbers and flags can always be spelled, so there is no error to tell.
fn spell(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// ISO 8601 with the offset that the code-hosting wire always uses, `2026-11-21T21:45:00+08:00`. `ms` is Unix
/// milliseconds. The calendar is Howard Hinnant's `civil_from_days`: years that begin in March put the leap day last.
fn beijing_time(ms: i64) -> String {
    let seconds = ms.div_euclid(1000) + 8 * 3600;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00")
}

#[derive(Serialize)]
struct Standard<'a> {
    sub: &'a str,
    #[serde(flatten)]
    claims: PersonClaims<'a>,
}

/// Claims about a person (OpenID Connect Core section 5.1); what is not open or not known is left out.
#[derive(Serialize)]
pub(crate) struct PersonClaims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zoneinfo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
}

impl<'a> PersonClaims<'a> {
    /// What `scope` opens, and what was `asked` for by name.
    pub(crate) fn open(profile: &'a Profile, scope: &ScopeSet, asked: &[Claim]) -> PersonClaims<'a> {
        let by_name = |name| asked.iter().any(|claim| claim.name == name);
        let about_profile = scope.contains("profile");
        let opened = |name| about_profile || by_name(name);
        let (about_email, about_phone) = (scope.contains("email"), scope.contains("phone"));
        let has_email = profile.email.is_some();
        PersonClaims {
            name: opened("name").then(|| profile.shown_name()),
            nickname: profile.nickname.as_deref().filter(|_| opened("nickname")),
            preferred_username: opened("preferred_username").then_some(&profile.username),
            locale: profile.locale.as_deref().filter(|_| opened("locale")),
            zoneinfo: profile.time_zone.as_deref().filter(|_| opened("zoneinfo")),
            updated_at: opened("updated_at").then(|| profile.updated_at.div_euclid(1000)),
            email: profile.email.as_deref().filter(|_| about_email || by_name("email")),
            email_verified: ((about_email || by_name("email_verified")) && has_email).then_some(profile.email_verified),
            phone_number: profile.phone.as_deref().filter(|_| about_phone || by_name("phone_number")),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: bool,
    code: &'a str,
    message: Option<&'a str>,
    request_id: &'a str,
    data: Option<IdaasUser<'a>>,
}

#[derive(Serialize)]
struct IdaasUser<'a> {
    sub: String,
    ou_id: Option<&'a str>,
    nickname: Option<&'a str>,
    phone_number: Option<&'a str>,
    ou_name: Option<&'a str>,
    email: Option<&'a str>,
    username: &'a str,
}

#[derive(Serialize)]
struct GitlifeEmail<'a> {
    email: &'a str,
    state: &'a str,
    scope: [&'a str; 1],
}

#[derive(Serialize)]
struct GitlifeError {
    message: String,
}

/// The code-hosting user object in the order of its samples, `stared` misspelt as there. What Vestibule has no notion of
/// is null or 0.
#[derive(Default, Serialize)]
struct GitlifeUser<'a> {
    id: i64,
    login: &'a str,
    name: &'a str,
    avatar_url: Option<&'a str>,
    url: Option<&'a str>,
    html_url: Option<&'a str>,
    remark: Option<&'a str>,
    followers_url: Option<&'a str>,
    following_url: Option<&'a str>,
    gists_url: Option<&'a str>,
    starred_url: Option<&'a str>,
    subscriptions_url: Option<&'a str>,
    organizations_url: Option<&'a str>,
    repos_url: Option<&'a str>,
    events_url: Option<&'a str>,
    received_events_url: Option<&'a str>,
    r#type: &'a str,
    member_role: Option<&'a str>,
    blog: Option<&'a str>,
    weibo: Option<&'a str>,
    bio: Option<&'a str>,
    public_repos: i64,
    public_gists: i64,
    followers: i64,
    following: i64,
    stared: i64,
    watched: i64,
    created_at: String,
    updated_at: String,
    email: Option<&'a str>,
    company: Option<&'a str>,
    profession: Option<&'a str>,
    wechat: Option<&'a str>,
    qq: Option<&'a str>,
    linkedin: Option<&'a str>,
    address: Option<&'a str>,
}
