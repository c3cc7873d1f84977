"""Whether tonight's snapshot is worth a training: pure functions, and nights made up to try them on."""
