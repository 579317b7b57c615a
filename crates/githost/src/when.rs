//! Moments as hosts spell them, read to Unix milliseconds.
//!
//! Owns the three spellings that token answers and rate limits use. Does not own the clock.

/// Reads `2026-11-22`, `2026-11-22 08:30:00 UTC`, `2026-11-22T08:30:00Z` and the same with an offset (`+0800`,
/// `+08:00`); `None` for anything else. A date alone is the midnight at which it begins, in UTC.
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let day = day_of(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(day * DAY);
    }
    let rest = rest.strip_prefix(['T', ' '])?;
    let of_day = time_of_day(rest.get(..8)?)?;
    let zone = rest.get(8..)?;
    // Fractions of a second are finer than anything that hangs on these moments.
    let zone = zone.strip_prefix('.').map_or(zone, |z| z.trim_start_matches(|c: char| c.is_ascii_digit())).trim();
    Some(day * DAY + of_day - offset(zone)?)
}

/// Reads the date of a `Retry-After` header (RFC 9110 section 5.6.7): `Sun, 22 Nov 2026 08:30:00 GMT`.
pub fn http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day = words.next()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let year = words.next()?;
    let time = time_of_day(words.next()?)?;
    let day = day_of(&format!("{year}-{month:02}-{day}"))?;
    (words.next() == Some("GMT")).then_some(day * DAY + time)
}

fn time_of_day(text: &str) -> Option<i64> {
    let [hour, minute, second] = numbers(text, ':')?;
    let fits = hour < 24 && minute < 60 && second < 61;
    fits.then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.strip_prefix(['+', '-'])?.replace(':', "");
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: i64 = digits.parse().ok()?;
    Some(sign * (digits / 100 * 60 + digits % 100) * 60_000)
}

/// Days since 1970-01-01 (the civil calendar, counted from March so that the leap day comes last).
fn day_of(text: &str) -> Option<i64> {
    let [year, month, day] = numbers(text, '-')?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

const DAY: i64 = 86_400_000;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
