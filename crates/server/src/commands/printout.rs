//! What a command leaves behind: data on stdout, messages on stderr, an exit status.
//!
//! Owns tables, JSON lines, the spelling of times, and the reading of secrets. Knows no noun.

pub use crate::clock::rfc3339 as time;
use crate::seal::Unsealed;
use serde::Serialize;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It cannot be done as things stand: exit status 1.
    Failed(String),
    /// It was asked wrongly: exit status 2.
    Usage(String),
}

impl Failure {
    /// Something that somebody else has already; `flag` is where another can be given.
    pub fn taken(what: &str, flag: &str) -> Failure {
        Failure::Failed(format!("{flag}: this {what} is taken; choose another."))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Failed(format!("{error}."))
    }
}

impl From<Unsealed> for Failure {
    fn from(why: Unsealed) -> Failure {
        Failure::Failed(format!("{why}."))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Failed(format!("The output could not be written: {error}."))
    }
}

/// The exit status of `outcome`; its sentence goes to stderr.
pub fn exit(outcome: Result<(), Failure>) -> ExitCode {
    let (status, sentence) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(sentence)) => (1, sentence),
        Err(Failure::Usage(sentence)) => (2, sentence),
    };
    say(&format!("vestibule: {sentence}"));
    ExitCode::from(status)
}

/// A message for a person, on stderr.
pub fn say(message: &str) {
    // There is nobody left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Prints `value` as one line of JSON, or `human` when JSON was not asked for.
pub fn print<T: Serialize + ?Sized>(json: bool, value: &T, human: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string(value).map_err(|error| Failure::Failed(format!("Not spellable as JSON: {error}.")))?
    } else {
        human()
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    Ok(out.flush()?)
}

/// A table with its heading; `empty` when there are no rows.
pub fn table(heading: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let cell = |text: &str| text.chars().map(printable).collect::<String>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
    let width = |column: usize| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        longest.max(heading[column].chars().count())
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut text = line(heading.iter().map(|h| h.to_uppercase()), &widths);
    for row in rows {
        text.push_str(&line(row.into_iter(), &widths));
    }
    text
}

fn line(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let padded: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

/// Names and values under each other, values aligned; a value with several lines keeps its place.
pub fn sheet(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        for (i, part) in value.lines().enumerate() {
            let label = if i == 0 { *name } else { "" };
            let part: String = part.chars().map(printable).collect();
            text.push_str(&format!("{label:<width$}  {part}\n"));
        }
    }
    text
}

/// Text from the database must not steer the terminal (escape sequences in a nickname).
fn printable(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}

/// Reads a length of time such as `30m`, `24h`, `7d` or `0`; gives milliseconds, at most 90 days.
pub fn duration(flag: &str, text: &str) -> Result<i64, Failure> {
    let wrong = || Failure::Usage(format!("{flag}: {text:?} is no length of time up to 90d; write 0, 30m, 24h or 7d."));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" if digits == "0" => 0,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let count: i64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(ms) if (0..=90 * 86_400_000).contains(&ms) => Ok(ms),
        _ => Err(wrong()),
    }
}

/// The longest secret that is read, in bytes, and its line ending; one byte more is read, so that a longer one is seen
/// as such.
const LONGEST: u64 = 1024 + 2;

/// Reads a password: one line of standard input, without its line ending.
pub fn read_password() -> Result<Secret, Failure> {
    read_secret("--password-stdin", "password")
}

/// Reads a secret (`what`) that `flag` wants from standard input: one line, without its line ending.
pub fn read_secret(flag: &str, what: &str) -> Result<Secret, Failure> {
    let input = std::io::stdin().lock();
    if input.is_terminal() {
        say(&format!("Type the {what} and press Enter. It is shown as you type; a pipe would keep it off the screen."));
    }
    one_line(input, flag, "standard input")
}

/// Reads a secret that `flag` wants from a file: its first line, without its line ending.
pub fn read_secret_file(flag: &str, path: &Path) -> Result<Secret, Failure> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| Failure::Failed(format!("{flag}: {name} cannot be read: {error}.")))?;
    one_line(std::io::BufReader::new(file), flag, &name)
}

fn one_line(input: impl BufRead, flag: &str, name: &str) -> Result<Secret, Failure> {
    let mut line = Vec::new();
    let read = input.take(LONGEST + 1).read_until(b'\n', &mut line);
    read.map_err(|error| Failure::Failed(format!("{flag}: {name} cannot be read: {error}.")))?;
    let mut text = String::from_utf8(line)
        .map_err(|_| Failure::Usage(format!("{flag}: what {name} holds must be UTF-8 text.")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(Failure::Usage(format!("{flag}: {name} held nothing; give it as one line.")));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_rfc_3339_says() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(time(1_795_297_921_999), "2026-11-21T21:52:01Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn lengths_of_time_are_bounded_and_need_a_unit() {
        assert_eq!(duration("--overlap", "24h").unwrap(), 86_400_000);
        assert_eq!(duration("--overlap", "0").unwrap(), 0);
        assert_eq!(duration("--overlap", "90d").unwrap(), 90 * 86_400_000);
        for wrong in ["", "24", "91d", "h", "-1h", "1w", "99999999999999999999s", "9223372036854775807d"] {
            assert!(duration("--overlap", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_table_lines_up_and_lets_no_escape_sequence_through() {
        let rows = vec![vec!["a\u{1b}[2J".to_owned(), "1".to_owned()], vec!["bcdefgh".to_owned(), "2".to_owned()]];
        let text = table(&["name", "n"], &rows, "none");
        assert_eq!(text, "NAME     N\na\u{fffd}[2J    1\nbcdefgh  2\n");
        assert_eq!(table(&["name"], &[], "none"), "none");
    }
}
