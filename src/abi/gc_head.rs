/// Two words in front of every object whose type has `Py_TPFLAGS_HAVE_GC`.
#[repr(C)]
#[derive(Debug)]
pub struct PyGC_Head {
    /// Next tracked object; 0 where the object is not tracked.
    pub _gc_next: usize,
    /// Previous tracked object, with two flags in its low bits: 1 finalized, 2 collecting.
    pub _gc_prev: usize,
}

impl PyGC_Head {
    /// The bits of `_gc_prev` that are no pointer.
    pub const FLAGS: usize = 3;
}

const _: () = assert!(size_of::<PyGC_Head>() == 16);
