"""What every implementation of a port must do, written once against the port."""

import pytest

pytest.register_assert_rewrite("tests.contracts.store_contract")
