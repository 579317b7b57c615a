//! Consent: what a person is offered, when they need not be asked again, and what their ticks mean.
//!
//! Owns the rules per template (design, "Consent"). Does not own the page nor where consents are kept.

use crate::client::Client;
use crate::scope::ScopeSet;
use crate::template::Switch;

/// What the consent page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// One row per scope, in the order of the request (or of the registration).
    pub rows: Vec<OfferRow>,
}

/// One scope on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRow {
    /// The scope's name.
    pub scope: String,
    /// Whether its box starts ticked.
    pub ticked: bool,
    /// Whether its box cannot be changed: it is granted whenever anything is.
    pub fixed: bool,
}

/// What may be granted for `requested` (`None`: nothing was named): the requested scopes that the client registered, or
/// all registered ones.
pub fn offered(client: &Client, requested: Option<&ScopeSet>) -> ScopeSet {
    match requested {
        Some(requested) => requested.intersection(&client.scopes),
        None => client.scopes.clone(),
    }
}

/// The page for `requested`; `last` is what the store keeps for this person and application.
pub fn offer(client: &Client, requested: Option<&ScopeSet>, last: Option<&ScopeSet>) -> Offer {
    let per_scope = client.has(Switch::ConsentPerScope);
    let always = if per_scope { ALWAYS_PER_SCOPE } else { ALWAYS_STANDARD };
    let row = |scope: &str| {
        let fixed = scope == always;
        let ticked = fixed || !per_scope || last.is_some_and(|last| last.contains(scope));
        OfferRow { scope: scope.to_owned(), ticked, fixed }
    };
    Offer { rows: offered(client, requested).iter().map(row).collect() }
}

/// Whether the person must be asked. `asked_for` says that the client sent `prompt=consent`.
pub fn needed(client: &Client, requested: Option<&ScopeSet>, last: Option<&ScopeSet>, asked_for: bool) -> bool {
    // Anybody can pose as a public client, so an earlier consent says nothing about this request (statement 26, FM-55).
    if !client.confidential {
        return true;
    }
    if client.has(Switch::NoConsent) {
        return false;
    }
    if asked_for {
        return true;
    }
    let Some(last) = last else { return true };
    if client.has(Switch::ConsentPerScope) {
        // Skipped only when `scope` is sent and, as a set, is what was ticked last.
        requested != Some(last)
    } else {
        !offered(client, requested).is_subset(last)
    }
}

/// What the store is to keep for (person, application) after `granted` was ticked out of `offered`: under consent per
/// scope the ticks themselves ("ticked last"), elsewhere the ticks and what was consented before, is still registered and
/// was not offered now.
pub fn kept(client: &Client, offered: &ScopeSet, last: Option<&ScopeSet>, granted: &ScopeSet) -> ScopeSet {
    let mut kept = granted.clone();
    if !client.has(Switch::ConsentPerScope) {
        for scope in last.into_iter().flat_map(ScopeSet::iter) {
            if client.scopes.contains(scope) && !offered.contains(scope) {
                kept.insert(scope);
            }
        }
    }
    kept
}

impl Offer {
    /// What these ticks grant: the ticked rows and the fixed ones, in the offer's order. Ticks that were not offered
    /// count for nothing. `None` when nothing is granted (`access_denied`).
    pub fn decide(&self, ticked: &[&str]) -> Option<ScopeSet> {
        let mut granted = ScopeSet::empty();
        for row in self.rows.iter().filter(|row| row.fixed || ticked.contains(&row.scope.as_str())) {
            granted.insert(&row.scope);
        }
        (!granted.is_empty()).then_some(granted)
    }
}

/// The scope that is ticked and fixed on the page of the code-hosting wire.
const ALWAYS_PER_SCOPE: &str = "user_info";
/// The scope that is ticked and fixed elsewhere: without it there is no sign-in.
const ALWAYS_STANDARD: &str = "openid";
