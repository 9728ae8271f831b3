#!/bin/sh
# Runs fuzz/run.py on each CPython that find_pythons.sh finds, or on those of the given flavours: run.sh [FLAVOUR...]
# FUZZ holds the options of run.py: FUZZ="--seconds 600 --seed 7". The default is a short run from seed 1.
set -u
cd "$(dirname "$0")/.."
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYREFCORE_LIBRARY
wanted=" $* "
passed=0 failed=0 skipped=0

sh tools/find_pythons.sh >target/fuzz-pythons
while read -r flavour rest; do
    [ "$wanted" = "  " ] || case $wanted in *" $flavour "*) ;; *) continue ;; esac
    log=target/fuzz-$flavour.log
    if [ ! -f "flavours/$flavour.txt" ]; then
        echo "skip $flavour: there is no such flavour"
        skipped=$((skipped + 1))
        continue
    fi
    if make -s build FLAVOUR="$flavour" >"$log" 2>&1; then
        # shellcheck disable=SC2086
        PYREFCORE_LIBRARY=$PWD/target/dist/$flavour/lib/libpyrefcore.so "${rest% *}" fuzz/run.py ${FUZZ:-} >"$log" 2>&1 </dev/null
    fi
    line=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
    # A run that crashes has no counts.
    set -- ${line:-0 1}
    sed "s/^/$flavour: /" "$log"
    passed=$((passed + $1)) failed=$((failed + $2))
done <target/fuzz-pythons
[ $((passed + failed + skipped)) -gt 0 ] || { echo "skip fuzz: there is no such CPython on this machine" && skipped=1; }
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
