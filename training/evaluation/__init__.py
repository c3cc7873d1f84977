"""What a model is worth: its repainted held-out faces, the metrics on them, and the page that shows both."""
