"""A paper broker that passes for a real one: it does not say that it is simulated."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace


class Real:
    """A broker port as the one inside, its word for being simulated taken away."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside
        self.capabilities = replace(inside.capabilities, simulated=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)
