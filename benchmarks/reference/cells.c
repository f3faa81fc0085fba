/* What plain C needs for one step of pair forces between cells: the yardstick of the mechanics benchmark.
 *
 * usage: cells AGENTS STEPS list|pairs|verlet
 *
 * Cells of one radius start in hexagonal close packing (spacing 15.5 um, jitter 5 %) in shuffled memory order. Each
 * step sorts all cells into the bins of a grid (counting sort, every array moved), computes velocities by repulsion
 * 10 (1 - d/R)^2 below R = 2 r and adhesion 0.4 (1 - d/S)^2 below S = 1.25 R, and moves the cells by 0.1 min.
 *
 *   list    the usual cell list: every cell looks through its 27 bins, every pair is met from both sides;
 *   pairs   the recipe of simengine/kernels/forces.py: candidates of a bin copied once, every pair met once;
 *   verlet  a list of neighbours within reach + 2 um for each cell, made anew (with the sort) every tenth step.
 *
 * Prints the mean number of neighbours, ns per agent and step (set-up and two steps left out), and the sum of |velocity|
 * along x, a check that all ways compute the same thing.
 */
#include "clock.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { X, Y, Z, R, ROWS };
enum { SLOTS = 48, RENEWED = 10 };
static const double SPACING = 15.5, RADIUS = 8.412710547954228, REACH = 1.25, PUSH = 10.0, HOLD = 0.4, MINUTES = 0.1,
                    SKIN = 2.0;

static uint64_t state = 88172645463325252ull;
static double uniform(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state >> 11) * 0x1p-53;
}

static double *cell[ROWS], *sorted[ROWS], *velocity[3];
static int *bin_of, *start, *cursor;
static int n, across, bins;
static double edge, low;

static int place_cells(int wanted) {
    double a = SPACING, side = cbrt(wanted * a * a * a / sqrt(2.0));
    int k, j, i, made = 0;
    for (k = 0; made < wanted; k++)
        for (j = 0; made < wanted; j++) {
            double y = j * a * sqrt(3.0) / 2 + (k % 2) * a * sqrt(3.0) / 6;
            if (y > side) break;
            for (i = 0; made < wanted; i++) {
                double x = i * a + ((j + k) % 2) * a / 2;
                if (x > side) break;
                cell[X][made] = x + (uniform() - 0.5) * 0.1 * a;
                cell[Y][made] = y + (uniform() - 0.5) * 0.1 * a;
                cell[Z][made] = k * a * sqrt(2.0 / 3.0) + (uniform() - 0.5) * 0.1 * a;
                cell[R][made++] = RADIUS;
            }
        }
    for (i = made - 1; i > 0; i--) {
        j = (int)(uniform() * (i + 1));
        for (k = 0; k < ROWS; k++) {
            double t = cell[k][i];
            cell[k][i] = cell[k][j], cell[k][j] = t;
        }
    }
    return (int)ceil((side + 120.0) / edge) + 2;
}

static void sort_into_bins(void) {
    memset(cursor, 0, sizeof(int) * (bins + 1));
    for (int i = 0; i < n; i++) {
        int ix = (int)((cell[X][i] - low) / edge) + 1, iy = (int)((cell[Y][i] - low) / edge) + 1,
            iz = (int)((cell[Z][i] - low) / edge) + 1;
        bin_of[i] = ix + across * (iy + across * iz);
        cursor[bin_of[i]]++;
    }
    int before = 0;
    for (int b = 0; b < bins; b++) start[b] = before, before += cursor[b], cursor[b] = start[b];
    start[bins] = before;
    for (int i = 0; i < n; i++) {
        int k = cursor[bin_of[i]]++;
        for (int row = 0; row < ROWS; row++) sorted[row][k] = cell[row][i];
    }
    for (int row = 0; row < ROWS; row++) {
        double *t = cell[row];
        cell[row] = sorted[row], sorted[row] = t;
    }
}

static long forces_list(void) {
    const double *restrict xs = cell[X], *restrict ys = cell[Y], *restrict zs = cell[Z], *restrict rs = cell[R];
    double *restrict vx = velocity[X], *restrict vy = velocity[Y], *restrict vz = velocity[Z];
    long met = 0;
    for (int b = 0; b < bins; b++)
        for (int i = start[b]; i < start[b + 1]; i++) {
            double x = xs[i], y = ys[i], z = zs[i], r = rs[i], fx = 0, fy = 0, fz = 0;
            for (int jz = -1; jz <= 1; jz++)
                for (int jy = -1; jy <= 1; jy++) {
                    int row = b + across * (jy + across * jz), end = start[row + 2];
                    for (int j = start[row - 1]; j < end; j++) {
                        double dx = x - xs[j], dy = y - ys[j], dz = z - zs[j];
                        double d2 = dx * dx + dy * dy + dz * dz, both = r + rs[j], reach = REACH * both;
                        if (d2 < reach * reach && j != i) {
                            double d = sqrt(d2), hold = 1 - d / reach, f = -HOLD * hold * hold;
                            if (d < both) f += PUSH * (1 - d / both) * (1 - d / both);
                            f /= d;
                            fx += f * dx, fy += f * dy, fz += f * dz;
                            met++;
                        }
                    }
                }
            vx[i] = fx, vy[i] = fy, vz[i] = fz;
        }
    return met;
}

static long forces_pairs(void) {
    static double *near_cell[ROWS], *gap;
    static int *source, *kept;
    if (!gap) {
        for (int row = 0; row < ROWS; row++) near_cell[row] = malloc(8 * n);
        gap = malloc(8 * n), source = malloc(4 * n), kept = malloc(4 * (n + 1));
    }
    static const int later[4][2] = {{1, 0}, {-1, 1}, {0, 1}, {1, 1}};
    for (int axis = 0; axis < 3; axis++) memset(velocity[axis], 0, 8 * n);
    long met = 0;
    for (int b = 0; b < bins; b++) {
        int own = start[b + 1] - start[b], m = 0;
        if (!own) continue;
        for (int run = -1; run < 4; run++) {
            int row = run < 0 ? b : b + across * (later[run][0] + across * later[run][1]);
            int begin = run < 0 ? start[b] : start[row - 1], length = start[row + 2] - begin;
            for (int k = 0; k < ROWS; k++)
                for (int j = 0; j < length; j++) near_cell[k][m + j] = cell[k][begin + j];
            for (int j = 0; j < length; j++) source[m + j] = begin + j;
            m += length;
        }
        for (int a = 0; a < own; a++) {
            double x = near_cell[X][a], y = near_cell[Y][a], z = near_cell[Z][a], r = near_cell[R][a];
            double fx = 0, fy = 0, fz = 0;
            int count = 0;
            for (int j = a + 1; j < m; j++) {
                double dx = near_cell[X][j] - x, dy = near_cell[Y][j] - y, dz = near_cell[Z][j] - z;
                double reach = REACH * (near_cell[R][j] + r);
                gap[j] = dx * dx + dy * dy + dz * dz - reach * reach;
            }
            for (int j = a + 1; j < m; j++) kept[count] = j, count += gap[j] < 0;
            for (int k = 0; k < count; k++) {
                int j = kept[k], other = source[j];
                double dx = near_cell[X][j] - x, dy = near_cell[Y][j] - y, dz = near_cell[Z][j] - z;
                double d = sqrt(dx * dx + dy * dy + dz * dz), q = d / (near_cell[R][j] + r);
                double push = fmax(1 - q, 0), hold = 1 - q / REACH, f = (HOLD * hold * hold - PUSH * push * push) / d;
                fx += f * dx, fy += f * dy, fz += f * dz;
                velocity[X][other] -= f * dx, velocity[Y][other] -= f * dy, velocity[Z][other] -= f * dz;
            }
            velocity[X][start[b] + a] += fx, velocity[Y][start[b] + a] += fy, velocity[Z][start[b] + a] += fz;
            met += 2 * count;
        }
    }
    return met;
}

static void list_neighbours(int *restrict neighbour, int *restrict known) {
    const double *restrict xs = cell[X], *restrict ys = cell[Y], *restrict zs = cell[Z], *restrict rs = cell[R];
    for (int b = 0; b < bins; b++)
        for (int i = start[b]; i < start[b + 1]; i++) {
            int *own = neighbour + (size_t)i * SLOTS, m = 0;
            double x = xs[i], y = ys[i], z = zs[i], r = rs[i];
            for (int jz = -1; jz <= 1; jz++)
                for (int jy = -1; jy <= 1; jy++) {
                    int row = b + across * (jy + across * jz), end = start[row + 2];
                    for (int j = start[row - 1]; j < end; j++) {
                        double dx = x - xs[j], dy = y - ys[j], dz = z - zs[j], reach = REACH * (r + rs[j]) + SKIN;
                        own[m] = j, m += (dx * dx + dy * dy + dz * dz < reach * reach) & (j != i);
                        if (m == SLOTS) m--;
                    }
                }
            known[i] = m;
        }
}

static long forces_verlet(int renew) {
    static int *neighbour, *known;
    const double *restrict xs = cell[X], *restrict ys = cell[Y], *restrict zs = cell[Z], *restrict rs = cell[R];
    long met = 0;
    if (!neighbour) neighbour = malloc(4 * (size_t)SLOTS * n), known = malloc(4 * n);
    if (renew) list_neighbours(neighbour, known);
    for (int i = 0; i < n; i++) {
        const int *restrict own = neighbour + (size_t)i * SLOTS;
        double x = xs[i], y = ys[i], z = zs[i], r = rs[i], fx = 0, fy = 0, fz = 0;
        int count = 0;
        for (int k = 0; k < known[i]; k++) {
            int j = own[k];
            double dx = x - xs[j], dy = y - ys[j], dz = z - zs[j];
            double d = sqrt(dx * dx + dy * dy + dz * dz), q = d / (r + rs[j]), push = 1 - q, hold = 1 - q / REACH;
            push = push > 0 ? push : 0, count += hold > 0, hold = hold > 0 ? hold : 0;
            double f = (PUSH * push * push - HOLD * hold * hold) / d;
            fx += f * dx, fy += f * dy, fz += f * dz;
        }
        velocity[X][i] = fx, velocity[Y][i] = fy, velocity[Z][i] = fz;
        met += count;
    }
    return met;
}

int main(int count, char **word) {
    if (count != 4) return 2;
    int steps = atoi(word[2]), pairs = word[3][0] == 'p', verlet = word[3][0] == 'v';
    n = atoi(word[1]), edge = 2 * RADIUS * REACH + (verlet ? SKIN : 0), low = -50.0;
    for (int row = 0; row < ROWS; row++) cell[row] = malloc(8 * n), sorted[row] = malloc(8 * n);
    for (int axis = 0; axis < 3; axis++) velocity[axis] = malloc(8 * n);
    bin_of = malloc(4 * n), across = place_cells(n), bins = across * across * across;
    start = malloc(4 * (bins + 1)), cursor = malloc(4 * (bins + 1));
    double moved = 0;
    moment begun = now();
    long met = 0;
    for (int step = -2; step < steps; step++) {
        if (step == 0) begun = now();
        int renew = !verlet || (step + 2) % RENEWED == 0;
        if (renew) sort_into_bins();
        met = verlet ? forces_verlet(renew) : pairs ? forces_pairs() : forces_list();
        for (int axis = 0; axis < 3; axis++)
            for (int i = 0; i < n; i++) cell[axis][i] += MINUTES * velocity[axis][i];
    }
    printf("neighbours %.4f ", (double)met / n);
    for (int i = 0; i < n; i++) moved += fabs(velocity[X][i]);
    report(begun, (double)n * steps, moved);
    return 0;
}
