"""A detector of dlib's as numbers, so that a coarser one can be made of it: NumPy only.

dlib keeps a HOG detector as a row of packed whole numbers. Its templates are 10 x 10 cells of 31 histogram bins. A
face at half the size covers 5 x 5 cells, and what is seen in one of them is about the mean of what four cells see at
full size; so the sums over two by two cells of the templates answer to faces half as large. Nothing is fitted. Such a
detector is too coarse to decide, but hardly misses a face, on a quarter of the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

_BINS = 31
# What dlib writes before the templates, by place: whole numbers, then two floats (each a mantissa and an exponent).
_CELL, _WIDTH, _HEIGHT, _LEVELS, _LEAST_WIDTH, _LEAST_HEIGHT, _WEIGHTS, _COUNT = 4, 6, 7, 8, 9, 10, 13, 18


@dataclass(frozen=True, slots=True, eq=False)
class Hog:
    """A HOG detector: what it scans how, and its templates, of shape (bins, rows, columns), each with its bias."""

    head: tuple[int, ...]
    templates: tuple[npt.NDArray[np.float64], ...]
    biases: tuple[float, ...]

    @classmethod
    def parse(cls, data: bytes) -> Hog:
        """Read what dlib saved; raises ValueError when it is not a detector of square windows as we know them."""
        numbers = list(_numbers(data))
        if len(numbers) <= _COUNT or numbers[0] != 2 or numbers[_WIDTH] != numbers[_HEIGHT]:
            raise ValueError("not a HOG detector as this version of dlib saves it")
        head, weights = tuple(numbers[:_COUNT]), numbers[_WEIGHTS]
        cells = head[_WIDTH] // head[_CELL]
        each = 2 + 2 * (weights + 1)
        if weights != _BINS * cells**2 or len(numbers) != _COUNT + 1 + numbers[_COUNT] * each:
            raise ValueError("not the HOG detector that was expected: its templates have another size")
        templates, biases = [], []
        for at in range(_COUNT + 1, len(numbers), each):
            mantissas, exponents = numbers[at + 2 : at + each : 2], numbers[at + 3 : at + each : 2]
            values = np.ldexp(np.array(mantissas, dtype=np.float64), np.array(exponents))
            templates.append(values[:-1].reshape(_BINS, cells, cells))
            biases.append(float(values[-1]))
        return cls(head, tuple(templates), tuple(biases))

    def save(self) -> bytes:
        """The bytes that dlib reads."""
        numbers = [*self.head, len(self.templates)]
        for template, bias in zip(self.templates, self.biases, strict=True):
            numbers += [-(template.size + 1), -1]
            for value in (*template.ravel().tolist(), bias):
                numbers += _parts(value)
        return b"".join(map(_packed, numbers))

    def halved(self) -> Hog:
        """The same for faces half as large."""
        bins, rows, columns = self.templates[0].shape
        pooled = tuple(t.reshape(bins, rows // 2, 2, columns // 2, 2).sum(axis=(2, 4)) for t in self.templates)
        head = list(self.head)
        for place in (_WIDTH, _HEIGHT, _LEAST_WIDTH, _LEAST_HEIGHT):
            head[place] //= 2
        head[_WEIGHTS] = pooled[0].size
        return replace(self, head=tuple(head), templates=pooled)

    def within(self, levels: int) -> Hog:
        """The same for faces of few sizes: the window's, and so many less one, each a fifth larger than the last."""
        head = list(self.head)
        head[_LEVELS] = levels
        return replace(self, head=tuple(head))


def _numbers(data: bytes) -> Iterator[int]:
    """Each number is a byte with its length and its sign, and then its magnitude, the lowest byte first."""
    at = 0
    while at < len(data):
        length, negative = data[at] & 0x0F, data[at] & 0x80
        magnitude = int.from_bytes(data[at + 1 : at + 1 + length], "little")
        yield -magnitude if negative else magnitude
        at += 1 + length


def _packed(number: int) -> bytes:
    magnitude = abs(number)
    length = max(1, (magnitude.bit_length() + 7) // 8)
    return bytes([length | (0x80 if number < 0 else 0)]) + magnitude.to_bytes(length, "little")


def _parts(value: float) -> tuple[int, int]:
    """Mantissa and exponent, exactly."""
    fraction, exponent = np.frexp(value)
    return int(fraction * 2**53), int(exponent) - 53 if value else 0
