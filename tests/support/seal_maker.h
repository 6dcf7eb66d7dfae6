/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a tree of seal keys and SEALs of it, sound ones and forged ones, as FORMATS.md section 6
 * says and without the code under test. All keys are at hand, as they never are in a real log.
 */
#ifndef TESTS_SUPPORT_SEAL_MAKER_H
#define TESTS_SUPPORT_SEAL_MAKER_H

#include "../../proto/seal.h"

enum {
	SEAL_MAKER_HEIGHT = 4,
	SEAL_MAKER_KEYS = 1 << SEAL_MAKER_HEIGHT,
};

struct seal_maker {
	uint8_t pub[SEAL_MAKER_KEYS][SIGN_PUBLIC_LEN];
	uint8_t secret[SEAL_MAKER_KEYS][SIGN_SECRET_LEN];
	struct hash leaf[SEAL_MAKER_KEYS];
	struct seal_anchor anchor;
};

/* What a SEAL says, and by which key it is signed. */
struct forgery {
	struct seal_text text;
	uint32_t key; /* epoch */
};

/* The keys of `origin`; another `variant` has other ones. */
void seal_maker_make(
	struct seal_maker *maker, const char *origin, uint64_t max_ns, uint8_t variant);
/* Append the payload of such a SEAL. */
void seal_maker_put(
	const struct seal_maker *maker, const struct forgery *what, struct buf *payload);

#endif
