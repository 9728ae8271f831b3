#!/bin/sh
# The second half of `make run`: a stock CPython runs its own tests on this library's reference counting.
#
#   demo.sh [FLAVOUR]     prefers the Python on the PATH, then one of FLAVOUR, then the newest one
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
wanted=${1:-}
say() { printf '%s\n' "$*"; }

found=$(sh "$here/../../tools/find_pythons.sh")
replaceable=$(printf '%s\n' "$found" | sed -n 's/ replaceable$//p')
on_path=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))' 2>/dev/null)

# Prints the `FLAVOUR PATH` lines for which there is a flavour file.
known() {
    while read -r flavour path; do
        if [ -f "$root/flavours/$flavour.txt" ]; then printf '%s %s\n' "$flavour" "$path"; fi
    done
}
choices=$(printf '%s\n' "$replaceable" | known | sort -t p -k 2 -V -r)
chosen=
[ -z "$on_path" ] || chosen=$(printf '%s\n' "$choices" | awk -v path="$on_path" 'substr($0, index($0, " ") + 1) == path' | head -n 1)
if [ -z "$chosen" ]; then
    chosen=$(printf '%s\n' "$choices" | awk -v flavour="$wanted" '$1 == flavour' | head -n 1)
    # 3.8 does not call _Py_NewReference by name, so its births are not seen. Any other version is better.
    [ -n "$chosen" ] || chosen=$(printf '%s\n' "$choices" | grep -v '^cp38 ' | head -n 1)
    [ -n "$chosen" ] || chosen=$(printf '%s\n' "$choices" | head -n 1)
fi
say
if [ -z "$chosen" ]; then
    if [ -z "$found" ]; then
        say "No CPython from 3.8 on was found, so there is none to run on replaced symbols."
    else
        say "No CPython found here looks its reference counting up by name (libpython is linked statically, or bound early), so none can be run on replaced symbols."
    fi
    exit 0
fi
flavour=${chosen%% *}
python=${chosen#* }
if [ -n "$on_path" ] && [ "$python" != "$on_path" ]; then
    say "The python3 on the PATH can't be replaced (it binds its own calls directly); another one can:"
fi

make --no-print-directory -s -C "$root" build FLAVOUR="$flavour" >/dev/null || exit 1
library=$root/target/dist/$flavour/lib/libpyrefcore.so
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

work="-m test test_json test_re test_pickle"
what="its own json, re and pickle tests"
if ! (unset LD_PRELOAD; "$python" -c 'import test.test_json, test.test_pickle, test.libregrtest' >/dev/null 2>&1); then
    work="$here/stdlib_work.py"
    what="real work with json, re and pickle (it came without its test package)"
fi
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
say "CPython $version ($python) runs $what,"
say "with its reference counting replaced by ${library#"$root"/}:"
say
say "  \$ LD_PRELOAD=.../libpyrefcore.so PYREFCORE_REPORT=report.txt python3 $(printf '%s' "$work" | sed "s|$here/||")"
# The tests change the current folder and print much; only their last lines are shown.
# shellcheck disable=SC2086
(
    unset PYREFCORE PYTHONPATH PYTHONHOME
    cd "$folder" && TMPDIR=$folder PYREFCORE_REPORT=$folder/report.txt LD_PRELOAD=$library \
        timeout 110 "$python" -B -W ignore $work
) >"$folder/output.txt" 2>&1 </dev/null
status=$?
if [ $status -ne 0 ]; then
    tail -n 25 "$folder/output.txt" | sed 's/^/  /'
    say "The tests ended with status $status."
    exit 1
fi
grep -E '^(Ran|OK|All [0-9]+ tests|[0-9]+ tests? OK|Total|Tests result|Result|done)' "$folder/output.txt" | sed 's/^/  /'
say
say "What was born, died and is still alive after the interpreter has taken itself down (what is left"
say "then was immortal or never freed), and whose calls were replaced:"
say
sed 's/^/  /' "$folder/report.txt" | head -n 44
