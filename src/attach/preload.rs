//! Removes the library from `LD_PRELOAD`, so that child processes do not inherit it unless asked.

use std::env;
use std::ffi::{CStr, OsStr, OsString, c_void};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

const VARIABLE: &str = "LD_PRELOAD";

/// Whether `LD_PRELOAD` names this library.
pub(super) fn is_preloaded() -> bool {
    let (Some(preloads), Some(ours)) = (env::var_os(VARIABLE), own_path()) else {
        return false;
    };
    entries(&preloads).any(|entry| same_file(entry, &ours))
}

/// Removes this library from `LD_PRELOAD`.
///
/// # Safety
/// No other thread reads the environment meanwhile.
pub(super) unsafe fn leave_the_children_alone() {
    let Some(preloads) = env::var_os(VARIABLE) else {
        return;
    };
    let Some(ours) = own_path() else { return };
    let rest = without(&preloads, |entry| same_file(entry, &ours));
    // SAFETY: the caller's promise is the callees'.
    unsafe {
        match rest {
            Some(rest) => env::set_var(VARIABLE, rest),
            None => env::remove_var(VARIABLE),
        }
    }
}

/// The entries that spaces or colons separate.
fn entries(preloads: &OsStr) -> impl Iterator<Item = &OsStr> {
    let entries = preloads.as_bytes().split(|byte| b" :".contains(byte));
    entries
        .filter(|entry| !entry.is_empty())
        .map(OsStr::from_bytes)
}

/// The entries without those that are `ours`; `None` where none is left.
fn without(preloads: &OsStr, ours: impl Fn(&OsStr) -> bool) -> Option<OsString> {
    let rest: Vec<&[u8]> = entries(preloads)
        .filter(|entry| !ours(entry))
        .map(OsStr::as_bytes)
        .collect();
    (!rest.is_empty()).then(|| OsString::from_vec(rest.join(&b':')))
}

/// Whether an entry names our file. The loader searches for an entry without a slash, so only the file names can be
/// compared.
fn same_file(entry: &OsStr, ours: &Path) -> bool {
    let entry = Path::new(entry);
    if entry.components().count() == 1 && !entry.is_absolute() {
        return ours.file_name() == entry.file_name();
    }
    matches!((entry.canonicalize(), ours.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn own_path() -> Option<std::path::PathBuf> {
    // SAFETY: dladdr accepts any address, and zeroes are a valid `Dl_info`. The loader's file names are C strings.
    unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(own_path as *const c_void, &mut info) == 0 {
            return None;
        }
        Some(OsStr::from_bytes(CStr::from_ptr(info.dli_fname).to_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_preloads_stay() {
        let ours = |entry: &OsStr| entry == "/lib/ours.so";
        let left = |text: &str| without(OsStr::new(text), ours);
        assert_eq!(left("/lib/ours.so"), None);
        assert_eq!(left(" /lib/ours.so: "), None);
        assert_eq!(left("/a.so:/lib/ours.so /b.so"), Some("/a.so:/b.so".into()));
        assert_eq!(left("/a.so"), Some("/a.so".into()));
    }

    #[test]
    fn a_name_without_a_folder_is_compared_as_a_name() {
        assert!(same_file(OsStr::new("ours.so"), Path::new("/lib/ours.so")));
        assert!(!same_file(
            OsStr::new("theirs.so"),
            Path::new("/lib/ours.so")
        ));
        assert!(!same_file(
            OsStr::new("/nowhere/ours.so"),
            Path::new("/lib/ours.so")
        ));
    }
}
