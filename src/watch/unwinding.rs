//! Walks the calling thread's stack by the unwinding information of the loaded libraries.
//!
//! The stack is read through the kernel. So a stack that is not whole ends the walk, and nothing else happens. greenlet
//! leaves such stacks: it copies the frames of others away, and their memory has other words then.

use std::mem::MaybeUninit;
use std::ops::Range;

use framehop::{CacheNative, ExplicitModuleSectionInfo, FrameAddress, Module};
use framehop::{MayAllocateDuringUnwind, UnwindRegsNative, Unwinder as _, UnwinderNative};
use gimli::{BaseAddresses, EhFrameHdr, NativeEndian, Pointer};

use crate::host;
use crate::host::libraries::{self, Library};

/// The unwinding information of all libraries, and the rules of recent frames.
#[derive(Default)]
pub(super) struct Unwinder {
    libraries: UnwinderNative<&'static [u8], MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    /// How often a library had been loaded or unloaded when `libraries` was made.
    changes: u64,
}

impl Unwinder {
    /// Calls `each` with the return addresses of the calling thread's stack, innermost first, until it returns false.
    pub(super) fn visit(&mut self, each: impl FnMut(usize) -> bool) {
        self.renew();
        if let Some((address, registers)) = here() {
            self.follow(address, registers, each);
        }
    }

    /// As [`Unwinder::visit`], from a place in the code and the registers there.
    fn follow(
        &mut self,
        address: u64,
        mut registers: UnwindRegsNative,
        mut each: impl FnMut(usize) -> bool,
    ) {
        let mut stack = Stack::new();
        let mut read = |address: u64| stack.word(address as usize).ok_or(());
        let mut frame = FrameAddress::from_instruction_pointer(address);
        // An error is the end of what can be read.
        while let Ok(Some(caller)) =
            self.libraries
                .unwind_frame(frame, &mut registers, &mut self.cache, &mut read)
        {
            let Some(next) = FrameAddress::from_return_address(caller) else {
                break;
            };
            if !each(caller as usize) {
                break;
            }
            frame = next;
        }
    }

    /// Learns the libraries anew if one was loaded or unloaded.
    fn renew(&mut self) {
        let changes = libraries::changes();
        if changes == self.changes {
            return;
        }
        *self = Self {
            changes,
            ..Self::default()
        };
        libraries::visit(|library| {
            if let Some(module) = module(&library) {
                self.libraries.add_module(module);
            }
        });
    }
}

/// What a walk needs of one library. Addresses count from the library's base.
fn module(library: &Library<'_>) -> Option<Module<&'static [u8]>> {
    let loaded = |rights| library.segments(rights).map(|header| library.place(header));
    let start = loaded(0).map(|range| range.start).min()?;
    let end = loaded(0).map(|range| range.end).max()?;
    let readable: Vec<Range<usize>> = loaded(libc::PF_R).collect();
    let header = library
        .headers
        .iter()
        .find(|one| one.p_type == libc::PT_GNU_EH_FRAME)?;
    let header = library.place(header);
    // SAFETY: the library is loaded, and these are its segments. A walk renews all modules after a library was unloaded.
    let (frames, header_bytes, frames_bytes) = unsafe {
        let frames = frames_of(&header, &readable)?;
        (frames.clone(), bytes(&header), bytes(&frames))
    };
    let from_base = |range: &Range<usize>| {
        let [start, end] = [range.start, range.end].map(|at| at.wrapping_sub(library.base) as u64);
        start..end
    };
    let sections = ExplicitModuleSectionInfo {
        eh_frame_hdr_svma: Some(from_base(&header)),
        eh_frame_hdr: Some(header_bytes),
        eh_frame_svma: Some(from_base(&frames)),
        eh_frame: Some(frames_bytes),
        ..ExplicitModuleSectionInfo::default()
    };
    let range = start as u64..end as u64;
    Some(Module::new(
        String::new(),
        range,
        library.base as u64,
        sections,
    ))
}

/// The unwinding information to which the table at `header` leads, up to the end of its segment. `None` if one of both
/// lies in no readable segment, or if the table can't be read.
///
/// # Safety
/// `readable` are the readable segments of a library that stays loaded meanwhile.
#[must_use]
pub unsafe fn frames_of(header: &Range<usize>, readable: &[Range<usize>]) -> Option<Range<usize>> {
    let segment = |address| readable.iter().find(|range| range.contains(&address));
    segment(header.start).filter(|segment| header.end <= segment.end)?;
    let bases = BaseAddresses::default().set_eh_frame_hdr(header.start as u64);
    // SAFETY: the header lies in a readable segment, and the library stays loaded.
    let header = unsafe { bytes(header) };
    let parsed = EhFrameHdr::new(header, NativeEndian).parse(&bases, 8);
    let Pointer::Direct(frames) = parsed.ok()?.eh_frame_ptr() else {
        return None;
    };
    let frames = frames as usize;
    Some(frames..segment(frames)?.end)
}

/// The bytes of a range.
///
/// # Safety
/// The range lies in a readable segment of a library. No program writes there, and the bytes are not used after the
/// library was unloaded.
#[must_use]
pub unsafe fn bytes(range: &Range<usize>) -> &'static [u8] {
    // SAFETY: the caller promises readable bytes that stay.
    unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) }
}

/// The place in this code, and the registers there.
fn here() -> Option<(u64, UnwindRegsNative)> {
    let mut context = MaybeUninit::<libc::ucontext_t>::uninit();
    // SAFETY: the place is valid, and filled in where the result is 0.
    let context = unsafe {
        if libc::getcontext(context.as_mut_ptr()) != 0 {
            return None;
        }
        context.assume_init()
    };
    Some(registers(&context.uc_mcontext))
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::mcontext_t) -> (u64, UnwindRegsNative) {
    let word = |register: libc::c_int| context.gregs[register as usize] as u64;
    let address = word(libc::REG_RIP);
    let registers = UnwindRegsNative::new(address, word(libc::REG_RSP), word(libc::REG_RBP));
    (address, registers)
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::mcontext_t) -> (u64, UnwindRegsNative) {
    let [frame, link] = [29, 30].map(|register| context.regs[register]);
    (context.pc, UnwindRegsNative::new(link, context.sp, frame))
}

/// Words of the stack, from the place that was asked for last.
struct Stack {
    start: usize,
    words: [usize; 256],
    /// How many of them could be read.
    length: usize,
}

impl Stack {
    fn new() -> Self {
        Self {
            start: 0,
            words: [0; 256],
            length: 0,
        }
    }

    fn word(&mut self, address: usize) -> Option<u64> {
        let distance = address.wrapping_sub(self.start);
        if !distance.is_multiple_of(size_of::<usize>())
            || distance / size_of::<usize>() >= self.length
        {
            self.start = address;
            self.length = host::read_words(address, &mut self.words);
        }
        let at = address.wrapping_sub(self.start) / size_of::<usize>();
        self.words[..self.length].get(at).map(|&word| word as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_leads_from_here_to_the_first_function_of_the_thread() {
        let mut unwinder = Unwinder::default();
        let walk = |unwinder: &mut Unwinder| {
            let mut found = Vec::new();
            unwinder.visit(|address| {
                found.push(address);
                true
            });
            found
        };
        let known = {
            let mut known = Vec::new();
            // SAFETY: no other test uses the crate without its lock.
            unsafe {
                backtrace::trace_unsynchronized(|frame| {
                    known.push(frame.ip() as usize);
                    true
                });
            }
            known
        };
        let [first, again] = [walk(&mut unwinder), walk(&mut unwinder)];
        assert!(first.len() > 10 && first.len() == again.len());
        // The outermost frames are the same; `backtrace` adds an address of 0.
        let last = |all: &[usize]| {
            all.iter()
                .rev()
                .filter(|&&ip| ip != 0)
                .take(8)
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(last(&first), last(&known));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_stack_that_is_not_whole_ends_a_walk() {
        let mut unwinder = Unwinder::default();
        unwinder.renew();
        // At the first instruction of a function, the return address is on top of the stack.
        let function = frames_of as *const () as u64;
        for caller in [1, 0x1000, usize::MAX, function as usize + 1] {
            let stack = [caller, 5, 0, usize::MAX, caller];
            let registers = UnwindRegsNative::new(function, stack.as_ptr() as u64, 3);
            let mut found = Vec::new();
            unwinder.follow(function, registers, |address| {
                found.push(address);
                found.len() < 100
            });
            assert!(found[0] == caller && found.len() < 100, "{found:x?}");
        }
    }

    #[test]
    fn words_that_can_not_be_read_end_a_walk() {
        let mut stack = Stack::new();
        let there = [7_usize, 8];
        let place = (&raw const there) as usize;
        assert_eq!(
            [stack.word(place + 8), stack.word(place)],
            [Some(8), Some(7)]
        );
        assert_eq!([stack.word(1), stack.word(usize::MAX - 7)], [None, None]);
    }
}
