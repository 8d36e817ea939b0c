"""The shell at a terminal: a prompt, completion, history, a second look."""

from __future__ import annotations

import getpass
import queue
import readline
from typing import Any

import click

from ordo.cli.failure import Failure
from ordo.cli.shell.history import History
from ordo.cli.shell.lines import ASKED_FOR, EXITS, USAGE, frame_of, kept
from ordo.cli.shell.link import Answers, Ended, Link
from ordo.cli.shell.script import DONE
from ordo.cli.shell.shown import event_line, lines_of, printable

PROMPT = "ordo> "
COMPLETION_SECONDS = 2.0
"""A Tab that takes longer gives nothing."""
CONFIRMED = frozenset({"y", "yes"})


class Prompt:
    """Lines of a person, one after the other.

    Args:
        link: open.
        history: where lines are kept.
        yes: whether nothing is asked for twice.
    """

    def __init__(self, link: Link, history: History, *, yes: bool) -> None:
        self._link, self._history, self._yes = link, history, yes
        self._words: list[str] = []

    def run(self) -> int:
        """Until `exit` or Ctrl-D; the exit status."""
        self._set_up()
        hello = self._link.hello
        click.echo(
            f"Ordo {hello['version']} as {hello['principal']}; help, Tab, Ctrl-D ends"
        )
        while True:
            try:
                line = input(PROMPT).strip()
            except KeyboardInterrupt:
                click.echo()
                continue
            except EOFError:
                click.echo()
                return DONE
            if line in EXITS:
                return DONE
            self._keep(line)
            try:
                self._do(line)
            except Failure as failure:
                click.echo(printable(failure.message))

    def _set_up(self) -> None:
        readline.set_auto_history(False)  # a secret would be kept
        for line in self._history.lines():
            readline.add_history(line)
        self._history.trim()
        readline.set_completer_delims(" ")
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")

    def _keep(self, line: str) -> None:
        line = kept(line, self._link.hello.get("secrets", {}))
        last = readline.get_current_history_length()
        if line and (not last or readline.get_history_item(last) != line):
            readline.add_history(line)
            self._history.add(line)

    def _complete(self, text: str, state: int) -> str | None:
        """Readline's completer: the word number *state* that *text* may become."""
        if state == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            self._words = self._asked_words(line)
        return self._words[state] if state < len(self._words) else None

    def _asked_words(self, line: str) -> list[str]:
        try:
            answers = self._link.ask({"do": "complete", "line": line})
            words = answers.next(COMPLETION_SECONDS).get("reply", [])
        except (Ended, queue.Empty):
            return []
        self._link.forget(answers)
        return [word for word in words if isinstance(word, str)]

    # One line -------------------------------------------------------------------------

    def _do(self, line: str) -> None:
        frame = frame_of(line)
        if frame is None:
            return
        if frame == {"do": "help"}:
            click.echo(f"{USAGE}\n")
        if frame["do"] in ("ask", "tell"):
            frame["args"] = [self._filled_in(arg) for arg in frame["args"]]
            frame["confirmed"] = self._yes
        if self._link.gone is not None:  # nothing of this line was sent yet
            click.echo(f"{self._link.gone}; opened again")
            self._link.open()
        answer = self._answer(frame)
        if _wants_confirmation(answer) and self._confirmed(answer):
            answer = self._answer({**frame, "confirmed": True})
        self._show(answer)

    def _answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        """The last answer to a frame; those before it are shown as they come."""
        try:
            answers = self._link.ask(frame)
        except Ended as ended:
            raise Failure(f"{ended}; nothing was sent") from None
        try:
            while True:
                answer = answers.next()
                if "event" in answer:
                    click.echo(event_line(answer["event"]))
                elif answer.get("type") != "Watching":
                    return answer
        except Ended as ended:
            raise Failure(f"{ended}; it may have been done") from None
        except KeyboardInterrupt:
            return self._stopped(answers, frame)
        finally:
            self._link.forget(answers)

    def _stopped(self, answers: Answers, frame: dict[str, Any]) -> dict[str, Any]:
        answers.stop()
        click.echo()
        if frame["do"] == "watch":
            return {"end": ""}
        raise Failure("no longer waited for; it may have been done")

    def _filled_in(self, arg: str) -> str:
        """`FIELD=?`, asked for and not shown."""
        if not arg.endswith(ASKED_FOR):
            return arg
        name = arg.removesuffix(ASKED_FOR)
        try:
            return f"{name}={getpass.getpass(f'{name}: ')}"
        except (EOFError, KeyboardInterrupt):
            raise Failure("nothing was given") from None

    def _confirmed(self, answer: dict[str, Any]) -> bool:
        would = printable(answer["error"]["data"]["would"])
        click.echo(f"It {would}.")
        readline.set_completer(None)
        try:
            return input("Go on? [y/N] ").strip().lower() in CONFIRMED
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return False
        finally:
            readline.set_completer(self._complete)

    def _show(self, answer: dict[str, Any]) -> None:
        if _wants_confirmation(answer):
            click.echo("nothing was sent")
        elif "error" in answer:
            error = answer["error"]
            click.echo(printable(f"{error['code']}: {error['message']}"))
        elif "end" in answer:
            click.echo(printable(answer["end"])) if answer["end"] else None
        else:
            click.echo("\n".join(lines_of(answer)))


def _wants_confirmation(answer: dict[str, Any]) -> bool:
    error = answer.get("error")
    return error is not None and error["code"] == "confirmation_wanted"
