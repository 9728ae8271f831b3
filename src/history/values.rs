//! Whether a caller uses the value that a call has left in `rax`. A function without a result leaves any value there.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register,
};

use crate::host;

/// The most instructions that are looked at.
const FARTHEST: usize = 12;
const BYTES: usize = 15 * FARTHEST;

/// Whether the code behind a call may read the result. Where branches hide it, it may.
#[must_use]
pub fn is_used(behind: usize) -> bool {
    // Near the end of a mapping fewer bytes can be read.
    let whole = host::read::<[u8; BYTES]>(behind);
    let Some(code) = whole else {
        return true;
    };
    let decoder = Decoder::with_ip(64, &code, behind as u64, DecoderOptions::NONE);
    let mut factory = InstructionInfoFactory::new();
    for instruction in decoder.into_iter().take(FARTHEST) {
        match access(&mut factory, &instruction) {
            Some(is_read) => return is_read,
            None if instruction.flow_control() == FlowControl::Next => {}
            // A call ends what is in `rax`. A return passes it on, and a jump may lead to anything.
            None => return instruction.flow_control() != FlowControl::Call,
        }
    }
    true
}

/// Whether an instruction reads `rax`; `None` if it neither reads nor replaces it.
fn access(factory: &mut InstructionInfoFactory, instruction: &Instruction) -> Option<bool> {
    if matches!(
        instruction.flow_control(),
        FlowControl::Call | FlowControl::Return
    ) {
        return None;
    }
    let is_cleared = matches!(
        instruction.mnemonic(),
        iced_x86::Mnemonic::Xor | iced_x86::Mnemonic::Sub
    ) && instruction.op0_register() == instruction.op1_register()
        && instruction.op0_register().full_register() == Register::RAX;
    if is_cleared {
        return Some(false);
    }
    let info = factory.info(instruction);
    let mut is_replaced = false;
    for used in info.used_registers() {
        if used.register().full_register() == Register::RAX {
            match used.access() {
                OpAccess::Write => is_replaced |= used.register().size() >= 4,
                OpAccess::NoMemAccess | OpAccess::None => {}
                _ => return Some(true),
            }
        }
    }
    is_replaced.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_used_in(code: &[u8]) -> bool {
        let mut padded = [0x90_u8; BYTES];
        padded[..code.len()].copy_from_slice(code);
        is_used(padded.as_ptr() as usize)
    }

    #[test]
    fn a_value_that_is_replaced_is_not_used() {
        // call; mov eax,1; xor eax,eax; mov rax,[rip+0]; add rsp,8 and a call
        for code in [
            &[0xE8, 0, 0, 0, 0][..],
            &[0xB8, 1, 0, 0, 0],
            &[0x31, 0xC0],
            &[0x48, 0x8B, 0x05, 0, 0, 0, 0],
            &[0x48, 0x83, 0xC4, 8, 0xE8, 0, 0, 0, 0],
        ] {
            assert!(!is_used_in(code), "{code:x?}");
        }
    }

    #[test]
    fn a_value_that_is_read_or_returned_is_used() {
        // test rax,rax; mov rdi,rax; ret; add rsp,8 and ret; je; mov [rbx],rax; mov rax,[rax]; jmp
        for code in [
            &[0x48, 0x85, 0xC0][..],
            &[0x48, 0x89, 0xC7],
            &[0xC3],
            &[0x48, 0x83, 0xC4, 8, 0xC3],
            &[0x74, 2],
            &[0x48, 0x89, 0x03],
            &[0x48, 0x8B, 0x00],
            &[0xEB, 2],
        ] {
            assert!(is_used_in(code), "{code:x?}");
        }
    }
}
