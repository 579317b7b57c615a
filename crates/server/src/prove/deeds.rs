//! What applications do at the server, each deed written into the history.
//!
//! Owns the deeds and what counts as acknowledged: a 2xx. Every other answer below 500 but 429 is a refusal; the rest
//! promises nothing, and says so with its status. Does not judge.

use super::driver::{Family, Held, Make, Stage, Tokens};
use super::history::{Doubt, Outcome, Pair, What};
use super::house::REDIRECT_URI;
use super::http::{self, Reply, encode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::atomic::Ordering;

/// The example of RFC 7636 appendix B: what is proven here does not hang on PKCE's being secret.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Of how many generations the access tokens are asked after.
const REMEMBERED: usize = 4;

/// An outcome, from an answer or the lack of one.
pub fn outcome(reply: &Result<Reply, String>) -> Outcome<()> {
    reply.as_ref().map_or(Outcome::Unknown(Doubt::NoAnswer), |reply| match reply.status {
        200..300 => Outcome::Done(()),
        429 => Outcome::Unknown(Doubt::Answered(429)),
        400..500 => Outcome::Refused,
        status => Outcome::Unknown(Doubt::Answered(status)),
    })
}

impl Stage<'_> {
    /// The family's client trades its code.
    pub fn redeem(&self, family: &Family) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", family.code.text.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let secret = self.secret(family.application).held;
        let outcome = self.trade(family, &secret, &form);
        self.recorder.write(begin, What::Redeem { code: family.code.name, by: secret.name, outcome: named(&outcome) });
        outcome
    }

    /// The family's client trades a refresh token.
    pub fn refresh(&self, family: &Family, presented: &Held) -> Outcome<Tokens> {
        self.refresh_with(family, presented, &self.secret(family.application).held)
    }

    /// The same with this secret.
    pub fn refresh_with(&self, family: &Family, presented: &Held, secret: &Held) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [("grant_type", "refresh_token"), ("refresh_token", presented.text.as_str())];
        let outcome = self.trade(family, secret, &form);
        self.recorder
            .write(begin, What::Refresh { presented: presented.name, by: secret.name, outcome: named(&outcome) });
        outcome
    }

    fn trade(&self, family: &Family, secret: &Held, form: &[(&str, &str)]) -> Outcome<Tokens> {
        let outcome = self.tokens(&self.post("/oauth/token", family.application, secret, form));
        let public = self.applications[family.application].make == Make::Public;
        if public && matches!(outcome, Outcome::Done(_)) {
            self.took_part.public.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Shows an access token to a resource: by turns to ours, and to one that asks us about it.
    pub fn show(&self, access: &Held) -> Outcome<()> {
        let begin = self.recorder.stamp();
        let by_resource = self.takes_turns();
        let outcome = if by_resource { self.introspect(access) } else { self.userinfo(access) };
        if outcome == Outcome::Done(()) {
            self.took_part.introspected.fetch_add(u64::from(by_resource), Ordering::Relaxed);
            self.took_part.signed.fetch_add(u64::from(access.text.contains('.')), Ordering::Relaxed);
        }
        self.recorder.write(begin, What::Use { access: access.name, outcome });
        outcome
    }

    fn userinfo(&self, access: &Held) -> Outcome<()> {
        let bearer = format!("Bearer {}", access.text);
        let call = |to| http::call(to, "GET", "/oauth/userinfo", &[("Authorization", &bearer)], "");
        outcome(&self.to().and_then(call))
    }

    /// The resource's own credentials are always good, so a refusal of them is no answer about the token.
    fn introspect(&self, access: &Held) -> Outcome<()> {
        let (client_id, secret) = &self.resource;
        let pair = format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")));
        let form = encode(&[("token", access.text.as_str())]);
        let call = |to| http::call(to, "POST", "/oauth/introspect", &[("Authorization", &pair)], &form);
        match self.to().and_then(call) {
            Ok(reply) if reply.status == 200 => match reply.flag("active") {
                Some(true) => Outcome::Done(()),
                Some(false) => Outcome::Refused,
                None => Outcome::Unknown(Doubt::Answered(reply.status)),
            },
            Ok(reply) => Outcome::Unknown(Doubt::Answered(reply.status)),
            Err(_) => Outcome::Unknown(Doubt::NoAnswer),
        }
    }

    /// One POST by an application, with this secret; by one that has none with its name alone.
    pub(super) fn post(
        &self,
        path: &str,
        application: usize,
        secret: &Held,
        form: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let client = &self.applications[application];
        if client.make == Make::Public {
            let form = [form, &[("client_id", client.client_id.as_str())]].concat();
            return http::call(self.to()?, "POST", path, &[], &encode(&form));
        }
        let pair = STANDARD.encode(format!("{}:{}", client.client_id, secret.text));
        let authorization = format!("Basic {pair}");
        http::call(self.to()?, "POST", path, &[("Authorization", &authorization)], &encode(form))
    }

    fn tokens(&self, reply: &Result<Reply, String>) -> Outcome<Tokens> {
        match (outcome(reply), reply) {
            (Outcome::Done(()), Ok(reply)) => match reply.text("access_token") {
                Some(access) => Outcome::Done(Tokens {
                    access: self.held_access(access),
                    refresh: reply.text("refresh_token").map(|text| self.held(text)),
                }),
                None => Outcome::Unknown(Doubt::Answered(reply.status)),
            },
            (Outcome::Unknown(doubt), _) => Outcome::Unknown(doubt),
            _ => Outcome::Refused,
        }
    }

    /// Asks of everything that the family ever had whether it is good, and trades what can be traded once.
    pub fn question(&self, family: &mut Family) {
        self.question_with(family, 1);
    }

    /// The same, and presents the newest refresh token so many times, one after the other: all answers are kept, because
    /// they must be one.
    pub fn question_with(&self, family: &mut Family, times: usize) {
        if family.tokens.is_empty()
            && let Outcome::Done(tokens) = self.redeem(family)
        {
            family.tokens.push(tokens);
        }
        for tokens in family.tokens.iter().rev().take(REMEMBERED) {
            self.show(&tokens.access);
        }
        let Some(newest) = family.tokens.last().and_then(|tokens| tokens.refresh.clone()) else { return };
        let answers: Vec<_> = (0..times).map(|_| self.refresh(family, &newest)).collect();
        for answer in answers {
            let Outcome::Done(tokens) = answer else { continue };
            self.show(&tokens.access);
            let names = |tokens: &Tokens| (tokens.access.name, tokens.refresh.as_ref().map(|held| held.name));
            if !family.tokens.iter().any(|known| names(known) == names(&tokens)) {
                family.tokens.push(tokens);
            }
        }
    }
}

/// The tokens' names.
fn named(outcome: &Outcome<Tokens>) -> Outcome<Pair> {
    match outcome {
        Outcome::Done(tokens) => Outcome::Done(Pair {
            access: tokens.access.name,
            refresh: tokens.refresh.as_ref().map(|refresh| refresh.name),
        }),
        Outcome::Refused => Outcome::Refused,
        Outcome::Unknown(doubt) => Outcome::Unknown(*doubt),
    }
}
