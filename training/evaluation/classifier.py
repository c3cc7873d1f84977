"""The domain classifier: a small network of our own that says which domain a face looks like, bare or made up.

It judges repainted faces, so it must have learned make-up and nothing that merely goes with it. Everything outside the
face's outline is blanked, the face's mean colour is taken away (with it go skin tone and exposure), and it is shown
flipped and shifted faces, never recoloured ones. It learns from a snapshot's training faces in seconds on a processor.
Numbers of two classifiers cannot be compared: a classifier is named by its weights, and the name is kept with them.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import BadCheckpoint
from training.faces.data import Faces

SIZE = 64
"""Pixels a side that the network looks at; pictures of another size are averaged or interpolated to it."""

FEATURES = 64
"""Numbers that describe a face just before the verdict; few, so that their covariance can be told from few faces."""

_WIDTHS = (16, 32, 48, 64)
_BATCH = 32
_LEARNT = 0.05
"""Training ends early when the loss, averaged over some twenty steps, is below this: more steps only memorise."""


class _Network(nn.Module):
    """Four halvings, then two layers on what is left of 4×4 cells: where a colour sits matters, lips are not lids."""

    def __init__(self, domains: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *_WIDTHS), _WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(0.2)]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.describe = nn.Linear(_WIDTHS[-1] * (SIZE // 2 ** len(_WIDTHS)) ** 2, FEATURES)
        self.decide = nn.Linear(FEATURES, domains)
        self.points: Tensor  # the mean training face's landmarks
        self.register_buffer("points", torch.zeros(68, 2))

    def features(self, looked_at: Tensor) -> Tensor:
        return F.leaky_relu(self.describe(self.trunk(looked_at)), 0.2)


@dataclass(frozen=True, slots=True)
class DomainClassifier:
    """A trained classifier. Its weights are frozen; gradients pass through it to the pictures.

    `held_out_accuracy` is the mean over domains of the share judged rightly, on `held_out_faces` faces that it did not
    learn from; NaN when there were none.
    """

    network: _Network
    names: tuple[str, ...]
    version: str
    held_out_accuracy: float
    held_out_faces: int

    def logits(self, images: Tensor, points: Tensor | None = None) -> Tensor:
        """Images [N,3,S,S] in −1..1 → a number per domain [N,D]; the largest is the verdict.

        `points` [N,68,2] are the faces' landmarks in fractions of the picture; without them the faces are taken to
        lie where the mean training face does, as aligned ones do.
        """
        return self.network.decide(self.features(images, points))

    def features(self, images: Tensor, points: Tensor | None = None) -> Tensor:
        """Images [N,3,S,S] in −1..1 → what the verdict rests on, [N,64]."""
        return self.network.features(face_only(images, self.network.points if points is None else points))

    def save(self) -> bytes:
        """The classifier as bytes that `load` reads."""
        whole = {
            "weights": self.network.state_dict(),
            "names": list(self.names),
            "held_out_accuracy": self.held_out_accuracy,
            "held_out_faces": self.held_out_faces,
        }
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        return buffer.getvalue()


def load(data: bytes) -> DomainClassifier:
    """The classifier that `save` wrote; raises BadCheckpoint when these bytes are none."""
    try:
        whole = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        names = tuple(str(name) for name in whole["names"])
        network = _Network(len(names))
        network.load_state_dict(whole["weights"], strict=True)
        return _frozen(network, names, float(whole["held_out_accuracy"]), int(whole["held_out_faces"]))
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise BadCheckpoint(f"these bytes are no domain classifier: {type(error).__name__}") from None


def train_classifier(
    faces: Faces, *, seed: int = 0, steps: int = 200, held_out: Faces | None = None
) -> DomainClassifier:
    """Learn the domains of a snapshot's training faces: the same faces, seed and threads give the same classifier.

    Its accuracy is measured on `held_out`, faces of other photos; without them every fifth training face of a domain
    is kept aside, which is flattering where one photo has several faces.
    """
    learned, aside = [], []
    for domain in range(len(faces.names)):
        members = np.random.default_rng([seed, domain]).permutation(faces.of(domain))
        kept = 0 if held_out is not None else len(members) // 5
        aside.append(members[:kept])
        learned.append(members[kept:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(len(faces.names))
        network.points.copy_(torch.from_numpy(faces.landmarks.mean(0).astype(np.float32)))
        if all(len(members) for members in learned):
            _learn(network, faces, learned, seed=seed, steps=steps)
    classifier = _frozen(network, faces.names, float("nan"), 0)
    tried = [held_out.of(domain) for domain in range(len(faces.names))] if held_out is not None else aside
    return _frozen(network, faces.names, *_accuracy(classifier, held_out or faces, tried))


def face_only(images: Tensor, points: Tensor) -> Tensor:
    """Images [N,3,S,S] → [N,3,64,64] without their surroundings and their mean colour; differentiable.

    `points` are landmarks [N,68,2] or one face's [68,2].
    """
    if images.shape[2] > SIZE:
        images = F.adaptive_avg_pool2d(images, SIZE)
    elif images.shape[2] < SIZE:
        images = F.interpolate(images, size=SIZE, mode="bilinear", align_corners=False)
    mask = outline(points if points.ndim == 3 else points[None], size=SIZE).to(images.dtype)
    mask = mask.expand(images.shape[0], -1, -1, -1).to(images.device)
    mean = (images * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True).clamp(min=1)
    return (images - mean) * mask


def outline(points: Tensor, *, size: int) -> Tensor:
    """1 inside the faces [N,1,size,size] with landmarks [N,68,2], up to a forehead guessed above the brows."""
    jaw, brows = points[:, :17], points[:, 17:27]
    forehead = brows + 0.25 * (brows.mean(1, keepdim=True) - jaw[:, 8:9])
    ring = torch.cat([jaw, forehead.flip(1)], dim=1)
    (x1, y1), (x2, y2) = ring.unbind(-1), ring.roll(-1, dims=1).unbind(-1)
    at = (torch.arange(size, device=points.device, dtype=points.dtype) + 0.5) / size
    rising = (y1[..., None] <= at) != (y2[..., None] <= at)  # [N,edges,rows]
    rise = torch.where(y1 == y2, torch.ones_like(y1), y2 - y1)
    meets = x1[..., None] + (at - y1[..., None]) * ((x2 - x1) / rise)[..., None]
    crossings = (rising[..., None] & (at < meets[..., None])).sum(1)
    return (crossings % 2)[:, None]


def _learn(network: _Network, faces: Faces, members: list[np.ndarray], *, seed: int, steps: int) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    recent = 1.0
    for step in range(steps):
        draw = np.random.default_rng([seed, step])
        domains = np.arange(_BATCH) % len(members)
        chosen = np.array([draw.choice(members[domain]) for domain in domains])
        points = faces.points(chosen)
        # Half of them cut out by the mean face, as when somebody asks without landmarks.
        mean = torch.from_numpy(draw.random(_BATCH) < 0.5)[:, None, None]
        points = torch.where(mean, network.points, points)
        shown = _moved(face_only(faces.images(chosen), points), draw)
        described = F.dropout(network.features(shown), 0.3)
        loss = F.cross_entropy(network.decide(described), torch.from_numpy(domains))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        recent += 0.05 * (loss.item() - recent)
        if recent < _LEARNT:
            return


def _moved(images: Tensor, draw: np.random.Generator) -> Tensor:
    """Each flipped with one half, a little larger or smaller, a little aside; what comes in from outside is blank."""
    count = images.shape[0]
    scale = draw.uniform(0.92, 1.08, count)
    theta = np.zeros((count, 2, 3), dtype=np.float32)
    theta[:, 0, 0] = scale * np.where(draw.random(count) < 0.5, -1, 1)
    theta[:, 1, 1] = scale
    theta[:, :, 2] = draw.uniform(-0.08, 0.08, (count, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


@torch.no_grad()
def _accuracy(classifier: DomainClassifier, faces: Faces, tried: list[np.ndarray]) -> tuple[float, int]:
    shares = []
    for domain, members in enumerate(tried):
        if len(members) == 0:
            continue
        right = 0
        for some in np.array_split(members, -(-len(members) // 64)):
            verdicts = classifier.logits(faces.images(some), faces.points(some)).argmax(1)
            right += int((verdicts == domain).sum())
        shares.append(right / len(members))
    return (float(np.mean(shares)) if shares else float("nan")), sum(map(len, tried))


def _frozen(network: _Network, names: tuple[str, ...], accuracy: float, count: int) -> DomainClassifier:
    digest = hashlib.sha256("\n".join(names).encode())
    for name, values in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values.numpy()).tobytes())
    network.zero_grad(set_to_none=True)
    return DomainClassifier(network.eval().requires_grad_(False), names, digest.hexdigest(), accuracy, count)
