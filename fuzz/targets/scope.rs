//! Scopes. What is read and spelled again is the same set, in the same order, of names without spaces or quotes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_oauth::scope::{MAX_NAMES, ScopeSet};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (front, back) = text.split_at(text.find('\n').unwrap_or(0));
    let Ok(set) = ScopeSet::parse(back.trim_start_matches('\n')) else { return };
    assert!(set.len() <= MAX_NAMES);
    assert!(set.iter().all(|name| !name.is_empty() && !name.contains([' ', '"', '\\', '\t'])));
    let spelled = set.to_string();
    let again = ScopeSet::parse(&spelled).expect("spelled by us");
    assert_eq!(again, set);
    assert_eq!(again.to_string(), spelled);
    let Ok(other) = ScopeSet::parse(front) else { return };
    let both = set.intersection(&other);
    assert!(both.is_subset(&set) && both.is_subset(&other));
    assert_eq!(both, other.intersection(&set));
    assert_eq!(both == set, set.is_subset(&other));
});
