//! Profilers of `cProfile`, which hold the code of each function that has run.

use super::{Visitor, field};
use crate::abi::PyObject;

/// The start of a tree node: a key, the two child nodes, and the code object, or the name of a C function.
type Node = [usize; 4];

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, visitor: &mut dyn Visitor) {
    // SAFETY: `op` has the size of a profiler. `is_readable` is asked before each node is read.
    unsafe {
        let mut nodes = vec![field(op, 0) as usize];
        while let Some(at) = nodes.pop() {
            let node = at as *const Node;
            if at != 0
                && node.is_aligned()
                && visitor.is_readable(at, size_of::<Node>())
                && visitor.is_first(at)
            {
                let [_, left, right, seen] = *node;
                nodes.extend([left, right]);
                visitor.read(seen as *mut PyObject);
            }
        }
    }
}
