//! The dice: the only place that draws random bytes, from the operating system's generator by way of aws-lc.
//!
//! Every rule and every verb takes its random values as arguments; they get them from here.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use std::cell::RefCell;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::secret::{Kind, MachineSecret};
use zeroize::{Zeroize, Zeroizing};

/// Draws random values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dice;

impl Dice {
    /// `N` random bytes, each of which is handed out once.
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        CUP.with_borrow_mut(Cup::take)
    }

    /// The generator itself, for algorithms that draw while they sign.
    pub fn generator(self) -> SystemRandom {
        SystemRandom::new()
    }

    /// A row identifier for a row made at `now` (Unix milliseconds).
    pub fn id(self, now: i64) -> Id {
        Id::new(now, self.bytes())
    }

    /// A new secret of `kind` that belongs to the row `id`.
    pub fn secret(self, kind: Kind, id: Id) -> MachineSecret {
        MachineSecret::new(kind, id, self.bytes())
    }

    /// A new private key in PKCS#8. RSA, of 2048 bits, takes from a tenth of a second to several seconds: keep it off
    /// the threads that answer.
    pub fn pkcs8(self, algorithm: Algorithm) -> Zeroizing<Vec<u8>> {
        let made = || -> Result<Vec<u8>, Unspecified> {
            Ok(match algorithm {
                Algorithm::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8()?.as_ref().to_vec(),
                Algorithm::Es256 => {
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()?.as_ref().to_vec()
                }
                Algorithm::Rs256 => {
                    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
                    der.as_ref().to_vec()
                }
            })
        };
        // As above: the generator has failed.
        made().map_or_else(|_| std::process::abort(), Zeroizing::new)
    }
}

/// Bytes that a thread has drawn ahead: each call of the generator costs as much as hashing a token, and a request needs
/// six values.
struct Cup {
    bytes: [u8; 512],
    used: usize,
}

impl Drop for Cup {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

thread_local! {
    static CUP: RefCell<Cup> = const { RefCell::new(Cup { bytes: [0; 512], used: 512 }) };
}

impl Cup {
    /// Takes the next bytes out; nothing of them stays behind.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 512) };
        if self.bytes.len() - self.used < N {
            self.fill();
        }
        let next = &mut self.bytes[self.used..self.used + N];
        let mut taken = [0; N];
        taken.copy_from_slice(next);
        next.zeroize();
        self.used += N;
        taken
    }

    /// Draws anew. A machine that cannot draw must not go on handing out secrets, so a failing generator ends the process.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn fill(&mut self) {
        if aws_lc_rs::rand::fill(&mut self.bytes).is_err() {
            std::process::abort();
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_bytes_are_handed_out_twice_and_none_stay_behind() {
        let mut cup = Cup { bytes: [0; 512], used: 512 };
        let drawn: HashSet<[u8; 48]> = (0..1_000).map(|_| cup.take()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(!drawn.contains(&[0; 48]));
        assert!(cup.bytes[..cup.used].iter().all(|byte| *byte == 0));
        assert!(cup.bytes[cup.used..].iter().any(|byte| *byte != 0));
    }
}
