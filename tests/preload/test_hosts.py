"""Names the CPythons that this machine lacks, so that a run without them says so."""

import pytest

from harness import flavours, pythons


@pytest.mark.tier("here")
def test_there_is_a_replaceable_cpython_of_each_release(request):
    wanted = request.config.option.flavours.split() or flavours.names()
    here = {host.flavour for host in pythons.hosts() if host.kind == "replaceable"}
    # 3.8 compiles births into its own code.
    missing = [name for name in wanted if name[2:].isdigit() and name not in here | {"cp38"}]
    if missing:
        pytest.skip("there is none of %s; make pythons brings 3.14 and later" % ", ".join(missing))


@pytest.mark.tier("here")
def test_there_is_a_cpython_that_binds_its_own_calls():
    if all(host.kind == "replaceable" for host in pythons.hosts()):
        pytest.skip("there is none on this machine; Debian's python3 is one")
