/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers Controls: pages of control entries with their payloads, proven in one tree. They name no
 * person, so reading them leaves no event; PEER entries, which may, are passed over.
 */
#ifndef DAEMON_CONTROLS_H
#define DAEMON_CONTROLS_H

#include "lookup.h"

/* Set look->op's response, to Rows without `named`. */
void controls_answer(struct lookup *look);

#endif
