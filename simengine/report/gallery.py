"""All figures of some results and the page that holds them, written into one folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from simengine.report.page import Plate, write_page
from simengine.report.results_view import NothingToDraw, ResultsView
from simengine.report.selection import draw_each

PAGE_NAME = "report.html"
_log = logging.getLogger("simengine.report")


def draw_all(
    results: ResultsView, out_folder: str | Path, formats: Sequence[str] = ("png",), *, page: bool = True
) -> list[Path]:
    """Draw all figures that the results call for.

    Parameters
    ----------
    results : saved results.
    out_folder : made when it is not there. Files of these names are replaced; each is whole or absent.
    formats : ``png``, ``svg`` or both; the CSV of what a figure shows always stands beside it.
    page : also write ``report.html``, which holds all figures and needs no other file.

    Returns
    -------
    list of Path
        What was written. A figure without data is skipped; the log and the page say why.

    Raises
    ------
    OSError
        When the folder cannot be written.

    Example
    -------
    >>> draw_all(simengine.open_results("results/heart_infarct_demo"), "figures")       # doctest: +SKIP
    """
    folder = Path(out_folder)
    written: list[Path] = []
    plates: list[Plate] = []
    for name, drawn in draw_each(results):
        if isinstance(drawn, NothingToDraw):
            _log.info("no figure %s: %s", name, drawn)
            plates.append(Plate(name, str(drawn), None))
            continue
        files = drawn.save(folder, name, formats)
        written += files
        if page:
            pictures = [file.read_bytes() for file in files if file.suffix == ".png"]
            plates.append(Plate(name, drawn.caption, pictures[0] if pictures else drawn.png()))
    if page:
        written.append(write_page(results, folder / PAGE_NAME, plates))
    return written
