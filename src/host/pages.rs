//! Copies of pages of this process's memory, which may be unmapped.

use super::any_bits::AnyBits;
use super::probe::{self, PAGE};

const WORDS: usize = PAGE / size_of::<usize>();
/// The pages that are kept.
const PAGES: usize = 1024;

/// Recent pages, as they were when they were first asked for. So many reads of a page take one system call.
#[derive(Debug)]
pub struct Pages {
    /// The number of the page at each place, and whether it could be read.
    numbers: Vec<Option<(usize, bool)>>,
    words: Vec<[usize; WORDS]>,
}

impl Pages {
    /// No pages yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            numbers: vec![None; PAGES],
            words: vec![[0; WORDS]; PAGES],
        }
    }

    /// As [`super::read`], from the copy of the page if there is one.
    #[must_use]
    pub fn read<T: AnyBits>(&mut self, address: usize) -> Option<T> {
        let at = address % PAGE;
        if at + size_of::<T>() > PAGE {
            return probe::read(address);
        }
        let words = self.page(address / PAGE)?;
        // SAFETY: so many bytes lie behind `at`, and every bit pattern is a `T`.
        Some(unsafe { words.as_ptr().byte_add(at).cast::<T>().read_unaligned() })
    }

    /// As [`probe::read_words`], from the copies if the words take at most a page. `address` is a multiple of 8.
    #[must_use]
    pub fn read_words(&mut self, address: usize, words: &mut [usize]) -> usize {
        if words.len() > WORDS {
            return probe::read_words(address, words);
        }
        let at = address % PAGE / size_of::<usize>();
        let in_first = words.len().min(WORDS - at);
        let (first, second) = words.split_at_mut(in_first);
        let Some(page) = self.page(address / PAGE) else {
            return 0;
        };
        first.copy_from_slice(&page[at..at + in_first]);
        if second.is_empty() {
            return in_first;
        }
        let Some(page) = self.page(address / PAGE + 1) else {
            return in_first;
        };
        second.copy_from_slice(&page[..second.len()]);
        words.len()
    }

    /// The page with this number; `None` if it can't be read.
    fn page(&mut self, number: usize) -> Option<&[usize; WORDS]> {
        let place = number % PAGES;
        let words = &mut self.words[place];
        let is_readable = match self.numbers[place] {
            Some((kept, is_readable)) if kept == number => is_readable,
            _ => {
                let is_readable = probe::read_words(number * PAGE, words) == WORDS;
                self.numbers[place] = Some((number, is_readable));
                is_readable
            }
        };
        is_readable.then_some(&*words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_once() {
        let bytes = 3 * PAGE;
        // SAFETY: the map is private; its last page is unmapped, and then the rest.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let map = libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0);
            let end = map as usize + 2 * PAGE;
            libc::munmap(end as *mut _, PAGE);
            map.cast::<usize>().write(1);
            let mut pages = Pages::new();
            assert_eq!(pages.read::<usize>(map as usize), Some(1));
            map.cast::<usize>().write(2);
            assert_eq!(pages.read::<usize>(map as usize), Some(1));
            assert_eq!(pages.read::<u8>(map as usize + 1), Some(0));
            assert_eq!(pages.read::<usize>(map as usize + PAGE - 4), Some(0));
            assert_eq!(pages.read::<usize>(end - 4), None);
            assert_eq!(pages.read::<usize>(end), None);
            let mut read = [7; 6];
            assert_eq!(pages.read_words(map as usize + PAGE - 16, &mut read), 6);
            assert_eq!(read, [0; 6]);
            assert_eq!(pages.read_words(end - 16, &mut read), 2);
            assert_eq!(pages.read_words(end, &mut read), 0);
            // A page that takes the place of another.
            let words = vec![3_usize; (PAGES + 2) * WORDS];
            let other = words.as_ptr() as usize & !(PAGE - 1);
            for page in 1..=PAGES {
                assert_eq!(pages.read::<usize>(other + page * PAGE), Some(3));
            }
            assert_eq!(pages.read::<usize>(map as usize), Some(2));
            libc::munmap(map, 2 * PAGE);
        }
    }
}
