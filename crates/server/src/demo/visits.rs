//! The demo's other applications: a place where their codes land, with the call that trades each.
//!
//! Every template that redirects has one here, so that a newcomer sees how each goes through the browser and can copy
//! the call in the form that its wire documents.

use super::flow::{Flow, encode};
use super::sample::{Problem, Sample, go, page, query};
use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::secret::Secret;
use vestibule_oauth::template::Template as Kind;

/// One application.
pub struct Visit {
    /// The name that people see.
    pub name: String,
    /// Its template.
    pub kind: Kind,
    /// Its public identifier.
    pub client_id: String,
    /// Its secret, if it keeps one.
    pub client_secret: Option<Secret>,
}

impl Visit {
    /// The template's name, as it stands in the addresses.
    pub fn template(&self) -> &'static str {
        self.kind.name()
    }

    fn redirect_uri(&self, origin: &str) -> String {
        format!("{origin}/callback/{}", self.template())
    }

    /// The documents of the two older wires know no PKCE; everybody else uses it.
    fn pkce(&self) -> bool {
        !matches!(self.kind, Kind::IdaasOauth2 | Kind::Gitlife)
    }

    /// The call that trades `code`, as one would type it.
    fn call(&self, issuer: &str, origin: &str, code: &str, verifier: &str) -> String {
        let redirect_uri = self.redirect_uri(origin);
        let secret = self.client_secret.as_ref().map_or("", Secret::expose);
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &redirect_uri)];
        match self.kind {
            Kind::IdaasOauth2 => {
                pairs.extend([("client_id", self.client_id.as_str()), ("client_secret", secret)]);
                return format!("curl -X POST '{issuer}/oauth/token?{}'", encode(&pairs));
            }
            Kind::Gitlife => {
                pairs.push(("client_id", &self.client_id));
                let query = encode(&pairs);
                return format!("curl '{issuer}/oauth/token?{query}' \\\n  -d 'client_secret={secret}'");
            }
            _ => pairs.push(("code_verifier", verifier)),
        }
        let who = match &self.client_secret {
            Some(secret) => format!(" \\\n  -u '{}:{}'", self.client_id, secret.expose()),
            None => {
                pairs.push(("client_id", &self.client_id));
                String::new()
            }
        };
        let fields: Vec<String> =
            pairs.iter().map(|(name, value)| format!(" \\\n  --data-urlencode '{name}={value}'")).collect();
        format!("curl '{issuer}/oauth/token'{who}{}", fields.concat())
    }

    fn userinfo_call(&self, issuer: &str) -> String {
        match self.kind {
            Kind::IdaasOauth2 => format!("curl '{issuer}/api/bff/v1.2/oauth2/userinfo?access_token=ACCESS_TOKEN'"),
            Kind::Gitlife => format!("curl '{issuer}/api/v5/user?access_token=ACCESS_TOKEN'"),
            _ => format!("curl '{issuer}/oauth/userinfo' -H 'Authorization: Bearer ACCESS_TOKEN'"),
        }
    }
}

#[derive(Template)]
#[template(path = "sample/landed.html")]
struct Landed<'a> {
    issuer: &'a str,
    name: &'a str,
    template: &'a str,
    received: &'a [(String, String)],
    call: String,
    userinfo_call: String,
}

/// Sends the person to the server for one of the other applications.
pub async fn start(State(sample): State<Arc<Sample>>, Path(template): Path<String>) -> Response {
    let Some(visit) = sample.visit(&template) else { return go("/", &[]) };
    let flow = Flow::new(sample.dice);
    // Gitlife skips its consent page only when scopes are named; without them all of its checkboxes are shown.
    let scope = (visit.kind != Kind::Gitlife).then(|| visit.kind.default_scopes().to_string());
    let redirect_uri = visit.redirect_uri(&sample.origin);
    let query = flow.query(&visit.client_id, &redirect_uri, scope.as_deref(), visit.pkce());
    go(&format!("{}/oauth/authorize?{query}", sample.issuer), &[flow.cookie()])
}

/// Shows the code of one of the other applications, and how to trade it.
pub async fn land(State(sample): State<Arc<Sample>>, Path(template): Path<String>, request: Request) -> Response {
    let Some(visit) = sample.visit(&template) else { return go("/", &[]) };
    let received = query(&request);
    let Some(flow) = Flow::of(request.headers()) else {
        return sample.problem(&Problem::new("This browser has no sign-in under way here."));
    };
    match flow.check(&received, &sample.issuer) {
        Err(problem) => sample.problem(&problem),
        Ok(code) => page(&Landed {
            issuer: &sample.issuer,
            name: &visit.name,
            template: visit.template(),
            received: &received,
            call: visit.call(&sample.issuer, &sample.origin, code, &flow.verifier),
            userinfo_call: visit.userinfo_call(&sample.issuer),
        }),
    }
}
