//! The verdicts of the judge, and how an operator reads them.

use crate::prove::history::{Doubt, Name, Span, Subject};
use std::fmt;

/// A rule that was broken, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A code gave tokens twice.
    SpentTwice { code: Name },
    /// A refresh token had two successors, or a token two origins.
    Forked { token: Name },
    /// A refresh token was good although its successor had been used.
    StaleGeneration { presented: Name },
    /// What had ended was good again, or still.
    AliveAfterEnd { subject: Subject, at: Span },
    /// What was acknowledged, and never ended, was refused.
    Lost { what: &'static str, name: Name, at: Span },
    /// No answer, or one that promises nothing, where nothing excuses it.
    Unanswered { doubt: Doubt, at: Span },
    /// A token that no answer ever handed out was good: the history itself is broken.
    Stranger { token: Name },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::SpentTwice { code } => write!(f, "code {code} gave tokens twice"),
            Violation::Forked { token } => write!(f, "token {token} forks its family"),
            Violation::StaleGeneration { presented } => {
                write!(f, "refresh token {presented} was good after its successor's use")
            }
            Violation::AliveAfterEnd { subject, at } => {
                write!(f, "{subject:?} had ended, and a success began at {}", at.begin)
            }
            Violation::Lost { what, name, at } => {
                write!(f, "{what} {name} was acknowledged and refused at {}", at.begin)
            }
            Violation::Unanswered { doubt: Doubt::NoAnswer, at } => {
                write!(f, "what began at {} was not answered, and nothing had been done to the server", at.begin)
            }
            Violation::Unanswered { doubt: Doubt::Answered(status), at } => {
                write!(f, "what began at {} was answered {status}", at.begin)
            }
            Violation::Stranger { token } => write!(f, "token {token} has no origin"),
        }
    }
}
