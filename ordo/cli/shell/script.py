"""Lines from a file, a pipe or `-c`: an answer for each, a status at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec

from ordo.cli.failure import Failure
from ordo.cli.shell.lines import EXITS, frame_of
from ordo.cli.shell.link import Ended, Link
from ordo.cli.shell.shown import event_line, lines_of, printable

DONE, NOT_DONE, MAY_BE_DONE = 0, 1, 3
ENCODER = msgspec.json.Encoder(decimal_format="number")


def run(
    link: Link, lines: Iterable[str], *, yes: bool, keep_going: bool, table: bool
) -> int:
    """Do each line; the exit status of all."""
    status = DONE
    for line in lines:
        if line.strip() in EXITS:
            break
        end = _one(link, line, yes=yes, table=table)
        status = max(status, end)
        if end != DONE and not keep_going:
            break
    return status


def _one(link: Link, line: str, *, yes: bool, table: bool) -> int:
    sent = False
    try:
        frame = frame_of(line)
        if frame is None:
            return DONE
        if yes and frame["do"] in ("ask", "tell"):
            frame["confirmed"] = True
        answers = link.ask(frame)
        sent = True
        answer = answers.next()
        while "event" in answer or answer.get("type") == "Watching":
            _show(answer, table=table)
            answer = answers.next()
        link.forget(answers)
    except Failure as failure:
        answer = error("bad_request", failure.message)
    except Ended as ended:
        words = f"{ended}; it may have been done" if sent else str(ended)
        answer = error("connection_lost", words, may_be_done=sent)
    _show(answer, table=table)
    return status_of(answer)


def error(code: str, words: str, *, may_be_done: bool = False) -> dict[str, Any]:
    """An answer that is the shell's own."""
    data = {"may_be_done": may_be_done}
    return {
        "status": "error",
        "error": {"code": code, "message": words, "data": data},
    }


def status_of(answer: Mapping[str, Any]) -> int:
    """The exit status that an answer means."""
    if "error" in answer:
        data = answer["error"].get("data", {})
        maybe = data.get("may_be_done") or "idempotency_key" in data
        return MAY_BE_DONE if maybe else NOT_DONE
    if answer.get("status") == "pending":
        return MAY_BE_DONE
    return DONE if answer.get("status", "success") == "success" else NOT_DONE


def _show(answer: Mapping[str, Any], *, table: bool) -> None:
    """On standard output; why something is not done, on standard error too."""
    if "error" in answer:
        words = answer["error"]["message"]
        if answer["error"]["code"] == "confirmation_wanted":
            words += " with --yes"
        click.echo(f"ordo: {printable(words)}", err=True)
    if not table:
        shown = {name: value for name, value in answer.items() if name != "id"}
        click.echo(ENCODER.encode(shown).decode())
    elif "event" in answer:
        click.echo(event_line(answer["event"]))
    elif "type" in answer:
        click.echo("\n".join(lines_of(answer)))
