#!/bin/sh
# The Python package on each CPython that find_pythons.sh finds: run.sh [FLAVOUR...]
# The library is built where it is not up to date; pytest is brought into target/pytest where it is missing, and numpy into
# target/numpy, one for each release Python that has pip.
set -u
cd "$(dirname "$0")/../.."
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYREFCORE_LIBRARY
wanted=" $* "
passed=0 failed=0 skipped=0

pythons=$(sh c_tests/find_pythons.sh)
if [ ! -d target/pytest ]; then
    # The oldest Python decides which pytest all of them can use.
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

while read -r flavour python kind; do
    [ -n "$flavour" ] || continue
    [ "$wanted" = "  " ] || case $wanted in *" $flavour "*) ;; *) continue ;; esac
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
    case $flavour in
    *-*) numpy= ;;
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
    # A process of pytest-xdist has threads, and a free-threaded Python is looked at only while it has one.
    case $flavour in cp*t | cp*t-*) processes=0 ;; *) processes=2 ;; esac
    PYTHONPATH=$PWD/target/pytest:$PWD/python${numpy:+:$numpy} PYTHONDONTWRITEBYTECODE=1 PYREFCORE_LIBRARY=$library \
        "$python" -W ignore -m pytest -q -n $processes -p no:cacheprovider -rs python/tests >"$log" 2>&1 </dev/null
    status=$?
    last=$(tail -n 1 "$log")
    good=$(count passed "$last") bad=$(count failed "$last") errors=$(count error "$last") left=$(count skipped "$last")
    bad=$((${bad:-0} + ${errors:-0}))
    # A run that dies has no counts.
    [ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ "$bad" = 0 ] || cat "$log"
    echo "$flavour $python ($kind): ${good:-0} passed, $bad failed, ${left:-0} skipped"
    passed=$((passed + ${good:-0})) failed=$((failed + bad)) skipped=$((skipped + ${left:-0}))
done <<EOF_PYTHONS
$pythons
EOF_PYTHONS
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
