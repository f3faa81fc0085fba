"""Pair forces against all pairs, Newton's third law, equilibrium; and independence of all that must not matter."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from simengine.kernels.forces import displace, relax, yielding
from simengine.kernels.neighbours import locate, sort_by_voxel

SPACING = 20.0
ROOT = Path(__file__).resolve().parents[2]


class Tissue:
    """Cells in canonical order with all that the force kernels need; 9 rows: place, radius, mechanics, patch, name."""

    def __init__(self, columns, shape, spacing=SPACING):
        columns = np.array(columns, np.float64, order="C")
        n = columns.shape[1]
        patches, nz, ny, nx = shape
        self.shape, self.spacing, self.n = np.array(shape, np.int64), spacing, n
        voxel, order = np.zeros((2, n), np.int32)
        self.start = np.zeros(patches * nz * ny * nx + 1, np.int64)
        cursor = np.zeros(patches * nz * ny * nx, np.int32)
        locate(n, columns, columns[7].astype(np.int32), spacing, self.shape, voxel)
        sort_by_voxel(n, voxel, columns[8].astype(np.uint64), self.start, order, cursor)
        columns = np.ascontiguousarray(columns[:, order])
        self.body, self.mechanics, self.velocity = (
            np.zeros((4, n + 3)),
            np.ones((3, n + 3)),
            np.full((4, n + 3), np.nan),
        )
        self.body[:, :n], self.mechanics[:, :n] = columns[:4], columns[4:7]
        self.position, self.radius, self.strength = self.body[:3, :n], self.body[3, :n], self.mechanics[:, :n]
        self.moving, self.stiffness = self.velocity[:3, :n], self.velocity[3, :n]
        self.patch, self.uid = columns[7].astype(np.int64), columns[8].astype(np.int64)

    def relax(self, reach=1.25, largest=0.0):
        each = np.arange(self.n + 3, dtype=np.int32)
        return relax(self.start, self.shape, self.spacing, self.body, each, self.mechanics, (reach, largest), self.velocity)

    def move(self, minutes, cap):
        move, body = self.velocity.copy()[:, : self.n], self.body[:, : self.n]
        capped = yielding(self.n, move, minutes, cap, body)
        displace(self.n, move, self.shape, self.spacing, body)
        return capped

    def columns(self):
        return np.vstack([self.position, self.radius, self.strength, [self.patch, self.uid]])


def random_columns(n, shape, seed, radii=(4.0, 12.0)):
    """Cells anywhere in P patches, of different sizes, strengths and drags."""
    rng = np.random.default_rng(seed)
    patches, nz, ny, nx = shape
    columns = np.zeros((9, n))
    columns[:3] = rng.random((3, n)) * np.array([[nx], [ny], [nz]]) * SPACING
    if nz == 1:
        columns[2] = SPACING / 2
    columns[3] = rng.uniform(*radii, n)
    columns[4:7] = rng.uniform([[5.0], [0.1], [0.5]], [[20.0], [2.0], [2.0]], (3, n))
    columns[7] = rng.integers(0, patches, n)
    columns[8] = rng.permutation(n)
    return columns


def pair_of(distance, **rows):
    """Two cells, the second `distance` µm along x from the first."""
    columns = np.zeros((9, 2))
    columns[:3] = 40.0
    columns[0, 1] += distance
    columns[3:7] = np.array([[8.0], [10.0], [0.4], [1.0]])
    columns[8] = [0, 1]
    for row, values in rows.items():
        columns[int(row[1:])] = values
    return Tissue(columns, (1, 4, 4, 4))


def all_pairs(tissue, reach=1.25):
    """The slow twin: velocities float64[3, C], sums of force magnitudes, stiffness, and pairs in range, from every pair."""
    x = tissue.position
    apart = x[:, :, None] - x[:, None, :]
    distance = np.sqrt((apart**2).sum(axis=0))
    np.fill_diagonal(distance, np.inf)
    distance[tissue.patch[:, None] != tissue.patch[None, :]] = np.inf
    both = tissue.radius[:, None] + tissue.radius[None, :]
    c_push, c_hold = (np.sqrt(c[:, None] * c[None, :]) for c in tissue.strength[:2])
    push = c_push * np.maximum(1.0 - distance / both, 0.0) ** 2
    hold = c_hold * np.maximum(1.0 - distance / (reach * both), 0.0) ** 2
    force = (push - hold) / distance * apart
    stiff = (2.0 * c_push * np.maximum(1.0 - distance / both, 0.0) / both).sum(axis=1) / tissue.strength[2]
    return force.sum(axis=2) / tissue.strength[2], (push + hold).sum(axis=1), stiff, (distance < reach * both).sum() // 2


@pytest.mark.parametrize("shape", [(1, 5, 5, 5), (3, 3, 4, 6), (2, 1, 7, 8), (1, 1, 1, 1), (1, 2, 1, 30)])
@pytest.mark.parametrize(("radii", "reach"), [((4.0, 12.0), 1.25), ((3.0, 5.0), 1.25), ((9.0, 9.0), 1.0), ((2, 30), 1.6)])
def test_velocities_are_those_of_all_pairs(shape, radii, reach):
    """EQ-FORCE-1 and EQ-FORCE-3 against every pair."""
    tissue = Tissue(random_columns(160, shape, seed=1, radii=radii), shape)
    pairs = tissue.relax(reach)
    velocity, strength, stiffness, expected_pairs = all_pairs(tissue, reach)
    assert pairs == expected_pairs > 20
    assert np.abs(tissue.moving - velocity).max() < 1e-12 * strength.max()
    np.testing.assert_allclose(tissue.stiffness, stiffness, rtol=1e-12)


def test_a_largest_radius_given_changes_rounding_only_and_one_too_small_does_no_harm():
    columns = random_columns(200, (1, 4, 6, 6), seed=2)
    exact = Tissue(columns, (1, 4, 6, 6))
    exact.relax()
    for largest in (1.0, 12.0, 40.0):
        given = Tissue(columns, (1, 4, 6, 6))
        given.relax(largest=largest)
        np.testing.assert_allclose(given.moving, exact.moving, rtol=0, atol=1e-12 * np.abs(exact.moving).max())


def test_a_pair_pushes_back_with_exactly_the_opposite_force():
    for distance in (0.5, 9.0, 14.0, 16.5, 19.9):
        pair = pair_of(distance, r3=[7.0, 9.0], r4=[4.0, 30.0], r5=[0.1, 3.0], r6=[1.0, 4.0])
        pair.relax()
        force = pair.moving * pair.strength[2]
        assert force[0, 0] != 0.0
        np.testing.assert_array_equal(force[:, 0], -force[:, 1])


def test_momentum_is_conserved_in_a_crowd():
    tissue = Tissue(random_columns(400, (2, 4, 5, 5), seed=3), (2, 4, 5, 5))
    tissue.relax()
    force = tissue.moving * tissue.strength[2]
    for patch in range(2):
        inside = tissue.patch == patch
        # 400 cells of about 100 summed forces: rounding stays below 1e-12 of the sum of magnitudes.
        assert np.abs(force[:, inside].sum(axis=1)).max() < 1e-12 * np.abs(force[:, inside]).sum()


def test_cells_out_of_reach_do_not_move():
    pair = pair_of(20.0)
    assert pair.relax() == 0
    assert not pair.moving.any()
    assert pair_of(20.0 - 1e-9).relax() == 1


def test_two_cells_at_one_place_part():
    pair = pair_of(0.0)
    assert pair.relax() == 1
    np.testing.assert_allclose(pair.moving[0], [-9.6, 9.6], rtol=1e-9)
    assert not pair.moving[1:].any()


@pytest.mark.parametrize("start", [13.0, 18.0])
def test_a_pair_settles_at_the_distance_where_push_and_hold_balance(start):
    # sqrt(c_r) (1 - d/R) = sqrt(c_a) (1 - d/S) at d = (1 - k) / (1/R - k/S), k = sqrt(c_a / c_r).
    k = np.sqrt(0.4 / 10.0)
    balance = (1.0 - k) / (1.0 / 16.0 - k / 20.0)
    pair = pair_of(start)
    for _ in range(1500):
        pair.relax()
        pair.move(0.2, 0.1)
    assert abs(pair.position[0, 1] - pair.position[0, 0] - balance) < 1e-6
    np.testing.assert_allclose(pair.position[0].mean(), 40.0 + start / 2, atol=1e-9)


def close_packing(across, pitch=15.5):
    """Hexagonal close packing, float64[9, across³] columns of one kind, away from the walls."""
    i, j, k = (axis.ravel() for axis in np.meshgrid(*[np.arange(across)] * 3, indexing="ij"))
    columns = np.zeros((9, across**3))
    columns[0] = pitch * (i + (j + k) % 2 / 2)
    columns[1] = pitch * np.sqrt(3) * (j / 2 + k % 2 / 6)
    columns[2] = pitch * np.sqrt(2 / 3) * k
    columns[:3] += 5.0
    columns[3:7] = np.array([[8.412710547954228], [10.0], [0.4], [1.0]])
    columns[8] = np.random.default_rng(4).permutation(across**3)
    return columns, (i, j, k)


def test_close_packing_has_twelve_neighbours_inside_and_about_eleven_with_its_surface():
    columns, (i, j, k) = close_packing(14)
    tissue = Tissue(columns, (1, 10, 10, 12))
    pairs = tissue.relax()
    # An inner cell has 12; those that the surface of a 14³ block lacks leave 10.5 to 11.5 on average.
    assert 10.5 < 2 * pairs / tissue.n < 11.5
    inner = np.flatnonzero(np.all([(a > 1) & (a < 12) for a in (i, j, k)], axis=0))
    inner_now = np.isin(tissue.uid, columns[8, inner].astype(np.int64))
    # Forces on an inner cell of a perfect lattice cancel; on a corner they do not.
    speed = np.sqrt((tissue.moving**2).sum(axis=0))
    assert inner_now.sum() == 1000
    assert speed[inner_now].max() < 1e-12 < 1e-3 < speed.max()


def test_an_overfull_clump_spreads_and_comes_to_rest():
    columns = random_columns(60, (1, 4, 4, 4), seed=5, radii=(8.0, 8.0))
    columns[:3] = 35.0 + columns[:3] / 8.0
    columns[4:7] = np.array([[10.0], [0.4], [1.0]])
    tissue = Tissue(columns, (1, 4, 4, 4))

    def overlap():
        apart = tissue.position[:, :, None] - tissue.position[:, None, :]
        distance = np.sqrt((apart**2).sum(axis=0)) + 1e9 * np.eye(tissue.n)
        return np.maximum(1.0 - distance / 16.0, 0.0).sum()

    before = overlap()
    capped = []
    for _ in range(120):
        tissue = Tissue(tissue.columns(), (1, 4, 4, 4))
        tissue.relax()
        capped.append(tissue.move(0.5, 0.1))
    assert capped[0] > 50
    assert capped[-1] == 0
    assert overlap() < 0.02 * before


def course_of_a_dense_tissue(minutes):
    """Capped moves in each of 80 steps, and the last rms speed, of 195 cells that fill a box of 80 µm."""
    columns = random_columns(195, (1, 4, 4, 4), seed=20)
    columns[3:7] = np.array([[8.412710547954228], [10.0], [0.4], [1.0]])
    capped = []
    for _ in range(80):
        tissue = Tissue(columns, (1, 4, 4, 4))
        tissue.relax()
        capped.append(tissue.move(minutes, 0.25))
        columns = tissue.columns()
    return capped, np.sqrt((tissue.moving**2).sum(axis=0).mean())


@pytest.mark.parametrize("minutes", [2.0, 6.0, 60.0])
def test_a_dense_tissue_settles_in_steps_of_any_length(minutes):
    # Strengths 10 and 0.4 µm/min, as dense as close packing at 15.5 µm. A settled tissue creeps on at 0.04 µm/min; a
    # forward Euler step of 6 min would keep it jumping at the cap (180 moves capped in the first step, 24 in the last).
    capped, speed = course_of_a_dense_tissue(minutes)
    assert capped[0] > capped[-1] == 0
    assert speed < 0.1


@pytest.mark.parametrize("minutes", [0.01, 1.0, 30.0])
def test_a_pressed_pair_parts_by_an_implicit_step(minutes):
    # EQ-FORCE-2: the move of the implicit step whose slope is the stiffness of both cells.
    pair = pair_of(15.99, r5=[0.0, 0.0])
    pair.relax()
    velocity, stiffness = pair.moving[0, 1], pair.stiffness[1]
    assert stiffness == pytest.approx(2.0 * 10.0 * (0.01 / 16.0) / 16.0, rel=1e-9)
    before = pair.position[0, 1]
    pair.move(minutes, 1.0)
    expected = velocity * minutes / (1.0 + 2.0 * stiffness * minutes)
    assert pair.position[0, 1] - before == pytest.approx(expected, rel=1e-9)


def test_one_layer_moves_in_its_plane_only():
    tissue = Tissue(random_columns(120, (2, 1, 6, 6), seed=6), (2, 1, 6, 6))
    assert tissue.relax() > 100
    assert np.abs(tissue.moving[:2]).max() > 0.1
    assert not tissue.moving[2].any()
    tissue.moving[2] = 5.0
    tissue.move(1.0, 0.5)
    assert (tissue.position[2] == SPACING / 2).all()


def test_memory_order_changes_no_bit():
    columns = random_columns(250, (2, 3, 4, 4), seed=7)
    expected = Tissue(columns, (2, 3, 4, 4))
    expected.relax()
    rng = np.random.default_rng(8)
    for _ in range(20):
        shuffled = Tissue(columns[:, rng.permutation(250)], (2, 3, 4, 4))
        shuffled.relax()
        assert shuffled.moving.tobytes() == expected.moving.tobytes()


def test_a_patch_alone_gives_the_bits_it_gives_in_a_stack():
    columns = random_columns(300, (3, 3, 4, 4), seed=9)
    columns[3, columns[7] == 2] *= 2.0
    stacked = Tissue(columns, (3, 3, 4, 4))
    stacked.relax()
    for patch in range(3):
        own = columns[:, columns[7] == patch]
        own[7] = 0
        alone = Tissue(own, (1, 3, 4, 4))
        alone.relax()
        np.testing.assert_array_equal(alone.moving, stacked.moving[:, stacked.patch == patch])


def test_a_large_cell_far_away_changes_no_bit_of_others():
    columns = random_columns(150, (1, 4, 4, 20), seed=10, radii=(4.0, 7.0))
    columns[0] = columns[0] / 2
    visitor = columns[:, [0]].copy()
    visitor[[0, 3, 8]] = [[390.0], [12.0], [150.0]]
    without, visited = Tissue(columns, (1, 4, 4, 20)), Tissue(np.hstack([columns, visitor]), (1, 4, 4, 20))
    without.relax(largest=12.0)
    visited.relax(largest=12.0)
    np.testing.assert_array_equal(visited.moving[:, visited.uid < 150], without.moving)


def test_a_cell_without_a_place_harms_nobody():
    columns = random_columns(100, (1, 3, 3, 3), seed=11)
    lost = columns[:, :2].copy()
    lost[0], lost[3, 1], lost[8] = [np.nan, np.nan], np.nan, [100, 101]
    whole, harmed = Tissue(columns, (1, 3, 3, 3)), Tissue(np.hstack([columns, lost]), (1, 3, 3, 3))
    assert whole.relax(largest=12.0) == harmed.relax(largest=12.0)
    np.testing.assert_array_equal(harmed.moving[:, harmed.uid < 100], whole.moving)


def test_a_move_is_capped_at_a_share_of_the_radius_and_keeps_its_direction():
    tissue = Tissue(random_columns(80, (1, 3, 3, 3), seed=12), (1, 3, 3, 3))
    tissue.position[:], tissue.stiffness[:] = 30.0, 0.0
    tissue.moving[:] = np.random.default_rng(13).normal(0.0, 1.0, (3, 80))
    wish = 2.0 * tissue.moving
    length = np.sqrt((wish**2).sum(axis=0))
    capped = tissue.move(2.0, 0.3)
    assert capped == (length > 0.3 * tissue.radius).sum()
    assert 10 < capped < 70
    expected = wish * np.minimum(1.0, 0.3 * tissue.radius / length)
    np.testing.assert_allclose(tissue.position - 30.0, expected, atol=1e-12)


def test_walls_send_cells_back():
    tissue = Tissue(random_columns(60, (1, 2, 3, 4), seed=14), (1, 2, 3, 4))
    before = tissue.position.copy()
    tissue.stiffness[:] = 0.0
    tissue.moving[:] = np.random.default_rng(15).normal(0.0, 40.0, (3, 60))
    tissue.move(1.0, 1e9)
    size = np.array([[4], [3], [2]]) * SPACING
    aimed = before + tissue.moving
    once = np.where(aimed < 0, -aimed, np.where(aimed > size, 2 * size - aimed, aimed))
    single = (once >= 0) & (once <= size)
    assert (aimed != once).sum() > 20
    np.testing.assert_allclose(tissue.position[single], once[single], atol=1e-12)
    assert (tissue.position >= 0).all()
    assert (tissue.position <= size).all()


def digest_of_a_course():
    """Hash of a short course with every kernel of this file and of neighbours on, in two patches."""
    columns = random_columns(60, (2, 2, 3, 3), seed=19)
    digest = hashlib.sha256()
    for _ in range(6):
        tissue = Tissue(columns, (2, 2, 3, 3))
        pairs = tissue.relax(largest=12.0)
        capped = tissue.move(1.0, 0.2)
        columns = tissue.columns()
        digest.update(columns.tobytes() + tissue.velocity[:, : tissue.n].tobytes() + bytes([pairs % 251, capped]))
    return digest.hexdigest()


@pytest.mark.parametrize("setting", [{"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_CPU_NAME": "generic"}])
def test_the_course_has_the_same_bits(setting, tmp_path):
    code = (
        "import importlib.util as u; s = u.spec_from_file_location('t', r'" + __file__ + "');"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.digest_of_a_course())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **setting}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest_of_a_course()
