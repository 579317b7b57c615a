//! What an answer to a logout token means (OpenID Connect Back-Channel Logout section 2.8), and when to try again.

use crate::outbound::Why;
use crate::turns::pause_ms;
use vestibule_store::logout_notices::Settled;

/// For how long an application is tried, in milliseconds.
pub const TRIED_FOR_MS: i64 = 24 * 3_600_000;

/// What becomes of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ends so.
    Settle(Settled, String),
    /// It is tried again at this moment.
    Retry(i64, String),
}

/// Judges what came of the `attempts`-th try of a notice that was made at `created_at`: a status, or why there is none.
pub fn judge(answer: Result<u16, Why>, attempts: i64, created_at: i64, now: i64) -> Verdict {
    let how = match answer {
        Ok(status) => format!("status {status}"),
        Err(why) => why.name().to_owned(),
    };
    match answer {
        Ok(200 | 204) => Verdict::Settle(Settled::Told, how),
        // It says that the token is no good to it, and would say so again.
        Ok(400) => Verdict::Settle(Settled::Refused, how),
        _ if now >= created_at + TRIED_FOR_MS => Verdict::Settle(Settled::GivenUp, how),
        _ => Verdict::Retry(now + pause_ms(attempts), how),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_129_an_answer_settles_or_is_asked_for_again_until_a_day_is_over() {
        let judged = |answer| judge(answer, 1, 0, 1_000);
        for status in [200, 204] {
            assert!(matches!(judged(Ok(status)), Verdict::Settle(Settled::Told, _)));
        }
        assert_eq!(judged(Ok(400)), Verdict::Settle(Settled::Refused, "status 400".to_owned()));
        for again in [Ok(500), Ok(503), Ok(404), Ok(301), Ok(307), Ok(201), Err(Why::Late), Err(Why::Forbidden)] {
            assert!(matches!(judged(again), Verdict::Retry(3_000, _)), "{again:?}");
            let last = judge(again, 60, 0, TRIED_FOR_MS);
            assert!(matches!(last, Verdict::Settle(Settled::GivenUp, _)), "{again:?}");
            assert!(matches!(judge(again, 60, 0, TRIED_FOR_MS - 1), Verdict::Retry(..)), "{again:?}");
        }
    }
}
