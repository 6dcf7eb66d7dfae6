/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers Sources: a page of who writes to the log. That a source is one is proven by its entry;
 * how it stands, and that none is left out, is as true as its state rows (daemon/standing.h).
 */
#ifndef DAEMON_SOURCES_H
#define DAEMON_SOURCES_H

#include "lookup.h"

/* Set look->op's response. */
void sources_answer(struct lookup *look);

#endif
