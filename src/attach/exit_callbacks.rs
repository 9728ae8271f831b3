//! The callbacks of `atexit`. CPython 3.10 to 3.13 keep them where no `tp_traverse` visits them.
//!
//! They are in a C array in the interpreter's state. The offset of the array differs between versions, and nothing
//! exports it. It is found with a function of our own: register it, then search for it.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::OnceLock;

use super::interpreters;
use super::originals::{self, Library};
use crate::abi::{FLAVOUR, PyObject};
use crate::audit::heap::memory::Memory;
use crate::host::method::Method;
use crate::lifecycle::count;

/// Whether this version has the array. Older versions traverse the callbacks in the module `atexit`, newer ones keep a
/// list.
const HAS_ARRAY: bool = FLAVOUR.hides_exit_callbacks();

/// How many bytes of an interpreter's state are searched.
const FARTHEST: usize = 1 << 20;

/// The offset of the array in an interpreter's state.
static PLACE: OnceLock<usize> = OnceLock::new();

/// CPython's `struct atexit_state`, from the array on.
#[repr(C)]
struct Callbacks {
    callbacks: *const *const Callback,
    ncallbacks: c_int,
    callback_len: c_int,
}

/// CPython's `atexit_py_callback`. `kwargs` may be NULL.
#[repr(C)]
struct Callback {
    func: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
}

static PROBE: Method = Method::new(c"probe", probe);

/// Registered for a moment, and never called.
unsafe extern "C" fn probe(_module: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    null_mut()
}

type Import = unsafe extern "C" fn(*const c_char) -> *mut PyObject;
type New = unsafe extern "C" fn(*const Method, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Call = unsafe extern "C" fn(*mut PyObject, *const c_char, *const c_char, ...) -> *mut PyObject;

/// Finds the array, once. If it is not found, its references stay unexplained.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn learn(python: &Library) {
    if !HAS_ARRAY || PLACE.get().is_some() {
        return;
    }
    // SAFETY: the host's public functions, with the types that its headers give them; the lock is held.
    unsafe {
        let (Some(import), Some(new), Some(call), Some(clear)) = (
            python.function::<Import>(c"PyImport_ImportModule"),
            python.function::<New>(c"PyCFunction_NewEx"),
            python.function::<Call>(c"PyObject_CallMethod"),
            python.function::<unsafe extern "C" fn()>(c"PyErr_Clear"),
        ) else {
            return;
        };
        let module = import(c"atexit".as_ptr());
        let wanted = new(&raw const PROBE, null_mut(), null_mut());
        let say = |name: *const c_char| {
            let result = call(module, name, c"O".as_ptr(), wanted);
            let has_worked = !result.is_null();
            if has_worked {
                count::release(result, c"Py_DecRef");
            }
            has_worked
        };
        if !module.is_null() && !wanted.is_null() && say(c"register".as_ptr()) {
            if let Some(place) = find(python, wanted) {
                let _ = PLACE.set(place);
            }
            say(c"unregister".as_ptr());
        }
        clear();
        for op in [wanted, module] {
            if !op.is_null() {
                count::release(op, c"Py_DecRef");
            }
        }
    }
}

/// Calls `visit` with the function and the arguments of each callback, in each interpreter. An argument may be NULL.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn visit(visit: &mut dyn FnMut(*mut PyObject)) {
    let (Some(&place), Some(python)) = (PLACE.get(), originals::python()) else {
        return;
    };
    // SAFETY: each interpreter has its array at that offset, with `ncallbacks` entries in use. The entry of an
    // unregistered callback is NULL.
    unsafe {
        for interpreter in interpreters::all(python) {
            let array = &*interpreter.byte_add(place).cast::<Callbacks>();
            if array.callbacks.is_null() {
                continue;
            }
            for at in 0..array.ncallbacks.max(0) as usize {
                if let Some(callback) = (*array.callbacks.add(at)).as_ref() {
                    visit(callback.func);
                    visit(callback.args);
                    visit(callback.kwargs);
                }
            }
        }
    }
}

/// The offset of an array in an interpreter's state whose last callback is `wanted`.
///
/// # Safety
/// The host's lock is held.
unsafe fn find(python: &Library, wanted: *mut PyObject) -> Option<usize> {
    let memory = Memory::look()?;
    // SAFETY: the host's lock is held, as the caller promises.
    let mut all = unsafe { interpreters::all(python) };
    all.find_map(|interpreter| {
        let first = interpreter as usize;
        (0..FARTHEST)
            .step_by(size_of::<usize>())
            .take_while(|place| memory.is_readable(first + place, size_of::<Callbacks>()))
            // SAFETY: `take_while` has checked that so many bytes can be read there.
            .find(|place| unsafe { ends_in(&*((first + place) as *const _), wanted, &memory) })
    })
}

/// Whether `array` is an array of callbacks whose last one is `wanted`.
///
/// # Safety
/// Memory that `memory` calls readable stays readable during the call.
unsafe fn ends_in(array: &Callbacks, wanted: *mut PyObject, memory: &Memory) -> bool {
    let can_be_read = |address: usize, bytes| {
        address.is_multiple_of(align_of::<usize>()) && memory.is_readable(address, bytes)
    };
    if array.ncallbacks < 1 || array.callback_len < array.ncallbacks {
        return false;
    }
    let last = array.callbacks.wrapping_add(array.ncallbacks as usize - 1);
    if !can_be_read(last as usize, size_of::<usize>()) {
        return false;
    }
    // SAFETY: `can_be_read` has just checked this address.
    let callback = unsafe { *last };
    can_be_read(callback as usize, size_of::<Callback>())
        // SAFETY: as above.
        && unsafe { (*callback).func } == wanted
}
