/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers Search, History, Get and Report, a page at a time, by looking at every record and payload
 * in the range: no index yet. Each record that is passed must be the one that the next was chained
 * to, the ends of the page must lie in the signed tree, and each payload must open its commitment,
 * so an edited store makes no row disappear: it makes the answer fail.
 *
 * `next` carries where to go on and the index of the question's trace (daemon/trace.h). It is no
 * secret and needs none: a page is given only where that record is the trace of this very question,
 * by this peer; and unless the question follows, nothing behind the trace is shown. One that
 * follows is traced again on every connection that takes it up.
 */
#ifndef DAEMON_ASK_H
#define DAEMON_ASK_H

#include "lookup.h"

/* Memory that the answer to this request takes at the most: to be charged beforehand. */
size_t ask_need(const struct request *request);
/* The index of the trace that `next` names; 0: it is none of ours. */
uint64_t ask_trace(struct span next);
/* Set look->op's response. Where it was traced just now, op->own_index says under which index. */
void ask_answer(struct lookup *look);

#endif
