//! What is needed from an interpreter, or from the process where there is none.
//!
//! Uses `abi`. Never counts and never decides; it answers, forwards or gives up.

pub mod c_heap;
mod chosen;
pub mod descriptor;
#[cfg(test)]
mod fake;
mod interpreter;
mod memory;
pub mod own_memory;
mod process;
pub mod reserve;
mod stderr;
mod thread_words;

pub use chosen::Chosen;
pub use interpreter::{
    Interpreter, await_interpreter, enter, has_interpreter, is_awaited, originals,
};
pub use memory::{read, read_text, read_words};
pub use process::Process;
pub use stderr::{KeptStderr, fatal, fatal_python_error, say};
pub use thread_words::ThreadWords;

/// The host that this library lives in.
#[cfg(not(test))]
pub type ThisHost = Process;

/// The host that a test lives in.
#[cfg(test)]
pub type ThisHost = fake::Fake;

/// What the layers above ask of the place they live in.
pub trait Host {
    /// Tells the calling thread from every other living thread; never zero. May be called at any
    /// time, from any thread. The same number as CPython's `_Py_ThreadId`.
    fn thread_id() -> usize;

    /// Whether that is the calling thread's id.
    fn is_this_thread(id: usize) -> bool {
        id == Self::thread_id()
    }

    /// How much of the calling thread's C stack is left above CPython's soft limit, in units of 16 KiB
    /// as CPython 3.14 counts them; negative below the limit. May be called at any time.
    fn stack_margin() -> isize;

    /// Ends the process, after the reason has been written. Called once nothing can be saved.
    fn give_up() -> !;
}
