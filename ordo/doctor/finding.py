"""What an examination finds."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    `advice` says what to do; it is empty where nothing is wrong. `warn` is what a
    person should know or what could not be told, `fail` what will not work or is not
    safe.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All well."""
    return Finding(check=check, verdict="ok", found=found)


def warn(check: str, found: str, advice: str) -> Finding:
    """Worth a person's look."""
    return Finding(check=check, verdict="warn", found=found, advice=advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check=check, verdict="fail", found=found, advice=advice)
