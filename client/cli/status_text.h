/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status for people: what needs attention, then groups of aligned lines. What the daemon does
 * not know is left out.
 */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include "cli.h"
#include "health.h"

/* To standard output; `all` as health_look found it. */
void print_status_text(const struct cli *cli, const struct trail_status *s,
	const struct trouble all[HEALTH_KINDS]);

#endif
