"""The checks: what reviewers reject, measured. One function per check; its docstring is what reviewers read.

A check returns a score in [0, 1], where 1 is good, with the numbers behind it. Scores are stored with the
check's version; thresholds, shipped or calibrated, are applied when they are read (`judge`), so moving one re-runs
nothing. To add a check, write a function in the file of its kind (or a new file, named below), decorate it, and run
`make docs`. Change a check's version whenever it would score anything anew.
"""

from preprocessing.checks import artefact, covering, eyes, framing, genre, makeup, pose, quality, text
from preprocessing.checks.artefact import ARTEFACT_VERSION
from preprocessing.checks.covering import FRINGE_VERSION, IN_FRONT_VERSION
from preprocessing.checks.eyes import EYES_VERSION
from preprocessing.checks.genre import GENRE_VERSION
from preprocessing.checks.judging import Finding, boxes_of, judge, told
from preprocessing.checks.makeup import MAKEUP_VERSION
from preprocessing.checks.pose import POSE_VERSION
from preprocessing.checks.registry import CHECKS, Check, Measure, check, checks_markdown, checks_on
from preprocessing.checks.text import TEXT_VERSION
from preprocessing.checks.thresholds import SHIPPED, Thresholds
from preprocessing.checks.views import FaceView, PhotoView, View

__all__ = [
    "ARTEFACT_VERSION",
    "CHECKS",
    "EYES_VERSION",
    "FRINGE_VERSION",
    "GENRE_VERSION",
    "IN_FRONT_VERSION",
    "MAKEUP_VERSION",
    "POSE_VERSION",
    "SHIPPED",
    "TEXT_VERSION",
    "Check",
    "FaceView",
    "Finding",
    "Measure",
    "PhotoView",
    "Thresholds",
    "View",
    "artefact",
    "boxes_of",
    "check",
    "checks_markdown",
    "checks_on",
    "covering",
    "eyes",
    "framing",
    "genre",
    "judge",
    "makeup",
    "pose",
    "quality",
    "text",
    "told",
]
