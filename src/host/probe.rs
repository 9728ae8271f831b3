//! Reads memory that may be unmapped.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use super::any_bits::AnyBits;

/// Reads a value from `address`; `None` if it can't be read. The bytes may be anything.
#[must_use]
pub fn read<T: AnyBits>(address: usize) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let ours = libc::iovec {
        iov_base: value.as_mut_ptr().cast(),
        iov_len: size_of::<T>(),
    };
    // SAFETY: all bytes of the value were read, and every bit pattern is a `T`.
    (copy(address, ours) == size_of::<T>()).then(|| unsafe { value.assume_init() })
}

/// Reads words from `address` on, until `words` is full. Returns how many could be read.
#[must_use]
pub fn read_words(address: usize, words: &mut [usize]) -> usize {
    let ours = libc::iovec {
        iov_base: words.as_mut_ptr().cast(),
        iov_len: size_of_val(words),
    };
    copy(address, ours) / size_of::<usize>()
}

/// Whether `bytes` bytes from `address` on can be read. Takes a system call for each [`AT_ONCE`] bytes.
#[must_use]
pub fn is_readable(address: usize, bytes: usize) -> bool {
    let mut copied = [0_u8; AT_ONCE];
    let Some(end) = address.checked_add(bytes) else {
        return false;
    };
    (address..end).step_by(AT_ONCE).all(|start| {
        let ours = libc::iovec {
            iov_base: copied.as_mut_ptr().cast(),
            iov_len: AT_ONCE.min(end - start),
        };
        copy(start, ours) == ours.iov_len
    })
}

/// More bytes than a type has.
const AT_ONCE: usize = 512;

/// Reads a C string, and cuts it after `limit` bytes. `None` if it is unreadable, empty, not UTF-8, or has control
/// characters.
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

/// Copies from this process's memory through the kernel, which returns an error where a load would crash. Returns the
/// number of bytes copied.
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
        copy_what_is_mapped(address, ours)
    }
}

/// Copies directly, after a check of each page, where `process_vm_readv` is forbidden, as in some containers. Needs no
/// descriptor. Another thread must not unmap the memory meanwhile.
fn copy_what_is_mapped(address: usize, ours: libc::iovec) -> usize {
    let Some(end) = address.checked_add(ours.iov_len) else {
        return 0;
    };
    let mut page = address & !(PAGE - 1);
    while page < end {
        if !is_mapped(page) {
            return 0;
        }
        page += PAGE;
    }
    // SAFETY: `ours` points to a buffer of its length. Every page of the source was readable just now.
    unsafe { ptr::copy_nonoverlapping(address as *const u8, ours.iov_base.cast(), ours.iov_len) };
    ours.iov_len
}

/// The smallest page size. A page is readable as a whole or not at all.
pub(super) const PAGE: usize = 4096;

/// Whether the page that starts at `page` can be read. The kernel reads a signal set from there before it rejects the
/// unknown operation with EINVAL. If it can't read the set, the error is EFAULT.
fn is_mapped(page: usize) -> bool {
    const NOTHING: c_int = -1;
    const SET_BYTES: usize = 8;
    // SAFETY: the kernel checks the address. The operation is unknown, so no signal mask changes.
    let done = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            NOTHING,
            page,
            ptr::null_mut::<c_void>(),
            SET_BYTES,
        )
    };
    // SAFETY: errno belongs to this thread.
    done == -1 && unsafe { *libc::__errno_location() } == libc::EINVAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_memory_is_read() {
        let word = 0x1234_5678_u32;
        assert_eq!(read::<u32>(&raw const word as usize), Some(word));
        let (there, mut words) = ([1_usize, 2, 3], [0; 2]);
        assert_eq!(read_words((&raw const there) as usize + 8, &mut words), 2);
        assert_eq!(words, [2, 3]);
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
    fn unmapped_memory_gives_nothing() {
        for address in [0, 8, 0x1000, usize::MAX - 4, 1 << 63] {
            assert_eq!(read::<u64>(address), None, "{address:#x}");
            assert_eq!(read_text(address, 64), None, "{address:#x}");
            assert_eq!(read_words(address, &mut [0; 4]), 0, "{address:#x}");
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
        assert_eq!(copy_what_is_mapped(&raw const word as usize, ours()), 4);
        for address in [0, 8, 0x1000, usize::MAX - 1, 1 << 63] {
            assert_eq!(copy_what_is_mapped(address, ours()), 0, "{address:#x}");
        }
        assert_eq!(value, word);
    }
}
