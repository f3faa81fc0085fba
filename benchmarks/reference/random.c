/* Threefry2x64-20 uniforms in (0, 1): in bulk, or four for each agent of a list that are used and not stored.
 *
 * usage: random NUMBERS TIMES bulk|agents
 *
 * Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011). Prints ns per number.
 */
#include "clock.h"
#include <stdint.h>
#include <string.h>

static inline uint64_t turned(uint64_t x, int left) { return x << left | x >> (64 - left); }

#define ROUND(left) x += y, y = turned(y, left) ^ x

static inline void threefry(uint64_t k0, uint64_t k1, uint64_t *c0, uint64_t *c1) {
    const uint64_t k2 = 0x1BD11BDAA9FC1A22ull ^ k0 ^ k1;
    uint64_t x = *c0 + k0, y = *c1 + k1;
    ROUND(16), ROUND(42), ROUND(12), ROUND(31), x += k1, y += k2 + 1;
    ROUND(16), ROUND(32), ROUND(24), ROUND(21), x += k2, y += k0 + 2;
    ROUND(16), ROUND(42), ROUND(12), ROUND(31), x += k0, y += k1 + 3;
    ROUND(16), ROUND(32), ROUND(24), ROUND(21), x += k1, y += k2 + 4;
    ROUND(16), ROUND(42), ROUND(12), ROUND(31), x += k2, y += k0 + 5;
    *c0 = x, *c1 = y;
}

/* The 53 upper bits, zero moved to one; without a branch, so that lanes can do it side by side. */
static inline double unit(uint64_t bits) {
    uint64_t top = bits >> 11;
    return (double)(int64_t)(top | !top) * 0x1p-53;
}

static void fill(int n, uint64_t when, double *restrict first, double *restrict second) {
    for (int i = 0; i < n; i++) {
        uint64_t a = i, b = when;
        threefry(1, 2, &a, &b);
        first[i] = unit(a), second[i] = unit(b);
    }
}

int main(int count, char **word) {
    if (count != 4) return fprintf(stderr, "usage: random NUMBERS TIMES bulk|agents\n"), 2;
    int n = atoi(word[1]) / 4 * 4, times = atoi(word[2]), bulk = !strcmp(word[3], "bulk");
    double *out = calloc(n, 8), total = 0;
    uint64_t *identity = malloc(8 * n);
    for (int i = 0; i < n; i++) identity[i] = i * 0x9E3779B97F4A7C15ull;
    fill(n / 2, 0, out, out + n / 2);
    moment begun = now();
    for (int k = 0; k < times; k++) {
        if (bulk) {
            fill(n / 2, k, out, out + n / 2);
            total += out[k % n];
        } else
            for (int i = 0; i < n / 4; i++) {
                uint64_t a = identity[i], b = k, c = identity[i], d = k | 1ull << 40;
                threefry(1, 2, &a, &b), threefry(1, 2, &c, &d);
                total += unit(a) * unit(b) + unit(c) * unit(d);
            }
    }
    report(begun, (double)n * times, total);
    return 0;
}
