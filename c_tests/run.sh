#!/bin/sh
# Builds and runs the C suite.
#
#   run.sh [FLAVOUR...]      as in flavours/; the default is all of them
#   run.sh --demo FLAVOUR    only the demo of `make run`; it prints to the terminal
#
# Each program is linked with the shared library and then with the static one. Uses CC and CFLAGS. A caller that watches
# the programs, such as tests/sanitize/run.sh, sets:
#   RUN_PROGRAMS the programs to run; the default is all of them
#   RUN_DIST     a folder of built flavours; without it make builds them, in target/dist
#   RUN_OUT      the folder for programs and logs
#   RUN_UNDER    a command that runs each program. It writes its complaints to files whose names start with $REPORT. Any
#                complaint is a failure
#   RUN_ROUNDS   how often a program that may start threads is run; other programs are run once
#   RUN_THREADED set, if only the programs that may start threads are to run
#   RUN_SECONDS  the longest time for one run
# The last line is "N passed, N failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/.." || exit 2
[ $# -gt 0 ] || set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)

programs="words counting birth allocation death replacing trashcan total negative all_objects tracemalloc
    tracer live marks misuse finalizer report descriptors privilege audit no_memory forgotten two_units chain_3_8 chain_3_9 chain_3_11
    surface biased owners biased_threads"
programs=${RUN_PROGRAMS:-$programs}
cc=${CC:-gcc}
flags="-Ic_tests/support -std=c11 -Wall -Wextra -Wpedantic -Werror -g ${CFLAGS:-}"
libs=$(sed -n 's/.*Libs.private: \([^'\'']*\).*/\1/p' Makefile)
built=${RUN_DIST:-$PWD/target/dist} root=${RUN_OUT:-$PWD/target/c_tests}
rounds=${RUN_ROUNDS:-1} seconds=${RUN_SECONDS:-120}
# No setting of the caller may reach the programs.
unset PYREFCORE PYREFCORE_REPORT

# run NAME: runs a program once and adds to the cases and failures. Its complaints go to NAME.log.
run() {
    rm -f "$1".report*
    before=$failures
    # shellcheck disable=SC2086
    REPORT=$1.report timeout "$seconds" ${RUN_UNDER:-} "$1" >"$1.out" 2>&1
    status=$?
    line=$(tail -n 1 "$1.out" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    # A program that prints no counts is one case.
    [ -n "$line" ] || { [ $status -eq 0 ] && line="1 0" || line="0 1"; }
    cases=$((cases + ${line% *} + ${line#* }))
    failures=$((failures + ${line#* }))
    case $status:${line#* } in 0:0 | [!0]*:[!0]*) ;; *) failures=$((failures + 1)); cases=$((cases + 1)) ;; esac
    [ $status -lt 124 ] || echo "ended with status $status" >>"$1.out"
    for report in "$1".report*; do
        # A sanitizer also reports an allocation that the test wants to fail.
        grep -v 'failed to allocate' "$report" >/dev/null 2>&1 || continue
        cat "$report" >>"$1.out"
        cases=$((cases + 1)) failures=$((failures + 1))
    done
    [ "$failures" -eq "$before" ] || cat "$1.out" >>"$1.log"
    rm "$1.out"
}

# one FLAVOUR PROGRAM: compiles and runs both links; "cases failures" or a reason goes to PROGRAM.result.
one() {
    dist=$built/$1 out=$root/$1 sources=$(echo c_tests/*/"$2".c)
    [ "$2" != two_units ] || sources=$(echo c_tests/*/two_units_?.c)
    shared="-L$dist/lib -Wl,-rpath,$dist/lib -lpyrefcore"
    cases=0 failures=0 runs=1 links="shared static"
    # Sources that can't be preprocessed fail below.
    # shellcheck disable=SC2086
    if ! $cc $flags -E -I"$dist/include" $sources >"$out/$2.i" 2>/dev/null || grep -q pthread_create "$out/$2.i"; then
        runs=$rounds
    elif [ -n "${RUN_THREADED:-}" ]; then
        links=
    fi
    for link in $links; do
        name=$out/$2.$link
        # shellcheck disable=SC2086
        if [ $link = shared ]; then
            $cc $flags -I"$dist/include" $sources -o "$name" $shared -lpthread
        else
            $cc $flags -DLINKED_STATICALLY -I"$dist/include" $sources -o "$name" "$dist/lib/libpyrefcore.a" $libs
        fi >"$name.log" 2>&1 || {
            cases=$((cases + 1)) failures=$((failures + 1))
            continue
        }
        round=0
        while [ $((round += 1)) -le "$runs" ]; do run "$name"; done
        [ -s "$name.log" ] || rm "$name.log"
    done
    rm "$out/$2.i"
    echo "$cases $failures" >"$out/$2.result"
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit
fi

if [ "${1:-}" = --demo ]; then
    dist=$built/$2 out=$root/$2
    mkdir -p "$out"
    make -s build FLAVOUR="$2" >"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
    # shellcheck disable=SC2086
    $cc $flags -I"$dist/include" c_tests/lifecycle/forgotten.c -o "$out/forgotten" -L"$dist/lib" -Wl,-rpath,"$dist/lib" -lpyrefcore || exit
    "$out/forgotten"
    exit
fi

passed=0 failed=0 skipped=0
case $programs in *privilege*)
    if [ "$(id -u)" != 0 ]; then
        echo "skip privilege: only root can make a set-user-id program"
        skipped=1
    fi ;;
esac
for flavour; do
    out=$root/$flavour
    mkdir -p "$out"
    rm -f "$out"/*.result "$out"/*.log
    if [ -z "${RUN_DIST:-}" ] && ! make -s build FLAVOUR="$flavour" >"$out/build.log" 2>&1; then
        cat "$out/build.log"
        echo "$flavour: FAILED: it does not build"
        failed=$((failed + 1))
        continue
    fi
    # shellcheck disable=SC2086
    printf '%s\n' $programs | xargs -P "$(nproc)" -n 1 sh c_tests/run.sh --one "$flavour"
    cases=0 failures=0 count=0
    for program in $programs; do
        read -r n bad <"$out/$program.result" || { n=1 bad=1; }
        count=$((count + (n > 0)))
        cases=$((cases + n)) failures=$((failures + bad))
        if [ "$bad" -gt 0 ]; then
            for log in "$out/$program".*.log; do
                echo "--- $flavour $(basename "$log" .log)"
                head -n 60 "$log"
            done
        fi
    done
    if [ $failures -eq 0 ]; then
        echo "$flavour: $count programs, $cases cases"
    else
        echo "$flavour: $count programs, $cases cases, $failures FAILED"
    fi
    passed=$((passed + cases - failures)) failed=$((failed + failures))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
