/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The birth of a log key and its seals in an empty folder: once in a log's life.
 *
 * The files are made in the order seeds, seal.pub, head, key, and everything is durable before the
 * key is written. So a crash leaves either no key, and what is there never served anybody: it is
 * erased in place and made again; or a whole key, and then everything is complete.
 */
#ifndef SIGNER_BIRTH_H
#define SIGNER_BIRTH_H

#include "folder.h"

/*
 * May a log be born here? TRAIL_OK: *needed says whether there is still something to make (false: a
 * whole key is there; load it and see that it never signed). TRAIL_CORRUPT: the folder holds what
 * is not the signer's, or state of a key that was used and is gone.
 */
enum trail_err birth_look(const struct folder *folder, bool *needed, struct sentence *why);
/*
 * Erase the leftovers of an unfinished birth and make everything, durable when it answers TRAIL_OK.
 * `origin` is the key's name, `height` SEAL_HEIGHT_MIN .. SEAL_HEIGHT_MAX, `max_ns` the log's
 * seal_max. Takes some 15 us per seal key. TRAIL_IO: could not.
 */
enum trail_err birth_make(const struct folder *folder, struct span origin, unsigned height,
	uint64_t max_ns, struct sentence *why);

#endif
