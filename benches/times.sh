# Times our library, the real libpython and the whole interpreter. benches/run.sh sources this file. Each function
# prints rows for benches/table.awk.

says() {
    printf '%s\tsays\t%s\n' "$1" "$2"
}

# time_loops FLAVOUR [NAME=VALUE...]: rows of the timed loops, in nanoseconds.
time_loops() {
    flavour=$1
    shift
    env "$@" BENCH_OURS="$out/$flavour/ours.so" BENCH_LIBRARY="$root/target/dist/$flavour/lib/libpyrefcore.so" \
        BENCH_ROWS="$out/$flavour/times" CRITERION_HOME="$out/criterion/$flavour" \
        "$counting" --bench --noplot >>"$log" 2>&1 || stop "the bench failed for $flavour"
    cat "$out/$flavour/times"
}

# compiled FLAVOUR: rows of the instructions that the inline functions compile to.
compiled() {
    python3 tests/header/inline_counts.py "target/dist/$1/include" "$include" "$cc" >"$out/$1/compiled" 2>>"$log"
    [ $? -lt 2 ] || stop "tests/header/inline_counts.sh could not compare $1"
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
        # The preloaded library does nothing in valgrind's own programs, which are no Python.
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

# timed FLAVOUR: all rows of times.
timed() {
    if [ -f "$out/$1/cpython.so" ]; then
        time_loops "$1" BENCH_CPYTHON="$out/$1/cpython.so" BENCH_LIBPYTHON="$library" PYTHONHOME="$prefix"
    else
        says "CPython" "${program:-no Python of this flavour here}${program:+ has no shared libpython, or no Python.h}: ours only"
        time_loops "$1"
    fi
    if [ -n "$program" ] && [ "$include" != - ]; then
        compiled "$1"
    else
        says "inline functions, compiled" "no Python.h of this flavour here"
    fi
    if [ -n "$program" ]; then
        audit "$1"
    else
        says "audit" "no Python of this flavour here"
    fi
    if [ -n "$program" ] && [ "$library" != - ]; then
        whole "$1"
    else
        says "interpreter, preloaded" "no Python of this flavour whose symbols can be replaced here"
    fi
}

# audit FLAVOUR: rows of the audit's hook and snapshots.
audit() {
    "$program" benches/audit.py "$root/target/dist/$1/lib/libpyrefcore.so" "$rounds" 2>>"$log" ||
        stop "the audit's bench failed for $1"
}

# totals FLAVOUR: rows of the timed loops in the debug flavour, compared with a debug libpython if there is one.
totals() {
    make -s build FLAVOUR="$1-refdebug" >>"$log" 2>&1 || stop "flavour $1-refdebug does not build"
    loops "$1-refdebug"
    find_python "$1-refdebug"
    rows=$out/$1-refdebug/rows
    if loops_of_cpython "$1-refdebug"; then
        time_loops "$1-refdebug" BENCH_DEBUG=1 BENCH_CPYTHON="$out/$1-refdebug/cpython.so" \
            BENCH_LIBPYTHON="$library" PYTHONHOME="$prefix" >"$rows"
    else
        says "totals (Py_REF_DEBUG)" "no libpython with Py_REF_DEBUG here: ours only"
        time_loops "$1-refdebug" BENCH_DEBUG=1 >"$rows"
    fi
    sed 's/^/totals: /' "$rows"
}
