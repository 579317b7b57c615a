//! That revocation revokes: its answer is 200 for any token, so the answer alone proves nothing.
//!
//! Owns asking about a sample of tokens before and after a window of load, outside of what is measured.

use crate::caller::Caller;
use crate::rows::Row;
use crate::wire::Connection;
use std::net::SocketAddr;

/// How many connections' next tokens are looked at.
const SAMPLE: usize = 16;

/// Questions about the tokens that each connection revokes first.
pub struct Proof {
    questions: Vec<Vec<u8>>,
}

impl Proof {
    /// Looks that the tokens which come next are alive; of rows that revoke nothing there is nothing to prove.
    pub async fn before(row: Row, to: SocketAddr, callers: &[Caller]) -> Result<Proof, String> {
        let next = callers.iter().filter(|_| row == Row::Revoke).take(SAMPLE).filter_map(Caller::peek);
        let proof = Proof { questions: next.map(introspection).collect() };
        proof.expect(to, "\"active\":true").await?;
        Ok(proof)
    }

    /// Looks that they are dead.
    pub async fn after(self, to: SocketAddr) -> Result<(), String> {
        self.expect(to, "\"active\":false").await
    }

    async fn expect(&self, to: SocketAddr, state: &str) -> Result<(), String> {
        if self.questions.is_empty() {
            return Ok(());
        }
        let mut line = Connection::open(to).await?;
        for question in &self.questions {
            let reply = line.call(question).await?;
            if reply.status != 200 || !reply.text().contains(state) {
                return Err(format!("revocation: {state} was expected: {}", reply.complaint()));
            }
        }
        Ok(())
    }
}

/// The same form by the same client, sent to the other door.
fn introspection(request: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(request).replacen("POST /oauth/revoke ", "POST /oauth/introspect ", 1).into_bytes()
}
