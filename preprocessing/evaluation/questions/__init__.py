"""The questions, one file for each group. To add one, write a function in a file named below and decorate it."""

from preprocessing.evaluation.questions import artefact, covering, eyes, framing, looks, pose, text

__all__ = ["artefact", "covering", "eyes", "framing", "looks", "pose", "text"]
