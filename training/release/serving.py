"""The files of the model that is served, in `<home>/served/champion`: its exports, its card, and who it is.

    served/7/model.json         which model, run and step, and the files' hashes
    served/7/card.md            the model card
    served/7/repaint.onnx, .pt  the exported graph
    served/champion             a link to the folder of the champion

The catalog says who is champion, and the link follows it, whatever ended in between: `follow` may be called at any
time. Exports and cards are blobs, so any machine can lay out the folder. What cannot be exported raises an alert.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

from catalog import Blobs, Catalog, Settings
from catalog.errors import CatalogError
from catalog.lineages import made_of
from catalog.records import Model, ModelFile
from training.errors import TrainingError, Unknown
from training.faces.snapshot import DOMAINS
from training.files import sha256_of, write_atomically
from training.release.card import Lineage, card
from training.store import Store

log = logging.getLogger(__name__)

FILES = {"onnx": "repaint.onnx", "torchscript": "repaint.pt", "card": "card.md"}
"""What lies in a model's folder, by kind."""

KIND = "models"
"""The blobs' kind."""


def follow(*, catalog: Catalog, blobs: Blobs, settings: Settings) -> Path | None:
    """Lay out the champion's files and let the link point to them; None when there is no champion.

    Files that cannot be made are left out, with an alert: who is champion does not depend on them.
    """
    while (champion := catalog.models.champion()) is not None:
        for form in formats(settings):
            _ensure_export(champion, form, catalog=catalog, blobs=blobs, settings=settings)
        keep_card(champion.id, catalog=catalog, blobs=blobs)
        folder = _lay_out(champion, catalog=catalog, blobs=blobs, settings=settings)
        _point(folder.parent / "champion", folder.name)
        if (now := catalog.models.champion()) is not None and now.id == champion.id:
            return folder
    return None


def formats(settings: Settings) -> list[str]:
    """The formats in which champions are exported. Raises Unknown."""
    wanted = [name for name in (part.strip() for part in settings.export_formats.split(",")) if name]
    if unknown := [name for name in wanted if name not in FILES or name == "card"]:
        raise Unknown(f"FACELOOP_EXPORT_FORMATS: no format named {', '.join(unknown)}; there are onnx, torchscript")
    return wanted


def lineage(model_id: int, *, catalog: Catalog, blobs: Blobs) -> Lineage:
    """What the catalog and the store know of a model."""
    model = catalog.models.get(model_id)
    run, evaluation = catalog.models.run(model.run_id), catalog.models.evaluation(model.evaluation_id)
    return Lineage(
        model=model,
        run=run,
        snapshot=catalog.snapshots.get(run.snapshot_id),
        shares=tuple(made_of(catalog, run.snapshot_id)),
        evaluation=evaluation,
        page=_page(run.id, evaluation.step, catalog=catalog, blobs=blobs),
        reigns=tuple(reign for reign in catalog.reigns.history() if reign.model_id == model_id),
        files=tuple(catalog.model_files.of(model_id).values()),
    )


def keep_card(model_id: int, *, catalog: Catalog, blobs: Blobs) -> str:
    """Write a model's card as its lineage is now, keep it beside the model, and give it."""
    text = card(lineage(model_id, catalog=catalog, blobs=blobs))
    data = text.encode()
    name = blobs.put(KIND, data)
    known = catalog.model_files.of(model_id).get("card")
    if known is None or known.name != name:
        catalog.model_files.add(model_id, kind="card", name=name, size=len(data), about={})
    return text


def described(model: Model, *, catalog: Catalog) -> dict[str, str]:
    """What an exported file says of itself."""
    run, evaluation = catalog.models.run(model.run_id), catalog.models.evaluation(model.evaluation_id)
    return {"model": str(model.id), **of_run(run.id, evaluation.step, catalog=catalog)}


def of_run(run_id: int, step: int, *, catalog: Catalog) -> dict[str, str]:
    """The same of a run's networks at a step."""
    run = catalog.models.run(run_id)
    licences = sorted({share.licence or "unknown" for share in made_of(catalog, run.snapshot_id)})
    return {
        "run": str(run.id),
        "step": str(step),
        "snapshot": run.snapshot_id,
        "preset": run.preset,
        "seed": str(run.seed),
        "domains": ", ".join(DOMAINS),
        "licences": "; ".join(licences),
    }


def exported(model_id: int, form: str, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> Path:
    """A model's export in a format, brought here. Raises Unknown, BlobMissing."""
    file = catalog.model_files.of(catalog.models.get(model_id).id).get(form)
    if file is None:
        raise Unknown(f"model {model_id} has no {form}: only champions are exported by themselves; see the verb export")
    path = settings.home / "served" / str(model_id) / FILES[form]
    _bring(file, path, blobs)
    return path


def _ensure_export(model: Model, form: str, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> None:
    known = catalog.model_files.of(model.id).get(form)
    if known is not None and blobs.has(KIND, known.name):
        return
    try:
        _export(model, form, catalog=catalog, blobs=blobs, settings=settings)
    except Exception as error:  # noqa: BLE001 - whatever an exporter raises: the champion stays, somebody is told
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.warning("model %d has no %s: %s", model.id, form, first)
        catalog.alerts.add("training", kind="export", message=f"model {model.id} has no {form}: {first}")


def _export(model: Model, form: str, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> None:
    from training.release.exporting import export

    store = Store(catalog=catalog, blobs=blobs, settings=settings)
    run, evaluation = catalog.models.run(model.run_id), catalog.models.evaluation(model.evaluation_id)
    networks, _ = store.averaged_networks(run, evaluation.step)
    try:
        held_out = store.faces(catalog.snapshots.get(run.snapshot_id), held_out=True, size=networks.arch.img_size)
        faces = held_out if len(held_out.rows) else None
    except (TrainingError, CatalogError, OSError) as error:  # erased meanwhile, say: made-up pictures will do
        log.info("model %d is exported without its held-out faces: %s", model.id, error)
        faces = None
    folder = settings.home / "served"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export.") as temporary:
        made = export(
            networks,
            out=Path(temporary) / FILES[form],
            format=form,
            metadata=described(model, catalog=catalog),
            faces=faces,
        )
        name = blobs.put_file(KIND, made.path)
    about = {"graph": made.graph, "difference": float(f"{made.difference:.1e}"), "checked_on": made.checked_on}
    catalog.model_files.add(model.id, kind=form, name=name, size=made.size, about=about)


def _lay_out(model: Model, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> Path:
    folder = settings.home / "served" / str(model.id)
    files = {kind: file for kind, file in catalog.model_files.of(model.id).items() if kind in FILES}
    here = {}
    for kind, file in files.items():
        try:
            _bring(file, folder / FILES[kind], blobs)
        except CatalogError as error:  # the store has lost it
            log.warning("model %d: its %s cannot be brought: %s", model.id, kind, error)
        else:
            here[FILES[kind]] = file.name
    evaluation = catalog.models.evaluation(model.evaluation_id)
    said = {"model": model.id, "run": model.run_id, "step": evaluation.step, "files": here}
    page = json.dumps(said, indent=1).encode()
    write_atomically(folder / "model.json", lambda handle: handle.write(page))
    return folder


def _bring(file: ModelFile, path: Path, blobs: Blobs) -> None:
    if path.is_file() and sha256_of(path) == file.name:
        return
    data = blobs.get(KIND, file.name)
    write_atomically(path, lambda handle: handle.write(data))


def _point(link: Path, name: str) -> None:
    """Let a link point to a folder beside it: the old one or the new one, at every moment."""
    if link.is_symlink() and os.readlink(link) == name:
        return
    if link.is_dir() and not link.is_symlink():  # a home that was copied by something that follows links
        shutil.rmtree(link)
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=".link.") as temporary:
        fresh = Path(temporary) / link.name
        fresh.symlink_to(name)
        fresh.replace(link)


def _page(run_id: int, step: int, *, catalog: Catalog, blobs: Blobs) -> dict[str, object]:
    """What the trainer wrote of a step; empty when it is not in the store any more."""
    pages = [file for file in catalog.models.checkpoints(run_id, step=step) if file.kind == "trainer"]
    try:
        said = json.loads(blobs.get("checkpoints", pages[0].sha256)) if pages else {}
    except (CatalogError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
