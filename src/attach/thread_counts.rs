//! References that a thread counts in its own table, on free threads from 3.14 on. They go from instances to their
//! type, and from functions to their code and globals.
//!
//! An object that is counted in this way has a number. Each thread has a table with a count for each number. The offset
//! of the table in a thread state differs between versions, and nothing exports it. It is found with a type of our own:
//! make a known number of instances, then search for that count.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use super::originals::{self, Library};
use crate::abi::{FLAVOUR, Py_ssize_t, PyObject, PyTypeObject, TypeFlags};
use crate::audit::heap::memory::Memory;
use crate::audit::walk::counted;
use crate::lifecycle::count;

const HAVE_TABLES: bool = FLAVOUR.free_threaded && FLAVOUR.counts_deferred_apart();

/// How many bytes of a thread state are searched.
const FARTHEST: usize = 1 << 18;

/// The offset of the table in a thread state.
static PLACE: OnceLock<usize> = OnceLock::new();

/// The first words of CPython's `refcounts` in a thread state.
#[repr(C)]
#[derive(Clone, Copy)]
struct Table {
    values: *const Py_ssize_t,
    size: Py_ssize_t,
}

/// CPython's `PyType_Spec`.
#[repr(C)]
struct Spec {
    name: *const c_char,
    basicsize: c_int,
    itemsize: c_int,
    flags: c_uint,
    slots: *mut Slot,
}

/// CPython's `PyType_Slot`.
#[repr(C)]
struct Slot {
    slot: c_int,
    pfunc: *mut c_void,
}

/// Finds the table, once. If it is not found, objects that are counted in it are not judged.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn learn(python: &Library) {
    /// Numbers of instances that are alive, one for each search.
    const NUMBERS: [usize; 2] = [37, 23];
    if !HAVE_TABLES || PLACE.get().is_some() {
        return;
    }
    let mut slots = [Slot {
        slot: 0,
        pfunc: null_mut(),
    }];
    let mut spec = Spec {
        name: c"pyrefcore.probe".as_ptr(),
        basicsize: 0,
        itemsize: 0,
        // Py_TPFLAGS_DEFAULT adds no flag to this.
        flags: TypeFlags::HEAPTYPE as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the host's public functions, with the types that its headers give them; the lock is held, and the
    // instances are ours.
    unsafe {
        let (Some(make), Some(alloc), Some(clear), Some(thread)) = (
            python.function::<unsafe extern "C" fn(*mut Spec) -> *mut PyObject>(c"PyType_FromSpec"),
            python
                .function::<unsafe extern "C" fn(*mut PyTypeObject, Py_ssize_t) -> *mut PyObject>(
                    c"PyType_GenericAlloc",
                ),
            python.function::<unsafe extern "C" fn()>(c"PyErr_Clear"),
            this_thread(),
        ) else {
            return;
        };
        let probe = make(&raw mut spec);
        if probe.is_null() {
            return clear();
        }
        let number = counted::number_of(probe);
        let mut instances = Vec::new();
        let mut places: Option<Vec<usize>> = None;
        for wanted in NUMBERS {
            while instances.len() > wanted {
                instances.pop().into_iter().for_each(|op| release(op));
            }
            while instances.len() < wanted && places.is_none() {
                let one = alloc(probe.cast(), 0);
                if one.is_null() {
                    break;
                }
                instances.push(one);
            }
            places = number.map(|number| find(thread as usize, number, wanted, places));
        }
        instances.into_iter().for_each(|op| release(op));
        release(probe);
        clear();
        if let Some([place]) = places.as_deref() {
            let _ = PLACE.set(*place);
        }
    }
}

/// # Safety
/// `op` is an object of which the caller owns a reference.
unsafe fn release(op: *mut PyObject) {
    // SAFETY: the caller's promise is the callee's.
    unsafe { count::release(op, c"Py_DecRef") }
}

/// The offsets, of those in `among`, at which a thread state has a table with the count `wanted` for a number. `None`
/// stands for all offsets.
///
/// # Safety
/// Memory that can be read at the start of the call stays readable during it.
unsafe fn find(
    thread: usize,
    number: usize,
    wanted: usize,
    among: Option<Vec<usize>>,
) -> Vec<usize> {
    let Some(memory) = Memory::look() else {
        return Vec::new();
    };
    let is_one = |place: &usize| {
        let at = thread + place;
        if !memory.is_readable(at, size_of::<Table>()) {
            return false;
        }
        // SAFETY: the check above has shown that so many bytes can be read there.
        let table = unsafe { *(at as *const Table) };
        table.values.is_aligned()
            && (number..1 << 32).contains(&table.size.unsigned_abs())
            && memory.is_readable(table.values as usize, table.size.unsigned_abs() * 8)
            // SAFETY: the table has at least `number` values, and all of them can be read.
            && unsafe { *table.values.add(number - 1) } == wanted as Py_ssize_t
    };
    let all = (0..FARTHEST).step_by(size_of::<usize>());
    match among {
        Some(places) => places.into_iter().filter(is_one).collect(),
        None => all.filter(is_one).collect(),
    }
}

/// The number of references to the object with that number in the calling thread's table. `None` if the table was not
/// found. Other tables do not matter: the audit looks only while there is one thread.
///
/// # Safety
/// The host's lock is held.
pub(super) unsafe fn references(number: usize) -> Option<isize> {
    let place = *PLACE.get()?;
    // SAFETY: a thread state of the host has the table at that offset, and no other thread changes it.
    unsafe {
        let table = *this_thread()?.byte_add(place).cast::<Table>();
        if table.values.is_null() || number > table.size.unsigned_abs() {
            return Some(0);
        }
        Some(*table.values.add(number - 1))
    }
}

/// The state of the calling thread.
///
/// # Safety
/// The host's lock is held.
unsafe fn this_thread() -> Option<*mut c_void> {
    type Get = unsafe extern "C" fn() -> *mut c_void;
    static GET: OnceLock<Option<Get>> = OnceLock::new();
    // SAFETY: the host's public function, with the type that its headers give it. The calling thread has a thread
    // state, as it holds the lock.
    unsafe {
        let get = GET.get_or_init(|| originals::python()?.function::<Get>(c"PyThreadState_Get"));
        get.map(|get| get())
    }
}
