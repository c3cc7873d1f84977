"""How well the checks do on labelled photos: each question put to each photo, and the rates that come out.

`python -m preprocessing evaluate --faces DIR --manifest CSV` enters here. A question is one function in
`questions/`: it looks at one labelled photo and yields samples, each with what should have been said and the score
that the shipped check gave.
"""

from preprocessing.evaluation.manifest import BadManifest, LabelledPhoto, read
from preprocessing.evaluation.rates import Rates
from preprocessing.evaluation.run import Evaluation, evaluate

__all__ = ["BadManifest", "Evaluation", "LabelledPhoto", "Rates", "evaluate", "read"]
