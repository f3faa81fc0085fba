"""An immune scene, 25,000 cells (7,500 immune) and two fields in 75x75x75 voxels: a simulated minute, a day, and memory.

The engine takes ``benchmarks/scenes/immune_scene.toml``; a minute is what six hours take less what three take, per minute.
pyphysicell takes the scene of ``benchmarks/peers/immune.py`` for one minute after its first step, with PhysiCell's clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.alone import alone
from benchmarks.environments import Peer
from benchmarks.figures import Figure, Missing
from benchmarks.scenes import SCENES, agents_in, difference, scenario_of
from benchmarks.setting import Setting
from benchmarks.timing import Spent, figures_of, in_turns, timed
from simengine.engine import simulate

TITLE = "immune scene, 25,000 cells"
GOAL_S = 0.5
SHORT_H, LONG_H = 3.0, 6.0


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield s per simulated minute and MB of both, and a day of the engine."""
    ways: dict[str, Callable[[], Spent]] = {}
    file, memory, about = SCENES / "immune_scene.toml", {}, {}
    if file.exists():
        short, long = (scenario_of(file, {"run.duration_days": hours / 24}) for hours in (SHORT_H, LONG_H))

        def minute() -> Spent:
            took, course = difference(short, long)
            about["agents"] = agents_in(course)
            return took.per(60.0 * (LONG_H - SHORT_H), 1.0)

        ways["simengine"] = minute
    else:
        yield Missing(f"{TITLE}: simengine", f"there is no {file.name}")
    peer = Peer("pyphysicell", "immune.py", setting)
    if why := peer.missing():
        yield Missing(f"{TITLE}: pyphysicell", why)
    else:

        def ask() -> Spent:
            found = peer.ask()
            memory["pyphysicell"] = found["memory_mb"]
            return Spent(found["cpu"], found["wall"])

        ways["pyphysicell"] = ask
    seen = in_turns(ways, setting.pick(setting.repeats, 1))
    for name, figure in figures_of(f"{TITLE}, a minute", "s", seen, "pyphysicell").items():
        yield replace(figure, goal=GOAL_S, about=about) if name == "simengine" else figure
    if "simengine" in ways:
        memory["simengine"] = alone(file, [{"run.duration_days": SHORT_H / 24}]).largest_mb
        days = [timed(simulate, scenario_of(file, {"run.duration_days": 1.0}), 1)[0] for _ in range(setting.pick(3, 1))]
        yield Figure(f"{TITLE}, a day: simengine", "s", [day.cpu for day in days], [day.wall for day in days])
    for name, largest in memory.items():
        yield Figure(f"{TITLE}, largest memory of the process: {name}", "MB", [largest])
