"""The verbs of ``python -m review``, a file each: ``add_to`` says what one takes, and it runs what it named."""
