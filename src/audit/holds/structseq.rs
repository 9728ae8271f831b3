//! `PyStructSequence` objects, such as `os.stat_result`. The collector does not track those made in C, and they may
//! have more items than their `ob_size`.

use std::sync::OnceLock;

use super::Visitor;
use crate::abi::{self, PyObject, PyTypeObject, PyVarObject};
use crate::audit::heap::builtin::builtin;

/// `tp_dealloc` of these types, which no other type has.
static DEALLOC: OnceLock<usize> = OnceLock::new();

/// CPython's `PyMemberDef`.
#[repr(C)]
struct Member {
    name: *const u8,
    kind: i32,
    offset: isize,
    flags: i32,
    doc: *const u8,
}

/// Learns from the host the facts that have no symbol.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn learn() {
    let Some(get) = builtin().PySys_GetObject else {
        return;
    };
    // SAFETY: the host's own function, with the lock held. `sys.version_info` is a `PyStructSequence`, and lives as
    // long as the host.
    unsafe {
        let version = get(c"version_info".as_ptr());
        if !version.is_null()
            && let Some(dealloc) = (*abi::type_of(version)).tp_dealloc
        {
            let _ = DEALLOC.set(dealloc as usize);
        }
    }
}

/// Whether instances are `PyStructSequence` objects.
///
/// # Safety
/// `ob_type` is a type.
pub(super) unsafe fn is_one(ob_type: *mut PyTypeObject) -> bool {
    // SAFETY: `ob_type` is a type.
    let dealloc = unsafe { (*ob_type).tp_dealloc }.map(|dealloc| dealloc as usize);
    dealloc.is_some() && dealloc == DEALLOC.get().copied()
}

pub(super) unsafe fn ask(op: *mut PyObject, is_tracked: bool, visitor: &mut dyn Visitor) {
    if is_tracked {
        return;
    }
    // SAFETY: the type of `op` is a `PyStructSequence` type. Its members list all named items, including the last item
    // of all, and end with a NULL name. `is_readable` is asked before the items are read.
    unsafe {
        let mut member = (*abi::type_of(op)).tp_members.cast::<Member>();
        let mut end = 0;
        while !member.is_null() && !(*member).name.is_null() {
            end = end.max((*member).offset.unsigned_abs() + size_of::<usize>());
            member = member.add(1);
        }
        if !visitor.is_readable(op as usize, end) {
            return;
        }
        // From 3.14 on a hash follows `ob_size`. It is no object's address.
        for place in (size_of::<PyVarObject>()..end & !7).step_by(size_of::<usize>()) {
            visitor.read(*op.byte_add(place).cast());
        }
    }
}
