use super::Host;
use super::process::Process;

/// A host for tests. It panics where a real host ends the process.
#[derive(Debug)]
pub struct Fake;

thread_local! {
    static LEFT: std::cell::Cell<Option<isize>> = const { std::cell::Cell::new(None) };
}

impl Fake {
    /// Sets the stack margin of this thread, in the units of [`Host::stack_margin`].
    pub fn set_stack_margin(units: isize) {
        LEFT.set(Some(units));
    }
}

impl Host for Fake {
    fn thread_id() -> usize {
        Process::thread_id()
    }

    fn stack_margin() -> isize {
        LEFT.get().unwrap_or_else(Process::stack_margin)
    }

    fn give_up() -> ! {
        panic!("gave up")
    }
}
