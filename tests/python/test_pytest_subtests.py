"""A test with subtests reports to pytest while it runs. So it runs once, and without the guard from then on."""

from test_over_release import holds_back

pytest_plugins = ["pytester", "project"]

# As in pytest 9 and pytest-subtests.
CODE = """
import weakref
from _pytest.reports import TestReport
class Subtests:
    def __init__(self, item): self.item = item
    def check(self, is_good):
        outcome, why = ("passed", None) if is_good else ("failed", "a bad subtest")
        report = TestReport(self.item.nodeid, self.item.location, {}, outcome, why, "call")
        self.item.ihook.pytest_runtest_logreport(report=report)
@pytest.fixture
def subtests(request): return Subtests(request.node)
@pytest.fixture
def late(request): return request.getfixturevalue("subtests")
@pytest.fixture
def box(): return [Thing()]
def test_named(subtests): subtests.check(True)
def test_in_fixture(late): late.check(True)
def test_late(request):
    for good in (True, False): request.getfixturevalue("subtests").check(good)
def test_death(request, box):
    subtests = request.getfixturevalue("subtests")
    ref = weakref.ref(box.pop())
    subtests.check(ref() is None)
def test_fails(request):
    request.getfixturevalue("subtests").check(True)
    assert 0
def test_other(): pass
"""


@holds_back
def test_subtests_are_reported_once(project):
    assert project.run(CODE) == 1
    project.says("2 failed, 10 passed", "1 test checked, 4 not checked", "it reports its subtests to pytest")
    assert project.output.count("a bad subtest") <= 2, project.output


# As in pytest 9 and pytest-subtests.
OF_UNITTEST = """
import weakref
from _pytest.reports import TestReport
from _pytest.unittest import TestCaseFunction
def add(self, case, test, failure):
    print("reported", test._message)
    outcome = "failed" if failure else "passed"
    report = TestReport(self.nodeid, self.location, {}, outcome, failure and "a bad subtest", "call")
    self.ihook.pytest_runtest_logreport(report=report)
TestCaseFunction.addSubTest = add
class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.box = [Thing()]
    def test_dies(self):
        with self.subTest("first"): pass
        with self.subTest("second"):
            ref, self.box[0] = weakref.ref(self.box[0]), Thing()
            self.assertIsNone(ref())
        with self.subTest("third"): pass
    def test_bad(self):
        with self.subTest("bad"): self.fail()
        with self.subTest("worse"): self.fail()
        with self.subTest("good"): pass
    def test_good(self):
        with self.subTest("best"): Thing()
"""


@holds_back
def test_subtests_of_unittest_are_reported_as_without_refs(project):
    plain, guarded = [], []
    for refs, shown in (((), plain), (("--refs", "--refs-runs=3"), guarded)):
        project.run(OF_UNITTEST, "-rA", "-s", refs=refs)
        words = ("first", "second", "third", "bad", "worse", "good", "best")
        shown += [project.output.count("reported %s\n" % word) for word in words]
        shown += [line for line in project.output.splitlines() if line.startswith(("PASSED", "FAILED"))]
    assert plain == guarded
    project.says("2 tests checked")
