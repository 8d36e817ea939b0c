"""What every test runs under: Hypothesis' profile, and a name for a test that hangs."""

import os
import threading

import pytest
from hypothesis import settings

# A deadline for each example would fail on a busy machine; pytest-timeout guards the
# whole test. In CI the same commit always sees the same examples.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the thread after the test: pytest-timeout ends the run and prints stacks.

    Below a Trio loop those do not show whose they are.
    """
    threading.current_thread().name = item.nodeid
