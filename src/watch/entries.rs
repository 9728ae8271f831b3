//! Reads several entries of a shadow at once.

use std::sync::atomic::{AtomicU8, Ordering};

/// Entries that a walk skips at once if all are zero.
pub(super) const LINE: usize = 64;

/// One bit for each of [`LINE`] entries that is not zero. If another thread stores an entry meanwhile, its old or its new
/// value is read. A reader that needs another thread's latest entry has synchronised with that thread.
///
/// # Safety
/// So many entries lie at `first`, which is a multiple of their number.
#[inline]
pub(super) unsafe fn used_entries(first: *const AtomicU8) -> u64 {
    #[cfg(all(assembly, target_arch = "x86_64"))]
    {
        let unused: u64;
        // SAFETY: the caller's promise. The processor reads each byte as a relaxed load does. Rust can't express that many
        // relaxed loads in a few instructions.
        unsafe {
            std::arch::asm!(
                "movdqa {one}, xmmword ptr [{first}]",
                "movdqa {two}, xmmword ptr [{first} + 16]",
                "movdqa {three}, xmmword ptr [{first} + 32]",
                "movdqa {four}, xmmword ptr [{first} + 48]",
                "movdqa {zero}, {one}",
                "por {zero}, {two}",
                "por {zero}, {three}",
                "por {zero}, {four}",
                "pxor {all}, {all}",
                "pcmpeqb {zero}, {all}",
                "pmovmskb {unused:e}, {zero}",
                "cmp {unused:e}, 0xffff",
                "je 2f",
                "pcmpeqb {one}, {all}",
                "pcmpeqb {two}, {all}",
                "pcmpeqb {three}, {all}",
                "pcmpeqb {four}, {all}",
                "pmovmskb {unused:e}, {four}",
                "shl {unused}, 16",
                "pmovmskb {part:e}, {three}",
                "or {unused}, {part}",
                "shl {unused}, 16",
                "pmovmskb {part:e}, {two}",
                "or {unused}, {part}",
                "shl {unused}, 16",
                "pmovmskb {part:e}, {one}",
                "or {unused}, {part}",
                "jmp 3f",
                "2:",
                "mov {unused}, -1",
                "3:",
                one = out(xmm_reg) _,
                two = out(xmm_reg) _,
                three = out(xmm_reg) _,
                four = out(xmm_reg) _,
                zero = out(xmm_reg) _,
                all = out(xmm_reg) _,
                part = out(reg) _,
                first = in(reg) first,
                unused = out(reg) unused,
                options(nostack, readonly),
            );
        }
        !unused
    }
    #[cfg(not(all(assembly, target_arch = "x86_64")))]
    {
        let mut used = 0;
        for at in 0..LINE {
            // SAFETY: the caller's promise.
            let entry = unsafe { &*first.add(at) };
            used |= u64::from(entry.load(Ordering::Relaxed) != 0) << at;
        }
        used
    }
}

/// Reads four entries, the first in the lowest byte. If another thread stores an entry meanwhile, its old or its new
/// value is read.
///
/// # Safety
/// Four entries lie at `first`.
#[inline]
pub(super) unsafe fn read_four(first: *const AtomicU8) -> u32 {
    // SAFETY: four entries lie there. Relaxed: a reader that needs another thread's latest entry has synchronised with
    // that thread.
    let entry = |at| unsafe { (*first.add(at)).load(Ordering::Relaxed) };
    u32::from_le_bytes([entry(0), entry(1), entry(2), entry(3)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Line([AtomicU8; LINE]);

    #[test]
    fn each_entry_has_its_bit() {
        for used in [0, 1, 1 << 63, 0x8001_0200_4008_0010, u64::MAX] {
            let entry = |at| AtomicU8::new((used >> at & 1) as u8 * 0x80);
            let line = Line(std::array::from_fn(entry));
            // SAFETY: the line has so many entries, and is aligned.
            assert_eq!(unsafe { used_entries(line.0.as_ptr()) }, used, "{used:#x}");
        }
    }
}
