//! Profilers of `cProfile` keep the code of each function that they have seen run.

use super::{Held, field};
use crate::abi::PyObject;

/// A node of their tree begins with a key, the two nodes below it, and the code, or the name of a function in C.
type Node = [usize; 4];

pub(super) unsafe fn ask(op: *mut PyObject, _is_tracked: bool, held: &mut dyn Held) {
    // SAFETY: `op` is a profiler; whether a node is there is asked first.
    unsafe {
        let mut nodes = vec![field(op, 0) as usize];
        while let Some(at) = nodes.pop() {
            let node = at as *const Node;
            if at != 0
                && node.is_aligned()
                && held.is_readable(at, size_of::<Node>())
                && held.is_first(at)
            {
                let [_, left, right, seen] = *node;
                nodes.extend([left, right]);
                held.read(seen as *mut PyObject);
            }
        }
    }
}
