//! The members of a request's body.
//!
//! Owns their order and their spelling in JSON. Does not own which of them are secrets to whom
//! ([`super::Request`] takes those out of a host's words).

use crate::secret::Secret;

/// The members of a body, in order.
#[derive(Default)]
pub struct Fields(Vec<(&'static str, Field)>);

/// A member's value.
pub(super) enum Field {
    Text(String),
    Flag(bool),
    Number(u64),
    Secret(Secret),
    List(Vec<&'static str>),
    Group(Fields),
    Groups(Vec<Fields>),
}

impl Fields {
    /// None yet.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Adds open text.
    pub fn text(self, name: &'static str, value: &str) -> Fields {
        self.with(name, Field::Text(value.to_owned()))
    }

    /// Adds a yes or no.
    pub fn flag(self, name: &'static str, value: bool) -> Fields {
        self.with(name, Field::Flag(value))
    }

    /// Adds a number.
    pub fn number(self, name: &'static str, value: u64) -> Fields {
        self.with(name, Field::Number(value))
    }

    /// Adds a secret.
    pub fn secret(self, name: &'static str, value: &Secret) -> Fields {
        self.with(name, Field::Secret(value.clone()))
    }

    /// Adds a list of fixed words (JSON only).
    pub fn list(self, name: &'static str, words: &[&'static str]) -> Fields {
        self.with(name, Field::List(words.to_vec()))
    }

    /// Adds an object (JSON only).
    pub fn group(self, name: &'static str, fields: Fields) -> Fields {
        self.with(name, Field::Group(fields))
    }

    /// Adds a list of objects (JSON only).
    pub fn groups(self, name: &'static str, list: Vec<Fields>) -> Fields {
        self.with(name, Field::Groups(list))
    }

    /// Adds a secret if there is one.
    pub fn secret_if(self, name: &'static str, value: Option<&Secret>) -> Fields {
        match value {
            Some(value) => self.secret(name, value),
            None => self,
        }
    }

    /// The members, in order.
    pub(super) fn members(&self) -> &[(&'static str, Field)] {
        &self.0
    }

    fn with(mut self, name: &'static str, field: Field) -> Fields {
        self.0.push((name, field));
        self
    }
}

/// Writes an object.
pub(super) fn spell_group(fields: &Fields, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, field)) in fields.0.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        spell_text(name, out);
        out.push(b':');
        match field {
            Field::Text(text) => spell_text(text, out),
            Field::Secret(secret) => spell_text(secret.expose(), out),
            Field::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Field::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Field::Group(group) => spell_group(group, out),
            Field::Groups(groups) => spell_list(groups, spell_group, out),
            Field::List(words) => spell_list(words, |word, out| spell_text(word, out), out),
        }
    }
    out.push(b'}');
}

fn spell_list<T>(items: &[T], spell: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        spell(item, out);
    }
    out.push(b']');
}

/// Writes a text.
pub(super) fn spell_text(text: &str, out: &mut Vec<u8>) {
    // Writing text into memory cannot fail; should it ever, the host sees broken JSON and refuses.
    let _ = serde_json::to_writer(&mut *out, text);
}
