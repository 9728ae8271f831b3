#!/bin/sh
# Tests the Python package on each CPython that find_pythons.sh finds:
#
#   run.sh [--one] [--core] [--quick] [--tests FILE] [FLAVOUR...]
#
# --one takes the first CPython of each flavour. --core leaves out tests whose result is the same on every CPython: of
# the command, of the texts and files of reports, and of pytest's options. --quick leaves out the tests that are marked
# as slow, and those of numpy. --tests runs the tests that FILE names, one a line, or all tests if FILE is a folder. It
# stops at the first failure.
# Builds the library if it is not up to date. Installs pytest into target/pytest if it is missing, and numpy into
# target/numpy, one for each release Python that has pip.
set -u
cd "$(dirname "$0")/../.."
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYREFCORE_LIBRARY
one= core= quick= tests=
while :; do
    case ${1:-} in
    --one) one=yes ;;
    --core) core=$(printf -- '--ignore=tests/python/test_%s.py ' cli html json_output report report_file \
        pytest_plugin pytest_settings pytest_journal) ;;
    --quick) quick=yes ;;
    --tests)
        tests=$2
        shift
        ;;
    *) break ;;
    esac
    shift
done
wanted=" $* " taken=" "
passed=0 failed=0 skipped=0

pythons=$(sh tools/find_pythons.sh)
if [ ! -d target/pytest ]; then
    # All Pythons use one pytest: the newest one that works with the oldest Python.
    oldest=$(printf '%s\n' "$pythons" | sort -V | sed -n '1s/^[^ ]* \(.*\) [a-z]*$/\1/p')
    "$oldest" -m pip install -q --target target/pytest.new "pytest<8.4" "pytest-xdist<3.7" >target/pytest.log 2>&1 &&
        mv target/pytest.new target/pytest
fi
if [ ! -d target/pytest ]; then
    echo "skip: there is no pytest, and pip could not bring it (target/pytest.log)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

count() {
    printf '%s\n' "$2" | grep -oE "[0-9]+ $1" | cut -d ' ' -f 1 | head -n 1
}

# Runs pytest once. Adds to `good`, `bad` and `left`.
run() {
    PYTHONPATH=$PWD/target/pytest:$PWD/python${numpy:+:$numpy} PYTHONDONTWRITEBYTECODE=1 PYREFCORE_LIBRARY=$library \
        "$python" -W ignore -m pytest -q -n $processes -p no:cacheprovider -rfEs "$@" >"$log" 2>&1 </dev/null
    status=$?
    last=$(tail -n 1 "$log")
    failures=$(count failed "$last") errors=$(count error "$last")
    failures=$((${failures:-0} + ${errors:-0}))
    # A run that crashes has no counts.
    [ "$status" = 0 ] || [ "$failures" -gt 0 ] || failures=1
    [ "$failures" = 0 ] || cat "$log"
    ran=$(count passed "$last") skips=$(count skipped "$last")
    good=$((good + ${ran:-0})) bad=$((bad + failures)) left=$((left + ${skips:-0}))
}

while read -r flavour python kind; do
    [ -n "$flavour" ] || continue
    [ "$wanted" = "  " ] || case $wanted in *" $flavour "*) ;; *) continue ;; esac
    case $taken in *" $flavour "*) [ -z "$one" ] || continue ;; esac
    taken="$taken$flavour "
    library=$PWD/target/dist/$flavour/lib/libpyrefcore.so
    if [ ! -f "flavours/$flavour.txt" ]; then
        echo "skip $flavour ($python): there is no such flavour"
        skipped=$((skipped + 1))
        continue
    fi
    if ! make -s build FLAVOUR="$flavour" >target/build-$flavour.log 2>&1; then
        cat target/build-$flavour.log
        failed=$((failed + 1))
        continue
    fi
    numpy=$PWD/target/numpy/$flavour
    case $flavour$quick in
    *-* | *yes) numpy= ;;
    *)
        if [ ! -d "$numpy" ]; then
            mkdir -p target/numpy
            "$python" -m pip install -q --only-binary :all: --target "$numpy.new" numpy >"$numpy.log" 2>&1 &&
                mv "$numpy.new" "$numpy"
        fi
        if [ ! -d "$numpy" ] || ! PYTHONPATH=$numpy "$python" -c 'import numpy' 2>/dev/null; then
            echo "skip $flavour: numpy's tests, since there is no numpy that it can import (target/numpy/$flavour.log)"
            numpy=
        fi
        ;;
    esac
    log=target/python-$flavour.log
    # A process of pytest-xdist has threads, and an audit of a free-threaded Python needs a single thread.
    case $flavour in cp*t | cp*t-*) processes=0 ;; *) processes=2 ;; esac
    good=0 bad=0 left=0
    # An imported numpy stays in the process and makes its checks slower, so its tests run alone.
    of_numpy=tests/python/test_numpy.py
    if [ -f "$tests" ]; then
        grep -v "^$of_numpy" "$tests" >target/tests && run -x @target/tests
        grep "^$of_numpy" "$tests" >target/tests && [ -n "$numpy" ] && [ "$bad" = 0 ] && run -x @target/tests
    else
        # shellcheck disable=SC2086
        run ${tests:+-x} --ignore=$of_numpy $core ${quick:+-m "not slow"} tests/python
        case ${tests:+$bad} in "" | 0) [ -z "$numpy" ] || run ${tests:+-x} $of_numpy ;; esac
    fi
    echo "$flavour $python ($kind): $good passed, $bad failed, $left skipped"
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
done <<EOF_PYTHONS
$pythons
EOF_PYTHONS
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
