"""The SDK's README, word for word, against a running demo."""

import os
import subprocess
import sys

import pytest

from tests.support.documents import blocks
from tests.support.processes import ROOT, ended
from tests.test_docs import Demo

README = "sdk/README.md"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("trader"))
    with ended(running.process):
        yield running


def run(demo, program):
    """What an example prints, with its settings from the README's own lines."""
    _, exports = blocks(README, "sh")
    (demo.directory / "example.py").write_text(program)
    script = exports.replace("127.0.0.1:8443", demo.address) + "python example.py\n"
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu"],
        input=script,
        cwd=demo.directory,
        env={"PATH": path, "PYTHONPATH": str(ROOT / "sdk" / "src")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stderr == ""
    return [line.split() for line in done.stdout.splitlines()]


def example(number):
    return blocks(README, "python")[number]


def test_an_order_goes_to_two_brokers_and_each_is_looked_at(demo):
    alpha, beta, (filled,) = run(demo, example(0))
    assert (alpha[:2], beta[:2]) == (["alpha", "acked"], ["beta", "acked"])
    assert filled in ("0", "10")


def test_an_order_is_tried_again_safely_with_a_key_of_ones_own(demo):
    assert run(demo, example(1)) == [["False", "True", "True"]]


def test_the_kill_switch_cancels_and_the_events_tell_of_it(demo):
    said = run(demo, example(2))
    assert said[:2] == [["engaged", "True"], ["kill_switch_engaged"]]
    assert ["kill_switch.engaged", "None"] in said
    assert said[-1] == ["order.cancelled", "alpha"]


def test_the_async_client_reads_funds(demo):
    assert [line[0] for line in run(demo, example(3))] == ["alpha", "beta", "slow"]


def test_every_error_is_in_the_table():
    import ordo_client

    text = (ROOT / README).read_text()
    errors = {
        name
        for name in ordo_client.__all__
        if isinstance(kind := getattr(ordo_client, name), type)
        and issubclass(kind, ordo_client.OrdoError)
    }
    assert {name for name in errors if f"`{name}`" not in text} == set()
