//! What a dying object, or a returned container, holds of the watched objects. Called in a handler of signals: it takes
//! no lock, and allocates nothing.

use std::mem::offset_of;

use super::log::{Event, RAX, RDI};
use super::watched;
use crate::abi::{PyObject, PyTypeObject, PyVarObject, type_of};
use crate::audit::heap::blocks;
use crate::host;

/// The most words of one object that are looked at.
const WORDS: usize = 64;
/// The most items of a list that are looked at.
const ITEMS: usize = 16;

/// The words of the object at `op`, behind its head, if a block of memory holds it.
fn words_of(op: usize) -> Option<&'static [usize]> {
    if !op.is_multiple_of(8) {
        return None;
    }
    let (front, room) = [0, 16, 32].into_iter().find_map(|front| {
        let room = blocks::room(op.checked_sub(front)?)?;
        Some((front, room))
    })?;
    let words = room.checked_sub(front + size_of::<PyObject>())? / size_of::<usize>();
    let start = (op + size_of::<PyObject>()) as *const usize;
    // SAFETY: so many bytes of the block lie behind the head. The host's lock is held, so the block stays. The room of a
    // long block may be 15 bytes too large; `WORDS` is less than that of the shortest such block.
    Some(unsafe { std::slice::from_raw_parts(start, words.min(WORDS)) })
}

fn count(words: &[usize], held: &mut [u8]) {
    for (held, op) in held.iter_mut().zip(watched::all()) {
        let found = words.iter().filter(|&&word| op != 0 && word == op).count();
        *held = found as u8;
    }
}

/// The type of an object that a block holds. The word may be anything.
fn type_at(op: usize) -> usize {
    // SAFETY: `words_of` has found a block there that holds an object's head.
    unsafe { type_of(op as *mut PyObject) as usize }
}

/// At the entry of a function: notes whether it is the `tp_dealloc` of its first argument, and what that holds.
pub fn note_dealloc(event: &mut Event) {
    let op = event.registers[RDI];
    let Some(words) = words_of(op) else {
        return;
    };
    let slot = type_at(op).wrapping_add(offset_of!(PyTypeObject, tp_dealloc));
    if host::read::<usize>(slot) == Some(event.address) {
        event.is_dealloc = true;
        count(words, &mut event.held);
    }
}

/// Behind a call: notes what the returned tuple or list holds.
pub fn note_container(event: &mut Event) {
    let op = event.registers[RAX];
    let Some(words) = words_of(op) else {
        return;
    };
    let ob_type = type_at(op);
    let head = (size_of::<PyVarObject>() - size_of::<PyObject>()) / size_of::<usize>();
    let Some((&length, behind)) = words.split_first().filter(|_| head == 1) else {
        return;
    };
    if ob_type == super::types::tuple() {
        count(&behind[..length.min(behind.len())], &mut event.held);
    } else if ob_type == super::types::list()
        && let Some(&items) = behind.first()
    {
        let mut words = [0; ITEMS];
        for (at, word) in words.iter_mut().enumerate().take(length) {
            let place = items.wrapping_add(at * size_of::<usize>());
            *word = host::read(place).unwrap_or(0);
        }
        count(&words, &mut event.held);
    }
}
