//! `vestibule group …`: flat groups of people.
//!
//! Owns the flags and the printing. The rules are `admin::groups`'s.

use super::printout::{self, Failure};
use super::{known, not_there, wrong};
use crate::admin::Desk;
use crate::admin::groups::{self, Add, Membership};
use serde::Serialize;
use vestibule_store::groups::GroupLine;

/// What can be done with groups.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add a group
    Add {
        /// The group's name
        name: String,
    },
    /// List groups
    List,
    /// Who is in a group
    #[command(subcommand)]
    Member(Member),
}

/// What can be done with the members of a group.
#[derive(clap::Subcommand, Debug)]
pub enum Member {
    /// Put a person into a group
    Add {
        /// The group's name
        group: String,
        /// The person's user name or e-mail address
        person: String,
    },
    /// Take a person out of a group
    Remove {
        /// The group's name
        group: String,
        /// The person's user name or e-mail address
        person: String,
    },
    /// List the people in a group
    List {
        /// The group's name
        group: String,
    },
}

/// A group, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    members: i64,
    created_at: String,
}

/// A membership, as JSON shows one.
#[derive(Serialize)]
struct MemberView<'a> {
    group: &'a str,
    person: &'a str,
    member: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_at: Option<String>,
}

fn view(line: &GroupLine) -> View<'_> {
    View { name: &line.name, members: line.members, created_at: printout::time(line.created_at) }
}

/// Does what `verb` says.
pub async fn run(verb: Verb, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add { name } => match groups::add(desk, &name).await? {
            Add::Added(line) => printout::print(json, &view(&line), || format!("Group {:?} is there.", line.name)),
            Add::Wrong(faults) => Err(wrong(&faults)),
            Add::NameTaken => Err(Failure::taken("group name", "NAME")),
        },
        Verb::List => list(desk, json).await,
        Verb::Member(Member::Add { group, person }) => set_member(desk, &group, &person, true, json).await,
        Verb::Member(Member::Remove { group, person }) => set_member(desk, &group, &person, false, json).await,
        Verb::Member(Member::List { group }) => members(desk, &group, json).await,
    }
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let lines = groups::list(desk).await?;
    let views: Vec<View> = lines.iter().map(view).collect();
    printout::print(json, &views, || {
        let rows: Vec<_> = views.iter().map(|view| vec![view.name.to_owned(), view.members.to_string()]).collect();
        let empty = "There is no group yet. `vestibule group add NAME` adds one.";
        printout::table(&["name", "members"], &rows, empty)
    })
}

async fn set_member(desk: &Desk<'_>, group: &str, person: &str, member: bool, json: bool) -> Result<(), Failure> {
    match groups::set_member(desk, group, person, member).await? {
        Membership::Done => {
            let view = MemberView { group, person, member, added_at: None };
            let now = if member { "now" } else { "no longer" };
            printout::print(json, &view, || format!("{person} is {now} in group {group:?}."))
        }
        Membership::NotAMember => Err(Failure::Failed(format!("{person} was not in group {group:?}."))),
        Membership::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

async fn members(desk: &Desk<'_>, group: &str, json: bool) -> Result<(), Failure> {
    let members = known(groups::members(desk, group).await?)?;
    let view =
        |member: &'_ vestibule_store::groups::Member| (member.user_name.clone(), printout::time(member.added_at));
    let rows: Vec<(String, String)> = members.iter().map(view).collect();
    let views: Vec<MemberView> = rows
        .iter()
        .map(|(person, at)| MemberView { group, person, member: true, added_at: Some(at.clone()) })
        .collect();
    printout::print(json, &views, || {
        let rows: Vec<_> = rows.iter().map(|(person, at)| vec![person.clone(), at.clone()]).collect();
        printout::table(&["person", "since"], &rows, "There is nobody in this group.")
    })
}
