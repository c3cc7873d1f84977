"""What the packages below the desk say in English, for its languages to know: words, sentences, and their shapes.

A shape is a sentence with its values left out. Much of what is shown was said, and stored, before anybody asked for
it in another language, so it is known by its shape when it is shown (``Language.spoken``). What is not here, such as
the words of a source's own answer, is shown as it was said.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.records import Domain, Reason, Stage
from collectors.errors import SearchEnded
from preprocessing.best import NOTHING
from preprocessing.checks import CHECKS

#: How a search ends that came to its end.
_USED = "used"

#: Why a photo, or a candidate for one, went no further: these words with underscores in place of spaces.
REFUSALS = (
    *("bad answer", "bad url", "corrupt", "cut", "empty", "encoded", "erased", "http error", "missing", "not a file"),
    *(
        "not an image",
        "odd shape",
        "opted out",
        "outside folder",
        "placeholder",
        "private address",
        "proxy",
        "redirect",
    ),
    *("timeout", "too large", "too small", "truncated", "unreachable", "unreadable", "unsupported type"),
    *("unalignable", "undecodable", "no face", "same bytes", "near duplicate", "refused"),
)

#: What a photo or face is asked for in a batch's validation.
COLUMNS = (
    *("source", "foreign_id", "page_url", "image_url", "query", "found_at", "licence", "width", "height"),
    *("photo_id", "sha256", "padded", "side", "domain"),
)

#: Finished sentences of the catalog, of checks and of a batch's validation.
SHAPES = (
    # why a decision, or a page, is refused
    "{who} has decided this already",
    "there is no decision to take back",
    "this face is in no batch that is open for review",
    "this photo is in no batch that is open for review",
    "the photo of this face was refused: {reason}",
    "this photo was refused: {reason}",
    "not approved at the {stage} stage",
    "decided at the final stage already; take that back first",
    "the batch has moved on: this photo is cropped already",
    "a reject needs a reason",
    "only a reject has a reason, not {verdict}",
    "the {stage} stage does not offer the reason {reason}",
    "the {stage} stage judges a {kind}, not a {subject}",
    "this token names another decision",
    "these are decisions of {who}, and you are signed in as {reader}",
    "this is no place in the queue",
    "more than 200 subjects at once",
    "no snapshot {name}",
    "no photo {number}",
    "no face {number}",
    "no batch {number}",
    "no alert {number}",
    "no photo {number} in batch {batch}",
    "no face {number} in batch {batch}",
    "no photo {number} in review",
    "no face {number} in review",
    "no such file",
    "Not Found",
    "Forbidden",
    "Not authenticated",
    "Method Not Allowed",
    "this came from another site",
    "send JSON",
    "too much at once",
    "There is no such source.",
    "There is no such page of Data Docs on this machine.",
    "There is no page of this evaluation: it was made before there were any, or erased.",
    "No answer is kept with this alert.",
    "the bytes of this picture are not in the store",
    # what a check found
    "{score}, below {threshold}",
    "{score}, below {threshold} ({numbers})",
    "more than {most} of one person in this batch",  # as flags said it once
    "more than {most} of one person in this batch: beside {kept}",
    # which of two photos is the better one
    "its licence is known and lets a model learn from it",
    "its face is larger ({more} against {less} pixels)",
    "its face is sharper ({more} against {less})",
    "its face is better exposed ({more} against {less})",
    "it was there earlier",
    NOTHING,
    # what is expected of a batch
    "the batch has at least one photo",
    "the table of photos has exactly the columns that are expected",
    "the table of faces has exactly the columns that are expected",
    "no two photos share a {column}",
    "no two faces share an id",
    "no photo counts two faces by one number",
    "every photo's bytes are named by sha256",
    "every photo says its {column}",
    "no photo's {column} is empty",
    "every photo belongs to a domain of the model",
    "every photo's {column} is known",
    "every photo's {column} is from 1 to {most} pixels",
    "most photos have a {column} of {least} pixels or more",
    "at least half of the photos could be decoded and hold a face",
    "most photos have a licence that is known",
    "most photos have terms and a licence that let a model learn from them",
    "every face has its crop, named by sha256",
    "the padded share of every crop is known",
    "the padded share of every crop is from 0 to 1",
    "the side of every crop in its photo is known",
    "the side of every crop is from 1 to {most} pixels of its photo",
    "every face has its score for {check}",
    "every score for {check} is from 0 to 1",
    "most faces score {threshold} or more for {check}",
    "no two faces of the batch have the same crop",
    "it does not hold that {sentence}",
    "{sentence} ({failing} of {rows} photos)",
    "{sentence} ({failing} of {rows} faces)",
    # why a night trains or not
    "{count} approved faces, {least} needed",
    "{count} approved faces, {missing} fewer than the {least} needed",
    "{count} approved faces in domain {domain}, {least} needed in each",
    "{count} approved faces in domain {domain}, {missing} fewer than the {least} needed in each",
    "no approved face in domain {domain}",
    "no face of {domain} is left to learn from",
    "no face of {domain} is held out to measure on",
    "learned from + held out: {counts}",
    "{count} of {total} faces ({share}) are of source {name}; {others} are not, {least} needed",
    "{count} of {total} faces ({share}) are of query {name}; {others} are not, {least} needed",
    "{count} of {total} faces ({share}) are of account {name}; {others} are not, {least} needed",
    "no source is known of any face; {others} are not, {least} needed",
    "no query is known of any face; {others} are not, {least} needed",
    "no account is known of any face; {others} are not, {least} needed",
    "no training has come to its end before",
    "nothing has been trained before: every face is new",
    "faces, preset or seed have changed since the last training",
    "nothing has changed since the last training that came to its end",
    "this very training came to its end before",
    "{count} faces are new since the last training that came to its end, {least} needed",
    "this very training failed before: {why}",
    "this training has not failed before",
    "no batch of its faces failed its expectations ({count} faces of batches without any)",
    "{count} faces are of batches that failed their expectations: {counts}",
    "{count} photos and faces wait for people, {most} at most",
    "{count} pairs of looks, too few to say how far people agree ({least} needed)",
    "two looks agree least at stage {stage}: kappa {score} of {count} pairs, {least} needed",
    "trainings are paused: {why}",
    "trainings are not paused",
    "no training has begun before",
    "the last training began {count} hours ago, {least} needed",
    "the last training began {count} hours ago, {least} needed, after a failure",
    "the last training began {count} hours ago, {least} needed, after {times} failures in a row",
    "the GPU is leased to {who}",
    "nobody has the GPU's lease",
    "nothing that the champion learned from has been erased",
    "1 face that the champion learned from has been erased since",
    "1 face that the champion learned from has been erased since; the last training, without it, was not promoted",
    "{count} faces that the champion learned from have been erased since",
    "{count} faces that the champion learned from have been erased since; the last training, without them, "
    "was not promoted",
    "this very training has begun and goes on",
    "this very training has not begun",
    "the newer snapshot {name} waits for its end",
    "that of snapshot {name}, at step {number} of {total}, is dropped: {cause}",
    "1 of its faces has been erased since",
    "{count} of its faces have been erased since",
    "its last attempt failed",
    "its last attempt was lost",
    "preset and seed are those of the last training",
    "there is no earlier preset or seed",
    "preset or seed have changed: {name}, {number} came to its end last",
    # why a model is promoted or not, and who said so
    "{domain} was {before} of the faces and is {now}: moved by more than {limit}",
    "{fresh} of {total} faces are new ({share}): more than {limit}",
    "signed off by {who}, {moment}: {why}",
    "signed off by {who}, {moment}, without a reason given",
    "refused by {who}, {moment}: {why}",
    "refused by {who}, {moment}, without a reason given",
    "the first model; its metrics are complete and finite",  # as models were told once
    "the first model; every floor is kept",
    "{metric} is {value}: at most {limit} is allowed",
    "{metric} is {value}: at least {limit} is needed",
    "a model of this run was taken back by {who}, {moment}: {why}",
    "not worse than the champion in anything",
    "nothing is much worse, but the losses outweigh the gains",
    "measured by other code or on other faces than the champion; evaluate again",  # as it was told once
    "measured by other code, on other faces or on another kind of device than the champion; evaluate again",
    "the champion cannot be measured: {why}",
    "{metric} {from} → {to} is worse by more than {margin}",
    "{metric} {from} → {to} is better",
    "{metric} {from} → {to} is worse by more than {margin} (between {low} and {high} in 19 of 20 redraws)",
    "{metric} {from} → {to} is better (between {low} and {high} in 19 of 20 redraws)",
    "{metric} is missing or not finite",
    "the champion's {metric} is missing or not finite",
    "{direction} was not measured: it needs two held-out faces on each side",
    # rates that are compared with those of the batches before
    "about as many photos as before are refused by {step}: {reason}",
    "about as many photos as before score below {threshold} for {check}",
    "about as many faces as before score below {threshold} for {check}",
    "about as many as before are rejected at the {stage} stage for the reason {reason}",
    "about as many as before are rejected at the {stage} stage",
    "about as many as before are rejected by checks themselves at the {stage} stage",
)


def sayings() -> Iterator[str]:
    """All of it, each once or oftener."""
    yield from SHAPES
    for check in CHECKS.values():
        yield _spoken(check.name)
        yield check.question
    yield from REFUSALS
    yield from COLUMNS
    yield _USED
    yield from Domain
    yield from (kind.outcome for kind in SearchEnded.__subclasses__())
    yield from Stage
    yield from (_spoken(reason) for reason in Reason)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
