//! The procedure linkage table: a stub for each imported function, which only jumps to it.

use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic};

use super::libraries::word_at;
use crate::host;

/// The bytes of the longest stub.
const LONGEST: usize = 16;
/// The bytes of a stub are a multiple of it. The shortest function that only jumps to an imported one has 6.
const GRAIN: usize = 8;

/// Whether a range with unwinding information consists of stubs. The first may be that of the loader.
#[must_use]
pub fn are(code: &Range<usize>) -> bool {
    code.len().is_multiple_of(GRAIN) && slot(code.start).is_some()
}

/// Where the stub at an address jumps.
#[must_use]
pub fn leads_to(stub: usize) -> Option<usize> {
    word_at(slot(stub)?)
}

/// The word that holds the target of a stub: `endbr64` or `push`, if any, and `jmp [rip + n]`.
fn slot(stub: usize) -> Option<usize> {
    let code = host::read::<[u8; LONGEST]>(stub)?;
    let decoder = Decoder::with_ip(64, &code, stub as u64, DecoderOptions::NONE);
    for instruction in decoder.into_iter().take(2) {
        if instruction.flow_control() == FlowControl::IndirectBranch {
            let is_import = instruction.is_ip_rel_memory_operand();
            return is_import.then(|| instruction.ip_rel_memory_address() as usize);
        }
        if !matches!(instruction.mnemonic(), Mnemonic::Endbr64 | Mnemonic::Push) {
            return None;
        }
    }
    None
}
