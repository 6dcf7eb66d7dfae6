/* SPDX-License-Identifier: Apache-2.0 */
/* Answers Sources: a page of who writes to the log, each proven by its entry. */
#ifndef DAEMON_SOURCES_H
#define DAEMON_SOURCES_H

#include "lookup.h"

/* Set look->op's response. */
void sources_answer(struct lookup *look);

#endif
