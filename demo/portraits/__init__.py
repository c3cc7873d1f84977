"""Portraits of people who do not exist, each drawn from a known truth.

`draw(imagine(person=4, seed=1, domain="makeup"))` gives the pixels; `encode` makes a JPEG of them.
"""

from demo.portraits.draw import draw, encode, re_encode, thumbnail
from demo.portraits.truth import DEFECTS, DOMAINS, REASONS, Defect, Domain, Truth, imagine

__all__ = [
    "DEFECTS",
    "DOMAINS",
    "REASONS",
    "Defect",
    "Domain",
    "Truth",
    "draw",
    "encode",
    "imagine",
    "re_encode",
    "thumbnail",
]
