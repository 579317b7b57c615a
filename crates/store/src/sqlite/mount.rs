//! Which file system a database file lies on.
//!
//! Owns the refusal of network file systems: their locks and shared memory do not keep two machines apart, and SQLite's
//! write-ahead log needs both. Does not own the lock itself.

use crate::error::StoreError;
use std::path::{Path, PathBuf};

/// File systems, as Linux names them, that more than one machine can write to or whose locks stay on one side.
const SHARED: [&str; 14] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
];

/// Refuses a file on a network file system, where the system tells (Linux).
///
/// # Errors
/// [`StoreError::Address`] with the kind of file system and the way out.
pub(super) fn refuse_network(file: &Path) -> Result<(), StoreError> {
    let (Ok(mounts), Ok(file)) = (std::fs::read_to_string("/proc/self/mountinfo"), file.canonicalize()) else {
        return Ok(());
    };
    match shared_kind(&mounts, &file) {
        None => Ok(()),
        Some(kind) => Err(StoreError::Address(format!(
            "{} lies on a network file system ({kind}), on which SQLite can lose data: put it on a local disk, or use \
             PostgreSQL",
            file.display()
        ))),
    }
}

/// The kind of the file system that holds `file`, if it is a shared one. `mounts` is in the format of
/// /proc/PID/mountinfo (proc(5)); the last mount on the longest fitting path is the one that counts.
fn shared_kind<'a>(mounts: &'a str, file: &Path) -> Option<&'a str> {
    let mut holding: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else { continue };
        let point = unescape(point);
        let depth = point.components().count();
        if file.starts_with(&point) && holding.is_none_or(|(deepest, _)| depth >= deepest) {
            holding = Some((depth, kind));
        }
    }
    holding.map(|(_, kind)| kind).filter(|kind| SHARED.contains(kind))
}

/// Undoes the four escapes of mountinfo.
fn unescape(path: &str) -> PathBuf {
    if !path.contains('\\') {
        return PathBuf::from(path);
    }
    let plain = path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    PathBuf::from(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:40 / /srv rw - nfs4 server:/export rw,vers=4.2
41 40 254:1 / /srv/local rw - xfs /dev/vdb rw
42 22 0:42 / /mnt/my\\040share rw master:2 - cifs //host/share rw
43 22 0:43 / /over rw - ext4 /dev/vdc rw
44 43 0:44 / /over rw - nfs server:/other rw
";

    fn kind(file: &str) -> Option<&'static str> {
        shared_kind(MOUNTS, Path::new(file))
    }

    #[test]
    fn the_deepest_mount_decides() {
        assert_eq!(kind("/var/lib/vestibule.db"), None);
        assert_eq!(kind("/srv/vestibule.db"), Some("nfs4"));
        assert_eq!(kind("/srv/local/vestibule.db"), None);
        assert_eq!(kind("/srvother/vestibule.db"), None);
    }

    #[test]
    fn the_last_mount_on_a_path_hides_the_ones_before() {
        assert_eq!(kind("/over/vestibule.db"), Some("nfs"));
    }

    #[test]
    fn a_path_with_a_space_is_found() {
        assert_eq!(kind("/mnt/my share/vestibule.db"), Some("cifs"));
    }
}
