"""Whether a face looks into the camera."""

from __future__ import annotations

from catalog.records import Reason, SubjectKind
from preprocessing.checks.registry import Measure, check, unit
from preprocessing.checks.views import FaceView

#: Names the generic face of pose.npz too: a test holds the two together.
POSE_VERSION = "face-dffc5906"
#: Degrees at which `pose` scores 0.5. Up and down shows in the landmarks only to about 10 degrees: noses differ.
YAW, PITCH, ROLL = 30.0, 30.0, 20.0


@check(threshold=0.5, on=SubjectKind.FACE, reason=Reason.OTHER, version=f"{YAW:g}-{PITCH:g}-{ROLL:g}-{POSE_VERSION}")
def pose(face: FaceView) -> Measure:
    """Does the person look into the camera? How far the head is turned: 30 degrees to a side, up or down, or 20 of tilt
    are too much.

    In degrees: `yaw` above 0 is to the right of the picture, `pitch` above 0 is up, and `roll` above 0 is clockwise, as
    left over after the crop was set upright.
    """
    from preprocessing.pose import turn_of

    turn = turn_of(face.landmarks)
    furthest = max(abs(turn.yaw) / YAW, abs(turn.pitch) / PITCH, abs(turn.roll) / ROLL)
    angles = {"yaw": turn.yaw, "pitch": turn.pitch, "roll": turn.roll}
    return Measure(1 - unit(furthest / 2), {name: round(angle, 1) for name, angle in angles.items()})
