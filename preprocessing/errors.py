"""What can go wrong here, as a tree.

PreprocessingError
├── Refused                a photo that can never become a face; carries the reason that is recorded
│   ├── Undecodable        the bytes are no picture that we can read
│   ├── TooLarge           more pixels or bytes than we accept to decode
│   ├── TooSmall           too few pixels to hold a face
│   └── Unalignable        landmarks that span no face
├── CrewFailed             the processes that look at photos do not start
├── ModelMissing           a model file that a step needs is not there
└── ValidationStopped      a critical expectation failed: the batch must not go on
"""

from __future__ import annotations


class PreprocessingError(Exception):
    """Root of the errors that this package raises on purpose."""


class Refused(PreprocessingError):
    """A photo that can never become a face. `reason` is one word, `str(error)` the sentence people read."""

    reason = "refused"


class Undecodable(Refused):
    """The bytes are no picture that we can read, or they are cut short."""

    reason = "undecodable"


class TooLarge(Refused):
    """The picture has more pixels, or more bytes, than we accept to decode."""

    reason = "too_large"


class TooSmall(Refused):
    """The picture has too few pixels to hold a face."""

    reason = "too_small"


class Unalignable(Refused):
    """The landmarks span no face: there is nothing to turn upright."""

    reason = "unalignable"


class CrewFailed(PreprocessingError):
    """The processes that look at photos do not start; the sentence says how they end."""


class ModelMissing(PreprocessingError):
    """A model file that a step needs is not there."""


class ValidationStopped(PreprocessingError):
    """A critical expectation failed; the sentence says which and on how many rows."""
