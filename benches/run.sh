#!/bin/sh
# Measures the library beside the real libpython and prints one table. `make bench` runs it.
#
#   benches/run.sh [FLAVOUR...]
#
# Without a flavour it takes those of the Pythons that are found, 3.8 to 3.13. What the machine lacks is a row that
# says so; a gate that is missed is a word in the table and no failure. Exit status: 1 when something could
# not run, 2 for misuse. Everything it builds and the programs' own words are in target/bench.
#
# BENCH_ROUNDS=N sets the rounds of the whole interpreter. BENCH_HANDICAP=N makes our side do N useless increments
# more in each turn of each loop: the table has to show them.

set -u

cd "$(dirname "$0")/.." || exit 1
root=$PWD
out=$root/target/bench
log=$out/log
cc=${CC:-cc}
flags='-O2 -fPIC -shared -fno-plt -falign-functions=64 -falign-loops=64 -Wl,-z,now'
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

for flavour in "$@"; do
    [ -f "flavours/$flavour.txt" ] || misuse "there is no flavour '$flavour'"
    case $flavour in *-*) misuse "$flavour is measured with ${flavour%%-*}, as its totals" ;; esac
done
mkdir -p "$out" || exit 1
exec 9>"$out/.lock"
flock -n 9 || stop "another run is under way"
: >"$log"

# ---- The Pythons ----

# One line for each: flavour, program, libpython ("-": linked statically), folder of Python.h ("-": none), prefix.
describe='
import os, re, sys, sysconfig
flag = lambda name: bool(sysconfig.get_config_var(name))
flavour = "cp%d%d" % sys.version_info[:2] + "t" * flag("Py_GIL_DISABLED")
flavour += "-refdebug" * hasattr(sys, "gettotalrefcount") + "-tracerefs" * hasattr(sys, "getobjects")
with open("/proc/self/maps") as maps:
    library = re.search(r" (/\S*/libpython3\S*)", maps.read())
include = sysconfig.get_paths()["include"]
print(flavour, os.path.realpath(sys.executable), library.group(1) if library else "-",
      include if os.path.exists(include + "/Python.h") else "-", sys.base_prefix, sep="\t")
'
for python in python3 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
    command -v "$python" >/dev/null 2>&1 && "$python" -c "$describe" 2>/dev/null
done | sort -u >"$out/pythons"

# python_of FLAVOUR: its line, one that can be replaced before one that can not.
python_of() {
    awk -F '\t' -v flavour="$1" '$1 == flavour && ($3 != "-" || !line) && !done { line = $0; done = $3 != "-" }
        END { print line }' "$out/pythons"
}

[ $# -gt 0 ] || set -- $(cut -f 1 "$out/pythons" | grep -xE 'cp3(8|9|1[0-3])' | sort -uV)
[ $# -gt 0 ] || set -- "$(sh flavours/detect.sh python3)"

# ---- What is measured with ----

make -s build FLAVOUR="$1" >>"$log" 2>&1 || stop "flavour $1 does not build"
# The program does not depend on the flavour. It has a folder of its own, so that nothing staged is touched, and
# needs none of the optimisation: what it times is elsewhere.
echo "benches/run.sh: building the bench" >&2
PYO3_CONFIG_FILE=$root/flavours/cp311.txt CARGO_TARGET_DIR=$out CARGO_PROFILE_BENCH_LTO=off \
    CARGO_PROFILE_BENCH_CODEGEN_UNITS=16 CARGO_PROFILE_BENCH_DEBUG=0 \
    cargo bench --no-run --message-format=json --features unwinding --bench counting 2>>"$log" >"$out/messages" ||
    stop "the bench does not build"
counting=$(sed -n 's/.*"executable":"\([^"]*\/counting-[^"]*\)".*/\1/p' "$out/messages" | tail -n 1)
[ -x "$counting" ] || stop "cargo named no program"
$cc -O2 c_tests/bench_instructions.c -o "$out/instructions" -ldl >>"$log" 2>&1 ||
    stop "c_tests/bench_instructions.c does not compile"
callgrind=$(command -v valgrind >/dev/null 2>&1 && echo yes)

says() {
    printf '%s\tsays\t%s\n' "$1" "$2"
}

# loops FLAVOUR: compiles our side of it.
loops() {
    mkdir -p "$out/$1"
    # shellcheck disable=SC2086
    $cc $flags -DBENCH_HANDICAP="${BENCH_HANDICAP:-0}" c_tests/bench_bodies.c -I"target/dist/$1/include" \
        -Ltarget/dist/"$1"/lib -lpyrefcore -Wl,-rpath,"$root/target/dist/$1/lib" -o "$out/$1/ours.so" >>"$log" 2>&1 ||
        stop "c_tests/bench_bodies.c does not compile for $1"
}

# loops_of_cpython FLAVOUR: the other side; fails where there is no libpython or no header.
loops_of_cpython() {
    [ "$library" != - ] && [ "$include" != - ] || return 1
    # shellcheck disable=SC2086
    $cc $flags -DAGAINST_PYTHON_H c_tests/bench_bodies.c -I"$include" "$library" \
        -Wl,-rpath,"$(dirname "$library")" -o "$out/$1/cpython.so" >>"$log" 2>&1 ||
        stop "c_tests/bench_bodies.c does not compile against Python.h for $1"
}

# time_loops FLAVOUR [NAME=VALUE...]: nanoseconds.
time_loops() {
    flavour=$1
    shift
    env "$@" BENCH_OURS="$out/$flavour/ours.so" BENCH_LIBRARY="$root/target/dist/$flavour/lib/libpyrefcore.so" \
        BENCH_ROWS="$out/$flavour/times" CRITERION_HOME="$out/criterion/$flavour" \
        "$counting" --bench --noplot >>"$log" 2>&1 || stop "the bench failed for $flavour"
    cat "$out/$flavour/times"
}

# count_loops FLAVOUR SIDE [NAME=VALUE...]: kind, objects, name and instructions of a turn of each loop.
count_loops() {
    object=$out/$1/$2.so
    dumps=$out/$1/callgrind.$2
    shift 2
    rm -f "$dumps"*
    env "$@" valgrind --tool=callgrind --callgrind-out-file="$dumps" --toggle-collect=measured \
        --dump-after=measured "$out/instructions" "$object" 2>>"$log" >"$dumps.bodies" ||
        stop "callgrind failed for $object"
    dump=0
    while read -r body; do
        short=$(sed -n 's/^totals: //p' "$dumps.$((dump + 1))")
        long=$(sed -n 's/^totals: //p' "$dumps.$((dump + 2))")
        dump=$((dump + 2))
        [ "$short" ] && [ "$long" ] || stop "callgrind counted too little for $object"
        printf '%s\t%s\n' "$body" "$(((long - short)))"
    done <"$dumps.bodies" >"$dumps.totals"
    awk -F '\t' -v OFS='\t' '
        $3 == "empty loop" { empty = $4 }
        { $4 = ($4 - empty) / 1000 / $2; print }' "$dumps.totals"
    rm -f "$dumps"*
}

# executed OURS [CPYTHON]: rows from two lists of count_loops.
executed() {
    awk -F '\t' -v OFS='\t' -v cpython="${2:-}" '
        function row(name, ours, theirs) {
            if (theirs == "") print name, "instr", ours, "-", "-", "-"
            else print name, "instr", ours, theirs, (theirs > 0 ? ours / theirs : 1), "-"
        }
        BEGIN { while (cpython && (getline < cpython) > 0) theirs[$3] = $4 }
        $1 == "f" || $3 ~ /death/ { row($1 == "f" ? "executed: " $3 : $3 ", executed", $4, theirs[$3]) }
        $1 == "i" {
            functions++
            ours_all += $4
            theirs_all += theirs[$3]
            if (cpython && $4 > theirs[$3] + 0.05) more[$3] = $4
        }
        END {
            row("inline functions, executed (" functions ")", ours_all, cpython ? theirs_all : "")
            for (name in more) {
                shown = name
                sub(/, inline$/, "", shown)
                row("inline: " shown ", executed", more[name], theirs[name])
            }
        }' "$1"
}

# compiled FLAVOUR: rows of the instructions that the inline functions compile to.
compiled() {
    sh c_tests/inline_counts.sh "target/dist/$1/include" "$include" "$cc" >"$out/$1/compiled" 2>>"$log"
    [ $? -lt 2 ] || stop "c_tests/inline_counts.sh could not compare $1"
    awk -v OFS='\t' 'NR > 1 {
            functions++
            ours += $2
            theirs += $3
            if ($4 != "ok") more[$1] = $2 "\t" $3 "\t" $2 / $3
        }
        END {
            print "inline functions, compiled (" functions ")", "instr", ours, theirs, ours / theirs, "-"
            for (name in more) print "inline: " name ", compiled", "instr", more[name], "-"
        }' "$out/$1/compiled"
}

# whole FLAVOUR: rows of the interpreter with and without the library.
whole() {
    preload=$root/target/dist/$1/lib/libpyrefcore.so
    "$program" benches/interpreter.py "$preload" benches/workload.py "$rounds" 2>>"$log" || stop "the workload failed for $1"
    [ "$callgrind" ] || return
    flavour=$1
    for way in plain idle live; do
        case $way in
        plain) set -- ;;
        idle) set -- LD_PRELOAD="$preload" ;;
        live) set -- LD_PRELOAD="$preload" PYREFCORE=live ;;
        esac
        # Valgrind's own programs leave the preload alone: they are no Python.
        env PYTHONHASHSEED=0 WORKLOAD_TURNS=3 "$@" valgrind --tool=callgrind \
            --callgrind-out-file="$out/$flavour/whole.$way" "$program" benches/workload.py >>"$log" 2>&1 ||
            stop "callgrind failed for the workload of $flavour, $way"
    done
    plain=$(sed -n 's/^totals: //p' "$out/$flavour/whole.plain")
    for way in idle live; do
        total=$(sed -n 's/^totals: //p' "$out/$flavour/whole.$way")
        awk -v OFS='\t' -v way=$way -v ours="$total" -v plain="$plain" 'BEGIN {
            print "short script, preloaded, " way ", executed", "Minstr", ours / 1e6, plain / 1e6, ours / plain, "-" }'
    done
    rm -f "$out/$flavour"/whole.*
}

# measure FLAVOUR: all its rows.
measure() {
    line=$(python_of "$1")
    IFS='	' read -r _ program library include prefix <<LINE
$line
LINE
    loops "$1"
    if [ -z "$line" ]; then
        says "CPython" "no Python of this flavour here: ours only"
        time_loops "$1"
    elif loops_of_cpython "$1"; then
        time_loops "$1" BENCH_CPYTHON="$out/$1/cpython.so" BENCH_LIBPYTHON="$library" PYTHONHOME="$prefix"
    else
        says "CPython" "$program has no shared libpython, or no Python.h: ours only"
        time_loops "$1"
    fi
    if [ -n "$line" ] && [ "$include" != - ]; then
        compiled "$1"
    else
        says "inline functions, compiled" "no Python.h of this flavour here"
    fi
    if [ "$callgrind" ]; then
        count_loops "$1" ours >"$out/$1/counts.ours"
        cpython=
        if [ -f "$out/$1/cpython.so" ]; then
            cpython=$out/$1/counts.cpython
            count_loops "$1" cpython PYTHONHOME="$prefix" >"$cpython"
        fi
        executed "$out/$1/counts.ours" $cpython || stop "no instructions were counted for $1"
    else
        says "executed instructions" "no valgrind here"
    fi
    if [ -n "$line" ] && [ "$library" != - ]; then
        whole "$1"
    else
        says "interpreter, preloaded" "no Python of this flavour whose symbols can be replaced here"
    fi
}

# totals FLAVOUR: the counting of a debug flavour, beside a debug libpython where there is one.
totals() {
    make -s build FLAVOUR="$1-refdebug" >>"$log" 2>&1 || stop "flavour $1-refdebug does not build"
    loops "$1-refdebug"
    line=$(python_of "$1-refdebug")
    IFS='	' read -r _ program library include prefix <<LINE
$line
LINE
    rows=$out/$1-refdebug/rows
    if [ -n "$line" ] && loops_of_cpython "$1-refdebug"; then
        time_loops "$1-refdebug" BENCH_DEBUG=1 BENCH_CPYTHON="$out/$1-refdebug/cpython.so" \
            BENCH_LIBPYTHON="$library" PYTHONHOME="$prefix" >"$rows"
    else
        says "totals (Py_REF_DEBUG)" "no libpython with Py_REF_DEBUG here: ours only"
        time_loops "$1-refdebug" BENCH_DEBUG=1 >"$rows"
    fi
    sed 's/^/totals: /' "$rows"
}

head=1
for flavour in "$@"; do
    echo "benches/run.sh: $flavour" >&2
    make -s build FLAVOUR="$flavour" >>"$log" 2>&1 || stop "flavour $flavour does not build"
    rm -rf "${out:?}/$flavour"
    (measure "$flavour" && totals "$flavour") >"$out/rows.$flavour" || exit 1
    awk -v flavour="$flavour" -v head="$head" -f benches/table.awk "$out/rows.$flavour"
    head=
done
