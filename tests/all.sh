#!/bin/sh
# Brings the CPythons and headers that this machine lacks. Then runs every test on all of them: the tests of
# tests/test.sh, with CPython's own tests in full and on every host. Ends with `N passed, N failed, N skipped`. A part
# that could not be brought counts as failed if it broke, and as skipped if no mirror serves it.
set -u
cd "$(dirname "$0")/.." || exit 2
log=target/test-all.log
mkdir -p target
failed=0 skipped=0

cat <<'TEXT'
make test-all needs no root. It brings, through this machine's own apt mirror and into target/ only:
  headers    Debian's libpythonVERSION-dev of the two newest versions                 12 MB
  unstable   those two as Debian built them, release and debug, with a C library      120 MB, 600 MB unpacked
  pythons    3.13 free-threaded, debug and trace-refs, 3.11 debug and trace-refs,
             built from Debian's source                                                50 MB, 2.2 GB built, 25 minutes
Then it runs every test on all of that.
TEXT

# bring NAME SCRIPT: the tests run without the parts that SCRIPT skips or fails to bring.
bring() {
    printf '\n== %s\n' "$1"
    sh "$2" 2>&1 | tee "$log"
    line=$(grep -E '^[0-9]+ (made|built|fetched), ' "$log")
    if [ -z "$line" ]; then
        failed=$((failed + 1))
        return
    fi
    failed=$((failed + $(echo "$line" | sed 's/.* \([0-9]*\) failed.*/\1/')))
    skipped=$((skipped + $(echo "$line" | sed -n 's/.* \([0-9]*\) skipped.*/\1/p' | grep . || echo 0)))
}

bring headers tools/fetch_headers.sh
bring unstable tools/fetch_unstable.sh
bring pythons tools/fetch_pythons.sh

export PRELOAD_SUITE="--full --jobs $(nproc)"
sh tests/test.sh --all 2>&1 | tee "$log"
# Takes the very last line of test.sh: a run that ends without counts has failed.
line=$(tail -n 1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$')
# shellcheck disable=SC2046
set -- $(echo "${line:-0 1 0}" | tr -cs '0-9' ' ')

printf '\n%s passed, %s failed, %s skipped\n' "$1" "$((failed + $2))" "$((skipped + $3))"
[ "$((failed + $2))" = 0 ]
