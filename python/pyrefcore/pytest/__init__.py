"""The parts of `pytest --refs`. pytest loads `pyrefcore_pytest`, which needs none of them without the option."""
