/* Agents and a field in 3-D: deposit (every agent adds to its voxel) and gradient (central differences, no flux at walls).
 *
 * usage: gradient SIDE AGENTS TIMES deposit|scattered|sample|field
 *
 *   deposit    agents in order of their voxels (as the engine keeps them);
 *   scattered  the same in random order;
 *   sample     each agent, in order, reads the gradient at its voxel;
 *   field      the gradient of the whole grid is written, three arrays.
 *
 * Prints ns per agent, or per voxel for `field`.
 */
#include "clock.h"
#include <stdint.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;
static uint64_t draw(void) { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; }

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int side;
static double *field, *out[3];

static inline double slope(int i, int at, int stride) {
    int up = at < side - 1 ? stride : 0, down = at > 0 ? stride : 0;
    return 0.5 * (field[i + up] - field[i - down]);
}

static void whole_field(void) {
    int plane = side * side;
    for (int z = 0; z < side; z++)
        for (int y = 0; y < side; y++) {
            const double *restrict c = field + (size_t)z * plane + y * side;
            const double *restrict u = c + (z < side - 1 ? plane : 0), *restrict d = c - (z ? plane : 0);
            const double *restrict n = c + (y < side - 1 ? side : 0), *restrict s = c - (y ? side : 0);
            size_t here = c - field;
            double *restrict gx = out[0] + here, *restrict gy = out[1] + here, *restrict gz = out[2] + here;
            for (int x = 0; x < side; x++) gy[x] = 0.5 * (n[x] - s[x]), gz[x] = 0.5 * (u[x] - d[x]);
            for (int x = 1; x < side - 1; x++) gx[x] = 0.5 * (c[x + 1] - c[x - 1]);
            gx[0] = 0.5 * (c[1] - c[0]), gx[side - 1] = 0.5 * (c[side - 1] - c[side - 2]);
        }
}

int main(int count, char **word) {
    if (count != 5) return fprintf(stderr, "usage: gradient SIDE AGENTS TIMES deposit|scattered|sample|field\n"), 2;
    side = atoi(word[1]);
    int agents = atoi(word[2]), times = atoi(word[3]), voxels = side * side * side, *voxel = malloc(4 * (agents + 1));
    char way = word[4][1]; /* d-e, s-c, s-a, f-i */
    double *amount = malloc(8 * agents), *sum = calloc(agents, 8), check = 0;
    field = malloc(8 * voxels);
    for (int axis = 0; axis < 3; axis++) out[axis] = malloc(8 * voxels);
    for (int i = 0; i < voxels; i++) field[i] = draw() % 1000;
    for (int i = 0; i < agents; i++) voxel[i] = draw() % voxels, amount[i] = 1 + i % 3;
    if (way != 'c') qsort(voxel, agents, sizeof(int), by_number);
    whole_field();
    moment begun = now();
    for (int k = 0; k < times; k++) {
        if (way == 'e' || way == 'c')
            for (int i = 0; i < agents; i++) field[voxel[i]] += amount[i];
        else if (way == 'a')
            for (int i = 0; i < agents; i++) {
                int v = voxel[i], x = v % side, y = v / side % side, z = v / (side * side);
                sum[i] += slope(v, x, 1) + 2 * slope(v, y, side) + 3 * slope(v, z, side * side);
            }
        else
            whole_field();
        check += out[k % 3][k % voxels] + field[k % voxels];
    }
    for (int i = 0; i < agents; i++) check += sum[i];
    report(begun, (double)times * (way == 'i' ? voxels : agents), check);
    return 0;
}
