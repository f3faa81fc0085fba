/* What C does on a first-order diffusion step: locally one-dimensional implicit solves along x, y and z.
 *
 * usage: diffusion NX NY NZ SUBSTRATES STEPS
 *
 * One decay rate for the whole grid, no flux at the walls, double precision, x fastest, one array a substrate. The pivots
 * depend on the line alone, so they are made once and nothing is divided in the loop. Lines along x are solved eight at a
 * time in a small tile, those along y and z side by side along x. A layer is done along x and y while it is in the cache.
 * Prints ns per voxel, substrate and step; check: the mean of the first substrate.
 */
#include "clock.h"

enum { LANES = 8 };
static const double EXCHANGE = 2.5, DECAY = 1e-3; /* in one step */

typedef struct {
    int n;
    double *pivot;
} line;

static line prepare(int n, double decay) {
    line l = {n, malloc(n * sizeof(double))};
    for (int i = 0; i < n; i++) {
        double d = 1 + decay + EXCHANGE * ((i > 0) + (i < n - 1));
        if (i > 0) d -= EXCHANGE * EXCHANGE * l.pivot[i - 1];
        l.pivot[i] = 1 / d;
    }
    return l;
}

static void solve_rows(double *restrict u, line l, int rows, double *restrict tile) {
    int row = 0, n = l.n;
    for (; row + LANES <= rows; row += LANES) {
        double *restrict r = u + (size_t)row * n;
        for (int b = 0; b < LANES; b++) tile[b] = r[(size_t)b * n] * l.pivot[0];
        for (int i = 1; i < n; i++) {
            double *now = tile + i * LANES, *last = now - LANES, p = l.pivot[i];
            for (int b = 0; b < LANES; b++) now[b] = p * (r[(size_t)b * n + i] + EXCHANGE * last[b]);
        }
        for (int b = 0; b < LANES; b++) r[(size_t)b * n + n - 1] = tile[(n - 1) * LANES + b];
        for (int i = n - 2; i >= 0; i--) {
            double *now = tile + i * LANES, *next = now + LANES, p = EXCHANGE * l.pivot[i];
            for (int b = 0; b < LANES; b++) {
                now[b] += p * next[b];
                r[(size_t)b * n + i] = now[b];
            }
        }
    }
    for (; row < rows; row++) {
        double *restrict r = u + (size_t)row * n;
        r[0] *= l.pivot[0];
        for (int i = 1; i < n; i++) r[i] = l.pivot[i] * (r[i] + EXCHANGE * r[i - 1]);
        for (int i = n - 2; i >= 0; i--) r[i] += EXCHANGE * l.pivot[i] * r[i + 1];
    }
}

static void solve_across(double *u, line l, size_t stride, int width) {
    for (int x = 0; x < width; x++) u[x] *= l.pivot[0];
    for (int i = 1; i < l.n; i++) {
        double *restrict now = u + i * stride, *restrict last = now - stride, p = l.pivot[i];
        for (int x = 0; x < width; x++) now[x] = p * (now[x] + EXCHANGE * last[x]);
    }
    for (int i = l.n - 2; i >= 0; i--) {
        double *restrict now = u + i * stride, *restrict next = now + stride, p = EXCHANGE * l.pivot[i];
        for (int x = 0; x < width; x++) now[x] += p * next[x];
    }
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "usage: diffusion NX NY NZ SUBSTRATES STEPS\n"), 2;
    int nx = atoi(argv[1]), ny = atoi(argv[2]), nz = atoi(argv[3]), substrates = atoi(argv[4]), steps = atoi(argv[5]);
    size_t plane = (size_t)nx * ny, voxels = plane * nz;
    double share = DECAY / (nz > 1 ? 3 : 2), total = 0, **field = malloc(substrates * sizeof *field);
    double *tile = malloc(LANES * nx * sizeof(double));
    line x = prepare(nx, share), y = prepare(ny, share), z = prepare(nz, share);
    for (int s = 0; s < substrates; s++) {
        field[s] = aligned_alloc(64, (voxels * sizeof(double) + 63) / 64 * 64);
        for (size_t i = 0; i < voxels; i++) field[s][i] = 1 + 0.25 * ((i * 7 + s) % 5);
    }
    moment begun = now();
    for (int step = -2; step < steps; step++) {
        if (step == 0) begun = now();
        for (int s = 0; s < substrates; s++) {
            for (int k = 0; k < nz; k++) {
                solve_rows(field[s] + k * plane, x, ny, tile);
                solve_across(field[s] + k * plane, y, nx, nx);
            }
            for (int j = 0; nz > 1 && j < ny; j++) solve_across(field[s] + (size_t)j * nx, z, plane, nx);
        }
    }
    for (size_t i = 0; i < voxels; i++) total += field[0][i];
    report(begun, (double)voxels * substrates * steps, total / voxels);
    return 0;
}
