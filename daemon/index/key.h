/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key under which the index is sealed: 32 random bytes in D/keys/index, mode 0600, in locked
 * memory while traild runs. Whoever can write D/index and not read D/keys can make no file that the
 * index takes for its own. A key that is lost costs the index, which is then made anew.
 */
#ifndef DAEMON_INDEX_KEY_H
#define DAEMON_INDEX_KEY_H

#include "../../proto/err.h"
#include "block.h"

/*
 * The key of the state folder `folder`, made where it is missing or has not its length; to be given
 * to crypto_secret_free. NULL: errno says why.
 */
uint8_t *index_key_load(const char *folder);

#endif
