"""What every test runs under: one way for Hypothesis to look for examples."""

import os

from hypothesis import settings

# A deadline for each example would fail on a busy machine; pytest-timeout guards the
# whole test. In CI the same commit always sees the same examples.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
