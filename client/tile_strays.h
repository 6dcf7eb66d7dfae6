/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What else lies below tile/: partial tiles of earlier checkpoints, which somebody may still hold,
 * and what is no tile at all.
 */
#ifndef CLIENT_TILE_STRAYS_H
#define CLIENT_TILE_STRAYS_H

#include "tile_judge.h"

/*
 * Look at every file: a partial tile must be the beginning of the one that took its place, which
 * was judged before. Tiles behind the checkpoint are none of its, and nothing is said of them.
 * TRAIL_NOMEM.
 */
enum trail_err tile_strays_judge(struct tile_judge *j);

#endif
