//! Which objects refer to which.

use rustc_hash::{FxHashMap, FxHashSet};

use super::finding::Example;
use super::words::Stale;
use crate::abi::{self, PyObject};
use crate::audit::walk::counted::{counted, may_be_held};
use crate::audit::walk::heap_walk::{HeapWalk, Seen};
use crate::audit::walk::pinned;
use crate::audit::walk::word::Target;

/// All references that objects show at one moment.
#[derive(Debug)]
pub struct Edges {
    walk: HeapWalk,
    /// The references that one object shows. A field, so that its memory is used again.
    shown: Vec<usize>,
    /// Words that are no references.
    stale: Stale,
}

/// An object that nothing can reach.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) struct Closed {
    pub(in crate::audit) op: *mut PyObject,
    pub(in crate::audit) ob_type: usize,
    pub(in crate::audit) refcount: isize,
    pub(in crate::audit) explained: isize,
    /// The type was written in C and is not CPython's own.
    pub(in crate::audit) is_foreign: bool,
}

impl Closed {
    pub(in crate::audit) fn example(&self) -> Example {
        Example {
            op: self.op,
            refcount: self.refcount,
            explained: self.explained,
            is_dead: false,
        }
    }
}

/// The most objects to look at below one object.
const LIMIT: usize = 1000;
/// The most pairs in a list.
const PAIRS: usize = 4096;

impl Edges {
    /// Looks at all objects; `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held, as long as the edges are used.
    pub(in crate::audit) unsafe fn now(stale: Stale) -> Option<Self> {
        Some(Self {
            // SAFETY: the caller's promise is the callee's.
            walk: unsafe { HeapWalk::over_all() }?,
            shown: Vec::new(),
            stale,
        })
    }

    /// As `Edges::now`, without snapshots that say which words are stale.
    ///
    /// # Safety
    /// The host's lock is held, as long as the edges are used.
    #[must_use]
    pub unsafe fn all() -> Option<Self> {
        // SAFETY: the caller's promise is the callee's.
        unsafe { Self::now(Stale::default()) }
    }

    /// Pairs of a referrer and the one of `targets` that it shows. Stops at a few thousand pairs.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    #[must_use]
    pub unsafe fn referrers(&mut self, targets: &[*mut PyObject]) -> Vec<[*mut PyObject; 2]> {
        let targets: FxHashSet<usize> = targets.iter().map(|&op| op as usize).collect();
        let mut pairs = Vec::new();
        for at in 0..self.walk.seen.len() {
            let seen = self.walk.seen[at];
            // SAFETY: nothing has died, so a seen object is alive.
            unsafe { self.show(seen) };
            let wanted = self.shown.iter().filter(|op| targets.contains(op));
            pairs.extend(wanted.map(|&op| [seen.op, op as *mut PyObject]));
            if pairs.len() >= PAIRS {
                break;
            }
        }
        pairs
    }

    /// Calls `visit` with each object and the references that it shows.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    pub(in crate::audit) unsafe fn show_all(
        &mut self,
        mut visit: impl FnMut(*mut PyObject, &[usize]),
    ) {
        for at in 0..self.walk.seen.len() {
            let seen = self.walk.seen[at];
            // SAFETY: nothing has died, so a seen object is alive.
            unsafe { self.show(seen) };
            visit(seen.op, &self.shown);
        }
    }

    /// Pairs of `op` and an object that it holds; empty if `op` was not seen.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    #[must_use]
    pub unsafe fn referents(&mut self, op: *mut PyObject) -> Vec<[*mut PyObject; 2]> {
        let Some(seen) = self.walk.find(op) else {
            return Vec::new();
        };
        // SAFETY: nothing has died, so a seen object is alive.
        unsafe { self.show(seen) };
        let shown = self.shown.iter().take(PAIRS);
        shown.map(|&held| [op, held as *mut PyObject]).collect()
    }

    /// The types of the objects that `root` holds, directly or through others. Stops at a thousand objects.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    pub(in crate::audit) unsafe fn types_below(&mut self, root: *mut PyObject) -> FxHashSet<usize> {
        let mut types = FxHashSet::default();
        let mut met = FxHashSet::from_iter([root as usize]);
        let mut queue = vec![root];
        while let Some(op) = queue.pop() {
            // SAFETY: nothing has died, and each shown reference is to an object.
            unsafe {
                for [_, held] in self.referents(op) {
                    // A type leads to nearly all other objects.
                    let is_type = abi::flags_of(held).is_type();
                    if !is_type && met.len() < LIMIT && met.insert(held as usize) {
                        types.insert(abi::type_of(held) as usize);
                        queue.push(held);
                    }
                }
            }
        }
        types
    }

    /// The objects below the roots that nothing else holds, and their types. The search does not go below a pinned
    /// object, which is older than the leak.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    pub(in crate::audit) unsafe fn only_below(
        &mut self,
        roots: impl Iterator<Item = *mut PyObject>,
        limit: usize,
    ) -> Vec<[usize; 2]> {
        /// More references than any object has: no other object can be said to hold a root.
        const ROOT: isize = isize::MAX / 2;
        let mut met: Vec<Seen> = roots.filter_map(|op| self.walk.find(op)).collect();
        let roots = met.len();
        // References from the objects that were met.
        let root = |seen: &Seen| (seen.op as usize, ROOT);
        let mut inside: FxHashMap<usize, isize> = met.iter().map(root).collect();
        let mut at = 0;
        while let Some(&seen) = met.get(at) {
            at += 1;
            // SAFETY: nothing has died, so a seen object is alive.
            unsafe { self.show(seen) };
            for &place in &self.shown {
                if let Some(references) = inside.get_mut(&place) {
                    *references += 1;
                } else if met.len() < limit
                    && let Some(seen) = self.walk.find(place as *mut PyObject)
                    // SAFETY: a seen object is an object and alive.
                    && unsafe { counted(seen.op) }.is_some_and(|count| count < pinned::REFERENCES)
                {
                    inside.insert(place, 1);
                    met.push(seen);
                }
            }
        }
        // As in a collector: objects that are held from elsewhere, and all objects below them, do not belong to the
        // roots.
        met.drain(..roots);
        let mut others = met.clone();
        others.retain(|seen| {
            // SAFETY: nothing has died, so a seen object is alive.
            let count = unsafe { counted(seen.op) };
            count.is_none_or(|count| count > inside[&(seen.op as usize)])
        });
        for other in &others {
            inside.remove(&(other.op as usize));
        }
        while let Some(other) = others.pop() {
            // SAFETY: nothing has died, so a seen object is alive.
            unsafe { self.show(other) };
            for place in &self.shown {
                if inside.get(place).is_some_and(|&count| count < ROOT) {
                    inside.remove(place);
                    others.extend(self.walk.find(*place as *mut PyObject));
                }
            }
        }
        met.retain(|seen| inside.contains_key(&(seen.op as usize)));
        met.iter()
            .map(|&seen| [seen.op as usize, self.walk.info(seen).ob_type as usize])
            .collect()
    }

    /// The objects of wanted types that nothing can reach: only each other, or other unreachable objects, hold them. No
    /// release can end them any more.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    pub(in crate::audit) unsafe fn closed(
        &mut self,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Vec<Closed> {
        // SAFETY: the walk is done and nothing has died. The host's lock is held as long as the edges are used.
        let mut words = unsafe { self.walk.words() };
        words.retain(|&word| word.target != Target::Nothing && !self.stale.has(word));
        let mut hidden = self.walk.unsaid().clone();
        for word in words {
            *hidden.entry(word.value).or_default() += 1;
        }
        let mut queue = self.walk.roots.clone();
        let mut reached: FxHashSet<usize> = queue.iter().map(|&op| op as usize).collect();
        for &seen in &self.walk.seen {
            let hidden = hidden.get(&(seen.op as usize)).copied().unwrap_or(0);
            let explained = self.walk.explained.of(seen.op) + hidden;
            // SAFETY: nothing has died, so a seen object is alive.
            let count = unsafe { may_be_held(seen.op).then(|| counted(seen.op)).flatten() };
            let is_held = count.is_none_or(|refcount| refcount > explained);
            if is_held || self.walk.memory.is_static(seen.op as usize, 1) {
                reached.insert(seen.op as usize);
                queue.push(seen.op);
            }
        }
        while let Some(op) = queue.pop() {
            if let Some(seen) = self.walk.find(op) {
                // SAFETY: nothing has died, so a seen object is alive.
                unsafe { self.show(seen) };
                let new = self.shown.iter().filter(|&&held| reached.insert(held));
                queue.extend(new.map(|&held| held as *mut PyObject));
            }
        }
        let mut closed = Vec::new();
        for &seen in &self.walk.seen {
            let info = self.walk.info(seen);
            if is_wanted(info.ob_type as usize) && !reached.contains(&(seen.op as usize)) {
                closed.push(Closed {
                    op: seen.op,
                    // SAFETY: nothing has died, so a seen object is alive.
                    refcount: unsafe { counted(seen.op) }.unwrap_or(0),
                    explained: self.walk.explained.of(seen.op),
                    ob_type: info.ob_type as usize,
                    is_foreign: info.is_foreign,
                });
            }
        }
        closed
    }

    /// Collects the references that one object shows into `shown`.
    ///
    /// # Safety
    /// Nothing has died since the edges were drawn.
    unsafe fn show(&mut self, seen: Seen) {
        let mut hidden = Vec::new();
        // SAFETY: the object was met and is alive.
        unsafe {
            self.walk.shown_by(seen, &mut self.shown);
            if self.walk.info(seen).is_foreign {
                let mut shown = self.shown.clone();
                self.walk.words_in(seen, &mut shown, |word| {
                    if word.target != Target::Nothing && !self.stale.has(word) {
                        hidden.push(word.value);
                    }
                });
            }
        }
        self.shown.extend(hidden);
        let info = self.walk.info(seen);
        let ob_type = info.ob_type as usize;
        // An instance of a heap type holds its type, even if it does not show it.
        if info.is_heap && !self.shown.contains(&ob_type) {
            self.shown.push(ob_type);
        }
    }
}
