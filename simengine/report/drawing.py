"""A drawn figure together with the very data it shows, and how both are written."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simengine.studies.files import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

DPI = 150
_SVG_LOCK = threading.Lock()


@dataclass(frozen=True)
class Drawing:
    """A figure, the tidy table of what it shows (one row per thing drawn), a title and a caption.

    Example
    -------
    >>> drawing = survival.draw(results)                                  # doctest: +SKIP
    >>> drawing.save("figures", "survival", formats=("png", "svg"))       # doctest: +SKIP
    """

    figure: Figure | SubFigure
    data: DataFrame
    title: str
    caption: str

    def png(self, dpi: int = DPI) -> bytes:
        """The figure as PNG bytes; equal drawings give equal bytes."""
        buffer = io.BytesIO()
        self._root().savefig(buffer, format="png", dpi=dpi)
        return buffer.getvalue()

    def svg(self) -> bytes:
        """The figure as SVG bytes without a date; equal drawings give equal bytes."""
        import matplotlib

        buffer = io.BytesIO()
        with _SVG_LOCK:  # the salt of SVG identifiers can be given only through a global setting
            before = matplotlib.rcParams["svg.hashsalt"]
            matplotlib.rcParams["svg.hashsalt"] = "simengine"
            try:
                self._root().savefig(buffer, format="svg", metadata={"Date": None})
            finally:
                matplotlib.rcParams["svg.hashsalt"] = before
        return buffer.getvalue()

    def save(self, folder: str | Path, name: str, formats: Sequence[str] = ("png",), dpi: int = DPI) -> list[Path]:
        """Write ``name.png`` (and ``name.svg`` on request) and ``name.csv``; each file is whole or absent.

        Raises
        ------
        ValueError
            For a format other than ``png`` and ``svg``.
        """
        unknown = sorted(set(formats) - {"png", "svg"})
        if unknown:
            raise ValueError(f"formats: got {unknown[0]!r}, expected 'png' or 'svg'")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        contents = {kind: self.png(dpi) if kind == "png" else self.svg() for kind in dict.fromkeys(formats)}
        contents["csv"] = self.data.to_csv(index=False).encode()
        written = []
        for kind, content in contents.items():
            path = folder / f"{name}.{kind}"
            write_file(path, content)
            written.append(path)
        return written

    def _root(self) -> Figure:
        root = self.figure.get_figure(root=True)
        if root is None:
            raise ValueError("the figure was taken apart: it belongs to no whole figure any more")
        return root

    def _repr_png_(self) -> bytes:
        return self.png()
