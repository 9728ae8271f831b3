"""The birth of a finding's object: the C functions and their lines, the Python line, and unknown births."""

import os
import sys

import extension
import pytest

HERE = os.path.join(extension.SOURCES, "")


def line_of(source, text):
    """The number of the line of a source that contains the text."""
    with open(os.path.join(extension.SOURCES, source)) as lines:
        return next(number for number, line in enumerate(lines, 1) if text in line)


def example(report):
    """The first example of the only finding."""
    (finding,) = report["findings"]
    return finding["examples"][0]


def birth(report):
    """The frames of that example's birth."""
    return example(report)["birth"]


def functions(frames):
    """The functions' names."""
    return [frame.get("function") for frame in frames]


def from_extension(frames):
    """The function and the line of each frame in a source of these tests."""
    return [(frame.get("function"), frame["line"]) for frame in frames if frame.get("file", "").startswith(HERE)]


# Python code between the extension and the birth, which uses C frames on every version.
DEEP = """
class Meta(type):
    def __call__(cls):
        return super().__call__()
class Leaked(metaclass=Meta):
    def __new__(cls):
        return cls.deeper(8)
    @classmethod
    def deeper(cls, more):
        return cls.deeper(more - 1) if more else super().__new__(cls)
"""


def test_a_stack_reaches_the_extension_through_python_code():
    frames = birth(extension.check("deep_birth", DEEP, "deep_birth.leak(Leaked)"))
    assert [name for name, _ in from_extension(frames)] == ["call_and_forget", "leak"], frames


def test_only_the_called_function_of_the_interpreter_is_shown():
    frames = birth(extension.check("deep_birth", DEEP, "deep_birth.leak(Leaked)"))
    at = functions(frames).index("call_and_forget")
    assert at == 1 and len(frames) <= 4, frames


def test_inlined_functions_come_innermost_first_with_their_own_lines():
    report = extension.check("inlined_birth", "", "inlined_birth.leak()", "-O2")
    lines = ["the line of the birth", "the line of the first caller", "the line of the second caller"]
    expected = zip(["make_inlined", "forget_inlined", "leak"], [line_of("inlined_birth.c", text) for text in lines])
    assert from_extension(birth(report)) == list(expected), birth(report)


def test_names_of_cpp_stand_as_in_the_source():
    frames = birth(extension.check("named_birth", "", "named_birth.leak()"))
    assert "ledger::Account::open(int, char const*)" in functions(frames), frames


@pytest.mark.parametrize("how", ["-g0", "-s"])
def test_without_debug_information_no_other_function_is_named(how):
    """A stripped library has only the names of its exported functions, and the birth is in none of these."""
    frames = birth(extension.check("deep_birth", DEEP, "deep_birth.leak(Leaked)", "-g0", how))
    told = [frame for frame in frames if "deep_birth" in frame.get("library", "")]
    assert all("offset" in frame and "file" not in frame and "line" not in frame for frame in told), told
    names = ["call_and_forget", "leak"] if how == "-g0" else [None, None]
    assert functions(told) == names, frames


TYPES = ["tuple", "dict", "float", "list", "str", "slice", "int", "complex", "bytes", "bytearray", "set", "method"]
TYPES += ["iterator", "parked", "thing"]
# Up to 3.12 there is no event for a birth in memory that a type has kept: only the memory's first use is known.
BEFORE_THE_TRACER = sys.version_info < (3, 13)
KEPT = {"parked"}
# The guard delays the death of most slices and floats, so new ones may have new memory. In 3.8 the first method of a
# run has new memory.
EITHER = ({"slice", "float"} if BEFORE_THE_TRACER else set()) | ({"method"} if sys.version_info < (3, 9) else set())


@pytest.mark.slow
@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("name", TYPES)
def test_another_function_is_never_called_the_birth(name, order):
    found = example(extension.check("reused_memory", "", "reused_memory.%s_%s()" % (name, order)))
    told = found.get("birth") or found.get("first_used")
    assert told, found
    assert ("forget_" + name in functions(told)) != ("innocent_" + name in functions(told)), told
    if "birth" in found:
        assert "forget_" + name in functions(told), told
    is_birth = not BEFORE_THE_TRACER or name not in KEPT
    assert name in EITHER or ("birth" in found) == is_birth, found


def test_a_resized_object_was_born_in_its_first_function():
    assert "begin" in functions(birth(extension.check("reused_memory", "", "reused_memory.resized()")))


def test_the_line_of_python_stands_beside_the_stack():
    found = example(extension.check("reused_memory", "", "pass\nreused_memory.list_first()"))
    assert found["python"] == "<statement>:2" and "forget_list" in functions(found["birth"]), found


def test_the_line_is_that_of_the_function_which_calls_the_extension():
    setup = "def outer():\n    inner()\ndef inner():\n    reused_memory.str_first()"
    assert example(extension.check("reused_memory", setup, "outer()"))["python"] == "<setup>:5"


def test_a_file_name_may_have_any_letters():
    setup = "exec(compile('def run():\\n  reused_memory.str_first()', 'd\\xe9j\\xe0 \\u2603 \\U0001f40d.py', 'exec'))"
    assert example(extension.check("reused_memory", setup, "run()"))["python"] == "d\xe9j\xe0 \u2603 \U0001f40d.py:2"


def test_tracemalloc_gives_the_line_and_not_the_stack():
    setup = "import tracemalloc; tracemalloc.start(3)"
    found = example(extension.check("reused_memory", setup, "pass\nreused_memory.list_first()"))
    assert found["python"] == "<statement>:2" and "forget_list" in functions(found["birth"]), found


def program(code, *modules):
    """Runs a program that has these extension modules, and returns the lines of its standard output."""
    import conftest

    path = os.pathsep.join([conftest.PACKAGE] + [extension.build(name) for name in modules])
    imports = "import sys, ctypes, pyrefcore, pyrefcore.core.native, %s\n" % ", ".join(modules)
    done = conftest.python("-W", "ignore", "-c", imports + code, PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\n")


@pytest.mark.skipif(BEFORE_THE_TRACER, reason="there is no reference tracer before 3.13")
def test_another_tracer_gets_its_events_and_is_restored():
    code = """
pyrefcore.attach()
core = pyrefcore.core.native.library()
tracer.set(True)
core.pyrefcore_audit_births(1)
ours, before = not tracer.is_set(), tracer.events()
made = [[] for _ in range(100)]
after = tracer.events()
made.clear()
last, frames = tracer.events(), []
thing = []
visitor = pyrefcore.core.native.FRAME_VISITOR(lambda *_: frames.append(1) or 0)
core.pyrefcore_birth_stack(id(thing), visitor, None)
core.pyrefcore_audit_births(0)
print(ours, after[0] - before[0] >= 100, last[1] - after[1] >= 100, bool(frames), tracer.is_set(), last[2])
"""
    assert program(code, "tracer")[0] == "True True True True True 0"


@pytest.mark.skipif(BEFORE_THE_TRACER, reason="there is no reference tracer before 3.13")
def test_a_tracer_that_the_function_sets_stays():
    code = "pyrefcore.check(lambda: tracer.set(True), births=True)\nprint(tracer.is_set())"
    assert program(code, "tracer")[0] == "True"


def test_no_tracer_and_no_function_of_ours_stays():
    code = """
def deallocs():
    return [ctypes.c_void_p.from_address(id(one) + 48).value for one in (tuple, list, dict, float, slice)]
before = deallocs()
report = pyrefcore.check(lambda: (reused_memory.slice_first(), reused_memory.parked_last()))
print(len(report.findings), deallocs() == before, tracer.none_is_set())
"""
    assert program(code, "tracer", "reused_memory")[0] == "2 True True"


def test_lists_inside_each_other_die_while_births_are_recorded():
    """Without CPython's protection of the C stack, that many nested deaths would end the process."""
    code = """
nested = []
for _ in range(200000):
    nested = [nested]
pyrefcore.attach()
pyrefcore.core.native.library().pyrefcore_audit_births(1)
del nested
print("alive")
"""
    assert program(code, "tracer")[0] == "alive"
