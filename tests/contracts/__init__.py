"""What every implementation of a port must do, written once against the port."""

import pytest

for _suite in ("store", "pure", "broker", "login", "master"):
    pytest.register_assert_rewrite(f"tests.contracts.{_suite}_contract")
