/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scan of a store from the first record to the last, in the process that calls.
 */
#ifndef DAEMON_CHECK_PASS_H
#define DAEMON_CHECK_PASS_H

#include "check_scan.h"

/*
 * Read all of it: findings, result and progress go to scan->box. Does not return when reading
 * fails: ends the process, with the black box telling where. TRAIL_NOMEM: memory is out.
 */
enum trail_err scan_run(struct scan *scan);

#endif
