#!/bin/sh
# Runs this project's tests with pytest, a process on each core: pytest.sh ARGUMENT...   (tests/harness/plugin.py has the
# options). pip brings pytest into target/pytest if it is missing: the newest one that works with the oldest CPython of
# this machine, because that runs tests too. Without pytest only the unit tests run, by cargo.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p target
FOUND_PYTHONS=$(sh tools/find_pythons.sh | sort -V)
export FOUND_PYTHONS
oldest=$(printf '%s\n' "$FOUND_PYTHONS" | sed -n '1s/^[^ ]* \(.*\) [a-z]*$/\1/p')
if [ ! -d target/pytest ] && [ -n "$oldest" ]; then
    "$oldest" -m pip install -q --target target/pytest.new "pytest<8.4" "pytest-xdist<3.7" >target/pytest.log 2>&1 &&
        mv target/pytest.new target/pytest
fi
export PYTHONPATH="$PWD/target/pytest"
for python in python3 "$oldest"; do
    if [ -n "$python" ] && "$python" -m pytest --version >/dev/null 2>&1; then
        exec "$python" -m pytest -n auto -o cache_dir=target/pytest_cache --durations=10 --durations-min=1 "$@"
    fi
done
echo "skipped: all tests but the unit tests, since there is no pytest, and pip could not bring it (target/pytest.log)"
exec cargo test --lib
