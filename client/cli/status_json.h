/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status as one JSON value: the fields that trail(1) lists. What the daemon does not know is
 * left out.
 */
#ifndef CLI_STATUS_JSON_H
#define CLI_STATUS_JSON_H

#include "cli.h"
#include "health.h"

/* To standard output; `all` as health_look found it. */
void print_status_json(const struct cli *cli, const struct trail_status *s,
	const struct trouble all[HEALTH_KINDS]);

#endif
