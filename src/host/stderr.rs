use super::{Host, ThisHost};

/// Writes to standard error at once: past every buffer, because the next step may crash.
pub fn say(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of one slice.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(n) if n > 0 => rest = &rest[n..],
            // SAFETY: errno belongs to this thread.
            _ if unsafe { *libc::__errno_location() } == libc::EINTR => {}
            _ => return,
        }
    }
}

/// Says why, as CPython does, and ends the process.
#[cold]
pub fn fatal_python_error(message: &str) -> ! {
    say(&format!("Fatal Python error: {message}\n"));
    ThisHost::give_up()
}

/// Says why, in one line, and ends the process.
#[cold]
pub fn fatal(reason: &str) -> ! {
    say(&format!("pyrefcore: fatal: {reason}\n"));
    ThisHost::give_up()
}
