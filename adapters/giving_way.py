"""Long work beside orders that are due: in slices, with rests between them.

A slice that only yields is run again in the very next pass of the loop, and an order is
some forty passes long: three books read so, 2 ms each at a time, made orders wait for
0.4 s every seven seconds (docs/measurements.md, "make soak").
"""

import trio

REST = 8.0
"""Seconds of rest for each that a slice took, its wait for the writer included: three
brokers' books at a time take a third of the loop."""
REST_PER_CHANGE = 0.004
"""Seconds more for each order it changed, which costs the loop and the writer some 0.2
ms: about 5 % of a processor, until `LONGEST` cuts the rests short. A first guess."""
LONGEST = 1.5
"""Seconds that all rests may last together: a broker's orders must not lag behind its
book for longer the more of them there are."""


class GivingWay:
    """The slices of one piece of work, the first of which begins now.

    Args:
        slices: how many there will be.
    """

    def __init__(self, slices: int) -> None:
        self._most = LONGEST / max(1, slices - 1)
        self._began = trio.current_time()

    async def rest(self, changes: int = 0) -> None:
        """End a slice, and begin the next one after a rest; always a checkpoint.

        Args:
            changes: made in the slice.
        """
        took = trio.current_time() - self._began
        wanted = REST * took + REST_PER_CHANGE * changes
        await trio.sleep(min(wanted, self._most))
        self._began = trio.current_time()
