"""`python -m tests.mutants`: remove each safety rule in turn; some test must notice."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.catalogue import MUTANTS
from tests.mutants.run import run


def main() -> int:
    """Run all mutants; 0 where every one was noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="those whose rule has this text")
    options = parser.parse_args()
    chosen = [each for each in MUTANTS if options.only in each.rule]
    missed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(run, chosen):
            missed += not outcome.noticed
            word = "caught" if outcome.noticed else "MISSED"
            print(f"{word}  {outcome.mutant.rule}\n        {outcome.words}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} mutants caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
