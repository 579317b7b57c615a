//! A caller: what one connection asks next, and what it takes for an answer.
//!
//! Owns that of each answer the status and one mark are looked at: a fast refusal is an error, not a fast answer.

use crate::wire::{self, Reply};
use std::sync::Arc;

/// One connection's questions.
pub struct Caller {
    next: Next,
    wanted: Wanted,
}

/// What an answer must be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub status: u16,
    /// Stands in the body, or in the location of a redirect.
    pub holds: &'static str,
}

enum Next {
    /// The same requests over and over, each caller from another one on.
    Around { requests: Arc<Vec<Vec<u8>>>, at: usize },
    /// Each request once: codes, and tokens to revoke.
    Once { requests: std::vec::IntoIter<Vec<u8>>, current: Vec<u8> },
    /// A family of refresh tokens: each answer holds the next question.
    Family { authorization: String, request: Vec<u8> },
}

impl Caller {
    /// `count` callers that go around `requests`.
    pub fn around(count: usize, requests: Vec<Vec<u8>>, wanted: Wanted) -> Vec<Caller> {
        let requests = Arc::new(requests);
        let from = |number: usize| number * requests.len() / count.max(1);
        (0..count)
            .map(|number| Caller { next: Next::Around { requests: requests.clone(), at: from(number) }, wanted })
            .collect()
    }

    /// A caller for each list, which asks each of its requests once.
    pub fn once(lists: Vec<Vec<Vec<u8>>>, wanted: Wanted) -> Vec<Caller> {
        let next = |requests: Vec<Vec<u8>>| Next::Once { requests: requests.into_iter(), current: Vec::new() };
        lists.into_iter().map(|requests| Caller { next: next(requests), wanted }).collect()
    }

    /// A caller that trades refresh tokens, beginning with `token`.
    pub fn family(authorization: &str, token: &str) -> Caller {
        let request = refresh(authorization, token);
        let wanted = Wanted { status: 200, holds: "refresh_token" };
        Caller { next: Next::Family { authorization: authorization.to_owned(), request }, wanted }
    }

    /// The next request; `None` when there is nothing more to ask.
    pub fn ask(&mut self) -> Option<&[u8]> {
        match &mut self.next {
            Next::Around { requests, at } => {
                *at = (*at + 1) % requests.len();
                Some(&requests[*at])
            }
            Next::Once { requests, current } => {
                *current = requests.next()?;
                Some(current)
            }
            Next::Family { request, .. } => Some(request),
        }
    }

    /// The next of the requests that are asked once each.
    pub fn peek(&self) -> Option<&[u8]> {
        match &self.next {
            Next::Once { requests, .. } => requests.as_slice().first().map(Vec::as_slice),
            _ => None,
        }
    }

    /// Judges an answer.
    pub fn hear(&mut self, reply: &Reply<'_>) -> Result<(), String> {
        let within = match reply.status {
            300..400 => reply.header("location").unwrap_or_default(),
            _ => reply.text(),
        };
        if reply.status != self.wanted.status || !within.contains(self.wanted.holds) {
            return Err(reply.complaint());
        }
        if let Next::Family { authorization, request } = &mut self.next {
            let token = reply.member("refresh_token").ok_or("an answer holds no refresh token")?;
            *request = refresh(authorization, &token);
        }
        Ok(())
    }
}

fn refresh(authorization: &str, token: &str) -> Vec<u8> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    wire::post("/oauth/token", &[("authorization", authorization)], &form)
}
