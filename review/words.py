"""The words and keys of the desk: one table each, so that a button, a chip and a message say the same thing."""

from __future__ import annotations

from catalog.records import Domain, Reason, Stage

STAGES: dict[Stage, str] = {
    Stage.RAW: "Raw photos",
    Stage.CROP: "Crops",
    Stage.FINAL: "Final look",
}

QUESTIONS: dict[Stage, str] = {
    Stage.RAW: "Is this a photo worth cropping?",
    Stage.CROP: "Is this face cut out cleanly?",
    Stage.FINAL: "May the model learn from this face?",
}

DOMAINS: dict[Domain, str] = {Domain.BARE: "Bare face", Domain.MAKEUP: "Make-up"}

REASONS: dict[Reason, str] = {
    Reason.MIRRORED: "Mirrored",
    Reason.PRODUCT: "Product in frame",
    Reason.ARTEFACT: "Hair or skin artefact",
    Reason.EYES: "Wink or closed eyes",
    Reason.FRINGE: "Fringe over the eyes",
    Reason.HEAD_ROOM: "No head-room",
    Reason.NOT_A_PHOTO: "Not a photo",
    Reason.OTHER: "Other",
}

#: One key per reason, the same at every stage, so that fingers need not learn it three times.
KEYS: dict[Reason, str] = {reason: str(number) for number, reason in enumerate(Reason, start=1)}
