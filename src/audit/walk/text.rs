//! Where the text of a string begins. Text is no address, and behind a short text lie old words.

use std::ffi::CStr;
use std::sync::OnceLock;

use crate::abi::{FLAVOUR, PyObject};
use crate::audit::heap::builtin::builtin;
use crate::lifecycle::count;

/// The number of the bit in the state of a string that says that its text is ASCII. The bit below says that the text
/// follows the fields. Unset where the host's strings are not as expected.
static ASCII: OnceLock<u32> = OnceLock::new();

/// The state, in each string: length and hash lie in front of it.
const STATE: usize = size_of::<PyObject>() + 2 * size_of::<usize>();
/// The bytes of the fields of a string whose text is ASCII and follows them. A string that keeps a wide copy has one
/// address more.
const FIELDS: usize = STATE + size_of::<usize>() * (1 + FLAVOUR.has_wide_copies() as usize);

/// Learns the bit from two strings of the host.
///
/// # Safety
/// The host's lock is held.
pub(in crate::audit) unsafe fn learn() {
    // SAFETY: the host's lock is held.
    let states = unsafe { (state(c"ab"), state(c"\xc3\xa9\xc3\xa9")) };
    if let (Some(ascii), Some(latin)) = states
        && let Some(bit) = bit(ascii, latin)
    {
        let _ = ASCII.set(bit);
    }
}

/// The bit, by the states of a string with ASCII text and of one with other text. From 3.14 on, free-threaded builds
/// have a whole byte for the first two bits.
fn bit(ascii: u32, latin: u32) -> Option<u32> {
    let is_compact = |state: u32, bit: u32| state >> (bit - 1) & 1 == 1;
    [6, 12].into_iter().find(|&bit| {
        let are_compact = is_compact(ascii, bit) && is_compact(latin, bit);
        are_compact && (ascii ^ latin) >> bit & 1 == 1 && ascii >> bit & 1 == 1
    })
}

/// The state of a new string with this text.
///
/// # Safety
/// The host's lock is held.
unsafe fn state(text: &CStr) -> Option<u32> {
    let new = builtin().PyUnicode_FromString?;
    // SAFETY: the function gets UTF-8 that ends with a zero byte, and returns a string or NULL. A string is longer than
    // its state. The host's lock is held.
    unsafe {
        let string = new(text.as_ptr());
        if string.is_null() {
            return None;
        }
        let state = string.byte_add(STATE).cast::<u32>().read();
        count::release(string, c"Py_DecRef");
        Some(state)
    }
}

/// How many of the first `size` bytes of a string are fields and no text.
///
/// # Safety
/// `string` is an object of the type `str`, which is `size` bytes long or has its text in front of that.
pub(super) unsafe fn fields(string: *mut PyObject, size: usize) -> usize {
    let Some(&bit) = ASCII.get() else { return size };
    // SAFETY: a string is longer than its state.
    let state = unsafe { string.byte_add(STATE).cast::<u32>().read() };
    match (state >> (bit - 1)) & 3 {
        3 => FIELDS.min(size),
        // The address of text that lies elsewhere is the last field.
        1 => size - size_of::<usize>(),
        _ => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_is_found_in_both_layouts() {
        // Kind 1, compact, ASCII or not; then garbage in the padding, which no string initialises.
        assert_eq!(bit(0b110_0100 | 0xabcd_0000, 0b010_0100), Some(6));
        // The first byte says that the string is interned.
        assert_eq!(bit(0b1_1001 << 8 | 1, 0b0_1001 << 8), Some(12));
        assert_eq!(bit(0b010_0100, 0b010_0100), None);
        assert_eq!(bit(0b100_0100, 0b000_0100), None);
    }
}
