"""Canonical order, mirrors at the walls, and contacts on a swept path, against slow twins and all pairs."""

import numpy as np
import pytest

from simengine.kernels.neighbours import (
    DUPLICATE,
    IN_ORDER,
    MAX_EDGE,
    filled_voxels,
    interval_of,
    locate,
    permute,
    reflect,
    sort_by_voxel,
    swept_contacts,
    voxel_of,
)

SPACING = 20.0


class Crowd:
    """Cells at random in P patches: blocks as the engine keeps them, with room to spare."""

    def __init__(self, n, shape, seed, radii=(4.0, 12.0)):
        rng = np.random.default_rng(seed)
        patches, nz, ny, nx = shape
        capacity = n + 5
        self.n, self.shape = n, np.array(shape, np.int64)
        self.voxels = nz * ny * nx
        self.real = np.zeros((4, capacity))
        self.real[:3, :n] = rng.random((3, n)) * np.array([[nx], [ny], [nz]]) * SPACING
        if nz == 1:
            self.real[2, :n] = SPACING / 2
        self.real[3, :n] = rng.uniform(*radii, n)
        self.whole = np.zeros((2, capacity), np.int32)
        self.whole[0, :n] = rng.integers(0, patches, n)
        self.whole[1, :n] = np.arange(n)
        self.uid = np.zeros(capacity, np.uint64)
        self.uid[:n] = rng.integers(0, 2**64 - 1, n, dtype=np.uint64)
        self.voxel, self.order = np.zeros((2, capacity), np.int32)
        self.start = np.zeros(patches * self.voxels + 1, np.int64)
        self.cursor = np.zeros(patches * self.voxels, np.int32)

    def shuffle(self, rng):
        p = rng.permutation(self.n)
        self.real[:, : self.n] = self.real[:, p]
        self.whole[:, : self.n] = self.whole[:, p]
        self.uid[: self.n] = self.uid[p]

    def sort(self):
        locate(self.n, self.real, self.whole[0], SPACING, self.shape, self.voxel)
        status = sort_by_voxel(self.n, self.voxel, self.uid, self.start, self.order, self.cursor)
        permute(self.real, self.whole, self.uid, self.order, self.n)
        return status

    def patch_start(self, patch):
        return self.start[patch * self.voxels : (patch + 1) * self.voxels + 1]

    def contacts(self, i, to, reach, out):
        start = self.patch_start(self.whole[0, i])
        return swept_contacts(i, to, self.real, start, self.shape, SPACING, reach, out)

    def state(self):
        return self.real.tobytes() + self.whole.tobytes() + self.uid.tobytes() + self.start.tobytes()


def squared_distance_to_path(path, places):
    """Squared distance of each place, float64[3, C], to the segment of 6 numbers."""
    begin, way = np.array(path[:3]), np.array(path[3:]) - np.array(path[:3])
    length2 = way @ way
    t = np.clip(way @ (places - begin[:, None]) / length2, 0, 1) if length2 > 0 else np.zeros(places.shape[1])
    return ((places - begin[:, None] - way[:, None] * t) ** 2).sum(axis=0)


def test_a_voxel_is_numbered_x_first_then_y_then_z_then_patch():
    shape = np.array([2, 3, 4, 5])
    seen = [
        voxel_of(SPACING * (ix + 0.5), SPACING * (iy + 0.5), SPACING * (iz + 0.5), patch, SPACING, shape)
        for patch in range(2)
        for iz in range(3)
        for iy in range(4)
        for ix in range(5)
    ]
    assert seen == list(range(2 * 3 * 4 * 5))


@pytest.mark.parametrize(
    ("place", "interval"),
    [(0.0, 0), (-1e-300, 0), (-5.0, 0), (19.999, 0), (20.0, 1), (99.999, 4), (100.0, 4), (1e300, 4)]
    + [(np.inf, 4), (-np.inf, 0), (np.nan, 0), (np.nextafter(100.0, 0), 4)],
)
def test_every_place_has_an_interval_within_the_box(place, interval):
    assert interval_of(place, SPACING, 5) == interval


def test_canonical_order_is_that_of_a_plain_sort():
    crowd = Crowd(600, (2, 3, 4, 5), seed=1)
    locate(crowd.n, crowd.real, crowd.whole[0], SPACING, crowd.shape, crowd.voxel)
    voxel, uid = crowd.voxel[: crowd.n].copy(), crowd.uid[: crowd.n].copy()
    status = sort_by_voxel(crowd.n, crowd.voxel, crowd.uid, crowd.start, crowd.order, crowd.cursor)
    assert status == IN_ORDER
    np.testing.assert_array_equal(crowd.order[: crowd.n], np.lexsort((uid, voxel)))
    np.testing.assert_array_equal(crowd.start, np.searchsorted(np.sort(voxel), np.arange(crowd.start.size)))


def test_two_hundred_shuffles_of_memory_give_the_same_bytes():
    crowd = Crowd(150, (2, 2, 3, 3), seed=2)
    rng = np.random.default_rng(3)
    crowd.sort()
    expected = crowd.state()
    for _ in range(200):
        crowd.shuffle(rng)
        assert crowd.state() != expected
        assert crowd.sort() == IN_ORDER
        assert crowd.state() == expected


def test_cells_beyond_the_count_are_left_alone():
    crowd = Crowd(50, (1, 2, 2, 2), seed=4)
    crowd.real[:, 50:] = 7.0
    crowd.uid[50:] = 7
    crowd.sort()
    assert (crowd.real[:, 50:] == 7.0).all()
    assert (crowd.uid[50:] == 7).all()


@pytest.mark.parametrize("kind", ["in order", "neighbours swapped", "one born at the end", "shuffled"])
def test_permute_moves_columns_as_indexing_does(kind):
    n = 40
    rng = np.random.default_rng(5)
    order = np.arange(n)
    if kind == "neighbours swapped":
        order[[3, 4, 20, 21]] = order[[4, 3, 21, 20]]
    elif kind == "one born at the end":
        order = np.insert(np.arange(n - 1), 11, n - 1)
    elif kind == "shuffled":
        order = rng.permutation(n)
    real, whole = rng.normal(0.0, 1.0, (3, n + 2)), rng.integers(-(2**31), 2**31, (2, n + 2)).astype(np.int32)
    uid = rng.integers(0, 2**64 - 1, n + 2, dtype=np.uint64)
    blocks = (real, whole, uid)
    expected = [block.copy() for block in blocks]
    for block in expected:
        block[..., :n] = block[..., order]
    permute(real, whole, uid, order.astype(np.int32), n)
    for block, wanted in zip(blocks, expected, strict=True):
        np.testing.assert_array_equal(block, wanted)


@pytest.mark.parametrize("pair", [(0, 1), (0, 9), (5, 6), (8, 9)])
def test_an_identity_met_twice_in_a_voxel_is_reported(pair):
    n = 10
    uid = np.random.default_rng(6).permutation(n).astype(np.uint64)
    voxel = np.full(n, 2, np.int32)
    start, order, cursor = np.zeros(5, np.int64), np.zeros(n, np.int32), np.zeros(4, np.int32)
    assert sort_by_voxel(n, voxel, uid, start, order, cursor) == IN_ORDER
    uid[pair[0]] = uid[pair[1]]
    assert sort_by_voxel(n, voxel, uid, start, order, cursor) == DUPLICATE


def test_identities_are_ordered_as_unsigned_numbers():
    uid = np.array([2**63 + 5, 3, 2**64 - 1, 2**63], np.uint64)
    start, order, cursor = np.zeros(2, np.int64), np.zeros(4, np.int32), np.zeros(1, np.int32)
    sort_by_voxel(4, np.zeros(4, np.int32), uid, start, order, cursor)
    assert order.tolist() == [1, 3, 0, 2]


def test_an_empty_patch_sorts():
    start = np.ones(9, np.int64)
    nothing = np.zeros(0, np.int32)
    assert sort_by_voxel(0, nothing, nothing.astype(np.uint64), start, nothing, np.zeros(8, np.int32)) == IN_ORDER
    assert not start.any()


def test_a_place_within_the_box_is_kept_bit_for_bit():
    for place in (0.0, 1e-300, 0.1, 33.3, np.nextafter(100.0, 0), 100.0):
        assert reflect(place, 100.0) == place


def test_one_reflection_is_exact():
    for beyond in (1e-9, 0.1, 3.3, 99.9):
        assert reflect(-beyond, 100.0) == beyond
        assert reflect(100.0 + beyond, 100.0) == 200.0 - (100.0 + beyond)


def test_long_moves_end_where_bouncing_step_by_step_ends():
    rng = np.random.default_rng(7)
    for place in rng.uniform(-2000.0, 2000.0, 500):
        y = place
        while not 0.0 <= y <= 70.0:
            y = -y if y < 0.0 else 140.0 - y
        folded = reflect(place, 70.0)
        assert 0.0 <= folded <= 70.0
        assert abs(folded - y) < 1e-10
    assert np.isnan(reflect(np.nan, 70.0))


def test_mirrors_keep_a_uniform_density_uniform():
    # A walk of 300 steps with moves up to 1.5 boxes; 64 starts on a regular grid cover the box evenly at any time,
    # since the fold maps whole periods onto the box twice. The sum of cosine modes 1 to 3 stays that of the grid.
    places = (np.arange(64) + 0.5) / 64 * 50.0
    shifts = np.random.default_rng(8).uniform(-75.0, 75.0, 300)
    both = np.concatenate([places, -places])
    for shift in shifts:
        moved = np.array([reflect(p + shift, 50.0) for p in both])
        modes = [np.cos(k * np.pi * moved / 50.0).mean() for k in (1, 2, 3)]
        assert np.abs(modes).max() < 1e-12


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 6, 5), (1, 2, 2, 2)])
@pytest.mark.parametrize("way", [0.0, 6.0, 70.0])
def test_swept_contacts_are_those_of_all_pairs_in_canonical_order(shape, way):
    crowd = Crowd(300, shape, seed=9)
    crowd.sort()
    rng = np.random.default_rng(10)
    out = np.zeros(300, np.int64)
    met = 0
    for i in range(0, 300, 7):
        to = crowd.real[:3, i] + way * rng.uniform(-1, 1, 3) * [1, 1, shape[1] > 1]
        path = (*crowd.real[:3, i], *to)
        found = crowd.contacts(i, to, (1.5, 12.0), out)
        squared = squared_distance_to_path(path, crowd.real[:3, :300])
        touching = squared <= (1.5 + crowd.real[3, i] + crowd.real[3, :300]) ** 2
        touching &= (crowd.whole[0, :300] == crowd.whole[0, i]) & (np.arange(300) != i)
        np.testing.assert_array_equal(out[:found], np.flatnonzero(touching))
        met += found
    assert met > 40


def lone_target():
    """A cell of radius 5 at x = 100 µm in a long box, and a mover of radius 4 that is filed at x = 10 µm."""
    crowd = Crowd(2, (1, 1, 1, 10), seed=0)
    crowd.real[:, :2] = [[10.0, 100.0], [10.0, 10.0], [10.0, 10.0], [4.0, 5.0]]
    crowd.sort()
    return crowd


def test_a_fast_cell_touches_what_it_jumps_over():
    crowd, out = lone_target(), np.zeros(2, np.int64)
    crowd.real[0, 0] = 60.0
    assert crowd.contacts(0, np.array([140.0, 10.0, 10.0]), (1.0, 5.0), out) == 1
    assert out[0] == 1
    assert crowd.contacts(0, np.array([60.0, 10.0, 10.0]), (1.0, 5.0), out) == 0
    crowd.real[0, 0] = 140.0
    assert crowd.contacts(0, np.array([140.0, 10.0, 10.0]), (1.0, 5.0), out) == 0


def test_cells_that_moved_since_they_were_sorted_are_found_when_the_search_allows_for_it():
    crowd, out = lone_target(), np.zeros(2, np.int64)
    crowd.real[0, :2] = [50.0, 59.0]
    assert crowd.contacts(0, np.array([50.0, 10.0, 10.0]), (1.0, 5.0 + 41.0), out) == 1


def test_too_short_a_list_is_told_by_the_number_found_and_holds_the_first():
    crowd = Crowd(200, (1, 1, 2, 2), seed=12)
    crowd.sort()
    to, all_found, few = crowd.real[:3, 90].copy(), np.zeros(200, np.int64), np.full(4, -1)
    found = crowd.contacts(90, to, (9.0, 12.0), all_found)
    assert found > 4
    assert crowd.contacts(90, to, (9.0, 12.0), few[:3]) == found
    assert few.tolist() == [*all_found[:3], -1]


def test_a_negative_margin_asks_for_overlap():
    crowd, out = lone_target(), np.zeros(2, np.int64)
    for x, margin, touches in ((92.0, -0.9, 1), (92.0, -1.1, 0), (100.0, -20.0, 0)):
        crowd.real[0, 0] = x
        assert crowd.contacts(0, crowd.real[:3, 0].copy(), (margin, 5.0 + 90.0), out) == touches


def test_a_place_that_is_no_number_stays_within_the_arrays():
    crowd = Crowd(30, (2, 2, 2, 2), seed=13)
    crowd.real[0, :6] = [np.nan, np.inf, -np.inf, 1e300, -1e300, np.nan]
    assert crowd.sort() == IN_ORDER
    assert crowd.voxel[:30].min() >= 0
    assert crowd.voxel[:30].max() < 16
    lost = np.flatnonzero(np.isnan(crowd.real[0, :30]))[0]
    assert crowd.contacts(lost, np.array([5.0, 5.0, 5.0]), (1.0, 12.0), np.zeros(3, np.int64)) == 0


def filled(voxel, weight, shape):
    """Return what share of an agent each voxel of a patch holds, float64[z, y, x]."""
    index, share = np.zeros(729, np.int64), np.zeros(729)
    n = filled_voxels(voxel, np.cbrt(weight), np.array([1, *shape]), index, share)
    assert len(set(index[:n])) == n
    out = np.zeros(int(np.prod(shape)))
    out[index[:n]] = share[:n]
    return out.reshape(shape)


@pytest.mark.parametrize("weight", [1.5, 2.0, 10.0, 27.0, 729.0])
def test_an_agent_of_many_cells_fills_as_many_voxels(weight):
    """EQ-SPREAD-1: in free ground its own voxel holds 1 / w of it, where one cell is held whole, and all is held."""
    shape = (11, 11, 11)
    held = filled(5 * 121 + 5 * 11 + 5, weight, shape)
    assert held.sum() == pytest.approx(1.0, rel=1e-12)
    assert held[5, 5, 5] == held.max() == pytest.approx(1.0 / weight, rel=1e-12)
    np.testing.assert_allclose(held, held[::-1, ::-1, ::-1].transpose(1, 2, 0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 2, 2), (3, 1, 4)])
def test_walls_lose_nothing_of_an_agent(shape):
    """EQ-SPREAD-1 at walls, for weights up to beyond MAX_EDGE: shares sum to 1 and none is negative."""
    for voxel in range(int(np.prod(shape))):
        for weight in (0.01, 1.0, 2.0, 10.0, (MAX_EDGE + 1.0) ** 3):
            held = filled(voxel, weight, shape)
            assert held.sum() == pytest.approx(1.0, rel=1e-12)
            assert held.min() >= 0.0
            if weight <= 1.0:
                assert held.ravel()[voxel] == 1.0
