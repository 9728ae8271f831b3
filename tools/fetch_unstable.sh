#!/bin/sh
# Brings CPythons that Debian built in its unstable suite into target/pythons/. Each is a prefix that runs in place:
#
#   VERSION-debian   Debian's libpython: link-time optimised, its own calls bound directly
#   VERSION-debug    Debian's debug libpython, bound directly too
#   VERSION          Debian's object files of libpython, linked here so that its symbols can be replaced
#
# fetch_unstable.sh [VERSION...]; the default is the two newest that have a flavour. They run with unstable's own C
# library, on any machine. Each has an executable of two lines that names unstable's loader. So they need neither root
# nor a chroot, and no byte of Debian's is changed. The packages are unpacked into target/unstable. An existing prefix
# stays as it is. Ends with `N made, N there, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 2
pythons=${PYREFCORE_PYTHONS:-target/pythons}
mkdir -p "$pythons"
pythons=$(cd "$pythons" && pwd)
# The tree is beside the Pythons, which point into it.
root=$(dirname "$pythons")/unstable
usr=$root/usr
machine=x86_64-linux-gnu
libraries=$usr/lib/$machine
[ $# -gt 0 ] || set -- $(ls flavours | sed -n 's/^cp3\([0-9]*\)\.txt$/3.\1/p' | sort -V | tail -n 2)
cc=${CC:-cc}

give_up() {
    echo "$*" >&2
    exit 2
}

# unpack VERSION...: unpacks the packages and all their dependencies into one tree, whatever this machine has installed.
unpack() {
    rm -rf "$root.new" "$root.debs"
    packages=
    for version; do
        for part in "" -dbg -dev -testsuite; do
            packages="$packages libpython$version$part"
        done
    done
    # shellcheck disable=SC2086
    sh tools/fetch_apt.sh "$root.debs" tree $packages || exit
    mkdir -p "$root.new"
    for package in "$root.debs"/*.deb; do
        dpkg -x "$package" "$root.new" || give_up "can't unpack $package"
    done
    rm -rf "$root.debs"
    # Beside Python.h, Debian has a pyconfig.h that includes the real one. Here the real one takes its place.
    for config in "$root".new/usr/include/*-*/python3.*/pyconfig.h; do
        version=$(basename "$(dirname "$config")")
        cp "$config" "$root.new/usr/include/$version/"
    done
    echo "$*" >"$root.new/versions"
    rm -rf "$root"
    mv "$root.new" "$root"
}

# missing_module NAME: makes a module for one whose code Debian's archive lacks. Its import fails, as for a module that
# is left out. But hashlib complains if blake2 can't be imported, so there only the call fails.
missing_module() {
    if [ "$1" = _blake2 ]; then
        echo 'static PyObject *none(PyObject *m, PyObject *a, PyObject *k)
            { return PyErr_Format(PyExc_OSError, "no blake2"); }
            #define NONE (PyCFunction)(void *)none, METH_VARARGS | METH_KEYWORDS, NULL
            static PyMethodDef blakes[] = { { "blake2b", NONE }, { "blake2s", NONE }, { NULL, NULL, 0, NULL } };
            static PyModuleDef blake2 = { PyModuleDef_HEAD_INIT, "_blake2", NULL, 0, blakes };
            PyMODINIT_FUNC PyInit__blake2(void) { return PyModule_Create(&blake2); }'
    else
        echo "PyMODINIT_FUNC PyInit_$1(void)
            { return PyErr_Format(PyExc_ImportError, \"no $1: Debian's archive lacks its functions\"); }"
    fi
}

# relink VERSION FOLDER: links a libpython from Debian's position-independent objects, which call each other by name. No
# archive of Debian has the functions that the hash modules call.
relink() {
    objects=$2/objects
    mkdir -p "$objects"
    cp "$usr/lib/python$1/config-$1-$machine/libpython$1-pic.a" "$objects/all.a"
    (cd "$objects" && ar x all.a) || return
    echo '#include <Python.h>' >"$objects/missing.c"
    for object in $(cd "$objects" && nm -A -u ./*.o | sed -n 's/:.* _Py_LibHacl_.*//p' | sort -u); do
        missing_module "$(nm "$objects/$object" | sed -n 's/.* T PyInit_//p')" >>"$objects/missing.c"
        ar d "$objects/all.a" "$object"
    done
    $cc -fPIC -O2 -I"$usr/include/python$1" -c "$objects/missing.c" -o "$objects/missing.o" &&
        $cc -g -shared -nostdlib -Wl,-z,defs -Wl,-soname,"libpython$1.so.1.0" -o "$2/libpython$1.so.1.0" \
            -Wl,--whole-archive "$objects/all.a" -Wl,--no-whole-archive "$objects/missing.o" \
            -L"$libraries" -l:libm.so.6 -Wl,--as-needed -l:libz.so.1 -l:libexpat.so.1 -l:libzstd.so.1 -lgcc \
            -l:libgcc_s.so.1 -l:libc.so.6 -l:ld-linux-x86-64.so.2 &&
        rm -rf "$objects"
}

# make_prefix NAME VERSION FLAGS: makes a prefix and renames it at the end, so that it is whole or not there. It uses
# DT_RPATH, because the libraries of extension modules must come from unstable, too.
make_prefix() {
    new=$pythons/.$1 library=libpython$2$3.so.1.0
    rm -rf "$new"
    mkdir -p "$new/bin" "$new/lib" "$new/include"
    if [ "$1" = "$2" ]; then
        relink "$2" "$new/lib" || return
    else
        ln -s "$libraries/$library" "$new/lib/$library"
    fi
    echo 'int Py_BytesMain(int, char **);
        int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }' |
        $cc -x c - -x none -o "$new/bin/python$2$3" "$new/lib/$library" -Wl,--allow-shlib-undefined \
            -Wl,--dynamic-linker="$libraries/ld-linux-x86-64.so.2" \
            -Wl,--disable-new-dtags,-rpath,"$pythons/$1/lib:$libraries" || return
    ln -s "$library" "$new/lib/libpython$2$3.so"
    ln -s "python$2$3" "$new/bin/python3"
    [ -z "$3" ] || ln -s "python$2$3" "$new/bin/python$2"
    ln -s "$usr/lib/python$2" "$new/lib/python$2"
    ln -s "$usr/include/python$2" "$new/include/python$2$3"
    rm -rf "${pythons:?}/$1"
    mv "$new" "$pythons/$1"
    "$pythons/$1/bin/python3" -I -c 'import _testcapi, ctypes, hashlib, ssl, zlib' && return
    rm -rf "${pythons:?}/$1"
    return 1
}

[ "$(uname -m)" = x86_64 ] || give_up "Debian's CPythons are brought in on x86-64 only"
known=" $(cat "$root/versions" 2>/dev/null) " wanted=
for version; do
    case $known in *" $version "*) ;; *) wanted="$wanted $version" ;; esac
done
# shellcheck disable=SC2086
[ -z "$wanted" ] || unpack $known $wanted

made=0 there=0 failed=0
for version; do
    for name in "$version" "$version-debug" "$version-debian"; do
        case $name in *-debug) flags=d ;; *) flags= ;; esac
        if [ -x "$pythons/$name/bin/python3" ]; then
            there=$((there + 1))
        elif make_prefix "$name" "$version" "$flags" >"$pythons/$name.log" 2>&1; then
            made=$((made + 1))
            echo "made $name: $("$pythons/$name/bin/python3" -VV)"
        else
            failed=$((failed + 1))
            tail -n 15 "$pythons/$name.log"
            echo "failed $name: the last lines of $pythons/$name.log stand above"
        fi
    done
done
echo "$made made, $there there, $failed failed"
[ $failed -eq 0 ]
