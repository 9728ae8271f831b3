//! The contents of the list of all objects (`Py_TRACE_REFS`).

use crate::library::Symbol;
use crate::memory::word;
use crate::side::Side;

/// The driver's objects in the ring up to 3.12, newest first. The walk ends at the first other object.
pub(crate) fn ring(side: &Side, alive: &[usize]) -> Vec<usize> {
    let (next, previous) = (|op: usize| word(op), |op: usize| word(op + 8));
    let mut found = Vec::new();
    // The object before the newest one is none of the driver's.
    let Some(newest) = alive
        .iter()
        .find(|id| side.id(previous(side.object(**id))).is_none())
    else {
        return found;
    };
    let mut op = side.object(*newest);
    while let Some(id) = side.id(op) {
        if found.len() > alive.len() {
            break;
        }
        found.push(id);
        op = next(op);
    }
    found
}

/// The numbers of the driver's objects in the table (3.13 and later), sorted.
pub(crate) fn members(side: &'static Side) -> Vec<usize> {
    let addresses = if side.is_real {
        theirs(side)
    } else {
        ours(side)
    };
    let mut ids: Vec<usize> = addresses.into_iter().filter_map(|op| side.id(op)).collect();
    ids.sort_unstable();
    ids
}

/// `sys.getobjects(0)`.
fn theirs(side: &Side) -> Vec<usize> {
    let function = side.call(Symbol::PySys_GetObject, &[c"getobjects".as_ptr() as usize]);
    assert!(function != 0, "there is no sys.getobjects");
    let arguments = side.call(Symbol::PyTuple_New, &[1]);
    let zero = side.call(Symbol::PyLong_FromLong, &[0]);
    side.call(Symbol::PyTuple_SetItem, &[arguments, 0, zero]);
    let list = side.call(Symbol::PyObject_Call, &[function, arguments, 0]);
    assert!(list != 0, "sys.getobjects fails");
    let length = side.call(Symbol::PyList_Size, &[list]);
    let items = (0..length)
        .map(|n| side.call(Symbol::PyList_GetItem, &[list, n]))
        .collect();
    side.call(Symbol::Py_DecRef, &[arguments]);
    side.call(Symbol::Py_DecRef, &[list]);
    items
}

/// The addresses that `_Py_PrintReferenceAddresses` prints.
fn ours(side: &Side) -> Vec<usize> {
    let (mut text, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: `text` and `length` outlive the stream. After fclose they describe a block that is ours to free.
    let text = unsafe {
        let stream = libc::open_memstream(&raw mut text, &raw mut length);
        assert!(!stream.is_null(), "there is memory for a stream");
        side.call(Symbol::_Py_PrintReferenceAddresses, &[0, stream as usize]);
        libc::fclose(stream);
        let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length).to_vec();
        libc::free(text.cast());
        String::from_utf8(bytes).expect("a listing is text")
    };
    let address =
        |line: &str| usize::from_str_radix(line.split(' ').next()?.strip_prefix("0x")?, 16).ok();
    text.lines().filter_map(address).collect()
}
