"""Faces on their way into a network: frozen in snapshots, split, packed, masked and batched."""
