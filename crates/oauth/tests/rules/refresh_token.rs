//! The judgement of a presented refresh token: rotated, refused, reused.

use crate::sample::{
    NOW, authed, authed_by_refresh_token, client, form, id, off_switches, scope, standing, told, unassigned,
};
use vestibule_oauth::access_token::{self, Unspelled};
use vestibule_oauth::client::Client;
use vestibule_oauth::client_auth::AuthedClient;
use vestibule_oauth::grant::refresh_token::{
    Ask, Generation, REPEAT_MS, Spent, Successor, Verdict, judge, refused, refused_alone, sender, successors,
};
use vestibule_oauth::grant::{self};
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::secret::{Digest, Kind, MachineSecret};
use vestibule_oauth::template::{Template, Wire};
use vestibule_oauth::token::{Pair, Standing};

fn generation() -> Generation {
    Generation {
        client: id(1),
        scope: scope("user_info projects"),
        spent: None,
        max_ends_at: NOW + 120_000,
        standing: standing(),
    }
}

fn gitlife() -> AuthedClient {
    authed(client(Template::Gitlife))
}

fn ask(rest: &str) -> Ask {
    match grant::read(&gitlife(), &form(&format!("grant_type=refresh_token&refresh_token=r{rest}"))) {
        Ok(grant::Ask::RefreshToken(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

/// The token that was traded in the tests of asking again, and what it was traded with.
fn presented() -> MachineSecret {
    MachineSecret::new(Kind::RefreshToken, id(50), [7; 32])
}

const SALT: [u8; 32] = [9; 32];

fn ask_again(scope: Option<&str>) -> Ask {
    Ask { refresh_token: presented().spell(), scope: scope.map(self::scope) }
}

/// Traded at `at` by a client that had authenticated.
fn spent_at(at: i64) -> Spent {
    let (access, refresh) = successors(&presented(), &SALT, id(51), id(52));
    let successor = Successor {
        refresh_id: refresh.id(),
        refresh_digest: refresh.digest(),
        salt: SALT,
        sender: None,
        spent: false,
        access_id: access.id(),
        access_digest: access.digest(),
        access_scope: scope("projects"),
        created_at: at,
        access_expires_at: at + 600_000,
        access_revoked: false,
    };
    Spent { at, successor: Some(successor) }
}

fn traded(change: impl FnOnce(&mut Successor)) -> Generation {
    let mut spent = spent_at(NOW);
    change(spent.successor.as_mut().expect("is there"));
    Generation { spent: Some(spent), ..generation() }
}

fn repeated(verdict: Verdict) -> Pair {
    match verdict {
        Verdict::Repeat(pair) => pair,
        other => panic!("{other:?}"),
    }
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn st_64_scope_is_that_of_the_grant_or_less() {
    let granted = |rest: &str| match judge(&gitlife(), &ask(rest), Some(&generation()), None, NOW) {
        Verdict::Rotate(scope) => scope,
        other => panic!("{rest}: {other:?}"),
    };
    assert_eq!(granted(""), scope("user_info projects"));
    assert_eq!(granted("&scope="), scope("user_info projects"));
    assert_eq!(granted("&scope=projects"), scope("projects"));
    assert_eq!(granted("&scope=projects%20user_info"), scope("user_info projects"));
    // Registered by the client, but not granted by the person.
    let more = refusal(judge(&gitlife(), &ask("&scope=user_info%20issues"), Some(&generation()), None, NOW));
    assert_eq!((more.code, more.status(), more.wire), (Code::InvalidScope, 400, Wire::Gitlife));
}

#[test]
fn a_refresh_token_alone_is_good_where_the_template_says_so() {
    let client = authed_by_refresh_token(client(Template::Gitlife));
    assert!(matches!(judge(&client, &ask(""), Some(&generation()), None, NOW), Verdict::Rotate(_)));
}

#[test]
fn fm_23_an_unknown_token_is_refused() {
    let refusal = refusal(judge(&gitlife(), &ask(""), None, None, NOW));
    assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidGrant, 400, Wire::Gitlife));
}

#[test]
fn st_63_fm_22_a_foreign_client_is_refused_and_cannot_end_the_family() {
    for spent in [None, Some(spent_at(NOW))] {
        let foreign = Generation { client: id(2), spent, ..generation() };
        assert_eq!(refusal(judge(&gitlife(), &ask(""), Some(&foreign), None, NOW)).code, Code::InvalidGrant);
    }
}

#[test]
fn st_66_fm_26_a_token_that_was_traded_ends_the_family_also_after_its_own_end() {
    let spent = Generation { spent: Some(Spent { at: NOW, successor: None }), ..generation() };
    let old = Generation { standing: Standing { expires_at: NOW - 1, ..standing() }, ..spent.clone() };
    for generation in [spent, old] {
        match judge(&gitlife(), &ask(""), Some(&generation), None, NOW) {
            Verdict::Reuse(refusal) => assert_eq!(refusal.code, Code::InvalidGrant),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn st_69_fm_31_a_token_dies_on_the_millisecond_of_its_idle_end_and_of_its_familys_end() {
    let judged = |generation: &Generation, now| {
        matches!(judge(&gitlife(), &ask(""), Some(generation), None, now), Verdict::Rotate(_))
    };
    let idle = generation();
    assert!(judged(&idle, idle.standing.expires_at - 1));
    assert!(!judged(&idle, idle.standing.expires_at));
    let family = Generation { max_ends_at: NOW + 5, ..generation() };
    assert!(judged(&family, NOW + 4));
    assert!(!judged(&family, NOW + 5));
    assert!(!judged(&family, NOW + 6));
}

#[test]
fn st_68_fm_30_each_off_switch_ends_refreshing() {
    for (name, standing) in off_switches() {
        let generation = Generation { standing, ..generation() };
        assert_eq!(
            refusal(judge(&gitlife(), &ask(""), Some(&generation), None, NOW)).code,
            Code::InvalidGrant,
            "{name}"
        );
    }
}

#[test]
fn fm_62_a_person_who_is_not_assigned_any_more_gets_nothing() {
    let generation = Generation { standing: unassigned(), ..generation() };
    let other = refusal(judge(&gitlife(), &ask(""), Some(&generation), None, NOW));
    assert_eq!((other.code, other.status()), (Code::InvalidGrant, 400));
    assert!(other.description().contains("assign"));
    let idaas = refusal(judge(&authed(client(Template::IdaasOauth2)), &ask(""), Some(&generation), None, NOW));
    assert_eq!(told(&idaas), (Code::Forbidden, "Forbidden", 403));
}

#[test]
fn unknown_foreign_expired_and_traded_tokens_are_told_the_same() {
    let client = authed(client(Template::Web));
    let expected = refused(&client).body();
    let foreign = Generation { client: id(2), ..generation() };
    let spent = Generation { spent: Some(Spent { at: NOW, successor: None }), ..generation() };
    let family = Generation { max_ends_at: NOW, ..generation() };
    let idle = Generation { standing: Standing { expires_at: NOW, ..standing() }, ..generation() };
    for generation in [None, Some(&foreign), Some(&spent), Some(&family), Some(&idle)] {
        match judge(&client, &ask(""), generation, None, NOW) {
            Verdict::Refuse(refusal) | Verdict::Reuse(refusal) => assert_eq!(refusal.body(), expected),
            Verdict::Rotate(_) | Verdict::Repeat(_) => panic!("{generation:?}"),
        }
    }
    assert!(expected.contains("refresh_token is unknown"));
}

#[test]
fn fm_29_the_same_sender_gets_the_identical_pair_for_thirty_seconds_with_what_is_left_of_its_time() {
    let (access, refresh) = successors(&presented(), &SALT, id(51), id(52));
    for (later, left) in [(-2_000, 602), (0, 600), (1, 599), (REPEAT_MS, 570)] {
        // The traded token's own idle time may have ended meanwhile.
        let standing = Standing { expires_at: NOW, ..standing() };
        let generation = Generation { standing, ..traded(|_| {}) };
        let pair = repeated(judge(&gitlife(), &ask_again(None), Some(&generation), None, NOW + later));
        let Unspelled::Opaque(again) = &pair.access else { panic!("{pair:?}") };
        assert_eq!(again.spell().expose(), access.spell().expose());
        assert_eq!(
            pair.refresh.as_ref().map(|token| token.spell().expose().to_owned()).as_deref(),
            Some(refresh.spell().expose())
        );
        assert_eq!((pair.expires_in_s(NOW + later), pair.created_at), (left, NOW));
        assert_eq!(pair.scope, scope("projects"));
    }
    let short = traded(|successor| successor.access_expires_at = NOW - 1);
    assert_eq!(repeated(judge(&gitlife(), &ask_again(None), Some(&short), None, NOW)).expires_in_s(NOW), 0);
    assert_eq!(REPEAT_MS, 30_000);
}

#[test]
fn fm_29_a_signed_access_token_is_signed_again_over_its_row_as_what_it_was_then() {
    for algorithm in Algorithm::ALL {
        let signed = traded(|successor| successor.access_digest = access_token::mark(algorithm));
        // The client's tokens are opaque by now: what was given then is given again.
        let pair = repeated(judge(&gitlife(), &ask_again(None), Some(&signed), None, NOW + 9_000));
        assert!(matches!(pair.access, Unspelled::Signed(a, row) if a == algorithm && row == id(51)), "{pair:?}");
        assert_eq!(
            (pair.created_at, pair.access_expires_at, pair.expires_in_s(NOW + 9_000)),
            (NOW, NOW + 600_000, 591)
        );
        // The refresh token beside it still proves that the presenter holds what was traded.
        let forged = traded(|successor| {
            successor.access_digest = access_token::mark(algorithm);
            successor.refresh_digest = Digest::of(b"forged");
        });
        let verdict = judge(&gitlife(), &ask_again(None), Some(&forged), None, NOW);
        assert!(matches!(verdict, Verdict::Reuse(_)), "{verdict:?}");
    }
}

#[test]
fn fm_32_st_66_asking_again_too_late_or_after_the_successor_was_used_or_as_somebody_else_is_reuse() {
    let reuse = |client: &AuthedClient, generation: &Generation, sender: Option<&Digest>, now| {
        let verdict = judge(client, &ask_again(None), Some(generation), sender, now);
        assert!(matches!(verdict, Verdict::Reuse(_)), "{verdict:?}");
    };
    let (here, there) = (Digest::of(b"here"), Digest::of(b"there"));
    reuse(&gitlife(), &traded(|_| {}), None, NOW + REPEAT_MS + 1);
    reuse(&gitlife(), &traded(|s| s.spent = true), None, NOW);
    reuse(&gitlife(), &traded(|_| {}), Some(&here), NOW);
    reuse(&gitlife(), &traded(|s| s.sender = Some(here.clone())), Some(&there), NOW);
    reuse(&gitlife(), &traded(|s| s.sender = Some(here.clone())), None, NOW);
    // A row that was tampered with gives nothing that we did not give before.
    reuse(&gitlife(), &traded(|s| s.salt = [1; 32]), None, NOW);
    reuse(&gitlife(), &traded(|s| s.access_digest = here.clone()), None, NOW);
    reuse(&gitlife(), &traded(|s| s.refresh_digest = here.clone()), None, NOW);
    let same = traded(|s| s.sender = Some(here.clone()));
    repeated(judge(&gitlife(), &ask_again(None), Some(&same), Some(&Digest::of(b"here")), NOW));
}

#[test]
fn st_68_fm_30_asking_again_is_refused_by_each_off_switch_and_does_not_widen_the_scope() {
    for (name, standing) in off_switches().into_iter().filter(|(name, _)| *name != "expired") {
        let generation = Generation { standing, ..traded(|_| {}) };
        let verdict = judge(&gitlife(), &ask_again(None), Some(&generation), None, NOW);
        assert_eq!(refusal(verdict).code, Code::InvalidGrant, "{name}");
    }
    let over = Generation { max_ends_at: NOW, ..traded(|_| {}) };
    assert_eq!(refusal(judge(&gitlife(), &ask_again(None), Some(&over), None, NOW)).code, Code::InvalidGrant);
    let wider = judge(&gitlife(), &ask_again(Some("user_info issues")), Some(&traded(|_| {})), None, NOW);
    assert_eq!(refusal(wider).code, Code::InvalidScope);
    let within = judge(&gitlife(), &ask_again(Some("user_info projects")), Some(&traded(|_| {})), None, NOW);
    assert_eq!(repeated(within).scope, scope("projects"), "what was given is given again, and nothing else");
}

#[test]
fn st_70_fm_29_a_pair_whose_access_token_was_revoked_is_not_given_again_and_reuse_of_it_still_ends_the_family() {
    let revoked = |change: fn(&mut Successor)| {
        traded(|successor| {
            successor.access_revoked = true;
            change(successor);
        })
    };
    let verdict = judge(&gitlife(), &ask_again(None), Some(&revoked(|_| {})), None, NOW + 1);
    assert_eq!(refusal(verdict).code, Code::InvalidGrant);
    for (generation, now) in [(revoked(|_| {}), NOW + REPEAT_MS + 1), (revoked(|next| next.spent = true), NOW)] {
        let verdict = judge(&gitlife(), &ask_again(None), Some(&generation), None, now);
        assert!(matches!(verdict, Verdict::Reuse(_)), "{verdict:?}");
    }
}

#[test]
fn st_63_fm_22_a_foreign_client_is_not_given_the_pair_nor_can_it_end_the_family() {
    let foreign = Generation { client: id(2), ..traded(|_| {}) };
    assert_eq!(refusal(judge(&gitlife(), &ask_again(None), Some(&foreign), None, NOW)).code, Code::InvalidGrant);
}

#[test]
fn a_sender_is_its_client_or_else_its_address_and_user_agent() {
    let of =
        |client: &AuthedClient, address: &str, agent: &str| sender(client, address.parse().expect("an address"), agent);
    assert!(of(&gitlife(), "192.0.2.1", "x").is_none());
    for client in [authed_by_refresh_token(client(Template::Gitlife)), authed(client(Template::Spa))] {
        let here = of(&client, "192.0.2.1", "x").expect("is told apart");
        let same = |address: &str, agent: &str| of(&client, address, agent).is_some_and(|other| other.matches(&here));
        assert!(same("192.0.2.1", "x") && same("::ffff:192.0.2.1", "x"));
        assert!(!same("192.0.2.2", "x") && !same("192.0.2.1", "y") && !same("192.0.2.1", ""));
    }
}

#[test]
fn a_successor_cannot_be_made_without_the_presented_secret_and_differs_by_salt_and_use() {
    let (access, refresh) = successors(&presented(), &SALT, id(51), id(52));
    let other = MachineSecret::new(Kind::RefreshToken, id(50), [8; 32]);
    let digests = [
        access.digest(),
        refresh.digest(),
        successors(&presented(), &[10; 32], id(51), id(52)).0.digest(),
        successors(&other, &SALT, id(51), id(52)).0.digest(),
        presented().digest(),
        Digest::of(&SALT),
    ];
    for (n, one) in digests.iter().enumerate() {
        assert!(digests[..n].iter().all(|other| !one.matches(other)), "{n}");
    }
    // HMAC-SHA256 as Python's hmac module computes it, so that no later version strands who asks again.
    let expected = MachineSecret::new(Kind::AccessToken, id(51), EXPECTED_ACCESS);
    assert_eq!(access.spell().expose(), expected.spell().expose());
}

const EXPECTED_ACCESS: [u8; 32] = [
    0x05, 0x74, 0x50, 0xf3, 0x2f, 0x80, 0x2c, 0xe8, 0x00, 0x6e, 0xad, 0x7a, 0x47, 0x16, 0x2f, 0xbf, 0x31, 0x61, 0xbf,
    0xe7, 0xe4, 0xda, 0x01, 0xcf, 0x2f, 0xe8, 0xa7, 0x45, 0xd7, 0x74, 0x22, 0xba,
];

#[test]
fn fm_30_st_64_a_refresh_gives_only_what_the_application_still_registers() {
    let registering = |scopes: &str| authed(Client { scopes: scope(scopes), ..client(Template::Gitlife) });
    let less = registering("projects emails");
    match judge(&less, &ask(""), Some(&generation()), None, NOW) {
        Verdict::Rotate(left) => assert_eq!(left, scope("projects")),
        other => panic!("{other:?}"),
    }
    let gone = refusal(judge(&less, &ask("&scope=user_info"), Some(&generation()), None, NOW));
    assert_eq!(gone.code, Code::InvalidScope);
    let nothing = refusal(judge(&registering("emails"), &ask(""), Some(&generation()), None, NOW));
    assert_eq!((nothing.code, nothing.wire), (Code::InvalidGrant, Wire::Gitlife));
    // Asking again for what was given before is no way around.
    let again = traded(|successor| successor.access_scope = scope("user_info projects"));
    assert_eq!(repeated(judge(&less, &ask_again(None), Some(&again), None, NOW)).scope, scope("projects"));
    let nothing = refusal(judge(&registering("emails"), &ask_again(None), Some(&again), None, NOW));
    assert_eq!(nothing.code, Code::InvalidGrant);
}

#[test]
fn an_unknown_token_alone_is_a_bad_grant_and_no_bad_client() {
    let token = presented().spell();
    let token = token.expose();
    let alone = refused_alone(&form(&format!("grant_type=refresh_token&refresh_token={token}")));
    assert_eq!((alone.code, alone.status(), alone.wire), (Code::InvalidGrant, 400, Wire::Gitlife));
    for other in [
        "grant_type=refresh_token&refresh_token=r".to_owned(),
        format!("grant_type=password&refresh_token={token}"),
        format!("grant_type=refresh_token&refresh_token={token}&client_secret=s"),
        format!("grant_type=refresh_token&refresh_token={token}&client_id=c"),
    ] {
        assert_eq!(refused_alone(&form(&other)).code, Code::InvalidClient, "{other}");
    }
}
