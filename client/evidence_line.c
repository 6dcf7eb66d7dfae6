/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence_line.h"

#include <inttypes.h>

const char EVIDENCE_HEAD[] = "trail-evidence/v1";

static const char *const WORDS[] = {
	[WORD_HEAD] = EVIDENCE_HEAD,
	[WORD_CHECKPOINT] = "checkpoint",
	[WORD_RECORD] = "record",
	[WORD_SEALED] = "sealed",
	[WORD_COSIGNED] = "cosigned",
	[WORD_QUESTION] = "question",
	[WORD_ROW] = "row",
};

enum {
	WORD_COUNT = sizeof WORDS / sizeof WORDS[0],
	DECIMAL_LEN_MAX = 19, /* 2^63 - 1 has 19 digits */
};

/* ---- writing ---- */

static void put_bytes(struct buf *out, struct span bytes)
{
	buf_put_u8(out, ' ');
	if (bytes.len == 0)
		buf_put_u8(out, '-');
	else
		base64_put(out, bytes);
}

static void put_path(struct buf *out, const struct hash *path, size_t count)
{
	put_bytes(out, span_of(path, count * sizeof path[0]));
}

void evidence_line_record(
	struct buf *out, enum evidence_word word, const struct evidence_item *item)
{
	buf_printf(out, "%s %" PRIu64, WORDS[word], item->index);
	put_bytes(out, item->record);
	put_bytes(out, item->salt);
	put_bytes(out, item->payload);
	put_path(out, item->path, item->path_count);
	buf_put_u8(out, '\n');
}

void evidence_line_checkpoint(struct buf *out, struct span note)
{
	buf_printf(out, "%s\n%s", EVIDENCE_HEAD, WORDS[WORD_CHECKPOINT]);
	put_bytes(out, note);
	buf_put_u8(out, '\n');
}

void evidence_line_sealed(struct buf *out, const struct tree_proof *path)
{
	buf_put_text(out, WORDS[WORD_SEALED]);
	put_path(out, path->path, path->count);
	buf_put_u8(out, '\n');
}

void evidence_line_cosigned(struct buf *out, struct span note, const struct tree_proof *path)
{
	buf_put_text(out, WORDS[WORD_COSIGNED]);
	put_bytes(out, note);
	put_path(out, path->path, path->count);
	buf_put_u8(out, '\n');
}

void evidence_line_question(struct buf *out, uint64_t index)
{
	buf_printf(out, "%s %" PRIu64 "\n", WORDS[WORD_QUESTION], index);
}

/* ---- reading ---- */

/* The next word of a line: up to a space, which is taken too, or to its end. */
static bool part_take(struct span *in, struct span *part)
{
	const uint8_t *space = in->len ? memchr(in->data, ' ', in->len) : NULL;
	if (in->len == 0)
		return false;
	*part = span_of(in->data, space ? (size_t)(space - in->data) : in->len);
	size_t used = part->len + (space != NULL);
	/* A space at the end would be a second spelling. */
	if (part->len == 0 || (space && used == in->len))
		return false;
	*in = span_of(in->data + used, in->len - used);
	return true;
}

/* Bytes appended to the line's room, which was made large enough at once. */
static bool bytes_take(struct span *in, struct buf *room, struct span *bytes)
{
	struct span part;
	size_t len;
	*bytes = span_of(NULL, 0);
	if (!part_take(in, &part))
		return false;
	if (part.len == 1 && part.data[0] == '-')
		return true;
	uint8_t *at = room->data + room->len;
	if (!base64_take(part, at, room->cap - room->len, &len) || len == 0)
		return false;
	room->len += len;
	*bytes = span_of(at, len);
	return true;
}

static bool path_take(struct span *in, struct buf *room, struct tree_proof *path)
{
	struct span bytes;
	if (!bytes_take(in, room, &bytes) || bytes.len % HASH_LEN != 0 ||
		bytes.len / HASH_LEN > TREE_PATH_MAX)
		return false;
	path->count = bytes.len / HASH_LEN;
	if (bytes.len != 0)
		memcpy(path->path, bytes.data, bytes.len);
	return true;
}

static bool index_take(struct span *in, uint64_t *index)
{
	struct span part;
	uint64_t value = 0;
	if (!part_take(in, &part) || part.len > DECIMAL_LEN_MAX ||
		(part.data[0] == '0' && part.len > 1))
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (part.data[i] < '0' || part.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(part.data[i] - '0');
	}
	*index = value;
	return value <= INT64_MAX;
}

static bool item_take(struct span *in, struct evidence_line *line)
{
	struct evidence_item *item = &line->item;
	struct buf *room = &line->room;
	if (!index_take(in, &item->index) || !bytes_take(in, room, &item->record) ||
		!bytes_take(in, room, &item->salt) || !bytes_take(in, room, &item->payload) ||
		!path_take(in, room, &line->path))
		return false;
	item->path = line->path.path;
	item->path_count = line->path.count;
	return item->record.len == RECORD_LEN &&
		(item->salt.len == SALT_LEN || (item->salt.len == 0 && item->payload.len == 0));
}

static enum evidence_word word_of(struct span part)
{
	for (size_t i = WORD_HEAD; i < WORD_COUNT; i++)
		if (span_equal(part, span_text(WORDS[i])))
			return (enum evidence_word)i;
	return WORD_NONE;
}

static bool rest_take(struct span *in, struct evidence_line *line)
{
	switch (line->word) {
	case WORD_NONE:
		return false;
	case WORD_HEAD:
		return true;
	case WORD_CHECKPOINT:
		return bytes_take(in, &line->room, &line->note) && line->note.len != 0;
	case WORD_RECORD:
	case WORD_ROW:
		return item_take(in, line);
	case WORD_SEALED:
		return path_take(in, &line->room, &line->path);
	case WORD_COSIGNED:
		return bytes_take(in, &line->room, &line->note) && line->note.len != 0 &&
			path_take(in, &line->room, &line->path);
	case WORD_QUESTION:
		return index_take(in, &line->item.index);
	}
	return false;
}

enum trail_err evidence_line_read(struct span text, struct evidence_line *line)
{
	struct span word;
	buf_clear(&line->room);
	line->item = (struct evidence_item){ 0 };
	line->path.count = 0;
	line->note = span_of(NULL, 0);
	line->word = WORD_NONE;
	if (text.len > EVIDENCE_LINE_MAX)
		return TRAIL_INVALID;
	if (!buf_reserve(&line->room, text.len + 1))
		return TRAIL_NOMEM;
	if (!part_take(&text, &word))
		return TRAIL_INVALID;
	line->word = word_of(word);
	return rest_take(&text, line) && text.len == 0 ? TRAIL_OK : TRAIL_INVALID;
}

void evidence_line_release(struct evidence_line *line)
{
	buf_release(&line->room);
}
