/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name that a SOURCE or PEER entry gives, as it is shown and searched for: "journal",
 * "unix:1001". Believed only where the entry lies in the signed tree: under another name its events
 * would be passed over.
 */
#ifndef DAEMON_ENTRY_NAME_H
#define DAEMON_ENTRY_NAME_H

#include "op.h"
#include "sweep.h"

enum {
	ENTRY_NAME_MAX = 79
};

/*
 * The name of entry `index`, which is of `kind`, to `name`, ended by NUL. 0 is the log itself. The
 * open chunk of `sweep` may change. TRAIL_CORRUPT: the store is damaged there. (This version erases
 * nothing: every name is there.)
 */
enum trail_err entry_name(struct sweep *sweep, const struct head *head, uint64_t index,
	enum record_kind kind, char name[ENTRY_NAME_MAX + 1]);

#endif
