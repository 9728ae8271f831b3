//! Lists the objects that the host's collector tracks.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null;

use super::originals;
use crate::abi::{PyObject, PyVarObject};
use crate::lifecycle::count;

const HIDDEN: &CStr =
    c"this CPython hides the functions that list the objects which its collector tracks";

/// Visits the tracked objects through `gc.get_objects`, which every version has.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn tracked(visit: &mut dyn FnMut(*mut PyObject)) -> Result<(), &'static CStr> {
    type Import = unsafe extern "C" fn(*const c_char) -> *mut PyObject;
    type Call =
        unsafe extern "C" fn(*mut PyObject, *const c_char, *const c_char, ...) -> *mut PyObject;
    let python = originals::python().ok_or(HIDDEN)?;
    // SAFETY: the host's public functions, with the types that its headers give them; the lock is held. A list has the
    // pointer to its items behind its size.
    unsafe {
        let import = python.function::<Import>(c"PyImport_ImportModule");
        let call = python.function::<Call>(c"PyObject_CallMethod");
        let clear = python.function::<unsafe extern "C" fn()>(c"PyErr_Clear");
        let (Some(import), Some(call), Some(clear)) = (import, call, clear) else {
            return Err(HIDDEN);
        };
        let module = import(c"gc".as_ptr());
        if module.is_null() {
            clear();
            return Err(c"the module gc can't be imported");
        }
        // A full collection empties the free lists. So an object that is born from that memory later is seen.
        let collected = call(module, c"collect".as_ptr(), null());
        let list = call(module, c"get_objects".as_ptr(), null());
        for op in [module, collected] {
            if !op.is_null() {
                count::release(op, c"Py_DecRef");
            }
        }
        if list.is_null() || collected.is_null() {
            clear();
            return Err(c"the collector does not list the objects that it tracks");
        }
        let size = (*list.cast::<PyVarObject>()).ob_size;
        let items = *list
            .byte_add(size_of::<PyVarObject>())
            .cast::<*mut *mut PyObject>();
        for at in 0..size {
            visit(*items.offset(at));
        }
        // The thread's own dictionary is not tracked while its contents can't be part of a cycle.
        let own =
            python.function::<unsafe extern "C" fn() -> *mut PyObject>(c"PyThreadState_GetDict");
        if let Some(dict) = own.map(|own| own()).filter(|dict| !dict.is_null()) {
            visit(dict);
        }
        count::release(list, c"Py_DecRef");
    }
    Ok(())
}

/// Visits the containers through `PyUnstable_GC_VisitObjects`, which every free-threaded version has.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn containers(visit: &mut dyn FnMut(*mut PyObject)) -> bool {
    type Visitor = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;
    unsafe extern "C" fn one(op: *mut PyObject, visit: *mut c_void) -> c_int {
        // SAFETY: the argument is the variable below, and only this call uses it meanwhile.
        unsafe { (*visit.cast::<&mut dyn FnMut(*mut PyObject)>())(op) };
        1
    }
    let mut visit = visit;
    // SAFETY: the host's public function, with the types that its headers give it; the lock is held.
    unsafe {
        originals::python()
            .and_then(|python| {
                python.function::<unsafe extern "C" fn(Visitor, *mut c_void)>(
                    c"PyUnstable_GC_VisitObjects",
                )
            })
            .map(|all| all(one, (&raw mut visit).cast()))
            .is_some()
    }
}
