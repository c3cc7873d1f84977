"""A training while it runs: what it reports, what raises an alert and what ends it."""
