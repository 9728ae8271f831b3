//! Reading memory that may not be there.

use std::mem::MaybeUninit;

/// Reads a value from `address`, or tells that it can't be read. The bytes may be anything, so `T`
/// must be valid for every bit pattern: an integer, an atomic, a raw pointer, or a struct or array of them.
#[must_use]
pub fn read<T>(address: usize) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let ours = libc::iovec {
        iov_base: value.as_mut_ptr().cast(),
        iov_len: size_of::<T>(),
    };
    // SAFETY: the value is plain old data that was read in full.
    (copy(address, ours) == size_of::<T>()).then(|| unsafe { value.assume_init() })
}

/// Reads a C string of at most `limit` bytes, with anything unprintable replaced; `None` where there
/// is no text.
#[must_use]
pub fn read_text(address: usize, limit: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        match read::<u8>(address + bytes.len())? {
            0 => break,
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let is_text = !text.is_empty() && !text.contains(|c: char| c.is_control() || c == '\u{FFFD}');
    is_text.then(|| text.into_owned())
}

/// Copies from this process's own memory by way of the kernel, which answers where a load would crash;
/// returns the number of bytes copied.
fn copy(address: usize, ours: libc::iovec) -> usize {
    let theirs = libc::iovec {
        iov_base: address as *mut _,
        iov_len: ours.iov_len,
    };
    // SAFETY: `ours` points to a buffer of its length; the kernel checks `theirs`.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &ours, 1, &theirs, 1, 0) };
    if let Ok(n) = usize::try_from(copied) {
        return n;
    }
    // SAFETY: errno belongs to this thread.
    if unsafe { *libc::__errno_location() } == libc::EFAULT {
        0
    } else {
        copy_through_pipe(address, ours)
    }
}

/// The same where the first way is forbidden, as in some containers.
fn copy_through_pipe(address: usize, ours: libc::iovec) -> usize {
    let mut ends = [0; 2];
    // SAFETY: pipe2 fills the two descriptors, which are closed below; the kernel checks `address`, and
    // `ours` points to a buffer of its length.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return 0;
        }
        let written = libc::write(ends[1], address as *const _, ours.iov_len);
        let copied = if written > 0 {
            libc::read(ends[0], ours.iov_base, written as usize)
        } else {
            0
        };
        libc::close(ends[0]);
        libc::close(ends[1]);
        usize::try_from(copied).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there() {
        let word = 0x1234_5678_u32;
        assert_eq!(read::<u32>(&raw const word as usize), Some(word));
        assert_eq!(
            read_text(c"module.Type".as_ptr() as usize, 64).as_deref(),
            Some("module.Type")
        );
        assert_eq!(
            read_text(c"module.Type".as_ptr() as usize, 6).as_deref(),
            Some("module")
        );
    }

    #[test]
    fn tells_what_is_not() {
        for address in [0, 8, 0x1000, usize::MAX - 4, 1 << 63] {
            assert_eq!(read::<u64>(address), None, "{address:#x}");
            assert_eq!(read_text(address, 64), None, "{address:#x}");
        }
        assert_eq!(read_text(c"\x07\x80".as_ptr() as usize, 64), None);
    }

    #[test]
    fn the_second_way_reads_the_same() {
        let word = 0x1234_5678_u32;
        let mut value = 0_u32;
        let mut ours = || libc::iovec {
            iov_base: (&raw mut value).cast(),
            iov_len: 4,
        };
        assert_eq!(copy_through_pipe(&raw const word as usize, ours()), 4);
        assert_eq!(copy_through_pipe(8, ours()), 0);
        assert_eq!(value, word);
    }
}
