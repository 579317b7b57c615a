//! Identifiers and machine-made secrets: one spelling each, nothing shown.

use proptest::prelude::*;
use std::collections::BTreeSet;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, Kind, MachineSecret, Secret};

const KINDS: [(Kind, &str); 9] = [
    (Kind::AccessToken, "vst_at_"),
    (Kind::RefreshToken, "vst_rt_"),
    (Kind::Code, "vst_ac_"),
    (Kind::ClientSecret, "vst_cs_"),
    (Kind::Session, "vst_se_"),
    (Kind::Browser, "vst_br_"),
    (Kind::SetupLink, "vst_su_"),
    (Kind::AccessKey, "vst_sk_"),
    (Kind::GitState, "vst_gs_"),
];

fn sample(kind: Kind) -> MachineSecret {
    MachineSecret::new(kind, Id::new(1_700_000_000_000, [3; 10]), [0xa5; 32])
}

#[test]
fn an_identifier_tells_when_it_was_made() {
    for moment in [0, 1, 1_790_000_000_123, (1 << 48) - 1] {
        assert_eq!(vestibule_oauth::id::Id::new(moment, [0xff; 10]).made_at(), moment);
    }
}

#[test]
fn an_id_is_a_uuid_of_version_7_ordered_by_time() {
    let id = Id::new(0x0123_4567_89ab, [0xff; 10]);
    assert_eq!(id.to_string(), "0123456789ab7fffbfffffffffffffff");
    assert_eq!(format!("{id:?}"), id.to_string());
    assert!(Id::new(5, [0xff; 10]) < Id::new(6, [0; 10]));
    assert_eq!(Id::new(-1, [0; 10]), Id::new(0, [0; 10]));
    assert_ne!(Id::new(5, [1; 10]), Id::new(5, [2; 10]));
}

#[test]
fn an_id_has_one_spelling() {
    let id = Id::from_bytes([0xab; 16]);
    assert_eq!(Id::parse(&"ab".repeat(16)), Some(id));
    assert_eq!(id.as_bytes(), &[0xab; 16]);
    assert_eq!(Id::from_slice(&[0xab; 16]), Some(id));
    assert_eq!(Id::from_slice(&[0xab; 15]), None);
    assert_eq!(Id::from_slice(&[0xab; 17]), None);
    for bad in [
        "AB".repeat(16),
        "ab".repeat(15),
        "ab".repeat(17),
        "ag".repeat(16),
        String::new(),
        format!("{}\n", "a".repeat(31)),
        "abababab-abab-abab-abab-abababababab".to_owned(),
    ] {
        assert_eq!(Id::parse(&bad), None, "{bad}");
    }
}

#[test]
fn st_55_a_machine_made_secret_is_prefix_and_68_characters() {
    for (kind, prefix) in KINDS {
        let secret = sample(kind);
        let spelled = secret.spell();
        assert_eq!(kind.prefix(), prefix);
        assert!(spelled.expose().starts_with(prefix));
        assert_eq!(spelled.expose().len(), 75);
        let read = MachineSecret::parse(kind, spelled.expose()).unwrap();
        assert_eq!(read.id(), secret.id());
        assert!(read.digest().matches(&secret.digest()));
        assert!(secret.digest().matches(&Digest::of(&[0xa5; 32])), "the digest is that of the 256 random bits");
        assert_eq!(read.spell().expose(), spelled.expose());
    }
    assert_eq!(KINDS.iter().map(|(_, p)| p).collect::<BTreeSet<_>>().len(), KINDS.len());
}

#[test]
fn fm_78_a_secret_of_one_kind_is_never_taken_for_another() {
    for (kind, prefix) in KINDS {
        for (other, other_prefix) in KINDS.into_iter().filter(|(k, _)| *k != kind) {
            let spelled = sample(kind).spell();
            assert!(MachineSecret::parse(other, spelled.expose()).is_none());
            // Nor with its prefix exchanged: the checksum covers it.
            let forged = spelled.expose().replacen(prefix, other_prefix, 1);
            assert!(MachineSecret::parse(other, &forged).is_none(), "{forged}");
        }
    }
}

#[test]
fn fm_20_fm_23_no_prefix_suffix_or_flipped_character_of_a_secret_is_accepted() {
    let spelled = sample(Kind::Code).spell();
    let text = spelled.expose();
    for end in 0..text.len() {
        assert!(MachineSecret::parse(Kind::Code, &text[..end]).is_none());
        assert!(MachineSecret::parse(Kind::Code, &text[end + 1..]).is_none());
        for other in ['A', 'z', '0', '-', '_', '=', ' ', '+', '/'] {
            let mut mutant = text.to_owned();
            mutant.replace_range(end..=end, &other.to_string());
            assert_eq!(MachineSecret::parse(Kind::Code, &mutant).is_some(), mutant == text, "{mutant}");
        }
    }
    for tail in ["A", "=", " ", "\n", "AAAA"] {
        assert!(MachineSecret::parse(Kind::Code, &format!("{text}{tail}")).is_none());
        assert!(MachineSecret::parse(Kind::Code, &format!("{tail}{text}")).is_none());
    }
}

#[test]
fn fm_20_two_spliced_secrets_are_none() {
    let a = MachineSecret::new(Kind::Code, Id::from_bytes([1; 16]), [1; 32]).spell();
    let b = MachineSecret::new(Kind::Code, Id::from_bytes([2; 16]), [2; 32]).spell();
    for at in 8..75 {
        let spliced = format!("{}{}", &a.expose()[..at], &b.expose()[at..]);
        let same = spliced == a.expose() || spliced == b.expose();
        assert_eq!(MachineSecret::parse(Kind::Code, &spliced).is_some(), same, "{spliced}");
    }
}

#[test]
fn fm_97_digests_compare_by_value() {
    let digest = Secret::new("abc").digest();
    assert!(digest.matches(&Digest::of(b"abc")));
    assert!(!digest.matches(&Digest::of(b"abd")));
    assert_eq!(digest.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert!(Digest::from_slice(digest.as_bytes()).unwrap().matches(&digest));
    assert!(Digest::from_slice(&[0; 31]).is_none());
    assert!(Digest::from_slice(&[0; 33]).is_none());
    for bit in 0..256 {
        let mut bytes = *digest.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!Digest::from_slice(&bytes).unwrap().matches(&digest));
    }
}

#[test]
fn fm_107_fm_108_secrets_print_redacted() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
    assert_eq!(format!("{:?}", Secret::new("hunter2").digest()), "[digest]");
    assert_eq!(format!("{:?}", sample(Kind::Session)), "vst_se_[redacted]");
    assert_eq!(Secret::new("hunter2").expose(), "hunter2");
}

proptest! {
    #[test]
    fn fm_20_every_secret_is_read_back(id: [u8; 16], random: [u8; 32], at in 0..KINDS.len()) {
        let kind = KINDS[at].0;
        let secret = MachineSecret::new(kind, Id::from_bytes(id), random);
        let read = MachineSecret::parse(kind, secret.spell().expose()).unwrap();
        prop_assert_eq!(read.id(), Id::from_bytes(id));
        prop_assert!(read.digest().matches(&secret.digest()));
        prop_assert_eq!(Id::parse(&read.id().to_string()), Some(read.id()));
    }

    #[test]
    fn fm_118_no_text_makes_the_readers_panic(text in ".{0,100}", body in "[A-Za-z0-9_-]{68}") {
        let _ = (Id::parse(&text), MachineSecret::parse(Kind::Code, &text));
        let guess = format!("vst_ac_{body}");
        // Once in sixteen million the sum is right by chance.
        let read = MachineSecret::parse(Kind::Code, &guess);
        prop_assert!(read.is_none_or(|read| read.spell().expose() == guess));
    }
}
