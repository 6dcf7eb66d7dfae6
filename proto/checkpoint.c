/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include "tree.h"

#include <inttypes.h>

enum {
	EXTRA_LEN_MAX = 48 * 1024 - 1, /* FORMATS.md section 8 */
	DECIMAL_LEN_MAX = 19,          /* 2^63 - 1 has 19 digits */
};

_Static_assert((int)TLOG_ADD_HASHES_MAX == (int)TREE_LEVELS, "path_take serves for both");

static const char identity_head[] = "trail-log/v1";
static const char proof_head[] = "c2sp.org/tlog-proof@v1";
static const char extra_word[] = "extra ";
static const char index_word[] = "index ";
static const char old_word[] = "old ";

static void hash_put_line(struct buf *out, const struct hash *hash)
{
	base64_put(out, span_of(hash->b, HASH_LEN));
	buf_put_u8(out, '\n');
}

static bool hash_parse(struct span line, struct hash *out)
{
	struct hash hash = { 0 };
	size_t len;
	if (!base64_take(line, hash.b, HASH_LEN, &len) || len != HASH_LEN)
		return false;
	*out = hash;
	return true;
}

/* ASCII decimal without leading zeros, below 2^63 (other verifiers use signed 64 bits). */
static bool decimal_parse(struct span text, uint64_t *out)
{
	uint64_t value = 0;
	if (text.len == 0 || text.len > DECIMAL_LEN_MAX)
		return false;
	if (text.data[0] == '0' && text.len > 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value > INT64_MAX)
		return false;
	*out = value;
	return true;
}

/* Whether `line` starts with `word`; then *rest is what follows. */
static bool word_then(struct span line, const char *word, struct span *rest)
{
	size_t len = strlen(word);
	if (line.len < len || memcmp(line.data, word, len) != 0)
		return false;
	*rest = span_of(line.data + len, line.len - len);
	return true;
}

void checkpoint_put(struct buf *out, const struct checkpoint *cp)
{
	buf_printf(out, "%s\n%" PRIu64 "\n", cp->origin, cp->size);
	hash_put_line(out, &cp->root);
}

/* The first three lines of *text, which moves behind them; the origin may be any line. */
static bool head_take(struct span *text, struct span *origin, struct checkpoint *cp)
{
	struct span size;
	struct span root;
	return note_line_take(text, origin) && note_line_take(text, &size) &&
		note_line_take(text, &root) && origin->len != 0 && origin->len <= NOTE_NAME_MAX &&
		decimal_parse(size, &cp->size) && hash_parse(root, &cp->root);
}

enum trail_err checkpoint_parse(struct span text, struct checkpoint *out)
{
	struct checkpoint cp = { 0 };
	struct span origin;
	if (!head_take(&text, &origin, &cp) || text.len != 0 || !note_name_valid(origin))
		return TRAIL_INVALID;
	memcpy(cp.origin, origin.data, origin.len);
	*out = cp;
	return TRAIL_OK;
}

enum trail_err checkpoint_parse_any(struct span text, struct checkpoint *out)
{
	struct checkpoint cp = { 0 };
	struct span origin;
	struct span extension;
	if (!head_take(&text, &origin, &cp) || memchr(origin.data, 0, origin.len))
		return TRAIL_INVALID;
	while (text.len != 0)
		if (!note_line_take(&text, &extension) || extension.len == 0)
			return TRAIL_INVALID;
	memcpy(cp.origin, origin.data, origin.len);
	*out = cp;
	return TRAIL_OK;
}

void origin_hex(const char *origin, char out[2 * HASH_LEN + 1])
{
	struct hash hash;
	hash_bytes(span_text(origin), &hash);
	hex_text(span_of(hash.b, HASH_LEN), out);
}

enum trail_err checkpoint_open(struct span note, const struct vkey *key, struct checkpoint *out)
{
	struct checkpoint cp;
	struct span text;
	enum trail_err err = note_open(note, key, &text);
	if (err)
		return err;
	err = checkpoint_parse(text, &cp);
	if (err)
		return err;
	if (strcmp(cp.origin, key->name) != 0)
		return TRAIL_CORRUPT;
	*out = cp;
	return TRAIL_OK;
}

void identity_put(struct buf *out, const struct log_identity *id)
{
	buf_put_text(out, identity_head);
	buf_put_u8(out, '\n');
	vkey_put(out, &id->vkey);
	buf_put_u8(out, '\n');
	hash_put_line(out, &id->genesis);
}

enum trail_err identity_parse(struct span text, struct log_identity *out)
{
	struct log_identity id;
	struct span head;
	struct span vkey;
	struct span genesis;
	if (!note_line_take(&text, &head) || !note_line_take(&text, &vkey) ||
		!note_line_take(&text, &genesis) || text.len != 0)
		return TRAIL_INVALID;
	if (!span_equal(head, span_text(identity_head)) || !hash_parse(genesis, &id.genesis))
		return TRAIL_INVALID;
	if (vkey_parse(vkey, &id.vkey) != TRAIL_OK)
		return TRAIL_INVALID;
	*out = id;
	return TRAIL_OK;
}

void tlog_proof_put(struct buf *out, struct span extra, uint64_t index,
	const struct tree_proof *proof, struct span note)
{
	buf_printf(out, "%s\n", proof_head);
	if (extra.len != 0) {
		buf_put_text(out, extra_word);
		base64_put(out, extra);
		buf_put_u8(out, '\n');
	}
	buf_printf(out, "%s%" PRIu64 "\n", index_word, index);
	for (size_t i = 0; i < proof->count; i++)
		hash_put_line(out, &proof->path[i]);
	buf_put_u8(out, '\n');
	buf_put_span(out, note);
}

/* Append what base64 `text` says. An empty one is malformed: the line would have been left out. */
static enum trail_err extra_take(struct span text, struct buf *out)
{
	size_t room = text.len / 4 * 3;
	size_t len;
	if (room == 0 || room > EXTRA_LEN_MAX + 1)
		return TRAIL_INVALID;
	if (!buf_reserve(out, room))
		return TRAIL_NOMEM;
	if (!base64_take(text, out->data + out->len, room, &len) || len > EXTRA_LEN_MAX)
		return TRAIL_INVALID;
	out->len += len;
	return TRAIL_OK;
}

/* Hashes, one a line, up to the blank line, which is taken too. */
static bool path_take(struct span *text, struct tree_proof *out)
{
	struct span line;
	out->count = 0;
	while (note_line_take(text, &line)) {
		if (line.len == 0)
			return true;
		if (out->count == TREE_LEVELS || !hash_parse(line, &out->path[out->count]))
			return false;
		out->count++;
	}
	return false;
}

enum trail_err tlog_proof_parse(struct span text, struct buf *extra_out, uint64_t *index,
	struct tree_proof *proof, struct span *note)
{
	struct tree_proof path;
	struct span line;
	struct span extra = { 0 };
	struct span number;
	uint64_t at;
	if (!note_line_take(&text, &line) || !span_equal(line, span_text(proof_head)) ||
		!note_line_take(&text, &line))
		return TRAIL_INVALID;
	bool has_extra = word_then(line, extra_word, &extra);
	if (has_extra && !note_line_take(&text, &line))
		return TRAIL_INVALID;
	if (!word_then(line, index_word, &number) || !decimal_parse(number, &at) ||
		!path_take(&text, &path) || text.len == 0)
		return TRAIL_INVALID;
	/* Last, so that a malformed proof leaves nothing behind. */
	if (has_extra) {
		enum trail_err err = extra_take(extra, extra_out);
		if (err)
			return err;
	}
	*index = at;
	*proof = path;
	*note = text;
	return TRAIL_OK;
}

void tlog_add_put(struct buf *out, uint64_t old, const struct tree_proof *proof, struct span note)
{
	buf_printf(out, "%s%" PRIu64 "\n", old_word, old);
	for (size_t i = 0; i < proof->count; i++)
		hash_put_line(out, &proof->path[i]);
	buf_put_u8(out, '\n');
	buf_put_span(out, note);
}

enum trail_err tlog_add_parse(
	struct span body, uint64_t *old, struct tree_proof *proof, struct span *note)
{
	struct tree_proof path;
	struct span line;
	struct span number;
	uint64_t from;
	if (!note_line_take(&body, &line) || !word_then(line, old_word, &number) ||
		!decimal_parse(number, &from) || !path_take(&body, &path) || body.len == 0)
		return TRAIL_INVALID;
	*old = from;
	*proof = path;
	*note = body;
	return TRAIL_OK;
}
