#!/bin/sh
# Builds and runs each program of examples/, and compares its output with the one in its first comment.
#
#   run.sh [FLAVOUR...]      as in flavours/; the default is python3's
#
# The C programs are linked with each flavour. The Python programs run on the first CPython of each flavour that
# find_pythons.sh finds; `test_*.py` runs under `pytest --refs`, with the pytest that tests/python/run.sh brings. In an
# expected output a line `...` stands for any lines, and `0x...` for an address. Uses CC and CFLAGS. The last line is
# "N passed, N failed, N skipped"; each skipped program is named above it.
set -u
cd "$(dirname "$0")/../.." || exit 2
root=$PWD
[ $# -gt 0 ] || set -- "$(sh flavours/detect.sh)"
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYTEST_ADDOPTS
passed=0 failed=0 skipped=0

skip() {
    echo "skip $1"
    skipped=$((skipped + 1))
}

# compare FILE STATUS: compares the output in $out/got, and the exit status, with the first comment of FILE.
compare() {
    awk -v given="$2" '
        function matches(i, j) {
            if (i > wanted) return j > got
            if (want[i] == "...") {
                for (; j <= got + 1; j++) if (matches(i + 1, j)) return 1
                return 0
            }
            return j <= got && want[i] == line[j] && matches(i + 1, j + 1)
        }
        FNR == 1 { file++ }
        file == 1 && /Expected output.*:$/ {
            inside = 1
            if (match($0, /status [0-9]+/)) status = substr($0, RSTART + 7, RLENGTH - 7)
            next
        }
        file == 1 && inside && (/^ *\*\// || /^"""/) { inside = 0 }
        file == 1 && inside {
            sub(/^ \* ?/, "")
            sub(/^    /, "")
            if ($0 != "") while (blank > 0 && blank--) want[++wanted] = ""
            if ($0 != "") want[++wanted] = $0; else if (wanted) blank++
        }
        file == 2 { gsub(/0x[0-9a-f]+/, "0x..."); line[++got] = $0 }
        END {
            if (!wanted) { print "    its first comment has no expected output"; exit 1 }
            if (status + 0 != given) { print "    it ended with status " given " instead of " status + 0; bad = 1 }
            if (!matches(1, 1)) { print "    its output is not the one in its first comment"; bad = 1 }
            if (bad) for (j = 1; j <= got; j++) print "    | " line[j]
            exit bad
        }' "$1" "$out/got" && passed=$((passed + 1)) && return
    echo "FAILED $flavour: ${1#"$root/"}"
    failed=$((failed + 1))
}

in_c() {
    for file in "$root"/examples/c/*.c; do
        program=$out/$(basename "$file" .c)
        # shellcheck disable=SC2086
        if ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -g ${CFLAGS:-} -I"$dist/include" "$file" -o "$program" \
            -L"$dist/lib" -Wl,-rpath,"$dist/lib" -lpyrefcore >"$out/got" 2>&1; then
            timeout 60 "$program" >"$out/got" 2>&1
        fi
        compare "$file" $?
    done
}

in_python() {
    python=$(sed -n "s/^$flavour \(.*\) [a-z]*\$/\1/p" "$out/../pythons" | head -n 1)
    if [ -z "$python" ]; then
        skip "$flavour: the Python programs, since there is no CPython of this flavour"
        return
    fi
    export PYTHONPATH="$root/python:$root/target/pytest" PYTHONDONTWRITEBYTECODE=1
    export PYREFCORE_LIBRARY="$dist/lib/libpyrefcore.so"
    for file in "$root"/examples/python/*.py; do
        name=$(basename "$file") options=
        case $name in test_*)
            if ! "$python" -c 'import pytest' 2>/dev/null; then
                skip "$flavour: $name, since there is no pytest; tests/python/run.sh brings it"
                continue
            fi
            options="-m pytest -p pyrefcore_pytest -p no:cacheprovider --rootdir=. --refs" ;;
        esac
        # shellcheck disable=SC2086
        (cd "$root/examples/python" && timeout 120 "$python" $options "$name") >"$out/got" 2>&1 </dev/null
        compare "$file" $?
    done
}

mkdir -p target/examples
sh tools/find_pythons.sh >target/examples/pythons
for flavour; do
    dist=$root/target/dist/$flavour out=$root/target/examples/$flavour
    mkdir -p "$out"
    if ! make -s build FLAVOUR="$flavour" >"$out/build.log" 2>&1; then
        cat "$out/build.log"
        echo "FAILED $flavour: it does not build"
        failed=$((failed + 1))
        continue
    fi
    in_c
    in_python
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
