//! Refusals: what a Git host's no means, whichever host said it.
//!
//! Owns the kinds of no, and the one question that an authorization's status hangs on: was it said definitely, and of
//! the token? Does not own the codes of our own wire, nor what a single host's status numbers mean
//! ([`crate::judge`] and the hosts' own files).

/// A host's no, with its reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no it is.
    pub why: Why,
    /// The host's own reason, one line, bounded, without any secret that we sent; or ours where the host said nothing.
    pub reason: String,
}

/// What kind of no it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too many requests: nothing was done, and nothing is wrong with the token.
    RateLimited {
        /// Milliseconds until it is worth asking again.
        retry_after: i64,
    },
    /// As many requests to it as may are under way from here: nothing was sent, and the host has asked for nothing.
    Crowded {
        /// Milliseconds until it is worth asking again.
        retry_after: i64,
    },
    /// The host does not accept the access token.
    TokenRefused,
    /// The host does not accept the code, the refresh token or the password.
    GrantRefused,
    /// The host does not accept our application: its administrator has to act, the authorization is not to blame.
    ClientRefused,
    /// The token is good but may not do this.
    ScopeMissing {
        /// The scopes that would do, as the host spells them, where it tells: as bounded and scrubbed as a reason.
        needed: Option<String>,
    },
    /// The person may not do this at the host.
    Forbidden,
    /// There is no such thing there, or it must not be known that there is.
    NotFound,
    /// It exists already.
    Conflict,
    /// It has changed since the caller read it: nothing was written.
    Stale,
    /// What was asked for makes no sense to the host, or to us.
    Invalid,
    /// The clone URL cannot be read, or lies at another host.
    BadCloneUrl,
    /// More than we carry.
    TooLarge,
    /// This kind of host has no way to do it.
    CannotDo,
    /// Nothing reached the host: nothing was done, and nothing is wrong with the token.
    Unreachable,
    /// The host is away, or speaks no sense: whether it acted is not known.
    HostBroken {
        /// Milliseconds until it is worth asking again, where the host tells.
        retry_after: Option<i64>,
    },
}

impl Refusal {
    /// A refusal with a reason in words; the words are made one bounded line.
    pub fn new(why: Why, reason: &str) -> Refusal {
        Refusal::raw(why, reason.to_owned()).told(str::to_owned)
    }

    /// A refusal in the host's own words, as they came. They are not fit to be told yet: whatever reads a reply hands
    /// them to [`Refusal::told`] before anybody else sees them.
    pub(crate) const fn raw(why: Why, reason: String) -> Refusal {
        Refusal { why, reason }
    }

    /// Makes all words that it holds fit to be told: `scrub` takes secrets out of the whole of them, and only then are
    /// they made one bounded line. The other way round, what is left of a secret at the bound would stay.
    pub(crate) fn told(self, scrub: impl Fn(&str) -> String) -> Refusal {
        let tell = |words: &str| one_line(&scrub(words));
        let why = match self.why {
            Why::ScopeMissing { needed } => Why::ScopeMissing { needed: needed.as_deref().map(tell) },
            why => why,
        };
        Refusal { why, reason: tell(&self.reason) }
    }

    /// What this kind of host has no way to do.
    pub fn cannot(sentence: &'static str) -> Refusal {
        Refusal { why: Why::CannotDo, reason: sentence.to_owned() }
    }

    /// What makes no sense.
    pub fn invalid(reason: &str) -> Refusal {
        Refusal::new(Why::Invalid, reason)
    }

    /// What does not exist.
    pub fn not_found(reason: &str) -> Refusal {
        Refusal::new(Why::NotFound, reason)
    }

    /// A host that answered something which no reader of its documentation would expect.
    pub fn broken(reason: &str) -> Refusal {
        Refusal::new(Why::HostBroken { retry_after: None }, reason)
    }

    /// A host that nothing reached.
    pub fn unreachable(reason: &str) -> Refusal {
        Refusal::new(Why::Unreachable, reason)
    }

    /// Whether it is certain that nothing was done: the host itself said no, or nothing reached it.
    pub const fn is_definite(&self) -> bool {
        !matches!(self.why, Why::HostBroken { .. })
    }

    /// Whether it is about the way to the host, or about its health, and not about what was asked.
    pub const fn is_outage(&self) -> bool {
        matches!(self.why, Why::HostBroken { .. } | Why::Unreachable | Why::Crowded { .. })
    }

    /// Whether this makes an authorization's status worse: only a definite no to the token or to what renews it does.
    pub const fn condemns_the_token(&self) -> bool {
        matches!(self.why, Why::TokenRefused | Why::GrantRefused)
    }
}

fn one_line(words: &str) -> String {
    let line = words.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(REASON_CHARS).collect()
}

/// The longest reason, in characters; the longest list of scopes too.
const REASON_CHARS: usize = 300;
