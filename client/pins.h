/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of logs between runs, in a folder of small files, each replaced by rename:
 *
 *   address-<32 hex of H(address)>  "trail-address/v1\n" address "\n" origin "\n"
 *   log-<32 hex of H(origin)>       "trail-pin/v1\n" identity file "\n" newest checkpoint, a note
 *   verified-<the same>             the same, with the newest checkpoint that a verify found valid
 *
 * Losing them loses the memory, so the next contact is a first one; whoever can write them can make
 * us forget. Knows files, trusts nothing in them: a note is opened again by who reads it.
 */
#ifndef CLIENT_PINS_H
#define CLIENT_PINS_H

#include "../proto/checkpoint.h"
#include "fault.h"

/* What one log-* or verified-* file holds. */
struct pin {
	struct log_identity identity;
	size_t note_len; /* 0: none */
	char note[NOTE_LEN_MAX];
};

/*
 * The folder that holds them, made from the environment: $XDG_STATE_HOME/trail, else
 * $HOME/.local/state/trail. NULL: neither is set (or memory is out). Free it.
 */
char *pins_default_folder(void);

/*
 * The origin that `address` led to last. TRAIL_END: none is known. TRAIL_CORRUPT, TRAIL_IO: *fault.
 */
enum trail_err pins_origin(const char *folder, const char *address, char origin[NOTE_NAME_MAX + 1],
	struct fault *fault);
/* What is kept of the log `origin`. As above. */
enum trail_err pins_read(
	const char *folder, const char *origin, struct pin *pin, struct fault *fault);
/* What was verified of it. As above. */
enum trail_err pins_read_verified(
	const char *folder, const char *origin, struct pin *pin, struct fault *fault);
/*
 * Keep `pin` for its origin, and that `address` leads there. The folder is made if need be and
 * locked meanwhile (until `deadline`), so that of two programs the newer checkpoint stays.
 * TRAIL_CORRUPT: another identity stands under that origin. TRAIL_IO, TRAIL_TIMEOUT: *fault.
 */
enum trail_err pins_write(const char *folder, const char *address, const struct pin *pin,
	int64_t deadline, struct fault *fault);
/* Keep `pin` as what was verified of its origin. As above; the larger checkpoint stays. */
enum trail_err pins_write_verified(
	const char *folder, const struct pin *pin, int64_t deadline, struct fault *fault);

#endif
