//! The references that nothing explains, at one moment.

use rustc_hash::FxHashMap;
use std::ffi::CString;

use super::blocks;
use super::deferred::{self, is_deferred};
use super::memory::Memory;
use super::names::full_name;
use super::pass::{Pass, Seen, enumerate};
use super::pins::{self, Pins};
use super::quarantine;
use super::recognise::{PAIR, object_at};
use super::types::{TypeInfo, Types};
use super::unheld::{self, Unheld};
use super::words::Word;
use crate::abi::{FLAVOUR, Head, PyObject, PyTypeObject, TypeFlags};
use crate::host::{self, reserve};
use crate::refcount::{Current, Policy};
use crate::watch::live;

/// One moment of all objects.
#[derive(Debug)]
pub struct Snapshot {
    /// Objects that were seen.
    pub objects: usize,
    /// References that were explained.
    pub references: usize,
    /// The types of the objects seen.
    pub types: Vec<OfType>,
    /// The objects of which more or fewer references are counted than were explained, and all that lie in no block.
    pub rows: Vec<Row>,
    /// Words in foreign instances that may be references, in order of places.
    pub(super) words: Vec<Word>,
    /// References to types that their instances hold and do not show.
    pub(super) unsaid: FxHashMap<usize, isize>,
    /// Memory that is no object, and that none holds.
    pub unheld: Unheld,
    /// Of objects in blocks, and of others.
    pins: Option<[Pins; 2]>,
}

/// What was seen of a type.
#[derive(Clone, Debug)]
pub struct OfType {
    /// Where the type lies, or lay.
    pub ob_type: *mut PyTypeObject,
    /// Its full name.
    pub name: CString,
    /// It was made at run time.
    pub is_heap: bool,
    /// Instances may keep memory that was not taken from CPython.
    pub may_own_memory: bool,
    /// Instances that were seen, without those that pins alone keep alive.
    pub objects: isize,
    /// Those of them that lie in no block, and are not met by everybody who looks.
    pub outside: isize,
    /// References that nothing explains to instances in blocks, added up. Known where snapshots are compared.
    pub unexplained: isize,
    /// The same, with those that words excuse in fields which do not bring as many in every window.
    pub unshown: isize,
    /// References that instances were released too often after they had died, since the quarantine began.
    pub after_death: isize,
    /// Some of those.
    pub dead: Vec<*mut PyObject>,
    /// The type has died, too.
    pub is_gone: bool,
}

/// An object that has to be remembered.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where it lies, or lay.
    pub op: *mut PyObject,
    /// Its type, by its place in [`Snapshot::types`].
    pub ob_type: u32,
    /// References counted.
    pub refcount: isize,
    /// References that containers and known fields hold.
    pub explained: isize,
    /// References that words excuse, compared with an earlier snapshot; in the snapshot itself 0.
    pub hidden: isize,
    /// It lies in no block: it may be met late, however old it is.
    pub is_outside: bool,
}

impl Row {
    /// References that are not shown; negative where more are shown than are counted.
    #[must_use]
    pub fn unshown(&self) -> isize {
        self.refcount - self.explained
    }

    /// References that are neither shown nor hidden; negative where more are shown than are counted.
    #[must_use]
    pub fn unexplained(&self) -> isize {
        let rest = self.unshown();
        if rest > 0 {
            (rest - self.hidden).max(0)
        } else {
            rest
        }
    }
}

impl Snapshot {
    /// The same moment, with what words excuse. `steady` are the references among those, by the address of the type, that
    /// fields bring in every window.
    pub(super) fn excused(&self, rows: Vec<Row>, steady: &FxHashMap<usize, isize>) -> Self {
        let mut types = self.types.clone();
        for of_type in &mut types {
            let steady = steady.get(&(of_type.ob_type as usize));
            (of_type.unexplained, of_type.unshown) = (0, -steady.copied().unwrap_or(0));
        }
        for row in rows.iter().filter(|row| !row.is_outside) {
            let of_type = &mut types[row.ob_type as usize];
            of_type.unexplained += row.unexplained();
            of_type.unshown += row.unshown();
        }
        Self {
            objects: self.objects,
            references: self.references,
            types,
            rows,
            words: Vec::new(),
            unsaid: FxHashMap::default(),
            unheld: Unheld::default(),
            pins: None,
        }
    }

    /// The unexplained references of each row that is wanted, by where it lies.
    pub(super) fn rests(&self, wanted: impl Fn(&Row) -> bool) -> FxHashMap<usize, isize> {
        let rows = self.rows.iter().filter(|row| wanted(row));
        rows.map(|row| (row.op as usize, row.unexplained()))
            .collect()
    }

    /// Looks at everything; `None` where there is no memory.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    #[must_use]
    pub unsafe fn take() -> Option<Self> {
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            let mut pass = Pass::over_all()?;
            let words = pass.words();
            let unheld = Unheld::look(&pass);
            let (mut rows, mut replaced) = (Vec::new(), Vec::new());
            let seen = std::mem::take(&mut pass.seen);
            for &Seen { op, ob_type } in seen.iter().take_while(|_| !reserve::is_short()) {
                let info = pass.types.get(ob_type);
                let is_outside = is_outside(op, info);
                info.outside += isize::from(is_outside);
                let Some(refcount) = counted(op) else {
                    continue;
                };
                let explained = pass.ledger.explained(op);
                if refcount == explained && !is_outside {
                    if pins::may_be_all(refcount) {
                        replaced.push(Seen { op, ob_type });
                    }
                    continue;
                }
                let row = Row {
                    op,
                    ob_type,
                    refcount,
                    explained,
                    hidden: 0,
                    is_outside,
                };
                rows.push(row);
            }
            pins::keep(
                rows.iter()
                    .filter(|row| row.unexplained() < 0)
                    .map(|row| row.op),
            );
            pass.seen = seen;
            for Seen { op, ob_type } in pass.held_by_pins(replaced) {
                let info = pass.types.get(ob_type);
                info.objects -= 1;
                info.outside -= isize::from(is_outside(op, info));
            }
            let ob_types = pass.types.all().iter().map(|info| info.ob_type);
            let ob_types: Vec<_> = ob_types.collect();
            // The walk does not meet a string that is older than the hook and that no container shows.
            let names: Vec<_> = ob_types
                .into_iter()
                .map(|ob_type| {
                    full_name(ob_type, |op| {
                        object_at(op, &mut pass.types, &pass.memory).is_some()
                    })
                })
                .collect();
            let all = pass
                .types
                .all()
                .iter()
                .zip(names)
                .map(|(info, name)| OfType {
                    ob_type: info.ob_type,
                    name,
                    is_heap: TypeFlags((*info.ob_type).tp_flags).is_heap_type(),
                    may_own_memory: unheld::may_own_memory(info.ob_type),
                    objects: info.objects as isize,
                    outside: info.outside,
                    unexplained: 0,
                    unshown: 0,
                    after_death: 0,
                    dead: Vec::new(),
                    is_gone: false,
                });
            let mut types: Vec<OfType> = all.collect();
            add_dead(&mut types, &mut pass);
            Some(Self {
                objects: pass.seen.len(),
                references: pass.references,
                types,
                rows,
                words,
                unsaid: pass.unsaid().clone(),
                unheld,
                pins: None,
            })
        }
    }

    /// Holds every object that lives now with many references more, until [`Snapshot::unpin`]; asked again, those that
    /// were born meanwhile. Returns how many are held.
    ///
    /// # Safety
    /// The host's lock is held. The first time, nothing that the snapshot saw has died.
    pub unsafe fn pin(&mut self) -> usize {
        // What has no reference must not die for having had one.
        // SAFETY: an object is alive.
        let mortal = |op: &*mut PyObject| unsafe { may_be_held(*op) };
        let [in_blocks, outside] = self.pins.get_or_insert_with(|| {
            let outside = Pins::new();
            // What lies in no block is found by those that hold it, and was.
            let rows = self.rows.iter().filter(|row| row.is_outside);
            // SAFETY: the caller's promise is the callee's.
            unsafe { outside.hold(rows.map(|row| row.op).filter(mortal)) };
            [Pins::new(), outside]
        });
        let (mut types, mut born) = (Types::new(), Vec::new());
        let Some(memory) = Memory::look() else {
            return 0;
        };
        // SAFETY: the caller's promise is the callees'.
        unsafe {
            enumerate(&mut types, &memory, in_blocks.known(), |op, _| {
                born.push(op)
            });
            in_blocks.hold(born.into_iter().filter(mortal));
        }
        in_blocks.objects() + outside.objects()
    }

    /// Takes the references of [`Snapshot::pin`] back.
    ///
    /// # Safety
    /// The host's lock is held.
    pub unsafe fn unpin(&mut self) {
        for pins in self.pins.take().into_iter().flatten() {
            // SAFETY: the caller's promise is the callee's.
            unsafe { pins.let_go() }
        }
    }
}

/// Whether an object lies in no block that was handed out.
fn is_outside(op: *mut PyObject, info: &TypeInfo) -> bool {
    if host::has_interpreter() {
        let front = usize::from(info.pairs) * PAIR;
        blocks::room(op as usize - front).is_none()
    } else {
        live::state(op as usize) != live::State::Live
    }
}

/// Adds what the quarantine has seen.
///
/// # Safety
/// The host's lock is held.
unsafe fn add_dead(types: &mut Vec<OfType>, pass: &mut Pass) {
    // SAFETY: the caller's promise is the callee's.
    for (place, dead) in unsafe { quarantine::dead() } {
        let known = types
            .iter()
            .position(|of_type| of_type.ob_type as usize == place);
        let at = known.unwrap_or_else(|| {
            types.push(OfType {
                ob_type: place as *mut PyTypeObject,
                name: dead.name,
                is_heap: dead.is_heap,
                may_own_memory: false,
                objects: 0,
                outside: 0,
                unexplained: 0,
                unshown: 0,
                after_death: 0,
                dead: Vec::new(),
                is_gone: pass.types.judge(place, &pass.memory).is_none(),
            });
            types.len() - 1
        });
        types[at].after_death = dead.references;
        types[at].dead = dead.objects;
    }
}

/// The references that are counted of an object; `None` where they are not: it is immortal, or threads count it on
/// their own.
///
/// # Safety
/// `op` is an object.
pub(super) unsafe fn counted(op: *mut PyObject) -> Option<isize> {
    // SAFETY: the caller's promise; a free-threaded flavour has that layout.
    unsafe {
        let count = PyObject::count(op);
        if Current::is_immortal(count) {
            return None;
        }
        if is_deferred(op) {
            return deferred::counted(op);
        }
        Some(Current::get(count))
    }
}

/// Whether an object can be held by pins: it is mortal, has a reference, and dies with its last. From 3.14 on only the collector
/// ends what is left to it.
///
/// # Safety
/// `op` is an object.
pub(super) unsafe fn may_be_held(op: *mut PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        counted(op).is_some_and(|count| count > 0) && !(FLAVOUR.minor >= 14 && is_deferred(op))
    }
}
