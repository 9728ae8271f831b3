//! Times the loops of `benches/bench_bodies.c`, with the staged library and with the real libpython.
//!
//! `benches/run.sh` builds the loops and starts this program, once for each flavour. Environment variables name
//! the files. `BENCH_OURS` and `BENCH_CPYTHON` are the loops, compiled against each header; the second may be
//! missing. `BENCH_LIBRARY` and `BENCH_LIBPYTHON` are the libraries that the loops must use. The figures go to
//! `BENCH_ROWS`, as lines with tabs. Criterion chooses the number of turns and takes the samples. Each sample runs
//! both sides one after the other, so that other load on the machine affects both. The figures are medians over
//! those pairs.
//!
//! The library is loaded first. It looks for a CPython then, and there is none yet. Neither side sees the other's
//! symbols.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_void};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use criterion::{Criterion, SamplingMode};

const SAMPLES: usize = 150;
const WARM_UP: Duration = Duration::from_millis(150);
const MEASUREMENT: Duration = Duration::from_millis(600);

const LIVE: c_uint = 1;
/// The loops for a debug flavour. It would refuse the other loops, whose objects are not born properly.
const DEBUG: [&str; 3] = [
    "exported IncRef/DecRef pair",
    "inline INCREF/DECREF pair",
    BIRTHS[0],
];
/// The loops for which the cost of the live table is measured: with one object, and with many.
const BIRTHS: [&str; 2] = ["birth and death", "birth and death, 4096 objects in turn"];

/// The struct of `bench_body.h`.
#[repr(C)]
struct RawBody {
    name: *const c_char,
    run: unsafe extern "C" fn(c_long),
    objects: c_long,
    kind: c_char,
    needs: *const c_void,
}

/// A loop.
#[derive(Clone)]
struct Body {
    name: String,
    run: unsafe extern "C" fn(c_long),
    objects: f64,
}

impl Body {
    fn time(&self, turns: u64) -> Duration {
        let turns = turns as c_long;
        let start = Instant::now();
        // SAFETY: the loops take any number of turns, and this thread holds the interpreter's lock.
        unsafe { (self.run)(turns) };
        start.elapsed()
    }
}

/// The loops for one side.
struct Side {
    bodies: Vec<Body>,
}

impl Side {
    /// Loads the loops, and checks that they call `library`.
    fn load(loops: &str, library: &str) -> Result<Self, String> {
        let handle = open(loops)?;
        // SAFETY: the bench_*.c files define these symbols with these types, and the table ends with a null name.
        unsafe {
            let start: extern "C" fn() = std::mem::transmute(symbol(handle, c"bench_start")?);
            let place: extern "C" fn() -> *const c_void =
                std::mem::transmute(symbol(handle, c"bench_library")?);
            let used = file_of(place());
            if used.canonicalize().ok() != Path::new(library).canonicalize().ok() {
                return Err(format!("{loops} calls {}, not {library}", used.display()));
            }
            start();
            let mut raw = symbol(handle, c"bench_bodies")? as *const RawBody;
            let mut bodies = Vec::new();
            while !(*raw).name.is_null() {
                if (*raw).kind == b't' as c_char {
                    bodies.push(Body {
                        name: CStr::from_ptr((*raw).name).to_string_lossy().into_owned(),
                        run: (*raw).run,
                        objects: (*raw).objects as f64,
                    });
                }
                raw = raw.add(1);
            }
            Ok(Self { bodies })
        }
    }

    fn body(&self, name: &str) -> Option<&Body> {
        self.bodies.iter().find(|body| body.name == name)
    }
}

fn open(path: &str) -> Result<*mut c_void, String> {
    let name = CString::new(path).map_err(|error| error.to_string())?;
    // SAFETY: the name is a C string, and dlerror returns one after dlopen has failed.
    unsafe {
        let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if handle.is_null() {
            return Err(CStr::from_ptr(libc::dlerror())
                .to_string_lossy()
                .into_owned());
        }
        Ok(handle)
    }
}

fn symbol(handle: *mut c_void, name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: the handle comes from `open` and is never closed, and the name is a C string.
    let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if found.is_null() {
        return Err(format!("there is no {}", name.to_string_lossy()));
    }
    Ok(found)
}

/// The file that an address was loaded from.
fn file_of(address: *const c_void) -> PathBuf {
    // SAFETY: dladdr takes any address. A zeroed `Dl_info` is valid, and if dladdr succeeds, `dli_fname` is a C string.
    unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(address, &mut info) == 0 {
            return PathBuf::new();
        }
        CStr::from_ptr(info.dli_fname)
            .to_string_lossy()
            .into_owned()
            .into()
    }
}

/// Lets criterion sample `first`, and runs `second` before or after each sample. Returns the nanoseconds of a turn
/// of each.
fn pairs(
    criterion: &mut Criterion,
    name: &str,
    first: impl Fn(u64) -> Duration,
    second: impl Fn(u64) -> Duration,
) -> Vec<(f64, f64)> {
    let taken = RefCell::new(Vec::new());
    let mut group = criterion.benchmark_group("counting");
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(name.replace('/', " and "), |bencher| {
        bencher.iter_custom(|turns| {
            let mut taken = taken.borrow_mut();
            let (one, two);
            if taken.len() % 2 == 0 {
                one = first(turns);
                two = second(turns);
            } else {
                two = second(turns);
                one = first(turns);
            }
            let each = |time: Duration| time.as_secs_f64() * 1e9 / turns as f64;
            taken.push((each(one), each(two)));
            one
        });
    });
    group.finish();
    let mut taken = taken.into_inner();
    // The earlier samples are the warm-up, with few turns.
    taken.split_off(taken.len().saturating_sub(SAMPLES))
}

/// The median, and half the width of its 95 % confidence interval.
fn median(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (n, middle) = (values.len(), values.len() / 2);
    if n == 0 {
        return (f64::NAN, f64::NAN);
    }
    let reach = (0.98 * (n as f64).sqrt()).ceil() as usize;
    let low = values[middle.saturating_sub(reach)];
    let high = values[(middle + reach).min(n - 1)];
    (values[middle], (high - low) / 2.0)
}

/// A row for each loop: name, unit, ours, theirs, ratio and its uncertainty.
fn compare(criterion: &mut Criterion, ours: &Side, cpython: Option<&Side>, rows: &mut String) {
    for body in &ours.bodies {
        let theirs = cpython.and_then(|side| side.body(&body.name));
        let taken = pairs(
            criterion,
            &body.name,
            |turns| body.time(turns),
            |turns| theirs.map_or(Duration::ZERO, |body| body.time(turns)),
        );
        let (our_time, _) = median(taken.iter().map(|(ours, _)| ours / body.objects));
        if theirs.is_some() {
            let (their_time, _) = median(taken.iter().map(|(_, theirs)| theirs / body.objects));
            let (ratio, spread) = median(taken.iter().map(|(ours, theirs)| ours / theirs));
            let _ = writeln!(
                rows,
                "{}\tns\t{our_time:.2}\t{their_time:.2}\t{ratio:.4}\t{spread:.4}",
                body.name
            );
        } else {
            let _ = writeln!(rows, "{}\tns\t{our_time:.2}\t-\t-\t-", body.name);
        }
    }
}

/// Rows for the cost of the live table: name, unit, on, off, difference and its uncertainty.
fn live_table(
    criterion: &mut Criterion,
    ours: &Side,
    library: *mut c_void,
    rows: &mut String,
) -> Result<(), String> {
    // SAFETY: the library exports these with these types.
    let (watch, unwatch) = unsafe {
        let watch: extern "C" fn(c_uint) -> c_int =
            std::mem::transmute(symbol(library, c"pyrefcore_watch")?);
        let unwatch: extern "C" fn(c_uint) =
            std::mem::transmute(symbol(library, c"pyrefcore_unwatch")?);
        (watch, unwatch)
    };
    for name in BIRTHS {
        let Some(body) = ours.body(name) else {
            continue;
        };
        let taken = pairs(
            criterion,
            &format!("live table on, {name}"),
            |turns| {
                assert_eq!(watch(LIVE), 0, "there is memory for the live table");
                let time = body.time(turns);
                unwatch(LIVE);
                time
            },
            |turns| body.time(turns),
        );
        let (on, _) = median(taken.iter().map(|(on, _)| *on));
        let (off, _) = median(taken.iter().map(|(_, off)| *off));
        let (added, spread) = median(taken.iter().map(|(on, off)| on - off));
        let _ = writeln!(
            rows,
            "{name}, live table on\tns more\t{on:.2}\t{off:.2}\t{added:.4}\t{spread:.4}"
        );
    }
    Ok(())
}

fn run() -> Result<(), String> {
    let variable =
        |name: &str| env::var(name).map_err(|_| format!("{name}: benches/run.sh sets it"));
    let library_path = variable("BENCH_LIBRARY")?;
    let library = open(&library_path)?;
    let mut ours = Side::load(&variable("BENCH_OURS")?, &library_path)?;
    let cpython = match env::var("BENCH_CPYTHON") {
        Ok(loops) => Some(Side::load(&loops, &variable("BENCH_LIBPYTHON")?)?),
        Err(_) => None,
    };
    let mut criterion = Criterion::default()
        .sample_size(SAMPLES)
        .warm_up_time(WARM_UP)
        .measurement_time(MEASUREMENT)
        .configure_from_args();
    let mut rows = String::new();
    // A debug flavour's live table is always on.
    let debug = env::var_os("BENCH_DEBUG").is_some();
    if debug {
        ours.bodies.retain(|body| DEBUG.contains(&&*body.name));
    }
    compare(&mut criterion, &ours, cpython.as_ref(), &mut rows);
    if !debug {
        live_table(&mut criterion, &ours, library, &mut rows)?;
    }
    criterion.final_summary();
    fs::write(variable("BENCH_ROWS")?, rows).map_err(|error| error.to_string())
}

fn main() {
    // `cargo test --benches` only checks that the program starts.
    if env::args().any(|argument| argument == "--test") || env::var_os("BENCH_OURS").is_none() {
        return;
    }
    if let Err(reason) = run() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("counting: {reason}\n").as_bytes(),
        );
        process::exit(1);
    }
}
