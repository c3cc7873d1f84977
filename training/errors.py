"""What can go wrong in training.

    TrainingError
    ├── BadPolicy          the policy of promotion cannot be heeded as it is written
    ├── BadSnapshot        a manifest or pack is missing, damaged or cannot be built
    ├── BadCheckpoint      a checkpoint file is not what its format says
    ├── BadExtractor       weights to measure with are not the published file's, or half of them is lacking
    ├── ResumeRefused      the run on disk was made from another snapshot, preset or seed, or it failed by itself
    ├── RunBusy            another process is training this run
    ├── NotSaved           the disk took no checkpoint; the newest one before it is as it was
    ├── Superseded         another trainer has taken this run over; this one writes nothing more
    ├── Diverged           a loss or weight is no longer a finite number
    ├── DeadPenalty        R1 has no gradient: the discriminator would learn without it
    ├── ExportDiffers      an exported file does not answer as the model does
    ├── BadRule            a rule to stop by that cannot be read, or speaks of what is not reported
    ├── NotSignedOff       an unusual change would be promoted on nobody's word
    ├── RunnerError        whoever trains elsewhere refused, or answered nonsense
    │   ├── Unreachable    it did not answer; what it was given goes on, and it may be asked again
    │   └── TeardownFailed a rented machine may still run, and cost
    └── Unknown            a preset, snapshot, run or model nobody has heard of

Being stopped on request (SIGTERM, --slice-steps) is not an error: it is a result.
"""


class TrainingError(Exception):
    """The message is one line for a person."""


class BadPolicy(TrainingError):
    """The policy of promotion cannot be heeded as it is written; the message names what."""


class BadSnapshot(TrainingError):
    """A manifest or pack is missing, damaged or cannot be built."""


class BadCheckpoint(TrainingError):
    """A checkpoint file is not what its format says; the message names the keys that differ."""


class BadExtractor(TrainingError):
    """Weights to measure with are not those of the published file; the message names the setting and the keys."""


class ResumeRefused(TrainingError):
    """The run on disk was made from another snapshot, preset or seed, or it failed by itself."""


class RunBusy(TrainingError):
    """Another process is training this run."""


class NotSaved(TrainingError):
    """The disk took no checkpoint; the newest one before it is as it was."""


class Superseded(TrainingError):
    """Another trainer has taken this run over; this one writes nothing more."""


class Diverged(TrainingError):
    """A loss or weight is no longer a finite number; nothing was saved after it."""


class DeadPenalty(TrainingError):
    """R1 has no gradient: a second-order graph was lost, and the discriminator would learn without the penalty."""


class ExportDiffers(TrainingError):
    """An exported file does not answer as the model does; it was not kept."""


class BadRule(TrainingError):
    """A rule to stop by that cannot be read, or speaks of a number that is not reported."""


class NotSignedOff(TrainingError):
    """An unusual change would be promoted, and no person has agreed."""


class Unknown(TrainingError):
    """A preset, snapshot, run or model nobody has heard of."""


class RunnerError(TrainingError):
    """Whoever trains elsewhere refused, or answered nonsense."""


class Unreachable(RunnerError):
    """It did not answer; what it was given goes on, and it may be asked again."""


class TeardownFailed(RunnerError):
    """A rented machine may still run, and cost."""
