/* Memory bandwidth: a = b + s * c over three arrays of doubles (the triad of J. McCalpin's STREAM).
 *
 * usage: triad MEGABYTES_PER_ARRAY TIMES
 *
 * Prints ns per element, of which 24 bytes move: 24 / ns is GB/s.
 */
#include "clock.h"

int main(int count, char **word) {
    if (count != 3) return fprintf(stderr, "usage: triad MEGABYTES_PER_ARRAY TIMES\n"), 2;
    size_t n = (size_t)(atof(word[1]) * 1e6 / 64) * 8;
    int times = atoi(word[2]);
    double *restrict a = aligned_alloc(64, 8 * n), *restrict b = aligned_alloc(64, 8 * n), *restrict c = aligned_alloc(64, 8 * n);
    double s = 3.0;
    for (size_t i = 0; i < n; i++) a[i] = 0, b[i] = 1 + i % 7, c[i] = 2;
    moment begun = now();
    for (int k = 0; k < times; k++) {
        for (size_t i = 0; i < n; i++) a[i] = b[i] + s * c[i];
        s += 1e-300 * a[n / 2];
    }
    report(begun, (double)n * times, a[n / 3]);
    return 0;
}
