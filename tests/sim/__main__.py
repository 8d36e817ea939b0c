"""`python -m tests.sim`: many seeds, all invariants, one table.

The corpus, seeds that once failed, comes first. A seed that fails is printed with what
is broken and how to play it again, and is added to the corpus.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.sim.plan import recoverable
from tests.sim.run import Result, play, simulate

CORPUS = Path(__file__).with_name("corpus.txt")
INVARIANTS = frozenset(f"I{number}" for number in range(1, 13))
BAR = 0.9
"""Of orders that meet a failure which provably came before anything left, so many get
through."""
RECOVERING = 100
"""Seeds on which that is measured."""


ORDERS = 20


def corpus() -> list[tuple[int, int]]:
    """The seeds that failed once, and with how many orders; what stands behind tells
    why."""
    lines = [line.partition("#")[0].split() for line in CORPUS.read_text().splitlines()]
    return [
        (int(words[0]), int(words[1]) if words[1:] else ORDERS)
        for words in lines
        if words
    ]


def main() -> int:
    """Run what the command line says; 0 where nothing broke."""
    options = _options()
    if options.seed is not None:
        return _one(options)
    began = time.monotonic()
    seeds = range(options.start, options.start + options.seeds)
    jobs = [*corpus(), *((seed, options.orders) for seed in seeds)]
    total, failed = Counter[str](), []
    with multiprocessing.Pool(options.jobs) as pool:
        work = pool.imap(_run, jobs, 8)
        for job, result in zip(jobs, _with_progress(work, len(jobs)), strict=True):
            _add(total, result)
            if result.breaks:
                failed.append((job, result))
                _tell(result, job[1])
        recovered = pool.map(_recover, range(options.start, options.start + RECOVERING))
    _table(total, time.monotonic() - began)
    _remember(failed)
    return 1 if failed or not _mostly_recovered(recovered) else 0


def _mostly_recovered(results: list[Result]) -> bool:
    """Print how many orders got through; whether that is enough, and nothing broke."""
    for result in results:
        if result.breaks:
            print(f"recoverable seed {result.seed}: {result.breaks}")
    good = sum(result.transients[0] for result in results)
    met = sum(result.transients[1] for result in results)
    share = good / met if met else 1.0
    print(f"recoverable failures  {good} of {met} orders got through: {share:.1%}")
    return share >= BAR and not any(result.breaks for result in results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    return parser.parse_args()


def _run(job: tuple[int, int]) -> Result:
    return simulate(*job)


def _recover(seed: int) -> Result:
    return play(recoverable(seed))


def _one(options: argparse.Namespace) -> int:
    result = simulate(options.seed, options.orders, keep_trace=options.trace)
    for line in result.lines:
        print(line)
    _tell(result, options.orders)
    return 1 if result.breaks else 0


def _tell(result: Result, orders: int) -> None:
    words = f"{len(result.breaks)} invariants broken" if result.breaks else "all held"
    print(f"seed {result.seed} ({result.mode}, trace {result.trace}): {words}")
    for line in result.breaks:
        print(f"  {line}")
    if result.breaks:
        again = f"--seed {result.seed} --orders {orders} --trace"
        print(f"  again: .venv/bin/python -m tests.sim {again}")


def _with_progress(results: Iterator[Result], count: int) -> Iterator[Result]:
    for number, result in enumerate(results, 1):
        if sys.stderr.isatty():
            print(f"\r{number} of {count}", end="", file=sys.stderr)
        yield result
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _add(total: Counter[str], result: Result) -> None:
    total["seeds"] += 1
    for name in ("orders", "booked", "crashes", "bugs", "undecided"):
        total[name] += getattr(result, name)
    total["hours"] += round(result.hours * 3600)
    for kind, count in result.faults.items():
        if kind != "none":
            total[f"fault {kind}"] += count
    for line in result.breaks:
        total[line.split()[1]] += 1


def _table(total: Counter[str], seconds: float) -> None:
    faults = {name[6:]: n for name, n in total.items() if name.startswith("fault ")}
    broken = {
        name: n for name, n in total.items() if name[0] == "I" and name[1:].isdigit()
    }
    print(f"seeds                 {total['seeds']}")
    print(f"orders accepted       {total['orders']}, at brokers {total['booked']}")
    print(f"crashes               {total['crashes']}, of one actor {total['bugs']}")
    print(f"faults                {sum(faults.values())} of {len(faults)} kinds")
    for name, count in sorted(faults.items()):
        print(f"  {name:<20}{count}")
    print(f"left to a person      {total['undecided']} (at brokers that show no tags)")
    print(f"sent twice            {broken.get('I1', 0)}")
    print(f"lost                  {broken.get('I2', 0) + broken.get('I3', 0)}")
    print(f"invariants broken     {broken or 0}")
    print(f"simulated             {total['hours'] / 3600:.0f} h in {seconds:.0f} s")


def _remember(failed: list[tuple[tuple[int, int], Result]]) -> None:
    known = corpus()
    with CORPUS.open("a") as file:
        for (seed, orders), result in failed:
            if (seed, orders) not in known:
                words = "" if orders == ORDERS else f" {orders}"
                file.write(f"{seed}{words}  # {result.breaks[0]}\n")


if __name__ == "__main__":
    sys.exit(main())
