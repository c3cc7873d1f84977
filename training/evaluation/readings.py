"""What each number of an evaluation means, in a reader's words, and from where on it is alarming.

The limits are starting values for pictures of real people; they colour the report's page and decide nothing: promotion
has floors of its own, which the page shows in their place where there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric in words. `limit` is the last good value, below it or (`at_least`) above; None: no verdict."""

    metric: str
    words: str
    limit: float | None = None
    at_least: bool = False

    def good(self, value: float, limit: float | None = None) -> bool | None:
        """Whether a value is good; None when nothing says so."""
        limit = self.limit if limit is None else limit
        if limit is None:
            return None
        return value >= limit if self.at_least else value <= limit


FID_PICTURES = "pictures on the smaller side of FID, which is biased below 10,000 and not told below 2,049"

GROUPS: Mapping[str, tuple[Reading, ...]] = {
    "Is it still the person?": (
        Reading("copy_index", "whose face it is: 0 the source's, 1 the reference's", 0.4),
        Reading("copy_rate", "share of outputs nearer to the reference's face", 0.05),
        Reading("identity_kept", "share that is taken for the source's person", 0.95, at_least=True),
        Reading("identity_margin", "how much farther the reference's face is than the source's", 0.15, at_least=True),
        Reading("no_face", "share in which no face is found", 0.05),
        Reading("landmark_drift", "how far features moved, in eye distances", 0.03),
        Reading("landmark_drift_p95", "the same, of the worst twentieth", 0.06),
        Reading("structure", "likeness of the skin's structure (SSIM)", 0.85, at_least=True),
        Reading("edges_kept", "correlation of the face's edges"),
        Reading("skin_shift", "how far the skin's own tone moved (ΔE)", 6.0),
    ),
    "Did anything else come along?": (
        Reading("background_change", "change outside the face, of 255", 4.0),
        Reading("background_p95", "the same, of the most changed twentieth"),
        Reading("reference_leak", "how far that change follows the reference", 0.15),
        Reading("ear_leak", "the same, about the ears", 0.15),
        Reading("new_spots", "new things outside the face, per picture"),
        Reading("new_spot_rate", "share of pictures with any", 0.05),
        Reading("diversity_outside", "how outputs of one source differ outside the face, of 255", 1.0),
    ),
    "Did the make-up arrive?": (
        Reading("target_rate", "share that the classifier takes for the target", 0.9, at_least=True),
        Reading("target_rate_references", "the same, of real pictures of the target"),
        Reading("target_rate_sources", "the same, of sources as they were"),
        Reading("target_score", "its mean certainty"),
        Reading("makeup_distance", "how far colours still are from the reference's: 1 nothing happened, 0 all", 0.6),
        Reading("lips_distance", "of the lips alone, shades too"),
        Reading("lids_distance", "of the lids alone, shades too"),
        Reading("skin_distance", "of the skin alone, shades too"),
        Reading("diversity_inside", "how outputs of one source differ inside the face, of 255"),
        Reading("lpips", "LPIPS between outputs of one source: higher is more diverse, no nearer to the reference"),
        Reading("lpips_outputs", "outputs per source that it was taken over; 10 as published"),
    ),
    "Do they look like pictures of the target?": (
        Reading("frechet_simple", "Fréchet distance on colours and edges"),
        Reading("frechet_classifier", "Fréchet distance on the classifier's features"),
        Reading("frechet_dlib", "Fréchet distance on face descriptors"),
        Reading("kernel_simple", "kernel distance on colours and edges"),
        Reading("kernel_simple_error", "its standard error"),
        Reading("kernel_classifier", "kernel distance on the classifier's features"),
        Reading("kernel_classifier_error", "its standard error"),
        Reading("kernel_dlib", "kernel distance on face descriptors"),
        Reading("kernel_dlib_error", "its standard error"),
        Reading("fid", "FID: Fréchet distance on the given Inception weights"),
        Reading("fid_pictures", FID_PICTURES, 10_000, at_least=True),
    ),
}

BY_NAME = {reading.metric: reading for group in GROUPS.values() for reading in group}

CURVED = (
    *("copy_index", "identity_kept", "target_rate", "makeup_distance", "background_change", "frechet_classifier"),
    *("fid", "lpips"),
)
"""The metrics whose course over a run's evaluations is drawn."""
