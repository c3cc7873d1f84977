"""Stand-ins for what lies outside the code under test, handed in through its seams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from catalog import Settings
from collectors.base import Answer, Request


@dataclass
class FakeDoor:
    """Opens onto itself, whatever it is asked for. Gives each session the answers in order, the last one for ever and
    as ``ended``; an exception among them is raised. Remembers what it was asked, and how often it was opened."""

    answers: Sequence[Answer | Exception]
    on_ask: Callable[[Request], None] = lambda _: None
    asked: list[Request] = field(default_factory=list)
    opened: int = 0

    @contextmanager
    def __call__(self, _: str, __: Settings) -> Iterator[FakeDoor]:
        self.opened += 1
        self._given: Counter[str] = Counter()
        yield self

    def ask(self, request: Request) -> Answer:
        self.asked.append(request)
        self.on_ask(request)
        number = self._given[request.session]
        self._given[request.session] += 1
        answer = self.answers[min(number, len(self.answers) - 1)]
        if isinstance(answer, Exception):
            raise answer
        return replace(answer, ended=True) if number >= len(self.answers) else answer
