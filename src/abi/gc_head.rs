/// The two words in front of every object whose type has `Py_TPFLAGS_HAVE_GC`, except in free-threaded flavours.
#[repr(C)]
#[derive(Debug)]
pub struct PyGC_Head {
    /// The address of the next tracked object's head; 0 where this object is not tracked.
    pub _gc_next: usize,
    /// The address of the previous tracked object's head, with two flags in the low bits: 1 finalized, 2 collecting.
    pub _gc_prev: usize,
}

impl PyGC_Head {
    /// The bits of `_gc_prev` that are flags.
    pub const FLAGS: usize = 3;
}

const _: () = assert!(size_of::<PyGC_Head>() == 16);
