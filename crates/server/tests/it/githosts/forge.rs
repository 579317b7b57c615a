//! The repositories of a fake host, in memory: namespaces, branches, tags, commits, trees, blobs by git's own sha, webhooks.
//!
//! Owns what is there and how a commit changes it. How a host shows it, pages it and refuses is the host's own file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that a host holds.
#[derive(Default)]
pub struct Forge {
    pub spaces: Vec<Space>,
    pub repositories: Vec<Repository>,
    /// The most items on a page, however many are asked for; 0 is the host's own bound.
    pub most_per_page: usize,
    /// Whether a host that documents no comparison of a file's sha makes none.
    pub overlooks_shas: bool,
    next: u64,
}

/// What kind of namespace it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Person,
    Group,
    Enterprise,
}

/// A namespace: a person's own, a group's, or one below a group.
#[derive(Clone)]
pub struct Space {
    pub id: u64,
    /// Its whole path.
    pub path: String,
    pub kind: Kind,
    /// Who takes part, by their ids at the host.
    pub members: Vec<u64>,
}

/// A repository.
#[derive(Clone)]
pub struct Repository {
    pub id: u64,
    /// Its namespace's whole path.
    pub space: String,
    pub name: String,
    pub branches: BTreeMap<String, String>,
    pub tags: BTreeMap<String, Tag>,
    pub hooks: Vec<Hook>,
    /// Who was invited besides the namespace's members.
    pub guests: Vec<u64>,
    commits: BTreeMap<String, Commit>,
    blobs: BTreeMap<String, Vec<u8>>,
    tag_objects: BTreeMap<String, Tag>,
}

/// A tag: the commit, and the message of an annotated one.
#[derive(Clone)]
pub struct Tag {
    pub commit: String,
    pub message: Option<String>,
}

#[derive(Clone)]
pub struct Hook {
    pub id: u64,
    pub url: String,
    pub secret: String,
}

/// A commit, with its whole tree by path.
#[derive(Clone)]
pub struct Commit {
    pub sha: String,
    pub message: String,
    pub date: String,
    pub parent: Option<String>,
    pub tree: BTreeMap<String, Entry>,
}

/// What lies at a path.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub mode: &'static str,
    pub sha: String,
}

pub const FILE: &str = "100644";
pub const LINK: &str = "120000";
pub const SUBMODULE: &str = "160000";

impl Forge {
    /// An id that was not used yet.
    pub fn fresh_id(&mut self) -> u64 {
        self.next += 1;
        1000 + self.next
    }

    /// Adds a namespace; gives its id.
    pub fn add_space(&mut self, path: &str, kind: Kind, members: &[u64]) -> u64 {
        let id = self.fresh_id();
        self.add_space_as(id, path, kind, members);
        id
    }

    /// The same with an id of the caller's.
    pub fn add_space_as(&mut self, id: u64, path: &str, kind: Kind, members: &[u64]) {
        self.spaces.push(Space { id, path: path.to_owned(), kind, members: members.to_vec() });
    }

    /// One page of a list: its items, its number, and how many pages there are.
    pub fn page<T>(&self, query: &[(String, String)], usual: usize, items: Vec<T>) -> (Vec<T>, usize, usize) {
        let number = |name: &str| super::fake::value(query, name).and_then(|v| v.parse::<usize>().ok());
        let most = if self.most_per_page == 0 { 100 } else { self.most_per_page };
        let per_page = number("per_page").unwrap_or(usual).clamp(1, most);
        let (page, pages) = (number("page").unwrap_or(1).max(1), items.len().div_ceil(per_page));
        (items.into_iter().skip((page - 1) * per_page).take(per_page).collect(), page, pages)
    }

    /// Adds an empty repository.
    pub fn add(&mut self, space: &str, name: &str) -> &mut Repository {
        let id = self.fresh_id();
        self.repositories.push(Repository {
            id,
            space: space.to_owned(),
            name: name.to_owned(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            hooks: Vec::new(),
            guests: Vec::new(),
            commits: BTreeMap::new(),
            blobs: BTreeMap::new(),
            tag_objects: BTreeMap::new(),
        });
        self.repositories.last_mut().expect("just added")
    }

    /// The namespace of this path or id.
    pub fn space(&self, named: &str) -> Option<&Space> {
        self.spaces.iter().find(|s| s.path.eq_ignore_ascii_case(named)).or_else(|| {
            let id = named.parse::<u64>().ok()?;
            self.spaces.iter().find(|s| s.id == id)
        })
    }

    /// The repository of this whole path.
    pub fn at(&mut self, path: &str) -> &mut Repository {
        let found = self.repositories.iter_mut().find(|r| r.full_path().eq_ignore_ascii_case(path));
        found.unwrap_or_else(|| panic!("no repository {path}"))
    }

    /// Where the repository stands that a person may see.
    pub fn seen(&self, person: u64, named: impl Fn(&Repository) -> bool) -> Option<usize> {
        self.repositories.iter().position(|r| named(r) && self.may_see(person, r))
    }

    /// Whether a person takes part in the namespace of a repository, or was invited to it.
    pub fn may_see(&self, person: u64, repository: &Repository) -> bool {
        repository.guests.contains(&person) || self.space(&repository.space).is_some_and(|s| self.takes_part(person, s))
    }

    /// Whether a person is a member of a namespace, or of one above it.
    pub fn takes_part(&self, person: u64, space: &Space) -> bool {
        let is_above =
            |s: &Space| space.path.strip_prefix(&s.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.spaces.iter().any(|s| s.members.contains(&person) && is_above(s))
    }
}

impl Repository {
    pub fn full_path(&self) -> String {
        format!("{}/{}", self.space, self.name)
    }

    /// The branch that stands for the repository.
    pub fn default_branch(&self) -> &str {
        if self.branches.is_empty() || self.branches.contains_key("main") {
            return "main";
        }
        self.branches.keys().next().map_or("main", String::as_str)
    }

    /// Commits these files to a branch, which is made if it is not there; `None` removes one. Gives the commit's sha.
    pub fn commit(&mut self, branch: &str, message: &str, changes: &[(&str, Option<&[u8]>)]) -> String {
        let mut tree = self.tip(branch).map(|commit| commit.tree.clone()).unwrap_or_default();
        for (path, content) in changes {
            match content {
                Some(content) => {
                    let sha = self.keep(content);
                    tree.insert((*path).to_owned(), Entry { mode: FILE, sha });
                }
                None => drop(tree.remove(*path)),
            }
        }
        self.advance(branch, message, tree)
    }

    /// Puts something that is no file to a path of a branch: a link, a submodule.
    pub fn put(&mut self, branch: &str, path: &str, mode: &'static str, content: &[u8]) {
        let mut tree = self.tip(branch).map(|commit| commit.tree.clone()).unwrap_or_default();
        let sha = self.keep(content);
        tree.insert(path.to_owned(), Entry { mode, sha });
        self.advance(branch, "put", tree);
    }

    fn keep(&mut self, content: &[u8]) -> String {
        let sha = blob_sha(content);
        self.blobs.insert(sha.clone(), content.to_vec());
        sha
    }

    fn advance(&mut self, branch: &str, message: &str, tree: BTreeMap<String, Entry>) -> String {
        let parent = self.branches.get(branch).cloned();
        let number = self.commits.len();
        let sha = sha1(format!("{}{number}{message}{parent:?}{tree:?}", self.id).as_bytes());
        let date = format!("2026-01-02T03:{:02}:{:02}Z", number / 60 % 60, number % 60);
        let commit = Commit { sha: sha.clone(), message: message.to_owned(), date, parent, tree };
        self.commits.insert(sha.clone(), commit);
        self.branches.insert(branch.to_owned(), sha.clone());
        sha
    }

    /// The newest commit of a branch.
    pub fn tip(&self, branch: &str) -> Option<&Commit> {
        self.branches.get(branch).and_then(|sha| self.commits.get(sha))
    }

    /// The commit that a branch, a tag or a sha names.
    pub fn resolve(&self, named: &str) -> Option<&Commit> {
        let sha = self.branches.get(named).or_else(|| self.tags.get(named).map(|tag| &tag.commit));
        self.commits.get(sha.map_or(named, String::as_str))
    }

    /// The newest commits first, from this one on.
    pub fn history(&self, from: &str) -> Vec<&Commit> {
        std::iter::successors(self.resolve(from), |commit| self.commits.get(commit.parent.as_deref()?)).collect()
    }

    /// The commit that changed this path last.
    pub fn last_commit(&self, from: &str, path: &str) -> Option<&Commit> {
        let history = self.history(from);
        let here = history.first()?.tree.get(path)?;
        let same = history.into_iter().take_while(|commit| commit.tree.get(path) == Some(here));
        same.last()
    }

    pub fn blob(&self, sha: &str) -> Option<&[u8]> {
        self.blobs.get(sha).map(Vec::as_slice)
    }

    /// The content of a file on a branch, for a look at what was written.
    pub fn content(&self, branch: &str, path: &str) -> Option<Vec<u8>> {
        let entry = self.tip(branch)?.tree.get(path)?;
        self.blob(&entry.sha).map(<[u8]>::to_vec)
    }

    /// How many commits were ever made.
    pub fn commit_count(&self) -> usize {
        self.commits.len()
    }

    /// Keeps an annotated tag's object, to which nothing points yet. Gives its sha.
    pub fn keep_tag_object(&mut self, tag: Tag) -> String {
        let sha = sha1(format!("tag {} {:?} {}", tag.commit, tag.message, self.tag_objects.len()).as_bytes());
        self.tag_objects.insert(sha.clone(), tag);
        sha
    }

    pub fn tag_object(&self, sha: &str) -> Option<Tag> {
        self.tag_objects.get(sha).cloned()
    }

    /// Everything below the root at this commit, folders too, in order.
    pub fn listing(commit: &Commit) -> Vec<(String, &'static str, Entry)> {
        let mut found: BTreeMap<String, (&'static str, Entry)> = BTreeMap::new();
        for (path, entry) in &commit.tree {
            for (at, _) in path.match_indices('/') {
                let folder = Entry { mode: "040000", sha: sha1(&path.as_bytes()[..at]) };
                found.insert(path[..at].to_owned(), ("tree", folder));
            }
            let kind = if entry.mode == SUBMODULE { "commit" } else { "blob" };
            found.insert(path.clone(), (kind, entry.clone()));
        }
        found.into_iter().map(|(path, (kind, entry))| (path, kind, entry)).collect()
    }

    /// Whether a folder lies at this path.
    pub fn is_folder(commit: &Commit, path: &str) -> bool {
        commit.tree.keys().any(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The sha of a blob, as `git hash-object` says it.
pub fn blob_sha(content: &[u8]) -> String {
    let mut whole = format!("blob {}\0", content.len()).into_bytes();
    whole.extend_from_slice(content);
    sha1(&whole)
}

fn sha1(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let mut text = String::new();
    for byte in digest.as_ref() {
        write!(text, "{byte:02x}").expect("text");
    }
    text
}

/// The segments of a path, each decoded once.
pub fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|s| !s.is_empty()).map(decode).collect()
}

fn decode(segment: &str) -> String {
    // A plus sign is itself in a path.
    let spelled = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(spelled.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The bytes of base64, line breaks passed over.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(joined).ok()
}

pub fn to_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_blobs_sha_is_gits_own() {
    assert_eq!(blob_sha(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_eq!(blob_sha(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

#[test]
fn a_file_was_changed_last_by_the_commit_that_gave_it_its_content() {
    let mut forge = Forge::default();
    let repository = forge.add("cat", "demo");
    let first = repository.commit("main", "one", &[("a", Some(b"1")), ("b", Some(b"1"))]);
    let second = repository.commit("main", "two", &[("b", Some(b"2"))]);
    assert_eq!(repository.last_commit("main", "a").map(|c| &c.sha), Some(&first));
    assert_eq!(repository.last_commit("main", "b").map(|c| &c.sha), Some(&second));
    assert!(repository.last_commit("main", "c").is_none());
    assert_eq!(repository.history("main").len(), 2);
}
