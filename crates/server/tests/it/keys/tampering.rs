//! Sealed rows that somebody changed, and what a thief of the database finds.

use super::opener::Opener;
use super::{key_set, kids, listed};
use crate::harness::{Server, on_both_alone, postgres, wait_until};
use serde_json::Value;
use vestibule_store::Statement;
use vestibule_store::signing_keys::SigningKeyRow;

fn rows(server: &Server) -> Vec<SigningKeyRow> {
    server.with_store(async |store| store.signing_keys().await.expect("reads"))
}

fn whole(server: &Server) {
    wait_until("all six keys", || kids(server).len() == 6);
}

fn write(server: &Server, sql: &'static str, bytes: &[u8], row: &SigningKeyRow) {
    let values = vec![bytes.to_vec().into(), row.id.into()];
    server.with_store(async |store| store.run(vec![Statement::new(sql, values)]).await.expect("runs"));
}

const SEALED: &str = "UPDATE signing_keys SET sealed = $1 WHERE id = $2";

fn stop(server: &mut Server) {
    server.process().terminate();
    server.process().wait(std::time::Duration::from_secs(30));
}

/// Flipped, cut, swapped between rows: three keys that sign, each spoilt in its own way.
#[test]
fn fm_124_fm_128_a_changed_cut_or_swapped_row_is_refused_named_and_audited_and_its_neighbours_work() {
    on_both_alone(|mut server| {
        whole(&server);
        stop(&mut server);
        let all = rows(&server);
        let key = |algorithm: &str, signs: bool| {
            let found = all.iter().find(|row| row.algorithm.name() == algorithm && row.promoted_at.is_some() == signs);
            found.expect("is there").clone()
        };
        let (eddsa, es256) = (key("EdDSA", true), key("ES256", true));
        let mut flipped = eddsa.private.bytes.clone();
        *flipped.last_mut().expect("bytes") ^= 1;
        write(&server, SEALED, &flipped, &eddsa);
        write(&server, SEALED, &es256.private.bytes[..es256.private.bytes.len() - 1], &es256);
        // Rows of one table, one tenant and one data key: only the row differs.
        let (swapped, other) = (key("ES256", false), key("EdDSA", false));
        write(&server, SEALED, &other.private.bytes, &swapped);
        server.restart();

        wait_until("the next ES256 key was made anew", || {
            let next = listed(&server, "ES256", "next");
            next.len() == 1 && next[0]["kid"] != swapped.kid.as_str()
        });
        let published = || kids(&server);
        wait_until("the neighbours are published", || published().len() == 4);
        for bad in [&eddsa, &es256, &swapped] {
            assert!(!published().contains(&bad.kid), "a key that nobody here can open is not published");
        }
        assert!(published().contains(&key("RS256", true).kid), "its neighbours work");
        let trail = server.with_store(async |store| store.list_audit(200).await.expect("reads"));
        for bad in [&eddsa, &es256, &swapped] {
            let target = format!("signing_keys:{}", bad.id);
            let named: Vec<_> =
                trail.iter().filter(|row| row.action == "sealed.open" && row.target == target).collect();
            assert_eq!(named.len(), 1, "{target}");
            assert_eq!(named[0].outcome, "refused");
            assert!(server.output().contains(&bad.id.to_string()), "the log names the row");
        }
        // A key that cannot be opened still makes room: the next one takes its place.
        server.json(&["keys", "rotate", "--now", "--algorithm", "EdDSA"], "");
        wait_until("EdDSA signs again", || published().contains(&other.kid));
        assert_eq!(listed(&server, "EdDSA", "current")[0]["kid"], other.kid.as_str());
    });
}

/// Whoever can write into the database, but has not the key-encryption key, brings no key of their own into the set.
#[test]
fn st_85_fm_124_a_public_key_that_was_written_into_the_database_is_never_published() {
    on_both_alone(|mut server| {
        whole(&server);
        let row = rows(&server).into_iter().find(|row| row.algorithm.name() == "EdDSA").expect("is there");
        stop(&mut server);
        let forged = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let values = vec![forged.into(), row.id.into()];
        let sql = "UPDATE signing_keys SET jwk = $1 WHERE id = $2";
        server.with_store(async |store| store.run(vec![Statement::new(sql, values)]).await.expect("runs"));
        server.restart();
        let set = key_set(&server);
        assert!(set.iter().all(|key| key["x"] != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "{set:?}");
        assert!(set.iter().any(|key| key["kid"] == row.kid.as_str()));
    });
}

/// The canary is the private key itself, found with the key file; without it nobody finds it.
#[test]
fn st_85_fm_107_fm_110_fm_127_private_halves_are_in_no_file_no_row_no_log_and_no_answer() {
    on_both_alone(|mut server| {
        whole(&server);
        let opener = Opener::of(&server).expect("the key file unwraps");
        let open = |row: &SigningKeyRow| opener.open("signing_keys", "sealed", row.id, &row.private).expect("opens");
        let private: Vec<(String, Vec<u8>)> = rows(&server).iter().map(|row| (row.kid.clone(), open(row))).collect();
        assert_eq!(private.len(), 6);
        let pairwise =
            server.with_store(async |store| store.deployment_secret("pairwise subjects").await.expect("reads"));
        let pairwise = pairwise.expect("is there");
        let secret = opener.open("deployment_secrets", "sealed", pairwise.id, &pairwise.value).expect("opens");
        assert_eq!(secret.len(), 32);
        let mut said = String::new();
        for arguments in [vec!["keys", "list"], vec!["keys", "rotate", "--now"], vec!["keys", "rotate", "--data"]] {
            let output = server.command(&arguments, "");
            said += &String::from_utf8_lossy(&output.stdout);
            said += &String::from_utf8_lossy(&output.stderr);
        }
        said += &serde_json::to_string(&key_set(&server)).expect("JSON");
        for member in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\""] {
            assert!(!said.contains(member), "{member}: {said}");
        }
        stop(&mut server);
        said += &server.output();
        let mut heap = said.into_bytes();
        for entry in std::fs::read_dir(server.data_directory()).into_iter().flatten().flatten() {
            if entry.file_name() != "key" {
                heap.extend(std::fs::read(entry.path()).expect("reads"));
            }
        }
        if let Some(url) = &server.database_url {
            heap.extend(postgres::dump(url).into_bytes());
        }
        assert!(finds(&heap, private[0].0.as_bytes()), "the search finds what is there");
        for (kid, pkcs8) in &private {
            // Where PKCS#8 has what is private: after the head and the modulus for RSA, after the head for the others.
            let parts = match pkcs8.len() {
                ..100 => vec![&pkcs8[17..41]],
                100..200 => vec![&pkcs8[38..62]],
                _ => pkcs8[320..700].chunks(24).collect(),
            };
            assert!(parts.iter().all(|part| !finds(&heap, part)), "the private half of {kid}");
        }
        assert!(!finds(&heap, &secret[4..28]), "the secret of pairwise subjects");
    });
}

/// Raw, in hexadecimal, and in base64 at each of the three offsets.
fn finds(heap: &[u8], needle: &[u8]) -> bool {
    use base64::Engine as _;
    let hex: String = needle.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![needle.to_vec(), hex.into_bytes()];
    for offset in 0..3 {
        let whole = &needle[offset..offset + (needle.len() - offset) / 3 * 3];
        spellings.push(base64::engine::general_purpose::STANDARD.encode(whole).into_bytes());
        spellings.push(base64::engine::general_purpose::URL_SAFE.encode(whole).into_bytes());
    }
    spellings.iter().any(|spelling| memchr(heap, spelling))
}

fn memchr(heap: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let starts = heap.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().any(|(at, _)| heap[at..].starts_with(needle))
}

#[test]
fn st_85_the_key_set_has_public_members_only_and_no_name_twice() {
    on_both_alone(|server| {
        whole(&server);
        let public = ["kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"];
        let set = key_set(&server);
        for key in &set {
            let members = key.as_object().expect("an object");
            assert!(members.keys().all(|name| public.contains(&name.as_str())), "{key}");
            assert_eq!((&key["use"], key["kid"].as_str().map(str::len)), (&Value::from("sig"), Some(43)), "{key}");
        }
        let mut names: Vec<_> = set.iter().map(|key| key["kid"].as_str().expect("kid")).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 6);
    });
}
