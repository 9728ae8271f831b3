//! Finds the sites of a function by disassembly.

use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use rustc_hash::FxHashMap;

use super::functions::{self, Function, Role};
use super::libraries::word_at;
use super::site::{Kinds, Site, Step};
use super::slots::Wanted;
use super::steps::{is_call, step};
use super::stubs;

/// The bytes of the longest instruction.
pub(crate) const LONGEST_INSTRUCTION: usize = 15;

/// Sites of a table that is being built.
#[derive(Debug, Default)]
pub struct Found {
    /// In no order, each address once.
    pub sites: Vec<Site>,
    /// The index of each address in `sites`.
    known: FxHashMap<usize, usize>,
    /// The instructions that need a copy.
    pub wanted: Vec<Wanted>,
}

impl Found {
    /// Adds the instruction at `code.start` as a site. Nothing happens where no thread can step over it.
    pub fn add_one(&mut self, code: &Range<usize>, kinds: Kinds, function: u32) {
        let mut decoder = decoder(code);
        let instruction = decoder.decode();
        self.push(&decoder, &instruction, kinds, function);
    }

    /// Adds the sites of the function at an index of `all`, and of the parts to which it jumps. `first` is the number of
    /// the function at index 0.
    pub fn add_function(&mut self, at: usize, first: u32, all: &[Function], counting: &[usize]) {
        let mut pieces = vec![at];
        let mut next = 0;
        while let Some(&piece) = pieces.get(next) {
            next += 1;
            self.add_piece(first + at as u32, piece, all, counting, &mut pieces);
        }
    }

    /// Adds the sites of one piece of code. If the piece reads itself as data, a trap might stand in that data. Then only
    /// its entry is added.
    fn add_piece(
        &mut self,
        number: u32,
        piece: usize,
        all: &[Function],
        counting: &[usize],
        pieces: &mut Vec<usize>,
    ) {
        let code = &all[piece].code;
        let mut decoder = decoder(code);
        let mut kinds = if pieces[0] == piece {
            Kinds::ENTRY
        } else {
            Kinds::default()
        };
        let entry = kinds;
        let before = (self.sites.len(), self.wanted.len());
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                break;
            }
            if reads(&instruction, code) {
                self.drop_from(before);
                self.add_one(&(code.start..code.end), entry, number);
                return;
            }
            let mut behind = Kinds::default();
            match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall if is_call(&instruction) => {
                    kinds = kinds.and(Kinds::CALL);
                    if leads_to(&instruction).is_some_and(|to| counts(to, all, counting)) {
                        kinds = kinds.and(Kinds::COUNTS);
                    }
                    behind = Kinds::AFTER;
                }
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    let to = instruction.near_branch_target() as usize;
                    match functions::at(all, to) {
                        Some(other) if pieces.contains(&other) => {}
                        Some(other) if is_part(&instruction, to, &all[other]) => pieces.push(other),
                        _ if instruction.flow_control() == FlowControl::UnconditionalBranch => {
                            kinds = kinds.and(Kinds::TAIL);
                            if counts(to, all, counting) {
                                kinds = kinds.and(Kinds::COUNTS);
                            }
                        }
                        _ => {}
                    }
                }
                // A jump through a table stays in the function.
                FlowControl::IndirectBranch if instruction.memory_index() == Register::None => {
                    kinds = kinds.and(Kinds::TAIL);
                }
                FlowControl::Next if may_count(&instruction) => kinds = kinds.and(Kinds::STORE),
                _ => {}
            }
            if kinds != Kinds::default() {
                self.push(&decoder, &instruction, kinds, number);
            }
            kinds = behind;
        }
    }

    /// Drops the sites and wanted copies from these indices on.
    fn drop_from(&mut self, (sites, wanted): (usize, usize)) {
        for site in self.sites.drain(sites..) {
            self.known.remove(&site.address);
        }
        self.wanted.truncate(wanted);
    }

    fn push(
        &mut self,
        decoder: &Decoder<'_>,
        instruction: &Instruction,
        kinds: Kinds,
        function: u32,
    ) {
        let address = instruction.ip() as usize;
        if let Some(&known) = self.known.get(&address) {
            self.sites[known].kinds = self.sites[known].kinds.and(kinds);
            return;
        }
        let next = instruction.next_ip() as usize;
        let Some(step) = step(instruction) else {
            return;
        };
        // SAFETY: the decoder has read these bytes of the library's code.
        let code = unsafe { std::slice::from_raw_parts(address as *const u8, next - address) };
        if step == Step::Copy(0) {
            let mut bytes = [0; 15];
            bytes[..code.len()].copy_from_slice(code);
            let offsets = decoder.get_constant_offsets(instruction);
            let distance = instruction.is_ip_rel_memory_operand().then(|| {
                (
                    offsets.displacement_offset(),
                    instruction.ip_rel_memory_address() as usize,
                )
            });
            self.wanted.push(Wanted {
                site: self.sites.len(),
                bytes,
                length: code.len(),
                distance,
            });
        }
        self.known.insert(address, self.sites.len());
        self.sites.push(Site {
            address,
            next,
            kinds,
            step,
            byte: code[0],
            function,
        });
    }
}

/// A decoder for a range of code.
fn decoder(code: &Range<usize>) -> Decoder<'static> {
    // SAFETY: the range is code of a loaded library, which stays loaded while it is traced.
    let bytes = unsafe { std::slice::from_raw_parts(code.start as *const u8, code.len()) };
    Decoder::with_ip(64, bytes, code.start as u64, DecoderOptions::NONE)
}

/// Whether an instruction may take a word of `code` for data: it names an address there, or pushes its own.
fn reads(instruction: &Instruction, code: &Range<usize>) -> bool {
    let names = instruction.is_ip_rel_memory_operand()
        && code.contains(&(instruction.ip_rel_memory_address() as usize));
    let pushes = instruction.flow_control() == FlowControl::Call
        && instruction.near_branch_target() == instruction.next_ip();
    names || pushes
}

/// Whether a jump leads to a part of the same function: into the middle of one, or by a condition to a nameless one.
fn is_part(jump: &Instruction, to: usize, other: &Function) -> bool {
    match other.role {
        Role::Part => true,
        Role::Counting | Role::Header => false,
        Role::Whole => {
            to != other.code.start
                || other.name.is_none() && jump.flow_control() == FlowControl::ConditionalBranch
        }
    }
}

/// The function that a direct call, or a call through a table of imports, leads to.
pub fn leads_to(call: &Instruction) -> Option<usize> {
    match call.flow_control() {
        FlowControl::Call => Some(call.near_branch_target() as usize),
        FlowControl::IndirectCall if call.is_ip_rel_memory_operand() => {
            word_at(call.ip_rel_memory_address() as usize)
        }
        _ => None,
    }
}

/// Whether the function at `to` only counts a reference. `to` may be a stub that jumps to an imported function.
fn counts(to: usize, all: &[Function], counting: &[usize]) -> bool {
    if counting.contains(&to) {
        return true;
    }
    if let Some(at) = functions::at(all, to)
        && all[at].name.is_some()
    {
        return all[at].role == Role::Counting;
    }
    stubs::leads_to(to).is_some_and(|to| counting.contains(&to))
}

/// Whether an instruction may write a reference count: it adds a small number to a word in memory, or it stores a
/// register in the first word behind another.
fn may_count(instruction: &Instruction) -> bool {
    if instruction.op0_kind() != OpKind::Memory
        || instruction.has_segment_prefix()
        || instruction.memory_index() != Register::None
        || !matches!(instruction.memory_size().size(), 4 | 8)
    {
        return false;
    }
    let base = instruction.memory_base();
    let is_first = instruction.memory_displacement64() == 0;
    if base == Register::RSP || base == Register::None {
        return false;
    }
    match instruction.mnemonic() {
        Mnemonic::Inc | Mnemonic::Dec => true,
        Mnemonic::Add | Mnemonic::Sub => match instruction.op1_kind() {
            OpKind::Register => is_first,
            kind => is_immediate(kind) && (instruction.immediate(1) as i64).unsigned_abs() <= 16,
        },
        Mnemonic::Mov | Mnemonic::Xadd | Mnemonic::Cmpxchg => {
            is_first && instruction.op1_kind() == OpKind::Register
        }
        _ => false,
    }
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::Immediate8
            | OpKind::Immediate32
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sites of one function with this code, as offsets and kinds.
    fn sites(code: &'static [u8]) -> Vec<(usize, Kinds)> {
        let start = code.as_ptr() as usize;
        let function = Function {
            code: start..start + code.len(),
            role: Role::Whole,
            name: Some("f".into()),
        };
        let mut found = Found::default();
        found.add_function(0, 0, &[function], &[]);
        let offset = |site: &Site| (site.address - start, site.kinds);
        let mut sites: Vec<_> = found.sites.iter().map(offset).collect();
        sites.sort_by_key(|site| site.0);
        sites
    }

    const FIRST: (usize, Kinds) = (0, Kinds::ENTRY);

    #[test]
    fn counting_is_found_in_the_code_of_compilers() {
        // nop; mov eax,[rdi]; add eax,1; je +2; mov [rdi],eax; ret: Py_INCREF of 3.12 and later
        let taken: &[u8] = &[
            0x90, 0x8B, 0x07, 0x83, 0xC0, 0x01, 0x74, 0x02, 0x89, 0x07, 0xC3,
        ];
        assert_eq!(sites(taken), [FIRST, (8, Kinds::STORE)]);
        // nop; add qword [rax],1; sub qword [rbx+8],1; inc dword [rcx]; ret
        let counted: &[u8] = &[
            0x90, 0x48, 0x83, 0x00, 0x01, 0x48, 0x83, 0x6B, 0x08, 0x01, 0xFF, 0x01, 0xC3,
        ];
        let stores = [1, 5, 10].map(|at| (at, Kinds::STORE));
        assert_eq!(sites(counted), [&[FIRST][..], &stores].concat());
        // nop; lock sub dword [rdi],1; mov [rdi+8],eax; add [rsp],1; mov [rax],1; add [rax],0x40; ret
        let mixed: &[u8] = &[
            0x90, 0xF0, 0x83, 0x2F, 0x01, 0x89, 0x47, 0x08, 0x83, 0x04, 0x24, 0x01, 0xC7, 0x00, 1,
            0, 0, 0, 0x83, 0x00, 0x40, 0xC3,
        ];
        assert_eq!(sites(mixed), [FIRST, (1, Kinds::STORE)]);
    }

    #[test]
    fn calls_and_jumps_out_are_found() {
        // call +0x100; nop; jmp [rip+0x100]; a table: jmp [rax*8+0]
        let code: &[u8] = &[
            0xE8, 0, 1, 0, 0, 0x90, 0xFF, 0x25, 0, 1, 0, 0, 0xFF, 0x24, 0xC5, 0, 0, 0, 0,
        ];
        let first = Kinds::ENTRY.and(Kinds::CALL);
        assert_eq!(
            sites(code),
            [(0, first), (5, Kinds::AFTER), (6, Kinds::TAIL)]
        );
    }

    #[test]
    fn code_that_reads_itself_has_only_its_entry() {
        // nop; mov rax,[rip+1]; ret; data that looks like `add [rax],1`
        let reads: &[u8] = &[
            0x90, 0x48, 0x8B, 0x05, 1, 0, 0, 0, 0xC3, 0x48, 0x83, 0x00, 0x01, 0, 0, 0, 0,
        ];
        // nop; call +0; add [rax],1; nop; lea rax,[rip-8]; add [rax],1
        let pushes: &[u8] = &[0x90, 0xE8, 0, 0, 0, 0, 0x48, 0x83, 0x00, 0x01];
        let starts: &[u8] = &[
            0x90, 0x48, 0x8D, 0x05, 0xF8, 0xFF, 0xFF, 0xFF, 0x48, 0x83, 0x00, 0x01,
        ];
        for code in [reads, pushes, starts] {
            assert_eq!(sites(code), [FIRST]);
        }
    }
}
