//! How many bytes of the C heap are in use, by glibc's own account.

use std::sync::OnceLock;

/// glibc's `struct mallinfo2`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Info {
    arena: usize,
    ordblks: usize,
    smblks: usize,
    hblks: usize,
    /// Bytes of blocks that have maps of their own.
    hblkhd: usize,
    usmblks: usize,
    fsmblks: usize,
    /// Bytes of the other blocks in use.
    uordblks: usize,
    fordblks: usize,
    keepcost: usize,
}

/// The least that malloc takes for a block, with its own word in front.
const LEAST: usize = 4 * WORD;
const WORD: usize = size_of::<usize>();
/// Bits of a block's own word that are no part of its length.
const FLAGS: usize = 7;
/// The flag of a block with a map of its own.
const MAPPED: usize = 2;
/// The largest page.
const LARGE_PAGE: usize = 2 << 20;

/// Bytes in use, with malloc's own words; `None` where the C library does not count them (glibc before 2.33, musl).
#[must_use]
pub fn in_use() -> Option<usize> {
    type MallInfo = unsafe extern "C" fn() -> Info;
    static MALLINFO: OnceLock<Option<MallInfo>> = OnceLock::new();
    let mallinfo = MALLINFO.get_or_init(|| {
        // SAFETY: dlsym takes a C string; the function has the type that glibc's header gives it, and null is `None`.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"mallinfo2".as_ptr());
            std::mem::transmute::<*mut libc::c_void, Option<MallInfo>>(found)
        }
    });
    // SAFETY: the function takes nothing and may be called at any time.
    let info = mallinfo.map(|mallinfo| unsafe { mallinfo() })?;
    Some(info.uordblks + info.hblkhd)
}

/// Fills what the calling thread keeps of blocks that it gave back, of each length: malloc calls these in use. So they are as
/// many whenever this was called.
pub fn settle() {
    /// The longest of which glibc keeps some.
    const LONGEST: usize = 1032;
    /// More than it keeps of one length.
    const KEPT: usize = 16;
    for bytes in (LEAST - WORD..=LONGEST).step_by(2 * WORD) {
        // SAFETY: each block is given back, and nothing lies in it; NULL is nothing.
        unsafe {
            let blocks = [(); KEPT].map(|()| libc::malloc(bytes));
            for block in std::hint::black_box(blocks) {
                libc::free(block);
            }
        }
    }
}

/// Bytes that malloc has taken for the block at `start`, of which `bytes` were asked for; `None` where that is no block of
/// glibc's malloc.
#[must_use]
pub fn taken(start: usize, bytes: usize) -> Option<usize> {
    let word = super::read::<usize>(start.checked_sub(WORD)?)?;
    let (length, is_mapped) = (word & !FLAGS, word & MAPPED != 0);
    let least = bytes
        .checked_add(2 * WORD + WORD - 1)
        .map(|bytes| (bytes & !(2 * WORD - 1)).max(LEAST))?;
    // What is left of a larger block stays with it, if it is too little for another.
    let most = least + if is_mapped { LARGE_PAGE } else { LEAST / 2 };
    (least..=most).contains(&length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_what_it_adds() {
        let Some(before) = in_use() else { return };
        for bytes in [1, 24, 25, 2000, 1 << 22] {
            // SAFETY: the blocks are given back below.
            let blocks: Vec<usize> = (0..50)
                .map(|_| unsafe { libc::malloc(bytes) } as usize)
                .collect();
            for &block in &blocks {
                let taken = taken(block, bytes).expect("a block of malloc's");
                assert!(taken >= bytes + WORD, "{bytes}: {taken}");
                assert_eq!(super::taken(block, taken + LARGE_PAGE), None);
                // SAFETY: it was handed out above.
                unsafe { libc::free(block as *mut libc::c_void) };
            }
        }
        assert!(before > 0);
    }
}
