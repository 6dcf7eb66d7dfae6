/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signer keeps, in a folder of its own (0700) that holds, 0600 but for seal.pub, and
 * beside the lock:
 *
 *   key       the log key as one line, "PRIVATE+KEY+name+keyid+base64"
 *   head      two 512-byte slots at offsets 0 and 4096, file length 8192: the last signed note;
 *             empty content before the first signature
 *   seeds     two 4096-byte slots at offsets 0 and 4096, file length 8192: what derives the seal
 *             keys that may still sign
 *   seal.pub  "trail-seal-pub/v1\n", then height u32 big-endian, then 2^height public keys of 32
 *             bytes; may be read by anybody (0644)
 *
 * A slot of length L (FORMATS.md sections 5 and 6):
 *
 *   u64 counter | u32 content length | content | zeros | H = SHA-256 of the L - 32 bytes before
 *
 * The valid slot with the larger counter counts. A write goes to the other slot, in place; nothing
 * here is ever renamed, copied or truncated, because that would leave old secrets on the device.
 *
 * `seeds` content: u32 next seal epoch | u8 height | u8 count | u16 format | count x (u8 level |
 * u64 index | seed[32]) | u16 pending length | text of a SEAL asked for and not yet erased (empty:
 * none): the roots of the subtrees of seeds that cover the epochs not yet used, as few as can be;
 * level counts from the leaves. Child seeds: SHA-256("trail-seal-seed/v1\n" || u8 0 or 1 || seed).
 * A leaf seed is the Ed25519 seed of its epoch. Format 0 ends here; 1 goes on: u64 seal_max in ns
 * (not 0) | u64 size that the newest erased seal covers (0: none) | u64 when it was erased, by
 * CLOCK_REALTIME | u64 by CLOCK_BOOTTIME, both in ns.
 */
#ifndef SIGNER_STATE_H
#define SIGNER_STATE_H

#include "../../proto/message.h"

enum {
	SLOT_OFFSET = 4096,
	HEAD_SLOT_LEN = 512,
	SEEDS_SLOT_LEN = 4096,
	SLOT_FILE_LEN = 8192,
	SLOT_OVERHEAD = 8 + 4 + HASH_LEN,
};

/* One slot's bytes. `content` must fit len - SLOT_OVERHEAD. */
void slot_encode(uint64_t counter, struct span content, uint8_t *slot, size_t len);
/* False: the hash does not fit or the content length is out of bounds. *content views `slot`. */
bool slot_decode(const uint8_t *slot, size_t len, uint64_t *counter, struct span *content);

/* Whether these bytes of a file were never written, or erased: zeros. */
bool state_blank(const uint8_t *bytes, size_t len);

/* One slot of a file. `content` views the file's bytes; meaningful only when `valid`. */
struct slot {
	bool valid;
	uint64_t counter;
	struct span content;
};

/*
 * Both slots, of `slot_len` bytes each, in the bytes of a slot file, and which of them counts: 0 or
 * 1. -1: neither is valid, both claim the same counter, or `file` is not SLOT_FILE_LEN long.
 */
int slots_newest(struct span file, size_t slot_len, struct slot slots[2]);

/*
 * The newest head in the bytes of a `head` file, for those who only look (check).
 * TRAIL_OK: *note views `file` (empty: nothing signed yet). TRAIL_CORRUPT: no valid slot, or only
 * one that never held a note beside one that did.
 */
enum trail_err head_read(struct span file, struct span *note);

#endif
