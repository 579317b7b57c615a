//! `vestibule project …`: projects and who may act in them.
//!
//! Owns the flags and the printing. The rules are `admin::projects`'s.

use super::printout::{self, Failure};
use super::{known, not_there, wrong};
use crate::admin::Desk;
use crate::admin::projects::{self, Add, Membership};
use serde::Serialize;
use vestibule_store::projects::{ProjectLine, Role};

/// What can be done with projects.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add a project; prints its id
    Add {
        /// The project's name
        name: String,
    },
    /// List projects
    List,
    /// Show a project and its members
    Show {
        /// The project's name or id
        project: String,
    },
    /// Change what a project lets its members do
    Set {
        /// The project's name or id
        project: String,
        /// Whether programs of its editors may be handed live tokens of its authorizations
        #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
        hand_out: String,
    },
    /// Who may act in a project
    #[command(subcommand)]
    Member(Member),
}

/// What can be done with the members of a project.
#[derive(clap::Subcommand, Debug)]
pub enum Member {
    /// Put a person into a project, or change what they are in it
    Add {
        /// The project's name or id
        project: String,
        /// The person's user name or e-mail address
        person: String,
        /// What they are in it
        #[arg(long, value_name = "ROLE", value_parser = Role::ALL.map(Role::name))]
        role: String,
    },
    /// Take a person out of a project
    Remove {
        /// The project's name or id
        project: String,
        /// The person's user name or e-mail address
        person: String,
    },
}

/// A project, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    id: String,
    name: &'a str,
    created_at: String,
    members: i64,
    hands_out: bool,
}

/// A project with its members, as JSON shows one.
#[derive(Serialize)]
struct Sheet<'a> {
    id: String,
    name: &'a str,
    created_at: String,
    hands_out: bool,
    members: Vec<MemberView<'a>>,
}

/// A member, as JSON shows one.
#[derive(Serialize)]
struct MemberView<'a> {
    person: &'a str,
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_at: Option<String>,
}

fn view(line: &ProjectLine) -> View<'_> {
    let (id, created_at) = (line.id.to_string(), printout::time(line.created_at));
    View { id, name: &line.name, created_at, members: line.members, hands_out: line.hands_out }
}

/// Does what `verb` says.
pub async fn run(verb: Verb, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add { name } => match projects::add(desk, &name).await? {
            Add::Added(line) => {
                let sentence = || format!("Project {:?} is there. Its id: {}", line.name, line.id);
                printout::print(json, &view(&line), sentence)
            }
            Add::Wrong(faults) => Err(wrong(&faults)),
            Add::NameTaken => Err(Failure::taken("project name", "NAME")),
        },
        Verb::List => list(desk, json).await,
        Verb::Show { project } => show(desk, &project, json).await,
        Verb::Set { project, hand_out } => {
            let line = known(projects::set_hand_out(desk, &project, hand_out == "on").await?)?;
            printout::print(json, &view(&line), || match line.hands_out {
                true => format!("Programs of {:?}'s editors may have live tokens of its authorizations.", line.name),
                false => format!("Live tokens of {:?}'s authorizations stay in the house.", line.name),
            })
        }
        Verb::Member(Member::Add { project, person, role }) => {
            set_member(desk, &project, &person, Role::parse(&role), json).await
        }
        Verb::Member(Member::Remove { project, person }) => set_member(desk, &project, &person, None, json).await,
    }
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let lines = projects::list(desk).await?;
    let views: Vec<View> = lines.iter().map(view).collect();
    printout::print(json, &views, || {
        let row = |view: &View| vec![view.name.to_owned(), view.id.clone(), view.members.to_string()];
        let rows: Vec<_> = views.iter().map(row).collect();
        printout::table(
            &["name", "id", "members"],
            &rows,
            "There is no project yet. `vestibule project add NAME` adds one.",
        )
    })
}

async fn show(desk: &Desk<'_>, project: &str, json: bool) -> Result<(), Failure> {
    let (line, members) = known(projects::show(desk, project).await?)?;
    let member = |member: &'_ vestibule_store::projects::ProjectMember| {
        (member.user_name.clone(), member.role.name(), printout::time(member.added_at))
    };
    let rows: Vec<(String, &'static str, String)> = members.iter().map(member).collect();
    let members = rows.iter().map(|(person, role, added_at)| MemberView {
        person,
        role: Some(role),
        added_at: Some(added_at.clone()),
    });
    let View { id, name, created_at, hands_out, .. } = view(&line);
    let sheet = Sheet { id, name, created_at, hands_out, members: members.collect() };
    printout::print(json, &sheet, || {
        let facts = [
            ("name", sheet.name.to_owned()),
            ("id", sheet.id.clone()),
            ("since", sheet.created_at.clone()),
            ("hands out tokens", if sheet.hands_out { "yes" } else { "no" }.to_owned()),
        ];
        let rows: Vec<_> = rows.iter().map(|(p, role, at)| vec![p.clone(), (*role).to_owned(), at.clone()]).collect();
        let empty =
            "Nobody is in this project. `vestibule project member add PROJECT PERSON --role ROLE` changes that.";
        format!("{}\n{}", printout::sheet(&facts), printout::table(&["person", "role", "since"], &rows, empty))
    })
}

async fn set_member(
    desk: &Desk<'_>,
    project: &str,
    person: &str,
    role: Option<Role>,
    json: bool,
) -> Result<(), Failure> {
    match projects::set_member(desk, project, person, role).await? {
        Membership::Done => {
            let view = MemberView { person, role: role.map(Role::name), added_at: None };
            printout::print(json, &view, || match role {
                Some(role) => format!("{person} is now {} in project {project:?}.", role.name()),
                None => format!("{person} is no longer in project {project:?}."),
            })
        }
        Membership::NotAMember => Err(Failure::Failed(format!("{person} was not in project {project:?}."))),
        Membership::Unknown(unknown) => Err(not_there(&unknown)),
    }
}
