//! How much one address, or one application, may ask for: a rate limit in memory of fixed size.
//!
//! Owns the counting (the generic cell rate algorithm: one moment each). The table never grows, whatever addresses an
//! attacker chooses (FM-117): a new address takes the place of the one that has been quiet longest.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use vestibule_oauth::id::Id;

const SETS: usize = 4096;
const WAYS: usize = 4;
/// Sets that are made together when the first of them is needed: a server of whom few ask much has most of them never.
const SHELF: usize = 64;
/// A burst may take this many milliseconds' worth of requests at once.
const BURST_MS: i64 = 60_000;

/// Counts what addresses or applications begin.
pub struct Guard {
    hasher: RandomState,
    interval_us: i64,
    shelves: Box<[OnceLock<Box<[Set]>>]>,
}

type Set = Mutex<[Cell; WAYS]>;

#[derive(Clone, Copy, Default)]
struct Cell {
    key: u64,
    /// When it would be at rest again, in microseconds on the process's clock.
    rest_at: i64,
}

impl Guard {
    /// Lets each begin `per_minute` things a minute, and as many at once.
    pub fn new(per_minute: u32) -> Guard {
        let shelves = (0..SETS / SHELF).map(|_| OnceLock::new()).collect();
        Guard { hasher: RandomState::new(), interval_us: 60_000_000 / i64::from(per_minute.max(1)), shelves }
    }

    fn set(&self, index: usize) -> &Set {
        &self.shelves[index / SHELF].get_or_init(|| (0..SHELF).map(|_| Set::default()).collect())[index % SHELF]
    }

    /// Counts one more for `address` at `ticks` (milliseconds that never go back). `Err` is when to come back, in seconds.
    pub fn admit(&self, address: IpAddr, ticks: i64) -> Result<(), u32> {
        self.count(self.hasher.hash_one(network(address)).max(1), ticks)
    }

    /// The same for an application.
    pub fn admit_application(&self, application: Id, ticks: i64) -> Result<(), u32> {
        self.count(self.hasher.hash_one(application).max(1), ticks)
    }

    fn count(&self, key: u64, ticks: i64) -> Result<(), u32> {
        let now = ticks * 1000;
        let index = usize::try_from(key % SETS as u64).unwrap_or(0);
        let mut set = self.set(index).lock().unwrap_or_else(PoisonError::into_inner);
        let cell = match set.iter().position(|cell| cell.key == key) {
            Some(found) => &mut set[found],
            None => {
                let quietest = (0..WAYS).min_by_key(|way| set[*way].rest_at).unwrap_or(0);
                set[quietest] = Cell { key, rest_at: now };
                &mut set[quietest]
            }
        };
        let rest_at = cell.rest_at.max(now) + self.interval_us;
        let over = rest_at - now - BURST_MS * 1000;
        if over > 0 {
            return Err(u32::try_from(over / 1_000_000 + 1).unwrap_or(60));
        }
        cell.rest_at = rest_at;
        Ok(())
    }
}

/// Who counts as one: the address itself, or the /64 that one IPv6 household has.
pub fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_gets_its_minute_at_once_and_then_its_rate() {
        let guard = Guard::new(60);
        for _ in 0..60 {
            assert!(guard.admit(address(1), 0).is_ok());
        }
        assert_eq!(guard.admit(address(1), 0), Err(2));
        assert!(guard.admit(address(2), 0).is_ok(), "another address is not held back");
        assert!(guard.admit(address(1), 1_000).is_ok());
        assert!(guard.admit(address(1), 1_000).is_err());
    }

    #[test]
    fn applications_are_counted_apart() {
        let (guard, application) = (Guard::new(1), |n| Id::from_bytes([n; 16]));
        assert!(guard.admit_application(application(1), 0).is_ok());
        assert!(guard.admit_application(application(1), 0).is_err());
        assert!(guard.admit_application(application(2), 0).is_ok());
    }

    #[test]
    fn fm_117_the_table_does_not_grow_with_addresses() {
        let guard = Guard::new(1);
        for n in 0..200_000u32 {
            let _ = guard.admit(IpAddr::from(n.to_be_bytes()), 0);
        }
        assert_eq!(guard.shelves.iter().filter_map(OnceLock::get).map(|shelf| shelf.len()).sum::<usize>(), SETS);
    }

    #[test]
    fn one_ipv6_household_counts_as_one() {
        let guard = Guard::new(1);
        assert!(guard.admit("2001:db8::1".parse().unwrap(), 0).is_ok());
        assert!(guard.admit("2001:db8::2".parse().unwrap(), 0).is_err());
        assert!(guard.admit("2001:db8:0:1::1".parse().unwrap(), 0).is_ok());
    }
}
