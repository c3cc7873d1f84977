"""Fits the small networks that ship: `python -m preprocessing.fitting.eyes` and `.head_room`.

Not needed to run anything: PyTorch is only imported here, and what comes out is an npz that NumPy reads.
"""
