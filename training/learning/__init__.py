"""The training itself: its losses, its step, its loop and what it goes on from."""
