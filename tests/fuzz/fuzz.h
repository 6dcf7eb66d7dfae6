/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. A target is one file with one LLVMFuzzerTestOneInput. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "../../proto/arena.h"

#include <stdlib.h>

/* What libFuzzer, or replay.c, calls for each input. Answers 0; aborts when a promise is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* assert that no build turns off. */
static inline void fuzz_assert(bool holds)
{
	if (!holds)
		abort();
}

/* An arena of just `cap` bytes, so that ASan sees a step beyond; free its data. */
static inline struct arena fuzz_arena(size_t cap)
{
	struct arena arena = { .data = malloc(cap > 0 ? cap : 1), .cap = cap };
	fuzz_assert(arena.data != NULL);
	return arena;
}

/* The key of seed 00..1f: the corpora of notes and proofs have what it signed. */
#define FUZZ_VKEY "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

#endif
