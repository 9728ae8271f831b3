#!/bin/sh
# Runs the tests, and adds up their counts: `N passed, N failed, N skipped`. Each step prints such a line last. A step
# that ends without one counts as a failure. Before the last line stand the ten slowest steps, with their seconds.
#
#   test.sh              the quick tests: those of four flavours, and of the newest CPython of this machine
#   test.sh --here       every test that this machine can run, except those that only --all runs
#   test.sh --all        every test, with every flavour
#   test.sh FLAVOUR...   every test, with these flavours alone, on their CPythons
set -u
cd "$(dirname "$0")/.." || exit 2
log=target/test.log times=target/times
mkdir -p target
: >$times
passed=0 failed=0 skipped=0
tier=quick
case ${1:-} in
--here | --all)
    tier=${1#--}
    shift
    ;;
esac

branches=$(sed -n '/^cp/p' flavours/branches.txt)
all=$(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V)
for flavour; do
    [ -f "flavours/$flavour.txt" ] || { echo "test.sh: there is no flavour '$flavour' in flavours/" >&2; exit 2; }
done
only=$*
[ -z "$only" ] || tier=only
here=$(sh tools/find_pythons.sh | cut -d ' ' -f 1)
# The package's tests use one build of the newest release. The corpus uses another one.
newest=$(printf '%s\n' $here | grep -x 'cp3[0-9]*' | sort -uV | tail -n 1)
oldest=$(printf '%s\n' $here | grep -x 'cp3[0-9]*' | sort -uV | head -n 1)
case $tier in
quick)
    flavours=$(printf '%s\n' $oldest cp311-refdebug cp313t $newest | sort -uV)
    units="cp311-refdebug cp313t $newest" portables= operations=50000 hosts=$newest audited=$newest
    ;;
here)
    flavours=$(printf '%s\n' $all | grep -xF "$(printf '%s\n' $branches $here)")
    units=$branches portables="cp313t $newest" operations=200000 hosts= audited=$newest
    ;;
all) flavours=$all units=$all portables=$all operations=2000000 hosts= audited= ;;
only) flavours=$only units=$only portables=$only operations=200000 hosts=$only audited=$only ;;
esac

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    begin=$(date +%s)
    "$@" 2>&1 | tee "$log"
    seconds=$(($(date +%s) - begin))
    echo "$seconds seconds"
    printf '%5s s  %s\n' $seconds "$name" >>$times
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        echo "$name ended without its counts"
        failed=$((failed + 1))
        return
    fi
    set -- $(echo "$line" | tr -cs '0-9' ' ')
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + ${3:-0}))
}

# Prints cargo's output of failed tests only, and the counts in the format of the other steps.
unit_tests() {
    all_passed=0 all_failed=0
    for flavour in $units; do
        out=target/unit-$flavour.log
        # The model checker tests the same code in every flavour, so only one runs it: a free-threaded one, which uses
        # that code.
        [ "$flavour" = cp313t ] && skip= || skip='--skip interleavings'
        # shellcheck disable=SC2086
        PYO3_CONFIG_FILE="$PWD/flavours/$flavour.txt" cargo test --quiet --lib -- $skip >"$out" 2>&1
        counts=$(sed -n 's/^test result: [a-zA-Z]*\. \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' "$out" | tail -n 1)
        if [ -z "$counts" ]; then
            cat "$out"
            counts="0 1"
        fi
        set -- $counts
        [ "$2" = 0 ] || cat "$out"
        echo "$flavour: $1 passed, $2 failed"
        all_passed=$((all_passed + $1)) all_failed=$((all_failed + $2))
    done
    echo "$all_passed passed, $all_failed failed"
}

# Runs a command on the CPythons of the named flavours. Skips it where there is none.
on_named() {
    pythons=$(sh tools/find_pythons.sh | while read -r flavour rest; do
        case " $only " in *" $flavour "*) echo "${rest% *}" ;; esac
    done)
    if [ -z "$pythons" ]; then
        echo "skipped: there is no CPython of $only"
        echo "0 passed, 0 failed, 1 skipped"
        return
    fi
    # shellcheck disable=SC2086
    "$@" $pythons
}

# CPython's own tests.
own_tests() {
    ${only:+on_named} sh tests/preload/suite.sh --quick --jobs 2
}

# --all: every Python. Named flavours: their Pythons. Otherwise the last cp311 in the list, or the last Python.
corpus() {
    if [ -n "$only" ]; then
        on_named python3 tests/corpus/table.py --failures
        return
    fi
    if [ $tier = all ]; then
        "$(sh tools/find_pythons.sh | sed -n '1s/^[^ ]* \(.*\) [a-z]*$/\1/p')" tests/corpus/table.py
        return
    fi
    sh tools/find_pythons.sh >target/corpus-pythons
    python=$(sed -n 's/^cp311 \(.*\) [a-z]*$/\1/p' target/corpus-pythons | tail -n 1)
    [ -n "$python" ] || python=$(sed -n '$s/^[^ ]* \(.*\) [a-z]*$/\1/p' target/corpus-pythons)
    if [ -z "$python" ]; then
        echo "skipped: no CPython from 3.8 on was found"
        echo "0 passed, 0 failed, 1 skipped"
        return
    fi
    "$python" tests/corpus/table.py --failures "$python"
}

left_out() {
    left=$(printf '%s\n' $all | grep -vxF "$flavours")
    [ -z "$left" ] || echo "skipped: these tests leave out these flavours; make test-all tests them:" $left
    [ $tier != quick ] || echo "skipped: make test-here also runs the slow tests, and uses every CPython of this machine"
    echo "0 passed, 0 failed, $(echo "$left" | grep -c .) skipped"
}

# A step that the quick tests leave out.
long() {
    [ $tier = quick ] || step "$@"
}

# The build runs in the background: it uses one core, and the first steps need little of its output.
make -s build-all FLAVOURS="$(echo $flavours)" >target/build-all.log 2>&1 &
builder=$!
step "unit and random tests" unit_tests
# shellcheck disable=SC2086
step "preloaded into a CPython" sh tests/preload/run.sh $hosts
long "CPython's own tests on replaced symbols" own_tests
wait $builder || cat target/build-all.log
# shellcheck disable=SC2086
{
    step "C suite" sh c_tests/run.sh $flavours
    step "header, both compilers, all standards" sh tests/header/header.sh $flavours
    step "layouts, constants and inline functions beside CPython's headers" sh tests/header/facts.sh $flavours
    step "names of CPython's headers of counting" sh tests/header/names.sh $flavours
    step "exported symbols" sh tests/header/symbols.sh $flavours
    long "symbols that real headers and libraries know" sh tests/header/emitted.sh $flavours
    long "without assembly" sh tests/portable/run.sh $portables
    step "random operations beside the real libpython" sh tests/differential/run.sh --operations $operations $hosts
    if [ $tier = quick ]; then
        step "the Python package, its quick tests" sh tests/python/run.sh --one --quick $audited
    else
        step "the Python package" sh tests/python/run.sh ${audited:+--one} $audited
    fi
    long "the audit on a corpus of mistakes" corpus
    step "the examples" sh tests/examples/run.sh ${audited:-$flavours}
    long "fuzzing, a short run" sh fuzz/run.sh $audited
}
[ $tier != all ] || step "wheels" sh tests/python/wheel.sh
[ $tier != all ] || step "sanitizers and valgrind" sh tests/sanitize/run.sh
# shellcheck disable=SC2086
step "installed, with pkg-config" sh tests/header/install.sh ${audited%% *}
[ $tier = only ] || step "flavours left out" left_out

printf '\nthe slowest steps:\n'
sort -rn $times | head -n 10
printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
