"""Which model is served: promotion's rules, sign-off, model card and exported files."""
