#!/bin/sh
# Builds and installs the wheels as a user would, for each CPython that find_pythons.sh finds: wheel.sh [FLAVOUR...]
# One wheel is from `pip wheel .`, the other from tools/wheel.sh, in target/wheels. Each works with every Python of its
# flavour. pip installs setuptools, setuptools-rust and pytest. A part that pip can't install is skipped.
set -u
cd "$(dirname "$0")/../.."
unset PYREFCORE PYREFCORE_REPORT LD_PRELOAD PYREFCORE_LIBRARY PYTHONPATH PYO3_PYTHON PYO3_CONFIG_FILE PYTEST_ADDOPTS
root=$PWD wheels=$PWD/target/wheels log=$PWD/target/test-wheel.log
wanted=" $* "
passed=0 failed=0 skipped=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir -p target
: >"$log"

# check NAME COMMAND...: shows the output only if the command fails.
check() {
    what=$1
    shift
    # The loop below reads its Pythons from standard input, so these commands must not read it.
    if "$@" >"$scratch/output" 2>&1 </dev/null; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    echo "FAIL $what"
    tail -n 30 "$scratch/output" | sed 's/^/    /'
    return 1
}

skip() {
    skipped=$((skipped + 1))
    echo "skip $1"
}

# Makes a fresh environment in $venv, and sets $pip to the command that installs there. Debian's Pythons have no
# ensurepip.
make_venv() {
    venv=$scratch/venv-$2
    if "$1" -m venv "$venv" >>"$log" 2>&1; then
        pip="$venv/bin/python -m pip"
    else
        rm -rf "$venv"
        "$1" -m venv --without-pip "$venv" >>"$log" 2>&1 || return 1
        pip="$tools/bin/python -m pip --python $venv/bin/python"
    fi
}

# has_tag WHEEL PYTHON PLATFORM: whether the wheel's tag names that Python and that platform.
has_tag() {
    abi=$("$2" -c 'import sys, sysconfig
print("cp%d%d-cp%s" % (sys.version_info[:2] + (sysconfig.get_config_var("SOABI").split("-")[1],)))')
    basename "$1"
    case $(basename "$1" .whl | cut -d - -f 3-). in "$abi-$3".* | "$abi-"*".$3".*) ;; *) return 1 ;; esac
}

# Whether the wheel needs no symbol of a glibc newer than 2.17, by its symbols and by auditwheel.
is_old() {
    rm -rf "$scratch/unpacked"
    unzip -q "$1" -d "$scratch/unpacked" || return 1
    newest=$(objdump -T "$scratch"/unpacked/pyrefcore/libpyrefcore.*.so | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    echo "the newest symbol is of $newest"
    [ -n "$newest" ] && [ "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.17 ] || return 1
    "$root/target/wheel/tools/bin/auditwheel" show "$1" >"$scratch/shown" 2>&1
    cat "$scratch/shown"
    tr '\n' ' ' <"$scratch/shown" | grep -q "platform tag: \"manylinux_2_17_$(uname -m)\""
}

# Whether the wheel holds the package, the plugin, one library, licences, and nothing else.
is_complete() {
    unzip -Z1 "$1" | grep -v '/$' >"$scratch/names"
    cat "$scratch/names"
    [ "$(grep -c '^pyrefcore/libpyrefcore\..*\.so$' "$scratch/names")" = 1 ] || return 1
    for file in $(cd python && ls pyrefcore/*.py pyrefcore/*/*.py pyrefcore/py.typed *.py); do
        grep -Fqx "$file" "$scratch/names" || { echo "there is no $file"; return 1; }
    done
    grep -q 'dist-info/.*LICENSE-MIT$' "$scratch/names" || return 1
    ! grep -Ev '^pyrefcore/([a-z]+/)?[a-z_]+\.py$|^pyrefcore/py\.typed$|^pyrefcore_pytest\.py$|^pyrefcore/libpyrefcore\.|\.dist-info/' \
        "$scratch/names"
}

leaks='
import ctypes, sys
import pyrefcore
assert pyrefcore.__file__.startswith(sys.prefix), pyrefcore.__file__
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
class Thing: pass
def leak(): incref(Thing())
'
cat >"$scratch/leaks.py" <<EOF_LEAKS
$leaks
report = pyrefcore.check(leak, runs=10)
print(report)
assert [(one.kind, one.type, one.references_per_run) for one in report.findings] == [("leak", "__main__.Thing", 1.0)]
report = pyrefcore.check(lambda: Thing(), runs=10)
assert report.ok, report
EOF_LEAKS
mkdir "$scratch/project"
cat >"$scratch/project/test_leaks.py" <<EOF_LEAKS
$leaks
def test_good(): Thing()
def test_bad(): leak()
EOF_LEAKS

plugin_reports() {
    (cd "$scratch/project" && "$venv/bin/python" -m pytest --refs --refs-runs 5)
    [ $? = 1 ] || return 1
    (cd "$scratch/project" && "$venv/bin/python" -m pytest --refs --refs-runs 5 -k good)
}

plugin_counts() {
    plugin_reports >"$scratch/plugin" 2>&1
    status=$?
    cat "$scratch/plugin"
    [ $status = 0 ] && grep -q '1 passed, 1 leaked' "$scratch/plugin" && grep -q 'leak: 1 reference to test_leaks.Thing' "$scratch/plugin"
}

install_wheel() {
    $pip install --quiet --no-index --no-deps --force-reinstall "$1"
}

quiet_on_good_code() {
    "$venv/bin/python" -m pyrefcore check --runs 20 'len([])'
}

build_wheel() {
    $pip wheel --no-deps --wheel-dir "$1" "$2"
}

pythons=$(sh tools/find_pythons.sh | sort -V)
tools=$scratch/tools
# The tools use any Python that can make an environment with pip.
for python in $(printf '%s\n' "$pythons" | sed -n 's/^cp3[0-9]* \(.*\) [a-z]*$/\1/p' | sort -rV); do
    rm -rf "$tools"
    "$python" -m venv "$tools" >>"$log" 2>&1 && break
done
if ! "$tools/bin/python" -m pip install --quiet --upgrade pip build >>"$log" 2>&1; then
    skip "everything: pip can't bring what builds a wheel ($log)"
    echo "0 passed, 0 failed, $skipped skipped"
    exit 0
fi

count=0
while read -r flavour python kind; do
    [ -n "$flavour" ] || continue
    [ "$wanted" = "  " ] || case $wanted in *" $flavour "*) ;; *) continue ;; esac
    count=$((count + 1))
    name="$flavour $python ($kind)"
    make_venv "$python" "$count" || { skip "$name: no environment can be made with it"; continue; }
    plain=$scratch/plain/$flavour many=$wheels/$flavour
    if [ ! -d "$plain" ]; then
        check "$name: pip wheel" build_wheel "$plain" "$root" || continue
        check "$name: that wheel is complete" is_complete "$plain"/*.whl
        check "$name: its tag" has_tag "$plain"/*.whl "$python" "linux_$(uname -m)"
        check "$name: tools/wheel.sh" env PYTHON="$python" sh tools/wheel.sh || continue
        check "$name: that wheel is complete" is_complete "$many"/*.whl
        check "$name: its tag" has_tag "$many"/*.whl "$python" "manylinux_2_17_$(uname -m)"
        check "$name: glibc 2.17 is enough" is_old "$many"/*.whl
    fi
    # Not in the folder of the sources, which would be imported instead of the installed package.
    cd "$scratch" || exit 1
    if check "$name: pip install what pip made" install_wheel "$plain"/*.whl; then
        check "$name: a leak is found" "$venv/bin/python" leaks.py
    fi
    if check "$name: pip install what tools/wheel.sh made" install_wheel "$many"/*.whl; then
        check "$name: a leak is found" "$venv/bin/python" leaks.py
        check "$name: nothing is found" quiet_on_good_code
        check "$name: doctor" "$venv/bin/python" -m pyrefcore doctor
        if $pip install --quiet pytest >>"$log" 2>&1; then
            check "$name: pytest --refs" plugin_counts
        else
            skip "$name: pytest --refs; pip can't bring pytest"
        fi
    fi
    cd "$root" || exit 1
    echo "done $name: $(basename "$many"/*.whl)"
    rm -rf "$venv"
done <<EOF_PYTHONS
$pythons
EOF_PYTHONS

# Builds from the source distribution alone, without any file of the tree and without cargo's earlier output.
sdist_builds() {
    "$tools/bin/python" -m build --sdist --outdir "$scratch/sdist" . &&
        CARGO_TARGET_DIR=$scratch/cargo "$tools/bin/python" -m pip wheel --no-deps --wheel-dir "$scratch/wheels" "$scratch"/sdist/*.tar.gz &&
        is_complete "$scratch/wheels"/*.whl
}
check "the source distribution builds" sdist_builds

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
