//! The unexplained references at one moment.
//!
//! The numbers of references to one object:
//!
//! | number | meaning |
//! | --- | --- |
//! | `refcount` | the counted references |
//! | `explained` | the references that objects show |
//! | `unshown` | `refcount` minus `explained`; negative after an over-release |
//! | `hidden` | the part of `unshown` that words in instances of C types may be |
//! | `unexplained` | `unshown` without `hidden`: C code holds these references, or nothing does |
//!
//! `compare` adds up `unexplained` over the objects of a group, and calls the sum the group's `rest`.

use rustc_hash::FxHashMap;
use std::ffi::CString;

use crate::abi::{PyObject, PyTypeObject, TypeFlags};
use crate::audit::guard::pins::Pins;
use crate::audit::guard::quarantine;
use crate::audit::heap::memory::Memory;
use crate::audit::walk::counted::{counted, may_be_held};
use crate::audit::walk::heap_walk::{HeapWalk, Seen, enumerate};
use crate::audit::walk::names::full_name;
use crate::audit::walk::outside::{self, is_outside};
use crate::audit::walk::owners;
use crate::audit::walk::pinned;
use crate::audit::walk::recognise::object_at;
use crate::audit::walk::types::Types;
use crate::audit::walk::unheld::Unheld;
use crate::audit::walk::word::Word;
use crate::host::reserve;

/// The state of all objects at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// The number of objects seen.
    pub objects: usize,
    /// The number of explained references.
    pub references: usize,
    /// The types of the objects seen.
    pub types: Vec<TypeRow>,
    /// The objects whose counted and explained references differ, and all objects that lie in no block.
    pub rows: Vec<Row>,
    /// Words in instances of foreign types that may be references, in order of addresses.
    pub(in crate::audit) words: Vec<Word>,
    /// References to types that their instances hold and do not show.
    pub(in crate::audit) unsaid: FxHashMap<usize, isize>,
    /// Memory that is no object and that no object holds.
    pub unheld: Unheld,
    /// The pins of objects in blocks, and of other objects.
    pins: Option<[Pins; 2]>,
}

/// The facts about one type in a snapshot.
#[derive(Clone, Debug)]
pub struct TypeRow {
    /// The type's address, even if the type has died since.
    pub ob_type: *mut PyTypeObject,
    /// Its full name.
    pub name: CString,
    /// It is a heap type.
    pub is_heap: bool,
    /// Instances may own memory that did not come from CPython's allocators.
    pub may_own_memory: bool,
    /// Instances seen, without those that only pins keep alive.
    pub objects: isize,
    /// How many of `objects` lie in no block. The walk meets those only through another object.
    pub outside: isize,
    /// The sum of unexplained references to instances in blocks. Set where snapshots are compared.
    pub unexplained: isize,
    /// As `unexplained`, plus the references that words excuse in fields that do not gain equally many in every window.
    pub unshown: isize,
    /// Over-releases of instances that were already dead, since the quarantine began.
    pub after_death: isize,
    /// Some of the instances that `after_death` counts.
    pub dead: Vec<*mut PyObject>,
    /// The type itself has died.
    pub is_gone: bool,
}

/// An object that later snapshots are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The object's address, even if it has died since.
    pub op: *mut PyObject,
    /// The index of its type in [`Snapshot::types`].
    pub ob_type: u32,
    /// Counted references.
    pub refcount: isize,
    /// References that containers and known fields hold.
    pub explained: isize,
    /// References that words excuse, compared with an earlier snapshot. 0 in the snapshot itself.
    pub hidden: isize,
    /// The object lies in no block. A snapshot may meet it late, although it is old.
    pub is_outside: bool,
}

impl Row {
    /// Counted references without the shown ones; negative if more are shown than counted.
    #[must_use]
    pub fn unshown(&self) -> isize {
        self.refcount - self.explained
    }

    /// Counted references without the shown and the hidden ones; negative if more are shown than counted.
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
    /// A copy of the snapshot with the references that words excuse in `rows`. `steady` counts the references that old
    /// words excuse, or fields that gain equally many in every window, by address of the type.
    pub(in crate::audit) fn excused(
        &self,
        rows: Vec<Row>,
        steady: &FxHashMap<usize, isize>,
    ) -> Self {
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

    /// The unexplained references of each wanted row, by the object's address.
    pub(in crate::audit) fn rests(&self, wanted: impl Fn(&Row) -> bool) -> FxHashMap<usize, isize> {
        let rows = self.rows.iter().filter(|row| wanted(row));
        rows.map(|row| (row.op as usize, row.unexplained()))
            .collect()
    }

    /// Takes a snapshot of all objects; `None` without memory.
    ///
    /// # Safety
    /// The host's lock is held: no other thread ends objects or counts meanwhile.
    #[must_use]
    pub unsafe fn take() -> Option<Self> {
        // SAFETY: the host's lock is held. Nothing dies before the walk is used up, so each met object and each met
        // type is alive.
        unsafe {
            let mut walk = HeapWalk::over_all()?;
            let words = walk.words();
            let unheld = Unheld::look(&walk, quarantine::in_c_heap());
            let (mut rows, mut replaced, mut outside) = (Vec::new(), Vec::new(), Vec::new());
            let seen = std::mem::take(&mut walk.seen);
            for &Seen { op, ob_type } in seen.iter().take_while(|_| !reserve::is_short()) {
                let info = walk.types.get(ob_type);
                let is_outside = is_outside(op, info);
                info.outside += isize::from(is_outside);
                let Some(refcount) = counted(op) else {
                    continue;
                };
                if is_outside {
                    outside.push(op as usize);
                }
                let explained = walk.explained.of(op);
                if refcount == explained && !is_outside {
                    if pinned::may_be_all(refcount) {
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
            outside::remember(outside, &walk.memory);
            pinned::keep(
                rows.iter()
                    .filter(|row| row.unexplained() < 0)
                    .map(|row| row.op),
            );
            walk.seen = seen;
            for Seen { op, ob_type } in walk.held_by_pins(replaced) {
                let info = walk.types.get(ob_type);
                info.objects -= 1;
                info.outside -= isize::from(is_outside(op, info));
            }
            let ob_types = walk.types.all().iter().map(|info| info.ob_type);
            let ob_types: Vec<_> = ob_types.collect();
            // The walk misses a string that is older than the hook and that no container shows. `object_at` still
            // recognises it.
            let names: Vec<_> = ob_types
                .into_iter()
                .map(|ob_type| {
                    full_name(ob_type, |op| {
                        object_at(op, &mut walk.types, &walk.memory).is_some()
                    })
                })
                .collect();
            let all = walk
                .types
                .all()
                .iter()
                .zip(names)
                .map(|(info, name)| TypeRow {
                    ob_type: info.ob_type,
                    name,
                    is_heap: TypeFlags((*info.ob_type).tp_flags).is_heap_type(),
                    may_own_memory: owners::may_own_memory(info.ob_type),
                    objects: info.objects as isize,
                    outside: info.outside,
                    unexplained: 0,
                    unshown: 0,
                    after_death: 0,
                    dead: Vec::new(),
                    is_gone: false,
                });
            let mut types: Vec<TypeRow> = all.collect();
            add_dead(&mut types, &mut walk);
            Some(Self {
                objects: walk.seen.len(),
                references: walk.references,
                types,
                rows,
                words,
                unsaid: walk.unsaid().clone(),
                unheld,
                pins: None,
            })
        }
    }

    /// Pins every living object until [`Snapshot::unpin`]. A second call pins the objects that were born since. Returns
    /// the number of pinned objects.
    ///
    /// # Safety
    /// The host's lock is held. At the first call, no object that the snapshot saw has died.
    pub unsafe fn pin(&mut self) -> usize {
        // An object without references must not get one: it would die a second time.
        // SAFETY: each object in question is alive.
        let mortal = |op: &*mut PyObject| unsafe { may_be_held(*op) };
        let [in_blocks, outside] = self.pins.get_or_insert_with(|| {
            // Objects in no block are found only through their holders. The snapshot has found them.
            let rows = self.rows.iter().filter(|row| row.is_outside);
            // SAFETY: the objects are mortal, alive and not yet pinned in this set, and the host's lock is held.
            unsafe {
                let outside = Pins::new();
                outside.hold(|held| held.add_all(rows.map(|row| row.op).filter(mortal)));
                [Pins::new(), outside]
            }
        });
        let (mut types, mut born) = (Types::new(), Vec::new());
        let Some(memory) = Memory::look() else {
            return 0;
        };
        // SAFETY: the host's lock is held; the objects are alive, and those in this set are known.
        unsafe {
            {
                let pinned = pinned::pinned();
                let mut held = pinned.cursor(in_blocks.number());
                let is_known = |block, room| held.find(block, room).is_some();
                enumerate(&mut types, &memory, is_known, |op, _| born.push(op));
            }
            in_blocks.hold(|held| held.add_all(born.into_iter().filter(mortal)));
        }
        in_blocks.objects() + outside.objects()
    }

    /// Removes the pins of [`Snapshot::pin`].
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

/// Adds the dead objects of the quarantine that were released again.
///
/// # Safety
/// The host's lock is held.
unsafe fn add_dead(types: &mut Vec<TypeRow>, walk: &mut HeapWalk) {
    // SAFETY: the caller's promise is the callee's.
    for (place, dead) in unsafe { quarantine::dead() } {
        let known = types
            .iter()
            .position(|of_type| of_type.ob_type as usize == place);
        let at = known.unwrap_or_else(|| {
            types.push(TypeRow {
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
                is_gone: walk.types.type_at(place, &walk.memory).is_none(),
            });
            types.len() - 1
        });
        types[at].after_death = dead.references;
        types[at].dead = dead.objects;
    }
}
