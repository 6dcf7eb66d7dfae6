/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log as files that anybody may have: verified on the way, the checkpoint last. Whenever this
 * ends, by whatever, the checkpoint in the folder is one whose tiles are all there.
 */
#include "contact.h"
#include "deadline.h"
#include "tile_judge.h"
#include "verify_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct publishing {
	struct trail *t;
	struct trail_verify *v;
	struct tile_folder folder;
	struct buf note; /* of the checkpoint that is there already */
	struct page_sink sink;
	struct tile_edge edge;
	struct buf bundle; /* entries of the edge's tile of level 0 */
	uint64_t size;     /* of both */
	bool has_identity; /* in the folder */
};

/* A finding of what lies in the folder. Answers TRAIL_END: it is the verdict. */
static enum trail_err find(struct publishing *p, enum finding_code code, const char *what)
{
	findings_add(&p->v->result.found, code, FINDING_NOWHERE,
		"%s; publish into an empty folder, and keep this one if nobody can have touched "
		"it on purpose: it may be evidence",
		what);
	p->v->result.ended = true;
	return TRAIL_END;
}

/* ---- what is there already ---- */

static enum trail_err open_before(struct publishing *p)
{
	struct trail *t = p->t;
	char what[FAULT_SENTENCE_MAX];
	enum trail_err err =
		tile_folder_read(&p->folder, TILE_CHECKPOINT, NOTE_LEN_MAX, &p->note, &t->fault);
	if (err == TRAIL_END)
		return TRAIL_OK;
	if (err == TRAIL_CORRUPT)
		return find(p, FIND_TREE_CHECKPOINT, t->fault.sentence);
	if (err != TRAIL_OK)
		return err;
	err = checkpoint_open(buf_view(&p->note), &t->trust.identity.vkey, &p->sink.since);
	if (err == TRAIL_OK)
		return err;
	(void)snprintf(what, sizeof what, "%s/%s is %s %s", p->folder.path, TILE_CHECKPOINT,
		err == TRAIL_INVALID ? "no checkpoint of" : "not signed by",
		t->trust.identity.vkey.name);
	return find(p, FIND_TREE_CHECKPOINT, what);
}

/* Where it lies in the folder and is not this log's: the same finding as for who reads it. */
static enum trail_err compare_identity(struct publishing *p)
{
	struct trail *t = p->t;
	struct buf text = { 0 };
	enum trail_err err = tile_folder_read(
		&p->folder, TILE_IDENTITY, strlen(t->trust.text) + 1, &text, &t->fault);
	p->has_identity = err == TRAIL_OK;
	bool same = span_equal(buf_view(&text), span_text(t->trust.text));
	buf_release(&text);
	if (err == TRAIL_CORRUPT || (err == TRAIL_OK && !same))
		return find(p, FIND_TREE_IDENTITY,
			"the folder's " TILE_IDENTITY " is not that of this log");
	return err == TRAIL_END ? TRAIL_OK : err;
}

/* The entries under the edge's tile of level 0, which must be those. */
static enum trail_err load_bundle(struct publishing *p, struct tile_judge *j)
{
	struct tile tile = {
		.entries = true,
		.number = tile_full_count(p->size, 0),
		.width = p->edge.count[0],
	};
	struct buf file = { 0 };
	struct span rest;
	struct span entry;
	struct hash leaf;
	bool whole;
	if (tile.width == 0)
		return TRAIL_OK;
	enum trail_err err = tile_judge_read(j, &tile, &file, &whole);
	rest = buf_view(&file);
	for (unsigned i = 0; err == TRAIL_OK && i < tile.width; i++) {
		err = tile_entry_take(&rest, &entry);
		if (err == TRAIL_OK)
			hash_leaf(entry, &leaf);
		if (err == TRAIL_OK && hash_equal(&leaf, &p->edge.hash[0][i]))
			tile_entry_put(&p->bundle, entry);
		else
			err = fault_set(j->fault, TRAIL_CORRUPT,
				"entry %" PRIu64 " is not the one that was published",
				tile_leaf(0, tile.number, i));
	}
	buf_release(&file);
	if (err == TRAIL_END || err == TRAIL_CORRUPT)
		return find(p, FIND_TREE_ENTRIES, j->fault->sentence);
	return err;
}

/* The partial tiles at the right edge, which must give the root of the checkpoint. */
static enum trail_err load_edge(struct publishing *p, struct tile_judge *j)
{
	struct hash root;
	enum trail_err err = TRAIL_OK;
	for (unsigned level = 0; err == TRAIL_OK && level < TILE_LEVELS; level++) {
		struct tile tile = { .level = level, .number = tile_full_count(p->size, level) };
		bool whole;
		tile.width = tile_width(p->size, level, tile.number);
		if (tile.width == 0)
			continue;
		err = tile_judge_read(j, &tile, &j->above, &whole);
		if (err != TRAIL_OK)
			break;
		p->edge.count[level] = tile.width;
		memcpy(p->edge.hash[level], j->above.data, (size_t)tile.width * HASH_LEN);
	}
	if (err == TRAIL_OK) {
		tile_edge_root(&p->edge, &root);
		if (!hash_equal(&root, &p->sink.since.root))
			err = fault_set(j->fault, TRAIL_CORRUPT,
				"the last tiles in %s do not give the root of the checkpoint "
				"there",
				p->folder.path);
	}
	if (err == TRAIL_END || err == TRAIL_CORRUPT)
		return find(p, FIND_TREE_TILE, j->fault->sentence);
	return err == TRAIL_OK ? load_bundle(p, j) : err;
}

static enum trail_err load(struct publishing *p)
{
	struct tile_judge *j = calloc(1, sizeof *j);
	if (!j)
		return fault_set(&p->t->fault, TRAIL_NOMEM, "memory is out");
	p->size = p->sink.since.size;
	tile_judge_init(j, &p->folder, &p->sink.since, &p->v->result.found, &p->t->fault);
	enum trail_err err = load_edge(p, j);
	tile_judge_release(j);
	free(j);
	return err;
}

/* ---- what comes ---- */

static enum trail_err put_tile(struct publishing *p, const struct tile *tile, struct span content)
{
	char name[TILE_PATH_MAX];
	tile_path(tile, name);
	return tile_folder_put(&p->folder, name, content, &p->t->fault);
}

/* The edge's tile of a level, full or not; and the bundle under the lowest. */
static enum trail_err put_level(struct publishing *p, unsigned level)
{
	struct tile tile = {
		.level = level,
		.number = tile_full_count(p->size - 1, level),
		.width = p->edge.count[level],
	};
	enum trail_err err =
		put_tile(p, &tile, span_of(p->edge.hash[level], (size_t)tile.width * HASH_LEN));
	tile.entries = true;
	if (err == TRAIL_OK && level == 0)
		err = put_tile(p, &tile, buf_view(&p->bundle));
	return err;
}

static enum trail_err take_record(
	struct publishing *p, const uint8_t bytes[RECORD_LEN], struct hash hash)
{
	tile_entry_put(&p->bundle, span_of(bytes, RECORD_LEN));
	if (p->bundle.failed)
		return fault_set(&p->t->fault, TRAIL_NOMEM, "memory is out");
	p->size++;
	for (unsigned level = 0; tile_edge_put(&p->edge, level, &hash); level++) {
		enum trail_err err = put_level(p, level);
		if (err != TRAIL_OK)
			return err;
		tile_edge_close(&p->edge, level, &hash);
		if (level == 0)
			buf_clear(&p->bundle);
	}
	return TRAIL_OK;
}

static enum trail_err take_page(void *ctx, const struct page *page)
{
	struct publishing *p = ctx;
	for (size_t i = 0; i < page->count; i++) {
		enum trail_err err = take_record(p, page->bytes + i * RECORD_LEN, page->leaf[i]);
		if (err != TRAIL_OK)
			return err;
	}
	return TRAIL_OK;
}

/* ---- the end ---- */

/*
 * The note that witnesses cosigned, as the daemon has it now, where it is of the very tree that is
 * published; else empty. Of the daemon's answer: good until it is asked again.
 */
static enum trail_err ask_cosigned(struct publishing *p, struct span *note)
{
	struct trail *t = p->t;
	const struct checkpoint *published = &t->trust.held.cp;
	struct request request = { .kind = REQUEST_CHECKPOINT };
	struct response answer;
	struct checkpoint cp;
	*note = span_of(NULL, 0);
	enum trail_err err =
		call_wait(t, &request, RESPONSE_CHECKPOINT, deadline_in(t->timeout_ms), &answer);
	if (err != TRAIL_OK || answer.checkpoint.cosigned.len == 0 ||
		checkpoint_open(answer.checkpoint.cosigned, &t->trust.identity.vkey, &cp) !=
			TRAIL_OK ||
		cp.size != published->size)
		return err;
	if (!hash_equal(&cp.root, &published->root)) {
		findings_add(&p->v->result.found, FIND_DAEMON_PROOF, FINDING_NOWHERE,
			"the log signed one tree of %" PRIu64
			" records, and witnesses cosigned another: it has two histories; keep "
			"both, they are evidence",
			cp.size);
		return TRAIL_END;
	}
	*note = answer.checkpoint.cosigned;
	return TRAIL_OK;
}

static enum trail_err put_identity(struct publishing *p)
{
	if (p->has_identity)
		return TRAIL_OK;
	return tile_folder_put(
		&p->folder, TILE_IDENTITY, span_text(p->t->trust.text), &p->t->fault);
}

static enum trail_err put_checkpoint(struct publishing *p, struct span note)
{
	enum trail_err err = tile_folder_put(&p->folder, TILE_CHECKPOINT, note, &p->t->fault);
	return err == TRAIL_OK ? tile_folder_sync(&p->folder, &p->t->fault) : err;
}

/*
 * Who holds an earlier checkpoint asks for its partial tiles until the full ones are there, and
 * takes those then.
 */
static void prune(struct publishing *p)
{
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		struct tile tile = {
			.level = level,
			.number = tile_full_count(p->sink.since.size, level),
			.width = TILE_WIDTH,
		};
		if (tile.number >= tile_full_count(p->size, level))
			continue;
		tile_folder_prune(&p->folder, &tile);
		tile.entries = true;
		if (level == 0)
			tile_folder_prune(&p->folder, &tile);
	}
}

static enum trail_err finish(struct publishing *p)
{
	struct trail *t = p->t;
	struct span cosigned;
	enum trail_err err = ask_cosigned(p, &cosigned);
	for (unsigned level = 0; err == TRAIL_OK && level < TILE_LEVELS; level++)
		if (p->edge.count[level] > 0)
			err = put_level(p, level);
	if (err == TRAIL_OK)
		err = put_identity(p);
	/* All of it is durable before anything speaks of it. */
	if (err == TRAIL_OK)
		err = tile_folder_sync(&p->folder, &t->fault);
	if (err == TRAIL_OK)
		err = put_checkpoint(
			p, cosigned.len != 0 ? cosigned : buf_view(&t->trust.held.note));
	if (err == TRAIL_OK)
		prune(p);
	return err;
}

/* ---- from beginning to end ---- */

static size_t lines(struct span note)
{
	struct span line;
	size_t count = 0;
	while (note_line_take(&note, &line))
		count++;
	return count;
}

/* The tree is published already; witnesses may have signed it since. */
static enum trail_err publish_nothing(struct publishing *p)
{
	struct verify_result *result = &p->v->result;
	const struct sighting *held = &p->t->trust.held;
	if (!hash_equal(&held->cp.root, &p->sink.since.root))
		return find(p, FIND_PUBLISH_PREFIX,
			"the log shows another tree of the size that is published here: its "
			"history was changed");
	result->size = result->since = held->cp.size;
	result->root = held->cp.root;
	result->whole = result->ended = true;
	fault_clear(&p->t->fault);
	struct span cosigned;
	enum trail_err err = ask_cosigned(p, &cosigned);
	if (err == TRAIL_OK)
		err = put_identity(p);
	if (err == TRAIL_OK && lines(cosigned) > lines(buf_view(&p->note)))
		return put_checkpoint(p, cosigned);
	return err == TRAIL_OK && !p->has_identity ? tile_folder_sync(&p->folder, &p->t->fault)
						   : err;
}

static enum trail_err publish_more(struct publishing *p)
{
	enum trail_err err = TRAIL_OK;
	if (p->sink.since.size > 0 && p->sink.since.size < p->t->trust.held.cp.size)
		err = load(p);
	if (err == TRAIL_OK)
		err = verify_into(p->t, p->v, &p->sink);
	if (err != TRAIL_OK || p->v->result.found.invalid != 0)
		return err;
	return finish(p);
}

static enum trail_err publish(struct publishing *p, const char *folder)
{
	enum trail_err err = tile_folder_claim(&p->folder, folder, &p->t->fault);
	if (err == TRAIL_OK)
		err = open_before(p);
	if (err == TRAIL_OK)
		err = compare_identity(p);
	if (err != TRAIL_OK)
		return err;
	if (p->note.len != 0 && p->sink.since.size == p->t->trust.held.cp.size)
		return publish_nothing(p);
	return publish_more(p);
}

enum trail_err trail_publish(struct trail *t, struct trail_verify *v, const char *folder)
{
	if (!t || !v || !folder || t->inside)
		return TRAIL_MISUSE;
	struct publishing *p = calloc(1, sizeof *p);
	enum trail_err err = verify_begin(t, v);
	if (err == TRAIL_OK && !p)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (p && err == TRAIL_OK) {
		p->t = t;
		p->v = v;
		p->sink.take = take_page;
		p->sink.ctx = p;
		err = publish(p, folder);
		tile_folder_close(&p->folder);
		buf_release(&p->note);
		buf_release(&p->bundle);
	}
	free(p);
	return err == TRAIL_END ? TRAIL_OK : err;
}
