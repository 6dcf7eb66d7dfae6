/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fill a running daemon with a stream of municipal events: each from the source that emits it, in
 * requests of one source each, as fast as they are acknowledged, in bounded memory.
 */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include <stdbool.h>
#include <stdint.h>

/* The socket `path`. What it took is printed as one JSON object. False: a sentence went to stderr.
 */
bool fill_trail(const char *path, uint64_t events, uint64_t seed);

#endif
