#!/bin/sh
# Prints the flavour of a Python: detect.sh [PYTHON]. Without one, the newest release flavour.
set -eu
newest=$(cd "$(dirname "$0")" && ls cp3??.txt | sort -V | tail -n 1)
python=${1:-python3}
command -v "$python" >/dev/null 2>&1 || { echo "${newest%.txt}"; exit 0; }
"$python" - <<'PY' 2>/dev/null || echo "${newest%.txt}"
import sys, sysconfig
flag = lambda name: bool(sysconfig.get_config_var(name))
name = "cp%d%d" % sys.version_info[:2]
name += "t" if flag("Py_GIL_DISABLED") else ""
name += "-refdebug" if hasattr(sys, "gettotalrefcount") else ""
name += "-tracerefs" if hasattr(sys, "getobjects") else ""
print(name)
PY
