#!/bin/sh
# Installs one flavour into an empty folder, as a packager does, and builds a program against it with
# pkg-config, shared and static: install.sh [FLAVOUR]. Ends with `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.."
flavour=${1:-$(sh flavours/detect.sh)}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0 failed=0 skipped=0

check() {
    name=$1
    shift
    if "$@" >"$root/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name"
        cat "$root/log"
    fi
}

cat >"$root/program.c" <<'C'
#include <pyrefcore.h>
#include <string.h>

int main(int argc, char **argv)
{
    static PyTypeObject type = { PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "Thing",
                                 .tp_basicsize = sizeof(PyObject),
                                 .tp_dealloc = (destructor)PyObject_Free };
    PyObject *op = PyObject_New(PyObject, &type);
    Py_INCREF(op);
    Py_DECREF(op);
    Py_DecRef(op);
    return argc != 2 || strcmp(pyrefcore_flavour(), argv[1]) != 0;
}
C

check "make install" make -s install FLAVOUR="$flavour" DESTDIR="$root/stage" PREFIX=/opt/pyrefcore
tree=$root/stage/opt/pyrefcore
check "a real soname" sh -c "readelf -d '$tree/lib/libpyrefcore.so' | grep -q 'SONAME.*libpyrefcore-$flavour.so.0'"
if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH="$tree/lib/pkgconfig"
    check "the version" test "$(pkg-config --modversion pyrefcore)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
    check "a program, shared" ${CC:-cc} "$root/program.c" -o "$root/shared" $(pkg-config --cflags --libs pyrefcore)
    check "a program, shared, runs" env LD_LIBRARY_PATH="$tree/lib" "$root/shared" "$flavour"
    check "a program, static" ${CC:-cc} "$root/program.c" -o "$root/static" $(pkg-config --cflags pyrefcore) \
        "$tree/lib/libpyrefcore.a" $(pkg-config --libs --static pyrefcore | tr ' ' '\n' | grep -v pyrefcore)
    check "a program, static, runs" "$root/static" "$flavour"
    check "a program, static, needs no library of ours" sh -c "! ldd '$root/static' | grep -q pyrefcore"
else
    skipped=6
    echo "skipped: pkg-config is not installed, so nothing was built against the installed tree"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
