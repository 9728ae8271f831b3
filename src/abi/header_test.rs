//! Checks with a C compiler that the header's structs have the sizes and offsets of the Rust ones.

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::Path;

use super::{BiasedCount, FLAVOUR, Head, PyGC_Head, PyObject, PyTypeObject, PyVarObject};

/// Pairs of a C expression and the value that it must have.
fn facts() -> Vec<(&'static str, usize)> {
    let mut facts = vec![
        ("sizeof(PyObject)", size_of::<PyObject>()),
        ("sizeof(PyVarObject)", size_of::<PyVarObject>()),
        ("sizeof(PyTypeObject)", size_of::<PyTypeObject>()),
        ("sizeof(PyGC_Head)", size_of::<PyGC_Head>()),
        (
            "offsetof(PyVarObject, ob_size)",
            offset_of!(PyVarObject, ob_size),
        ),
        (
            "offsetof(PyGC_Head, _gc_prev)",
            offset_of!(PyGC_Head, _gc_prev),
        ),
        ("PY_MINOR_VERSION", FLAVOUR.minor.into()),
    ];
    macro_rules! fields {
        ($in:ident: $($field:ident)*) => {
            $(facts.push((
                concat!("offsetof(", stringify!($in), ", ", stringify!($field), ")"),
                offset_of!($in, $field),
            ));)*
        };
    }
    fields!(PyObject: ob_type);
    if FLAVOUR.free_threaded {
        macro_rules! biased {
            ($($field:ident)*) => {
                $(facts.push((
                    concat!("offsetof(PyObject, ", stringify!($field), ")"),
                    offset_of!(BiasedCount, $field),
                ));)*
            };
        }
        biased!(ob_tid ob_mutex ob_gc_bits ob_ref_local ob_ref_shared);
    } else {
        let place = PyObject::count_address(std::ptr::null_mut());
        facts.push(("offsetof(PyObject, ob_refcnt)", place));
    }
    fields!(PyTypeObject: tp_name tp_basicsize tp_itemsize tp_dealloc tp_vectorcall_offset tp_getattr
        tp_setattr tp_as_async tp_repr tp_as_number tp_as_sequence tp_as_mapping tp_hash tp_call tp_str
        tp_getattro tp_setattro tp_as_buffer tp_flags tp_doc tp_traverse tp_clear tp_richcompare
        tp_weaklistoffset tp_iter tp_iternext tp_methods tp_members tp_getset tp_base tp_dict tp_descr_get
        tp_descr_set tp_dictoffset tp_init tp_alloc tp_new tp_free tp_is_gc tp_bases tp_mro tp_cache
        tp_subclasses tp_weaklist tp_del tp_version_tag tp_finalize tp_vectorcall);
    facts
}

#[test]
fn the_header_has_our_layouts() {
    let out = Path::new(env!("OUT_DIR"));
    let mut source = String::from("#include \"pyrefcore.h\"\n");
    for (expression, value) in facts() {
        writeln!(
            source,
            "typedef char check[({expression}) == {value} ? 1 : -1];"
        )
        .expect("it fits");
    }
    // All typedefs have one name. C11 allows a typedef to be repeated, so only one of another size is an error.
    let file = out.join("layout.c");
    std::fs::write(&file, source).expect("the folder can be written to");
    let target = env!("PYREFCORE_TARGET");
    let mut build = cc::Build::new();
    build
        .target(target)
        .host(target)
        .opt_level(0)
        .cargo_metadata(false);
    let mut command = build.get_compiler().to_command();
    command
        .args(["-std=c11", "-fsyntax-only", "-I"])
        .arg(out)
        .arg(&file);
    let output = command
        .output()
        .expect("a C compiler is needed: set CC or install cc");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
