"""Fields against exact solutions: orders of accuracy, spheroids, cosine modes, balances, signs, and the solvers' errors."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.fft
import scipy.sparse
import scipy.sparse.linalg

from simengine.kernels.fields import (
    LOCAL,
    STEADY,
    TRANSIENT,
    WELL_MIXED,
    choose_treatment,
    diffusion_length_um,
    step_mixed,
)
from simengine.kernels.fields_alternating import step_adi
from simengine.kernels.fields_spectral import cosine_basis, solve_spectral, step_spectral
from simengine.kernels.fields_steady import field_work, solve_shifted, solve_steady
from simengine.kernels.fields_transient import choose_substep, step_implicit, step_transient

SHAPES = [(5, 20, 20), (3, 7, 10), (1, 33, 17), (4, 1, 6), (2, 9, 1), (7, 1, 1)]


def neighbour_matrix(n):
    """Minus the second difference of a line without flux at its ends."""
    diagonal = 2.0 * np.ones(n)
    diagonal[0] -= 1.0
    diagonal[-1] -= 1.0
    return scipy.sparse.diags([-np.ones(n - 1), diagonal, -np.ones(n - 1)], [-1, 0, 1], shape=(n, n))


def operator(loss, alpha):
    """Loss minus diffusion as a sparse matrix, independent of the kernels."""
    eyes = [scipy.sparse.eye(n) for n in loss.shape]
    total = scipy.sparse.diags(loss.ravel())
    for axis, n in enumerate(loss.shape):
        factors = list(eyes)
        factors[axis] = neighbour_matrix(n)
        total = total + alpha * scipy.sparse.kron(scipy.sparse.kron(factors[0], factors[1]), factors[2])
    return total.tocsc()


def exact_steady(source, loss, alpha):
    """Solve the steady state by sparse elimination."""
    return scipy.sparse.linalg.spsolve(operator(loss, alpha), source.ravel()).reshape(source.shape)


def losses(kind, shape, rng):
    """Losses without unit, with their jumps: uniform, over three decades, scattered sinks, half the patch, a round sink."""
    loss = np.ones(shape)
    if kind == "decades":
        return 10.0 ** rng.uniform(0.0, 3.0, shape)
    if kind == "sinks":
        loss[rng.random(shape) < 0.1] = 1000.0
    if kind == "half":
        loss[:, :, : max(shape[2] // 2, 1)] = 1000.0
    if kind == "round":
        _, y, x = np.indices(shape)
        loss[(y - shape[1] / 2) ** 2 + (x - shape[2] / 2) ** 2 < (max(shape[1:]) / 5) ** 2] = 1000.0
    return loss


def scattered(shape, rng, share=0.2):
    """Sources in a random part of the voxels, at least one."""
    source = rng.random(shape) * (rng.random(shape) < share)
    source.flat[rng.integers(source.size)] += 1.0
    return source


def slope(sizes, errors):
    """Order of convergence: the slope of log error over log step, by least squares."""
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def centres(n):
    return (np.arange(n) + 0.5) / n


# --- A18: manufactured solutions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["x", "y", "z", "loss", "all"])
def test_steady_state_is_of_second_order_in_the_voxel_width(term):
    """c = 2 + cos cos cos on the unit box without flux, 4 refinements; each axis and a varying loss alone, then all.

    Alone means that the grid has one voxel along the other axes, or that the loss is the same everywhere.
    """
    waves = {"x": (1, 0, 0), "y": (0, 2, 0), "z": (0, 0, 1), "loss": (1, 0, 0), "all": (1, 2, 1)}[term]
    diffusion, sizes, errors = 0.7, [4, 8, 16, 32], []
    for n in sizes:
        shape = tuple(n if wave else 1 for wave in waves[::-1])
        z, y, x = np.meshgrid(*(centres(m) for m in shape), indexing="ij")
        wave = np.cos(np.pi * waves[0] * x) * np.cos(np.pi * waves[1] * y) * np.cos(np.pi * waves[2] * z)
        exact = 2.0 + wave
        loss = 20.0 + 15.0 * np.cos(2.0 * np.pi * x) if term in ("loss", "all") else np.full(shape, 8.0)
        source = loss * exact + diffusion * np.pi**2 * sum(w * w for w in waves) * wave
        outflow = np.maximum(-source, 0.0)  # a source is never negative: the rest is a loss of that known amount
        value, work = np.zeros(shape), field_work(*shape)
        assert solve_steady(value, source + outflow, loss + outflow / exact, diffusion * n * n, 1e-11, work) > 0
        errors.append(np.sqrt(np.mean((value - exact) ** 2)))
    assert slope(1.0 / np.array(sizes), errors) == pytest.approx(2.0, abs=0.1)


TERMS = {
    "x": ((1, 0, 0), 0.0, 0.0),
    "y": ((0, 1, 0), 0.0, 0.0),
    "z": ((0, 0, 1), 0.0, 0.0),
    "loss": ((0, 0, 0), 1.5, 0.0),
    "varying loss": ((0, 0, 0), 2.0, 1.0),
    "all": ((1, 2, 1), 2.0, 1.0),
}


@pytest.mark.parametrize("method", ["alternating", "implicit"])
@pytest.mark.parametrize("term", TERMS)
def test_steps_are_of_second_order_in_time(method, term):
    """c = 3 + exp(-t) cos cos cos with its source at mid-step, the wave an exact mode of the grid: only time can err."""
    waves, mean_loss, swing = TERMS[term]
    shape = (4, 6, 8)
    alpha = 1.3
    z, y, x = np.meshgrid(*(centres(m) for m in shape), indexing="ij")
    wave = np.cos(np.pi * waves[0] * x) * np.cos(np.pi * waves[1] * y) * np.cos(np.pi * waves[2] * z)
    mode_rate = alpha * sum(2.0 - 2.0 * np.cos(np.pi * w / n) for w, n in zip(waves, shape[::-1]))
    loss = mean_loss + swing * np.cos(2.0 * np.pi * x) * np.cos(np.pi * y)
    work = field_work(*shape)
    steps = np.array([8, 16, 32, 64])
    errors = []
    for n in steps:
        hours = 1.0 / n
        value = 3.0 + wave
        for i in range(n):
            fading = np.exp(-(i + 0.5) * hours)
            source = loss * (3.0 + fading * wave) + (mode_rate - 1.0) * fading * wave
            if method == "alternating":
                step_adi(value, source, loss, alpha, hours, 1, work)
            else:
                step_implicit(value, source, loss, alpha, hours, 1e-12, work)
        errors.append(np.abs(value - 3.0 - np.exp(-1.0) * wave).max())
    assert slope(1.0 / steps, errors) == pytest.approx(2.0, abs=0.1)


# --- A19: spheroids --------------------------------------------------------------------------------------------------


def spheroid(n, radius_share=0.85):
    """Distance from the corner of a cube in voxels and the radius: one eighth of a sphere, the walls its mirrors."""
    z, y, x = np.indices((n, n, n)) + 0.5
    return np.sqrt(x * x + y * y + z * z), radius_share * n


def held_outside(loss, exact, inside, alpha):
    """Hold the exact values outside the sphere by an exchange a million times stronger than diffusion."""
    strong = 1e6 * alpha
    return np.where(inside, loss, strong), np.where(inside, 0.0, strong * exact)


def relative_l2(value, exact, inside):
    return np.sqrt(np.sum((value - exact)[inside] ** 2) / np.sum(exact[inside] ** 2))


def test_first_order_uptake_in_a_spheroid_follows_the_thiele_profile():
    """c0 (R / r) sinh(phi r / R) / sinh(phi), phi = 3: order 2 over 4 refinements, relative L2 error 1e-3 or less at 24^3."""
    phi, c0, sizes, errors = 3.0, 1.7, [8, 12, 16, 24], []
    for n in sizes:
        r, radius = spheroid(n)
        inside = r < radius
        alpha = 5.0 * n * n / 400.0
        exact = c0 * (radius / r) * np.sinh(phi * r / radius) / np.sinh(phi)
        loss, source = held_outside(alpha * (phi / radius) ** 2, exact, inside, alpha)
        value = np.full(r.shape, c0)
        assert solve_steady(value, source, loss, alpha, 1e-9, field_work(n, n, n)) > 0
        errors.append(relative_l2(value, exact, inside))
    assert errors[-1] <= 1e-3
    assert slope(1.0 / np.array(sizes), errors) == pytest.approx(2.0, abs=0.15)


def test_constant_uptake_in_a_spheroid_follows_the_parabola():
    """c0 - q (R^2 - r^2) / 6 D, the uptake as loss q / c renewed until it settles: relative L2 error 1e-4 or less."""
    n = 16
    r, radius = spheroid(n)
    inside = r < radius
    alpha, c0 = 2.0, 1.0
    uptake = 0.6 * 6.0 * alpha / radius**2
    exact = c0 - uptake * (radius**2 - r**2) / (6.0 * alpha)
    value, work = np.full(r.shape, c0), field_work(n, n, n)
    for _ in range(30):
        loss, source = held_outside(uptake / value, exact, inside, alpha)
        assert solve_steady(value, source, loss, alpha, 1e-8, work) > 0
    assert relative_l2(value, exact, inside) <= 1e-4


@pytest.mark.parametrize("hours", [0.01, 0.3, 4.0])
def test_uniform_decay_is_exponential(hours):
    assert step_mixed(2.0, 0.0, 1.5, hours) == pytest.approx(2.0 * np.exp(-1.5 * hours), rel=1e-14)
    value = np.full((2, 3, 4), 2.0)
    step_spectral(value, np.zeros_like(value), 1.5, 7.0, hours, cosine_basis(2, 3, 4), field_work(2, 3, 4))
    assert value == pytest.approx(2.0 * np.exp(-1.5 * hours), rel=1e-13)


def test_well_mixed_field_is_the_exact_solution_and_needs_no_loss():
    value = step_mixed(2.0, 3.0, 0.5, 1.7)
    assert value == pytest.approx(6.0 - 4.0 * np.exp(-0.85), rel=1e-14)
    assert step_mixed(step_mixed(2.0, 3.0, 0.5, 0.9), 3.0, 0.5, 0.8) == pytest.approx(value, rel=1e-14)
    assert step_mixed(2.0, 3.0, 0.0, 1.7) == pytest.approx(7.1, rel=1e-15)
    assert step_mixed(2.0, 3.0, 1e-18, 1.7) == pytest.approx(7.1, rel=1e-15)


# --- cosine modes ----------------------------------------------------------------------------------------------------


def mode_rates(shape, alpha):
    lines = [alpha * (2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n)) for n in shape]
    return lines[0][:, None, None] + lines[1][None, :, None] + lines[2][None, None, :]


@pytest.mark.parametrize("shape", SHAPES)
def test_spectral_step_and_steady_state_agree_with_the_cosine_transform(shape):
    rng = np.random.default_rng(1)
    start, source = rng.random(shape), rng.random(shape)
    alpha, loss, hours = 40.0, 3.0, 0.02
    rates = loss + mode_rates(shape, alpha)
    modes, driven = scipy.fft.dctn(start, norm="ortho"), scipy.fft.dctn(source, norm="ortho")
    fading = np.exp(-rates * hours)
    exact = scipy.fft.idctn(modes * fading + driven * (1.0 - fading) / rates, norm="ortho")
    basis, work, value = cosine_basis(*shape), field_work(*shape), start.copy()
    step_spectral(value, source, loss, alpha, hours, basis, work)
    assert np.abs(value - exact).max() <= 1e-13
    solve_spectral(value, source, loss, alpha, basis, work)
    assert np.abs(value - scipy.fft.idctn(driven / rates, norm="ortho")).max() <= 1e-13


@pytest.mark.parametrize("shape", SHAPES)
def test_alternating_directions_damp_each_cosine_mode_by_their_own_factor(shape):
    """Each mode is multiplied by 1 - t r / ((1 + t x / 2)(1 + t y / 2)(1 + t (z + loss) / 2)): the method, to rounding."""
    rng = np.random.default_rng(2)
    start = rng.random(shape)
    alpha, loss, hours = 8.0, 3.0, 0.05
    half = 0.5 * hours
    z, y, x = (mode_rates(tuple(n if a == axis else 1 for a, n in enumerate(shape)), alpha) for axis in range(3))
    factor = 1.0 - hours * (x + y + z + loss) / ((1.0 + half * x) * (1.0 + half * y) * (1.0 + half * (z + loss)))
    exact = scipy.fft.idctn(factor**3 * scipy.fft.dctn(start, norm="ortho"), norm="ortho")
    value = start.copy()
    step_adi(value, np.zeros(shape), np.full(shape, loss), alpha, 3.0 * hours, 3, field_work(*shape))
    assert np.abs(value - exact).max() <= 1e-13


# --- balances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["alternating", "implicit", "spectral"])
@pytest.mark.parametrize("shape", SHAPES)
def test_mass_is_kept_without_loss(method, shape):
    rng = np.random.default_rng(3)
    value, nothing, work = rng.random(shape), np.zeros(shape), field_work(*shape)
    total = value.sum()
    for hours in (0.003, 0.04, 0.3):
        if method == "alternating":
            step_adi(value, nothing, nothing, 50.0, hours, 3, work)
        elif method == "implicit":
            step_implicit(value, nothing, nothing, 50.0, hours, 1e-5, work)
        else:
            step_spectral(value, nothing, 0.0, 50.0, hours, cosine_basis(*shape), work)
        assert value.sum() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_changes_is_what_was_made_minus_what_was_lost(shape):
    """Change = step * (sources - losses): exact for alternating directions, implicit Euler and the steady state."""
    rng = np.random.default_rng(4)
    source, loss, work = scattered(shape, rng), 9.0 * losses("sinks", shape, rng), field_work(*shape)
    before = rng.random(shape)
    value, hours = before.copy(), 0.02
    step_adi(value, source, loss, 70.0, hours, 1, work)
    balance = hours * (source.sum() - (loss * 0.5 * (before + value)).sum())
    assert value.sum() - before.sum() == pytest.approx(balance, abs=1e-10 * before.sum())
    value = before.copy()
    solve_shifted(value, source, loss, 70.0, 1.0 / hours, 1e-4, work)
    balance = hours * (source.sum() - (loss * value).sum())
    assert value.sum() - before.sum() == pytest.approx(balance, abs=1e-10 * before.sum())
    solve_steady(value, source, loss, 70.0, 1e-4, work)
    assert (loss * value).sum() == pytest.approx(source.sum(), rel=1e-12)


@pytest.mark.parametrize("hours", [1e-3, 0.2, 50.0])
def test_steady_state_stays_for_any_step(hours):
    rng = np.random.default_rng(5)
    shape, alpha = (3, 8, 9), 30.0
    source, loss, work = scattered(shape, rng), losses("decades", shape, rng), field_work(*shape)
    steady = exact_steady(source, loss, alpha)
    for step in ("alternating", "implicit"):
        value = steady.copy()
        if step == "alternating":
            step_adi(value, source, loss, alpha, hours, 1, work)
        else:
            step_implicit(value, source, loss, alpha, hours, 1e-11, work)
        assert np.abs(value - steady).max() <= 1e-10 * steady.max(), step
    uniform = exact_steady(source, np.full(shape, 2.0), alpha)
    value = uniform.copy()
    step_spectral(value, source, 2.0, alpha, hours, cosine_basis(*shape), work)
    assert np.abs(value - uniform).max() <= 1e-12 * uniform.max()


# --- signs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(3, 5, 6), (1, 7, 6)])
def test_no_entry_of_the_alternating_step_is_negative_at_the_chosen_substep(share, shape):
    """The step as a matrix, column by column, for diffusion and loss in any proportion within the bound, sinks scattered.

    A substep beyond the bound does turn a field negative, so the bound is not idle.
    """
    rng = np.random.default_rng(6)
    alpha, loss_max = 0.6 * share, 1.5 * (1.0 - share)
    assert choose_substep(alpha, loss_max, 0.9999, 1.0) == 1
    loss, work, nothing = loss_max * (rng.random(shape) < 0.4), field_work(*shape), np.zeros(shape)
    lowest = {}
    for hours in (0.9999, 4.0):
        entries = []
        for start in np.eye(nothing.size):
            value = start.reshape(shape).copy()
            step_adi(value, nothing, loss, alpha, hours, 1, work)
            entries.append(value.min())
        lowest[hours] = min(entries)
    assert lowest[0.9999] >= -1e-15
    assert lowest[4.0] < -1e-3


@pytest.mark.parametrize("alpha", [2.0, 90.0, 900.0])
@pytest.mark.parametrize("sources", ["smooth", "jumping"])
@pytest.mark.parametrize("shape", [(4, 9, 8), (1, 12, 11)])
def test_fields_never_turn_negative(alpha, sources, shape):
    """40 six-minute steps from nothing, with sinks that take up 100 times faster and move, by the method chosen."""
    rng = np.random.default_rng(7)
    x = centres(shape[2])
    value, work = np.zeros(shape), field_work(*shape)
    for i in range(40):
        loss = np.where(rng.random(shape) < 0.1, 100.0, 1.0)
        source = 1.0 + np.cos(np.pi * x + 0.3 * i) if sources == "smooth" else 1e4 * (rng.random(shape) < 0.01)
        step_transient(value, source * np.ones(shape), loss, alpha, 0.1, 4e-3, work)
        assert value.min() >= -1e-6 * value.max()
    assert value.max() > 0.0


def test_transient_methods_agree_with_the_exact_solution_after_a_jump():
    """A source switched on, sinks present: error at most 3e-3 of the largest value by every method."""
    rng = np.random.default_rng(8)
    shape, hours = (3, 8, 8), 0.1
    source, loss, work = scattered(shape, rng, 0.02), np.where(rng.random(shape) < 0.1, 50.0, 5.0), field_work(*shape)
    for alpha in (10.0, 900.0, 9000.0):
        matrix = operator(loss, alpha)
        steady = exact_steady(source, loss, alpha)
        exact = steady - scipy.sparse.linalg.expm_multiply(-hours * matrix, steady.ravel()).reshape(shape)
        value = np.zeros(shape)
        step_transient(value, source, loss, alpha, hours, 4e-3, work)
        assert np.abs(value - exact).max() <= 3e-3 * exact.max()
        value[:] = 0.0
        for _ in range(4):
            step_implicit(value, source, loss, alpha, 0.25 * hours, 1e-5, work)
        assert np.abs(value - exact).max() <= 3e-3 * exact.max()


# --- the steady solver -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("kind", ["uniform", "decades", "sinks", "half", "round"])
def test_error_is_within_the_tolerance_from_a_warm_and_from_a_cold_start(kind, tolerance):
    """Against sparse elimination, 6 shapes, diffusion lengths of 0.03 to 30 voxels; at most 14 cycles, warm no more."""
    rng = np.random.default_rng(9)
    for shape in SHAPES:
        work = field_work(*shape)
        for ratio in (1.0, 10.0, 100.0, 1000.0):
            alpha = 90.0
            loss = losses(kind, shape, rng) * alpha / ratio
            source = scattered(shape, rng)
            exact = exact_steady(source, loss, alpha)
            cold, warm = np.zeros(shape), exact_steady(source * rng.uniform(0.95, 1.05, shape), loss, alpha)
            n_cold = solve_steady(cold, source, loss, alpha, tolerance, work)
            n_warm = solve_steady(warm, source, loss, alpha, tolerance, work)
            assert 0 < n_warm <= n_cold <= 14
            for value in (cold, warm):
                assert value.min() >= 0.0
                assert np.abs(value - exact).max() <= tolerance * exact.max()


def test_solver_does_not_remember_the_last_field():
    rng = np.random.default_rng(10)
    shape = (3, 6, 7)
    source, loss, work = scattered(shape, rng), losses("decades", shape, rng), field_work(*shape)
    first = np.zeros(shape)
    solve_steady(first, source, loss, 10.0, 1e-4, work)
    other = rng.random(shape)
    step_transient(other, source, 7.0 * loss, 400.0, 0.3, 1e-5, work)
    step_adi(other, source, loss, 3.0, 0.1, 2, work)
    again = np.zeros(shape)
    solve_steady(again, source, loss, 10.0, 1e-4, work)
    assert first.tobytes() == again.tobytes()


def test_tiny_losses_fill_the_patch_evenly():
    source, loss = np.zeros((5, 12, 12)), np.full((5, 12, 12), 1e-6)
    source[2, 3, 4] = 1.0
    value = np.zeros_like(source)
    assert solve_steady(value, source, loss, 90.0, 1e-4, field_work(5, 12, 12)) > 0
    assert value == pytest.approx(1.0 / loss.sum(), rel=1e-4)


def test_nothing_made_means_nothing_there():
    value, shape = np.random.default_rng(11).random((2, 4, 5)), (2, 4, 5)
    assert solve_steady(value, np.zeros(shape), np.ones(shape), 5.0, 1e-4, field_work(*shape)) == 0
    assert not value.any()


@pytest.mark.parametrize("fault", ["not a number", "no loss"])
def test_unsolvable_fields_are_reported_and_leave_the_solver_usable(fault):
    shape = (3, 5, 5)
    source, loss, work = np.ones(shape), np.ones(shape), field_work(*shape)
    bad_source, bad_loss = source.copy(), loss.copy()
    if fault == "no loss":
        bad_loss[:] = 0.0
    else:
        bad_source[1, 2, 3] = np.nan
    assert solve_steady(np.zeros(shape), bad_source, bad_loss, 5.0, 1e-4, work) < 0
    value = np.zeros(shape)
    assert solve_steady(value, source, loss, 5.0, 1e-4, work) > 0
    assert value == pytest.approx(1.0, rel=1e-4)


PRINT_BITS = """
import hashlib
import numpy as np
from simengine.kernels.fields import step_mixed
from simengine.kernels.fields_spectral import cosine_basis, step_spectral
from simengine.kernels.fields_steady import field_work, solve_steady
from simengine.kernels.fields_alternating import step_adi
from simengine.kernels.fields_transient import step_implicit, step_transient
rng = np.random.default_rng(12)
digest = hashlib.sha256()
for shape in ((3, 7, 6), (1, 9, 5), (2, 1, 4)):
    value, work = np.zeros(shape), field_work(*shape)
    source, loss = rng.random(shape), 10.0 ** rng.uniform(0.0, 3.0, shape)
    cycles = solve_steady(value, source, loss, 90.0, 1e-4, work)
    step_adi(value, 2.0 * source, loss, 9.0, 0.02, 2, work)
    step_implicit(value, 3.0 * source, loss, 90.0, 0.1, 1e-5, work)
    step_transient(value, source, 0.1 * loss, 900.0, 0.05, 4e-3, work)
    step_spectral(value, source, 2.0, 30.0, 0.1, cosine_basis(*shape), work)
    digest.update(value.tobytes() + np.array([cycles, step_mixed(1.0, 2.0, 3.0, 0.1)]).tobytes())
print(digest.hexdigest())
"""


def test_bits_are_the_same_without_the_compiler():
    """Every solver on small grids, odd and thin ones, compiled and as plain Python: one digest."""
    digests = [
        subprocess.run(
            [sys.executable, "-c", PRINT_BITS],
            env={**os.environ, "NUMBA_DISABLE_JIT": switch},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        for switch in ("0", "1")
    ]
    assert digests[0] == digests[1]


def test_treatment_follows_the_diffusion_length():
    """20 µm voxels, a patch of 400 µm, D = 3.6e5 µm²/h: lengths of 600, 200, 60 and 6 µm."""
    diffusion = 3.6e5
    assert diffusion_length_um(diffusion, 1.0) == pytest.approx(600.0)
    assert diffusion_length_um(diffusion, 0.0) == np.inf
    assert choose_treatment(diffusion, 1.0, 20.0, 400.0, 1.0) == WELL_MIXED
    assert choose_treatment(diffusion, 0.0, 20.0, 400.0, 1.0) == WELL_MIXED
    assert choose_treatment(diffusion, 9.0, 20.0, 400.0, 1.0) == STEADY
    assert choose_treatment(diffusion, 9.0, 20.0, 400.0, 0.1) == TRANSIENT
    assert choose_treatment(diffusion, 100.0, 20.0, 400.0, 0.1) == STEADY
    assert choose_treatment(diffusion, 1e4, 20.0, 400.0, 1.0) == LOCAL
    assert choose_treatment(0.0, 1.0, 20.0, 400.0, 1.0) == LOCAL
