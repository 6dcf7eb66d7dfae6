/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a log: whether its operator closed it for good (DAEMON "closed"). Nothing may stand
 * behind that entry but SEALs.
 */
#ifndef DAEMON_ENDING_H
#define DAEMON_ENDING_H

#include "store.h"

struct ending {
	uint64_t closed; /* index of the entry that closed the log; 0: it is open, or empty */
	bool sealed;     /* a SEAL stands behind it */
};

/*
 * How the log ends. On failure why[512] gets a sentence: TRAIL_CORRUPT: the last entries are
 * damaged. TRAIL_IO.
 */
enum trail_err ending_read(struct store *store, struct ending *out, char why[512]);

#endif
