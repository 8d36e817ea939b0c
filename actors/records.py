"""Reading what is stored, beside the writer and never in its way."""

from collections.abc import Callable
from typing import TypeVar

from actors.writer import RunSync
from adapters import Store

T = TypeVar("T")


class Records:
    """Runs the store's reads out of the loop, one at a time.

    Args:
        store: its reads see only what is committed.
        run_sync: how a read leaves the loop.
    """

    def __init__(self, store: Store, *, run_sync: RunSync) -> None:
        self._store = store
        self._run_sync = run_sync

    async def read(self, question: Callable[[Store], T]) -> T:
        """Give ``question(store)``, as in ``read(lambda store: store.order(id))``.

        Raises:
            StoreFailed: the store cannot be read.
        """
        answer: T = await self._run_sync(question, self._store)
        return answer
