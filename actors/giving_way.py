"""Long work beside orders that are due: in slices, with rests that grow with them.

A slice that only yields is run again in the very next pass of the loop. An order needs
some forty passes from its request to its answer, and so would wait for forty slices.
"""

import trio

REST = 3.0
"""Times what a slice took, its wait for the writer included: a quarter of the time is
for the work at the most, and less of it the busier Ordo is."""
LONGEST_REST = 0.05
"""Seconds: orders that lag behind their book must catch up faster than others come."""


class GivingWay:
    """The slices of one piece of work, the first of which begins now."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    async def rest(self) -> None:
        """End a slice, and begin the next one after a rest; always a checkpoint."""
        took = trio.current_time() - self._began
        await trio.sleep(min(LONGEST_REST, REST * took))
        self._began = trio.current_time()
