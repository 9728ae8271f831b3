//! How a thread passes an instruction that a trap stands for.

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::site::{Place, Step, Target};

/// Whether it is a call and no system call.
#[must_use]
pub fn is_call(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Call
}

/// The way past an instruction. An instruction to copy gets its address later. `None` for those that no copy can stand
/// for: system calls, traps, loops, and addresses in segments.
#[must_use]
pub fn step(instruction: &Instruction) -> Option<Step> {
    let next = instruction.next_ip() as usize;
    let direct = || Target::At(instruction.near_branch_target() as usize);
    match instruction.flow_control() {
        FlowControl::Next => Some(Step::Copy(0)),
        FlowControl::Call if is_call(instruction) => Some(Step::Call(direct(), next)),
        FlowControl::IndirectCall => Some(Step::Call(target(instruction)?, next)),
        FlowControl::UnconditionalBranch => Some(Step::Jump(direct())),
        FlowControl::IndirectBranch => Some(Step::Jump(target(instruction)?)),
        FlowControl::ConditionalBranch if instruction.is_jcc_short_or_near() => {
            // The enumeration counts from 1 on, in the order of machine code.
            let condition = instruction.condition_code() as u8;
            let to = instruction.near_branch_target() as usize;
            Some(Step::Branch(condition.checked_sub(1)?, to, next))
        }
        FlowControl::Return if instruction.mnemonic() == Mnemonic::Ret => {
            let removed = if instruction.op_count() == 0 {
                0
            } else {
                instruction.immediate16()
            };
            Some(Step::Return(removed))
        }
        _ => None,
    }
}

fn target(instruction: &Instruction) -> Option<Target> {
    if instruction.has_segment_prefix() {
        return None;
    }
    match instruction.op0_kind() {
        OpKind::Register => number(instruction.op0_register()).map(Target::Register),
        OpKind::Memory if instruction.is_ip_rel_memory_operand() => Some(Target::Memory(Place {
            base: None,
            index: None,
            displacement: instruction.ip_rel_memory_address() as usize,
        })),
        OpKind::Memory => {
            let register = |register| match register {
                Register::None => Some(None),
                other => number(other).map(Some),
            };
            let index = register(instruction.memory_index())?;
            Some(Target::Memory(Place {
                base: register(instruction.memory_base())?,
                index: index.map(|index| (index, instruction.memory_index_scale() as u8)),
                displacement: instruction.memory_displacement64() as usize,
            }))
        }
        _ => None,
    }
}

/// The number of a 64-bit register in machine code.
fn number(register: Register) -> Option<u8> {
    register.is_gpr64().then(|| register.number() as u8)
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    #[test]
    fn an_instruction_says_how_to_pass_it() {
        let step_of = |code: &'static [u8]| {
            let start = code.as_ptr() as usize;
            (
                step(&Decoder::with_ip(64, code, start as u64, DecoderOptions::NONE).decode()),
                start,
            )
        };
        let (call, start) = step_of(&[0xE8, 0x10, 0, 0, 0]);
        assert_eq!(call, Some(Step::Call(Target::At(start + 0x15), start + 5)));
        let (jump, start) = step_of(&[0x75, 0x10]);
        assert_eq!(jump, Some(Step::Branch(5, start + 0x12, start + 2)));
        assert_eq!(step_of(&[0xC2, 0x10, 0]).0, Some(Step::Return(16)));
        assert_eq!(
            step_of(&[0x41, 0xFF, 0xE3]).0,
            Some(Step::Jump(Target::Register(11)))
        );
        let place = Place {
            base: Some(3),
            index: None,
            displacement: 0x18,
        };
        assert!(
            matches!(step_of(&[0xFF, 0x53, 0x18]).0, Some(Step::Call(Target::Memory(p), _)) if p == place)
        );
        // syscall, int3, loop and jrcxz stay as they are; so does a call through a segment
        for code in [
            &[0x0F, 0x05][..],
            &[0xCC],
            &[0xE2, 0],
            &[0xE3, 0],
            &[0x64, 0xFF, 0x10],
        ] {
            assert_eq!(step_of(code).0, None, "{code:x?}");
        }
    }
}
