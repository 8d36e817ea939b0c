"""An Ordo of tests: one that dies at a named point, or runs on a clock that is set."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from tests.support.processes import TOKEN, Process


class OrdoAt(Process):
    """An Ordo by `tests.crash.ordo_at`; `url` is "" where it died before ready."""

    def __init__(self, config: Path, *options: str) -> None:
        begun = time.perf_counter()
        super().__init__(
            *(sys.executable, "-m", "tests.crash.ordo_at", "--config", str(config)),
            *options,
            environ={"ORDO_AUTH__TOKEN": TOKEN},
            log=config.parent / "ordo.log",
        )
        self.url, self.started = "", 0.0
        try:
            self.url = self.line().split()[-1]
            self.started = time.perf_counter() - begun
        except RuntimeError:
            if self.popen.returncode != -signal.SIGKILL:
                raise
        except BaseException:
            self.kill()
            raise


def dying(config: Path, point: str, count: int) -> OrdoAt:
    """An Ordo that dies the *count*-th time it comes to *point*."""
    return OrdoAt(config, "--point", point, "--count", str(count))
