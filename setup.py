"""What pyproject.toml can't say to the setuptools of Python 3.8 and to today's in one spelling."""

import re
from pathlib import Path

from setuptools import setup

CARGO = Path(__file__).with_name("Cargo.toml").read_text(encoding="utf-8")


def field(name):
    return re.search(rf'^{name} = "(.*)"', CARGO, re.MULTILINE).group(1)


# Everything that is built goes where cargo and make put it, too. Metadata beside the package would load its plugin
# twice.
BUILT = Path("target/wheel")
BUILT.mkdir(parents=True, exist_ok=True)
options = {"build": {"build_base": str(BUILT)}, "egg_info": {"egg_base": str(BUILT)}}
setup(version=field("version"), license=field("license"), options=options)
