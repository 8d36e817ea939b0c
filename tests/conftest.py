"""What every test runs under: Hypothesis' profile, and a name for a test that hangs."""

import gc
import os
import threading

import pytest
from hypothesis import settings

# A deadline for each example would fail on a busy machine; pytest-timeout guards the
# whole test. In CI the same commit always sees the same examples.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through ten thousand tests again and again.

    They and what they import stay until the end; it took a tenth of all their time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the thread after the test: pytest-timeout ends the run and prints stacks.

    Below a Trio loop those do not show whose they are.
    """
    threading.current_thread().name = item.nodeid
