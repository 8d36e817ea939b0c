"""What a check wants to know of its broker, and what it was told.

Synchronous: a check that lacks something has questions; once they have answers, it is
made again.
"""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from actors.checks import Skipped
from actors.lookups import Answer, Lookups, Question
from actors.messages import Denial

MONEY_AGE = 5.0
"""Seconds an account's figures are good for where they say yes."""
NO_AGE = 1.0
"""Seconds they are good for where they say no: money may just have come in."""

F = TypeVar("F")


class Asking(ABC, Generic[F]):
    """A check, its questions and their answers.

    Args:
        lookups: who can be asked.

    Attributes:
        wanted: what has to be asked before anything can be found.
    """

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups
        self.wanted: list[Question] = []
        self._answers: dict[Question, Answer] = {}

    @abstractmethod
    def judge(self, now: float) -> F | None:
        """What is found at *now* (Trio clock); None: something is `wanted` first."""

    def answered(self, question: Question, answer: Answer) -> None:
        """What the broker said, or that it said nothing."""
        self._answers[question] = answer

    def _answer(self, question: Question, now: float, age: float) -> Answer | None:
        """What is known, at most *age* seconds old; else it is wanted."""
        answer = self._answers.get(question)
        if answer is None:
            answer = self.lookups.known(question, now - age)
        if answer is None:
            self.wanted.append(question)
        return answer

    def _fresh(self, now: float, *questions: Question) -> bool:
        """Whether a no may be said on them; asked for again where they are old."""
        answers = [self._answer(question, now, NO_AGE) for question in questions]
        return None not in answers


def unchecked(failure: Denial) -> Skipped:
    """It could not be checked, for the broker told nothing."""
    return Skipped(failure.message, failure.code)
