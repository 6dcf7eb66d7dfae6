/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A published log, with no daemon: whose it is, its checkpoint, then every bundle and every tile in
 * order; the records are judged as those of a running log are, and the root must be the signed one.
 */
#include "handle.h"
#include "tile_judge.h"
#include "tile_strays.h"
#include "verify.h"
#include "verify_marks.h"

#include "../proto/spine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	IDENTITY_LEN_MAX = 4096,
	MISSING_MAX = 1000, /* files: then it is not worth going on */
};

struct tree_run {
	struct trail *t;
	struct trail_verify *v;
	struct findings *found;
	struct tile_folder folder;
	struct log_identity identity;
	bool ours; /* the entries are records, and the identity names the first */
	struct checkpoint head;
	struct tile_judge judge;
	struct spine spine;
	struct marks marks;
	struct frontier tree;
	struct buf bundle;
	struct hash leaf[TILE_WIDTH];
};

/* ---- whose log ---- */

/* What the folder says whose log it is: TRAIL_END: nothing. */
static enum trail_err read_identity(struct tree_run *run, struct log_identity *identity)
{
	struct buf text = { 0 };
	struct fault *fault = &run->t->fault;
	enum trail_err err =
		tile_folder_read(&run->folder, TILE_IDENTITY, IDENTITY_LEN_MAX, &text, fault);
	if (err == TRAIL_OK && identity_parse(buf_view(&text), identity) != TRAIL_OK)
		err = fault_set(fault, TRAIL_CORRUPT, "%s is no log identity file", TILE_IDENTITY);
	if (err == TRAIL_CORRUPT)
		findings_add(run->found, FIND_TREE_IDENTITY, FINDING_NOWHERE,
			"%s; get the one that `trail key` prints by a path that you trust",
			fault->sentence);
	buf_release(&text);
	return err;
}

static enum trail_err take_given_identity(struct tree_run *run)
{
	struct log_identity published;
	run->identity = run->t->trust.identity;
	run->ours = true;
	enum trail_err err = read_identity(run, &published);
	if (err == TRAIL_OK && !identity_same(&published, &run->identity))
		findings_add(run->found, FIND_TREE_IDENTITY, FINDING_NOWHERE,
			"%s names another log than the identity that was given", TILE_IDENTITY);
	if (err == TRAIL_IO)
		findings_add(run->found, FIND_TREE_UNREADABLE, FINDING_NOWHERE, "%s",
			run->t->fault.sentence);
	return err == TRAIL_NOMEM ? err : TRAIL_OK;
}

/* TRAIL_END: the log cannot be known, which is a finding. */
static enum trail_err know_log(struct tree_run *run)
{
	if (run->v->has_vkey) {
		run->identity.vkey = run->v->vkey;
		return TRAIL_OK;
	}
	if (run->t->trust.level == TRAIL_TRUST_GIVEN)
		return take_given_identity(run);
	enum trail_err err = read_identity(run, &run->identity);
	run->ours = true;
	if (err == TRAIL_END)
		findings_add(run->found, FIND_TREE_UNPINNED, FINDING_NOWHERE,
			"there is no %s here, and none was given: nothing says which key signs "
			"this log; give its log identity file",
			TILE_IDENTITY);
	return err == TRAIL_CORRUPT ? TRAIL_END : err;
}

/* ---- checkpoints ---- */

static enum trail_err find_bad_head(struct tree_run *run, const char *why)
{
	findings_add(run->found, FIND_TREE_CHECKPOINT, FINDING_NOWHERE,
		"%s: without it nothing vouches for the tree; take the folder from a mirror, or "
		"publish anew",
		why);
	return TRAIL_END;
}

static enum trail_err judge_cosigners(struct tree_run *run, struct span note)
{
	enum trail_err err = verify_cosigners(
		run->v, run->t->trust.policy, &run->identity.vkey, note, run->head.size);
	return err == TRAIL_NOMEM ? fault_set(&run->t->fault, err, "memory is out") : TRAIL_OK;
}

/* TRAIL_END: there is none to verify against, which is a finding. */
static enum trail_err open_head(struct tree_run *run)
{
	struct fault *fault = &run->t->fault;
	char why[FAULT_SENTENCE_MAX];
	struct buf note = { 0 };
	enum trail_err err =
		tile_folder_read(&run->folder, TILE_CHECKPOINT, NOTE_LEN_MAX, &note, fault);
	if (err == TRAIL_END || err == TRAIL_CORRUPT) {
		err = find_bad_head(run, fault->sentence);
		goto out;
	}
	if (err != TRAIL_OK)
		goto out;
	const struct vkey *key = &run->identity.vkey;
	err = checkpoint_open(buf_view(&note), key, &run->head);
	if (err == TRAIL_OK) {
		err = judge_cosigners(run, buf_view(&note));
		goto out;
	}
	(void)snprintf(why, sizeof why,
		err == TRAIL_CORRUPT ? "the published checkpoint is not signed by %s"
				     : "the published checkpoint of %s is malformed",
		key->name);
	err = find_bad_head(run, why);
out:
	buf_release(&note);
	return err;
}

static enum trail_err take_checkpoint(struct tree_run *run)
{
	struct checkpoint cp;
	enum trail_err err = verify_open_given(run->v, &run->identity.vkey, &cp, &run->t->fault);
	if (err != TRAIL_OK || cp.size == 0)
		return err;
	if (cp.size > run->head.size)
		findings_add(run->found, FIND_CHECKPOINT_SIZE, run->head.size,
			"%" PRIu64 " records are published, %s has %" PRIu64
			": publish what is newer; if that cannot be, the log was cut: keep the "
			"checkpoint, it is evidence",
			run->head.size, VERIFY_GIVEN, cp.size);
	else
		marks_add(&run->marks, &cp, FIND_CHECKPOINT_ROOT, VERIFY_GIVEN);
	return TRAIL_OK;
}

/* ---- records ---- */

static enum trail_err judge_record(
	struct tree_run *run, uint64_t index, struct span entry, const struct hash *leaf)
{
	struct record r;
	if (entry.len != RECORD_LEN) {
		findings_add(run->found, FIND_TREE_ENTRIES, index,
			"entry %" PRIu64 " has %zu bytes, a record has %d; take it from a mirror",
			index, entry.len, RECORD_LEN);
		return TRAIL_OK;
	}
	if (index > run->spine.next)
		spine_jump(&run->spine, index);
	if (index == 0)
		verify_genesis(run->v, &run->identity, leaf);
	record_decode(entry.data, &r);
	run->v->result.checked++;
	if (spine_take(&run->spine, &r, leaf, NULL) != TRAIL_OK)
		return fault_set(&run->t->fault, TRAIL_NOMEM, "memory is out");
	return TRAIL_OK;
}

/* A log that is not ours: the entry is any bytes, unless it gives itself away. */
static enum trail_err pass_entry(struct tree_run *run, uint64_t index, struct span entry)
{
	struct record r;
	run->v->result.checked++;
	if (index != 0 || entry.len != RECORD_LEN)
		return TRAIL_OK;
	record_decode(entry.data, &r);
	if (record_known(&r) && r.kind == KIND_DAEMON)
		findings_add(run->found, FIND_TREE_UNPINNED, FINDING_NOWHERE,
			"this is a log of traild: a key alone does not say that it begins with the "
			"right record; give its log identity file");
	return TRAIL_OK;
}

static void find_bad_bundle(
	struct tree_run *run, const struct tile *tile, unsigned i, const char *how)
{
	uint64_t first = tile_leaf(0, tile->number, 0);
	findings_add(run->found, FIND_TREE_ENTRIES, first + i,
		"the bundle of the %u entries from %" PRIu64 " on %s with entry %" PRIu64
		"; take it from a mirror",
		tile->width, first, how, first + i);
}

static enum trail_err judge_entries(
	struct tree_run *run, const struct tile *tile, bool whole, unsigned *known)
{
	struct span rest = buf_view(&run->bundle);
	struct span entry;
	uint64_t first = tile_leaf(0, tile->number, 0);
	enum trail_err err = TRAIL_OK;
	unsigned count = 0;
	for (; err == TRAIL_OK && count < tile->width; count++) {
		if (tile_entry_take(&rest, &entry) != TRAIL_OK)
			break;
		hash_leaf(entry, &run->leaf[count]);
		if (run->ours)
			err = judge_record(run, first + count, entry, &run->leaf[count]);
		else
			err = pass_entry(run, first + count, entry);
	}
	*known = count;
	if (err != TRAIL_OK)
		return err;
	/* Of a full one that stands for a partial one only the beginning is the tree's. */
	bool longer = rest.len != 0 && !(whole && tile->width < TILE_WIDTH);
	if (count < tile->width)
		find_bad_bundle(run, tile, count, "ends, or is cut off,");
	else if (longer)
		find_bad_bundle(run, tile, count - 1, "does not end");
	return TRAIL_OK;
}

/* ---- the tree ---- */

/* Where the next checkpoint lies whose root the tree must give. */
static uint64_t next_mark(const struct tree_run *run)
{
	const struct marks *marks = &run->marks;
	return marks->passed < marks->count ? marks->list[marks->passed].size : UINT64_MAX;
}

/* Grow the tree by what is believed, past the checkpoints whose roots it must give. */
static void grow(struct tree_run *run, uint64_t first, unsigned width)
{
	uint64_t mark = next_mark(run);
	if (run->judge.blind)
		return;
	if (width == TILE_WIDTH && mark >= first + width) {
		frontier_append_node(&run->tree, TILE_BITS, &run->judge.root);
		if (mark == first + width)
			marks_compare(&run->marks, &run->tree, run->found);
		return;
	}
	for (unsigned i = 0; i < width; i++) {
		frontier_append(&run->tree, &run->leaf[i], NULL, NULL);
		if (next_mark(run) == first + i + 1)
			marks_compare(&run->marks, &run->tree, run->found);
	}
}

static enum trail_err judge_bundle(struct tree_run *run, uint64_t number)
{
	struct tile tile = {
		.entries = true,
		.number = number,
		.width = tile_width(run->head.size, 0, number),
	};
	unsigned known = 0;
	bool whole;
	enum trail_err err = tile_judge_read(&run->judge, &tile, &run->bundle, &whole);
	if (err == TRAIL_OK)
		err = judge_entries(run, &tile, whole, &known);
	else if (tile_judge_blame(&run->judge, &tile, err))
		err = TRAIL_OK;
	if (err == TRAIL_OK)
		err = tile_judge_leaves(&run->judge, number, run->leaf, known);
	if (err == TRAIL_OK)
		grow(run, tile_leaf(0, number, 0), tile.width);
	return err;
}

static bool tell(struct tree_run *run, uint64_t done)
{
	struct trail_verify *v = run->v;
	if (!v->progress)
		return true;
	run->t->inside = true;
	bool go_on = v->progress(v->ctx, done, run->head.size);
	run->t->inside = false;
	return go_on;
}

static enum trail_err judge_bundles(struct tree_run *run)
{
	uint64_t size = run->head.size;
	for (uint64_t number = 0; tile_width(size, 0, number) > 0; number++) {
		enum trail_err err = judge_bundle(run, number);
		if (err != TRAIL_OK)
			return err;
		uint64_t done = tile_leaf(0, number, 0) + tile_width(size, 0, number);
		if (!tell(run, done))
			return fault_set(&run->t->fault, TRAIL_MORE,
				"stopped before record %" PRIu64 " of %" PRIu64, done, size);
		if (run->judge.missing < MISSING_MAX)
			continue;
		findings_add(run->found, FIND_TREE_ENTRIES, tile_leaf(0, number + 1, 0),
			"%u files are missing: what lies behind is not looked at; take the folder "
			"from a mirror",
			run->judge.missing);
		run->judge.lost = run->judge.blind = true;
		return TRAIL_OK;
	}
	return TRAIL_OK;
}

static enum trail_err judge_tree(struct tree_run *run)
{
	struct verify_result *result = &run->v->result;
	if (run->ours && spine_init(&run->spine, run->found) != TRAIL_OK)
		return fault_set(&run->t->fault, TRAIL_NOMEM, "memory is out");
	marks_add(&run->marks, &run->head, FIND_TREE_ROOT, "the published checkpoint");
	/* Of the empty tree. */
	marks_compare(&run->marks, &run->tree, run->found);
	enum trail_err err = judge_bundles(run);
	if (err == TRAIL_OK)
		err = tile_judge_end(&run->judge);
	if (err == TRAIL_OK)
		err = tile_strays_judge(&run->judge);
	if (err == TRAIL_NOMEM)
		return fault_set(&run->t->fault, err, "memory is out");
	if (err != TRAIL_OK)
		return err;
	if (run->ours)
		spine_end(&run->spine);
	result->whole = run->tree.size == run->head.size && !run->judge.overruled;
	frontier_root(&run->tree, &result->root);
	return TRAIL_OK;
}

/* ---- from beginning to end ---- */

static enum trail_err verify_tree(struct tree_run *run)
{
	struct verify_result *result = &run->v->result;
	enum trail_err err = know_log(run);
	if (err == TRAIL_OK)
		(void)stpcpy(result->origin, run->identity.vkey.name);
	if (err == TRAIL_OK)
		err = open_head(run);
	if (err == TRAIL_OK) {
		result->size = run->head.size;
		err = take_checkpoint(run);
	}
	if (err == TRAIL_OK)
		err = judge_tree(run);
	if (err != TRAIL_OK && err != TRAIL_END)
		return err;
	result->ended = true;
	/* What was found is told by `v`; the handle itself ran into nothing. */
	fault_clear(&run->t->fault);
	return TRAIL_OK;
}

enum trail_err trail_verify_tree(struct trail *t, struct trail_verify *v, const char *folder)
{
	if (!t || !v || !folder || t->inside)
		return TRAIL_MISUSE;
	enum trail_err err = handle_enter_closed(t);
	struct tree_run *run = err == TRAIL_OK ? calloc(1, sizeof *run) : NULL;
	if (err != TRAIL_OK)
		return err;
	if (!run)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	verify_reset(v);
	run->t = t;
	run->v = v;
	run->found = &v->result.found;
	tile_judge_init(&run->judge, &run->folder, &run->head, run->found, &t->fault);
	err = tile_folder_open(&run->folder, folder, &t->fault);
	if (err == TRAIL_OK)
		err = verify_tree(run);
	tile_folder_close(&run->folder);
	tile_judge_release(&run->judge);
	spine_release(&run->spine);
	buf_release(&run->bundle);
	free(run);
	return err;
}
