"""Growing memory that is no object: each kind is a finding, but memory that an object holds is none."""

import collections
import ctypes
import functools
import os
import pickle
import platform
import struct
import sys
import sysconfig

import conftest
import extension
import pytest
from conftest import check, python

pytest_plugins = ["pytester", "project"]
pytestmark = pytest.mark.usefixtures("attached")

_LIBC, _VERSION = platform.libc_ver()
HAS_C_HEAP = _LIBC == "glibc" and tuple(map(int, _VERSION.split(".")[:2])) >= (2, 33)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
DEBUG = hasattr(sys, "gettotalrefcount")
needs_c_heap = pytest.mark.skipif(not HAS_C_HEAP or DEBUG, reason="the C heap can't be measured here")
knows_older = pytest.mark.skipif(FREE_THREADED, reason="mimalloc does not say how long a block is")

# The called function, the source of the memory, and the number of bytes.
BLOCKS = [
    ("by_mem", "PyMem_Malloc", 64),
    ("by_object", "PyObject_Malloc", 80),
    ("by_raw", "PyMem_RawMalloc", 4096),
    ("by_calloc", "PyMem_Malloc", 48),
    ("by_realloc", "PyMem_Malloc", 1000),
    ("in_a_thread", "PyMem_RawMalloc", 4096),
]


def memory(statement, setup="", **more):
    """The memory findings, and the whole report."""
    report = extension.check("memory", setup, statement, **more)
    return [one for one in report["findings"] if one["kind"] == "memory"], report


@pytest.mark.slow
@pytest.mark.parametrize("function, source, length", BLOCKS)
def test_a_block_in_each_run(function, source, length):
    found, report = memory("memory.%s()" % function)
    assert len(report["findings"]) == 1, report
    (one,) = found
    # A number in memory may look like the address of a block, which then is not reported.
    assert one["type"] == source and 0.97 <= one["blocks_per_run"] <= 1
    assert one["bytes_per_run"] == pytest.approx(length * one["blocks_per_run"])
    assert one["growth"] == [round(100 * one["bytes_per_run"])] * 3
    assert one["references_per_run"] == one["objects_per_run"] == 0
    example = one["examples"][0]
    assert (example["bytes"], example["repr"]) == (length, "%d bytes" % length)
    assert int(example["address"], 16) % 16 == 0 and "refcount" not in example
    assert function in [frame.get("function") for frame in example["birth"]], example
    # A thread may allocate raw memory without the GIL, so its Python line is not read.
    assert example.get("python") == (None if "Raw" in source else "<statement>:1")


@needs_c_heap
def test_malloc_alone():
    (one,), report = memory("memory.by_malloc()")
    assert report["findings"] == [one]
    assert one["type"] == "malloc" and "blocks_per_run" not in one and one["examples"] == []
    # malloc adds a word and padding to each block. Other code may free some bytes meanwhile.
    assert 100 <= one["bytes_per_run"] <= 128 and len(one["growth"]) == 3


def test_blocks_that_differ_in_length():
    (one,), report = memory("memory.of_any_length()")
    assert one["type"] == "PyMem_Malloc" and 0.97 <= one["blocks_per_run"] <= 1 and 50 < one["bytes_per_run"] < 350
    assert len({example["bytes"] for example in one["examples"]}) > 1


def test_a_leaked_block_explains_no_other():
    found, _ = memory("memory.a_chain()")
    # A number in memory may look like the address of a block, which then is not reported.
    assert all(0.97 <= one["blocks_per_run"] <= 1 for one in found), found
    assert sorted(one["bytes_per_run"] / one["blocks_per_run"] for one in found) == pytest.approx([16, 100])


def test_one_block_in_two_runs():
    (one,), _ = memory("memory.now_and_then()")
    assert (one["blocks_per_run"], one["bytes_per_run"]) == (0.5, 24.0) and one["examples"][0]["birth"]


@pytest.mark.parametrize("statement", ["memory.and_back()", "memory.a_ring()", "memory.holder()"])
def test_freed_memory_is_quiet(statement):
    assert memory(statement)[1]["findings"] == []


def test_memory_of_a_living_object_is_quiet():
    found, report = memory("keep.append(memory.holder())", "keep = []")
    assert report["findings"] == []
    # It is not known which part of the C heap the objects hold.
    assert not (HAS_C_HEAP and not DEBUG) or any("may belong to objects of C types" in note for note in report["notes"])


def test_the_function_of_a_thread_is_named():
    (one,), _ = memory("memory.by_a_thread()")
    functions = [frame.get("function") for frame in one["examples"][0]["birth"]]
    assert functions[:1] == ["body_of_a_thread"]


def test_old_addresses_behind_a_short_text_hold_no_block():
    """Strings get memory that is full of the addresses of free blocks, and the leaked blocks come from there."""
    length, raw = 7000, ctypes.pythonapi
    raw.PyMem_RawMalloc.restype = ctypes.c_void_p
    raw.PyMem_RawMalloc.argtypes = [ctypes.c_size_t]
    raw.PyMem_RawFree.argtypes = [ctypes.c_void_p]
    # Blocks between them keep the free ones apart.
    places = [(raw.PyMem_RawMalloc(length), raw.PyMem_RawMalloc(100))[0] for _ in range(100)]
    words = [struct.pack("4Q", *[place] * 4)[:-1] for place in places for _ in range(20)]
    for place in places:
        raw.PyMem_RawFree(place)
    del words[:]
    # The text ends in front of the last address.
    width = max(1, 55 - sys.getsizeof(""))
    strings = [str(number).zfill(width) for number in range(4000)]
    report = check(lambda: raw.PyMem_RawMalloc(length) and None, runs=5)
    assert [one.type for one in report.findings] == ["PyMem_RawMalloc"], report
    assert strings


@knows_older
def test_memory_behind_older_memory_is_quiet():
    _, report = memory("memory.put_away(store)", "store = memory.store()")
    assert report["findings"] == []


def test_the_collectors_links_lead_to_no_memory():
    """The object's links lead to the view, and the view to the addresses of the leaked blocks."""
    found, _ = memory("memory.by_mem()", "kept = [memory.linked(), memoryview(memory.addresses()), memory.linked()]")
    assert [one["type"] for one in found] == ["PyMem_Malloc"] and found[0]["blocks_per_run"] >= 0.97


@knows_older
def test_older_nodes_hide_no_younger_ones():
    """An ordered dictionary points only to its first and last nodes, and both are old here."""
    ordered, number = collections.OrderedDict.fromkeys(range(30000)), iter(range(10**9))

    def add_and_move():
        ordered[-1 - next(number)] = None
        ordered.move_to_end(0)

    report = check(add_and_move, runs=20)
    assert report.ok and not any("bytes from" in note for note in report.notes), str(report)


def test_memory_of_a_leaked_object_is_no_finding():
    found, report = memory("memory.forget_holder()")
    assert [(one["kind"], one["type"], one["references_per_run"]) for one in report["findings"]] == [
        ("leak", "memory.Holder", 1.0)
    ]


class Plain:
    def __init__(self):
        self.x = self.y = 1


def growing():
    """Functions by name, each of which makes a visible structure grow by one step."""
    keep, number = [], iter(range(10**9))
    ordered, queue, table, array = collections.OrderedDict(), collections.deque(), {}, bytearray()
    cache = functools.lru_cache(None)(lambda key: [key])
    ring = collections.deque(maxlen=250)
    return {
        "lists": lambda: keep.append(list(range(10))),
        "long lists": lambda: keep.append(list(range(300))),
        "dictionaries": lambda: keep.append({key: key for key in range(50)}),
        "instances": lambda: keep.append(Plain()),
        "ordered dictionaries": lambda: keep.append(collections.OrderedDict(a=1)),
        "strings with a copy in UTF-8": lambda: keep.append(("\u20ac%d" % next(number), "\u20ac".encode())),
        "arrays of bytes": lambda: keep.append(bytearray(100)),
        "long arrays of bytes": lambda: keep.append(bytearray(5000)),
        "classes": lambda: keep.append(type("Local", (), {"method": lambda self: 1})),
        "code": lambda: keep.append(compile("def f(x): return x", "f", "exec")),
        "one ordered dictionary": lambda: ordered.__setitem__(next(number), 1),
        "one queue": lambda: queue.append(1),
        "one dictionary": lambda: table.__setitem__(next(number), 1),
        "one array of bytes": lambda: array.extend(b"0123456789"),
        "one cache": lambda: cache(next(number)),
        "a ring": lambda: ring.append(bytearray(3000)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(growing()))
def test_visible_growth_is_quiet(name):
    report = check(growing()[name], runs=20)
    assert report.ok and not any("bytes from" in note for note in report.notes), str(report)


def test_long_objects_that_shrink():
    """They stay in the C heap, and are held back there after their death."""
    report = check(lambda: pickle.dumps(list(range(100))), runs=50)
    assert report.ok and report.windows == 1, str(report)


def test_a_quiet_window_ends_the_check():
    assert check(lambda: [bytearray(1000), {}], runs=20).windows == 1


def told(statement, *arguments, **environment):
    """The exit status and the output of the command."""
    path = os.pathsep.join([conftest.PACKAGE, extension.build("memory")])
    command = ["-W", "ignore", "-m", "pyrefcore", "check", "-s", "import memory", statement]
    done = python(*command + list(arguments), PYTHONPATH=path, **environment)
    return done.returncode, done.stdout


def test_the_text_names_the_block(tmp_path):
    page = tmp_path / "page.html"
    status, text = told("memory.by_mem()", "--html", str(page))
    assert status == 1
    assert (
        "memory: 1 block of 64 bytes from PyMem_Malloc per run, never freed "
        "(19200 bytes in 3 windows of 100 runs, the same in each)" in text
    )
    assert ": 64 bytes\n    taken in\n      by_mem " in text
    shown = page.read_text()
    assert "1 block of 64 bytes from PyMem_Malloc per run" in shown and "Taken in" in shown and "<strong>by_mem" in shown
    assert "References" not in shown


@needs_c_heap
def test_the_text_names_the_c_heap(tmp_path):
    page = tmp_path / "page.html"
    status, text = told("memory.by_malloc()", "--html", str(page))
    assert status == 1 and " bytes of the C heap per run, never freed (" in text
    assert " bytes of the C heap per run" in page.read_text()


# With other allocators the blocks are still known, and a note says that the C heap was not checked.
@pytest.mark.skipif(FREE_THREADED, reason="a free-threaded Python has one allocator")
@pytest.mark.parametrize("other", [{"PYTHONMALLOC": "malloc"}, {"PYTHONMALLOC": "debug"}, {"PYTHONTRACEMALLOC": "1"}])
def test_other_allocators(other):
    status, text = told("memory.by_mem()", **other)
    assert status == 1 and text.count("never freed") == 1 and "64 bytes from PyMem_Malloc" in text, text
    assert text.count("the growth of the C heap was not measured") == 1
    status, text = told("memory.and_back()", **other)
    assert status == 0 and ": clean" in text


@pytest.mark.skipif(FREE_THREADED, reason="a free-threaded Python has one allocator")
def test_debug_hooks_take_one_block():
    """They take a long block from the raw domain, and hand out its part behind their own words."""
    setup = "keep = []; import ctypes; take = ctypes.pythonapi.PyMem_Malloc; take.argtypes, take.restype = [ctypes.c_size_t], None"
    status, text = told("keep.append([bytearray(5000), type('New', (), {})])", "-s", setup, PYTHONMALLOC="debug")
    assert (status, text.count("never freed")) == (0, 0), text
    status, text = told("take(5000)", "-s", setup, PYTHONMALLOC="debug")
    assert status == 1 and text.count("never freed") == 1 and "1 block of 5000 bytes from PyMem_Malloc" in text, text


@needs_c_heap
def test_the_usual_allocator_needs_no_note():
    assert "C heap" not in told("memory.and_back()")[1]


@needs_c_heap
def test_a_raw_domain_outside_the_c_heap():
    """Free-threaded builds have such a raw domain from 3.15 on."""
    report = extension.check("elsewhere", "elsewhere.replace()", "elsewhere.by_malloc()")
    assert [(one["kind"], one["type"]) for one in report["findings"]] == [("memory", "malloc")], report


def test_another_malloc():
    """Then glibc's counters mean nothing."""
    library = os.path.join(extension.build("other_malloc"), "other_malloc" + sysconfig.get_config_var("EXT_SUFFIX"))
    status, text = told("memory.by_malloc()", LD_PRELOAD=library)
    assert status == 0 and text.count("the growth of the C heap was not measured") == 1, text


@pytest.mark.slow
def test_pytest_counts_it_as_a_leak(project):
    code = "import sys\nsys.path.insert(0, %r)" % extension.build("memory") + """
import memory
def test_it(): memory.by_object()
@pytest.mark.refs(allow={"PyObject_Malloc": "known"})
def test_allowed(): memory.by_object()
@pytest.mark.refs(expect={"PyObject_Malloc": 1})
def test_expected(): memory.by_object()
def test_clean(): memory.and_back()
"""
    assert project.run(code) == 1
    project.says("1 block of 80 bytes from PyObject_Malloc per run", "test_it.py::test_it")
    project.is_silent_about("test_it.py::test_allowed leaked", "test_it.py::test_clean leaked")


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement, name, text",
    [
        ("memory.capsule()", "PyCapsule", '<capsule "memory.last" at'),
        ("memory.capsule_without_name()", "PyCapsule", "<capsule without a name at"),
        ("memory.capsule_with_lost_name()", "PyCapsule", "<capsule whose name is gone at"),
        ("memory.view(data)", "memoryview", "<memoryview of bytearray(b'data') with "),
        ("memory.buffer(data)", "bytearray", "bytearray(b'data') with "),
    ],
)
def test_an_object_that_shares_memory_names_the_owner(statement, name, text):
    report = extension.check("memory", "data = bytearray(b'data')", statement)
    shown = {one["type"]: one["examples"][0]["repr"] for one in report["findings"] if one["kind"] == "leak"}
    assert shown[name].startswith(text), shown
    assert "data" not in text or shown[name].rstrip(">").endswith(" buffers that were not released"), shown
