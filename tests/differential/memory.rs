//! Objects are addresses here: two libraries have a different view of the same bytes, and Rust has none.

/// Reads the word at an address.
pub(crate) fn word(at: usize) -> usize {
    // SAFETY: the driver asks only for words of objects and types that it has made, and of what the two
    // libraries own.
    unsafe { (at as *const usize).read_volatile() }
}

/// Stores a word.
pub(crate) fn store(at: usize, word: usize) {
    // SAFETY: as above.
    unsafe { (at as *mut usize).write_volatile(word) }
}

/// Reads a C int.
pub(crate) fn int(at: usize) -> i32 {
    // SAFETY: as above.
    unsafe { (at as *const i32).read_volatile() }
}

/// Stores a C int.
pub(crate) fn store_int(at: usize, int: i32) {
    // SAFETY: as above.
    unsafe { (at as *mut i32).write_volatile(int) }
}

/// Calls a C function with four words. The calling conventions of this project's targets let a function
/// take fewer, and return less.
pub(crate) fn call(function: usize, [a, b, c, d]: [usize; 4]) -> usize {
    type Function = unsafe extern "C" fn(usize, usize, usize, usize) -> usize;
    // SAFETY: the address is that of a function whose arguments are words.
    unsafe { std::mem::transmute::<usize, Function>(function)(a, b, c, d) }
}

/// A block of zeroes that is never given back.
pub(crate) fn zeroes(bytes: usize) -> usize {
    Box::leak(vec![0_u128; bytes.div_ceil(16)].into_boxed_slice()).as_mut_ptr() as usize
}
