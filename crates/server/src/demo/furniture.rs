//! What stands in the demo's house: organizations, two people, an application of each template and the sample.
//!
//! Owns the names, and the file format in which generated passwords and secrets are kept for the next start. Everything
//! is added through the same verbs as on the command line.

use super::call::Peer;
use super::sample::Sample;
use super::visits::Visit;
use crate::admin::application_settings::Wanted;
use crate::admin::applications;
use crate::admin::assignments::{self, Assign, Assignee};
use crate::admin::{Actor, Desk, organizations, people};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::passwords;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Mutex;
use vestibule_oauth::secret::Secret;
use vestibule_oauth::template::Template;
use vestibule_store::{Store, StoreError};

/// Name, what it is below, external id.
const ORGANIZATIONS: [(&str, Option<&str>, &str); 4] = [
    ("Acme", None, "acme"),
    ("Engineering", Some("Acme"), "acme-eng"),
    ("Platform", Some("Engineering"), "acme-eng-platform"),
    ("Sales", Some("Acme"), "acme-sales"),
];

/// Everything that is kept of the demo beside its database.
#[derive(Serialize, Deserialize)]
pub struct Furniture {
    /// The port of the sample application.
    pub sample_port: u16,
    people: Vec<Person>,
    sample: Application,
    applications: Vec<Application>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Person {
    user_name: String,
    email: String,
    password: String,
    administrator: bool,
}

#[derive(Serialize, Deserialize)]
struct Application {
    name: String,
    template: String,
    client_id: String,
    client_secret: Option<String>,
}

/// Adds everything; with `kept` only the applications anew, whose redirect URIs hold the sample's new port.
pub async fn place(store: &Store, kept: Option<Furniture>, port: u16, origin: &str) -> Result<Furniture, String> {
    let failed = |error: StoreError| error.to_string();
    let desk = Desk::new(store, Actor::Server, Dice, Clock::system().now());
    let people = match kept {
        Some(kept) => {
            for application in kept.applications.iter().chain([&kept.sample]) {
                applications::remove(&desk, &application.client_id).await.map_err(failed)?;
            }
            kept.people
        }
        None => house(&desk).await?,
    };
    let sample = application(&desk, "Sample application", Template::Web, &[format!("{origin}/callback")]).await?;
    let mut applications = Vec::new();
    for template in Template::ALL {
        let redirect_uri = format!("{origin}/callback/{}", template.name());
        let redirect_uris = if template.redirects() { vec![redirect_uri] } else { Vec::new() };
        applications.push(application(&desk, name(template), template, &redirect_uris).await?);
    }
    // Only assigned people get in here. Alice does, because Platform is below Engineering; Bob sees the page that says no.
    let engineering = Assignee::Organization("Engineering");
    let assigned = assignments::set_assigned(&desk, name(Template::IdaasOauth2), engineering, true);
    expect(assigned.await.map_err(failed)?, |done| matches!(done, Assign::Done(_)))?;
    Ok(Furniture { sample_port: port, people, sample, applications })
}

fn name(template: Template) -> &'static str {
    match template {
        Template::Web => "Wiki",
        Template::Spa => "Dashboard",
        Template::Native => "Desktop mail",
        Template::Service => "Nightly report",
        Template::IdaasOauth2 => "Travel expenses",
        Template::Gitlife => "Build server",
    }
}

/// The organizations, and the two people in them.
async fn house(desk: &Desk<'_>) -> Result<Vec<Person>, String> {
    let failed = |error: StoreError| error.to_string();
    for (name, parent, external_id) in ORGANIZATIONS {
        let added = organizations::add(desk, name, parent, Some(external_id)).await.map_err(failed)?;
        expect(added, |added| matches!(added, organizations::Add::Added(_)))?;
    }
    let mut everybody = Vec::new();
    for (user_name, nickname, organization, external_id, administrator) in
        [("alice", "Alice", "Platform", "E-1001", true), ("bob", "Bob", "Sales", "E-1002", false)]
    {
        let email = format!("{user_name}@acme.example");
        let password = password(desk.dice);
        let secret = Secret::new(password.as_str());
        let input = people::Input {
            user_name,
            email: &email,
            nickname: Some(nickname),
            phone: Some("86 13811111111"),
            external_id: Some(external_id),
            locale: Some("en"),
            zone: Some("Europe/Berlin"),
            administrator,
        };
        let fit = people::judge(&input, &secret).map_err(|faults| format!("{faults:?}"))?;
        let hash = passwords::hash_once(&secret, desk.dice.bytes());
        let hash = hash.ok_or("there is not enough memory to hash the demo's passwords")?;
        let added = people::add(desk, fit, hash, Some(organization)).await.map_err(failed)?;
        expect(added, |added| matches!(added, people::Add::Added(_)))?;
        everybody.push(Person { user_name: user_name.to_owned(), email, password, administrator });
    }
    Ok(everybody)
}

async fn application(
    desk: &Desk<'_>,
    name: &str,
    template: Template,
    redirect_uris: &[String],
) -> Result<Application, String> {
    let input = applications::Input {
        name,
        template,
        redirect_uris,
        scopes: None,
        home_page: None,
        logo: None,
        verified: template == Template::Web,
        access: None,
        settings: Wanted::default(),
    };
    match applications::add(desk, input).await.map_err(|error| error.to_string())? {
        applications::Add::Added(sheet, secret) => Ok(Application {
            name: name.to_owned(),
            template: template.name().to_owned(),
            client_id: sheet.client.client_id,
            client_secret: secret.map(|secret| secret.expose().to_owned()),
        }),
        other => Err(unexpected(&other)),
    }
}

fn expect<T: Debug>(outcome: T, good: impl FnOnce(&T) -> bool) -> Result<(), String> {
    if good(&outcome) { Ok(()) } else { Err(unexpected(&outcome)) }
}

fn unexpected(outcome: &impl Debug) -> String {
    format!("the demo cannot be furnished ({outcome:?}); start over with --reset")
}

/// A password that can be typed: four groups of four letters and digits without look-alikes, 79 bits.
fn password(dice: Dice) -> String {
    const LETTERS: &[u8; 31] = b"abcdefghijkmnpqrstuvwxyz2345678";
    let mut text = String::new();
    while text.len() < 19 {
        for byte in dice.bytes::<32>() {
            // 248 is the largest multiple of 31: bytes from there on would make some letters likelier.
            if byte >= 248 || text.len() == 19 {
                continue;
            }
            text.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            if matches!(text.len(), 4 | 9 | 14) {
                text.push('-');
            }
        }
    }
    text
}

impl Furniture {
    /// What a newcomer reads in the terminal.
    pub fn text(&self, issuer: &str, origin: &str) -> String {
        let mut text = format!("\nOpen the sample application and sign in:\n\n    {origin}\n\n");
        for person in &self.people {
            let role = if person.administrator { "  (administrator)" } else { "" };
            text.push_str(&format!("    name  {:<7} password  {}{role}\n", person.user_name, person.password));
        }
        text.push_str(&format!("\nYour own account page is {issuer}/\n\nThe demo's applications:\n\n"));
        for application in self.applications.iter().chain([&self.sample]) {
            let Application { name, template, client_id, client_secret } = application;
            text.push_str(&format!("    {name:<19} {template:<13} client_id      {client_id}\n"));
            if let Some(secret) = client_secret {
                text.push_str(&format!("    {:<33} client_secret  {secret}\n", ""));
            }
        }
        text.push_str("\nTravel expenses lets only people of Engineering in: alice, but not bob.\n");
        text.push_str("Everything is kept in the demo's directory; --reset starts over with new passwords.\n");
        text
    }

    /// The same for tools: `people`, `applications` and the sample's address.
    pub fn json(&self, origin: &str) -> Value {
        let applications: Vec<_> = self.applications.iter().chain([&self.sample]).collect();
        json!({ "sample": origin, "people": self.people, "applications": applications })
    }

    /// The other applications that the sample gives a place to land.
    fn visits(&self) -> Vec<Visit> {
        let visit = |application: &Application| {
            let kind = Template::parse(&application.template).filter(|kind| kind.redirects())?;
            Some(Visit {
                name: application.name.clone(),
                kind,
                client_id: application.client_id.clone(),
                client_secret: application.client_secret.as_deref().map(Secret::new),
            })
        };
        self.applications.iter().filter_map(visit).collect()
    }
}

impl Sample {
    /// The sample application of this house.
    pub fn new(furniture: &Furniture, issuer: &str, origin: &str, peer: Peer, dice: Dice) -> Sample {
        Sample {
            peer,
            issuer: issuer.to_owned(),
            origin: origin.to_owned(),
            client_id: furniture.sample.client_id.clone(),
            client_secret: Secret::new(furniture.sample.client_secret.clone().unwrap_or_default()),
            visits: furniture.visits(),
            dice,
            results: Mutex::new(VecDeque::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_password_can_be_typed_and_is_never_the_same() {
        let (one, two) = (password(Dice), password(Dice));
        assert_ne!(one, two);
        for text in [one, two] {
            let groups: Vec<&str> = text.split('-').collect();
            assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{text}");
            assert!(!text.contains(['l', 'o', '0', '1', '9']), "{text}");
        }
    }
}
