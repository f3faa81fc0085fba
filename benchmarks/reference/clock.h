/* Included first by every reference: CPU and wall time of the process, and a way to print what was measured.
 *
 * A reference prints `name value` pairs on one line: at least `cpu` and `wall`, in ns per unit of its work.
 */
#ifndef CLOCK_H
#define CLOCK_H
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    double cpu, wall;
} moment;

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static moment now(void) { return (moment){seconds_of(CLOCK_PROCESS_CPUTIME_ID), seconds_of(CLOCK_MONOTONIC)}; }

/* Print the time since `begun` in ns per unit, and a number that depends on the whole result: nothing is optimised away. */
static void report(moment begun, double units, double check) {
    moment end = now();
    printf("cpu %.5g wall %.5g check %.12g\n", 1e9 * (end.cpu - begun.cpu) / units, 1e9 * (end.wall - begun.wall) / units, check);
}
#endif
