//! GitLab's repositories: groups, projects, refs, files and webhooks.

use super::{Asked, Person, Said, failure};

/// What is there.
#[derive(Default)]
pub struct Repositories;

impl Repositories {
    /// Answers `what` (below `api/v4/`, as it was sent) to this person.
    pub fn answer(&mut self, _url: &str, _what: &str, _asked: &Asked, _person: &Person) -> Said {
        failure(404, "404 Not Found")
    }
}
