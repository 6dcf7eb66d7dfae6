/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `traild check` says: a verdict in one sentence and the findings behind it, or the same as
 * one JSON object.
 */
#ifndef DAEMON_CHECK_REPORT_H
#define DAEMON_CHECK_REPORT_H

#include "check_scan.h"

enum verdict {
	VERDICT_VALID,
	VERDICT_INVALID,
	VERDICT_UNVERIFIABLE,
};

struct report {
	bool given;        /* the identity was pinned by --log */
	const char *state; /* the store's folder, for the sentence */
	const struct findings *found;
	struct scan_result result;
};

/* invalid before unverifiable before valid. */
enum verdict report_verdict(const struct findings *found);
/* The exit code of DESIGN.md section 11: 0, 5, 6. */
int report_exit(enum verdict verdict);
/* Appended to `out`. Look at out->failed. */
void report_text(const struct report *report, struct buf *out);
/*
 * {verdict, size, root, identity, first_bad, checked, findings, uncovered} and, beside them,
 * {payloads, heads, covered, erased, tail, invalid, unverifiable, predecessor, closed, seals,
 * sealed_until}.
 */
void report_json(const struct report *report, struct buf *out);

#endif
