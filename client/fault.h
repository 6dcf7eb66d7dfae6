/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong last, in words: kept by every handle, filled where the failure is understood.
 */
#ifndef CLIENT_FAULT_H
#define CLIENT_FAULT_H

#include "../proto/message.h"

enum {
	FAULT_SENTENCE_MAX = 640
};

struct fault {
	enum trail_err code;
	char sentence[FAULT_SENTENCE_MAX];
	char field[64];
	uint32_t index;
	uint64_t expected;
	uint32_t retry_ms;
};

/* Forget it: TRAIL_OK, no sentence. */
void fault_clear(struct fault *f);
/* Set code and sentence (printf text, cut at the limit), forget the rest. Answers `code`. */
enum trail_err fault_set(struct fault *f, enum trail_err code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Take over an error of the wire. A code that is none of the wire's is the daemon's lie:
 * TRAIL_CORRUPT. Answers the code.
 */
enum trail_err fault_take(struct fault *f, const struct failure *failure);

#endif
