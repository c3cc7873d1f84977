"""The verbs of ``python -m collectors``, one file each; ``add_to`` gives a verb its place in the parser."""
