"""Fixtures: what a test opens is closed at its end."""

from contextlib import ExitStack

import pytest

from adapters.instruments import FileIndex


@pytest.fixture
def opened():
    """Opens the instruments in a file."""
    with ExitStack() as stack:

        def open_(path):
            index = FileIndex(path)
            stack.callback(index.close)
            return index

        yield open_
