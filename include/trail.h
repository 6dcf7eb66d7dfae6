/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtrail: write access events to traild, and check what it answers.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define TRAIL_MUST_USE [[nodiscard]]
#else
#define TRAIL_MUST_USE
#endif

/*
 * By what the caller can do. 0 is success, above 0 is "not an error, but not done", below 0 is an
 * error; -1 to -10 are the codes of the wire.
 */
enum TRAIL_MUST_USE trail_err {
	TRAIL_OK = 0,
	TRAIL_MORE = 1,          /* more bytes are needed */
	TRAIL_END = 2,           /* nothing is left */
	TRAIL_INVALID = -1,      /* mend the input */
	TRAIL_CONFLICT = -2,     /* other content stands under this number */
	TRAIL_EXPECTED = -3,     /* go back to the number that is expected */
	TRAIL_CLOSED = -4,       /* the epoch is over: open a new one */
	TRAIL_DENIED = -5,       /* this identity may not */
	TRAIL_TOO_BIG = -6,      /* split it */
	TRAIL_BUSY = -7,         /* again a little later */
	TRAIL_FULL = -8,         /* the disk's reserve is reached: an operator must make room */
	TRAIL_UNAVAILABLE = -9,  /* not now: starting, stopping, or not running */
	TRAIL_UNSUPPORTED = -10, /* the other side does not know that */
	TRAIL_IO = -11,          /* a file, a disk or a socket failed */
	TRAIL_NOMEM = -12,       /* memory is out */
	TRAIL_TIMEOUT = -13,     /* the deadline passed; whether it was done is not known */
	TRAIL_CORRUPT = -14,     /* bytes contradict what they claim: evidence against who gave them */
	TRAIL_MISUSE = -15,      /* a call that makes no sense: a closed handle, a NULL */
};

#ifdef __cplusplus
}
#endif

#endif
