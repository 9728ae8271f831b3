//! The calls of a traced run as a tree, and in which of them a count changed.

use super::log::{ARGUMENTS, Event, RAX, RSP};
use super::site::Kinds;
use super::values;
use super::watched::MOST;

/// What runs in an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// CPython, outside of all extensions.
    Python,
    /// The function with this number.
    Function(u32),
    /// Code that a function of an extension has called: CPython's, or that of another library.
    Library,
}

/// A change of one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place of the object among the watched ones.
    pub place: usize,
    /// By how much.
    pub by: i64,
    /// The address of the site behind which it happened, and the address behind that site.
    pub site: [usize; 2],
    /// Whether the instruction at the site, or the function that it calls, only counts.
    pub is_count: bool,
}

/// The registers at a site.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The address of the site, and the address behind it.
    pub site: [usize; 2],
    /// What the site is.
    pub kinds: Kinds,
    /// Their values.
    pub registers: [usize; 16],
}

impl Seen {
    fn of(event: &Event) -> Self {
        Self {
            site: [event.address, event.next],
            kinds: event.kinds,
            registers: event.registers,
        }
    }

    /// Whether a register has this value. The stack pointer does not count.
    #[must_use]
    pub fn has(&self, value: usize) -> bool {
        let mut all = self.registers.iter().enumerate();
        all.any(|(number, &word)| number != RSP && word == value)
    }
}

impl Seen {
    /// Whether the function gets this value here: as one of its first arguments, or as the result of a call. Other
    /// registers may hold it from before.
    #[must_use]
    pub fn gets(&self, value: usize) -> bool {
        let places: &[usize] = if self.kinds.has(Kinds::ENTRY) {
            &ARGUMENTS[..2]
        } else if self.kinds.has(Kinds::AFTER) {
            &[RAX]
        } else {
            &[]
        };
        places.iter().any(|&place| self.registers[place] == value)
    }
}

/// One call, or the code outside of all calls.
#[derive(Clone, Debug)]
pub struct Activation {
    /// What runs.
    pub code: Code,
    /// The index of the caller.
    pub parent: Option<usize>,
    /// The indices of the calls that it made.
    pub children: Vec<usize>,
    /// The stack pointer at the entry, or at the call.
    stack: usize,
    /// The entry, or the site of the call; and the address behind it.
    pub site: [usize; 2],
    /// The changes in its own code.
    pub changes: Vec<Change>,
    /// Their sums.
    pub sums: [i64; MOST],
    /// What it returned, if its return was seen.
    pub returned: Option<usize>,
    /// It ended with a jump to another function.
    pub is_tail: bool,
    /// It is a function that only counts a reference.
    is_count: bool,
    /// It is the `tp_dealloc` of its first argument.
    pub is_dealloc: bool,
    /// How often the dying object held each watched object.
    pub owned: [u8; MOST],
    /// How often the returned container held each watched object.
    pub held: [u8; MOST],
    /// The counts at its entry, and at its return.
    pub before: [i64; MOST],
    /// As `before`.
    pub after: Option<[i64; MOST]>,
    /// The sites that it passed.
    pub seen: Vec<Seen>,
}

/// The calls of a run; the first is CPython.
#[derive(Debug)]
pub struct Calls {
    /// Callers before callees.
    pub all: Vec<Activation>,
    stack: Vec<usize>,
}

impl Calls {
    /// Reads the events of a run.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut calls = Self {
            all: Vec::new(),
            stack: Vec::new(),
        };
        calls.open(Code::Python, &Event::default(), usize::MAX);
        let mut last: Option<&Event> = None;
        for event in events {
            if let Some(last) = last {
                calls.note_changes(last, event);
            }
            last = Some(event);
            if event.kinds == Kinds::default() {
                continue;
            }
            calls.note_registers(event);
            calls.follow(event);
        }
        calls
    }

    fn top(&self) -> usize {
        self.stack.last().copied().unwrap_or(0)
    }

    /// The innermost function of an extension that an activation belongs to.
    #[must_use]
    pub fn function_of(&self, mut at: usize) -> Option<usize> {
        loop {
            if matches!(self.all[at].code, Code::Function(_)) {
                return Some(at);
            }
            at = self.all[at].parent?;
        }
    }

    fn open(&mut self, code: Code, event: &Event, stack: usize) -> usize {
        let parent = self.stack.last().copied();
        let at = self.all.len();
        self.all.push(Activation {
            code,
            parent,
            children: Vec::new(),
            stack,
            site: [event.address, event.next],
            changes: Vec::new(),
            sums: [0; MOST],
            returned: None,
            is_tail: false,
            is_count: code == Code::Library && event.kinds.has(Kinds::COUNTS),
            is_dealloc: event.is_dealloc,
            owned: event.held,
            held: [0; MOST],
            before: event.counts,
            after: None,
            seen: Vec::new(),
        });
        if let Some(parent) = parent {
            self.all[parent].children.push(at);
        }
        self.stack.push(at);
        at
    }

    /// The registers behind a return are those of the function that returned, at its last site.
    fn note_registers(&mut self, event: &Event) {
        // An entry belongs to the function that is entered.
        let caller = self.function_of(self.top());
        let Some(own) = caller.filter(|_| !event.kinds.has(Kinds::ENTRY)) else {
            return;
        };
        let mut seen = Seen::of(event);
        let own = &mut self.all[own].seen;
        if let (true, Some(last)) = (event.kinds.has(Kinds::OUTSIDE), own.last()) {
            seen.site = last.site;
            seen.kinds = Kinds::OUTSIDE;
        }
        own.push(seen);
    }

    /// What changed between two events belongs to the activation that ran. A function that only counts does so for its
    /// caller.
    fn note_changes(&mut self, last: &Event, event: &Event) {
        let mut top = self.top();
        if self.all[top].is_count {
            top = self.all[top].parent.unwrap_or(top);
        }
        for place in 0..MOST {
            let by = event.counts[place] - last.counts[place];
            if by != 0 {
                self.all[top].sums[place] += by;
                self.all[top].changes.push(Change {
                    place,
                    by,
                    site: [last.address, last.next],
                    is_count: last.kinds.has(Kinds::STORE.and(Kinds::COUNTS)),
                });
            }
        }
    }

    fn follow(&mut self, event: &Event) {
        let stack = event.registers[RSP];
        if event.kinds.has(Kinds::AFTER.and(Kinds::OUTSIDE)) {
            self.returned(event, stack);
        }
        if event.kinds.has(Kinds::ENTRY) {
            self.entered(event, stack);
        }
        if event.kinds.has(Kinds::CALL) {
            self.open(Code::Library, event, stack);
        } else if event.kinds.has(Kinds::TAIL) {
            let top = self.top();
            if self.all[top].stack == stack && matches!(self.all[top].code, Code::Function(_)) {
                let called = self.open(Code::Library, event, stack);
                self.all[called].is_tail = true;
            }
        }
    }

    /// Ends the activations that a return, an exception or a `longjmp` has left.
    fn returned(&mut self, event: &Event, stack: usize) {
        while self.stack.len() > 1 {
            let top = self.top();
            let one = &mut self.all[top];
            let is_library = one.code == Code::Library;
            let is_call = is_library && !one.is_tail;
            if one.stack >= stack
                && !(is_call && one.stack == stack && event.kinds.has(Kinds::AFTER))
            {
                break;
            }
            let back = if is_call {
                one.stack
            } else {
                one.stack + size_of::<usize>()
            };
            if back == stack {
                // A function of an extension may have no result. CPython uses that of each.
                let has_result =
                    is_library || event.kinds.has(Kinds::OUTSIDE) || values::is_used(event.address);
                one.returned = has_result.then_some(event.registers[RAX]);
                one.held = event.held;
                one.after = Some(event.counts);
            }
            self.stack.pop();
        }
    }

    fn entered(&mut self, event: &Event, stack: usize) {
        while self.stack.len() > 1 && self.all[self.top()].stack < stack {
            self.stack.pop();
        }
        let top = self.top();
        let one = &self.all[top];
        let pushed = if one.is_tail {
            stack
        } else {
            stack + size_of::<usize>()
        };
        if one.code == Code::Library && one.stack == pushed && one.changes.is_empty() {
            // The call led to this function itself, and to no library.
            self.stack.pop();
            if let Some(parent) = one.parent {
                self.all[parent].children.retain(|&child| child != top);
            }
            self.all[top].parent = None;
        }
        let top = self.top();
        if matches!(self.all[top].code, Code::Function(_)) && self.all[top].stack == stack {
            self.all[top].is_tail = true;
        }
        let new = self.open(Code::Function(event.function), event, stack);
        self.all[new].seen.push(Seen::of(event));
    }
}
