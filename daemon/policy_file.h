/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that names the witnesses of this log, with the addresses by which they are reached.
 */
#ifndef DAEMON_POLICY_FILE_H
#define DAEMON_POLICY_FILE_H

#include "../proto/policy.h"

/*
 * Read it; *policy is the caller's to free. TRAIL_INVALID: it cannot be read, is no policy, or has
 * a witness without an address that the courier can use; TRAIL_NOMEM. Then why[512] has a sentence
 * with file and line, and *policy is NULL.
 */
enum trail_err policy_file_read(const char *path, struct policy **policy, char why[512]);

/* Whether the courier can use such an address: it begins with http:// or https://. */
bool policy_file_url(const char *url);

#endif
