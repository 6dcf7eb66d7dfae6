/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SEAL by itself (FORMATS.md section 6): its text, and whether a key of the log's seal tree
 * signed it. A seal key signs one text and is erased; the tree over the public keys is the RFC 6962
 * tree whose root the genesis record pins, so who has the log identity file can check every seal.
 * What a SEAL must be among the others, and among the records, is judged where they are read.
 */
#ifndef PROTO_SEAL_H
#define PROTO_SEAL_H

#include "message.h"

enum {
	SEAL_TEXT_MAX = 512, /* bytes of a text; the longest is shorter */
	SEAL_PAYLOAD_MAX = 4096,
};

/* What the text of a SEAL says: five values on a line each, behind "trail-seal/v1". */
struct seal_text {
	char origin[NOTE_NAME_MAX + 1];
	uint32_t epoch;   /* of the key; the k-th SEAL of a log has epoch k, from 0 */
	uint64_t size;    /* of the sealed tree, and index of the SEAL itself */
	struct hash root; /* of that tree */
	uint64_t time_ns; /* received_ns of the SEAL */
};

/* Append it. */
void seal_text_put(struct buf *out, const struct seal_text *text);
/* TRAIL_INVALID: anything but exactly those lines, numbers in decimal without leading zeros. */
enum trail_err seal_text_parse(struct span text, struct seal_text *out);

/* H(0x00 || "trail-seal-key/v1\n" || u32 epoch || pub): leaf `epoch` of the tree of seal keys. */
void seal_key_leaf(uint32_t epoch, const uint8_t pub[SIGN_PUBLIC_LEN], struct hash *leaf);

/* What a log's genesis says of its seals. */
struct seal_anchor {
	char origin[NOTE_NAME_MAX + 1];
	struct hash root;
	unsigned height;
	uint64_t max_ns; /* the longest that two SEALs may lie apart */
};

/* TRAIL_INVALID: an origin that is no key name, or a height outside SEAL_HEIGHT_MIN to _MAX. */
enum trail_err seal_anchor_of(const struct genesis *genesis, struct seal_anchor *out);

enum seal_fault {
	SEAL_FITS,
	SEAL_MALFORMED, /* its text, or the length of a field */
	SEAL_ORIGIN,    /* the text is of another log */
	SEAL_KEY,       /* the key is not leaf `epoch` under the root */
	SEAL_SIGNATURE, /* the key did not sign the text */
};

/*
 * Check `seal` by itself: its fields, that its key is leaf `epoch` of the anchor's tree (RFC 9162
 * section 2.1.3.2), and the signature (RFC 8032). *out is set unless it is SEAL_MALFORMED. Its
 * `cosigned` is not looked at. Some 60 us.
 */
enum seal_fault seal_check(
	const struct seal_anchor *anchor, const struct seal *seal, struct seal_text *out);

#endif
