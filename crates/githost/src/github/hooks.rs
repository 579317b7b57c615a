//! Webhooks at GitHub.
//!
//! Owns these calls. Does not own what a webhook sends later.

use super::repos::locate;
use super::{Spot, accept, page, read_page, request};
use crate::answers::{HookItem, Listing};
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::hooks::may_make;
use crate::host::Place;
use crate::names::HookId;
use crate::paging::{self, Turn};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::Visit;
use crate::wire::{Fields, Method};

/// Lists webhooks.
pub fn hooks(visit: &Visit, place: &Place) -> Step<Listing<HookItem>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| hooks_of(&visit, &spot))
}

fn hooks_of(visit: &Visit, spot: &Spot) -> Step<Listing<HookItem>> {
    let (visit, address) = (visit.clone(), spot.at(visit, "hooks"));
    let ask = move |turn: &Turn| page(&visit, &address, turn);
    paging::walk(ask, |reply: &Reply, now, _: &Turn| read_page(reply, now, shapes::hooks))
}

/// Makes a webhook, unless one calls that address already: a create that is repeated after a lost answer.
pub fn create_hook(visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> {
    let (visit, url, secret) = (visit.clone(), url.to_owned(), secret.clone());
    locate(&visit, place).then(move |spot| {
        hooks_of(&visit, &spot).then(move |listing| {
            if let Err(refusal) = may_make(&listing, &url) {
                return Step::refuse(refusal);
            }
            let config = Fields::new().text("url", &url).text("content_type", "json");
            let config = config.secret("secret", &secret).text("insecure_ssl", "0");
            let fields = Fields::new().text("name", "web").flag("active", true);
            let fields = fields.list("events", &["push"]).group("config", config);
            Step::ask(request(&visit, Method::Post, spot.at(&visit, "hooks")).json(fields), |reply: &Reply, now| {
                accept(reply, now)?;
                shapes::hook(reply)
            })
        })
    })
}

/// Deletes a webhook.
pub fn delete_hook(visit: &Visit, place: &Place, hook: &HookId) -> Step<()> {
    let (visit, hook) = (visit.clone(), hook.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "hooks").segment(hook.as_str());
        Step::ask(request(&visit, Method::Delete, address), accept)
    })
}
