"""One-time passwords by the clock, against the vectors of RFC 6238, appendix B."""

from datetime import UTC, datetime

import pytest

from adapters.errors import ConfigError
from adapters.secret import Secret
from adapters.totp import totp

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the RFC's key, in base32


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_rfc_in_six_digits(seconds, code):
    assert totp(Secret(SEED), at(seconds)) == Secret(code)


def test_a_code_stands_for_its_thirty_seconds():
    first, last = totp(Secret(SEED), at(30)), totp(Secret(SEED), at(59.9))
    assert first == last
    assert totp(Secret(SEED), at(60)) != first


@pytest.mark.parametrize(
    "seed", [SEED.lower(), "GEZD GNBV GY3T QOJQ GEZD-GNBV-GY3T-QOJQ", f"{SEED}===="]
)
def test_a_seed_is_read_as_it_is_shown(seed):
    assert totp(Secret(seed), at(59)) == Secret("287082")


@pytest.mark.parametrize("seed", ["", "not!base32", "1", "é"])
def test_a_seed_that_is_none_is_named_and_not_shown(seed):
    with pytest.raises(ConfigError, match=r"^totp_seed: wanted") as caught:
        totp(Secret(seed), at(59))
    assert not seed or seed not in str(caught.value).partition("found")[2]
