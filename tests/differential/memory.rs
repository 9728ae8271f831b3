//! Access to objects by address. The driver has no Rust type for an object, because the two libraries' layouts vary.

/// Reads the word at an address.
pub(crate) fn word(at: usize) -> usize {
    // SAFETY: the driver reads only aligned words of objects and types that it has made, and of live memory of the two
    // libraries.
    unsafe { (at as *const usize).read_volatile() }
}

/// Stores a word.
pub(crate) fn store(at: usize, word: usize) {
    // SAFETY: the driver stores only aligned words into memory that `word` may read.
    unsafe { (at as *mut usize).write_volatile(word) }
}

/// Reads a C int.
pub(crate) fn int(at: usize) -> i32 {
    // SAFETY: the driver reads only aligned ints in memory that `word` may read.
    unsafe { (at as *const i32).read_volatile() }
}

/// Stores a C int.
pub(crate) fn store_int(at: usize, int: i32) {
    // SAFETY: the driver stores only aligned ints into memory that `word` may read.
    unsafe { (at as *mut i32).write_volatile(int) }
}

/// Calls a C function with four words. The calling conventions of this project's targets allow this for a
/// function that takes fewer words or returns a smaller value.
pub(crate) fn call(function: usize, [a, b, c, d]: [usize; 4]) -> usize {
    type Function = unsafe extern "C" fn(usize, usize, usize, usize) -> usize;
    // SAFETY: the address is that of a function that takes at most four words.
    unsafe { std::mem::transmute::<usize, Function>(function)(a, b, c, d) }
}

/// A block of zeroes, aligned to 16 bytes, that is never freed.
pub(crate) fn zeroes(bytes: usize) -> usize {
    Box::leak(vec![0_u128; bytes.div_ceil(16)].into_boxed_slice()).as_mut_ptr() as usize
}
