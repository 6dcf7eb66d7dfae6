/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that a log follows, shown.
 */
#ifndef CLI_PREDECESSOR_H
#define CLI_PREDECESSOR_H

#include "output.h"

#include "../../include/trail.h"

/* NULL: JSON null. */
json_t *predecessor_json(const struct trail_predecessor *p);
/* "succeeds ORIGIN at size N: reason" and a newline; nothing for NULL. */
void predecessor_print(FILE *to, const struct trail_predecessor *p);

#endif
