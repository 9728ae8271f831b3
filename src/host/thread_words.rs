use std::cell::Cell;
#[cfg(any(test, not(target_arch = "x86_64")))]
use std::ptr::null_mut;

#[cfg(target_arch = "x86_64")]
use super::{Host, Process};
use crate::abi::PyObject;

/// What this library keeps for each thread.
#[derive(Debug)]
#[repr(C)]
pub struct ThreadWords {
    /// The object that the trashcan has put aside last; each keeps its link in its `PyGC_Head`.
    pub trash_later: Cell<*mut PyObject>,
    /// How many trashcan's `begin` are waiting for their `end`.
    pub trash_nesting: Cell<i32>,
    /// The number of this thread's cell in every tally, plus one; zero: not yet known.
    pub cell: Cell<usize>,
    /// Whether the thread is known to the queue of objects that wait for their owner.
    pub is_registered: Cell<bool>,
    /// The lowest address of the thread's stack that CPython calls safe; zero: not yet asked.
    pub stack_limit: Cell<usize>,
}

// A library's `thread_local!` asks the loader's function where it is, at each use: more instructions than CPython's
// whole trashcan has, because CPython is handed its thread state. These words are few enough for the room that the
// loader keeps beside its own, whose distance from the thread pointer is one load away. Rust has no stable way to ask
// for that (`-Ztls-model=initial-exec`), so it is spelled out where the library is measured.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .tbss.pyrefcore_words, \"awT\", @nobits",
    ".balign 8",
    ".hidden pyrefcore_words",
    ".globl pyrefcore_words",
    ".type pyrefcore_words, @object",
    ".size pyrefcore_words, {size}",
    "pyrefcore_words:",
    ".zero {size}",
    ".popsection",
    size = const size_of::<ThreadWords>(),
);

#[cfg(not(target_arch = "x86_64"))]
thread_local! {
    static WORDS: ThreadWords = const {
        ThreadWords {
            trash_later: Cell::new(null_mut()),
            trash_nesting: Cell::new(0),
            cell: Cell::new(0),
            is_registered: Cell::new(false),
            stack_limit: Cell::new(0),
        }
    };
}

impl ThreadWords {
    /// Hands the calling thread's words to `use_them`.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub fn with<R>(use_them: impl FnOnce(&Self) -> R) -> R {
        let distance: usize;
        // SAFETY: the loader has stored the symbol's distance from the thread pointer there, once and for all.
        unsafe {
            std::arch::asm!(
                "mov {0}, qword ptr [rip + pyrefcore_words@GOTTPOFF]",
                out(reg) distance,
                options(nostack, preserves_flags, pure, readonly),
            );
        }
        let words = Process::thread_id().wrapping_add(distance) as *const Self;
        // SAFETY: the thread pointer is the thread's id. The words are as the loader makes them: all zero, which is what
        // each begins with. They live as long as the thread, and no other thread has them.
        use_them(unsafe { &*words })
    }

    /// Hands the calling thread's words to `use_them`.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline]
    pub fn with<R>(use_them: impl FnOnce(&Self) -> R) -> R {
        WORDS.with(use_them)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let set = |n| ThreadWords::with(|words| words.trash_nesting.replace(n));
        let place = || ThreadWords::with(|words| std::ptr::from_ref(words) as usize);
        assert_eq!(set(7), 0);
        let mine = place();
        let theirs = std::thread::spawn(move || (set(9), set(11), place()));
        let (fresh, kept, theirs) = theirs.join().expect("the thread ends");
        assert_eq!((fresh, kept), (0, 9));
        assert_eq!(set(0), 7);
        assert_ne!(mine, theirs);
        assert_eq!(
            ThreadWords::with(|words| words.trash_later.get()),
            null_mut()
        );
    }
}
