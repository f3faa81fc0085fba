"""One HTML file that holds a whole report: summary, figures, provenance; it asks nothing of the network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from simengine.report.drawing import Drawing
from simengine.report.estimates import Estimate, estimate_means, unit_note
from simengine.report.headline import headline_outcomes
from simengine.report.labels import decimals_for, number
from simengine.report.results_view import DISCLAIMER, ResultsView, quantity_of, usable_rows
from simengine.report.selection import draw_each
from simengine.studies.files import write_file

PROVENANCE = (
    "name",
    "status",
    "started",
    "ended",
    "runs",
    "counts",
    "seed",
    "replicates",
    "patients",
    "precision",
    "reached",
    "study_hash",
    "package_version",
    "model_version",
    "schema_version",
    "libraries",
    "checkout",
    "machine",
)
CSS = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
.notice { background: #fff6e5; border-left: 4px solid #e69f00; padding: .5rem .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e6e6e6; }
td.number, th.number { text-align: right; } td.number { white-space: nowrap; }
th { font-weight: 600; } small { font-weight: 400; color: #666; display: block; }
figure { margin: 1.6rem 0 2.4rem; } figure img { max-width: 100%; height: auto; display: block; }
figcaption, .quiet { color: #555; font-size: .85rem; } pre { font-size: .75rem; overflow-x: auto; }
@media print { figure { break-inside: avoid; } details { display: none; } }
"""


@dataclass(frozen=True)
class Plate:
    """A figure as the page shows it: its picture (PNG bytes), or no picture and the reason why there is none."""

    name: str
    caption: str
    png: bytes | None


def write_page(results: ResultsView, out_file: str | Path, plates: Sequence[Plate] | None = None) -> Path:
    """Write the report of some results as one HTML file; the file is whole or absent.

    Parameters
    ----------
    plates : the figures to show; everything that the results call for when not given.

    Raises
    ------
    OSError
        When the file cannot be written.

    Example
    -------
    >>> write_page(simengine.open_results("results/heart_infarct_demo"), "report.html")     # doctest: +SKIP
    """
    path = Path(out_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = list(_draw_plates(results)) if plates is None else plates
    write_file(path, render_page(results, shown).encode())
    return path


def render_page(results: ResultsView, plates: Sequence[Plate]) -> str:
    """The report as HTML; every text that comes from results is escaped, and the page may load nothing."""
    manifest = results.manifest
    title = str(manifest.get("title") or manifest.get("name") or "Results")
    figures = "".join(_figure(plate.name, plate.caption, plate.png) for plate in plates if plate.png is not None)
    missing = [f"<li>{escape(plate.name)}: {escape(plate.caption)}</li>" for plate in plates if plate.png is None]
    skipped = "".join(missing)
    sections = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(str(manifest.get('description') or ''))}</p>" if manifest.get("description") else "",
        f"<p class=notice><strong>{escape(DISCLAIMER)}</strong> {_failures(results)}</p>",
        f"<h2>Summary</h2>{_summary(results)}",
        f"<h2>Figures</h2>{figures or '<p>None could be drawn.</p>'}",
        f"<h2>Not drawn</h2><ul class=quiet>{skipped}</ul>" if skipped else "",
        f"<h2>Arms</h2>{_arms(results)}",
        f"<h2>Provenance</h2>{_provenance(manifest)}",
    ]
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>\n<body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _draw_plates(results: ResultsView) -> Iterator[Plate]:
    for name, drawn in draw_each(results):
        if isinstance(drawn, Drawing):
            yield Plate(name, drawn.caption, drawn.png())
        else:
            yield Plate(name, str(drawn), None)


def _figure(name: str, caption: str, png: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    text = escape(caption)
    return (
        f'<figure id="{escape(name)}"><img alt="{text}" src="{source}">'
        f"<figcaption>{text} <span>Data: {escape(name)}.csv</span></figcaption></figure>\n"
    )


def _failures(results: ResultsView) -> str:
    n_all, n_used = len(results.table), len(usable_rows(results))
    if n_all == n_used:
        return f"All {n_all} runs ended well."
    reasons = results.table.loc[results.table["status"] != "ok", "status"].value_counts()
    listed = ", ".join(f"{count} {escape(str(status))}" for status, count in reasons.items())
    return f"{n_all - n_used} of {n_all} runs did not end well ({listed}) and are left out of every number and figure."


def _summary(results: ResultsView) -> str:
    """Mean with 95 % interval of the headline outcomes by arm."""
    names = headline_outcomes(results)
    if not names:
        return "<p>No numeric outcomes.</p>"
    columns: dict[str, list[Estimate]] = {name: estimate_means(results, name) for name in names}
    heads = "".join(_head(results, name) for name in names)
    used = usable_rows(results)
    rows = []
    for i, point in enumerate(results.points):
        n_runs = int((used["point"] == point.index).sum())
        cells = "".join(f"<td class=number>{_in_html(columns[name][i], columns[name])}</td>" for name in names)
        rows.append(f"<tr><td>{escape(point.label)}</td><td class=number>{n_runs}</td>{cells}</tr>")
    head = f"<tr><th>Arm</th><th class=number>Runs</th>{heads}</tr>"
    notes = dict.fromkeys(
        ["Mean ± its Monte Carlo error (95 % interval).", *(unit_note(column) for column in columns.values())]
    )
    note = f"<p class=quiet>{escape(' '.join(filter(None, notes)))}</p>"
    return f"<div class=wide><table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>{note}"


def _head(results: ResultsView, name: str) -> str:
    quantity = quantity_of(results, name)
    return f"<th class=number>{escape(quantity.title)}<small>{escape(quantity.unit)}</small></th>"


def _in_html(estimate: Estimate, column: Sequence[Estimate]) -> str:
    decimals = decimals_for(v for e in column for v in (e.mean, e.low, e.high))
    mean, bracket, interval = estimate.text(decimals).partition(" (")
    error = f" ± {number(estimate.mcse, decimals)}" if bracket and np.isfinite(estimate.mcse) else ""
    return escape(mean + error) + (f"<small>{escape(bracket[1:] + interval)}</small>" if interval else "")


def _arms(results: ResultsView) -> str:
    paths = list(dict.fromkeys(path for point in results.points for path in point.values))
    head = "".join(f"<th>{escape(text)}</th>" for text in ("Arm", *paths))
    rows = "".join(
        f"<tr><td>{escape(point.label)}</td>"
        + "".join(f"<td>{escape(str(point.values.get(path, '')))}</td>" for path in paths)
        + "</tr>"
        for point in results.points
    )
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _provenance(manifest: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(key.replace('_', ' '))}</th><td>{_value(manifest[key])}</td></tr>"
        for key in PROVENANCE
        if manifest.get(key) is not None
    )
    details = "".join(
        f"<details><summary>{text}</summary><pre>{escape(json.dumps(manifest[key], indent=1, default=str))}</pre></details>"
        for key, text in (("points", "Resolved scenarios, defaults included"), ("parts", "Digests (SHA-256) of the results"))
        if manifest.get(key)
    )
    return f"<div class=wide><table>{rows}</table></div>{details}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(f"{escape(str(k))}: {escape(str(v))}" for k, v in value.items())
    return escape(str(value))
