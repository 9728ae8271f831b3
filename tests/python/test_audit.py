"""`audit` names objects with a count below the number of visible references, before the process crashes."""

from conftest import program


def test_a_healthy_process_is_clean(attached):
    report = attached.audit()
    assert report.ok, str(report)
    assert (report.runs, report.windows) == (0, 0)
    assert any("objects and" in note for note in report.notes)


def test_a_missing_reference_is_named(attached):
    out = program("""
thing = Thing()
holder = [thing, thing]
decref(thing); decref(thing)
report = pyrefcore.audit()
incref(thing); incref(thing)
found, = report.findings
print(found.kind, found.type, found.growth, found.references_per_run < 0)
print(found.examples[0].address == id(thing), id(holder) in [one.address for one in found.examples[0].referrers])
""")
    assert out == "over-release __main__.Thing [] True\nTrue True\n"
