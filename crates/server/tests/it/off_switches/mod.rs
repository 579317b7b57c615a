//! Every off switch against every entrance: what is switched off is dead from the answer on, on every node and after a
//! restart, and what was issued before stays dead when the switch is turned back.
//!
//! Owns the table. How a house is furnished and tried is `scene`'s and `project`'s; `singles` holds what one switch does beyond the
//! table, `access` the pages and commands by which people take back what they gave.

mod access;
mod project;
mod scene;
mod singles;

use crate::harness::{Database, Server};
use scene::Scene;
use vestibule_store::statement;

/// What can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    PersonDisabled,
    PasswordChanged,
    ApplicationDisabled,
    /// The only one that the application had.
    SecretRemoved,
    ConsentWithdrawn,
    AssignmentRemoved,
    OrganizationDisabled,
    SessionEnded,
    TokenRevoked,
    FamilyEnded,
    MembershipRemoved,
    AccessKeyDisabled,
}

/// Where something that was issued before, or whoever it was issued to, can come in. The first columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// The authorization endpoint, with the session from before.
    Authorize,
    /// A code from before at the token endpoint.
    Code,
    /// A refresh token from before.
    Refresh,
    /// Password mode.
    Password,
    /// The application for itself.
    ClientCredentials,
    /// `/oauth/userinfo`.
    Userinfo,
    /// The IDaaS envelope.
    UserinfoIdaas,
    /// `/api/v5/user`.
    UserinfoGitlife,
    /// `/oauth/introspect`, about the access tokens from before, asked by the application that has them.
    Introspection,
    /// The same asked by a resource server, which nothing is switched off of.
    IntrospectionByAnother,
    /// The Git API of a project, with a project token that was given for a password.
    GitByPasswordToken,
    /// The same with one that was given for an access key.
    GitByKeyToken,
    /// The same with a signature.
    GitBySignature,
    /// The same with access tokens from before.
    GitByAccessToken,
    /// A new project token for the password.
    TokenForPassword,
    /// A new project token for the access key.
    TokenForKey,
}

/// What a switch does to an entrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Refused, also when the switch is turned back.
    Refused,
    /// Refused until the switch is turned back: what is shown there was not issued before.
    Until(&'static str),
    /// Stays open, for this reason.
    Open(&'static str),
    /// Does not meet, for this reason.
    Apart(&'static str),
}

use Cell::{Apart, Open, Refused, Until};
use Entrance as E;
use Switch as S;

const ENTRANCES: [Entrance; 10] = [
    E::Authorize,
    E::Code,
    E::Refresh,
    E::Password,
    E::ClientCredentials,
    E::Userinfo,
    E::UserinfoIdaas,
    E::UserinfoGitlife,
    E::Introspection,
    E::IntrospectionByAnother,
];

const PROJECT_ENTRANCES: [Entrance; 6] = [
    E::GitByPasswordToken,
    E::GitByKeyToken,
    E::GitBySignature,
    E::GitByAccessToken,
    E::TokenForPassword,
    E::TokenForKey,
];

const ITSELF: Cell = Open("it acts for itself: there is no person behind it");
const FRESH: Cell = Until("a right password is nothing that was issued before");
const OTHER_GRANT: Cell = Apart("each code belongs to a grant of its own");

#[rustfmt::skip]
const TABLE: [(Switch, [Cell; 10]); 12] = [
    (S::PersonDisabled, [Refused, Refused, Refused, FRESH, ITSELF, Refused, Refused, Refused, Refused, Refused]),
    (S::PasswordChanged, [Refused, Refused, Refused, FRESH, ITSELF, Refused, Refused, Refused, Refused, Refused]),
    (S::ApplicationDisabled, [
        Until("the person's session is not the application's"), Refused, Refused, FRESH,
        Until("its secret stays its own"), Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::SecretRemoved, [
        Open("no secret is shown there"), Refused, Refused, Refused, Refused, Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::ConsentWithdrawn, [
        Until("whoever allows it again lets it in again"), Refused, Refused, Open("the password stands for the consent"),
        ITSELF, Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::AssignmentRemoved, [
        Until("whoever is assigned again may come in again"), Refused, Refused, FRESH, ITSELF,
        Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::OrganizationDisabled, [Refused, Refused, Refused, FRESH, ITSELF, Refused, Refused, Refused, Refused, Refused]),
    (S::SessionEnded, [
        Refused, Refused, Refused, Open("password mode hangs on no browser session"), ITSELF,
        Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::TokenRevoked, [
        Open("one access token ends, not the session"), OTHER_GRANT,
        Apart("a client that revokes an access token keeps its refresh token (RFC 7009 section 2.1)"),
        Open("it was another token"), ITSELF, Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::FamilyEnded, [
        Open("one grant ends, not the session"), OTHER_GRANT, Refused, Open("it is another grant"), ITSELF,
        Refused, Refused, Refused, Refused, Refused,
    ]),
    (S::MembershipRemoved, [NO_PROJECT; 10]),
    (S::AccessKeyDisabled, [NO_PROJECT; 10]),
];

const NO_PROJECT: Cell = Open("it belongs to no project and to no access key");
const NO_APP: Cell = Open("no application stands between");
const KEY: Cell = Until("a key is held back with its person, and is nothing that was issued");
const KEY_STAYS: Cell = Open("an access key is a credential of its own");
const MEMBER: Cell = Until("whoever is let in again may come in again");
const FOR_GOOD: Cell = Refused;

/// The rows of the same switches at the project API.
#[rustfmt::skip]
const PROJECT_TABLE: [(Switch, [Cell; 6]); 12] = [
    (S::PersonDisabled, [Refused, Refused, KEY, Refused, FRESH, KEY]),
    (S::PasswordChanged, [Refused, Refused, KEY_STAYS, Refused, FRESH, KEY_STAYS]),
    (S::ApplicationDisabled, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::SecretRemoved, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::ConsentWithdrawn, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::AssignmentRemoved, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::OrganizationDisabled, [Refused, Refused, KEY, Refused, FRESH, KEY]),
    (S::SessionEnded, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::TokenRevoked, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::FamilyEnded, [NO_APP, NO_APP, NO_APP, Refused, NO_APP, NO_APP]),
    (S::MembershipRemoved, [Refused, Refused, MEMBER, MEMBER, MEMBER, MEMBER]),
    (S::AccessKeyDisabled, [
        Open("it was given for the password"), Refused, FOR_GOOD, Open("no access key stands between"),
        Open("the password stays"), FOR_GOOD,
    ]),
];

/// What is expected of a switch: at the first entrances, and at those of the project API.
type Cells<'a> = (&'a [Cell; 10], &'a [Cell; 6]);

/// Tries a whole row on `node`.
fn row(scene: &mut Scene, cells: &Cells<'_>, node: &Server, turned_back: bool, when: &str) {
    // What is refused is counted as a guess, and after a few of them even what is right would wait.
    node.with_store(async |store| store.run(vec![statement!("DELETE FROM guesses")]).await.map(drop).expect("runs"));
    let rows = ENTRANCES.into_iter().zip(cells.0).chain(PROJECT_ENTRANCES.into_iter().zip(cells.1));
    for (entrance, cell) in rows {
        let (expected, reason) = match cell {
            Refused => (false, ""),
            Until(reason) => (turned_back, *reason),
            Open(reason) => (true, *reason),
            Apart(_) => continue,
        };
        // What a removed secret could do is asked with that secret; another one is not the switch turned back.
        for tried in scene.try_at(node, entrance) {
            let place = format!("{:?} × {entrance:?} ({}) {when}", scene.switch, tried.what);
            assert_eq!(tried.accepted, expected, "{place} {reason}: {}", tried.answer);
            // A removed secret is a wrong one, and those are counted: after a few, they wait.
            let counted = scene.switch == S::SecretRemoved && tried.status == 429;
            assert!(tried.accepted || tried.status < 429 || counted, "{place}: {}", tried.answer);
        }
    }
}

/// Size in CI: 12 switches × 16 entrances; five applications, an access key and two project tokens, access tokens opaque and signed; at once, after kill -9 and a restart, and turned back.
fn matrix(database: Database) {
    let mut server = Server::start(database, &[]);
    let mut other = (database == Database::Postgres).then(|| server.second_node());
    for ((switch, cells), (_, project_cells)) in TABLE.iter().zip(&PROJECT_TABLE) {
        whole_row(&mut server, &mut other, *switch, &(cells, project_cells));
    }
}

/// Furnishes a scene and tries a row of the table on it.
fn whole_row(server: &mut Server, other: &mut Option<Server>, switch: Switch, cells: &Cells<'_>) {
    const YET: Cell = Open("nothing is switched off yet");
    let mut scene = Scene::furnish(server, switch);
    row(&mut scene, &(&[YET; 10], &[YET; 6]), server, false, "before");
    scene.turn_off(server);
    row(&mut scene, cells, server, false, "at once");
    if let Some(other) = other {
        row(&mut scene, cells, other, false, "on the other node");
    }
    for node in std::iter::once(&mut *server).chain(&mut *other) {
        node.process().kill();
        node.restart();
    }
    row(&mut scene, cells, server, false, "after a restart");
    if let Some(other) = other {
        row(&mut scene, cells, other, false, "after a restart, on the other node");
    }
    scene.turn_back(server);
    row(&mut scene, cells, server, true, "turned back");
    if let Some(other) = other {
        row(&mut scene, cells, other, true, "turned back, on the other node");
    }
    scene.begin_anew(server);
}

#[test]
fn st_68_st_69_fm_30_fm_62_fm_63_fm_75_what_is_switched_off_is_out_by_every_entrance_on_sqlite() {
    matrix(Database::Sqlite);
}

#[test]
fn st_68_st_69_fm_30_fm_62_fm_63_fm_75_what_is_switched_off_is_out_by_every_entrance_on_both_postgresql_nodes() {
    matrix(Database::Postgres);
}

#[test]
fn the_table_names_every_switch_once() {
    for (n, ((switch, _), (at_projects, _))) in TABLE.iter().zip(&PROJECT_TABLE).enumerate() {
        assert_eq!((*switch as usize, at_projects), (n, switch), "{switch:?}");
    }
}
