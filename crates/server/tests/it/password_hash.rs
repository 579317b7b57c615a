//! A stored password hash with older parameters is made anew when its person shows the password.

use crate::harness::{Person, Server, Visitor, on_both};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use vestibule_store::Store;
use vestibule_store::people::Credentials;

const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A hash of this password as an earlier release could have made it.
fn older(password: &str) -> String {
    let mut hash = [0; 32];
    let params = Params::new(8_192, 1, 1, Some(hash.len())).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), b"sixteen bytes it", &mut hash).expect("a hash");
    let (salt, hash) = (STANDARD_NO_PAD.encode(b"sixteen bytes it"), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m=8192,t=1,p=1${salt}${hash}")
}

/// Does `work` with what is stored of this person, beside the server.
fn with_row<T>(server: &Server, person: &Person, work: impl AsyncFnOnce(Store, Credentials) -> T) -> T {
    server.with_store(async |store| {
        let row = store.find_credentials(&person.name, None).await.expect("reads").expect("is there");
        work(store, row).await
    })
}

fn stored(server: &Server, person: &Person) -> String {
    with_row(server, person, async |_, row| row.password_hash.expect("has one"))
}

fn age(server: &Server, person: &Person) -> String {
    let old = older(&person.password);
    let kept = with_row(server, person, async |store, row| {
        store.keep_rehashed(row.person, &row.password_hash.expect("has one"), &old).await.expect("runs")
    });
    assert!(kept);
    old
}

#[test]
fn a_hash_with_older_parameters_is_renewed_when_its_person_signs_in() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        assert!(stored(server, &person).starts_with(TODAY));
        let old = age(server, &person);
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let page = visitor.sign_in_as(&page, &person.name, "not the password");
        assert_eq!(stored(server, &person), old, "a wrong password renews nothing");
        let page = visitor.sign_in(&page, &person);
        assert!(page.shows("allow"), "{}", page.plain());
        let new = stored(server, &person);
        assert!(new.starts_with(TODAY), "{new}");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        assert!(visitor.sign_in(&page, &person).shows("allow"), "the new hash is of the same password");
        assert_eq!(stored(server, &person), new, "a hash of today stays");
    });
}

#[test]
fn a_hash_with_older_parameters_is_renewed_in_password_mode_too() {
    on_both(|server| {
        let (app, person) = server.app_and_person("gitlife");
        let old = age(server, &person);
        let ask = |password: &str| {
            let fields = [("grant_type", "password"), ("username", &*person.email), ("password", password)];
            app.token(&fields)
        };
        assert_ne!(ask("not the password").status, 200);
        assert_eq!(stored(server, &person), old, "a wrong password renews nothing");
        ask(&person.password).tokens();
        let new = stored(server, &person);
        assert!(new.starts_with(TODAY), "{new}");
        ask(&person.password).tokens();
        assert_eq!(stored(server, &person), new, "a hash of today stays");
    });
}
