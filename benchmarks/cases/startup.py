"""How soon something happens: help, import, first start with compilation, second start; and the size of the cache.

Wall time in fresh processes, each beside an empty Python process of the same minute. The goals are for an idle machine. The
first start is measured in an empty cache, once (left out of a quick run).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.setting import Setting
from benchmarks.timing import Spent, figures_of, in_turns, timed

SHORT = """
name = "startup"
replicates = 1
run.duration_days = 0.25
patch.shape = [6, 6, 2]
run.record_every_h = 2.0
delivery = [{ route = "intramyocardial", dose_cells = 100000, n_sites = 1, volume_ml_per_site = 0.1 }]
"""
COMMANDS = {
    "an empty process": ("-c", "pass"),
    "import numpy, numba": ("-c", "import numpy, numba"),
    "import simengine": ("-c", "import simengine"),
    "--help": ("-m", "simengine", "--help"),
    "run --help": ("-m", "simengine", "run", "--help"),
}
GOALS = {"--help": 0.3, "run --help": 0.3, "first start": 30.0, "second start": 2.5}
EMPTY = "an empty process"


def measure(setting: Setting) -> Iterator[Figure]:
    """Yield wall s of every way to start."""
    ways: dict[str, Callable[[], Spent]] = {name: partial(_process, *words) for name, words in COMMANDS.items()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "short.toml").write_text(SHORT, encoding="utf-8")
        words = ("-m", "simengine", "run", str(folder / "short.toml"), "--restart", "--out", str(folder / "out"), "--quiet")
        if not setting.is_quick:
            first = _process(*words, cache=folder / "cache").wall
            size = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file()) / 1e6
            yield Figure("start-up: first start", "s", [first], goal=GOALS["first start"])
            yield Figure("compiled code on disk", "MB", [size])
            ways["second start"] = partial(_process, *words, cache=folder / "cache")
        for name, figure in figures_of("start-up", "s", in_turns(ways, setting.repeats), EMPTY).items():
            yield replace(figure, goal=GOALS.get(name), wall=())


def _process(*words: str, cache: Path | None = None) -> Spent:
    """Return the wall time of a command of this Python, s, as both times: what the user waits for."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    command = [sys.executable, *words]
    wall = timed(subprocess.run, command, check=True, capture_output=True, env=environment)[0].wall
    return Spent(wall, wall)
