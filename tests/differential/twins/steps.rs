//! The common steps.

use super::naming::name;
use super::{Difference, NO_TWIN, Twin, Twins};
use crate::kinds::Kind;
use crate::library::Symbol;
use crate::memory::{store, word};
use crate::operation::{Answer, Call, Effect, Way};
use crate::side::SLOTS;
use crate::strange;

impl Twins {
    /// Makes an object. The driver owns its only reference.
    pub(super) fn birth(
        &mut self,
        kind: Kind,
        way: Way,
        stale: u8,
        script: u8,
    ) -> Result<usize, Difference> {
        let id = self.next();
        self.free.pop();
        let stale = strange::stale(stale);
        let size = if kind == Kind::Var { 3 } else { 0 };
        self.both("the birth", |side| {
            let (op, ob_type) = (side.object(id), side.types[kind as usize]);
            side.prepare(op, kind, stale, script.into());
            let symbol = match way {
                Way::Init if kind == Kind::Var => Symbol::PyObject_InitVar,
                Way::Init => Symbol::PyObject_Init,
                Way::NewReference => Symbol::_Py_NewReference,
                Way::NoTotal => Symbol::_Py_NewReferenceNoTotal,
            };
            if way != Way::Init && kind == Kind::Heap {
                side.call(Symbol::Py_IncRef, &[ob_type]);
            }
            let born = side.call(symbol, &[op, ob_type, size]);
            if kind.is_container() {
                side.track(op);
            }
            (way != Way::Init || born == op, word(side.size_word(op)))
        })?;
        self.twins[id] = Twin {
            kind,
            alive: true,
            owned: 1,
            ..NO_TWIN
        };
        self.alive.push(id);
        Ok(id)
    }

    pub(super) fn call(&mut self, call: Call, id: usize) -> Result<(), Difference> {
        let twin = self.twins[id];
        if call.effect == Effect::Removes && twin.owned == 0 {
            return Ok(());
        }
        if call.symbol == Symbol::Py_SIZE && twin.kind != Kind::Var {
            return Ok(());
        }
        if makes_immortal(call.symbol) && twin.was_queued {
            return Ok(());
        }
        self.tell(|| format!("{}({})", call.symbol.name(), name(id)));
        let answer = self.answer(call, id)?;
        let twin = &mut self.twins[id];
        match call.effect {
            Effect::Removes => twin.owned -= 1,
            Effect::Adds => twin.owned += 1,
            Effect::Tries if answer != 0 => twin.owned += 1,
            Effect::Tries | Effect::Nothing => {}
        }
        Ok(())
    }

    pub(super) fn answer(&self, call: Call, id: usize) -> Result<isize, Difference> {
        self.both(call.symbol.name(), |side| {
            let op = side.object(id);
            // The second argument, if the function takes one: the object itself or its type.
            let second = if call.symbol == Symbol::Py_Is {
                op
            } else {
                side.type_of(op)
            };
            let answer = match call.symbol {
                Symbol::_Py_DecRefShared => strange::inline_release(side, op),
                symbol => side.call(symbol, &[op, second]),
            };
            match call.answer {
                Answer::Nothing => 0,
                Answer::Int => (answer as i32) as isize,
                Answer::Size => answer as isize,
                Answer::Same => (answer == op).into(),
                Answer::Type => (answer == second).into(),
            }
        })
    }

    /// Stores a new reference (or NULL) in a slot, and releases the old one.
    pub(super) fn link(
        &mut self,
        holder: usize,
        slot: usize,
        held: Option<usize>,
    ) -> Result<(), Difference> {
        self.tell(|| {
            format!(
                "{}[{slot}] = {}",
                name(holder),
                held.map_or("NULL".into(), name)
            )
        });
        if let Some(old) = std::mem::replace(&mut self.twins[holder].slots[slot], held) {
            self.twins[old].held -= 1;
        }
        if let Some(held) = held {
            self.twins[held].held += 1;
        }
        self.both("Py_DecRef", |side| {
            let at = side.slot_word(side.object(holder), slot);
            let old = word(at);
            let new = held.map_or(0, |held| side.object(held));
            side.call(Symbol::Py_IncRef, &[new]);
            store(at, new);
            side.call(Symbol::Py_DecRef, &[old]);
        })?;
        Ok(())
    }

    /// Releases one reference of the driver.
    pub(super) fn drop_one(&mut self, id: usize) -> Result<(), Difference> {
        self.twins[id].owned -= 1;
        self.both("Py_DecRef", |side| {
            side.call(Symbol::Py_DecRef, &[side.object(id)]);
        })
    }

    /// Makes a chain: each container holds the next one and perhaps more objects. Returns the first.
    pub(super) fn nest(
        &mut self,
        depth: usize,
        shape: u8,
        script: u8,
    ) -> Result<usize, Difference> {
        let mut next = None;
        let bit = |n: usize| shape >> (n % 8) & 1 == 1;
        // Only some containers get the script: each resurrected one is dropped alone, with all that it still holds.
        let apart = if depth > 300 { 2003 } else { 7 };
        for level in 0..depth {
            let kind = if bit(level + 3) && bit(level) {
                Kind::PhoenixBox
            } else {
                Kind::Box
            };
            let id = self.birth(
                kind,
                Way::Init,
                0,
                if level % apart == 3 { script } else { 0 },
            )?;
            let mut slots = [None; SLOTS];
            let place = usize::from(bit(level + 1)) + usize::from(bit(level + 2));
            slots[place] = next;
            if bit(level) {
                slots[3] = Some(self.birth(Kind::Plain, Way::Init, 0, 0)?);
            }
            if bit(level + 4) {
                slots[0] = slots[0].or(Some(self.birth(Kind::Box, Way::Init, 0, 0)?));
            }
            for (slot, held) in slots.iter().enumerate() {
                let Some(held) = *held else { continue };
                self.twins[held].owned -= 1;
                self.twins[held].held += 1;
                self.both("a slot", |side| {
                    store(side.slot_word(side.object(id), slot), side.object(held))
                })?;
            }
            self.twins[id].slots = slots;
            next = Some(id);
        }
        Ok(next.expect("a chain has a first link"))
    }

    pub(super) fn strange(&mut self, words: u8, call: Call, kind: Kind) -> Result<(), Difference> {
        let Some(image) = strange::image(self.sides[0].flavour, words, call) else {
            return Ok(());
        };
        if call.symbol == Symbol::Py_SIZE && kind != Kind::Var {
            return Ok(());
        }
        let id = self.birth(kind, Way::Init, words, 0)?;
        self.tell(|| {
            let symbol = call.symbol.name();
            format!(
                "{symbol}({}), a new {kind:?} whose words are {image:x?}",
                name(id)
            )
        });
        self.both("a word", |side| image.store(side, side.object(id)))?;
        self.answer(call, id)?;
        self.settle()?;
        if self.twins[id].alive {
            self.twins[id].owned = 1;
            self.make_mortal(id)?;
            self.drop_one(id)?;
        }
        Ok(())
    }

    /// Gives an object one reference, whatever its words are.
    pub(super) fn make_mortal(&mut self, id: usize) -> Result<(), Difference> {
        let is_container = self.twins[id].kind.is_container();
        self.both("a word", |side| {
            let op = side.object(id);
            strange::store_count(side, op, 1);
            // An object that was made immortal is not tracked, and a debug build expects a tracked one.
            if is_container && !side.gc_state(op).0 {
                side.track(op);
            }
        })
    }
}

fn makes_immortal(symbol: Symbol) -> bool {
    matches!(
        symbol,
        Symbol::_Py_SetImmortal | Symbol::_Py_SetImmortalUntracked | Symbol::PyUnstable_SetImmortal
    )
}
