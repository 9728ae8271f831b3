"""`make install` installs a flavour into an empty folder. Programs are built against it with pkg-config."""

import os
import re
import shlex
import shutil

import pytest

from harness.commands import ROOT, run

CC = shlex.split(os.environ.get("CC", "cc"))
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "installed.c")


@pytest.fixture(scope="module")
def tree(library, flavour, tmp_path_factory):
    """The folder with the installed include/ and lib/."""
    library(flavour)
    stage = tmp_path_factory.mktemp("stage")
    run(["make", "-s", "install", "FLAVOUR=" + flavour, "DESTDIR=%s" % stage, "PREFIX=/opt/pyrefcore"])
    return stage / "opt" / "pyrefcore"


@pytest.fixture(scope="module")
def pkg_config(tree):
    """A function: what pkg-config says about the installed library."""
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed, so nothing is built with it; your system's packages have it")
    return lambda *options: run(
        ["pkg-config", *options, "pyrefcore"], env={"PKG_CONFIG_PATH": str(tree / "lib" / "pkgconfig")}
    ).split()


def test_the_library_has_a_real_soname(tree, flavour):
    text = run(["readelf", "-d", tree / "lib" / "libpyrefcore.so"])
    assert re.search(r"SONAME.*libpyrefcore-%s\.so\.0" % flavour, text), text


def test_pkg_config_knows_the_version(pkg_config):
    with open(os.path.join(ROOT, "Cargo.toml")) as text:
        version = re.search(r'^version = "(.*)"', text.read(), re.M).group(1)
    assert pkg_config("--modversion") == [version]


def test_a_program_uses_the_shared_library(tree, flavour, pkg_config, tmp_path):
    program = tmp_path / "program"
    run([*CC, PROGRAM, "-o", program, *pkg_config("--cflags", "--libs")])
    run([program, flavour], env={"LD_LIBRARY_PATH": str(tree / "lib")})


def test_a_program_contains_the_static_library(tree, flavour, pkg_config, tmp_path):
    program = tmp_path / "program"
    others = [word for word in pkg_config("--libs", "--static") if "pyrefcore" not in word]
    run([*CC, PROGRAM, "-o", program, *pkg_config("--cflags"), tree / "lib" / "libpyrefcore.a", *others])
    run([program, flavour])
    assert "pyrefcore" not in run(["ldd", program]).replace(str(program), "")
