"""What a decision of the gate lacks of faces: how many more, and of which kind, would no longer stand in its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.records import Domain, GateDecision

#: Rules that more approved faces can satisfy, in the order in which people can do something about them.
OF_FACES = ("domains", "size", "fresh", "source", "query", "account")


@dataclass(frozen=True, slots=True)
class Need:
    """What one rule asked for and found. `domain` is the one whose faces are counted; empty: of any."""

    rule: str
    asked: int
    found: int
    domain: str = ""

    @property
    def missing(self) -> int:
        """So many more approved faces are needed."""
        return max(0, self.asked - self.found)


def needs(decision: GateDecision) -> tuple[Need, ...]:
    """What the decision counted faces for: each domain, all of them, and of the other rules those that block.

    A rule that a forcer has lifted asks for nothing. A decision of before there were rules knows its total alone.
    """
    return tuple(_needs(decision))


def _needs(decision: GateDecision) -> Iterator[Need]:
    numbers, rules = decision.numbers, {rule.name: rule for rule in decision.rules}
    for name in OF_FACES:
        rule = rules.get(name)
        if name == "domains" and rule is not None and rule.threshold is not None:
            for domain in Domain:
                found = numbers.get(f"faces_{domain}", 0.0)
                yield Need(name, int(rule.threshold), int(found), domain.value)
        elif name == "size":
            yield Need(name, int(numbers.get("min_faces", 0)), int(numbers.get("faces", 0)))
        elif rule is not None and rule.stands_in_the_way and rule.number is not None and rule.threshold is not None:
            yield Need(name, int(rule.threshold), int(rule.number))
