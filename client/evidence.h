/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `extra` of a .tlog-proof: message Evidence of trail.proto, written item by item.
 */
#ifndef CLIENT_EVIDENCE_H
#define CLIENT_EVIDENCE_H

#include "../proto/message.h"

enum {
	EVIDENCE_MAX = 48 * 1024
};

/*
 * Append one Item to an Evidence. No salt: the payload was erased. Fields in ascending order,
 * defaults absent, as protobuf writes them.
 */
void evidence_put_item(struct buf *out, const struct evidence_item *item);

#endif
