//! What is large, coming and going: a few bodies and answers that hold a file or a tree at a time.
//!
//! Owns how many there may be, for one key and in all, and that an answer keeps its turn until its reader has it: whoever
//! asks for large answers and reads none would otherwise fill the memory (FM-117). Every other body is bounded by
//! `form::BODY_LIMIT`.

use crate::places::{Places, Seat};
use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use vestibule_oauth::id::Id;

/// Turns for something large.
pub struct Large {
    of_one: Places<Id>,
    of_all: Places<()>,
}

/// A turn, given back when dropped.
pub struct Turn {
    _of_one: Seat<Id>,
    _of_all: Seat<()>,
}

impl Large {
    /// So many for one key, and so many in all.
    pub fn new(of_one: usize, of_all: usize) -> Large {
        Large { of_one: Places::new(of_one), of_all: Places::new(of_all) }
    }

    /// A turn; `None` when none was free for as long as `patience`.
    pub async fn take(&self, key: Id, patience: Duration) -> Option<Turn> {
        let of_one = self.of_one.take(key, patience).await?;
        Some(Turn { _of_one: of_one, _of_all: self.of_all.take((), patience).await? })
    }
}

/// The same answer, which holds the turn until the last piece of it was asked for.
pub fn holding(response: Response, turn: Turn) -> Response {
    response.map(|body| Body::new(Held { body, piece: Bytes::new(), _turn: turn }))
}

/// A body in small pieces: whoever writes it to a connection takes the next one when the one before has gone out.
struct Held {
    body: Body,
    piece: Bytes,
    _turn: Turn,
}

/// The longest piece, in bytes.
const PIECE: usize = 32 * 1024;

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.piece.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.piece = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let length = self.piece.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, here) = (self.body.size_hint(), self.piece.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + here);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + here);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    const AT_ONCE: Duration = Duration::ZERO;

    #[tokio::test]
    async fn fm_117_large_things_are_few_and_one_key_has_not_all_of_their_turns() {
        let (large, [one, other, third]) = (Large::new(2, 3), [1, 2, 3].map(|n| Id::from_bytes([n; 16])));
        let first = large.take(one, AT_ONCE).await.expect("a turn");
        let second = large.take(one, AT_ONCE).await.expect("a turn");
        assert!(large.take(one, AT_ONCE).await.is_none());
        let _third = large.take(other, AT_ONCE).await.expect("a turn");
        assert!(large.take(third, AT_ONCE).await.is_none(), "of all");
        drop(first);
        assert!(large.take(third, AT_ONCE).await.is_some());
        drop(second);
    }

    #[tokio::test]
    async fn fm_117_an_answer_keeps_its_turn_until_its_last_piece_and_is_the_same() {
        let (large, key) = (Large::new(1, 1), Id::from_bytes([1; 16]));
        let text = vec![b'x'; 3 * PIECE + 7];
        let turn = large.take(key, AT_ONCE).await.expect("a turn");
        let mut body = holding(Response::new(Body::from(text.clone())), turn).into_body();
        assert_eq!(body.size_hint().exact(), Some(text.len() as u64));
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            assert!(large.take(key, AT_ONCE).await.is_none(), "while it is read");
            let data = frame.expect("a frame").into_data().expect("data");
            assert!(data.len() <= PIECE);
            read.extend_from_slice(&data);
        }
        assert_eq!(read, text);
        drop(body);
        assert!(large.take(key, AT_ONCE).await.is_some());
    }
}
