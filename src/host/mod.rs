//! Services of the host interpreter, or of the process if it has no interpreter.
//!
//! Uses `abi`. Changes no reference count and makes no decision. It answers, forwards a call, or ends the process.

mod any_bits;
pub mod c_heap;
pub mod descriptor;
#[cfg(test)]
mod fake;
mod function_slot;
mod interpreter;
pub mod libraries;
pub mod mapping;
pub mod method;
pub mod own_memory;
mod pages;
mod prefetch;
mod probe;
mod process;
pub mod reserve;
mod stderr;
mod thread_words;

pub use any_bits::AnyBits;
pub use function_slot::FunctionSlot;
pub use interpreter::{
    Interpreter, await_interpreter, enter, has_interpreter, is_awaited, originals,
};
pub use pages::Pages;
pub use prefetch::prefetch;
pub use probe::{is_readable, read, read_text, read_words};
pub use stderr::{KeptStderr, fatal, fatal_python_error, say};
pub use thread_words::ThreadWords;

/// The host of this library.
#[cfg(not(test))]
pub type ThisHost = process::Process;

/// The host of a unit test.
#[cfg(test)]
pub type ThisHost = fake::Fake;

/// What the layers above ask of their host.
pub trait Host {
    /// A number that no other living thread has; never zero. Equal to CPython's `_Py_ThreadId`. May be called at any
    /// time, from any thread.
    fn thread_id() -> usize;

    /// Whether `id` is the calling thread's.
    fn is_this_thread(id: usize) -> bool {
        id == Self::thread_id()
    }

    /// How much of the calling thread's C stack is left above CPython's soft limit, in units of 16 KiB
    /// as CPython 3.14 counts them; negative below the limit. May be called at any time.
    fn stack_margin() -> isize;

    /// Ends the process. The caller has already written the reason.
    fn give_up() -> !;
}
