"""A multigrid cycle for the steady diffusion equation, made of straight runs through memory.

The equation is ``(loss - Laplace) c = source`` with the exchange rate between neighbouring voxels as unit, walls
without flux, and a loss of its own in every voxel. Columns of voxels along z are solved exactly; in the plane the grid is
coarsened by two, level by level, down to one column.

The columns of a level are kept as four *blocks*, by the parity of (y, x): first the red colour (even-even, odd-odd),
then the black one (even-odd, odd-even). A column's four neighbours in the plane are of the other colour and lie at the
same place of their block, or one column or row beside it. So every loop runs straight through memory and is vectorised,
a coarse column is made of one column of each block, and solving one colour at a time is Gauss-Seidel relaxation.
Each row of a block ends with one empty place and each layer with an empty row. They stay at zero: nothing flows in from
them, and as a voxel's neighbour count leaves them out, nothing flows out. Odd sizes only leave a few more places empty.

Layout of a level: ``[colour][layer][block of the colour][row][column]``, its place and shape a row of the *plan*.
Indices are unsigned inside loops, because a signed one would be tested for being negative and keep the loop scalar.

Source: A. Brandt, Multi-level adaptive solutions to boundary-value problems, Math. Comp. 31 (1977) 333-390;
U. Trottenberg, C. Oosterlee, A. Schueller, *Multigrid*, Academic Press 2001, chapters 4-5 (line relaxation, colours).
Checked in ``tests/analytic/test_fields.py``; timings behind the choice in ``benchmarks/decisions/field_solver.py``.
"""

from __future__ import annotations

import numpy as np

from simengine.foundation.jit import inlined, kernel

__all__ = ["PLAN_SHAPE", "count_neighbours", "cycle", "factorise", "gather", "multiply", "plan_levels", "scatter"]

U = np.uint64

START, LAYERS, ROWS, COLUMNS, STRIDE, PLANE = range(6)  # columns of the plan
PLAN_SHAPE = (64, 6)


@kernel
def _round_up(n):
    """Return the next multiple of 16: loops of such a length have no slow remainder."""
    return (n + 15) // 16 * 16


@kernel
def plan_levels(layers, rows, columns, out_plan):
    """Lay out the levels of a grid; return their number and the length of one array over all of them.

    Parameters
    ----------
    layers, rows, columns : int
        Shape (z, y, x) of the finest level.
    out_plan : int64[PLAN_SHAPE]
        One row a level: place of its first value, layers, rows, columns, places in a row of a block, places in a layer.
        Layers merge into one as soon as a coarse column is as wide as the grid is thick.
    """
    levels = place = 0
    while True:
        stride = (columns + 1) // 2 + 1
        plane = _round_up(((rows + 1) // 2 + 1) * stride)
        place = _round_up(place + stride + 1)
        out_plan[levels, START] = place
        out_plan[levels, LAYERS] = layers
        out_plan[levels, ROWS] = rows
        out_plan[levels, COLUMNS] = columns
        out_plan[levels, STRIDE] = stride
        out_plan[levels, PLANE] = plane
        place += 4 * layers * plane
        levels += 1
        if rows == 1 and columns == 1:
            return levels, _round_up(place + stride + 1)
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
        if (1 << levels) > layers:
            layers = 1


@kernel
def _place(level, colour, layer):
    """Return where the two blocks of a colour begin in a layer."""
    return level[START] + (colour * level[LAYERS] + layer) * 2 * level[PLANE]


@kernel
def _row_of_block(level, layer, row, odd):
    """Return where the even (or odd) columns of a row lie: in the block of that colour, at half the row."""
    return _place(level, (row + odd) % 2, layer) + (row % 2) * level[PLANE] + (row // 2) * level[STRIDE]


@kernel
def gather(field, start, width, factor, offset, level, layer, out):
    """Write ``factor * field + offset`` of one layer into the blocks of a level.

    The layer lies in the flat ``field`` from ``start`` on, ``width`` places from row to row.
    """
    pairs = U(level[COLUMNS] // 2)
    for row in range(level[ROWS]):
        here = U(start + row * width)
        even = U(_row_of_block(level, layer, row, 0))
        odd = U(_row_of_block(level, layer, row, 1))
        for i in range(pairs):
            out[even + i] = factor * field[here + U(2) * i] + offset
            out[odd + i] = factor * field[here + U(2) * i + U(1)] + offset
        if level[COLUMNS] % 2 == 1:
            out[even + pairs] = factor * field[here + U(2) * pairs] + offset


@kernel
def scatter(blocks, level, layer, start, width, out_field):
    """Write one layer of a level's blocks to the flat ``out_field``: the reverse of ``gather``."""
    pairs = U(level[COLUMNS] // 2)
    for row in range(level[ROWS]):
        here = U(start + row * width)
        even = U(_row_of_block(level, layer, row, 0))
        odd = U(_row_of_block(level, layer, row, 1))
        for i in range(pairs):
            out_field[here + U(2) * i] = blocks[even + i]
            out_field[here + U(2) * i + U(1)] = blocks[odd + i]
        if level[COLUMNS] % 2 == 1:
            out_field[here + U(2) * pairs] = blocks[even + pairs]


@inlined
def count_neighbours(plan, levels, scratch, out_count):
    """Write every voxel's exchange with its neighbours: 1 with each in the plane, 4**level with each above or below."""
    climb = 1.0
    for k in range(levels):
        level = plan[k]
        rows, columns = level[ROWS], level[COLUMNS]
        for layer in range(level[LAYERS]):
            vertical = climb * (min(layer, 1) + min(level[LAYERS] - 1 - layer, 1))
            for y in range(rows):
                across = vertical + min(y, 1) + min(rows - 1 - y, 1)
                for x in range(columns):
                    scratch[y * columns + x] = across + min(x, 1) + min(columns - 1 - x, 1)
            gather(scratch, 0, columns, 1.0, 0.0, level, layer, out_count)
        climb *= 4.0


@inlined
def factorise(count, diagonal, inverse, scratch, plan, levels):
    """Build every level from the losses of the finest: coarse losses, diagonals, and the pivots of the columns.

    Parameters
    ----------
    count : float64[all levels]
        From ``count_neighbours``.
    diagonal : float64[all levels]
        In: the losses on the finest level, in units of the exchange rate. Out: diagonals of the matrix on all levels.
    inverse : float64[all levels]
        Out: one over the pivots of Thomas' elimination along z; zero at empty places.

    Notes
    -----
    In units of its own exchange rate, a quarter of the finer one, a coarse voxel's loss is the plain sum of its parts'
    losses, and so is its source.
    """
    climb = 1.0
    for k in range(levels):
        if k < levels - 1:
            _coarsen_loss(diagonal, scratch, plan[k], plan[k + 1])
        for colour in range(2):
            for layer in range(plan[k, LAYERS]):
                here = U(_place(plan[k], colour, layer))
                _write_pivots(count, diagonal, inverse, here, U(2 * plan[k, PLANE]), climb * min(layer, 1))
        climb *= 4.0


@kernel
def _write_pivots(count, diagonal, inverse, here, n, climb):
    """Write diagonals and one over the pivots of two blocks; the layer below lies before them, if ``climb`` is not zero."""
    under = here - n if climb > 0.0 else here
    for i in range(n):
        diagonal[here + i] += count[here + i]
        pivot = diagonal[here + i] - climb * climb * inverse[under + i]
        inverse[here + i] = 1.0 / pivot if pivot > 0.0 else 0.0


@kernel
def _coarsen_loss(loss, scratch, fine, coarse):
    """Write the losses of a coarse level, each the sum over its parts (the mean over layers that merge)."""
    n = U(fine[PLANE])
    for layer in range(fine[LAYERS]):
        if layer < coarse[LAYERS]:
            scratch[: fine[PLANE]] = 0.0
        for colour in range(2):
            even = U(_place(fine, colour, layer))
            odd = even + n
            for i in range(n):
                scratch[i] += loss[even + i] + loss[odd + i]
        _hand_down(scratch, fine, coarse, layer, loss)


@kernel
def _hand_down(scratch, fine, coarse, layer, out):
    """Write a finished layer of sums to the coarse level; one that merges is finished with its last layer."""
    if coarse[LAYERS] == fine[LAYERS] or layer == fine[LAYERS] - 1:
        share = coarse[LAYERS] / fine[LAYERS]
        gather(scratch, 0, fine[STRIDE], share, 0.0, coarse, min(layer, coarse[LAYERS] - 1), out)


@kernel
def _relax_first(value, source, inverse, level, climb):
    """Solve the red columns with all neighbours at zero."""
    n = U(2 * level[PLANE])
    here = U(_place(level, 0, 0))
    for i in range(n):
        value[here + i] = inverse[here + i] * source[here + i]
    for _layer in range(1, level[LAYERS]):
        under = here
        here += n
        for i in range(n):
            value[here + i] = inverse[here + i] * (source[here + i] + climb * value[under + i])
    _substitute_back(value, inverse, level, 0, climb)


@kernel
def _substitute_back(value, inverse, level, colour, climb):
    """Finish the columns of a colour from the top layer down."""
    n = U(2 * level[PLANE])
    bottom = U(_place(level, colour, 0))
    here = U(_place(level, colour, level[LAYERS] - 1))
    while here > bottom:  # counted loops over layers would be checked for overlap as a whole, and run unvectorised
        over = here
        here -= n
        for i in range(n):
            value[here + i] += climb * inverse[here + i] * value[over + i]


@kernel
def _stencil(level, colour, block, layer):
    """Return where a block lies in a layer, its neighbours in the plane (two beside, two before and behind), its length."""
    n = level[PLANE]
    here = _place(level, colour, layer) + block * n
    beside = _place(level, 1 - colour, layer) + block * n
    across = _place(level, 1 - colour, layer) + (1 - block) * n
    side = 1 if colour != block else -1
    row = level[STRIDE] if block == 1 else -level[STRIDE]
    return U(here), U(beside), U(beside + side), U(across), U(across + row), U(n)


@kernel
def _relax(value, source, inverse, level, colour, climb):
    """Solve the columns of one colour with the other colour as it stands."""
    for layer in range(level[LAYERS]):
        for block in range(2):
            _eliminate(value, source, inverse, _stencil(level, colour, block, layer), climb * min(layer, 1))
    _substitute_back(value, inverse, level, colour, climb)


@kernel
def _eliminate(value, source, inverse, stencil, climb):
    """Write the eliminated values of a block; the layer below is two blocks before it, and none where ``climb`` is zero."""
    here, a, b, c, d, n = stencil
    under = here - U(2) * n if climb > 0.0 else here
    for i in range(n):
        flow = (value[a + i] + value[b + i]) + (value[c + i] + value[d + i])
        value[here + i] = inverse[here + i] * ((source[here + i] + flow) + climb * value[under + i])


@kernel
def _restrict(value, source, inverse, scratch, fine, coarse):
    """Write the coarse sources: what the red columns lack since the black ones were solved (these lack nothing)."""
    n = U(fine[PLANE])
    row = U(fine[STRIDE])
    for layer in range(fine[LAYERS]):
        if layer < coarse[LAYERS]:
            scratch[: fine[PLANE]] = 0.0
        red = U(_place(fine, 0, layer)) + n
        a = U(_place(fine, 1, layer))
        b = a + n
        for i in range(n):
            common = value[a + i] + value[b + i]
            even = common + (value[a + i - U(1)] + value[b + i - row])
            odd = common + (value[a + i + row] + value[b + i + U(1)])
            scratch[i] += even + (odd if inverse[red + i] > 0.0 else 0.0)
        _hand_down(scratch, fine, coarse, layer, source)


@kernel
def _prolong(value, inverse, scratch, fine, coarse):
    """Add the coarse values to the red columns; the black ones are solved next and need none."""
    n = U(fine[PLANE])
    scratch[: fine[PLANE]] = 0.0
    for layer in range(fine[LAYERS]):
        if layer < coarse[LAYERS]:
            scatter(value, coarse, layer, 0, fine[STRIDE], scratch)
        even = U(_place(fine, 0, layer))
        odd = even + n
        for i in range(n):
            value[even + i] += scratch[i]
            value[odd + i] += scratch[i] if inverse[odd + i] > 0.0 else 0.0


@inlined
def cycle(source, inverse, scratch, plan, levels, out_value):
    """Write an approximate solution for ``source``: one V-cycle from zero, a symmetric positive definite operator.

    Parameters
    ----------
    source : float64[all levels]
        Right-hand side on the finest level, in units of the exchange rate; coarse levels are overwritten.
    inverse : float64[all levels]
        Pivots from ``factorise``.
    scratch : float64[all levels]
        Overwritten.
    out_value : float64[all levels]
        The solution on the finest level; the error left is 0.2-0.5 of it. Empty places must be zero and stay so.
    """
    climb = 1.0
    for k in range(levels - 1):
        _relax_first(out_value, source, inverse, plan[k], climb)
        _relax(out_value, source, inverse, plan[k], 1, climb)
        _restrict(out_value, source, inverse, scratch, plan[k], plan[k + 1])
        climb *= 4.0
    _relax_first(out_value, source, inverse, plan[levels - 1], climb)
    for k in range(levels - 2, -1, -1):
        climb *= 0.25
        _prolong(out_value, inverse, scratch, plan[k], plan[k + 1])
        _relax(out_value, source, inverse, plan[k], 1, climb)
        _relax(out_value, source, inverse, plan[k], 0, climb)


@kernel
def multiply(value, diagonal, level, out):
    """Write ``(loss - Laplace) value`` on the finest level; what lands in empty places is meaningless."""
    top = level[LAYERS] - 1
    for colour in range(2):
        for layer in range(level[LAYERS]):
            for block in range(2):
                stencil = _stencil(level, colour, block, layer)
                _multiply_block(value, diagonal, stencil, 1.0 * min(layer, 1), 1.0 * min(top - layer, 1), out)


@kernel
def _multiply_block(value, diagonal, stencil, below, above, out):
    """Write the product for one block; ``below`` and ``above`` are 1 where there is such a layer, else 0."""
    here, a, b, c, d, n = stencil
    under = here - U(2) * n if below > 0.0 else here
    over = here + U(2) * n if above > 0.0 else here
    for i in range(n):
        flow = (value[a + i] + value[b + i]) + (value[c + i] + value[d + i])
        flow += below * value[under + i] + above * value[over + i]
        out[here + i] = diagonal[here + i] * value[here + i] - flow
