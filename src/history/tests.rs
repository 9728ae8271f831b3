//! Traced runs of real code: it is compiled here, and loaded into the process that tests.

use std::collections::BTreeMap;
use std::ffi::{CString, c_int, c_void};
use std::io::Write as _;
use std::ops::Range;
use std::process::Stdio;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::activations::{Calls, Code};
use super::fatal_calls;
use super::functions::{self, Function};
use super::libraries::{self, Library};
use super::session::{self, open_with};
use super::site::Kinds;
use super::threads;
use super::trap;
use super::watched;
use crate::abi::{Head, PyObject};

/// Code with calls, tail calls, a jump table, counting, an exception and a `longjmp`. It names a function of CPython, so
/// that it looks like an extension; that function is never called.
const SOURCE: &str = r#"
#include <setjmp.h>
extern "C" {
void Py_Nothing(void);
struct object { long count; };
static int odd;
#pragma GCC visibility push(hidden)
__attribute__((noinline)) long step(long n) { if (n % 3 == 0) throw n; return n * 3 + odd; }
__attribute__((noinline)) void take(object *o) { o->count++; }
__attribute__((noinline)) void give(object *o) { if (--o->count == 0) odd = 1; }
__attribute__((noinline)) long chosen(long n) {
    switch (n & 7) { case 0: return step(n + 1); case 1: return n - 5; case 2: return n ^ 77; case 3: odd = !odd;
    return odd; case 4: return step(n); case 5: return n * n; case 6: return step(n - 1); default: return 9; } }
static jmp_buf back;
__attribute__((noinline)) void leap(long n) { if (n % 5 == 0) longjmp(back, 1); }
__attribute__((noinline)) long caught(long n) { try { return chosen(n); } catch (long m) { return -m; } }
#pragma GCC visibility pop
long work(object *o, long n) {
    volatile long sum = 0; odd = 0;
    for (long i = 0; i < n; i++) {
        take(o); sum += caught(i);
        if (!setjmp(back)) leap(i); else sum += 1000;
        if (i != 3) give(o);
    }
    return sum; }
void call_python(void) { Py_Nothing(); }
}
"#;

type Work = unsafe extern "C" fn(*mut i64, i64) -> i64;

struct Loaded {
    work: Work,
    library: Library,
    /// Its functions, with their names.
    named: Vec<Function>,
}

/// Compiles and loads the code once.
fn loaded() -> &'static Loaded {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    LOADED.get_or_init(|| {
        let target = env!("PYREFCORE_TARGET");
        let mut build = cc::Build::new();
        build
            .target(target)
            .host(target)
            .cpp(true)
            .opt_level(2)
            .cargo_metadata(false);
        let file = std::env::temp_dir().join(format!("pyrefcore-traced-{}.so", std::process::id()));
        let mut command = build.get_compiler().to_command();
        command
            .args(["-w", "-shared", "-fPIC", "-x", "c++", "-", "-o"])
            .arg(&file);
        let mut compiler = command
            .stdin(Stdio::piped())
            .spawn()
            .expect("a C++ compiler");
        let mut input = compiler.stdin.take().expect("a pipe");
        input
            .write_all(SOURCE.as_bytes())
            .expect("the compiler reads");
        drop(input);
        assert!(compiler.wait().expect("it ends").success());
        let path = CString::new(file.to_str().expect("a plain path")).expect("no NUL");
        // SAFETY: the library has no initialisers. Its undefined function is bound lazily, and never called.
        let work = unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_LAZY);
            assert!(!handle.is_null());
            libc::dlsym(handle, c"work".as_ptr())
        };
        let mut all = libraries::extensions(&(0..0));
        all.retain(|library| library.is_code(work as usize));
        // SAFETY: the function has this signature.
        let work = unsafe { std::mem::transmute::<*mut c_void, Work>(work) };
        let library = all.pop().expect("it imports a name of CPython");
        let mut named = functions::functions(&library);
        functions::name(&mut named, &library);
        let _ = std::fs::remove_file(&file);
        Loaded {
            work,
            library,
            named,
        }
    })
}

/// The tests of this file take turns: there is one handler.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(library: &Library) -> Vec<Vec<u8>> {
    let bytes = |range: &Range<usize>| {
        // SAFETY: code of a loaded library is readable.
        unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) }.to_vec()
    };
    library.code.iter().map(bytes).collect()
}

fn work(object: &mut i64, times: i64) -> i64 {
    // SAFETY: the function takes a count and a number.
    unsafe { (loaded().work)(object, times) }
}

/// One run between `begin` and `end`.
fn traced(object: &mut i64, times: i64) -> i64 {
    // SAFETY: the library is never unloaded.
    unsafe {
        session::begin().expect("the code can be changed");
        let sum = work(object, times);
        session::end().expect("the run is short");
        sum
    }
}

/// Runs once for the entries; then the next run is traced, and notes the count `object`. The watched object lies so that
/// this is its count.
fn prepare(object: &mut i64, times: i64) {
    open_with(vec![loaded().library.clone()]).expect("it can be traced");
    traced(object, times);
    let front = PyObject::count_address(null_mut());
    session::watch(&[&raw const *object as usize - front]).expect("functions ran");
}

fn close() {
    // SAFETY: the library is never unloaded.
    unsafe { session::close() };
}

fn entry_of(name: &str) -> usize {
    let found = loaded()
        .named
        .iter()
        .find(|one| one.name.as_deref() == Some(name));
    found.expect("a function of this name").code.start
}

#[test]
fn a_thousand_traced_runs_change_nothing() {
    let _turn = turn();
    let before = text(&loaded().library);
    let mut object = 10;
    let plain = work(&mut object, 40);
    assert_eq!(object, 11, "one reference is kept");
    prepare(&mut object, 40);
    let sites = session::sites();
    assert!(sites > 30, "{sites}");
    for _ in 0..1000 {
        let count = object;
        assert_eq!(traced(&mut object, 40), plain);
        assert_eq!(object, count + 1);
        assert!(text(&loaded().library) == before, "the code is as it was");
    }
    close();
    assert!(trap::table().is_none() && text(&loaded().library) == before);
}

#[test]
fn the_armed_code_is_another() {
    let _turn = turn();
    let before = text(&loaded().library);
    let mut object = 10;
    prepare(&mut object, 4);
    // SAFETY: the library is never unloaded.
    unsafe { session::begin().expect("the code can be changed") };
    let armed = text(&loaded().library);
    // SAFETY: as above.
    unsafe { session::end().expect("nothing ran") };
    let changed = before.iter().flatten().zip(armed.iter().flatten());
    let traps = changed.filter(|(before, armed)| before != armed);
    let bytes: Vec<u8> = traps.map(|(_, &armed)| armed).collect();
    let of_library = session::sites() - fatal_calls::sites(threads::is_alone()).sites.len();
    assert_eq!(bytes, vec![0xCC; of_library]);
    close();
}

#[test]
fn changes_belong_to_the_function_that_made_them() {
    let _turn = turn();
    let mut object = 10;
    prepare(&mut object, 6);
    traced(&mut object, 6);
    let events = trap::table()
        .expect("open")
        .events()
        .expect("whole")
        .to_vec();
    let calls = Calls::of(&events);
    let names = &loaded().named;
    let mut sums = BTreeMap::<&str, Vec<i64>>::new();
    for one in calls.all.iter().filter(|one| one.sums[0] != 0) {
        if let Code::Function(number) = one.code {
            let name = names[number as usize].name.as_deref();
            sums.entry(name.unwrap_or("?"))
                .or_default()
                .push(one.sums[0]);
        }
    }
    assert_eq!(sums["take"], [1; 6]);
    assert_eq!(sums["give"], [-1; 5]);
    assert_eq!(sums.len(), 2, "{sums:?}");
    let last = events.last().expect("two at least");
    assert_eq!((last.counts[0], last.kinds), (object, Kinds::default()));
    close();
}

#[test]
fn a_child_finds_its_code_restored() {
    let _turn = turn();
    let before = text(&loaded().library);
    let mut object = 10;
    let plain = work(&mut object, 30);
    prepare(&mut object, 30);
    // SAFETY: the child compares memory, runs C++ and ends. It allocates only for an exception, as its parent does.
    unsafe {
        session::begin().expect("the code can be changed");
        let child = libc::fork();
        if child == 0 {
            libc::alarm(10);
            let same = loaded()
                .library
                .code
                .iter()
                .zip(&before)
                .all(|(range, before)| {
                    std::slice::from_raw_parts(range.start as *const u8, range.len()) == &before[..]
                });
            let works = (loaded().work)(&raw mut object, 30) == plain;
            libc::_exit(c_int::from(!(same && works)));
        }
        assert_eq!(work(&mut object, 30), plain);
        let mut status = 0;
        libc::waitpid(child, &raw mut status, 0);
        session::end().expect("the run is short");
        assert_eq!(status, 0);
    }
    assert!(text(&loaded().library) == before);
    close();
}

#[test]
fn other_threads_run_traced_code_and_are_not_noted() {
    let _turn = turn();
    static DONE: AtomicBool = AtomicBool::new(false);
    DONE.store(false, Ordering::Relaxed);
    let (mut object, mut alone) = (10, 10);
    prepare(&mut object, 5);
    traced(&mut object, 5);
    let events = session::events();
    // `work` has a static `jmp_buf`, so the threads run another function of it: `caught` is reached by an offset.
    let take = entry_of("take");
    let busy = std::thread::spawn(move || {
        // SAFETY: the function takes a count.
        let take = unsafe { std::mem::transmute::<usize, unsafe extern "C" fn(*mut i64)>(take) };
        let mut count = 0_i64;
        while !DONE.load(Ordering::Relaxed) {
            // SAFETY: as above.
            unsafe { take(&raw mut count) };
        }
        count
    });
    for _ in 0..300 {
        traced(&mut object, 5);
        assert_eq!(session::events(), events);
    }
    DONE.store(true, Ordering::Relaxed);
    assert!(busy.join().expect("the thread lives") > 100);
    assert_eq!(work(&mut alone, 5), work(&mut object, 5));
    close();
}

#[test]
fn a_long_run_is_given_up_and_goes_on_at_full_speed() {
    let _turn = turn();
    let before = text(&loaded().library);
    let mut object = 10;
    let plain = work(&mut object, 200_000);
    prepare(&mut object, 5);
    // SAFETY: the library is never unloaded.
    unsafe {
        session::begin().expect("the code can be changed");
        assert_eq!(work(&mut object, 200_000), plain);
        assert!(session::end().is_err());
    }
    assert!(text(&loaded().library) == before);
    close();
}

#[test]
fn another_handler_is_respected() {
    let _turn = turn();
    extern "C" fn other(_: c_int) {}
    // SAFETY: the handler does nothing, and the default returns below.
    unsafe { libc::signal(libc::SIGTRAP, other as *const () as usize) };
    let refused = open_with(vec![loaded().library.clone()]);
    // SAFETY: as above.
    let handler = unsafe { libc::signal(libc::SIGTRAP, libc::SIG_DFL) };
    assert!(refused.is_err());
    assert_eq!(handler, other as *const () as usize);
    assert_eq!(watched::get(0), 0);
}
