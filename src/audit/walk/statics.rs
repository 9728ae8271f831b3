//! Objects in the data of libraries, which may have no holder.
//!
//! A place counts as an object only if the library's file has a count of one there. Without this rule, a number in
//! front of a type's address would look like an object. From 3.12 on such objects are immortal, and the audit does not
//! look for them. CPython's own objects are left out.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::types::{TYPE_WORD, TypeId, Types};
use crate::abi::{FLAVOUR, Head, PyObject, TypeFlags};
use crate::audit::heap::builtin::builtin;
use crate::audit::heap::memory::{Memory, has_no_descriptor};
use crate::host::{libraries, reserve};
use crate::refcount::{Current, Policy};

/// A variable in this library's own writable data, which is left out.
static OURS: AtomicBool = AtomicBool::new(false);

/// The part of a writable segment that the library's file contains.
#[derive(Debug)]
struct Data {
    path: PathBuf,
    place: Range<usize>,
    /// The segment's offset in the file.
    offset: u64,
}

/// Calls `found` with each object in the data of libraries that may be mortal.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn visit(
    types: &mut Types,
    memory: &Memory,
    mut found: impl FnMut(*mut PyObject, TypeId),
) {
    if FLAVOUR.has_immortals() || builtin().PyType_Type == 0 {
        return;
    }
    for data in all() {
        let end = data.place.end.saturating_sub(size_of::<PyObject>());
        for at in (data.place.start..=end).step_by(align_of::<PyObject>()) {
            let op = at as *mut PyObject;
            // SAFETY: the segment is mapped and readable, so a head can be read there.
            let word = unsafe {
                if !Current::is_plausible(PyObject::count(op)) {
                    continue;
                }
                *((at + TYPE_WORD) as *const usize)
            };
            let Some(id) = types.type_at(word, memory) else {
                continue;
            };
            let info = types.get(id);
            // SAFETY: `type_at` has found it to be a type.
            let flags = TypeFlags(unsafe { (*info.ob_type).tp_flags });
            if !flags.have_gc()
                && at + info.least_size <= data.place.end
                && data.begins_with_one(PyObject::count_address(op))
            {
                found(op, id);
            }
        }
    }
}

impl Data {
    /// Whether the word of the library's file that was mapped to `address` is one.
    fn begins_with_one(&self, address: usize) -> bool {
        static KNOWN: LazyLock<Mutex<FxHashMap<(PathBuf, u64), bool>>> =
            LazyLock::new(Mutex::default);
        let offset = self.offset + (address - self.place.start) as u64;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        match known.entry((self.path.clone(), offset)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => match word_of(&self.path, offset) {
                // Without a free file descriptor, the file can't be read.
                Err(error) if has_no_descriptor(&error) => {
                    reserve::falls_short();
                    false
                }
                word => *unknown.insert(word.is_ok_and(|word| word == 1)),
            },
        }
    }
}

fn word_of(path: &Path, offset: u64) -> io::Result<usize> {
    let mut word = [0; size_of::<usize>()];
    File::open(path)?.read_exact_at(&mut word, offset)?;
    Ok(usize::from_ne_bytes(word))
}

/// The writable data of the libraries and of the program, without CPython's own.
fn all() -> Vec<Data> {
    let mut all = Vec::new();
    libraries::visit(|library| {
        for header in library.segments(libc::PF_W) {
            let Range { start, end } = library.place(header);
            // Words are aligned in memory only if the loader has mapped the segment at an aligned address.
            let is_ours = (start..end).contains(&(&raw const OURS as usize));
            if is_ours || builtin().is_own(start) || !start.is_multiple_of(align_of::<PyObject>()) {
                continue;
            }
            all.push(Data {
                path: library.path().into(),
                place: start..start + header.p_filesz as usize,
                offset: header.p_offset,
            });
        }
    });
    all
}
