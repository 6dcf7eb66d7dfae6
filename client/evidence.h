/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `extra` of a .tlog-proof: message Evidence of trail.proto, written item by item.
 */
#ifndef CLIENT_EVIDENCE_H
#define CLIENT_EVIDENCE_H

#include "../proto/record.h"
#include "../proto/tree.h"

enum {
	EVIDENCE_MAX = 48 * 1024
};

/*
 * Append one Item to an Evidence. `salt` of length 0: the payload was erased. Fields in ascending
 * order, defaults absent, as protobuf writes them.
 */
void evidence_put_item(struct buf *out, uint64_t index, const uint8_t record[RECORD_LEN],
	struct span salt, struct span payload, const struct tree_proof *path);

#endif
