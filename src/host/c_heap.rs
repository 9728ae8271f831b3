//! Bytes of the C heap in use, and the size of a block, as glibc's malloc records them.

use std::sync::OnceLock;

use super::any_bits::AnyBits;
use super::pages::Pages;
use super::probe::PAGE;

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

/// The smallest block of malloc, including the size word in front of it.
const LEAST: usize = 4 * WORD;
const WORD: usize = size_of::<usize>();
/// Bits of the size word that are flags and not length.
const FLAGS: usize = 7;
/// glibc's `PREV_INUSE`: the block in front is in use.
const FRONT_IN_USE: usize = 1;
/// glibc's `IS_MMAPPED`: the block has its own mapping.
const MAPPED: usize = 2;
/// glibc's `NON_MAIN_ARENA`: the block lies in a heap that malloc made for threads.
const OF_THREADS: usize = 4;
/// The largest page.
const LARGE_PAGE: usize = 2 << 20;

/// Bytes in use, including malloc's size words. `None` if the C library has no `mallinfo2` (glibc before 2.33, musl).
#[must_use]
pub fn in_use() -> Option<usize> {
    type MallInfo = unsafe extern "C" fn() -> Info;
    static MALLINFO: OnceLock<Option<MallInfo>> = OnceLock::new();
    let mallinfo = MALLINFO.get_or_init(|| {
        // SAFETY: the name is a C string. `mallinfo2` has this type in glibc's header, and a null address becomes
        // `None`.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"mallinfo2".as_ptr());
            std::mem::transmute::<*mut libc::c_void, Option<MallInfo>>(found)
        }
    });
    // SAFETY: the function takes nothing and may be called at any time.
    let info = mallinfo.map(|mallinfo| unsafe { mallinfo() })?;
    Some(info.uordblks + info.hblkhd)
}

/// Fills the calling thread's cache of freed blocks (glibc's tcache), at every length. malloc counts cached blocks as
/// in use. With a full cache before each measurement, the measurements can be compared.
pub fn settle() {
    /// The longest block that the cache holds.
    const LONGEST: usize = 1032;
    /// More blocks than the cache holds of one length: 7 in glibc 2.36, 16 in glibc 2.43.
    const KEPT: usize = 24;
    /// Blocks to take at most. malloc hands out free blocks that are 16 bytes longer first, and these are cached
    /// elsewhere.
    const MOST: usize = 1024;
    let mut blocks = [std::ptr::null_mut(); MOST];
    for bytes in (LEAST - WORD..=LONGEST).step_by(2 * WORD) {
        let (mut exact, mut number) = (0, 0);
        while exact < KEPT && number < MOST {
            // SAFETY: malloc accepts any size, and `malloc_usable_size` any block of malloc's or null.
            let (block, usable) = unsafe {
                let block = libc::malloc(bytes);
                (block, libc::malloc_usable_size(block))
            };
            exact += usize::from(usable == bytes);
            blocks[number] = block;
            number += 1;
        }
        for &block in &blocks[..number] {
            // SAFETY: each block is freed once, and nothing uses it. `free` accepts null.
            unsafe { libc::free(block) };
        }
    }
}

/// The length in malloc of the block at `start`, for which the caller asked for `bytes`. `None` if the size word does
/// not fit such a block: then it is no block of glibc's malloc.
#[must_use]
pub fn taken(start: usize, bytes: usize) -> Option<usize> {
    let word = super::read::<usize>(start.checked_sub(WORD)?)?;
    let (length, is_mapped) = (word & !FLAGS, word & MAPPED != 0);
    let least = bytes
        .checked_add(2 * WORD + WORD - 1)
        .map(|bytes| (bytes & !(2 * WORD - 1)).max(LEAST))?;
    // malloc does not split off a rest that is too small to be a block.
    let most = least + if is_mapped { LARGE_PAGE } else { LEAST / 2 };
    (least..=most).contains(&length).then_some(length)
}

/// Usable bytes of the block at `start`, which may be any address. `None` unless a block of glibc's malloc starts there
/// and is in use.
#[must_use]
pub fn room(start: usize, pages: &mut Pages) -> Option<usize> {
    if !start.is_multiple_of(2 * WORD) {
        return None;
    }
    let head = start.checked_sub(2 * WORD)?;
    let word = pages.read::<usize>(head + WORD)?;
    let (length, is_mapped) = (word & !FLAGS, word & MAPPED != 0);
    if length < LEAST || !length.is_multiple_of(2 * WORD) {
        return None;
    }
    if is_mapped {
        // In later glibcs the length does not include the two words in front.
        let ends = [length, length + 2 * WORD];
        if !head.is_multiple_of(PAGE) || !ends.iter().any(|end| end.is_multiple_of(PAGE)) {
            return None;
        }
        // The first word says where the mapping starts.
        let front = pages.read::<usize>(head)?;
        let last = pages.read::<usize>(head.checked_add(length - WORD)?);
        let is_whole = front.is_multiple_of(PAGE) && !is_below_break(head) && last.is_some();
        return is_whole.then_some(length - 2 * WORD);
    }
    if word & FRONT_IN_USE == 0 {
        // A free block stores its length at its end, directly in front of `head`.
        let front = pages.read::<usize>(head)?;
        let its_own = pages.read::<usize>(head.checked_sub(front)?.checked_add(WORD)?)?;
        if front < LEAST || its_own & !FLAGS != front {
            return None;
        }
    }
    let behind = head.checked_add(length)?;
    let is_ours = |end: usize, pages: &mut Pages| {
        if word & OF_THREADS == 0 {
            is_below_break(end)
        } else {
            is_in_heap_of_threads(head, end, pages)
        }
    };
    if !is_ours(behind, pages) {
        return None;
    }
    // What lies behind is a block, too. The last one ends where the heap ends, or is two words long.
    let next = pages.read::<usize>(behind + WORD)?;
    let its_length = next & !FLAGS;
    let is_block = its_length >= 2 * WORD
        && its_length.is_multiple_of(2 * WORD)
        && behind
            .checked_add(its_length - 1)
            .is_some_and(|end| is_ours(end, pages));
    (next & FRONT_IN_USE != 0 && is_block).then_some(length - WORD)
}

/// Whether `end` lies below the program break. The loader maps everything but the program itself above it.
#[must_use]
pub fn is_below_break(end: usize) -> bool {
    // SAFETY: `sbrk(0)` only returns the program break.
    let heap_end = unsafe { libc::sbrk(0) };
    end < heap_end as usize
}

/// Whether the range lies in a heap that malloc maps for threads.
fn is_in_heap_of_threads(start: usize, end: usize, pages: &mut Pages) -> bool {
    /// The beginning of glibc's `struct _heap_info`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    struct HeapInfo {
        ar_ptr: usize,
        prev: usize,
        size: usize,
    }
    /// glibc's `HEAP_MAX_SIZE`. Each such heap starts at a multiple of it.
    const LONGEST: usize = 64 << 20;
    // SAFETY: its fields are numbers.
    unsafe impl AnyBits for HeapInfo {}
    let heap = start & !(LONGEST - 1);
    pages.read::<HeapInfo>(heap).is_some_and(|info| {
        info.ar_ptr != 0 && info.size <= LONGEST && start > heap && end < heap + info.size
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_where_it_starts() {
        if in_use().is_none() {
            return;
        }
        for bytes in [1, 24, 25, 2000, 1 << 22] {
            // SAFETY: calloc accepts any size. The block is freed below.
            let block = unsafe { libc::calloc(1, bytes) } as usize;
            let room = room(block, &mut Pages::new()).expect("a block of malloc's");
            assert!(
                (bytes..=bytes + LARGE_PAGE).contains(&room),
                "{bytes}: {room}"
            );
            for other in [
                block + 8,
                block.wrapping_add(2 * WORD),
                8,
                0,
                usize::MAX - 15,
            ] {
                assert_eq!(
                    super::room(other, &mut Pages::new()),
                    None,
                    "{bytes}: {other:#x}"
                );
            }
            // SAFETY: the block came from malloc above, and is freed once.
            unsafe { libc::free(block as *mut libc::c_void) };
        }
    }

    #[test]
    fn each_block_of_a_thread_is_found() {
        if in_use().is_none() {
            return;
        }
        // A test runs on its own thread, so malloc uses a heap for threads. The package's tests cover the main heap.
        // SAFETY: each block is freed once, after the look at it.
        unsafe {
            let blocks = [(); 50].map(|()| libc::malloc(240));
            let rooms = blocks.map(|block| room(block as usize, &mut Pages::new()));
            let is_own = is_in_heap_of_threads(
                blocks[0] as usize,
                blocks[0] as usize + 240,
                &mut Pages::new(),
            );
            blocks.into_iter().for_each(|block| libc::free(block));
            assert_eq!(rooms, [Some(248); 50]);
            assert!(
                is_own && !is_in_heap_of_threads(blocks[0] as usize, usize::MAX, &mut Pages::new())
            );
        }
    }

    #[test]
    fn the_cache_is_full_beside_longer_free_blocks() {
        if in_use().is_none() {
            return;
        }
        const BYTES: usize = 200;
        // SAFETY: each block is freed once. Those that are kept part the free ones, so that no two become one.
        unsafe {
            let longer = [(); 200].map(|()| libc::malloc(BYTES + 2 * WORD));
            longer
                .iter()
                .step_by(2)
                .for_each(|&block| libc::free(block));
            settle();
            // glibc 2.36 keeps so many of one length.
            let cached = [(); 7].map(|()| libc::malloc(BYTES));
            let usable = cached.map(|block| libc::malloc_usable_size(block));
            let kept = longer.into_iter().skip(1).step_by(2);
            kept.chain(cached).for_each(|block| libc::free(block));
            assert_eq!(usable, [BYTES; 7]);
        }
    }

    #[test]
    fn words_that_look_like_a_block_are_none() {
        const PAGES: usize = 4 * PAGE;
        let bytes = 2 * PAGES;
        // SAFETY: the map is private, and unmapped below.
        let map = unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0).cast::<usize>()
        };
        let found = |front: usize, word: usize| {
            // SAFETY: the map has two words.
            unsafe { map.cast::<[usize; 2]>().write([front, word]) };
            room(map as usize + 2 * WORD, &mut Pages::new())
        };
        assert_eq!(found(0, PAGES | MAPPED), Some(PAGES - 2 * WORD));
        for (front, word) in [(0, 1 << 46), (8, PAGES), (0, PAGES + 64)] {
            assert_eq!(found(front, word | MAPPED), None, "{front} {word:#x}");
        }
        // SAFETY: the map came from `mmap`. The block is long enough for the words, and freed once.
        unsafe {
            libc::munmap(map.cast(), bytes);
            let block = libc::calloc(100, WORD).cast::<usize>();
            let inner = |next: usize| {
                block.add(1).write(64 | OF_THREADS | FRONT_IN_USE);
                block.add(9).write(next | FRONT_IN_USE);
                room(block.add(2) as usize, &mut Pages::new())
            };
            if in_use().is_some() {
                assert_eq!(inner(64), Some(64 - WORD));
                for next in [0, 72, 1 << 40] {
                    assert_eq!(inner(next), None, "{next:#x}");
                }
            }
            libc::free(block.cast());
        }
    }

    #[test]
    fn a_settled_thread_takes_blocks_from_its_cache() {
        if in_use().is_none() {
            return;
        }
        settle();
        // The cache hands out first what it got last. A thread without cached blocks gets rising addresses.
        // SAFETY: each block is freed once.
        unsafe {
            let blocks = [(); 2].map(|()| libc::malloc(1000));
            blocks.into_iter().for_each(|block| libc::free(block));
            assert!(blocks[0] > blocks[1]);
        }
    }

    #[test]
    fn bytes_in_use_grow_by_the_length_of_a_block() {
        let Some(before) = in_use() else { return };
        for bytes in [1, 24, 25, 2000, 1 << 22] {
            // SAFETY: malloc accepts any size. The blocks are freed below.
            let blocks: Vec<usize> = (0..50)
                .map(|_| unsafe { libc::malloc(bytes) } as usize)
                .collect();
            for &block in &blocks {
                let taken = taken(block, bytes).expect("a block of malloc's");
                assert!(taken >= bytes + WORD, "{bytes}: {taken}");
                assert_eq!(super::taken(block, taken + LARGE_PAGE), None);
                // SAFETY: the block came from malloc above, and is freed once.
                unsafe { libc::free(block as *mut libc::c_void) };
            }
        }
        assert!(before > 0);
    }
}
