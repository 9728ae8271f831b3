"""A finding names a leaked class, not only its metatype."""

import json

import pytest
from conftest import incref

pytestmark = pytest.mark.usefixtures("attached")


class Meta(type):
    pass


class First:
    pass


class Second:
    pass


class Third(metaclass=Meta):
    pass


def check(fn, **more):
    import pyrefcore

    return pyrefcore.check(fn, runs=10, **more)


def told(report):
    """For each finding: type, classes, references and objects per run."""
    names = [[name.split(".")[-1] for name in [one.type] + one.classes] for one in report.findings]
    counts = [(one.references_per_run, one.objects_per_run) for one in report.findings]
    return sorted((name[0], name[1:]) + count for name, count in zip(names, counts))


def test_a_class_is_named():
    report = check(lambda: incref(First))
    assert told(report) == [("type", ["First"], 1.0, 0.0)], str(report)
    assert "leak: 1 reference to type (the class %s.First) per run, never released" % __name__ in str(report)
    assert json.loads(report.to_json())["findings"][0]["classes"] == ["%s.First" % __name__]
    assert "type (the class %s.First)" % __name__ in report.to_html()


def test_each_leaked_class_has_its_own_finding():
    def leak():
        incref(First), incref(Second), incref(Second), incref(Third)

    report = check(leak)
    assert told(report) == [
        ("type", ["First"], 1.0, 0.0),
        ("type", ["Second"], 2.0, 0.0),
        ("type", ["Third"], 1.0, 0.0),
    ], str(report)
    assert [len(one.examples) for one in report.findings] == [1, 1, 1]


@pytest.mark.slow
def test_new_classes_are_one_finding_beside_an_old_one():
    def leak():
        incref(type("New", (), {})), incref(First)

    report = check(leak)
    assert told(report) == [("type", ["First"], 1.0, 0.0), ("type", ["New"], 1.0, 1.0)], str(report)
    assert [len(one.examples) for one in report.findings if "New" in one.classes[0]] == [8]


def test_many_classes_are_one_finding():
    kinds = [type("Kind%d" % number, (), {}) for number in range(20)]

    def leak():
        for kind in kinds:
            incref(kind)

    report = check(leak)
    assert len(report.findings) == 1 and report.findings[0].references_per_run == 20.0, str(report)
    names = report.findings[0].classes
    assert len(names) == 8 and set(names) < {"%s.%s" % (__name__, kind.__name__) for kind in kinds}
    assert "20 references to type (the classes %s, ...) per run" % ", ".join(names[:3]) in str(report)


def test_an_object_that_is_no_class_has_no_classes():
    assert told(check(lambda: incref(First()))) == [("First", [], 1.0, 1.0)]
