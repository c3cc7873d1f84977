"""The commands on models: python -m training models | rollback | card | export | repaint."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog import Catalog, open_blobs, settings
from catalog.records import Model, Reign, ReignKind
from training import steps
from training.release import serving

HELPS = {
    "models": "list the models: state, numbers, why, and who was champion from when to when",
    "rollback": "make an earlier champion champion again; the served files follow",
    "card": "print a model's card, written from its lineage, and keep it beside the model",
    "export": "write a model as ONNX or TorchScript, checked against PyTorch",
    "repaint": "repaint one photo through a model's exported file; any photo first goes through "
    "`python -m preprocessing align --photo PHOTO --out CROP.jpg`, which cuts the aligned crop that this takes",
}

_SHOWN = ("copy_rate", "identity_kept", "background_change", "makeup_distance")


def add_arguments(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """What these commands are told."""
    rollback = commands["rollback"]
    rollback.add_argument("--to", type=int, metavar="MODEL", help="default: the champion before this one")
    rollback.add_argument("--by", required=True, metavar="NAME", help="who asks for it")
    rollback.add_argument("--why", required=True, metavar="TEXT", help="kept in the history")
    commands["models"].add_argument("--limit", type=int, default=20, help="the newest so many")
    for verb in ("card", "repaint"):
        commands[verb].add_argument("--model", type=int, help="number of the model (default: the champion)")
    commands["card"].add_argument("--out", type=Path, help="write it to this file too")
    export = commands["export"]
    which = export.add_mutually_exclusive_group()
    which.add_argument("--model", type=int, help="number of the model (default: the champion)")
    which.add_argument("--run", type=int, help="number of a run, of which no model was made")
    export.add_argument("--step", type=int, help="of the run (default: its newest save)")
    export.add_argument("--format", default="onnx", choices=["onnx", "torchscript"])
    export.add_argument(
        "--graph",
        default="repaint",
        choices=["repaint", "generator", "style_encoder", "mapping_network"],
        help="repaint (default) is all that a server needs; the others are its parts",
    )
    export.add_argument("--out", type=Path, required=True, help="ends in .onnx, or in .pt for torchscript")
    repaint = commands["repaint"]
    repaint.add_argument("--source", type=Path, required=True, help="aligned crop of the face to paint")
    repaint.add_argument("--reference", type=Path, required=True, help="aligned crop of the face whose make-up it gets")
    repaint.add_argument("--domain", default="makeup", help="what the reference is: bare or makeup (default)")
    repaint.add_argument(
        "--format", choices=["onnx", "torchscript"], help="which export is run (default: ONNX where the model has it)"
    )
    repaint.add_argument("--out", type=Path, required=True, help="a PNG")


def _models(given: argparse.Namespace) -> int:
    catalog = Catalog()
    history = catalog.reigns.history()
    listed = []
    for model in list(catalog.models.list())[: given.limit]:
        metrics = catalog.models.evaluation(model.evaluation_id).metrics
        reigns = [reign for reign in history if reign.model_id == model.id]
        print(f"model {model.id}: {model.state}, run {model.run_id}, {model.decided_at:%Y-%m-%d %H:%M} UTC")
        for name in sorted(name for name in metrics if name.count("/") == 1 and name.rpartition("/")[2] in _SHOWN):
            print(f"  {name:40} {metrics[name]:10.4f}")
        for line in (*model.reasons, *(_said(reign) for reign in reigns)):
            print(f"  {line}")
        listed.append(
            {
                "model": model.id,
                "state": model.state,
                "run": model.run_id,
                "evaluation": model.evaluation_id,
                "metrics": metrics,
                "reasons": model.reasons,
                "files": {kind: file.name for kind, file in catalog.model_files.of(model.id).items()},
                "reigns": [_fields(reign) for reign in reigns],
            }
        )
    if not listed:
        print("there is no model yet: `promote` makes one of an evaluation")
    _tell(given, models=listed)
    return 0


def _rollback(given: argparse.Namespace) -> int:
    reign = steps.roll_back(given.to, by=given.by, why=given.why)
    print(f"model {reign.model_id} is champion again, in place of model {reign.over}")
    _tell(given, **_fields(reign), champion=reign.model_id)
    return 0


def _card(given: argparse.Namespace) -> int:
    catalog = Catalog()
    model = _model(catalog, given.model)
    text = serving.keep_card(model.id, catalog=catalog, blobs=open_blobs())
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.json:
        _tell(given, model=model.id, card=text)
    else:
        sys.stdout.write(text)
    return 0


def _export(given: argparse.Namespace) -> int:
    from training.errors import Unknown
    from training.release.exporting import FORMATS, export
    from training.store import Store

    catalog, config = Catalog(), settings()
    if given.out.suffix != FORMATS[given.format]:
        raise Unknown(f"a file of {given.format} ends in {FORMATS[given.format]}, not in {given.out.suffix!r}")
    store = Store(catalog=catalog, blobs=open_blobs(), settings=config)
    if given.run is not None:
        networks, step = store.averaged_networks(catalog.models.run(given.run), given.step)
        metadata = serving.of_run(given.run, step, catalog=catalog)
    else:
        model = _model(catalog, given.model)
        step = catalog.models.evaluation(model.evaluation_id).step
        networks, _ = store.averaged_networks(catalog.models.run(model.run_id), step)
        metadata = serving.described(model, catalog=catalog)
    made = export(networks, out=given.out, format=given.format, graph=given.graph, metadata=metadata)
    print(f"{made.path}: {made.size / 1e6:.1f} MB, differs from PyTorch by {made.difference:.1e} at most")
    _tell(
        given,
        path=str(made.path),
        graph=made.graph,
        format=made.format,
        sha256=made.sha256,
        size=made.size,
        difference=made.difference,
        checked_on=made.checked_on,
    )
    return 0


def _repaint(given: argparse.Namespace) -> int:
    from training.faces.descriptors import Describer
    from training.release.repainting import repaint

    catalog, config = Catalog(), settings()
    model = _model(catalog, given.model)
    has = catalog.model_files.of(model.id)
    form = given.format or ("torchscript" if "torchscript" in has and "onnx" not in has else "onnx")
    graph = serving.exported(model.id, form, catalog=catalog, blobs=open_blobs(), settings=config)
    find = Describer(landmarks_model=config.landmarks_model).landmarks
    repaint(graph, source=given.source, reference=given.reference, domain=given.domain, out=given.out, find=find)
    print(f"{given.out}: {given.source.name} as {given.reference.name}, by model {model.id}")
    _tell(given, model=model.id, out=str(given.out))
    return 0


def _model(catalog: Catalog, number: int | None) -> Model:
    from training.errors import Unknown

    found = catalog.models.get(number) if number is not None else catalog.models.champion()
    if found is None:
        raise Unknown("there is no champion yet: say which model")
    return found


def _said(reign: Reign) -> str:
    until = f"{reign.until:%Y-%m-%d %H:%M} UTC" if reign.until else "now"
    how = "promoted" if reign.kind is ReignKind.PROMOTED else f"put back by {reign.by}: {' '.join(reign.why.split())}"
    return f"champion from {reign.since:%Y-%m-%d %H:%M} UTC to {until}, {how}"


def _fields(reign: Reign) -> dict[str, Any]:
    return {
        "model": reign.model_id,
        "over": reign.over,
        "kind": reign.kind,
        "by": reign.by,
        "why": reign.why,
        "since": reign.since.isoformat(),
        "until": reign.until.isoformat() if reign.until else None,
    }


def _tell(given: argparse.Namespace, **fields: Any) -> None:
    if given.json:
        print(json.dumps({"ok": True, **fields}))


VERBS = {"models": _models, "rollback": _rollback, "card": _card, "export": _export, "repaint": _repaint}
