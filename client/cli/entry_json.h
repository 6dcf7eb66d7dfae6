/* SPDX-License-Identifier: Apache-2.0 */
/* A record and its event as one JSON value, with the names of DESIGN section 3. */
#ifndef CLI_ENTRY_JSON_H
#define CLI_ENTRY_JSON_H

#include "output.h"

#include "../../include/trail.h"

/*
 * The record's own members, and those of its event if that is there. `proof` adds the bytes by
 * which anybody can check it. The reference is the caller's.
 */
json_t *entry_json(const struct trail_entry *n, bool proof);

#endif
