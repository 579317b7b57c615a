//! What rows need beforehand: sessions, tokens, codes and families, made through the server's own doors.
//!
//! Owns making them, and what of it is the crowd's: access tokens that are asked about, and the people who sign in, spread
//! over all that is stored. Sessions, codes, families and tokens to revoke are new: what is full around those are the
//! tables and indexes that they are written into and looked up in, not the pages that they themselves lie on.

use crate::browser::{self, Browser, VERIFIER};
use crate::caller::{Caller, Wanted};
use crate::crowd::Crowd;
use crate::house::{Application, House, PASSWORD, PEOPLE, REDIRECT_URI};
use crate::rows::CONNECTIONS;
use crate::wire::{self, Connection};
use std::net::SocketAddr;

/// What applications ask for: no ID token goes with it.
pub const SCOPE: &str = "profile email";
/// With which one goes.
pub const OPENID_SCOPE: &str = "openid profile email";
const SCOPE_WITH_REFRESH: &str = "profile offline_access";
const IDAAS_SCOPE: &str = "read";

/// A running server, and who is in the house.
pub struct Supply<'a> {
    pub house: &'a House,
    pub to: SocketAddr,
    /// Those who were loaded, few or many, if any were.
    pub crowd: Option<&'a Crowd>,
}

impl Supply<'_> {
    /// Access tokens of the web application.
    pub async fn web_tokens(&self) -> Result<Vec<String>, String> {
        match self.crowd {
            Some(crowd) => Ok(crowd.web_tokens.clone()),
            None => self.tokens(&self.house.applications.web, OPENID_SCOPE).await,
        }
    }

    /// Access tokens of the IDaaS application.
    pub async fn idaas_tokens(&self) -> Result<Vec<String>, String> {
        match self.crowd {
            Some(crowd) => Ok(crowd.idaas_tokens.clone()),
            None => self.tokens(&self.house.applications.idaas, IDAAS_SCOPE).await,
        }
    }

    /// A token for each person.
    async fn tokens(&self, application: &Application, scope: &str) -> Result<Vec<String>, String> {
        let mut tokens = Vec::new();
        for person in 0..PEOPLE {
            let mut browser = self.signed_in(person).await?;
            let code = browser.code(&application.client_id, scope).await?;
            tokens.push(self.member(&exchange(application, &code), "access_token").await?);
        }
        Ok(tokens)
    }

    /// A family of refresh tokens for each of `count` connections.
    pub async fn families(&self, application: &Application, count: usize) -> Result<Vec<String>, String> {
        let mut browser = self.signed_in(0).await?;
        let mut families = Vec::new();
        for _ in 0..count {
            let code = browser.code(&application.client_id, SCOPE_WITH_REFRESH).await?;
            families.push(self.member(&exchange(application, &code), "refresh_token").await?);
        }
        Ok(families)
    }

    /// The cookies of browsers that are signed in and have allowed `application` what it asks for.
    pub async fn sessions(&self, application: &Application, scope: &str) -> Result<Vec<String>, String> {
        let key = (application.client_id.clone(), scope.to_owned());
        let known = self.house.sessions.borrow().get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut cookies = Vec::new();
        for person in 0..PEOPLE {
            let mut browser = self.signed_in(person).await?;
            browser.code(&application.client_id, scope).await?;
            cookies.push(browser.cookie());
        }
        self.house.sessions.borrow_mut().insert(key, cookies.clone());
        Ok(cookies)
    }

    /// This many codes of `application`, none older than the second or two that making them takes.
    pub async fn codes(&self, application: &Application, scope: &str, count: usize) -> Result<Vec<String>, String> {
        let mut requests = Vec::new();
        for cookie in self.sessions(application, scope).await? {
            requests.push(wire::get(&browser::authorize(&application.client_id, scope), &[("cookie", &cookie)]));
        }
        self.collect(&requests, count, |reply| browser::code_in(reply.header("location")?)).await
    }

    /// This many access tokens of an application for itself.
    pub async fn service_tokens(&self, application: &Application, count: usize) -> Result<Vec<String>, String> {
        let requests = [client_credentials(application)];
        self.collect(&requests, count, |reply| reply.member("access_token")).await
    }

    /// Requests that each sign somebody in.
    pub async fn sign_ins(&self, count: usize) -> Result<Vec<Vec<u8>>, String> {
        let mut requests = Vec::new();
        for n in 0..count {
            let name = self.name(n);
            let page = Browser::open(self.to).await?.meet().await?;
            let form = [("form_token", page.form_token.as_str()), ("name", &name), ("password", PASSWORD)];
            requests.push(wire::post("/sign-in", &[("cookie", &page.cookie)], &form));
        }
        Ok(requests)
    }

    async fn signed_in(&self, person: usize) -> Result<Browser, String> {
        let mut browser = Browser::open(self.to).await?;
        browser.sign_in(&self.name(person)).await?;
        Ok(browser)
    }

    /// Somebody of the crowd, each far from the one before, or of the few people that every house has.
    fn name(&self, n: usize) -> String {
        self.crowd.map_or_else(|| format!("person-{}", n % PEOPLE), |crowd| crowd.name(n))
    }

    async fn member(&self, request: &[u8], member: &str) -> Result<String, String> {
        let mut line = Connection::open(self.to).await?;
        let reply = line.call(request).await?;
        reply.member(member).ok_or_else(|| reply.complaint())
    }

    /// Asks `requests` round and round over all connections until `count` answers have given something.
    async fn collect(
        &self,
        requests: &[Vec<u8>],
        count: usize,
        take: fn(&wire::Reply<'_>) -> Option<String>,
    ) -> Result<Vec<String>, String> {
        let mut gathering = Vec::new();
        for line in 0..CONNECTIONS {
            let (to, request) = (self.to, requests[line % requests.len()].clone());
            let share = count.div_ceil(CONNECTIONS);
            gathering.push(tokio::spawn(async move {
                let mut line = Connection::open(to).await?;
                let mut taken = Vec::with_capacity(share);
                for _ in 0..share {
                    let reply = line.call(&request).await?;
                    taken.push(take(&reply).ok_or_else(|| reply.complaint())?);
                }
                Ok::<_, String>(taken)
            }));
        }
        let mut all = Vec::with_capacity(count);
        for share in gathering {
            all.extend(share.await.map_err(|error| error.to_string())??);
        }
        Ok(all)
    }
}

/// One request, so that its answer can be looked at before the load starts. Gives the request and the answer's size.
pub async fn sample(to: SocketAddr, caller: &mut Caller) -> Result<(Vec<u8>, usize), String> {
    let request = caller.ask().ok_or("a row has nothing to ask")?.to_vec();
    let mut line = Connection::open(to).await?;
    let reply = line.call(&request).await?;
    let size = reply.body.len();
    caller.hear(&reply)?;
    Ok((request, size))
}

/// Deals requests out to `count` callers.
pub fn share(requests: Vec<Vec<u8>>, count: usize) -> Vec<Vec<Vec<u8>>> {
    let mut lists = vec![Vec::new(); count];
    for (n, request) in requests.into_iter().enumerate() {
        lists[n % count].push(request);
    }
    lists
}

/// Trades a code for tokens.
pub fn exchange(application: &Application, code: &str) -> Vec<u8> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    wire::post("/oauth/token", &[("authorization", &application.basic())], &form)
}

/// Asks for a token for the application itself.
pub fn client_credentials(application: &Application) -> Vec<u8> {
    wire::post("/oauth/token", &[("authorization", &application.basic())], &[("grant_type", "client_credentials")])
}

/// The answer to whatever is asked of the bare route.
pub const ANYTHING: Wanted = Wanted { status: 200, holds: "" };
