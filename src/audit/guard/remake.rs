//! Takes the object that was parked last out of a free list: creating an object of the type returns it.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::null_mut;

use crate::abi::{self, Head, Py_ssize_t, PyObject, PyTypeObject};
use crate::host::method::Method;
use crate::lifecycle::count;
use crate::refcount::{Current, Policy};

/// Creates an object, from the free list first; null on failure.
pub(in crate::audit) type Make = unsafe fn(&Makers) -> *mut PyObject;

type New = unsafe extern "C" fn() -> *mut PyObject;
type New2 = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type NewSized = unsafe extern "C" fn(Py_ssize_t) -> *mut PyObject;
type NewSlice = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type NewFunction =
    unsafe extern "C" fn(*const Method, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Drop = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" fn nothing(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    null_mut()
}

static METHOD: Method = Method::new(c"nothing", nothing);

/// The host's functions that create and free objects, and an empty list and tuple.
#[derive(Debug)]
pub(in crate::audit) struct Makers {
    slice: Option<NewSlice>,
    context: Option<New>,
    method: Option<New2>,
    function: Option<NewFunction>,
    untrack: Option<Drop>,
    free_tracked: Option<Drop>,
    list: *mut PyObject,
    tuple: *mut PyObject,
}

impl Makers {
    /// # Safety
    /// `symbol` returns the address of the CPython symbol with that name, or null. The host's lock is held.
    pub(in crate::audit) unsafe fn look(symbol: fn(&CStr) -> *mut c_void) -> Self {
        // SAFETY: each symbol has the signature of CPython's header, and null becomes `None`.
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

    /// Takes an object that was just parked out of its free list, and frees its memory.
    ///
    /// # Safety
    /// The object has a collector's head and has died, nothing else uses its memory, and the host's lock is held.
    pub(in crate::audit) unsafe fn take_back(&self, op: *mut PyObject, make: Make) {
        let (Some(untrack), Some(free)) = (self.untrack, self.free_tracked) else {
            return;
        };
        // SAFETY: `make` needs the host's lock only. The new object has no other user. If it is `op`, its fields are
        // valid and nothing refers to it.
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
    // SAFETY: the freed object owned this reference, and the host's lock is held.
    unsafe { count::release(op, c"Py_DecRef") };
    0
}

/// Creates a slice. The functions below create an object of their type.
///
/// # Safety
/// The host's lock is held. This holds for all functions below, too.
pub(in crate::audit) unsafe fn slice(makers: &Makers) -> *mut PyObject {
    // SAFETY: `PySlice_New` takes NULL for `None`.
    makers.slice.map_or(null_mut(), |new| unsafe {
        new(null_mut(), null_mut(), null_mut())
    })
}

pub(in crate::audit) unsafe fn context(makers: &Makers) -> *mut PyObject {
    // SAFETY: the host's lock is held.
    makers.context.map_or(null_mut(), |new| unsafe { new() })
}

pub(in crate::audit) unsafe fn method(makers: &Makers) -> *mut PyObject {
    // SAFETY: the list is an object. `PyMethod_New` does not call the function that it gets.
    makers
        .method
        .filter(|_| !makers.list.is_null())
        .map_or(null_mut(), |new| unsafe { new(makers.list, makers.list) })
}

pub(in crate::audit) unsafe fn function(makers: &Makers) -> *mut PyObject {
    // SAFETY: the definition is static, and a function may have no `self` and no module.
    makers.function.map_or(null_mut(), |new| unsafe {
        new(&raw const METHOD, null_mut(), null_mut())
    })
}

pub(in crate::audit) unsafe fn list_iterator(makers: &Makers) -> *mut PyObject {
    // SAFETY: `list` is a list or null.
    unsafe { iterator(makers.list) }
}

pub(in crate::audit) unsafe fn tuple_iterator(makers: &Makers) -> *mut PyObject {
    // SAFETY: `tuple` is a tuple or null.
    unsafe { iterator(makers.tuple) }
}

/// # Safety
/// `op` is null or an object with `tp_iter`, and the host's lock is held.
unsafe fn iterator(op: *mut PyObject) -> *mut PyObject {
    if op.is_null() {
        return null_mut();
    }
    // SAFETY: `op` is an object, and the host's lock is held.
    unsafe {
        let ob_type: *mut PyTypeObject = abi::type_of(op);
        (*ob_type).tp_iter.map_or(null_mut(), |iter| iter(op))
    }
}
