"""The small regressions against general optimisers, closed forms and cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from simengine.cohorts.calibration import calibration_line, cox_slopes
from simengine.cohorts.regressions import expit, fit_cox, fit_line, fit_logistic, logit

RNG = np.random.default_rng(7)


def made(n=80, ties=True):
    x = RNG.normal(size=(n, 3))
    time = RNG.exponential(np.exp(-x @ np.array([0.8, -0.4, 0.0])))
    time = np.ceil(time * 6) if ties else time
    return x, time, RNG.random(n) < 0.7


def test_a_logistic_regression_is_that_of_a_general_optimiser():
    x, _, _ = made()
    y = (RNG.random(len(x)) < expit(0.3 + x[:, 0])).astype(float)
    weight = RNG.uniform(0.5, 2.0, len(x))
    goal = np.array([1.0, 0.0, 0.0])

    def loss(beta):
        eta = beta[0] + x @ beta[1:]
        penalty = 0.5 * 2.5 * ((beta[1:] - goal) ** 2).sum()
        return (weight * (np.log1p(np.exp(eta)) - y * eta)).sum() + penalty

    found = fit_logistic(x, y, 2.5, weight, goal)
    reference = minimize(loss, np.zeros(4), tol=1e-12).x
    assert np.allclose([found.intercept, *found.slopes], reference, atol=2e-5)


def test_a_logistic_regression_on_one_category_is_the_logit_of_its_shares():
    x = np.array([[0.0]] * 10 + [[1.0]] * 10)
    y = np.array([1.0] * 2 + [0.0] * 8 + [1.0] * 6 + [0.0] * 4)
    found = fit_logistic(x, y)
    assert found.intercept == pytest.approx(math.log(2 / 8), abs=1e-8)
    assert found.slopes[0] == pytest.approx(math.log(6 / 4) - math.log(2 / 8), abs=1e-8)


def test_separated_outcomes_give_a_finite_answer():
    x = np.arange(10.0)[:, None]
    found = fit_logistic(x, (x[:, 0] > 4).astype(float))
    assert np.isfinite([found.intercept, *found.slopes]).all()
    assert np.isfinite(fit_logistic(x, np.ones(10), ridge=1.0).slopes).all()


def efron(beta, x, time, event, ridge):
    """Return minus the penalised log partial likelihood, written from Efron's formula with loops."""
    total = -0.5 * ridge * float(beta @ beta)
    for day in set(time[event]):
        dead = [i for i in range(len(time)) if event[i] and time[i] == day]
        risk = sum(math.exp(x[i] @ beta) for i in range(len(time)) if time[i] >= day)
        own = sum(math.exp(x[i] @ beta) for i in dead)
        total += sum(float(x[i] @ beta) for i in dead)
        total -= sum(math.log(risk - k * own / len(dead)) for k in range(len(dead)))
    return -total


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_a_cox_regression_is_that_of_a_general_optimiser_with_ties(ridge):
    x, time, event = made()
    assert len(np.unique(time[event])) < event.sum()  # there are ties
    found = fit_cox(x, time, event, ridge).slopes
    reference = minimize(efron, np.zeros(3), args=(x, time, event, ridge), tol=1e-10).x
    assert np.allclose(found, reference, atol=2e-5)
    goal = np.ones(3)
    drawn = minimize(lambda b: efron(b, x, time, event, 0.0) + 2 * ((b - goal) ** 2).sum(), goal, tol=1e-10).x
    assert np.allclose(fit_cox(x, time, event, 4.0, goal).slopes, drawn, atol=2e-5)


def test_a_cox_regression_by_hand():
    """The one with x = 1 dies first, then one with x = 0, the last is censored: b maximises b - log(e^b + 2)."""
    x, time = np.array([[1.0], [0.0], [0.0]]), np.array([1.0, 2.0, 3.0])
    found = fit_cox(x, time, np.array([True, True, False]), ridge=1.0)
    b = float(found.slopes[0])
    assert 1 - math.exp(b) / (math.exp(b) + 2) - b == pytest.approx(0, abs=1e-7)
    jumps = [1 / (math.exp(b) + 2), 1 / (math.exp(b) + 2) + 1 / 2]
    assert np.allclose(found.baseline, jumps)
    assert np.allclose(
        found.cumulative_hazard(np.array([[0.0]]), np.array([0.5, 1.0, 1.5, 9.0])), [[0, *jumps[:1] * 2, jumps[1]]]
    )


def test_censoring_counts_in_a_cox_regression():
    """A score that took last follow-ups for deaths, or left them out, would find another slope."""
    x, time, event = made(200, ties=False)
    right = fit_cox(x, time, event).slopes
    assert np.abs(right - fit_cox(x, time, np.ones(len(x), bool)).slopes).max() > 0.05
    assert np.abs(right - fit_cox(x[event], time[event], event[event]).slopes).max() > 0.05


def test_a_line_is_that_of_least_squares_and_ridge_shrinks_it_as_the_normal_equations_say():
    x = RNG.normal(size=(40, 2)) + 3
    y = 1 + x @ np.array([2.0, -1.0]) + RNG.normal(0, 0.1, 40)
    design = np.column_stack([np.ones(40), x])
    reference = np.linalg.lstsq(design, y, rcond=None)[0]
    found = fit_line(x, y)
    assert np.allclose([found.intercept, *found.slopes], reference)
    assert found.sd == pytest.approx(math.sqrt(((y - design @ reference) ** 2).sum() / 37))
    away = x - x.mean(axis=0)
    assert np.allclose(fit_line(x, y, 5.0).slopes, np.linalg.solve(away.T @ away + 5 * np.eye(2), away.T @ (y - y.mean())))


def test_the_calibration_line_is_a_logistic_regression_under_every_row_of_weights():
    x = RNG.normal(-0.5, 1.2, 150)
    y = (RNG.random(150) < expit(0.5 * x - 0.4)).astype(float)
    weights = np.vstack([np.ones(150), RNG.multinomial(150, np.full(150, 1 / 150), 3)]).astype(float)
    intercept, slope, alone = calibration_line(x, y, weights)
    for b, w in enumerate(weights):
        reference = fit_logistic(x[:, None], y, weight=w)
        assert intercept[b] == pytest.approx(reference.intercept, abs=1e-6)
        assert slope[b] == pytest.approx(reference.slopes[0], abs=1e-6)
        assert (w * expit(x + alone[b])).sum() == pytest.approx((w * y).sum())


def test_a_calibration_line_is_found_from_extreme_predictions():
    x = np.concatenate([np.full(20, -4.6), RNG.normal(0.5, 2.0, 78)])
    y = ((RNG.random(98) < 0.2) & (np.arange(98) >= 20)).astype(float)
    found, reference = calibration_line(x, y, np.ones((1, 98))), fit_logistic(x[:, None], y)
    assert (found[0][0], found[1][0]) == pytest.approx((reference.intercept, reference.slopes[0]), abs=1e-6)
    times, state = RNG.integers(1, 900, 98).astype(float), np.ones(98, int)
    slope = cox_slopes(50.0 * x, times, state, np.ones((1, 98)))[0]
    assert slope == pytest.approx(cox_slopes(x, times, state, np.ones((1, 98)))[0] / 50.0, rel=1e-6)


def test_predictions_that_are_right_have_slope_1_and_too_extreme_ones_less():
    x = np.repeat(logit(np.array([0.2, 0.5, 0.8])), 100)
    y = np.concatenate([np.arange(100) < 100 * p for p in (0.2, 0.5, 0.8)]).astype(float)
    one = np.ones((1, 300))
    assert calibration_line(x, y, one)[1][0] == pytest.approx(1.0)
    assert calibration_line(2 * x, y, one)[1][0] == pytest.approx(0.5)
    assert calibration_line(x + 1, y, one)[2][0] == pytest.approx(-1.0)


def test_a_calibration_line_that_is_not_determined_is_not_told():
    one = np.ones((1, 6))
    assert np.isnan(calibration_line(np.zeros(6), np.array([0, 0, 1, 1, 0, 1.0]), one)[1][0])
    assert np.isnan(calibration_line(np.arange(6.0), np.zeros(6), one)[2][0])
    assert np.isnan(calibration_line(np.arange(6.0), (np.arange(6) > 2).astype(float), one)[1][0])


def test_the_cox_slope_of_calibration_is_that_of_the_regression_without_ties():
    x, time, event = made(120, ties=False)
    found = cox_slopes(x[:, 0], time, event.astype(int), np.ones((1, 120)))
    assert found[0] == pytest.approx(fit_cox(x[:, :1], time, event).slopes[0], abs=1e-6)


def test_weights_of_the_cox_slope_are_patients_who_stand_several_times():
    x, time, event = made(60, ties=False)
    weights = RNG.multinomial(60, np.full(60, 1 / 60))
    twice = np.repeat(np.arange(60), weights)

    def breslow(beta):
        eta = beta[0] * x[twice, 0]
        at_risk = [np.exp(eta[time[twice] >= day]).sum() for day in time[twice]]
        return -(event[twice] * (eta - np.log(at_risk))).sum()

    found = cox_slopes(x[:, 0], time, event.astype(int), weights[None, :].astype(float))
    assert found[0] == pytest.approx(minimize(breslow, [0.0], tol=1e-10).x[0], abs=1e-4)
