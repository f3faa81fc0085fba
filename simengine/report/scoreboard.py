"""The scoreboard on paper: a machine-readable file, a table in Markdown, and the forest plot, in one folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from simengine.foundation.errors import InputError, Problem
from simengine.report.forest import draw
from simengine.report.labels import decimals_for, number
from simengine.studies import manifest as manifests
from simengine.studies import provenance
from simengine.studies.estimators import Estimate
from simengine.studies.files import write_file
from simengine.studies.scoring import Score, Scoreboard

__all__ = ["as_json", "cells", "markdown", "save", "write_between_marks"]

BEGIN, END = "<!-- scoreboard -->", "<!-- end of the scoreboard -->"
COLUMNS = ("target", "tier", "quantity", "band", "simulated (95 % interval)", "patients", "verdict", "fails without")


def as_json(board: Scoreboard) -> dict[str, Any]:
    """Return the scores with the versions of program and model, as plain JSON; a number that is not there is null."""
    rows = [{name: _finite(value) for name, value in score.plain().items()} for score in board.scores]
    head = {"disclaimer": manifests.DISCLAIMER, **provenance.program(), "made": manifests.now()}
    return {**head, "counts": board.counts, "missed_core": board.missed_core, "targets": rows}


def save(board: Scoreboard, folder: Path) -> list[Path]:
    """Write ``scores.json``, the forest plot and, as its CSV, all scores; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scores.json"
    write_file(path, json.dumps(as_json(board), indent=1, ensure_ascii=False).encode() + b"\n")
    return [path, *draw(board).save(folder, "scores")]


def cells(score: Score) -> list[str]:
    """Return the cells of one target as texts, in the order of `COLUMNS`."""
    target = score.entry.target
    places = decimals_for([target.high, target.low])
    band = f"{number(target.low, places)} to {number(target.high, places)} {target.unit}"
    patients = f"{score.found.n}" if score.found and target.registry is None else "–"
    name = target.id if target.fitted else f"{target.id} (not fitted)"
    found = said(score.found, places) if score.found and not score.reason else score.reason
    return [name, target.tier, target.quantity, band, found, patients, score.verdict, _fails_without(score, places)]


def said(found: Estimate, places: int) -> str:
    """Return an estimate with its interval, `0.12 (0.11 to 0.13)`; the value alone where it is exact."""
    if math.isnan(found.value):
        return "no value"
    value, low, high = (_bounded(x, places) for x in (found.value, found.low, found.high))
    return value if low == value == high else f"{value} ({low} to {high})"


def markdown(board: Scoreboard) -> str:
    """Return the table of all scores in Markdown, with what it was made by."""
    program = provenance.program()
    counts = ", ".join(f"{n} {name}" for name, n in board.counts.items())
    lines = [f"Model {program['model_version']}; {counts}.", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
    lines += [_line(cells(score)) for score in board.scores]
    return "\n".join(lines) + "\n"


def write_between_marks(path: Path, board: Scoreboard) -> None:
    """Replace what stands between the two marks of a page by the table.

    Raises
    ------
    InputError
        If the page cannot be read or has not both marks.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError([Problem(str(path), 1, 1, "document", str(error.strerror), "a page of text")]) from None
    if BEGIN not in text or END not in text.split(BEGIN, 1)[1]:
        raise InputError([Problem(str(path), 1, 1, "document", "a page without the marks", f"{BEGIN} and {END}")])
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    write_file(path, f"{before}{BEGIN}\n\n{markdown(board)}\n{END}{after}".encode())


def _fails_without(score: Score, places: int) -> str:
    bare = score.entry.target.without
    if bare is None:
        return ""
    if score.without is None:
        return f"{bare.what}: not run"
    verdict = "yes" if score.fails_without else "no"
    return f"{bare.what}: {verdict}, {said(score.without, places)}"


def _bounded(value: float, places: int) -> str:
    return "never" if value == math.inf else number(value, places)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"
