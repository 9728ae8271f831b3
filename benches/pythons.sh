# Finds the Pythons that the library is compared with. benches/run.sh sources this file, and sets $out.

# One line for each: flavour, program, libpython ("-": linked statically), folder of Python.h ("-": none), prefix.
describe='
import os, re, sys, sysconfig
flag = lambda name: bool(sysconfig.get_config_var(name))
flavour = "cp%d%d" % sys.version_info[:2] + "t" * flag("Py_GIL_DISABLED")
flavour += "-refdebug" * hasattr(sys, "gettotalrefcount") + "-tracerefs" * hasattr(sys, "getobjects")
with open("/proc/self/maps") as maps:
    library = re.search(r" (/\S*/libpython3\S*)", maps.read())
include = sysconfig.get_paths()["include"]
print(flavour, os.path.realpath(sys.executable), library.group(1) if library else "-",
      include if os.path.exists(include + "/Python.h") else "-", sys.base_prefix, sep="\t")
'

# find_pythons: writes the lines to $out/pythons.
find_pythons() {
    {
        sh tools/find_pythons.sh | cut -d ' ' -f 2
        ls -d "${PYREFCORE_PYTHONS:-target/pythons}"/*/bin/python3 2>/dev/null
    } | while IFS= read -r python; do
        "$python" -c "$describe" 2>/dev/null
    done | sort -u >"$out/pythons"
}

# find_python FLAVOUR: sets program, library, include and prefix from a line of that flavour. It prefers a Python with
# a shared libpython. If there is no line, program is empty.
find_python() {
    IFS='	' read -r _ program library include prefix <<LINE
$(awk -F '\t' -v flavour="$1" '$1 == flavour && ($3 != "-" || !line) && !done { line = $0; done = $3 != "-" }
        END { print line }' "$out/pythons")
LINE
}

# flavours_found: prints the flavours of the found Pythons that have a flavour file, release flavours first.
flavours_found() {
    cut -f 1 "$out/pythons" | sort -uV | while read -r flavour; do
        [ ! -f "flavours/$flavour.txt" ] || case $flavour in *-*) echo "2 $flavour" ;; *) echo "1 $flavour" ;; esac
    done | sort -s -k 1,1 | cut -d ' ' -f 2
}
