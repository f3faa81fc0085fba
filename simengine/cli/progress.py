"""How far a study is: a bar with rate and time left on a terminal, one line each half minute in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from simengine.studies.execute import Progress

__all__ = ["Reporter"]

EVERY_S = 30.0
COMPILING = "compiling the engine, first run only (about a minute)"


class Reporter:
    """Shows the progress of a study on stderr; use as a context and give it to `execute` as its `progress`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._began: tuple[float, int] | None = None
        self._said = 0.0

    def __enter__(self) -> Reporter:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[pace]}"), console=Console(stderr=True))
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where the study is."""
        if self._quiet:
            return
        if progress.phase == "compiling":
            self._show(COMPILING, progress, "")
            return
        now = time.monotonic()
        if self._began is None:
            self._began = now, progress.done
        began, done_before = self._began
        pace = _pace(progress.done - done_before, progress.total - progress.done, now - began)
        failed = f", {progress.failed} failed" if progress.failed else ""
        self._show(f"running{failed}", progress, pace)

    def _show(self, what: str, progress: Progress, pace: str) -> None:
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(what, total=progress.total, pace=pace)
            self._bar.update(self._task, description=what, completed=progress.done, pace=pace)
        elif time.monotonic() - self._said >= EVERY_S or progress.phase == "compiling":
            self._said = time.monotonic()
            click.echo(f"{what}: {progress.done} of {progress.total} done, {pace}".rstrip(", "), err=True)


def _pace(done: int, left: int, elapsed_s: float) -> str:
    if not done:
        return ""
    per_minute = 60 * done / elapsed_s
    pace = f"{per_minute:,.0f}" if per_minute >= 10 else f"{per_minute:.2g}"
    return f"{pace} runs/min, {duration(left * elapsed_s / done)} left"


def duration(seconds: float) -> str:
    """Return a length of time as people say it: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = round(seconds)
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {name}"
    return f"{whole} s"
