"""The guard works from the first run of a test on, and changes no outcome."""

import pytest
from test_over_release import holds_back

pytest_plugins = ["pytester", "project"]

OVER_RELEASED = """
def first(box):
    decref(box[0])
    return len(box)
def test_instance(): assert first([Thing()])
def test_text(): assert first(["".join(["a", "b"])])
def test_dict(): assert first([{"a": 1}])
def test_list(): assert first([[1, 2]])
@pytest.fixture
def box(): return [Thing()]
def test_fixture(box): assert first(box)
@pytest.fixture(scope="module")
def module_box(): return [Thing()]
def test_module_fixture(module_box): assert first(module_box)
BOX = [[1, 2]]
def test_module_object(): assert first(BOX)
def test_fails_too(box): first(box); first(box); assert 0
def test_after(): import gc; gc.collect()
"""


@pytest.mark.slow
@holds_back
def test_over_releases_are_found_and_survived(project):
    assert project.run(OVER_RELEASED) == 1, project.output
    project.says("7 leaked", "1 failed", "1 passed", "8 tests checked, 7 leaked")
    assert project.output.count("over-release: each run releases 1 reference to ") == 7


# The attributes of the instance live on when the test ends, until its next run or its end.
IN_ATTRIBUTES = """
class TestCase(unittest.TestCase):
    def setUp(self): self.items, self.names, self.others = [object(), 1], {"a": 1}, [1]
    def test_list(self): decref(self.items)
    def test_dict(self): decref(self.names)
    def test_clean(self): self.others.append(self.items)
    def tearDown(self): assert self.others
class TestClass:
    def setup_method(self): self.before = [1]
    def test_list(self):
        self.items = [object(), 1]
        decref(self.items)
    def teardown_method(self): assert self.before == [1]
class TestShared:
    state = {}
    def setup_method(self): self.__dict__ = TestShared.state
    def test_dictionary(self): self.value = 1
    def teardown_method(self): assert TestShared.state.pop("value") == 1 and self.__dict__ is TestShared.state
class TestDeleted:
    def setup_method(self): self.value = 1
    def test_dictionary(self): del self.value
    def teardown_method(self): assert not vars(self)
class TestChanged:
    def setup_method(self): self.number = 0
    def test_number(self):
        self.number += 1
        assert self.number == 1
    def teardown_method(self): assert self.number == 1
def test_after(): import gc; gc.collect()
"""


@holds_back
def test_an_attribute_that_died_is_not_ended_again(project):
    assert project.run(IN_ATTRIBUTES) == 1, project.output
    project.says("3 leaked", "5 passed", "6 tests checked, 3 leaked, 2 not checked")
    for name in ("list", "dict"):
        project.says("over-release: each run releases 1 reference to %s too many" % name)


COUNTS = """
import sys
kept_twice = kept
class Refuses:
    # As an extension does that looks at counts itself.
    def resize(self):
        if ctypes.c_int.from_address(id(self)).value > 1000:
            raise ValueError("cannot resize something that is referenced elsewhere")
refuses, made, runs = Refuses(), [], []
@pytest.fixture
def fresh():
    made.append(1)
    yield made
def count(thing): return ctypes.c_int.from_address(id(thing)).value
"""


def test_counts_do_not_show(project):
    code = COUNTS + """
def test_getrefcount():
    assert sys.getrefcount(kept) < 20
    runs.append(1)
def test_refuses(fresh): refuses.resize()
def test_number(fresh): assert count(kept) < 20
class TestCase(unittest.TestCase):
    def test_number(self): self.assertLess(count(kept), 20)
def test_fresh(): assert len(made) == 4 and len(runs) > 1
"""
    assert project.run(code) == 0, project.output
    project.says("5 passed", "5 tests checked", "test_refuses: nothing was held during the check, because")


DEATHS = """
import gc, weakref
died = []
class Slots:
    __slots__ = ()
    def __del__(self): died.append(1)
class Final:
    def __del__(self): died.append(1)
@pytest.fixture
def box(): return {"thing": Thing(), "slots": Slots(), "final": Final()}
def test_weak(box):
    ref, box["thing"] = weakref.ref(box["thing"]), Thing()
    assert ref() is None
def test_proxy(box):
    proxy, box["thing"] = weakref.proxy(box["thing"]), Thing()
    with pytest.raises(ReferenceError): proxy.name
def test_from(box):
    ref, box["thing"] = weakref.ref(box["thing"]), Thing()
    try: assert ref() is None
    except AssertionError as error: raise ValueError from error
def test_slots(box):
    before, box["slots"] = len(died), Slots()
    assert len(died) > before
def test_values(box):
    named = weakref.WeakValueDictionary(first=box["thing"])
    box["thing"] = Thing()
    assert not named
def test_finalizer(box):
    before, box["final"] = len(died), Final()
    assert len(died) > before
def test_no_error(box):
    ref, box["thing"] = weakref.ref(box["thing"]), Thing()
    with pytest.raises(TypeError): vars(ref())
class TestCase(unittest.TestCase):
    def setUp(self): self.box = [Thing()]
    def test_weak(self):
        ref, self.box[0] = weakref.ref(self.box[0]), Thing()
        self.assertIsNone(ref())
"""


@holds_back
def test_deaths_are_not_put_off(project):
    assert project.run(DEATHS) == 0, project.output
    project.says("8 passed", "8 tests checked", "(it kept an object alive that has weak references or a finalizer)")


@holds_back
def test_a_death_does_not_excuse_a_failure(project):
    code = DEATHS.partition("def test_weak")[0] + """
runs, other = [], []
def test_alive(box):
    runs.append(1)
    ref, box["thing"] = weakref.ref(box["thing"]), other.append(box["thing"])
    assert ref() is None
def test_flaky(box):
    import io
    file = io.StringIO()
    class Own: pass
    runs.append(Own)
    assert len(runs) > 2
@pytest.fixture
def raising():
    thing = Thing()
    try: raise ValueError
    except ValueError as error: yield error
    assert thing is not None
def test_suspended(raising): raise raising
def test_released_too_often(box):
    ref = weakref.ref(box.pop("thing"))
    decref(box["final"])
    decref(box["final"])
    assert ref() is None
"""
    assert project.run(code) == 1, project.output
    project.says("4 failed")
    project.is_silent_about("second run")


AGAIN = DEATHS.partition("@pytest.fixture")[0] + """
@pytest.fixture
def outer(record_property, record_testsuite_property):
    record_property("from", "fixture")
    for word in ("up", "down"):
        print("outer " + word); logging.warning("outer " + word); warnings.warn("outer " + word)
        if word == "up": yield {"thing": Thing()}
def replaced(box):
    ref, box["thing"] = weakref.ref(box["thing"]), Thing()
    return ref
def test_output(outer, record_property, record_testsuite_property):
    record_property("from", "test")
    record_testsuite_property("of", "suite")
    print("in test")
    ref = replaced(outer)
    assert ref() is None
def test_fixtures(capsys, caplog, recwarn, outer):
    logging.warning("in test")
    assert caplog.messages == ["in test"]
    assert [str(one.message) for one in recwarn] == ["outer up"]
    assert capsys.readouterr().out == "outer up\\n"
    ref = replaced(outer)
    assert ref() is None
@pytest.fixture
def fails():
    yield {"thing": Thing()}
    raise ValueError("at its end")
def test_end(fails):
    ref = replaced(fails)
    assert ref() is None
"""


@holds_back
def test_a_second_run_reports_as_the_first(project):
    plain, guarded = [], []
    to_xml = ("--junitxml=junit.xml", "-o", "junit_logging=all", "-o", "junit_family=xunit1")
    for refs, shown in (((), plain), (("--refs", "--refs-runs=3"), guarded)):
        assert project.run(AGAIN, "-rA", *to_xml, refs=refs) == 1, project.output
        output = "".join(line for line in project.output.splitlines(True) if not line.startswith("not checked"))
        written = project.read("junit.xml")
        texts = ["outer up", "outer down", "in test", "at its end", "UserWarning", "3 passed", "1 error", "Captured stdout"]
        shown += [(text, output.count(text), written.count(text)) for text in texts]
        shown += [(text, written.count(text)) for text in ('name="from"', 'name="of"', "<error", "<failure")]
    project.says("second run")
    assert plain == guarded


def test_a_test_that_fails_for_another_reason_stays_failed(project):
    code = COUNTS + """
def test_flaky():
    import weakref
    thing = type("Own", (), {})()
    ref = weakref.ref(thing)
    runs.append(1)
    assert len(runs) > 1
def test_size(): assert not 1 << 20
def test_both(fresh):
    refuses.resize()
    assert len(made) == 1
def test_once(): assert len(runs) == 1 and len(made) == 2
"""
    assert project.run(code) == 1
    project.says("3 failed, 1 passed", "the first run failed under the guard of --refs (ValueError: cannot resize")


@pytest.mark.slow
def test_refs_changes_no_outcome(project):
    code = COUNTS + """
order = []
@pytest.fixture
def output(capsys):
    yield
    assert capsys.readouterr().out == "said\\n"
def test_output(output): print("said")
@pytest.fixture
def records(caplog):
    yield
    assert [record.args for record in caplog.get_records("call")] == [(1,)]
def test_records(records): logging.getLogger("x").warning("%d", 1)
@pytest.fixture
def warned(recwarn):
    yield
    assert len(recwarn) == 1
def test_warned(warned): warnings.warn("w")
def test_skips(): pytest.skip("why")
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail(strict=True)
def test_unexpected(): pass
class TestCase(unittest.TestCase):
    def setUp(self):
        assert not hasattr(self, "thing")
        self.thing = Thing()
    def test_it(self): self.assertTrue(self.thing)
    def test_fails(self): self.fail()
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    def tearDown(self): order.append("down")
@pytest.fixture(params=[1, 2])
def number(request): return request.param
def test_numbers(number): assert number != 2
def test_number(): assert sys.getrefcount(kept) < 20 and count(kept) < 20
def test_refuses(): refuses.resize()
"""
    plain, guarded = [], []
    for refs, told in (((), plain), (("--refs", "--refs-runs=3"), guarded)):
        project.run(code, "-rA", "--junitxml=junit.xml", refs=refs)
        told += sorted(line for line in project.output.splitlines() if line.startswith(("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS")))
    assert len(plain) == 13 and plain == guarded


def test_only_errors_about_counts_blame_the_guard():
    from pyrefcore.pytest import counts

    assert counts.cause(ValueError("no such thing")) is None
    for words in ("use refcheck=False", "the reference count is wrong", "cannot resize: it has a reference"):
        assert words in counts.cause(ValueError(words))
