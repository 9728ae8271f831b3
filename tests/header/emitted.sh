#!/bin/sh
# Finds out from real compilers, headers and libraries which symbols counting needs. Compares flavours/symbols.txt, and
# the exports of each flavour, with the result.
#
#   emitted.sh [FLAVOUR...]      the default is all of them
#
# Headers: takes every function and variable of counting that a Python.h declares, and every symbol that is undefined in
# emitted.c. Each must be exported with the same kind, or be in flavours/left_out.txt. The symbols of limited API must
# be in every given flavour that can load them. A symbol that symbols.txt marks with "=" must be declared, and one that
# it marks with "=:" must not be.
# Libraries: the lines of symbols.txt about CPython's exports must be true, with the same kind.
#
# Uses CC. The last line is "N passed, N failed, N skipped"; each skipped case is named above it.

set -u
cd "$(dirname "$0")/../.." || exit 2
all=0
[ $# -gt 0 ] || { all=1; set -- $(cd flavours && ls cp*.txt | sed 's/\.txt$//' | sort -V); }
cc=${CC:-gcc}
out=$PWD/target/header/emitted
rm -rf "$out"
mkdir -p "$out"
# The limited API of each version, and one between two versions. That of 3.11 counts as that of 3.10 does.
limits="0x030A00A7$(printf ' 0x03%02X0000' $(ls flavours | sed -n '/^cp311\./d; s/^cp3\([0-9]*\)\.txt$/\1/p' | sort -n))"
# Names that concern counting. A Python.h declares about 1300 other names.
counting='[Rr]ef(cnt|count|Total|erence|Tracer)|REFCNT|IncRef|DecRef|INCREF|DECREF|NewRef|Dealloc|Trash|Immortal'
counting="$counting|Finalizer|[Tt]race[Mm]alloc|_AssertFailed|Unique|AllObjects|PyObject_(New|Init)|TotalRefs"
counting="$counting|LocalRefcount|GetThreadLocal|ClearWeakRefsNo|GetObjects|_(inc|dec)_count|^Py_(Is|TYPE|SIZE|IS_|SET_)"

passed=0 failed=0 skipped=0
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1"
}
# case_of NAME FILE: passes if the file, a list of errors, is empty.
case_of() {
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "FAILED $1"
        head -n 40 "$2" | sed 's/^/    /'
    else
        passed=$((passed + 1))
    fi
}

# exports FILE: "name kind" of a library or program.
exports() {
    nm -D --defined-only "$1" | awk '{ print $3, $2 ~ /^[TWi]$/ ? "F" : "D" }' | sed 's/@[^ ]*//' | sort
}

# flags FLAVOUR: the switches of its build, from its name. A Python with both debug options may have no file in
# flavours/.
flags() {
    case $1 in *t | *t-*) printf 'Py_GIL_DISABLED ' ;; esac
    case $1 in *-refdebug*) printf 'Py_REF_DEBUG ' ;; esac
    case $1 in *-tracerefs) printf 'Py_TRACE_REFS ' ;; esac
}
# minor FLAVOUR
minor() { echo "$1" | sed 's/^cp3\([0-9]*\).*/\1/'; }

# reviewed FLAVOUR: "name kind CPython public" of each line of symbols.txt that concerns such a CPython, whether
# or not the flavour has the symbol. CPython (whether it exports the symbol) and public are yes, no or unsaid.
reviewed() {
    awk -v minor="$(minor "$1")" -v flags=" $(flags "$1")" '
        function within(range,    ends) {
            if (range ~ /\/TR$/ && flags !~ /Py_TRACE_REFS/) return 0
            sub(/\/.*/, "", range)
            if (split(range, ends, "-") == 1) ends[2] = ends[1]
            return minor >= substr(ends[1], 3) + 0 && minor <= (ends[2] == "" ? 99 : substr(ends[2], 3) + 0)
        }
        function any(ranges,    list, n, i) {
            n = split(ranges, list, ",")
            for (i = 1; i <= n; i++) if (within(list[i])) return 1
            return 0
        }
        /^#/ || NF == 0 { next }
        $4 == "RD" && flags !~ /Py_REF_DEBUG/ || $4 == "TR" && flags !~ /Py_TRACE_REFS/ { next }
        $4 == "FT" && flags !~ /Py_GIL_DISABLED/ { next }
        {
            ours = any($3)
            said = $5
            sub(/:$/, "", said)
            public = !ours || $5 !~ /^=/ ? "unsaid" : $5 == "=" ? "yes" : "no"
            if (said == "=") theirs = ours ? "yes" : "unsaid"
            else if (said == "no") theirs = ours ? "no" : "unsaid"
            else theirs = any(said) ? "yes" : ours ? "no" : "unsaid"
            print $1, $2, theirs, public
        }' flavours/symbols.txt
}

# declared COMPILER-ARG...: "name kind" of the API of counting that Python.h declares.
declared() {
    printf '#include <Python.h>\n' |
        $cc -E -P -w '-DPyAPI_FUNC(T)=PYREFCORE_FUNCTION T' '-DPyAPI_DATA(T)=PYREFCORE_DATA T' "$@" - | tr '\n' ' ' |
        awk '{ gsub(/PYREFCORE_/, "\n"); print }' | awk '
            $1 == "FUNCTION" && match($0, /_?Py[A-Za-z0-9_]* *\(/) {
                name = substr($0, RSTART, RLENGTH); sub(/ *\(/, "", name); print name, "F" }
            $1 == "DATA" && match($0, /[A-Za-z0-9_]+ *(\[[^]]*\])* *;/) {
                name = substr($0, RSTART, RLENGTH); sub(/ *[[;].*/, "", name); print name, "D" }' |
        grep -E "$counting" | sort -u
}

# undefined OBJECT: "name kind" of the symbols that an object file needs from Python. A called symbol is a function.
undefined() {
    nm -u "$1" | awk '{ print $2 }' | grep -E '^_?Py' | sort >"$out/undefined"
    readelf -rW "$1" | awk -v undefined="$out/undefined" '
        BEGIN { while ((getline name <undefined) > 0) wanted[name] = 1 }
        $5 in wanted { if ($3 ~ /PLT32|CALL26|JUMP26/) called[$5] = 1 }
        END { for (name in wanted) print name, name in called ? "F" : "D" }' | sort
}

# missing EXPORTS WANTED: the wanted symbols that are neither exported nor left out, with their kinds.
missing() {
    awk -v exports="$1" '
        BEGIN {
            while ((getline <exports) > 0) kind[$1] = $2
            while ((getline <"flavours/left_out.txt") > 0) if ($1 !~ /^#/) left[$1] = 1
        }
        $1 in left && !($1 in kind) { next }
        !($1 in kind) { print $1, "is not exported"; next }
        kind[$1] != $2 { print $1, "is exported and is no", $2 == "F" ? "function" : "variable" }' "$2"
}

# emits NAME FLAVOURS COMPILER-ARG...: a case. Each of the flavours must have the symbols that are undefined in
# emitted.c. False if the headers themselves refuse such a compilation.
emits() {
    name=$1 loaders=$2
    shift 2
    : >"$out/wrong"
    if $cc -c -fPIC -w "$@" tests/header/emitted.c -o "$out/emitted.o" 2>"$out/log"; then
        undefined "$out/emitted.o" >"$out/emitted"
        cat "$out/emitted" >>"$out/all"
        cat "$out/emitted" >>"$out/public"
        grep -q '^_Py_Dealloc F' "$out/emitted" || echo "nothing was emitted" >"$out/wrong"
        for loader in $loaders; do
            missing "$out/exports/$loader" "$out/emitted" | sed "s/\$/ by $loader/" >>"$out/wrong"
        done
    elif grep -q '#error' "$out/log"; then
        return 1
    else
        cp "$out/log" "$out/wrong"
    fi
    case_of "$flavour: emitted by $name" "$out/wrong"
}

# declares NAME COMPILER-ARG...: a case of the declared symbols.
declares() {
    name=$1
    shift
    declared "$@" >"$out/declared" 2>"$out/log"
    cat "$out/declared" >>"$out/all"
    cat "$out/declared" >>"$out/public"
    missing "$out/exports/$flavour" "$out/declared" >"$out/wrong"
    grep -q '^Py_DecRef F' "$out/declared" || echo "no declarations were found" >>"$out/wrong"
    case_of "$flavour: declared by $name" "$out/wrong"
}

# loaders LIMIT: the given flavours that can load an extension compiled with that limit.
loaders() {
    low=$(($(printf '%d' "$1") / 65536 % 256))
    for loader in $built; do
        case $loader in *t | *t-*) continue ;; esac
        [ "$(minor "$loader")" -lt "$low" ] || echo "$loader"
    done
}

# by_headers FLAVOUR: the flavour's cases for each Python.h.
by_headers() {
    flavour=$1
    sh tools/find_headers.sh --for "$flavour" <"$out/headers" >"$out/for"
    [ -s "$out/for" ] || skip "$flavour: no Python.h of its version; make headers brings those of the newest versions, a Python its own"
    while read -r found set folders; do
        switches=$(for switch in $(flags "$flavour") $(echo "$set" | tr ',-' '  '); do echo "-D$switch=1"; done | sort -u)
        include=$(echo "-I$folders" | sed 's/:/ -I/g')
        label="Python.h $found $(echo "$set" | sed "s/^-$//")"
        : >"$out/public"
        # shellcheck disable=SC2086
        {
            emits "$label" "$flavour" $include $switches -O2 -DNDEBUG
            emits "$label, with assertions" "$flavour" $include $switches -O0
            declares "$label" $include $switches
            for limit in $limits; do
                [ "$((limit / 65536 % 256))" -le "$(minor "$flavour")" ] || continue
                case $(flags "$flavour") in "") who=$(loaders "$limit") ;; *) who=$flavour ;; esac
                case $flavour in *t | *t-*) opaque=-DOPAQUE_OBJECTS ;; *) opaque= ;; esac
                limited="-DPy_LIMITED_API=$limit $opaque"
                emits "$label, limit $limit" "$who" $include $switches $limited -O2 -DNDEBUG &&
                    declares "$label, limit $limit" $include $switches $limited
            done
        }
        reviewed "$flavour" | awk -v declared="$out/public" '
            BEGIN { while ((getline <declared) > 0) public[$1] = 1 }
            $4 == "yes" && !($1 in public) { print $1, "is in no public header; symbols.txt should say why it is exported" }
            $4 == "no" && $1 in public { print $1, "is in a public header; symbols.txt says that it is in none" }' >"$out/wrong"
        case_of "$flavour: symbols.txt beside $label" "$out/wrong"
    done <"$out/for"
}

# by_libraries FLAVOUR: a case for each real library of this flavour. We need not have the flavour.
by_libraries() {
    flavour=$1
    reviewed "$flavour" >"$out/reviewed"
    grep "^$flavour " "$out/pythons" >"$out/for" ||
        skip "$flavour: no Python of this build is here to be compared with; make pythons brings those from 3.13 on that it can"
    while read -r _ python _; do
        library=$(LD_PRELOAD='' "$python" -I -S -c '
import sys
with open("/proc/self/maps") as maps:
    files = [line.split(None, 5)[-1].rstrip("\n") for line in maps]
print(([name for name in files if "/libpython" in name] + [sys.executable])[0])' </dev/null)
        exports "$library" >"$out/theirs"
        awk -v theirs="$out/theirs" '
            BEGIN { while ((getline <theirs) > 0) kind[$1] = $2 }
            $3 == "yes" && !($1 in kind) { print $1, "is not exported there"; next }
            $3 == "yes" && kind[$1] != $2 { print $1, "has the other kind there" }
            $3 == "no" && $1 in kind { print $1, "is exported there" }' "$out/reviewed" >"$out/wrong"
        grep -q '^_Py_Dealloc F' "$out/theirs" || echo "its exports can't be read" >>"$out/wrong"
        case_of "$flavour: symbols.txt beside $library" "$out/wrong"
        cut -d ' ' -f 1 "$out/theirs" | sort >"$out/names"
        sed 's/$/ F/' "$out/names" >>"$out/all"
    done <"$out/for"
}

sh tools/find_headers.sh >"$out/headers"
sh tools/find_pythons.sh >"$out/pythons"
mkdir "$out/exports"
built=
for flavour; do
    if make -s build FLAVOUR="$flavour" >"$out/log" 2>&1; then
        exports "target/dist/$flavour/lib/libpyrefcore.so" >"$out/exports/$flavour"
        built="$built $flavour"
    else
        case_of "$flavour does not build" "$out/log"
    fi
done
for flavour in $built; do
    by_headers "$flavour"
    by_libraries "$flavour"
done
[ $all = 0 ] || cut -d ' ' -f 1 "$out/pythons" | sort -u | while read -r flavour; do
    [ -f "flavours/$flavour.txt" ] || echo "$flavour"
done >"$out/others"
for flavour in $([ $all = 0 ] || cat "$out/others"); do
    by_libraries "$flavour"
done
# Each name in left_out.txt must have a reason, must be asked for by a header or a library, and must not be exported.
cat "$out"/exports/* | awk '{ print $1 }' | sort -u >"$out/ours"
cut -d ' ' -f 1 "$out/all" 2>/dev/null | sort -u >"$out/names"
grep -v '^#' flavours/left_out.txt | awk -v names="$out/names" -v ours="$out/ours" -v all=$all '
    BEGIN { while ((getline <names) > 0) seen[$1] = 1; while ((getline <ours) > 0) exported[$1] = 1 }
    NF == 1 { print $1, "has no reason" }
    NF && $1 in exported { print $1, "is left out and exported" }
    NF && all && !($1 in seen) { print $1, "is undefined in no program" }' >"$out/wrong"
case_of "flavours/left_out.txt" "$out/wrong"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
