"""The wheels have the right content and name, and an installed one finds leaks on each CPython of its flavour."""

import os
import platform
import re
import zipfile

import pytest

from harness.commands import ROOT, TARGET, run

pytestmark = pytest.mark.tier("all")

LEAKS = """
import ctypes, sys
import pyrefcore
assert pyrefcore.__file__.startswith(sys.prefix), pyrefcore.__file__
incref = ctypes.pythonapi.Py_IncRef
incref.argtypes, incref.restype = [ctypes.py_object], None
class Thing: pass
def leak(): incref(Thing())
"""
CHECKS = """
report = pyrefcore.check(leak, runs=10)
print(report)
assert [(one.kind, one.type, one.references_per_run) for one in report.findings] == [("leak", "__main__.Thing", 1.0)]
report = pyrefcore.check(lambda: Thing(), runs=10)
assert report.ok, report
"""
TESTS = """
def test_good(): Thing()
def test_bad(): leak()
"""
SOABI = """
import sys, sysconfig
print("cp%d%d-cp" % sys.version_info[:2] + sysconfig.get_config_var("SOABI").split("-")[1])
"""
# What may be in a wheel.
ALLOWED = re.compile(
    r"pyrefcore/([a-z]+/)?[a-z_]+\.py|pyrefcore/py\.typed|pyrefcore_pytest\.py|pyrefcore/libpyrefcore\.[^/]*\.so|"
    r"[^/]*\.dist-info/.*"
)


def files(wheel):
    with zipfile.ZipFile(str(wheel)) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


def sources():
    """The files of the package, as a wheel names them."""
    folder = os.path.join(ROOT, "python")
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py") or name == "py.typed":
                yield os.path.relpath(os.path.join(where, name), folder)


def assert_is_complete(wheel):
    """The wheel has the package, the plugin, one library, licences, and nothing else."""
    names = files(wheel)
    assert len([name for name in names if re.fullmatch(r"pyrefcore/libpyrefcore\..*\.so", name)]) == 1
    assert set(sources()) <= set(names)
    assert any(re.search(r"dist-info/.*LICENSE-MIT$", name) for name in names)
    assert [name for name in names if not ALLOWED.fullmatch(name)] == []


def test_a_wheel_is_complete(one_host, kind, wheel):
    assert_is_complete(wheel(kind, one_host))


def test_a_wheel_names_its_python_and_its_platform(one_host, kind, wheel):
    python, abi, platforms = wheel(kind, one_host).stem.split("-")[-3:]
    assert "%s-%s" % (python, abi) == run([one_host.python, "-c", SOABI]).strip()
    wanted = {"pip": "linux_", "tools": "manylinux_2_17_"}[kind] + platform.machine()
    assert wanted in platforms.split(".")


def test_glibc_2_17_is_enough(one_host, wheel, tmp_path):
    path = wheel("tools", one_host)
    with zipfile.ZipFile(str(path)) as archive:
        archive.extractall(str(tmp_path))
    symbols = run(["objdump", "-T", *(tmp_path / "pyrefcore").glob("libpyrefcore.*.so")])
    versions = {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([0-9.]+)", symbols)}
    assert versions and max(versions) <= (2, 17)
    shown = run([os.path.join(TARGET, "wheel", "tools", "bin", "auditwheel"), "show", path])
    assert 'platform tag: "manylinux_2_17_%s"' % platform.machine() in " ".join(shown.split())


# The commands run in a folder without the sources, which would be imported instead of the installed package.


def test_an_installed_wheel_finds_a_leak(installed, tmp_path):
    (tmp_path / "leaks.py").write_text(LEAKS + CHECKS)
    run([installed.python, "leaks.py"], cwd=tmp_path)


def test_an_installed_wheel_finds_nothing_in_good_code(installed, tmp_path):
    run([installed.python, "-m", "pyrefcore", "check", "--runs", "20", "len([])"], cwd=tmp_path)


def test_the_doctor_of_an_installed_wheel_finds_no_fault(installed, tmp_path):
    run([installed.python, "-m", "pyrefcore", "doctor"], cwd=tmp_path)


def test_the_pytest_plugin_of_an_installed_wheel_finds_a_leak(installed, tmp_path):
    try:
        run([*installed.pip, "install", "--quiet", "pytest"])
    except AssertionError as error:
        pytest.skip("pip can't bring pytest: " + str(error).strip()[-300:])
    (tmp_path / "test_leaks.py").write_text(LEAKS + TESTS)
    command = [installed.python, "-m", "pytest", "--refs", "--refs-runs", "5"]
    text = run(command, cwd=tmp_path, status=1)
    assert "1 passed, 1 leaked" in text and "leak: 1 reference to test_leaks.Thing" in text
    run([*command, "-k", "good"], cwd=tmp_path)


def test_the_source_distribution_builds_without_the_tree(tools, tree, tmp_path):
    with tree():
        run([tools.python, "-m", "build", "--sdist", "--outdir", tmp_path / "sdist", "."])
    (source,) = (tmp_path / "sdist").glob("*.tar.gz")
    run(
        [*tools.pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "wheels", source],
        env={"CARGO_TARGET_DIR": str(tmp_path / "cargo")},
        timeout=3600,
    )
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    assert_is_complete(wheel)
