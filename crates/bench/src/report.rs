//! What came out, for people, for programs, and for docs/performance.md.
//!
//! Owns the spelling. The aims stand here with what they are compared to.

use crate::cores;
use crate::life::Memory;
use crate::measure::Measured;
use crate::rows::Row;
use serde_json::{Value, json};
use std::path::Path;

/// Everything that one run found out.
#[derive(Default)]
pub struct Report {
    pub machine: String,
    pub fsync_us: f64,
    pub small: Vec<Measured>,
    pub full: Vec<Measured>,
    pub postgres: Vec<Measured>,
    /// Where PostgreSQL ran.
    pub postgres_at: String,
    pub memory: Option<Memory>,
    pub first_answer_ms: Option<f64>,
    pub first_answer_full_ms: Option<f64>,
    pub binary_mb: f64,
}

/// The aims that no row has: MB, milliseconds, shares.
const IDLE_MB: f64 = 20.0;
const FIRST_ANSWER_MS: f64 = 100.0;
const BINARY_MB: f64 = 20.0;
const OF_ARGON2ID: f64 = 0.95;
const OF_SMALL: f64 = 0.9;

const BEGIN: &str = "<!-- measured by `cargo run --release -p bench -- --write` -->";
const END: &str = "<!-- end of what was measured -->";

impl Report {
    /// Whether no answer was wrong.
    pub fn is_good(&self) -> bool {
        self.all().all(|measured| measured.errors == 0)
    }

    /// What was wrong, in words.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        self.all().flat_map(|measured| measured.complaints.iter().map(|why| format!("{}: {why}", measured.row.title())))
    }

    /// Where something else than the server may have been the limit. On PostgreSQL the server waits for another process,
    /// so that nothing can be said.
    pub fn doubts(&self) -> impl Iterator<Item = String> {
        self.small.iter().chain(&self.full).flat_map(Measured::doubts)
    }

    fn all(&self) -> impl Iterator<Item = &Measured> {
        self.small.iter().chain(&self.full).chain(&self.postgres)
    }

    /// How much of the small store's speed a row keeps in the full one: by processor time, each beside the bare route of its run.
    fn kept(&self, row: Row) -> Option<f64> {
        let (small, full) = (find(&self.small, row)?, find(&self.full, row)?);
        Some(small.ratio() / full.ratio().max(1e-9))
    }

    /// The table and the readings, in Markdown.
    pub fn table(&self) -> String {
        let mut lines = vec![
            "| row | answers/s | p50 ms | p99 ms | CPU µs | of that writing | bare route µs | × bare | aim | core busy: row, bare | generator busy: row, bare | verbs in a commit | \
             commit ms | full store | PostgreSQL: CPU µs, answers/s |"
                .to_owned(),
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |".to_owned(),
        ];
        lines.extend(self.small.iter().map(|measured| self.line(measured)));
        lines.push(String::new());
        lines.extend(self.readings().into_iter().map(|reading| format!("* {reading}")));
        lines.join("\n")
    }

    fn line(&self, m: &Measured) -> String {
        let written = m.commits.filter(|commits| m.writer_us > 0.5 && commits.verbs_each > 0.0);
        let (verbs, commit) = written.map_or((String::new(), String::new()), |commits| {
            (format!("{:.1}", commits.verbs_each), format!("{:.2}", commits.commit_us / 1e3))
        });
        let aim = match (m.row.aim(), m.share()) {
            (Some(aim), _) => format!("{aim:.0}: {}", verdict(m.ratio() <= aim)),
            (None, Some(share)) => {
                format!("{:.0} % of Argon2id, 95: {}", share * 100.0, verdict(share >= OF_ARGON2ID))
            }
            (None, None) => String::new(),
        };
        let kept = self.kept(m.row).map_or(String::new(), |kept| {
            let missed = if kept >= OF_SMALL { "" } else { " (missed)" };
            let new = if m.row.asks_the_crowd() { "" } else { ", new rows" };
            format!("{kept:.2}{missed}{new}")
        });
        let both = |row: f64, bare: f64| format!("{:.0} %, {:.0} %", row * 100.0, bare * 100.0);
        let (busy, generator) = (both(m.busy, m.bare_busy), both(m.generator, m.bare_generator));
        let beside = find(&self.postgres, m.row).map_or(String::new(), |p| format!("{:.1}, {:.0}", p.cpu_us, p.rate));
        format!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {:.2} | {aim} | {busy} | {generator} | {verbs} | {commit} | {kept} | {beside} |",
            m.row.title(),
            m.rate,
            m.p50_us / 1e3,
            m.p99_us / 1e3,
            m.cpu_us,
            m.writer_us,
            m.bare_us,
            m.ratio()
        )
    }

    fn readings(&self) -> Vec<String> {
        let mut said = vec![self.machine.clone(), format!("4 KiB and fsync on this disk: {:.0} µs", self.fsync_us)];
        if let Some(memory) = &self.memory {
            let Memory { after_sign_ins, after_hashing, idle } = memory;
            let idle = idle.map_or(String::new(), |idle| {
                format!(", 60 s after it {idle:.1} MiB (aim {IDLE_MB:.0}: {})", verdict(idle * 1.048_576 < IDLE_MB))
            });
            said.push(format!(
                "memory after 1,000 requests and 10 sign-ins: {after_sign_ins:.1} MiB; 13 s later, hashing memory given back: \
                 {after_hashing:.1} MiB{idle}"
            ));
        }
        if let Some(first) = self.first_answer_ms {
            let full =
                self.first_answer_full_ms.map_or(String::new(), |full| format!("; on the full store {full:.0} ms"));
            let judged = verdict(first <= FIRST_ANSWER_MS);
            said.push(format!("from start to first answer: {first:.0} ms (aim {FIRST_ANSWER_MS:.0}: {judged}){full}"));
        }
        let judged = verdict(self.binary_mb < BINARY_MB);
        said.push(format!("binary: {:.1} MB (aim {BINARY_MB:.0}: {judged})", self.binary_mb));
        if !self.postgres.is_empty() {
            said.push(format!("PostgreSQL: {}", self.postgres_at));
        }
        said.extend(self.doubts().map(|doubt| format!("in doubt: {doubt}")));
        said.push(format!("errors: {}", self.all().map(|measured| measured.errors).sum::<u64>()));
        said
    }

    /// One object.
    pub fn json(&self) -> Value {
        let rows = |rows: &[Measured]| rows.iter().map(object).collect::<Vec<_>>();
        let memory = self.memory.map(|memory| {
            json!({
                "after_sign_ins_mib": memory.after_sign_ins,
                "after_hashing_mib": memory.after_hashing,
                "idle_mib": memory.idle,
            })
        });
        json!({
            "machine": self.machine,
            "fsync_us": self.fsync_us,
            "small": rows(&self.small),
            "full": rows(&self.full),
            "postgresql": rows(&self.postgres),
            "postgresql_at": self.postgres_at,
            "in_doubt": self.doubts().collect::<Vec<_>>(),
            "memory": memory,
            "first_answer_ms": self.first_answer_ms,
            "first_answer_full_ms": self.first_answer_full_ms,
            "binary_mb": self.binary_mb,
        })
    }

    /// Puts the table into the page, in place of the one before.
    pub fn write(&self, page: &Path) -> Result<(), String> {
        let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
        let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = parts.ok_or_else(|| format!("{} has no place for the table", page.display()))?;
        let whole = format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", self.table());
        std::fs::write(page, whole).map_err(|error| error.to_string())
    }
}

fn find(rows: &[Measured], row: Row) -> Option<&Measured> {
    rows.iter().find(|measured| measured.row == row)
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

fn object(m: &Measured) -> Value {
    json!({
        "row": m.row.name(),
        "per_second": m.rate,
        "p50_us": m.p50_us,
        "p99_us": m.p99_us,
        "errors": m.errors,
        "cpu_us": m.cpu_us,
        "writer_us": m.writer_us,
        "bare_us": m.bare_us,
        "ratio": m.ratio(),
        "busy": m.busy,
        "bare_busy": m.bare_busy,
        "generator_busy": m.generator,
        "bare_generator_busy": m.bare_generator,
        "verbs_a_commit": m.commits.map(|commits| commits.verbs_each),
        "commit_us": m.commits.map(|commits| commits.commit_us),
        "of_argon2id": m.share(),
    })
}

/// The processor, and which of its cores had which part.
pub fn machine() -> Result<String, String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown processor", |(_, name)| name.trim());
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let cores = cores::chosen()?;
    let one = if cores.are_one { ", which are two threads of one core" } else { "" };
    Ok(format!("{model}, {count} cores: the server on {}, the generator on {}{one}", cores.measured, cores.loading))
}
