//! Secrets as types: they print redacted, compare in constant time and cannot be serialized.
//!
//! Owns the spelling of every secret that Vestibule makes (`vst_<kind>_<id><secret><checksum>`) and their digests.
//! Does not own people's passwords: those are hashed by the server's own pool.

use crate::id::Id;
use aws_lc_rs::{constant_time, digest, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;
use zeroize::Zeroizing;

/// Text that must never be shown: a password, a client secret, a token as it was presented.
///
/// Has no `PartialEq`, no `Display` and no `Serialize` on purpose (FM-97, FM-108).
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `text`; its memory is wiped when the value is dropped.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself. Call it where the secret is used or handed to its owner, nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text, as it is stored and compared.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// SHA-256 of a machine-made secret. Machine-made secrets have 256 bits, so a plain digest protects them.
#[derive(Clone)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        let sum = digest::digest(&digest::SHA256, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(sum.as_ref());
        Digest(out)
    }

    /// What is no digest of a secret and stands in the place of one.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Reads a stored digest. Gives `None` unless there are exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(Digest)
    }

    /// The bytes, as they are stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in constant time.
    pub fn matches(&self, other: &Digest) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

/// What a machine-made secret is for. A secret of one kind is never taken for another (FM-78).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An access token, `vst_at_`.
    AccessToken,
    /// A refresh token, `vst_rt_`.
    RefreshToken,
    /// An authorization code, `vst_ac_`.
    Code,
    /// A client secret, `vst_cs_`.
    ClientSecret,
    /// A browser session's cookie, `vst_se_`.
    Session,
    /// The cookie that binds forms and authorization requests to a browser, `vst_br_`.
    Browser,
    /// The one-time link of the first administrator, `vst_su_`.
    SetupLink,
    /// The secret of an access key, `vst_sk_`.
    AccessKey,
    /// A project token, `vst_pt_`.
    ProjectToken,
    /// The `state` of a person's way to a Git host, `vst_gs_`.
    GitState,
}

impl Kind {
    /// The prefix by which people and leak scanners recognise the kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Kind::AccessToken => "vst_at_",
            Kind::RefreshToken => "vst_rt_",
            Kind::Code => "vst_ac_",
            Kind::ClientSecret => "vst_cs_",
            Kind::Session => "vst_se_",
            Kind::Browser => "vst_br_",
            Kind::SetupLink => "vst_su_",
            Kind::AccessKey => "vst_sk_",
            Kind::ProjectToken => "vst_pt_",
            Kind::GitState => "vst_gs_",
        }
    }
}

/// A machine-made secret: the row that it belongs to, and 256 random bits.
///
/// Spelled `prefix ‖ base64url(id ‖ secret ‖ checksum)`: 16 + 32 + 3 bytes are exactly 68 characters, so that no
/// character has spare bits and each spelling is the only one (FM-20, FM-23).
pub struct MachineSecret {
    kind: Kind,
    id: Id,
    secret: Zeroizing<[u8; 32]>,
}

impl MachineSecret {
    /// Makes one from a row identifier and 32 random bytes.
    pub fn new(kind: Kind, id: Id, random: [u8; 32]) -> MachineSecret {
        MachineSecret { kind, id, secret: Zeroizing::new(random) }
    }

    /// Makes one that belongs to the row `id` from another secret: HMAC-SHA256(`salt`, `label` ‖ the 256 bits of
    /// `presented`), where `salt` is a key of 32 bytes.
    ///
    /// Whoever presents that secret again gets the same one again, and whoever has only the salt, as the database does,
    /// cannot make it. Two things that are made of one secret need two labels, neither the beginning of the other.
    pub(crate) fn derive(
        kind: Kind,
        id: Id,
        salt: &hmac::Key,
        label: &str,
        presented: &MachineSecret,
    ) -> MachineSecret {
        let mut context = hmac::Context::with_key(salt);
        context.update(label.as_bytes());
        context.update(&*presented.secret);
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(context.sign().as_ref());
        MachineSecret { kind, id, secret }
    }

    /// Reads a spelling; `None` for another kind, a wrong length, a foreign character or a wrong checksum.
    pub fn parse(kind: Kind, text: &str) -> Option<MachineSecret> {
        let body = text.strip_prefix(kind.prefix())?;
        let mut bytes = Zeroizing::new([0u8; PAYLOAD + SUM]);
        if body.len() != 68 || URL_SAFE_NO_PAD.decode_slice(body, &mut *bytes).ok()? != bytes.len() {
            return None;
        }
        let (payload, sum) = bytes.split_first_chunk::<PAYLOAD>()?;
        if checksum(kind, payload) != sum {
            return None;
        }
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(&payload[16..]);
        Some(MachineSecret { kind, id: Id::from_slice(&payload[..16])?, secret })
    }

    /// The row that the secret belongs to.
    pub const fn id(&self) -> Id {
        self.id
    }

    /// What is stored of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&*self.secret)
    }

    /// The spelling that is handed to its owner, once.
    pub fn spell(&self) -> Secret {
        let mut payload = Zeroizing::new([0u8; PAYLOAD]);
        payload[..16].copy_from_slice(self.id.as_bytes());
        payload[16..].copy_from_slice(&*self.secret);
        let mut bytes = Zeroizing::new([0u8; PAYLOAD + SUM]);
        bytes[..PAYLOAD].copy_from_slice(&*payload);
        bytes[PAYLOAD..].copy_from_slice(&checksum(self.kind, &payload));
        let mut text = String::with_capacity(75);
        text.push_str(self.kind.prefix());
        URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
        Secret::new(text)
    }
}

impl fmt::Debug for MachineSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", self.kind.prefix())
    }
}

/// Bytes of a prefix, of what stands behind it, and of its checksum.
const PREFIX: usize = 7;
const PAYLOAD: usize = 48;
const SUM: usize = 3;

/// Three bytes by which a scanner tells a leaked secret from a look-alike, and we a typing error from an attack.
fn checksum(kind: Kind, payload: &[u8; PAYLOAD]) -> [u8; SUM] {
    let mut text = Zeroizing::new([0; PREFIX + PAYLOAD]);
    text[..PREFIX].copy_from_slice(kind.prefix().as_bytes());
    text[PREFIX..].copy_from_slice(payload);
    let [first, second, third, ..] = *Digest::of(&*text).as_bytes();
    [first, second, third]
}
