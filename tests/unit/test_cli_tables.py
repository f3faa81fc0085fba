"""What the table of a summary shows of a number."""

import pytest

from simengine.cli.tables import _decimals


@pytest.mark.parametrize(
    ("mean", "error", "decimals"),
    [(0.0, 0.0, 0), (100.0, 4.0, 0), (13.0, 0.2, 1), (13.0, 0.0, 0), (3.1, 0.2, 1), (0.78, 0.09, 2), (1e-9, 1e-9, 4)],
)
def test_a_table_shows_two_digits_of_the_mean_and_one_of_its_error(mean, error, decimals):
    """`9 ± 0` would hide the error of a mean that is known to a tenth."""
    assert _decimals(mean, error) == decimals
