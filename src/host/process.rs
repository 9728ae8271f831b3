use super::{Host, ThreadWords};

/// The process itself, with or without an interpreter in it.
#[derive(Debug)]
pub struct Process;

/// CPython's `_PyOS_STACK_MARGIN_SHIFT` of a 64-bit release build.
const UNIT: u32 = 14;

impl Host for Process {
    #[inline]
    fn thread_id() -> usize {
        thread_pointer()
    }

    #[inline]
    fn stack_margin() -> isize {
        let limit = match ThreadWords::with(|words| words.stack_limit.get()) {
            0 => find_stack_limit(),
            limit => limit,
        };
        stack_pointer().wrapping_sub(limit) as isize >> UNIT
    }

    fn give_up() -> ! {
        // SAFETY: abort has no precondition.
        unsafe { libc::abort() }
    }
}

/// The address that CPython's `_Py_ThreadId` reads.
#[cfg(all(assembly, target_arch = "x86_64"))]
#[inline]
fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: on Linux the word at fs:0 is the thread pointer and is always readable.
    unsafe {
        std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, pure, readonly));
    }
    pointer
}

/// The address that CPython's `_Py_ThreadId` reads.
#[cfg(all(assembly, target_arch = "aarch64"))]
#[inline]
fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: this register is readable from user space.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem));
    }
    pointer
}

/// The C library's name of the thread. On x86-64 it is the address that CPython's `_Py_ThreadId` reads.
#[cfg(not(all(assembly, any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn thread_pointer() -> usize {
    // SAFETY: pthread_self has no precondition.
    let name = unsafe { libc::pthread_self() };
    name as usize
}

/// An address in the caller's stack frame.
#[inline]
fn stack_pointer() -> usize {
    let local = 0_u8;
    &raw const local as usize
}

/// Finds and stores the calling thread's limit.
#[cold]
#[inline(never)]
fn find_stack_limit() -> usize {
    let limit = soft_limit();
    ThreadWords::with(|words| words.stack_limit.set(limit));
    limit
}

/// Two units above the low end of the calling thread's stack. 1 (no limit) if the system can't say where the stack is.
fn soft_limit() -> usize {
    let mut low = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: `attributes` is initialised by pthread_getattr_np before it is read or destroyed, and the
    // other pointers are to locals.
    unsafe {
        let mut attributes = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return 1;
        }
        let failed = libc::pthread_attr_getstack(&attributes, &mut low, &mut size) != 0;
        libc::pthread_attr_destroy(&mut attributes);
        if failed {
            return 1;
        }
    }
    low as usize + (2 << UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_different_identities() {
        let mine = Process::thread_id();
        let other = std::thread::spawn(Process::thread_id).join();
        assert_ne!(mine, 0);
        assert_ne!(mine, other.expect("the thread ends"));
    }

    #[test]
    fn the_margin_shrinks_with_the_stack() {
        fn deeper(levels: usize) -> (usize, isize) {
            let filler = std::hint::black_box([levels as u8; 1 << UNIT]);
            let seen = match levels {
                0 => (filler.as_ptr() as usize, Process::stack_margin()),
                _ => deeper(levels - 1),
            };
            std::hint::black_box(filler);
            seen
        }
        let run = |levels| {
            let thread = std::thread::Builder::new().stack_size(4 << 20);
            thread
                .spawn(move || [deeper(0), deeper(levels)])
                .expect("a thread")
                .join()
                .expect("it ends")
        };
        let [(high, shallow), (low, deep)] = run(20);
        assert!(
            (200..256).contains(&shallow),
            "4 MiB are 256 units, {shallow} left"
        );
        let units = ((high - low) >> UNIT) as isize;
        assert!(
            (shallow - deep - units).abs() <= 1,
            "{shallow} to {deep} over {units} units"
        );
    }
}
