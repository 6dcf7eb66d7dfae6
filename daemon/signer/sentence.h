/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the signer says no or cannot: one sentence, made where the fault is seen and carried up
 * unchanged. It names what was wrong, where, and what to do; never a secret.
 */
#ifndef SIGNER_SENTENCE_H
#define SIGNER_SENTENCE_H

#include "../../proto/err.h"
#include "talk.h"

struct sentence {
	char text[TALK_SENTENCE_MAX]; /* NUL-terminated; cut between characters if too long */
};

/* Set it and answer TRAIL_CORRUPT: what lies here, or is asked for, must not be signed for. */
enum trail_err sentence_refuse(struct sentence *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Set it and answer TRAIL_IO: it could not be done. */
enum trail_err sentence_fail(struct sentence *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* TRAIL_IO: no locked memory for secrets. */
enum trail_err sentence_no_secret_memory(struct sentence *why);
/* Set it alone: something an operator should know though the work goes on. */
void sentence_set(struct sentence *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
