/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a question leaves in the log: one event of source 0 that says who asked what, stored before
 * the first row leaves (DESIGN.md G9). Equal questions of one peer at one time have equal bytes, so
 * a later page proves that it belongs to a question on record by being encoded once more.
 *
 *   action       READ
 *   verb         search | history | get | report
 *   actor        "uid:1001"
 *   object.id    search | history | get:INDEX | report
 *   subject      the one that the query names, where that is one person
 *   attributes   query | object, count, by, since_ns, until_ns, follow
 */
#ifndef DAEMON_TRACE_H
#define DAEMON_TRACE_H

#include "op.h"

/* Append the event of op->request, a Search, History, Get or Report of op->peer, asked at
 * `time_ns`. */
void trace_encode(const struct op *op, int64_t time_ns, struct buf *out);
/*
 * The one subject that op->query of a Search or Report names: of its only term for subject without
 * NOT, when it names a whole one. Empty: none or several, or one that no event can have.
 */
struct span trace_subject(const struct op *op);
/*
 * Whether `payload`, an event of source 0, is the trace of op->request: the same question, whatever
 * its page, asked by the same peer. False where memory is out.
 */
bool trace_tells(const struct op *op, struct span payload);

#endif
