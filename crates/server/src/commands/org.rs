//! `vestibule org …`: the tree of organizations.
//!
//! Owns the flags and the printing. The tree's rules are `admin::organizations`'s.

use super::printout::{self, Failure};
use super::{known, not_there, wrong};
use crate::admin::Desk;
use crate::admin::organizations::{self, Add};
use serde::Serialize;
use std::collections::HashMap;
use vestibule_oauth::id::Id;
use vestibule_store::organizations::OrganizationLine;

/// What can be done with organizations.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add an organization
    #[command(after_help = "Example:\n  vestibule org add sales --parent acme --external-id D-17")]
    Add {
        /// The organization's name
        name: String,
        /// Organization above it, by name or external id
        #[arg(long, value_name = "ORG")]
        parent: Option<String>,
        /// The organization's id in another system (IDaaS `ou_id`)
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
    },
    /// List organizations as a tree
    List,
    /// Switch an organization off: nobody of it, or of those below it, is let in
    Disable {
        /// Name or external id
        name: String,
    },
    /// Switch an organization on again: what ended stays ended
    Enable {
        /// Name or external id
        name: String,
    },
}

/// An organization, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    external_id: &'a str,
    parent: Option<&'a str>,
    enabled: bool,
    disabled_at: Option<String>,
    created_at: String,
}

/// Does what `verb` says.
pub async fn run(verb: Verb, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add { name, parent, external_id } => {
            match organizations::add(desk, &name, parent.as_deref(), external_id.as_deref()).await? {
                Add::Added(line) => print(&line, &organizations::list(desk).await?, json),
                Add::Wrong(faults) => Err(wrong(&faults)),
                Add::NameTaken => Err(Failure::taken("organization name", "NAME")),
                Add::ExternalIdTaken => Err(Failure::taken("external id", "--external-id")),
                Add::Unknown(unknown) => Err(not_there(&unknown)),
            }
        }
        Verb::List => list(&organizations::list(desk).await?, json),
        Verb::Disable { name } => {
            let what = "is disabled. Sessions, codes and tokens of its people are dead, also after enabling again.";
            done(&known(organizations::set_enabled(desk, &name, false).await?)?, what, desk, json).await
        }
        Verb::Enable { name } => {
            let what = "is enabled. What ended when it was disabled stays ended.";
            done(&known(organizations::set_enabled(desk, &name, true).await?)?, what, desk, json).await
        }
    }
}

fn view<'a>(line: &'a OrganizationLine, names: &HashMap<Id, &'a str>) -> View<'a> {
    View {
        name: &line.name,
        external_id: &line.external_id,
        parent: line.parent.and_then(|parent| names.get(&parent).copied()),
        enabled: line.disabled_at.is_none(),
        disabled_at: line.disabled_at.map(printout::time),
        created_at: printout::time(line.created_at),
    }
}

/// What was done to an organization: a sentence for people, the organization for scripts.
async fn done(line: &OrganizationLine, what: &str, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let all = organizations::list(desk).await?;
    let names = all.iter().map(|line| (line.id, line.name.as_str())).collect();
    printout::print(json, &view(line, &names), || format!("{} {what}", line.name))
}

fn print(line: &OrganizationLine, all: &[OrganizationLine], json: bool) -> Result<(), Failure> {
    let names = all.iter().map(|line| (line.id, line.name.as_str())).collect();
    let view = view(line, &names);
    printout::print(json, &view, || {
        printout::sheet(&[
            ("name", view.name.to_owned()),
            ("external id", view.external_id.to_owned()),
            ("parent", view.parent.unwrap_or("-").to_owned()),
            ("added", view.created_at.clone()),
        ])
    })
}

fn list(all: &[OrganizationLine], json: bool) -> Result<(), Failure> {
    let names: HashMap<Id, &str> = all.iter().map(|line| (line.id, line.name.as_str())).collect();
    let views: Vec<View> = all.iter().map(|line| view(line, &names)).collect();
    printout::print(json, &views, || {
        let rows: Vec<_> = tree(all)
            .into_iter()
            .map(|(depth, line)| {
                let state = if line.disabled_at.is_none() { "enabled" } else { "disabled" };
                vec![format!("{}{}", "  ".repeat(depth), line.name), line.external_id.clone(), state.to_owned()]
            })
            .collect();
        let empty = "There is no organization yet. `vestibule org add --help` says how to add one.";
        printout::table(&["name", "external id", "state"], &rows, empty)
    })
}

/// The organizations as they are read from above, each with its depth; siblings keep their order.
fn tree(all: &[OrganizationLine]) -> Vec<(usize, &OrganizationLine)> {
    let mut below: HashMap<Option<Id>, Vec<&OrganizationLine>> = HashMap::new();
    for line in all.iter().rev() {
        below.entry(line.parent).or_default().push(line);
    }
    let mut stack: Vec<(usize, &OrganizationLine)> = Vec::new();
    let mut rows = Vec::new();
    stack.extend(below.remove(&None).unwrap_or_default().into_iter().map(|line| (0, line)));
    while let Some((depth, line)) = stack.pop() {
        rows.push((depth, line));
        // Removed from the map, so that a loop in the data cannot keep us here.
        stack.extend(below.remove(&Some(line.id)).unwrap_or_default().into_iter().map(|line| (depth + 1, line)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u8, parent: Option<u8>) -> OrganizationLine {
        let id_of = |n: u8| Id::from_bytes([n; 16]);
        let (name, external_id) = (id.to_string(), String::new());
        OrganizationLine {
            id: id_of(id),
            name,
            external_id,
            parent: parent.map(id_of),
            disabled_at: None,
            created_at: 0,
        }
    }

    #[test]
    fn the_tree_is_read_from_above_and_siblings_keep_their_order() {
        let all = [line(3, Some(2)), line(1, None), line(2, Some(1)), line(4, Some(1)), line(5, None)];
        let rows: Vec<_> = tree(&all).into_iter().map(|(depth, line)| (depth, line.name.as_str())).collect();
        assert_eq!(rows, [(0, "1"), (1, "2"), (2, "3"), (1, "4"), (0, "5")]);
    }
}
