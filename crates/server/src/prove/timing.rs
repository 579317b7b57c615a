//! `vestibule prove timing`: whether the time of an answer tells a name that somebody has from one that nobody has (FM-96).
//!
//! Owns the pairs of tries and their statistics (Mann and Whitney's U: no average, so that one slow answer decides
//! nothing). The bytes of the answers are compared elsewhere.

use super::browser::Traveller;
use super::checker;
use super::driver::{Make, Stage};
use super::http;
use super::part::Part;
use crate::clock::Clock;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

/// Persons, applications.
pub const PEOPLE: usize = 1;
pub const APPLICATIONS: [Make; 1] = [Make::Opaque];

/// Told apart: by how many standard deviations, and how much oftener than every other time one is the slower.
const DEVIATIONS: f64 = 5.0;
const OFTENER: f64 = 0.1;

/// Two ways of asking, timed.
#[derive(Default)]
pub struct Pairs {
    known: Vec<Duration>,
    unknown: Vec<Duration>,
}

/// Everything that a run has timed.
#[derive(Default)]
pub struct Measured {
    /// Names of people.
    pub people: Pairs,
    /// Clients' ids.
    pub clients: Pairs,
}

/// What both samples say.
pub struct Verdict {
    /// How often the known one is slower than the unknown one: 0.5 tells nothing.
    pub slower: f64,
    /// How far that is from 0.5 in standard deviations of chance.
    pub deviations: f64,
}

impl Pairs {
    fn push(&mut self, known: bool, time: Duration) {
        if known { self.known.push(time) } else { self.unknown.push(time) }
    }

    /// Compares them.
    #[allow(clippy::cast_precision_loss, reason = "some thousand samples")]
    pub fn verdict(&self) -> Verdict {
        let (n, m) = (self.known.len() as f64, self.unknown.len() as f64);
        let mut others = self.unknown.clone();
        others.sort();
        let beaten = |time: &Duration| {
            let (below, not_above) = (others.partition_point(|o| o < time), others.partition_point(|o| o <= time));
            (below + not_above) as f64 / 2.0
        };
        let slower = self.known.iter().map(beaten).sum::<f64>() / (n * m).max(1.0);
        let deviation = ((n + m + 1.0) / (12.0 * n * m).max(1.0)).sqrt();
        Verdict { slower, deviations: (slower - 0.5) / deviation }
    }

    /// Whether somebody with as much patience would know.
    pub fn told_apart(&self) -> bool {
        let Verdict { slower, deviations } = self.verdict();
        deviations.abs() > DEVIATIONS && (slower - 0.5).abs() > OFTENER
    }

    /// For the result.
    pub fn line(&self) -> Value {
        let Verdict { slower, deviations } = self.verdict();
        json!({
            "median_known_us": median_us(&self.known),
            "median_unknown_us": median_us(&self.unknown),
            "known_is_slower": (slower * 1000.0).round() / 1000.0,
            "standard_deviations": (deviations * 100.0).round() / 100.0,
        })
    }
}

fn median_us(times: &[Duration]) -> u64 {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// One round: a wrong password for a name that somebody has and for one that nobody has, and a wrong secret for a client
/// and for none. They take turns at being first, so that what comes first being slower by itself tells nothing.
pub fn round(stage: &Stage<'_>, n: u64, measured: &mut Measured) -> Result<Vec<Part>, String> {
    let Measured { people, clients } = measured;
    let wrong = |name: &str| {
        let mut guest = stage.guest();
        let form = guest.browser.open_sign_in()?;
        let who = Traveller { name, password: "a wrong password of seven words or so" };
        let start = Clock::system();
        let status = guest.browser.answer_sign_in(&form, &who)?;
        expect(status, &[422]).map(|()| start.elapsed())
    };
    let known = n.is_multiple_of(2);
    for known in [known, !known] {
        let name = if known { stage.people[0].name.clone() } else { format!("nobody-{n}") };
        people.push(known, wrong(&name)?);
    }
    // The right one sets the counter back, or the next would have to wait.
    stage.sign_in(0, &stage.password(0));
    for known in [known, !known] {
        let id = if known { stage.applications[0].client_id.clone() } else { format!("app_{:032x}", 7) };
        let pair = STANDARD.encode(format!("{id}:vst_cs_wrong"));
        let headers = [("Authorization", &*format!("Basic {pair}"))];
        let start = Clock::system();
        let reply = http::call(stage.nodes[0], "POST", "/oauth/token", &headers, "grant_type=client_credentials")?;
        expect(reply.status, &[401, 429])?;
        clients.push(known, start.elapsed());
    }
    let history = stage.recorder.take();
    let found = checker::check(&history);
    Ok(vec![Part::new(history, found)])
}

fn expect(status: u16, good: &[u16]) -> Result<(), String> {
    if good.contains(&status) { Ok(()) } else { Err(format!("a wrong secret was answered {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(known: impl Fn(u64) -> u64, unknown: impl Fn(u64) -> u64) -> Pairs {
        let times = |of: &dyn Fn(u64) -> u64| (0..200).map(|n| Duration::from_micros(of(n))).collect();
        Pairs { known: times(&known), unknown: times(&unknown) }
    }

    #[test]
    fn what_is_the_same_is_not_told_apart_and_what_differs_is() {
        let noise = |n: u64| 1_000 + n * 37 % 400;
        assert!(!pairs(noise, noise).told_apart());
        let Verdict { slower, deviations } = pairs(noise, noise).verdict();
        assert!((slower - 0.5).abs() < 1e-9 && deviations.abs() < 1e-9);
        assert!(pairs(|n| noise(n) + 100, noise).told_apart());
        assert!(pairs(noise, |n| noise(n) + 100).told_apart());
        // One slow answer in fifty decides nothing.
        assert!(!pairs(|n| if n % 50 == 0 { 900_000 } else { noise(n) }, noise).told_apart());
        assert!((pairs(|_| 2, |_| 1).verdict().slower - 1.0).abs() < 1e-9);
    }
}
