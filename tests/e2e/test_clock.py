"""A clock that is set back: ids go on growing, keys live on, orders flow."""

from contextlib import ExitStack

import pytest

from tests.crash.processes import OrdoAt
from tests.support.processes import ended
from tests.support.waiting import until

TWO_HOURS = 7200


@pytest.fixture
def set_back(gateway, tmp_path):
    """Puts the gateway on a clock: a function that sets it back, one that restarts."""
    shift = tmp_path / "shift"
    shift.write_text("0")

    def start():
        gateway.ordo.kill()
        gateway.ordo = OrdoAt(gateway.config, "--clock", str(shift))
        stack.enter_context(ended(gateway.ordo))
        gateway.client.base_url = gateway.ordo.url

    def by(seconds: int) -> None:
        new = tmp_path / "shift.new"
        new.write_text(str(-seconds))
        new.replace(shift)  # in one step: it may be read just now

    with ExitStack() as stack:
        start()
        yield by, start


def ids_of(answer) -> tuple[str, str, str]:
    """The order's id, the batch's, and the status."""
    body = answer.json()
    (leg,) = body["results"]
    return leg["order_id"], body["data"]["batch_id"], leg["status"]


def test_a_clock_set_back_by_two_hours_disturbs_nothing(gateway, set_back):
    by, _ = set_back
    before = [ids_of(gateway.order(f"before-{n}")) for n in range(3)]
    by(TWO_HOURS)
    after = [ids_of(gateway.order(f"after-{n}")) for n in range(20)]
    assert {status for *_, status in before + after} == {"acked"}
    orders = [order_id for order_id, *_ in before + after]
    assert orders == sorted(orders)
    assert len({each for *ids, _ in before + after for each in ids}) == 2 * 23
    assert gateway.tags() == orders
    newest = gateway.client.get("/api/v1/orders").json()["data"]["orders"]
    assert [row["order_id"] for row in newest] == orders[::-1]

    again = gateway.order("before-0")
    assert again.json()["data"]["replayed"] is True
    assert ids_of(again) == before[0]
    other = gateway.order("before-0", quantity=11)
    assert (other.status_code, other.json()["error_code"]) == (
        422,
        "idempotency_key_reused",
    )
    assert len(gateway.tags()) == 23


def test_ids_go_on_growing_through_a_kill_and_a_start_on_the_wrong_clock(
    gateway, set_back
):
    by, start = set_back
    before = ids_of(gateway.order("before"))
    by(TWO_HOURS)
    start()
    until(lambda: gateway.order("after").status_code == 200)
    after = ids_of(gateway.order("after"))
    assert after[2] == "acked"
    assert min(after[:2]) > max(before[:2])
    assert ids_of(gateway.order("before")) == before
    assert gateway.tags() == [before[0], after[0]]
