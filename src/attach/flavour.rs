//! Whether the host has the flavour of this library.

use std::ffi::{CStr, c_char};

use super::originals::Library;
use crate::abi::{FLAVOUR, Flavour};

/// The flavour of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostFlavour {
    major: u32,
    minor: u32,
    ref_debug: bool,
    /// `None` if the host's symbols do not show it.
    trace_refs: Option<bool>,
    free_threaded: bool,
}

/// Reads the flavour from the host, which need not be initialised.
pub(super) fn of_host(library: &Library) -> HostFlavour {
    let found = library.symbol(c"Py_GetVersion");
    // SAFETY: the host's function of this name takes nothing, and may be called before the host is initialised. It
    // returns a C string that stays valid.
    let text = unsafe {
        let version: unsafe extern "C" fn() -> *const c_char = std::mem::transmute(found);
        CStr::from_ptr(version()).to_string_lossy()
    };
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    HostFlavour {
        major,
        minor,
        ref_debug: library.has(c"_Py_NegativeRefcount"),
        trace_refs: match minor {
            // Modules that were compiled for a build with Py_TRACE_REFS import this name.
            ..=12 => Some(library.has(c"PyModule_Create2TraceRefs")),
            _ => None,
        },
        free_threaded: library.has(c"_Py_MergeZeroLocalRefcount"),
    }
}

/// If the flavours differ, the error is a sentence that names both.
pub(super) fn check(host: &HostFlavour) -> Result<(), String> {
    let ours = flavour_of(FLAVOUR);
    let same = (host.major, host.minor, host.ref_debug, host.free_threaded)
        == (ours.major, ours.minor, ours.ref_debug, ours.free_threaded)
        && host
            .trace_refs
            .is_none_or(|trace_refs| Some(trace_refs) == ours.trace_refs);
    if same {
        return Ok(());
    }
    Err(format!(
        "this library counts references as {} does, and the process runs {}; preload the library that \
         was built for it (FLAVOUR={})",
        ours.describe(),
        host.describe(),
        host.name(),
    ))
}

fn flavour_of(flavour: Flavour) -> HostFlavour {
    HostFlavour {
        major: 3,
        minor: u32::from(flavour.minor),
        ref_debug: flavour.ref_debug,
        trace_refs: Some(flavour.trace_refs),
        free_threaded: flavour.free_threaded,
    }
}

impl HostFlavour {
    fn describe(&self) -> String {
        let mut text = format!("CPython {}.{}", self.major, self.minor);
        let traits = [
            (self.free_threaded, "free-threaded"),
            (self.ref_debug, "Py_REF_DEBUG"),
            (self.trace_refs == Some(true), "Py_TRACE_REFS"),
        ];
        let traits: Vec<_> = traits
            .into_iter()
            .filter(|(has, _)| *has)
            .map(|(_, name)| name)
            .collect();
        if !traits.is_empty() {
            text += &format!(" ({})", traits.join(", "));
        }
        text
    }

    fn name(&self) -> String {
        let mut name = format!("cp{}{}", self.major, self.minor);
        for (has, suffix) in [
            (self.free_threaded, "t"),
            (self.ref_debug, "-refdebug"),
            (self.trace_refs == Some(true), "-tracerefs"),
        ] {
            if has {
                name += suffix;
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_flavour_passes() {
        assert_eq!(check(&flavour_of(FLAVOUR)), Ok(()));
    }

    #[test]
    fn another_flavour_is_named_beside_ours() {
        let other = HostFlavour {
            major: 3,
            minor: 42,
            ref_debug: true,
            free_threaded: false,
            ..flavour_of(FLAVOUR)
        };
        let sentence = check(&other).expect_err("another version");
        assert!(
            sentence.contains(&flavour_of(FLAVOUR).describe()),
            "{sentence}"
        );
        assert!(
            sentence.contains("CPython 3.42 (Py_REF_DEBUG"),
            "{sentence}"
        );
    }

    #[test]
    fn the_cure_is_a_flavours_name() {
        let host = HostFlavour {
            major: 3,
            minor: 13,
            ref_debug: false,
            trace_refs: None,
            free_threaded: true,
        };
        assert_eq!(host.name(), "cp313t");
        assert_eq!(flavour_of(FLAVOUR).name(), FLAVOUR.name);
    }
}
