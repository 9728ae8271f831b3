//! Taking the object that was parked last out of its free list, by making one.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use crate::abi::{self, Head, Py_ssize_t, PyObject, PyTypeObject};
use crate::lifecycle::count;
use crate::refcount::{Current, Policy};

/// Makes an object, out of the free list first; null where it can't.
pub(super) type Make = unsafe fn(&Host) -> *mut PyObject;

type New = unsafe extern "C" fn() -> *mut PyObject;
type New2 = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type NewSized = unsafe extern "C" fn(Py_ssize_t) -> *mut PyObject;
type NewSlice = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type NewFunction =
    unsafe extern "C" fn(*const Method, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Drop = unsafe extern "C" fn(*mut c_void);

/// CPython's `PyMethodDef`.
#[derive(Debug)]
#[repr(C)]
struct Method {
    name: *const c_char,
    function: unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject,
    flags: c_int,
    doc: *const c_char,
}

// SAFETY: it is never written.
unsafe impl Sync for Method {}

unsafe extern "C" fn nothing(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    null_mut()
}

static METHOD: Method = Method {
    name: c"nothing".as_ptr(),
    function: nothing,
    // METH_NOARGS
    flags: 4,
    doc: null(),
};

/// The host's functions that make and end objects, and a list and a tuple without items.
#[derive(Debug)]
pub(super) struct Host {
    slice: Option<NewSlice>,
    context: Option<New>,
    method: Option<New2>,
    function: Option<NewFunction>,
    untrack: Option<Drop>,
    free_tracked: Option<Drop>,
    list: *mut PyObject,
    tuple: *mut PyObject,
}

impl Host {
    /// # Safety
    /// `symbol` gives the addresses of CPython's symbols, or null, and its lock is held.
    pub(super) unsafe fn look(symbol: fn(&CStr) -> *mut c_void) -> Self {
        // SAFETY: the functions have the types that CPython's headers give them, and null is `None`.
        unsafe {
            let empty = |name| {
                let new: Option<NewSized> = std::mem::transmute(symbol(name));
                new.map_or(null_mut(), |new| new(0))
            };
            Self {
                slice: std::mem::transmute::<*mut c_void, Option<_>>(symbol(c"PySlice_New")),
                context: std::mem::transmute::<*mut c_void, Option<_>>(symbol(c"PyContext_New")),
                method: std::mem::transmute::<*mut c_void, Option<_>>(symbol(c"PyMethod_New")),
                function: std::mem::transmute::<*mut c_void, Option<_>>(symbol(
                    c"PyCFunction_NewEx",
                )),
                untrack: std::mem::transmute::<*mut c_void, Option<_>>(symbol(
                    c"PyObject_GC_UnTrack",
                )),
                free_tracked: std::mem::transmute::<*mut c_void, Option<_>>(symbol(
                    c"PyObject_GC_Del",
                )),
                list: empty(c"PyList_New"),
                tuple: empty(c"PyTuple_New"),
            }
        }
    }

    /// Takes an object that was just parked out of its free list, and gives its memory to the allocator.
    ///
    /// # Safety
    /// The object, which is one with a head of the collector, has died, and its memory is in no other use.
    pub(super) unsafe fn take_back(&self, op: *mut PyObject, make: Make) {
        let (Some(untrack), Some(free)) = (self.untrack, self.free_tracked) else {
            return;
        };
        // SAFETY: the caller's promise; what is made is an object of ours alone.
        unsafe {
            let made = make(self);
            if made.is_null() {
                return;
            }
            if made != op {
                count::release(made, c"Py_DecRef");
                return;
            }
            untrack(made.cast());
            if let Some(traverse) = (*abi::type_of(made)).tp_traverse {
                traverse(made, Some(release), null_mut());
            }
            Current::set(PyObject::count(made), 0);
            free(made.cast());
        }
    }
}

unsafe extern "C" fn release(op: *mut PyObject, _: *mut c_void) -> c_int {
    // SAFETY: the object that is visited held this reference, and is not used any more.
    unsafe { count::release(op, c"Py_DecRef") };
    0
}

/// # Safety
/// The host's lock is held. The same for the others.
pub(super) unsafe fn slice(host: &Host) -> *mut PyObject {
    // SAFETY: NULL stands for None.
    host.slice.map_or(null_mut(), |new| unsafe {
        new(null_mut(), null_mut(), null_mut())
    })
}

pub(super) unsafe fn context(host: &Host) -> *mut PyObject {
    // SAFETY: the caller's promise.
    host.context.map_or(null_mut(), |new| unsafe { new() })
}

pub(super) unsafe fn method(host: &Host) -> *mut PyObject {
    // SAFETY: both are objects; a method is not called to be made.
    host.method
        .filter(|_| !host.list.is_null())
        .map_or(null_mut(), |new| unsafe { new(host.list, host.list) })
}

pub(super) unsafe fn function(host: &Host) -> *mut PyObject {
    // SAFETY: the definition is never freed.
    host.function.map_or(null_mut(), |new| unsafe {
        new(&raw const METHOD, null_mut(), null_mut())
    })
}

pub(super) unsafe fn list_iterator(host: &Host) -> *mut PyObject {
    // SAFETY: a list, or null.
    unsafe { iterator(host.list) }
}

pub(super) unsafe fn tuple_iterator(host: &Host) -> *mut PyObject {
    // SAFETY: a tuple, or null.
    unsafe { iterator(host.tuple) }
}

/// # Safety
/// `op` is null, or an object of a type that can be iterated over.
unsafe fn iterator(op: *mut PyObject) -> *mut PyObject {
    if op.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe {
        let ob_type: *mut PyTypeObject = abi::type_of(op);
        (*ob_type).tp_iter.map_or(null_mut(), |iter| iter(op))
    }
}
