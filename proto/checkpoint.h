/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C2SP checkpoints (c2sp.org/tlog-checkpoint): origin, size, root, no extension lines; and the log
 * identity file that pins a log by its vkey *and* its first record (FORMATS.md section 1).
 */
#ifndef PROTO_CHECKPOINT_H
#define PROTO_CHECKPOINT_H

#include "hash.h"
#include "note.h"

struct checkpoint {
	char origin[NOTE_NAME_MAX + 1];
	uint64_t size;
	struct hash root;
};

/* The three lines that are signed. */
void checkpoint_put(struct buf *out, const struct checkpoint *cp);
/*
 * TRAIL_INVALID: not exactly three lines, a bad origin, a size with leading zeros or >= 2^63, a
 * root that is not the base64 of 32 bytes. (We emit no extensions and accept none.)
 */
enum trail_err checkpoint_parse(struct span text, struct checkpoint *out);
/*
 * As checkpoint_parse, for the logs of others: the origin may be any text of at most NOTE_NAME_MAX
 * bytes, and further lines, none of them empty, may follow (extensions), which are not looked at.
 * `text` is that of a note, so UTF-8 without control characters.
 */
enum trail_err checkpoint_parse_any(struct span text, struct checkpoint *out);
/* Lower-case hex of SHA-256(origin): a log's name in URLs of witnesses (c2sp.org/tlog-witness). */
void origin_hex(const char *origin, char out[2 * HASH_LEN + 1]);
/* note_open, then checkpoint_parse, then origin == key->name (TRAIL_CORRUPT). */
enum trail_err checkpoint_open(struct span note, const struct vkey *key, struct checkpoint *out);

/* The log identity file. */
struct log_identity {
	struct vkey vkey;
	struct hash genesis; /* leaf hash of index 0 */
};

/* Append the file's text: "trail-log/v1\n" vkey "\n" base64(genesis) "\n". */
void identity_put(struct buf *out, const struct log_identity *id);
/* TRAIL_INVALID: anything but exactly that. */
enum trail_err identity_parse(struct span text, struct log_identity *out);

/*
 * A C2SP .tlog-proof (c2sp.org/tlog-proof) appended to `out`: `extra` may be empty (no line).
 */
struct tree_proof;
void tlog_proof_put(struct buf *out, struct span extra, uint64_t index,
	const struct tree_proof *proof, struct span note);
/*
 * The inverse. The extra data, decoded, is appended to `extra_out` (not authenticated by anything);
 * *note views the checkpoint inside `text`, still unread. Whether the path fits is the caller's to
 * check. TRAIL_INVALID: malformed, extra data of 48 KiB or more, or more hashes than a tree has
 * levels. TRAIL_NOMEM: extra_out has failed. Nothing is appended or set then.
 */
enum trail_err tlog_proof_parse(struct span text, struct buf *extra_out, uint64_t *index,
	struct tree_proof *proof, struct span *note);

enum {
	TLOG_ADD_HASHES_MAX = 63, /* consistency proof lines of one request */
};

/*
 * The body of a witness's add-checkpoint (c2sp.org/tlog-witness) appended to `out`: the size that
 * the witness is thought to hold, the proof from there, the note. At most TLOG_ADD_HASHES_MAX.
 */
void tlog_add_put(struct buf *out, uint64_t old, const struct tree_proof *proof, struct span note);
/*
 * The inverse. *note views the checkpoint inside `body`, still unread. TRAIL_INVALID: malformed;
 * nothing is set.
 */
enum trail_err tlog_add_parse(
	struct span body, uint64_t *old, struct tree_proof *proof, struct span *note);

#endif
