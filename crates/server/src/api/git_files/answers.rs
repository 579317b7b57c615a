//! What the calls on files answer, in the documented order of the fields.

use serde::Serialize;
use vestibule_githost::answers::File;

#[derive(Serialize)]
pub struct Paths {
    pub paths: Vec<String>,
}

/// A file. Its content is always in base64, which is the one encoding that holds every file.
#[derive(Serialize)]
pub struct Content<'a> {
    path: &'a str,
    sha: &'a str,
    encoding: &'static str,
    content: &'a str,
}

impl<'a> Content<'a> {
    pub fn of(file: &'a File) -> Content<'a> {
        Content { path: &file.path, sha: &file.sha, encoding: "base64", content: file.content.as_str() }
    }
}

/// A file that was written, its path with slashes.
#[derive(Serialize)]
pub struct Written<'a> {
    pub path: &'a str,
}
