//! What metadata advertises works, and what it does not advertise is refused (statement 84).
//!
//! Both lists are derived from the running server: each row of the tables below names a member of metadata, the values
//! that the standards know for it, and how to try one. A value is tried whether it is advertised or not, and must work
//! exactly when it is. A member without a row fails, so that nothing can be advertised without being tried: a new feature
//! adds a value to a universe, or a row.

mod addresses;
mod flags;
mod lists;
mod scene;

use crate::harness::{Act, Call, Database, Receiver, Server};
use scene::Scene;
use serde_json::Value;
use std::collections::BTreeSet;

/// A member whose value is a list.
struct List {
    member: &'static str,
    /// What the standards and their registries know besides what is advertised.
    universe: &'static [&'static str],
    /// Tries one: whether it works. Panics when it neither works nor is refused in the way that it should be.
    works: fn(&Scene, &str) -> bool,
}

/// A member whose value is true or false.
struct Flag {
    member: &'static str,
    /// What its absence means.
    absent: bool,
    works: fn(&Scene) -> bool,
}

/// A member whose value is an address of ours, and the path where others have it.
struct Address {
    member: &'static str,
    path: &'static str,
}

/// Members that say something about the document itself.
const PLAIN: [&str; 2] = ["issuer", "service_documentation"];

#[test]
fn st_84_everything_advertised_works_and_nothing_else_does() {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        let receiver = Receiver::doing(&[Act::Say(200)]);
        let server = Server::start(database, &["--allow-private-host", &receiver.authority]);
        let document = Call::get(server.at("/.well-known/openid-configuration")).send().json();
        let scene = Scene::new(&server, &receiver);
        let mut rows = BTreeSet::from(PLAIN);
        let mut wrong = Vec::new();
        for list in lists::ALL {
            rows.insert(list.member);
            let advertised: Vec<&str> =
                document[list.member].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let known: BTreeSet<&str> = list.universe.iter().chain(&advertised).copied().collect();
            for value in known {
                if (list.works)(&scene, value) != advertised.contains(&value) {
                    wrong.push(format!("{} {value}: advertised: {}", list.member, advertised.contains(&value)));
                }
            }
        }
        for flag in flags::ALL {
            rows.insert(flag.member);
            let advertised = document[flag.member].as_bool().unwrap_or(flag.absent);
            if (flag.works)(&scene) != advertised {
                wrong.push(format!("{}: advertised: {advertised}", flag.member));
            }
        }
        for address in addresses::ALL {
            rows.insert(address.member);
            let advertised = document[address.member].as_str();
            if let Some(url) = advertised
                && !url.starts_with(&format!("{}/", server.url))
            {
                wrong.push(format!("{}: {url} is not ours", address.member));
            }
            let url = advertised.map_or_else(|| server.at(address.path), str::to_owned);
            if addresses::is_there(&url) != advertised.is_some() {
                wrong.push(format!("{}: {url}, advertised: {}", address.member, advertised.is_some()));
            }
        }
        for member in document.as_object().expect("an object").keys() {
            if !rows.contains(member.as_str()) {
                wrong.push(format!("{member} is advertised and has no row here"));
            }
        }
        assert!(wrong.is_empty(), "on {database:?}: {wrong:#?}");
    }
}
