"""Approved faces in, a model that may be served out: snapshot, gate, train, evaluate, promote.

Enter through `training.steps` or `python -m training`; nothing here imports torch, cv2, dlib or wandb until a step
that needs it runs.
"""
