//! Moments as hosts spell them.

use proptest::prelude::*;
use vestibule_githost::when::{http_date, moment};

#[test]
fn the_spellings_of_hosts_are_read() {
    for (text, at) in [
        ("1970-01-01", 0),
        ("2000-02-29", 951_782_400_000),
        ("2026-12-31", 1_798_675_200_000),
        ("2026-12-31 08:30:00 UTC", 1_798_705_800_000),
        ("2026-12-31 08:30:00 +0800", 1_798_676_999_999 + 1),
        ("2026-12-31T08:30:00Z", 1_798_705_800_000),
        ("2026-12-31T08:30:00.123Z", 1_798_705_800_000),
        ("2026-12-31T08:30:00-08:00", 1_798_734_600_000),
    ] {
        assert_eq!(moment(text), Some(at), "{text}");
    }
    assert_eq!(http_date("Thu, 31 Dec 2026 08:30:00 GMT"), Some(1_798_705_800_000));
}

#[test]
fn anything_else_is_none() {
    for text in [
        "",
        "2026",
        "2026-13-01",
        "2026-00-01",
        "1969-12-31",
        "2026-1-1",
        "2026-12-31T25:00:00Z",
        "never",
        "2026-12-31 08:30:00",
        "2026-12-31 08:30:00 CET",
        "2026-12-31x",
        "２０２６-12-31",
        "+026-12-31",
    ] {
        assert_eq!(moment(text), None, "{text}");
    }
    for text in ["", "Thu", "Thu, 31 Dez 2026 08:30:00 GMT", "Thu, 31 Dec 2026 08:30:00 CET", "Thu, 31 Dec 2026"] {
        assert_eq!(http_date(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn days_follow_each_other(day in 0i64..1_000_000) {
        // Counts the calendar by hand, the slow way.
        let (mut year, mut rest) = (1970i64, day);
        let is_leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        while rest >= 365 + i64::from(is_leap(year)) {
            rest -= 365 + i64::from(is_leap(year));
            year += 1;
        }
        let lengths = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        while rest >= lengths[month] {
            rest -= lengths[month];
            month += 1;
        }
        let text = format!("{year:04}-{:02}-{:02}", month + 1, rest + 1);
        prop_assert_eq!(moment(&text), Some(day * 86_400_000));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = (moment(&text), http_date(&text));
    }
}
