//! The handler of traps: it notes an event, and lets the thread go on behind the site.
//!
//! The instruction itself stays a trap, and runs elsewhere as a copy. So threads may meet the same site at once, and no
//! state is left behind by an exception or a `longjmp`.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::births;
use super::contents;
use super::fatal_calls::{self, Next};
use super::log::{ARGUMENTS, Event, RSP};
use super::site::{Kinds, Place, Site, Step, Target};
use super::threads;
use super::trace::Trace;
use super::watched;

/// The table of this process, until `remove`.
static TABLE: AtomicPtr<Trace> = AtomicPtr::new(null_mut());
/// How many threads are in the handler.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

const OTHER_HANDLER: &CStr =
    c"the function was not named, because this program handles SIGTRAP itself";
const REFUSED: &CStr = c"the function was not named, because SIGTRAP can't be handled here";

/// `si_code` of a trap instruction.
const SI_KERNEL: c_int = 0x80;

/// Lets the handler look into `table`, and installs it.
///
/// # Errors
/// One sentence if the program has a handler of its own.
pub fn install(table: Box<Trace>) -> Result<(), &'static CStr> {
    static FORKS: Once = Once::new();
    // SAFETY: the function takes no argument and lives as long as the library.
    FORKS.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(leave_child));
    });
    remove();
    // SAFETY: both structures are valid, and zeroes are a valid value of them. The handler takes three arguments, as
    // SA_SIGINFO says.
    unsafe {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        if libc::sigaction(libc::SIGTRAP, std::ptr::null(), &raw mut old) != 0 {
            return Err(REFUSED);
        }
        if ![libc::SIG_DFL, trapped as *const () as usize].contains(&old.sa_sigaction) {
            return Err(OTHER_HANDLER);
        }
        // Release: a thread in the handler sees the whole table.
        TABLE.store(Box::into_raw(table), Ordering::Release);
        let mut ours = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        ours.sa_sigaction = trapped as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        // SIGTRAP is blocked here. Another handler in between might meet a trap, which would end the process.
        libc::sigfillset(&raw mut ours.sa_mask);
        if libc::sigaction(libc::SIGTRAP, &raw const ours, null_mut()) != 0 {
            drop(Box::from_raw(TABLE.swap(null_mut(), Ordering::AcqRel)));
            return Err(REFUSED);
        }
    }
    Ok(())
}

/// The table of the handler.
pub fn table() -> Option<&'static Trace> {
    // Acquire: with the store in `install`.
    // SAFETY: the table lives until `remove`, which only the owner of the session calls.
    unsafe { TABLE.load(Ordering::Acquire).as_ref() }
}

/// Frees the table, and removes the handler unless there are other threads: one may have met a trap just before its byte
/// was restored. No trap of the table may be left.
pub fn remove() {
    if table().is_none() {
        return;
    }
    // SAFETY: the structure is valid. The handler is removed only if it is ours.
    unsafe {
        let mut now = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        libc::sigaction(libc::SIGTRAP, std::ptr::null(), &raw mut now);
        if now.sa_sigaction == trapped as *const () as usize && threads::is_alone() {
            default_action();
        }
    }
    let old = TABLE.swap(null_mut(), Ordering::AcqRel);
    // SeqCst: a thread enters `INSIDE` before it loads the table, so it is seen here, or it sees no table.
    while INSIDE.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    // SAFETY: the pointer came from `Box::into_raw`, and no thread uses it any more.
    drop(unsafe { Box::from_raw(old) });
}

/// In a child process, which has its own copy of the code.
unsafe extern "C" fn leave_child() {
    // Relaxed: the child has one thread. Others may have been in the handler; they are not in the child.
    INSIDE.store(0, Ordering::Relaxed);
    births::end();
    if let Some(table) = table() {
        // SAFETY: a child has the libraries of its parent.
        unsafe { table.disarm() };
        fatal_calls::tighten(table.is_traced());
    }
}

unsafe extern "C" fn trapped(_signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SeqCst: see `remove`.
    INSIDE.fetch_add(1, Ordering::SeqCst);
    // SAFETY: errno belongs to this thread. The kernel passes valid structures.
    unsafe {
        let mut errno = *libc::__errno_location();
        let context = &mut *context.cast::<libc::ucontext_t>();
        if (*info).si_code != SI_KERNEL || !pass(context, &mut errno) {
            die();
        }
        *libc::__errno_location() = errno;
    }
    INSIDE.fetch_sub(1, Ordering::SeqCst);
}

/// A trap that is not ours ends the process, as it would have without us.
fn die() {
    default_action();
    // SAFETY: it takes a number. The signal arrives when the handler returns.
    unsafe { libc::raise(libc::SIGTRAP) };
}

/// From now on a trap ends the process.
fn default_action() {
    // SAFETY: the structure is valid.
    unsafe {
        let mut default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGTRAP, &raw const default, null_mut());
    }
}

/// The places of the registers in a context, in the order of machine code.
const REGISTERS: [c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];
const RIP: usize = libc::REG_RIP as usize;
const FLAGS: usize = libc::REG_EFL as usize;

/// Lets the thread go on, with this `errno`. False if the trap is not ours.
///
/// # Safety
/// The context is that of a trap instruction of this thread.
unsafe fn pass(context: &mut libc::ucontext_t, errno: &mut c_int) -> bool {
    let words = &mut context.uc_mcontext.gregs;
    let address = words[RIP] as usize - 1;
    let (table, site) = loop {
        let table = table();
        // SAFETY: the thread has just run the instruction there.
        if !unsafe { Trace::has_trap(address) } {
            // Another thread has restored the byte meanwhile.
            words[RIP] = address as i64;
            return true;
        }
        let now = self::table().map(std::ptr::from_ref);
        match table.and_then(|table| Some((table, table.find(address)?))) {
            Some(found) => break found,
            None if table.map(std::ptr::from_ref) == now => return false,
            // Another table has put this trap there meanwhile.
            None => {}
        }
    };
    let registers: [usize; 16] = REGISTERS.map(|place| words[place as usize] as usize);
    if site.kinds.has(Kinds::FATAL_CALL) {
        let [first, second, third, ..] = ARGUMENTS.map(|number| registers[number]);
        // The kernel writes one word of the set, and reads it when the handler ends.
        // SAFETY: the set is larger than that word. A thread is at the site, with these registers.
        let next = unsafe {
            let mask = &mut *(&raw mut context.uc_sigmask).cast::<u64>();
            fatal_calls::meet(site, [first, second, third], mask, table.is_traced())
        };
        match next {
            Next::Run => {}
            Next::Return(result, error) => {
                // SAFETY: at the entry of a function the return address is on top of the stack.
                let (to, stack) = unsafe { self::next(&Step::Return(0), &registers, 0) };
                words[RIP] = to as i64;
                words[libc::REG_RSP as usize] = stack as i64;
                words[libc::REG_RAX as usize] = result;
                if error != 0 {
                    *errno = error;
                }
                return true;
            }
            Next::RestoreAll => {
                // SAFETY: no library is unloaded yet.
                unsafe { table.restore_all() };
                fatal_calls::tighten(false);
                if site.function == fatal_calls::SIGACTION {
                    // The program sees the action that it knows. Otherwise another thread may still be at a trap.
                    default_action();
                }
                words[RIP] = address as i64;
                return true;
            }
        }
    } else if table.has_given_up() {
        // SAFETY: a trap stands here, so the table is armed.
        unsafe { Trace::restore(site) };
        words[RIP] = address as i64;
        return true;
    } else if table.is_traced() {
        // SAFETY: the registers are those of this thread at the site.
        table.add(unsafe { event(site, registers) });
    } else {
        table.note_other_thread();
    }
    // SAFETY: as above.
    unsafe {
        let (to, stack) = next(&site.step, &registers, words[FLAGS] as usize);
        words[RIP] = to as i64;
        words[libc::REG_RSP as usize] = stack as i64;
    }
    true
}

/// # Safety
/// A thread is at the site, and has these registers.
unsafe fn event(site: &Site, registers: [usize; 16]) -> Event {
    let mut event = Event {
        address: site.address,
        next: site.next,
        kinds: site.kinds,
        function: site.function,
        registers,
        counts: watched::counts(),
        ..Event::default()
    };
    if site.kinds.has(Kinds::ENTRY) {
        // SAFETY: at the entry of a function the return address is on top of the stack.
        event.caller = unsafe { *(registers[RSP] as *const usize) };
        contents::note_dealloc(&mut event);
    } else if site.kinds.has(Kinds::AFTER.and(Kinds::OUTSIDE)) {
        contents::note_container(&mut event);
    }
    event
}

/// Where the thread goes on, and its stack pointer then.
///
/// # Safety
/// A thread is at the site, and has these registers. The words that the instruction reads are readable.
unsafe fn next(step: &Step, registers: &[usize; 16], flags: usize) -> (usize, usize) {
    let stack = registers[RSP];
    // SAFETY: the instruction itself would read or write the same words.
    unsafe {
        match *step {
            Step::Copy(copy) => (copy, stack),
            Step::Jump(target) => (leads_to(target, registers), stack),
            Step::Call(target, back) => {
                let to = leads_to(target, registers);
                let stack = stack - size_of::<usize>();
                (stack as *mut usize).write(back);
                (to, stack)
            }
            Step::Branch(condition, to, otherwise) => (
                if holds(condition, flags) {
                    to
                } else {
                    otherwise
                },
                stack,
            ),
            Step::Return(removed) => {
                let to = *(stack as *const usize);
                (to, stack + size_of::<usize>() + usize::from(removed))
            }
        }
    }
}

/// # Safety
/// As [`next`].
unsafe fn leads_to(target: Target, registers: &[usize; 16]) -> usize {
    match target {
        Target::At(address) => address,
        Target::Register(number) => registers[usize::from(number)],
        // SAFETY: the instruction itself would read this word.
        Target::Memory(place) => unsafe { *(address_of(place, registers) as *const usize) },
    }
}

fn address_of(place: Place, registers: &[usize; 16]) -> usize {
    let value = |number: u8| registers[usize::from(number)];
    let base = place.base.map_or(0, value);
    let index = place.index.map_or(0, |(index, scale)| {
        value(index).wrapping_mul(usize::from(scale))
    });
    base.wrapping_add(index).wrapping_add(place.displacement)
}

/// Whether a condition holds. Each odd number is the opposite of the one before it.
fn holds(condition: u8, flags: usize) -> bool {
    let [carry, parity, zero, sign, overflow] = [0, 2, 6, 7, 11].map(|bit| flags >> bit & 1 != 0);
    let even = match condition >> 1 {
        0 => overflow,
        1 => carry,
        2 => zero,
        3 => carry || zero,
        4 => sign,
        5 => parity,
        6 => sign != overflow,
        _ => zero || sign != overflow,
    };
    even != (condition & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_as_in_machine_code() {
        let [carry, parity, zero, sign, overflow] = [0, 2, 6, 7, 11].map(|bit| 1_usize << bit);
        // Each even condition with flags for which it holds, and flags for which it does not.
        let cases: [(u8, &[usize], &[usize]); 8] = [
            (0, &[overflow], &[0, carry | parity | zero | sign]),
            (2, &[carry], &[0, parity | zero | sign | overflow]),
            (4, &[zero], &[0, carry | parity | sign | overflow]),
            (6, &[carry, zero], &[0, parity | sign | overflow]),
            (8, &[sign], &[0, carry | parity | zero | overflow]),
            (10, &[parity], &[0, carry | zero | sign | overflow]),
            (12, &[sign, overflow], &[0, sign | overflow, zero]),
            (14, &[zero, sign, overflow], &[0, sign | overflow, carry]),
        ];
        for (condition, yes, no) in cases {
            for &flags in yes {
                assert!(holds(condition, flags) && !holds(condition + 1, flags));
            }
            for &flags in no {
                assert!(!holds(condition, flags) && holds(condition + 1, flags));
            }
        }
    }

    #[test]
    fn a_step_leads_where_the_instruction_would() {
        let mut stack = [0_usize, 0x77, 0];
        let top = &raw mut stack[1] as usize;
        let slots = [0x10_usize, 0x20, 0x30];
        let mut registers = [0; 16];
        (registers[RSP], registers[3], registers[9]) = (top, slots.as_ptr() as usize, 2);
        // SAFETY: the stack and the slots are arrays of this test.
        let to = |step: Step, flags| unsafe { next(&step, &registers, flags) };
        let place = Place {
            base: Some(3),
            index: Some((9, 8)),
            displacement: 0,
        };
        assert_eq!(to(Step::Jump(Target::Memory(place)), 0), (0x30, top));
        assert_eq!(to(Step::Jump(Target::Register(9)), 0), (2, top));
        assert_eq!(to(Step::Branch(4, 1, 2), 1 << 6), (1, top));
        assert_eq!(to(Step::Branch(4, 1, 2), 0), (2, top));
        assert_eq!(to(Step::Return(0), 0), (0x77, top + 8));
        assert_eq!(to(Step::Return(16), 0), (0x77, top + 24));
        assert_eq!(to(Step::Copy(5), 0), (5, top));
        assert_eq!(to(Step::Call(Target::At(0x99), 0x88), 0), (0x99, top - 8));
        assert_eq!(stack[0], 0x88, "the return address");
    }
}
