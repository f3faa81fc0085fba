"""Diffusion at an equal error of 1e-3: ns per voxel, substrate and simulated minute, beside first-order steps.

Fields start from nothing; sources are constant for one interval, then change. Every way takes as many steps an interval
as it needs for an error of at most 1e-3 of the largest value and no value below -1e-6 of it, at the end of every interval.

    fast      D = 1e5 µm²/min, voxels of 20 µm, decay 0.1/min, three intervals of a minute
    tissue    D = 600 µm²/min, voxels of 20 µm, decay 0.15/min, ten intervals of six minutes
    smooth    a wave along x, 1 + cos(2 pi x + 0.6 i) in interval i;    jumping: 100 in one voxel in fifty, drawn anew
    uniform   the decay alone;    uptake: one voxel in ten loses fifty times as fast

The measure is exact where the loss is uniform (every cosine mode on its own), else alternating directions in 4,096 steps.
`first order` is the locally one-dimensional step of BioFVM, in C and by pyphysicell: the steps it needs come from the same
modes in closed form, which pyphysicell's field is compared with (`deviation`); its sources are added without being timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from benchmarks.environments import Peer
from benchmarks.figures import Figure, Missing
from benchmarks.setting import NO_COMPILER, Setting, reference
from benchmarks.timing import Spent, figures_of, in_turns, spent
from simengine.kernels.fields_alternating import step_adi
from simengine.kernels.fields_spectral import cosine_basis, step_spectral
from simengine.kernels.fields_steady import field_work
from simengine.kernels.fields_transient import step_implicit, step_transient

Array = NDArray[np.float64]
Method = Callable[[Array, Array, int], Array]
ERROR, LEAST = 1e-3, -1e-6
TOLERANCE = 5e-3  # of the engine's last correction; the error it leaves is about a fifth
MOST_STEPS = 50_000
GOALS = {"smooth": 12.0, "jumping": 25.0}


@dataclass(frozen=True)
class Work:
    """One stated work; rates are per hour, ``alpha`` is the diffusion constant over the square of the voxel width."""

    medium: str
    shape: tuple[int, int, int]
    kind: str
    loss_kind: str

    @property
    def title(self) -> str:
        """What the figures are called."""
        return f"diffusion to 1e-3, {self.medium}, {'x'.join(map(str, self.shape))}, {self.kind}, {self.loss_kind}"

    @property
    def numbers(self) -> tuple[float, float, float, int]:
        """Alpha, loss, hours of an interval, number of intervals."""
        return (15_000.0, 6.0, 1.0 / 60.0, 3) if self.medium == "fast" else (90.0, 9.0, 0.1, 10)

    @cached_property
    def loss(self) -> Array:
        """Rates of loss, float64[z, y, x]."""
        least = self.numbers[1]
        if self.loss_kind == "uniform":
            return np.full(self.shape, least)
        return least * np.where(np.random.default_rng(4).random(self.shape) < 0.1, 50.0, 1.0)

    @cached_property
    def sources(self) -> list[Array]:
        """The sources of each interval, per hour."""
        rng = np.random.default_rng(3)
        x = np.broadcast_to((np.arange(self.shape[2]) + 0.5) / self.shape[2], self.shape)
        made = []
        for i in range(self.numbers[3]):
            jumping = 100.0 * (rng.random(self.shape) < 0.02)
            made.append(60.0 * (1.0 + np.cos(2.0 * np.pi * x + 0.6 * i) if self.kind == "smooth" else jumping))
        return made

    def course(self, method: Method, steps: int) -> Iterator[Array]:
        """Yield the field at the end of every interval; the next one is written over it."""
        value = np.zeros(self.shape)
        for source in self.sources:
            value = method(value, source, steps)
            yield value

    def run(self, method: Method, steps: int) -> None:
        """Go through the course, keeping nothing."""
        for _ in self.course(method, steps):
            continue


def split_rates(work: Work) -> list[Array]:
    """Return the decay rates of all cosine modes along each axis, the loss shared between the axes that are not flat."""
    alpha, loss = work.numbers[:2]
    axes = sum(n > 1 for n in work.shape)
    rates = []
    for axis, n in enumerate(work.shape):
        rate = alpha * (2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n)) + (loss / axes if n > 1 else 0.0)
        rates.append(rate.reshape([-1 if a == axis else 1 for a in range(3)]))
    return rates


def by_modes(work: Work, value: Array, source: Array, steps: int, hours: float, *, exact: bool = False) -> Array:
    """Advance by first-order split steps, or exactly: one cosine mode at a time, all steps at once."""
    rates = split_rates(work)
    modes, driven = dctn(value, norm="ortho"), dctn(source, norm="ortho")
    if exact:
        rate = rates[0] + rates[1] + rates[2]
        kept = np.exp(-hours * rate)
        made = -np.expm1(-hours * rate) / rate
    else:
        t = hours / steps
        factor = 1.0 / ((1.0 + t * rates[0]) * (1.0 + t * rates[1]) * (1.0 + t * rates[2]))
        kept = factor**steps
        made = t * factor * (1.0 - kept) / (1.0 - factor)
    return np.asarray(idctn(kept * modes + made * driven, norm="ortho"), dtype=np.float64)


def methods_of(work: Work) -> dict[str, Method]:
    """Return the ways of the engine: its own choice first."""
    alpha, uniform, hours, _ = work.numbers
    loss, space, basis = work.loss, field_work(*work.shape), cosine_basis(*work.shape)

    def chosen(value: Array, source: Array, steps: int) -> Array:
        for _ in range(steps):
            step_transient(value, source, loss, alpha, hours / steps, TOLERANCE, space)
        return value

    def alternating(value: Array, source: Array, steps: int) -> Array:
        step_adi(value, source, loss, alpha, hours, steps, space)
        return value

    def implicit(value: Array, source: Array, steps: int) -> Array:
        for _ in range(steps):
            step_implicit(value, source, loss, alpha, hours / steps, 1e-5, space)
        return value

    def spectral(value: Array, source: Array, steps: int) -> Array:
        step_spectral(value, source, uniform, alpha, hours, basis, space)
        return value

    found: dict[str, Method] = {"simengine": chosen, "alternating": alternating, "implicit": implicit}
    return found | ({"spectral": spectral} if work.loss_kind == "uniform" else {})


def steps_needed(work: Work, method: Method, exact: list[Array]) -> tuple[int, float, float]:
    """Return the fewest steps an interval that are accurate and positive enough (tried one by one, then 5/4 apart)."""
    steps = 1
    while True:
        error, least = _judged(work.course(method, steps), exact)
        if (error <= ERROR and least >= LEAST) or steps > MOST_STEPS:
            return steps, error, least
        steps = steps + 1 if steps < 8 else steps * 5 // 4


def _judged(seen: Iterator[Array], exact: list[Array]) -> tuple[float, float]:
    """Return the largest error and the smallest value, each as a share of the largest value of its time."""
    found = [(float(np.abs(a - b).max() / b.max()), float(a.min() / b.max())) for a, b in zip(seen, exact, strict=True)]
    return max(error for error, _ in found), min(least for _, least in found)


def measure(setting: Setting) -> Iterator[Figure | Missing]:
    """Yield the cost of equal error on all stated works."""
    shapes = setting.pick(((1, 100, 100), (50, 50, 50), (100, 100, 100)), ((1, 100, 100),))
    works = [Work("fast", shape, kind, loss) for shape in shapes for kind in GOALS for loss in ("uniform", "uptake")]
    works += [Work("tissue", (5, 20, 20), kind, loss) for kind in GOALS for loss in ("uniform", "uptake")]
    for work in works:
        yield from _compare(work, setting)


def _compare(work: Work, setting: Setting) -> Iterator[Figure | Missing]:
    _, _, hours, intervals = work.numbers
    methods = methods_of(work)
    first = {}
    if work.loss_kind == "uniform":
        exact = _kept(work.course(lambda v, s, n: by_modes(work, v, s, n, hours, exact=True), 1))
        first["first order"] = steps_needed(work, lambda v, s, n: by_modes(work, v, s, n, hours), exact)
    else:
        exact = _kept(work.course(methods["alternating"], setting.pick(4096, 1024)))
    needed = {name: steps_needed(work, method, exact) for name, method in methods.items()}
    unit = float(np.prod(work.shape)) * intervals * hours * 60.0
    times = max(1, int(1e6 / unit))
    ways: dict[str, Callable[[], Spent]] = {
        name: partial(spent, partial(work.run, method, needed[name][0]), unit, times) for name, method in methods.items()
    }
    about: dict[str, dict[str, float]] = {}
    for name, way, one in _first_order(work, setting, first, about):
        if isinstance(way, Missing):
            yield way
        else:
            ways[name], needed[name] = way, one
    found = figures_of(work.title, "ns per voxel, substrate and minute", in_turns(ways, setting.repeats), "simengine")
    for name, figure in found.items():
        steps, error, least = needed[name]
        told = {"steps_per_interval": steps, "error": error, "least": least} | about.get(name, {})
        yield replace(figure, about=told, goal=GOALS[work.kind] if name == "simengine" else None)


def _first_order(
    work: Work, setting: Setting, first: dict[str, tuple[int, float, float]], about: dict[str, dict[str, float]]
) -> Iterator[tuple[str, Callable[[], Spent] | Missing, tuple[int, float, float]]]:
    """Yield the first-order ways that can be measured: cost of one step times the steps that a minute needs."""
    if not first:
        return
    need = first["first order"]
    per_minute = need[0] / (work.numbers[2] * 60.0)
    updates = int(min(max(3e6 / np.prod(work.shape), 3), need[0]))
    program = setting.program("diffusion")
    if program is None:
        yield "", Missing(f"{work.title}: C, first order", NO_COMPILER), need
    else:
        one = reference(program, *work.shape[::-1], 1, updates)
        yield "C, first order", lambda: _times(one(), per_minute), need
    peer = Peer("pyphysicell", "diffusion.py", setting)
    if why := peer.missing():
        yield "", Missing(f"{work.title}: pyphysicell", why), need
        return
    name = "pyphysicell, first order"

    def ask() -> Spent:
        file = _stated(work, need[0], setting.folder)
        seen = peer.time(file=file, updates=updates)
        hours = work.numbers[2] * updates / need[0]
        told = by_modes(work, np.zeros(work.shape), work.sources[0], updates, hours)
        about[name] = {"deviation": float(np.abs(np.load(file)["value"] - told).max() / told.max())}
        return _times(seen, per_minute)

    yield name, ask, need


def _kept(course: Iterator[Array]) -> list[Array]:
    return [value.copy() for value in course]


def _times(one: Spent, factor: float) -> Spent:
    return Spent(one.cpu * factor, one.wall * factor)


def _stated(work: Work, steps: int, folder: Path) -> Path:
    """Write the work of the first interval for a peer, in minutes."""
    alpha, loss, hours, _ = work.numbers
    source, spacing = work.sources[0] / 60.0, 20.0
    numbers = {"step_min": 60.0 * hours / steps, "diffusion": alpha * spacing**2 / 60.0, "decay": loss / 60.0}
    np.savez(folder / "work.npz", source=source, spacing_um=spacing, **numbers)
    return folder / "work.npz"
