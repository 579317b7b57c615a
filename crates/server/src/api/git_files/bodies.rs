//! What callers send to write a file.

use crate::api::git_calls::{Members, of_host};
use crate::web::servicestage::Refusal;
use vestibule_githost::names::{BlobSha, Content, Message};

/// The body that makes a file.
pub struct NewFile {
    pub message: Message,
    pub content: Content,
}

impl NewFile {
    pub fn read(body: &[u8]) -> Result<NewFile, Refusal> {
        NewFile::of(&mut Members::read(body)?)
    }

    fn of(members: &mut Members) -> Result<NewFile, Refusal> {
        let message = Message::parse(&members.text("message")?).map_err(of_host)?;
        Ok(NewFile { message, content: Content::parse(&members.text("content")?).map_err(of_host)? })
    }
}

/// The body that changes a file: which version of it was read.
pub struct NewVersion {
    pub file: NewFile,
    pub sha: BlobSha,
}

impl NewVersion {
    pub fn read(body: &[u8]) -> Result<NewVersion, Refusal> {
        let mut members = Members::read(body)?;
        let sha = BlobSha::parse(&members.text("sha")?).map_err(of_host)?;
        Ok(NewVersion { file: NewFile::of(&mut members)?, sha })
    }
}
