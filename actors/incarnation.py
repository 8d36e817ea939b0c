"""One life of a child: a task in a shield of its own, from its start to its end."""

import trio

from actors.child import Child


class StartTimedOut(Exception):
    """The child did not call ``task_status.started()`` in time."""


class Incarnation:
    """One run of ``child.start``, of which it also is the ``task_status``.

    Attributes:
        ready: the child has called ``started()``.
        settled: set once it is ready or has ended, whichever comes first.
        ended: set once its task and all tasks below have ended.
        stopping: its supervisor wants it to end.
        failure: what it crashed with; meaningful once ended.
    """

    def __init__(self, child: Child) -> None:
        # Open-ended, unlike any other shield: only the supervisor may end a child.
        # Without it a cancelled tree loses all at once, the audit before the brokers.
        self._scope = trio.CancelScope(shield=True)
        self._child = child
        self.ready = False
        self.settled = trio.Event()
        self.ended = trio.Event()
        self.stopping = False
        self.failure: Exception | None = None

    def started(self, value: object = None) -> None:
        """Say that the child serves requests; *value* is ignored.

        Raises:
            RuntimeError: it has said so before.
        """
        if self.ready:
            raise RuntimeError(f"{self._child.name} called started() twice")
        self.ready = True
        self.settled.set()

    async def run(self) -> None:
        """Run the child to its end.

        A crash is kept in `failure`. What is no Exception (KeyboardInterrupt, also
        inside a group) is not ours to keep: it ends the process.
        """
        # The try is outside the scope: there a group has lost its Cancelled leaves.
        try:
            with self._scope:
                await self._child.start(task_status=self)
                self._check_ready()
        except Exception as exc:
            self.failure = exc
        finally:
            if self._child.mailbox is not None:
                self._child.mailbox.abandon_taken()
            self.settled.set()
            self.ended.set()

    async def wait_ready(self) -> None:
        """Wait until the child is ready, has ended, or has used up its time to start.

        In the last case it is cancelled with `StartTimedOut` for its failure.
        """
        seconds = self._child.start_timeout
        with trio.move_on_after(seconds):
            await self.settled.wait()
        if not self.settled.is_set():
            text = f"{self._child.name} was not ready in {seconds} s"
            self.failure = StartTimedOut(text)
            self.cancel()

    def cancel(self) -> None:
        """Cancel the child's tasks, which end as soon as their own shields allow."""
        self._scope.cancel(reason=f"the supervisor ends {self._child.name}")

    def _check_ready(self) -> None:
        if not self.ready:
            raise RuntimeError(f"{self._child.name} ended without calling started()")
