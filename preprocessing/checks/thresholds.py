"""Below which score a check suggests its reason: as the code ships it, or as a calibration has moved it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.records import Calibration
from preprocessing.checks.registry import Check

if TYPE_CHECKING:
    from catalog import Catalog


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds that judge now. ``number`` is the calibration's, None for those of the code.

    ``moved`` is keyed by check and version: a check that has changed since is judged by the threshold of its code.
    """

    number: int | None = None
    moved: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @classmethod
    def of(cls, calibration: Calibration | None) -> Thresholds:
        """Those of a calibration; None: those of the code."""
        if calibration is None:
            return SHIPPED
        return cls(calibration.id, {(one.check, one.version): one.threshold for one in calibration.checks})

    @classmethod
    def current(cls, catalog: Catalog) -> Thresholds:
        """Those that a catalog is judged by now; read once for a page or a step."""
        return cls.of(catalog.calibrations.current())

    def below(self, check: Check) -> float:
        """Below which score a check suggests its reason."""
        return self.moved.get((check.name, check.version), check.threshold)


SHIPPED = Thresholds()
