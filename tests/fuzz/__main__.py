"""`python -m tests.fuzz`: generated requests at a real gateway; fails on a problem."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.run import fuzz

OVER_TLS = 3
"""One request in so many goes over TLS, most of those by HTTP/2."""


def main() -> int:
    """Run, print the counts, and tell by the exit status whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--seed", default=str(time.time_ns()))
    options = parser.parse_args()
    print(f"seed {options.seed}: {options.requests} requests")
    secured = options.requests // OVER_TLS
    found = 0
    for tls, requests in (("off", options.requests - secured), ("auto", secured)):
        with tempfile.TemporaryDirectory(prefix="ordo-fuzz-") as directory:
            began = time.monotonic()
            end = fuzz(
                Path(directory),
                requests=requests,
                seed=options.seed,
                tls=tls,
                say=lambda words: print(f"  {words}", flush=True),
            )
        took = time.monotonic() - began
        print(f"tls {tls}: {requests} requests in {took:.0f} s")
        print(f"  statuses {dict(sorted(end.statuses.items()))}")
        print(f"  refused {dict(end.refused.most_common())}")
        print(f"  {end.memory / 1e6:.0f} MB resident, {len(end.problems)} problems")
        found += len(end.problems)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
