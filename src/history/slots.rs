//! Copies of instructions, near the code that they come from.

use std::io;

use super::site::{Site, Step};
use super::threads;

/// The bytes of one copy: the longest instruction, and the longest jump.
const SLOT: usize = 32;
/// `jmp [rip]`: a jump to the address behind it.
const JUMP: [u8; 6] = [0xFF, 0x25, 0, 0, 0, 0];
/// An instruction can name data that lies less than 2 GiB away. Copies stay nearer.
const NEAR: usize = 1 << 30;
const STRIDE: usize = 1 << 20;

/// An instruction that needs a copy.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The index of its site.
    pub site: usize,
    /// Its bytes.
    pub bytes: [u8; 15],
    /// How many there are.
    pub length: usize,
    /// Where its distance to data begins, if it names data by distance; and the address of the data.
    pub distance: Option<(usize, usize)>,
}

/// Executable memory that holds copies. It is unmapped with this value if no other thread may be in a copy.
#[derive(Debug)]
pub struct Slots {
    start: usize,
    bytes: usize,
}

impl Slots {
    /// Makes the copies near `near`, and stores their addresses in the sites.
    ///
    /// # Errors
    /// The system's error if there is no such memory, or if it may not be executed.
    pub fn fill(near: usize, wanted: &[Wanted], sites: &mut [Site]) -> io::Result<Self> {
        let bytes = (wanted.len() * SLOT).next_multiple_of(4096).max(4096);
        let slots = Self {
            start: map_near(near, bytes)?,
            bytes,
        };
        for (at, one) in wanted.iter().enumerate() {
            let place = slots.start + at * SLOT;
            let mut code = [0xCC; SLOT];
            code[..one.length].copy_from_slice(&one.bytes[..one.length]);
            if let Some((begins, data)) = one.distance {
                let distance = data.wrapping_sub(place + one.length) as i32;
                code[begins..begins + 4].copy_from_slice(&distance.to_le_bytes());
            }
            let jump = one.length + JUMP.len();
            code[one.length..jump].copy_from_slice(&JUMP);
            code[jump..jump + 8].copy_from_slice(&sites[one.site].next.to_le_bytes());
            // SAFETY: the place lies in the new mapping, which is still writable.
            unsafe { (place as *mut [u8; SLOT]).write(code) };
            sites[one.site].step = Step::Copy(place);
        }
        // SAFETY: the whole mapping is ours.
        match unsafe {
            libc::mprotect(
                slots.start as *mut _,
                bytes,
                libc::PROT_READ | libc::PROT_EXEC,
            )
        } {
            0 => Ok(slots),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // A thread that has left the handler may still be in a copy. Where there are others, the copies stay.
        if threads::is_alone() {
            // SAFETY: the mapping is ours, and this thread is not in a copy.
            unsafe { libc::munmap(self.start as *mut _, self.bytes) };
        }
    }
}

/// Maps writable memory less than [`NEAR`] from an address.
fn map_near(near: usize, bytes: usize) -> io::Result<usize> {
    let hints = (1..NEAR / STRIDE).flat_map(|step| {
        let distance = step * STRIDE;
        [near.checked_sub(distance), near.checked_add(distance)]
    });
    for hint in hints.flatten() {
        // SAFETY: a new private mapping. The kernel takes the hint only where nothing is mapped.
        let map = unsafe {
            libc::mmap(
                (hint & !4095) as *mut _,
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        if (map as usize).abs_diff(near) < NEAR {
            return Ok(map as usize);
        }
        // SAFETY: it was mapped above.
        unsafe { libc::munmap(map, bytes) };
    }
    Err(io::Error::from_raw_os_error(libc::ENOMEM))
}
