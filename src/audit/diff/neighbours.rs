//! The referrers and the referents of some objects.

use rustc_hash::FxHashMap;

use super::edges::Edges;
use crate::abi::PyObject;
use crate::audit::walk::counted::counted;

impl Edges {
    /// Pairs of a referrer and the one of `targets` that it shows, and pairs of a target and an object that it holds.
    /// At most `limit` of each kind for each target, without duplicates.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    #[must_use]
    pub unsafe fn neighbours(
        &mut self,
        targets: &[*mut PyObject],
        limit: usize,
    ) -> Vec<[*mut PyObject; 2]> {
        let mut pairs: Vec<[*mut PyObject; 2]> = Vec::new();
        let mut referrers: FxHashMap<usize, usize> = FxHashMap::default();
        for &op in targets {
            referrers.insert(op as usize, 0);
        }
        // SAFETY: nothing has died, so each object in question is alive.
        let can_be_held = |op: *mut PyObject| unsafe { can_be_held(op) };
        // SAFETY: nothing has died since the edges were drawn, as the caller promises.
        unsafe {
            self.show_all(|source, shown| {
                for &place in shown {
                    let Some(number) = referrers.get_mut(&place) else {
                        continue;
                    };
                    let pair = [source, place as *mut PyObject];
                    let is_new = *number < limit && !pairs.contains(&pair);
                    if is_new && pair.into_iter().all(can_be_held) {
                        *number += 1;
                        pairs.push(pair);
                    }
                }
            });
            for &op in targets {
                let mut held: Vec<[*mut PyObject; 2]> = Vec::new();
                for pair in self.referents(op) {
                    let is_new = held.len() < limit && !held.contains(&pair);
                    if is_new && pair.into_iter().all(can_be_held) {
                        held.push(pair);
                    }
                }
                pairs.extend(held);
            }
        }
        pairs
    }
}

/// Whether an object has a reference. An object without references is dying. A new reference to it would make it die
/// twice.
///
/// # Safety
/// `op` is an object.
pub unsafe fn can_be_held(op: *mut PyObject) -> bool {
    // SAFETY: `op` is an object.
    unsafe { counted(op) }.is_none_or(|references| references > 0)
}
