//! Chooses the flavour, generates the C header, names the library.

use std::path::{Path, PathBuf};
use std::{env, fs};

use pyo3_build_config::{BuildFlag, InterpreterConfig, PythonImplementation};

/// The minor numbers of the versions that have a flavour.
const OLDEST: u8 = 8;
const NEWEST: u8 = 15;

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    // pyo3-build-config may not know the newest version yet.
    println!("cargo::rustc-check-cfg=cfg(Py_3_{NEWEST})");
    println!("cargo::rustc-check-cfg=cfg(assembly)");
    if env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        println!("cargo::rustc-cfg=assembly");
    }
    let config = pyo3_build_config::get();
    if let Some(reason) = refusal(config) {
        println!("cargo::error={reason}");
        return;
    }
    let flavour = flavour_name(config);
    println!("cargo::rustc-env=PYREFCORE_FLAVOUR={flavour}");
    // A test passes this target to the C compiler.
    println!(
        "cargo::rustc-env=PYREFCORE_TARGET={}",
        env::var("TARGET").expect("cargo sets TARGET")
    );
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpyrefcore-{flavour}.so.0");
    // A hooked host calls the library for good, so `dlclose` must not unload it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut folders = vec![out];
    // In this folder the Makefile stages the files that a C compiler needs.
    println!("cargo::rerun-if-env-changed=PYREFCORE_STAGE");
    folders.extend(env::var_os("PYREFCORE_STAGE").map(PathBuf::from));
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    for folder in &folders {
        write(
            &folder.join("pyrefcore_config.h"),
            &config_header(config, &flavour),
        );
        write(&folder.join("pyrefcore.h"), &header());
    }
}

/// The reason why this Python is not supported, in one sentence.
fn refusal(config: &InterpreterConfig) -> Option<String> {
    let version = config.version;
    let target = |key: &str| env::var(key).unwrap_or_default();
    if config.implementation != PythonImplementation::CPython {
        return Some(
            "pyrefcore is CPython's reference counting; this Python is another implementation"
                .into(),
        );
    }
    if version.major != 3 || !(OLDEST..=NEWEST).contains(&version.minor) {
        return Some(format!(
            "pyrefcore knows CPython 3.{OLDEST} to 3.{NEWEST}, not {version}"
        ));
    }
    if has(config, BuildFlag::Py_GIL_DISABLED) && version.minor < 13 {
        return Some(format!("there is no free-threaded CPython {version}"));
    }
    if has(config, BuildFlag::Py_GIL_DISABLED) && has(config, BuildFlag::Py_TRACE_REFS) {
        return Some("no free-threaded CPython has Py_TRACE_REFS".into());
    }
    if target("CARGO_CFG_TARGET_OS") != "linux"
        || target("CARGO_CFG_TARGET_POINTER_WIDTH") != "64"
        || target("CARGO_CFG_TARGET_ENDIAN") != "little"
    {
        return Some("pyrefcore supports 64-bit little-endian Linux only".into());
    }
    None
}

fn has(config: &InterpreterConfig, flag: BuildFlag) -> bool {
    config.build_flags.0.contains(&flag)
}

/// The name of the flavour: a file in `flavours/` has the same name.
fn flavour_name(config: &InterpreterConfig) -> String {
    let mut name = format!("cp3{}", config.version.minor);
    if has(config, BuildFlag::Py_GIL_DISABLED) {
        name += "t";
    }
    if has(config, BuildFlag::Py_REF_DEBUG) {
        name += "-refdebug";
    }
    if has(config, BuildFlag::Py_TRACE_REFS) {
        name += "-tracerefs";
    }
    name
}

/// `pyrefcore_config.h`: describes the flavour of the library beside it, as `pyconfig.h` describes a Python.
fn config_header(config: &InterpreterConfig, flavour: &str) -> String {
    let minor = config.version.minor;
    let mut lines = vec![
        "/* Generated: the flavour of the pyrefcore library installed beside this header. */"
            .to_string(),
        "#ifndef PYREFCORE_CONFIG_H".into(),
        "#define PYREFCORE_CONFIG_H".into(),
        format!("#define PYREFCORE_FLAVOUR \"{flavour}\""),
        "#define PY_MAJOR_VERSION 3".into(),
        format!("#define PY_MINOR_VERSION {minor}"),
        format!("#define PY_VERSION_HEX 0x03{minor:02X}00F0"),
    ];
    lines.extend((OLDEST..=minor).map(|n| format!("#define PYREFCORE_3_{n} 1")));
    for flag in [
        BuildFlag::Py_DEBUG,
        BuildFlag::Py_REF_DEBUG,
        BuildFlag::Py_TRACE_REFS,
        BuildFlag::Py_GIL_DISABLED,
    ] {
        if config.build_flags.0.contains(&flag) {
            lines.push(format!("#define {flag} 1"));
        }
    }
    lines.push("#endif".into());
    lines.join("\n") + "\n"
}

/// `pyrefcore.h`: the same text for every flavour. The hand-written layouts come first, then the declarations from
/// cbindgen, then the hand-written inline functions.
fn header() -> String {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let by_hand = |file: &str| fs::read_to_string(root.join(file)).expect("the file is readable");
    let mut settings = cbindgen::Config::from_root_or_default(&root);
    let includes = settings.after_includes.take().unwrap_or_default();
    settings.after_includes = Some(includes + "\n" + &by_hand("src/abi/layout.h"));
    let inline = ["heads.h", "count.h", "biased.h", "calls.h"];
    let inline = inline.map(|file| by_hand(&format!("src/capi/inline/{file}")));
    settings.trailer = Some(inline.concat());
    let bindings = cbindgen::generate_with_config(&root, settings).expect("cbindgen reads src/");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("the header is UTF-8");
    // A C header has no `# Safety` sections; it says what a function needs.
    text.replace(" # Safety\n ", " Needs: ")
}

/// Writes only a changed text, so that make does not see an unchanged file as new.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a file has a folder"))
        .expect("the folder can be made");
    fs::write(path, text).expect("the header can be written");
}
