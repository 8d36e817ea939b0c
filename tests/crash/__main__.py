"""`python -m tests.crash`: print what was killed, what was found; fail on a breach."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.run import crash


def main() -> int:
    """Run, print the counts, and tell by the exit status whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", default=str(time.time_ns()))
    options = parser.parse_args()
    print(f"seed {options.seed}: {options.kills} kills, {options.clients} clients")
    with tempfile.TemporaryDirectory(prefix="ordo-crash-") as directory:
        end = crash(
            Path(directory),
            kills=options.kills,
            clients=options.clients,
            seed=options.seed,
            say=lambda line: print(line, flush=True),
        )
    ledger, verdict = end.ledger, end.verdict
    print(
        f"{end.kills} kills in {end.took:.0f} s, "
        f"slowest start {end.slowest_start:.2f} s\n"
        f"{ledger.asked} requests: {ledger.unanswered} without an answer, "
        f"{ledger.refused} refused, {verdict.acknowledged} keys acknowledged\n"
        f"{verdict.venue_orders} orders at the venue, "
        f"{verdict.replayed} keys replayed, "
        f"{verdict.settling} still being looked up (not at the venue)\n"
        f"{len(verdict.breaches)} breaches"
    )
    for breach in verdict.breaches[:20]:
        print(f"  {breach}")
    return 1 if verdict.breaches or not verdict.acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
