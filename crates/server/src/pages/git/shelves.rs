//! What a person sees of a Git host: a list to choose from, a file, or why there is nothing to see.
//!
//! Owns the context of the page, how much of a file is shown, and that what a stranger wrote into a repository can neither act
//! nor disguise itself: it is escaped, and what would turn the direction of text is made visible. Asking the host is `browse`'s.

use crate::pages::{finish, style};
use crate::text::{Language, Text};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vestibule_githost::answers::File;

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People, groups and organizations.
    Namespaces,
    /// Repositories of one of them.
    Repositories,
    /// Branches of a repository.
    Branches,
    /// Files and folders of a branch.
    Folder,
}

/// Why there is nothing to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The authorization does not open the host any more, and why.
    Over(String),
    /// The host has had enough for so many seconds.
    Wait(u32),
    /// As much as may is under way from here; after so many seconds it makes sense to come again.
    Later(u32),
    /// There is no such thing there, or it must not be known that there is.
    NotThere,
    /// More than is carried.
    TooLarge,
    /// The host said no, in its own words.
    Refused(String),
    /// The host is away, or speaks no sense.
    Away,
}

impl Trouble {
    /// The HTTP status that says the same.
    pub const fn status(&self) -> u16 {
        match self {
            Trouble::Over(_) => 409,
            Trouble::Wait(_) | Trouble::Later(_) => 429,
            Trouble::NotThere => 404,
            Trouble::TooLarge => 422,
            Trouble::Refused(_) => 403,
            Trouble::Away => 502,
        }
    }
}

/// Something to choose.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name.
    pub label: String,
    /// Where it leads; nowhere, if no address can name it.
    pub to: Option<String>,
    /// Whether there is more inside.
    pub is_folder: bool,
}

/// A step of the way back.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// Its name.
    pub label: String,
    /// Where it leads.
    pub to: String,
}

/// What lies where the person stands.
#[derive(Clone, Debug)]
pub enum Contents {
    /// A list.
    Shelf {
        /// Of what.
        kind: Kind,
        /// The entries.
        items: Vec<Item>,
        /// How many more there are than are shown.
        hidden: usize,
        /// Whether the host has more than it told.
        is_cut: bool,
    },
    /// A file.
    File(File),
    /// Nothing, and why.
    None(Trouble),
}

/// The page's context.
pub struct ShelfPage<'a> {
    /// The language.
    pub language: Language,
    /// The project's name.
    pub project: &'a str,
    /// The authorization's name.
    pub authorization: &'a str,
    /// The page of the project.
    pub back: &'a str,
    /// The way here.
    pub crumbs: &'a [Crumb],
    /// What is here.
    pub contents: &'a Contents,
}

impl ShelfPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let (items, kind, hidden, is_cut) = match self.contents {
            Contents::Shelf { kind, items, hidden, is_cut } => (items.as_slice(), Some(*kind), *hidden, *is_cut),
            Contents::File(_) | Contents::None(_) => (&[][..], None, 0, false),
        };
        let sheet = if let Contents::File(file) = self.contents { Some(Sheet::of(text, file)) } else { None };
        let (way, here) = match self.crumbs.split_last() {
            Some((here, way)) => (way, here.label.as_str()),
            None => (&[][..], self.authorization),
        };
        let html = ShelfHtml {
            text,
            lead: (text.browse.lead)(self.authorization, self.project),
            back: self.back,
            way: way.iter().map(|crumb| (visible(&crumb.label), crumb.to.as_str())).collect(),
            here: visible(here),
            heading: kind.map(text.browse.heading),
            items: items.iter().map(|item| (visible(&item.label), item)).collect(),
            empty: kind.filter(|_| items.is_empty()).map(text.browse.empty),
            hidden: (hidden > 0).then(|| (text.browse.hidden)(hidden)),
            cut: is_cut.then_some(text.browse.cut),
            sheet,
            trouble: if let Contents::None(trouble) = self.contents {
                Some(visible(&(text.browse.trouble)(trouble)))
            } else {
                None
            },
            is_over: matches!(self.contents, Contents::None(Trouble::Over(_))),
        };
        finish(html.render())
    }
}

/// A file as it is shown.
struct Sheet {
    /// Its text, as much as is shown of it; `None` for what is none.
    text: Option<String>,
    facts: String,
    note: Option<String>,
}

impl Sheet {
    fn of(words: &Text, file: &File) -> Sheet {
        let base64 = file.content.as_str();
        let length = base64.len() / 4 * 3 - base64.bytes().rev().take_while(|byte| *byte == b'=').count();
        let facts = (words.browse.facts)(length, &file.sha);
        // Not more of it is decoded than is shown; four characters are three bytes.
        let shown = STANDARD.decode(&base64[..base64.len().min(MOST_SHOWN_BYTES / 3 * 4)]).unwrap_or_default();
        // Only a character that was cut in two is forgiven, and only where we cut.
        let text = match std::str::from_utf8(&shown) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() && shown.len() < length => {
                std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let text = text.filter(|text| !text.contains('\0'));
        let note = match text {
            None => Some(words.browse.binary.to_owned()),
            Some("") => Some(words.browse.empty_file.to_owned()),
            Some(_) if shown.len() < length => Some((words.browse.shortened)(MOST_SHOWN_BYTES / 1024)),
            Some(_) => None,
        };
        Sheet { text: text.filter(|text| !text.is_empty()).map(visible), facts, note }
    }
}

/// How much of a file is shown.
const MOST_SHOWN_BYTES: usize = 192 * 1024;

/// Text of strangers with nothing in it that cannot be seen: what turns the direction of writing, or hides, is spelled out, so
/// that what a person reads is what a compiler reads (Trojan Source, CVE-2021-42574).
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if hides || c.is_control() => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[derive(Template)]
#[template(path = "git_shelf.html", whitespace = "minimize")]
struct ShelfHtml<'a> {
    text: &'static Text,
    lead: String,
    back: &'a str,
    way: Vec<(String, &'a str)>,
    here: String,
    heading: Option<&'static str>,
    items: Vec<(String, &'a Item)>,
    empty: Option<&'static str>,
    hidden: Option<String>,
    cut: Option<&'static str>,
    sheet: Option<Sheet>,
    trouble: Option<String>,
    is_over: bool,
}

/// Pages for tests to look at.
#[cfg(test)]
pub mod sample {
    use super::*;
    use vestibule_githost::names::Content;

    /// A list with these entries.
    pub fn shelf(kind: Kind, names: &[&str], hidden: usize) -> Contents {
        let item = |name: &&str| Item {
            label: (*name).to_owned(),
            to: Some("/git".to_owned()),
            is_folder: name.ends_with('/'),
        };
        Contents::Shelf { kind, items: names.iter().map(item).collect(), hidden, is_cut: hidden > 0 }
    }

    /// A file that holds this.
    pub fn file(bytes: &[u8]) -> Contents {
        let content = Content::parse(&STANDARD.encode(bytes)).expect("base64");
        Contents::File(File {
            path: "a".to_owned(),
            sha: "b1946ac92492d2347c6235b4d2611184b1946ac9".to_owned(),
            content,
        })
    }

    /// The page of it, at the end of this way.
    pub fn page(way: &[&str], contents: &Contents) -> String {
        let crumbs: Vec<Crumb> =
            way.iter().map(|label| Crumb { label: (*label).to_owned(), to: format!("/git?x={label}") }).collect();
        let (project, authorization) = ("Harbour", way.first().copied().unwrap_or_default());
        ShelfPage { language: Language::English, project, authorization, back: "/git", crumbs: &crumbs, contents }
            .render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_githost::names::Content;

    fn sheet(bytes: &[u8]) -> Sheet {
        let content = Content::parse(&STANDARD.encode(bytes)).unwrap();
        let text = Language::English.text();
        Sheet::of(text, &File { path: "a".to_owned(), sha: "b".repeat(40), content })
    }

    #[test]
    fn a_file_is_shown_as_text_only_if_it_is_text_and_not_more_of_it_than_a_page_carries() {
        assert_eq!(sheet("größe\n".as_bytes()).text.as_deref(), Some("größe\n"));
        for binary in [b"\xff\xfe".as_slice(), b"a\0b", b"caf\xc3"] {
            assert_eq!((sheet(binary).text, sheet(binary).note.is_some()), (None, true), "{binary:?}");
        }
        // Cut inside a character of two bytes.
        let long = format!("a{}", "é".repeat(MOST_SHOWN_BYTES));
        let shown = sheet(long.as_bytes());
        assert_eq!(shown.text.map(|text| text.len()), Some(MOST_SHOWN_BYTES - 1));
        assert!(shown.note.is_some());
        assert!(sheet(b"").note.is_some());
    }

    #[test]
    fn fm_92_what_would_disguise_itself_is_spelled_out() {
        assert_eq!(visible("a\u{202e}b\u{200b}\u{7}\r\n\tc\u{e0041}"), "a⟨U+202E⟩b⟨U+200B⟩⟨U+0007⟩\n\tc⟨U+E0041⟩");
    }
}
