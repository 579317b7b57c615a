//! The dice: the only place that draws random bytes, from the operating system's generator by way of aws-lc.
//!
//! Every rule and every verb takes its random values as arguments; they get them from here.

use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret};

/// Draws random values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dice;

impl Dice {
    /// `N` random bytes.
    ///
    /// A machine that cannot draw must not go on handing out secrets, so a failing generator ends the process.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }

    /// A row identifier for a row made at `now` (Unix milliseconds).
    pub fn id(self, now: i64) -> Id {
        Id::new(now, self.bytes())
    }

    /// A new secret of `kind` that belongs to the row `id`.
    pub fn secret(self, kind: Kind, id: Id) -> MachineSecret {
        MachineSecret::new(kind, id, self.bytes())
    }
}
