/* SPDX-License-Identifier: Apache-2.0 */
/* Input at the edge: a parser that reads one byte too far dies in every build, not under ASan
 * alone. */
#ifndef TESTS_SUPPORT_GUARD_H
#define TESTS_SUPPORT_GUARD_H

#include "../../proto/bytes.h"

/* A copy of `bytes` whose last byte is the last before an unreadable page. Aborts without memory.
 */
struct span guard_copy(struct span bytes);
/* Give back what guard_copy answered. */
void guard_free(struct span copy);

#endif
