"""The free walk (case A15): displacements of single cells between two snapshots, far from walls and from each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.verification.analytic.isolated import LARGEST_Z, LEAST_P, Constant, courses, every, isolated

PERSISTENCE_MIN = 20.0
PUSHED_UM = 3.0
"""Most by which others that are run into add to an hour's way."""


def walking(shape, speed, days, minutes, persistence=PERSISTENCE_MIN, agents=3000):
    """Stromal cells, shrunk to a fifth of their diameter, that walk and do nothing else; snapshots on the given days."""
    volume_mm3 = np.prod(shape) * 0.05**3
    zone_mm3 = 150.0 * 10.0
    dose = int(agents * 0.01 / 0.25 * zone_mm3 / volume_mm3)
    more = f"""
product.viability = 1.0
run.duration_days = {max(days)}
run.record_every_h = 1.0
patch = {{ shape = {list(shape)}, spacing_um = 50.0, agent_weight = 0.01 }}
delivery = [{{ route = "intramyocardial", dose_cells = {dose}, n_sites = 10, volume_ml_per_site = 0.1, duration_min = 30.0 }}]
output.snapshot_days = {list(days)}
"""
    parameters = {
        "lineages.stromal.resting.persistence_min": persistence,
        "lineages.stromal.resting.repulsion_um_per_min": 0.166667,
        "lineages.stromal.resting.adhesion_um_per_min": 0.004,
        "cells.macrophage.density_per_mm3": 500.0,
    }
    constants = [Constant("stromal", "speed_um_per_min", speed), Constant("macrophage", "speed_um_per_min", 0.0)]
    return isolated(constants, ("delivery", "motility", "trafficking"), more + every(minutes), parameters=parameters)


def displacements(asked, replicates, margin_um):
    """Return the moves between two snapshots, µm, of cells that began at least ``margin_um`` from every wall, [n, 2 or 3]."""
    moves = []
    for course in courses(asked, replicates):
        before, after = course.snapshots.values()
        edges = before["spacing_um"] * before["shape"]
        axes = [axis for axis, length in zip("xyz", before["shape"], strict=True) if length > 1]
        product = len(before["type_names"]) - 1
        first, second = ({"uid": s["uid"][s["type"] == product]} for s in (before, after))
        _, i, j = np.intersect1d(first["uid"], second["uid"], return_indices=True)
        for seen, found in ((before, first), (after, second)):
            mine = seen["type"] == product
            found["at"] = np.stack([seen[f"{axis}_um"][mine] for axis in axes], axis=1)
        start = first["at"][i]
        inside = np.all((start > margin_um) & (start < edges[: len(axes)] - margin_um), axis=1)
        moves.append((second["at"][j] - start)[inside])
    return np.concatenate(moves)


def squared_displacement(speed, persistence, minutes):
    """Mean square of a walk of constant speed whose heading is forgotten as exp(-t/T), in any dimension (Fürth 1920)."""
    return 2.0 * speed**2 * persistence * (minutes - persistence * (1.0 - np.exp(-minutes / persistence)))


CASES = {
    "2-D": ((80, 80, 1), 1.0, 2, 600.0),
    "3-D": ((36, 36, 36), 0.6, 2, 290.0),
}


@pytest.fixture(scope="module", params=list(CASES))
def long_walk(request):
    """Moves over 10 h, 30 times the persistence, and the diffusion constant v²T/d."""
    shape, speed, replicates, margin = CASES[request.param]
    asked = walking(shape, speed, (3.0 / 24.0, 13.0 / 24.0), 6.0, agents=16_000)
    moves = displacements(asked, replicates, margin)
    return moves, speed**2 * PERSISTENCE_MIN / moves.shape[1]


def test_long_walks_diffuse(long_walk):
    """A15: each axis has the variance 2 D t with D = v²T/d (less the ballistic start, 3.3 % of it, by Fürth's formula).

    n about 10,000 moves an axis; z of the variance of each axis with the SE sqrt(2/n) of a Gaussian (sees 6.5 %). Detects
    2, 4 and 6 D t mixed up, sqrt(dt) slips, the turning chance s/T instead of 2s/(2T + s) (15 % at 6 of 20 min).
    """
    moves, diffusion = long_walk
    d, minutes = moves.shape[1], 600.0
    assert len(moves) > 5000
    expected = 2.0 * diffusion * minutes * (1.0 - PERSISTENCE_MIN / minutes)
    assert expected * d == pytest.approx(squared_displacement(np.sqrt(diffusion * d / 20.0), 20.0, minutes), rel=1e-9)
    z = (np.mean(moves**2, axis=0) / expected - 1.0) * np.sqrt(len(moves) / 2.0)
    assert np.abs(z).max() < LARGEST_Z


def test_long_walks_are_gaussian_without_drift_and_without_preferred_axes(long_walk):
    """A15: displacement along each axis, and along the diagonal, is normal with mean 0; axes are uncorrelated.

    Kolmogorov-Smirnov with the exact variance, p >= 5e-6; z of means and of correlations of moves and of their squares.
    Detects biased headings (sees 0.04 SD), headings not uniform on the sphere (squares then correlate), frozen cells.
    """
    moves, diffusion = long_walk
    n, d = moves.shape
    scaled = moves / np.sqrt(2.0 * diffusion * (600.0 - PERSISTENCE_MIN))
    for along in (*scaled.T, scaled.sum(axis=1) / np.sqrt(d)):
        assert abs(along.mean()) * np.sqrt(n) < LARGEST_Z
        assert stats.kstest(along, "norm").pvalue > LEAST_P
    for a in range(d):
        for b in range(a):
            assert abs(np.corrcoef(scaled[:, a], scaled[:, b])[0, 1]) * np.sqrt(n) < LARGEST_Z
            assert abs(np.corrcoef(scaled[:, a] ** 2, scaled[:, b] ** 2)[0, 1]) * np.sqrt(n) < LARGEST_Z + 1.0


@pytest.mark.parametrize(("shape", "hours"), [((80, 80, 1), 1.0), ((36, 36, 36), 1.0)], ids=["2-D", "3-D"])
def test_short_walks_are_nearly_straight(shape, hours):
    """A15, ballistic: an hour of a walk with a persistence of 3 h covers 2v²T(t - T(1 - exp(-t/T))), from the first hour on.

    n about 10,000 cells that arrived within the last hour or so; z of the mean square with its sample SE (sees 3 %).
    Detects first headings that point out of a flat patch (its cells then cover two thirds of their way), headings drawn
    anew at every step, speeds per hour and per minute.
    """
    persistence, speed = 180.0, 2.0
    begin = 1.0 / 24.0
    asked = walking(shape, speed, (begin, begin + hours / 24.0), 3.0, persistence, agents=6000)
    moves = displacements(asked, 2 if shape[2] == 1 else 4, 60.0 * hours * speed + 1.0)
    square = np.sum(moves**2, axis=1)
    expected = squared_displacement(speed, persistence, 60.0 * hours)
    assert len(moves) > 5000
    assert abs(square.mean() - expected) / (square.std() / np.sqrt(len(square))) < LARGEST_Z
    assert np.sqrt(square.max()) <= 60.0 * hours * speed + PUSHED_UM
