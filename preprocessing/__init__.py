"""Photo -> Face -> Score: find faces, cut aligned crops, measure what reviewers reject, validate the batch.

Enter through `preprocessing.steps` (or `python -m preprocessing`); importing this package loads nothing
heavy.
"""
