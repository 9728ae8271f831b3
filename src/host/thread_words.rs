use std::cell::Cell;
#[cfg(any(test, not(all(assembly, target_arch = "x86_64"))))]
use std::ptr::null_mut;

use crate::abi::PyObject;

/// The state that this library keeps for each thread.
#[derive(Debug)]
#[repr(C)]
pub struct ThreadWords {
    /// The object that the trashcan put aside last. Each object put aside links to the one before in its `PyGC_Head`.
    pub trash_later: Cell<*mut PyObject>,
    /// The number of open trashcan levels plus [`Self::OUTERMOST`]. Above zero, too many are open.
    pub trash_depth: Cell<i32>,
    /// The number of this thread's cell in every tally, plus one; zero if not yet known.
    pub cell: Cell<usize>,
    /// The lowest stack address that CPython calls safe; zero if not yet known.
    pub stack_limit: Cell<usize>,
    /// 1 until the thread is registered with the queue of objects that wait for their owner; then 0.
    pub unknown: Cell<usize>,
}

// In a shared library, each use of a `thread_local!` calls a function of the loader. That takes more instructions than
// CPython's whole trashcan, because CPython gets its thread state as an argument. These words are small enough for the
// room that the loader reserves beside its own. There, their distance from the thread pointer is one load away. Rust
// has no stable way to ask for this (`-Ztls-model=initial-exec`), so x86-64, on which the library is measured, uses
// assembly.
#[cfg(all(assembly, target_arch = "x86_64"))]
std::arch::global_asm!(
    ".pushsection .tdata.pyrefcore_words, \"awT\", @progbits",
    ".balign 8",
    ".hidden pyrefcore_words",
    ".globl pyrefcore_words",
    ".type pyrefcore_words, @object",
    ".size pyrefcore_words, {size}",
    "pyrefcore_words:",
    ".quad 0",
    ".long {outermost}, 0",
    ".quad 0, 0, 1",
    ".popsection",
    size = const size_of::<ThreadWords>(),
    outermost = const ThreadWords::OUTERMOST,
);

#[cfg(not(all(assembly, target_arch = "x86_64")))]
thread_local! {
    static WORDS: ThreadWords = const {
        ThreadWords {
            trash_later: Cell::new(null_mut()),
            trash_depth: Cell::new(ThreadWords::OUTERMOST),
            cell: Cell::new(0),
            stack_limit: Cell::new(0),
            unknown: Cell::new(1),
        }
    };
}

impl ThreadWords {
    /// The value of `trash_depth` without an open level: CPython's `_PyTrash_UNWIND_LEVEL`, negated. CPython 3.13 uses
    /// a thread's budget of C recursion instead, ten thousand levels. Only the interpreter has that budget, and not
    /// every C program has so much stack.
    pub const OUTERMOST: i32 = -50;

    /// Calls `use_them` with the calling thread's words.
    #[cfg(all(assembly, target_arch = "x86_64"))]
    #[inline]
    pub fn with<R>(use_them: impl FnOnce(&Self) -> R) -> R {
        let words: usize;
        // SAFETY: the loader wrote the words' distance from the thread pointer before any code of the library ran, and
        // it never changes. On Linux the word at fs:0 is the thread pointer and is always readable.
        unsafe {
            std::arch::asm!(
                "mov {0}, qword ptr [rip + pyrefcore_words@GOTTPOFF]",
                "add {0}, qword ptr fs:[0]",
                out(reg) words,
                options(nostack, pure, readonly),
            );
        }
        // SAFETY: the loader initialised the words from the section above. They live as long as the thread, and no
        // other thread uses them.
        use_them(unsafe { &*(words as *const Self) })
    }

    /// Calls `use_them` with the calling thread's words.
    #[cfg(not(all(assembly, target_arch = "x86_64")))]
    #[inline]
    pub fn with<R>(use_them: impl FnOnce(&Self) -> R) -> R {
        WORDS.with(use_them)
    }

    /// Not zero if the thread is not yet registered with the queue.
    #[inline]
    pub fn is_unknown() -> usize {
        Self::with(|words| words.unknown.get())
    }

    /// Opens a trashcan level; true if too many levels are open.
    #[inline]
    pub fn open_trash() -> bool {
        Self::with(|words| {
            let depth = words.trash_depth.get() + 1;
            words.trash_depth.set(depth);
            depth > 0
        })
    }

    /// Closes a trashcan level; true if objects are put aside.
    #[inline]
    pub fn close_trash() -> bool {
        Self::with(|words| {
            words.trash_depth.set(words.trash_depth.get() - 1);
            !words.trash_later.get().is_null()
        })
    }

    /// Makes `op` the object put aside last, and returns the one before.
    #[inline]
    pub fn put_aside(op: *mut PyObject) -> *mut PyObject {
        Self::with(|words| words.trash_later.replace(op))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let set = |n| ThreadWords::with(|words| words.trash_depth.replace(n));
        let place = || ThreadWords::with(|words| std::ptr::from_ref(words) as usize);
        assert_eq!(set(7), ThreadWords::OUTERMOST);
        let mine = place();
        let theirs = std::thread::spawn(move || (set(9), set(11), place()));
        let (fresh, kept, theirs) = theirs.join().expect("the thread ends");
        assert_eq!((fresh, kept), (ThreadWords::OUTERMOST, 9));
        assert_eq!(set(ThreadWords::OUTERMOST), 7);
        assert_ne!(mine, theirs);
        assert_eq!(
            ThreadWords::with(|words| words.trash_later.get()),
            null_mut()
        );
    }
}
