"""The mutants fit the code as it is; a few are run, the rest is `make mutants`."""

import pytest

from tests.mutants.catalogue import MUTANTS, Mutant
from tests.mutants.run import run, unfit


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_each_mutant_fits_the_code(mutant):
    assert unfit(mutant) is None


def test_there_are_enough_and_each_is_another():
    assert len(MUTANTS) >= 30
    assert len({(each.file, each.old, each.new) for each in MUTANTS}) == len(MUTANTS)
    assert len({each.rule for each in MUTANTS}) == len(MUTANTS)


def test_one_that_a_test_notices_is_caught():
    (mutant,) = [m for m in MUTANTS if m.rule.startswith("not placed is never said be")]
    outcome = run(mutant)
    assert outcome.noticed
    assert outcome.words.startswith("tests/actors/test_reconciler.py::")


def test_one_that_nobody_notices_is_told():
    mutant = Mutant(
        "a docstring is there",
        "actors/doubts.py",
        '"""The unknown orders of one broker."""',
        '"""."""',
        ("tests/actors/test_doubts.py",),
    )
    outcome = run(mutant)
    assert not outcome.noticed
    assert outcome.words.startswith("nobody noticed")


def test_one_that_does_not_fit_is_told():
    mutant = Mutant("?", "actors/doubts.py", "no such text", "", ("tests/nowhere.py",))
    assert "there 0 times" in (unfit(mutant) or "")
    assert not run(mutant).noticed
