//! The English sentences of looking at a Git host.

use crate::pages::git::shelves::{Kind, Trouble};
use crate::text::Browse;

pub(super) const TEXT: Browse = Browse {
    open: "Look inside",
    open_of: |name| format!("Look at what {name} opens"),
    way: "The way here",
    lead: |authorization, project| {
        format!("As “{authorization}” of the project {project} sees it. Nothing can be changed here.")
    },
    heading: |kind| match kind {
        Kind::Namespaces => "People and groups",
        Kind::Repositories => "Repositories",
        Kind::Branches => "Branches",
        Kind::Folder => "Files",
    },
    empty: |kind| match kind {
        Kind::Namespaces => "The host shows nobody to this authorization.",
        Kind::Repositories => "There is no repository that this authorization sees.",
        Kind::Branches => "There is no branch yet: the repository is empty.",
        Kind::Folder => "There is no file here.",
    },
    hidden: |count| format!("{count} more are not shown here."),
    cut: "The host has more than is read from it at once: this list is not whole.",
    facts: |bytes, sha| format!("{} · {}", size(bytes), sha.get(..12).unwrap_or(sha)),
    binary: "This file is no text, and is not shown.",
    empty_file: "This file is empty.",
    shortened: |kib| format!("The first {kib} KiB are shown; the file is longer."),
    trouble,
};

fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Over(reason) => {
            format!("The host is not open to this authorization: {reason}. Renew it, and its name stays.")
        }
        Trouble::Wait(seconds) => {
            format!("The host asks to be left alone for a while. Come again in {seconds} seconds.")
        }
        Trouble::Later(seconds) => {
            format!("Too much is under way from here just now. Come again in {seconds} seconds.")
        }
        Trouble::NotThere => "The host has nothing of this name, or does not show it to this authorization.".to_owned(),
        Trouble::TooLarge => "This is larger than is carried from the host.".to_owned(),
        Trouble::Refused(reason) => format!("The host says no: {}", reason.trim_end_matches('.').to_owned() + "."),
        Trouble::Away => {
            "The host did not answer as it should. Nothing is wrong with the authorization; try again in a moment."
                .to_owned()
        }
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}
