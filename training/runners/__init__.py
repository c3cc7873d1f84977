"""Where a training runs: on this machine, on one reached by ssh, or as a job of Kubernetes; submitted once per key.

Enter through `training.runners.submitting`, with a job of `training.runners.jobs`. What is given to a runner outlives
whoever gave it.
"""
