/* SPDX-License-Identifier: Apache-2.0 */
/* The golden bytes of tests/vectors/, found from the top of the tree, where tests are run. */
#ifndef TESTS_SUPPORT_VECTOR_H
#define TESTS_SUPPORT_VECTOR_H

#include "../../proto/bytes.h"

/* The bytes of tests/vectors/<name>.hex; release with buf_release. Aborts when they are not there.
 */
struct buf vector_load(const char *name);

#endif
