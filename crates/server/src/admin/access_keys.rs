//! Access keys: adding, listing, disabling, removing.
//!
//! Owns their spelling: a name of 20 letters and digits that begins with `VSTK`, and a secret that is shown once and kept
//! sealed, because signatures are checked with it.

use super::{Changed, Desk, Thing, Unknown, people};
use crate::seal::{Place, Scope, Seal, Unsealed};
use vestibule_oauth::secret::{Kind, Secret};
use vestibule_store::StoreError;
use vestibule_store::access_keys::{AccessKeyLine, NewAccessKey};
use vestibule_store::applications::Change;

/// An access key that was just added.
#[derive(Debug)]
pub struct Added {
    /// Its name.
    pub access_key: String,
    /// Its secret: to be shown once.
    pub secret: Secret,
}

/// Adds an access key for a person.
pub async fn add(desk: &Desk<'_>, seal: &Seal, person: &str) -> Result<Changed<Added>, Unsealed> {
    let person_id = match people::find(desk, person).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let (id, access_key) = (desk.id(), name(desk.dice.bytes()));
    let secret = desk.dice.secret(Kind::AccessKey, id).spell();
    let place = Place { table: "access_keys", column: "sealed", row: id };
    let sealed = seal.seal(Scope::Deployment, &place, secret.expose().as_bytes()).await?;
    let new = NewAccessKey { id, access_key: access_key.clone(), person: person_id, secret: sealed };
    Ok(match desk.store.add_access_key(&new, &desk.note()).await? {
        Change::Done => Changed::Done(Added { access_key, secret }),
        // Between finding and adding, the person was removed.
        Change::NotFound => Changed::Unknown(Unknown::new(Thing::Person, person, [])),
    })
}

/// All access keys, by person.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<AccessKeyLine>, StoreError> {
    desk.store.list_access_keys().await
}

/// Switches an access key off, for good.
pub async fn disable(desk: &Desk<'_>, access_key: &str) -> Result<Changed<()>, StoreError> {
    let change = desk.store.disable_access_key(access_key, &desk.note()).await?;
    changed(desk, access_key, change).await
}

/// Removes an access key with its secret.
pub async fn remove(desk: &Desk<'_>, access_key: &str) -> Result<Changed<()>, StoreError> {
    let change = desk.store.remove_access_key(access_key, &desk.note()).await?;
    changed(desk, access_key, change).await
}

async fn changed(desk: &Desk<'_>, access_key: &str, change: Change) -> Result<Changed<()>, StoreError> {
    if change == Change::Done {
        return Ok(Changed::Done(()));
    }
    let lines = desk.store.list_access_keys().await?;
    let names = lines.iter().map(|line| line.access_key.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::AccessKey, access_key, names)))
}

/// A name of 80 random bits in capital letters and digits: two names never meet, and nothing in it can be misread.
fn name(random: [u8; 10]) -> String {
    let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let letter = |at: u32| char::from(LETTERS[(bits >> (5 * at) & 31) as usize]);
    "VSTK".chars().chain((0..16).rev().map(letter)).collect()
}

/// Without the letters and digits that look alike (RFC 4648 section 6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_spells_all_its_bits_in_twenty_letters_and_digits() {
        assert_eq!(name([0; 10]), "VSTKAAAAAAAAAAAAAAAA");
        assert_eq!(name([255; 10]), "VSTK7777777777777777");
        assert_eq!(name([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "VSTKAAAAAAAAAAAAAAAB");
        assert_eq!(name([8, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "VSTKBAAAAAAAAAAAAAAA");
    }
}
