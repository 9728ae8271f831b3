#!/bin/sh
# Measures the library beside the real libpython and prints one table. `make bench` runs it.
#
#   benches/run.sh [--counts] [FLAVOUR...]
#
# Prints for each flavour the times, and then the instructions of each exported and each inline function. --counts
# leaves out the times. A debug flavour has only instructions; the times of its totals are in the release flavour's
# part. The default is the flavours of the found Pythons. If this machine lacks something, a row says so. A missed gate
# is a word in the table, and no failure. Exit status: 1 if something could not run or a function has no row, 2 for
# misuse. The builds and the programs' output are in target/bench.
#
# BENCH_ROUNDS=N sets the rounds of the whole interpreter. BENCH_HANDICAP=N adds N useless increments to each turn of
# each loop on our side: the table must show them.

set -u

cd "$(dirname "$0")/.." || exit 1
root=$PWD
out=$root/target/bench
log=$out/log
cc=${CC:-cc}
flags='-O2 -fPIC -shared -fno-plt -falign-functions=64 -falign-loops=64 -Wl,-z,now'
bodies='benches/bench_objects.c benches/bench_bodies.c benches/bench_functions.c benches/bench_inlines.c'
rounds=${BENCH_ROUNDS:-25}
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYTHONHOME PYTHONPATH

misuse() {
    echo "benches/run.sh: $1" >&2
    exit 2
}

stop() {
    echo "benches/run.sh: $1; see $log" >&2
    exit 1
}

counts_only=
if [ "${1:-}" = --counts ]; then
    counts_only=yes
    shift
fi
for flavour in "$@"; do
    [ -f "flavours/$flavour.txt" ] || misuse "there is no flavour '$flavour'"
done
mkdir -p "$out" || exit 1
exec 9>"$out/.lock"
flock -n 9 || stop "another run is under way"
: >"$log"

. benches/pythons.sh
. benches/times.sh
. benches/counts.sh
find_pythons
[ $# -gt 0 ] || set -- $(flavours_found)
[ $# -gt 0 ] || set -- "$(sh flavours/detect.sh python3)"

# ---- The measuring programs ----

if [ -z "$counts_only" ]; then
    make -s build FLAVOUR="$1" >>"$log" 2>&1 || stop "flavour $1 does not build"
    # The program does not depend on the flavour. It has its own cargo folder, so that no staged file changes. It needs
    # no optimisation, because the timed code is not in it.
    echo "benches/run.sh: building the bench" >&2
    PYO3_CONFIG_FILE=$root/flavours/cp311.txt CARGO_TARGET_DIR=$out CARGO_PROFILE_BENCH_LTO=off \
        CARGO_PROFILE_BENCH_CODEGEN_UNITS=16 CARGO_PROFILE_BENCH_DEBUG=0 \
        cargo bench --no-run --message-format=json --features unwinding --bench counting 2>>"$log" >"$out/messages" ||
        stop "the bench does not build"
    counting=$(sed -n 's/.*"executable":"\([^"]*\/counting-[^"]*\)".*/\1/p' "$out/messages" | tail -n 1)
    [ -x "$counting" ] || stop "cargo named no program"
fi
$cc -O2 benches/bench_instructions.c -o "$out/instructions" -ldl >>"$log" 2>&1 ||
    stop "benches/bench_instructions.c does not compile"
callgrind=$(command -v valgrind >/dev/null 2>&1 && echo yes)

# loops FLAVOUR: compiles our side's loops. Only with Py_REF_DEBUG there are assertions, as in extensions.
loops() {
    mkdir -p "$out/$1"
    case $1 in *-refdebug*) asserting= ;; *) asserting=-DNDEBUG ;; esac
    # shellcheck disable=SC2086
    $cc $flags $asserting -DBENCH_HANDICAP="${BENCH_HANDICAP:-0}" $bodies -I"target/dist/$1/include" \
        -Ltarget/dist/"$1"/lib -lpyrefcore -Wl,-rpath,"$root/target/dist/$1/lib" -o "$out/$1/ours.so" >>"$log" 2>&1 ||
        stop "the loops do not compile for $1"
}

# loops_of_cpython FLAVOUR: compiles CPython's side; fails if there is no libpython or no header.
loops_of_cpython() {
    [ -n "$program" ] && [ "$library" != - ] && [ "$include" != - ] || return 1
    # A distribution may share one pyconfig.h between its builds.
    case $1 in *-refdebug*) switches=-DPy_REF_DEBUG=1 ;; *) switches= ;; esac
    case $1 in *-tracerefs*) switches="$switches -DPy_TRACE_REFS=1" ;; esac
    # shellcheck disable=SC2086
    $cc $flags $asserting $switches -DAGAINST_PYTHON_H $bodies -I"$include" "$library" \
        -Wl,-rpath,"$(dirname "$library")" -o "$out/$1/cpython.so" >>"$log" 2>&1 ||
        stop "the loops do not compile against Python.h for $1"
}

# ---- The table ----

head=1
status=0
for flavour in "$@"; do
    echo "benches/run.sh: $flavour" >&2
    make -s build FLAVOUR="$flavour" >>"$log" 2>&1 || stop "flavour $flavour does not build"
    rm -rf "${out:?}/$flavour"
    find_python "$flavour"
    loops "$flavour"
    loops_of_cpython "$flavour" || echo "$flavour: no real libpython with its Python.h here: ours only" >&2
    case $counts_only:$flavour in
    yes:* | *-*) ;;
    *)
        (timed "$flavour" && totals "$flavour") >"$out/rows.$flavour" || exit 1
        awk -v flavour="$flavour" -v head="$head" -f benches/table.awk "$out/rows.$flavour"
        head=
        ;;
    esac
    if [ "$callgrind" ]; then
        (counts "$flavour") || exit 1
        awk -v flavour="$flavour" -f benches/counts.awk "$out/$flavour/counts"
        [ ! -f "$out/$flavour/cpython.so" ] || (covered "$flavour") || status=1
    else
        echo "$flavour: no instructions: there is no valgrind here"
    fi
done
[ -z "$callgrind" ] || for flavour in "$@"; do
    echo "$out/$flavour/counts"
done | xargs awk -v last=1 -f benches/counts.awk
exit $status
