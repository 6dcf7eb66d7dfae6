/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads: what the log signed must be what the records give. Kept ones are walked in step with the
 * spine; the signer's newest and one given with --checkpoint stand beside them, because a store
 * that lost its tail is valid in itself.
 */
#include "check_lanes.h"

static void next_mark(struct head_lane *lane)
{
	const struct mark *marks[] = { &lane->kept, &lane->signer, &lane->given };
	lane->next = UINT64_MAX;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (marks[i]->set && marks[i]->size < lane->next)
			lane->next = marks[i]->size;
	}
}

/* Whether a line of a note is as long behind its name as a witness's: key id, time, signature. */
static bool is_cosignature(struct span line)
{
	enum {
		BLOB_LEN = 4 + 8 + SIGN_LEN
	};
	uint8_t blob[BLOB_LEN];
	size_t len = 0;
	const uint8_t *space = memrchr(line.data, ' ', line.len);
	if (!space)
		return false;
	const size_t head = (size_t)(space + 1 - line.data);
	return base64_take(span_of(space + 1, line.len - head), blob, sizeof blob, &len) &&
		len == BLOB_LEN;
}

/*
 * The text, a blank line, and then the log's one signature line, maybe among cosignatures of
 * witnesses. Whose these are, a policy must say: `trail verify` judges them.
 */
static bool known_lines(struct span note, const struct vkey *key)
{
	struct span text, line;
	size_t own = 0;
	if (note_open(note, key, &text) != TRAIL_OK || text.len >= note.len)
		return false;
	struct span lines = span_of(note.data + text.len + 1, note.len - text.len - 1);
	while (note_line_take(&lines, &line))
		own += !is_cosignature(line);
	return own == 1;
}

/* The kept head that the walk stands on, into lane->kept. */
static void judge_kept(struct head_lane *lane)
{
	struct scan *scan = lane->scan;
	uint64_t size = load_be64(lane->walk.key.data);
	struct checkpoint cp;
	if (!scan->has_vkey)
		return;
	enum trail_err err = checkpoint_open(lane->walk.value, &scan->vkey, &cp);
	if (err != TRAIL_OK) {
		scan_find(scan, err == TRAIL_CORRUPT ? FIND_HEAD_NOTE : FIND_HEAD_ROW,
			FINDING_NOWHERE, "the checkpoint kept for size %llu %s; restore the store",
			(unsigned long long)size,
			err == TRAIL_CORRUPT ? "is not signed by this log" : "is malformed");
		return;
	}
	if (cp.size != size || size == 0) {
		scan_find(scan, FIND_HEAD_ROW, FINDING_NOWHERE,
			"the checkpoint of size %llu is kept under size %llu; restore the store",
			(unsigned long long)cp.size, (unsigned long long)size);
		return;
	}
	if (!known_lines(lane->walk.value, &scan->vkey))
		scan_find(scan, FIND_HEAD_LINES, FINDING_NOWHERE,
			"the checkpoint kept for size %llu has signatures that were not checked",
			(unsigned long long)size);
	lane->kept = (struct mark){ .size = size, .root = cp.root, .set = true };
}

static void next_kept(struct head_lane *lane)
{
	lane->kept.set = false;
	while (!lane->kept.set && walk_next(&lane->walk)) {
		lane->kept_before = lane->kept_last;
		lane->kept_last = load_be64(lane->walk.key.data);
		judge_kept(lane);
	}
}

static void take_signer(struct head_lane *lane)
{
	struct scan *scan = lane->scan;
	const struct evidence *evidence = scan->evidence;
	struct checkpoint cp;
	if (evidence->signer == SIGNER_DAMAGED)
		scan_find(scan, FIND_SIGNER_HEAD, FINDING_NOWHERE,
			"signer/head cannot be read: whether the store lost its tail is not known; "
			"give a later checkpoint with --checkpoint");
	if (evidence->signer != SIGNER_NOTE || !scan->has_vkey)
		return;
	struct span note = span_of(evidence->signer_note, evidence->signer_len);
	if (checkpoint_open(note, &scan->vkey, &cp) != TRAIL_OK) {
		scan_find(scan, FIND_SIGNER_NOTE, FINDING_NOWHERE,
			"the note in signer/head is not signed by this log: the signer's folder "
			"or the store was exchanged");
		return;
	}
	lane->signer = (struct mark){ .size = cp.size, .root = cp.root, .set = true };
}

static void take_given(struct head_lane *lane)
{
	struct scan *scan = lane->scan;
	struct checkpoint cp;
	if (!scan->evidence->has_checkpoint || !scan->has_vkey)
		return;
	struct span note = span_of(scan->evidence->checkpoint_note, scan->evidence->checkpoint_len);
	if (checkpoint_open(note, &scan->vkey, &cp) != TRAIL_OK) {
		scan_find(scan, FIND_CHECKPOINT_NOTE, FINDING_NOWHERE,
			"the checkpoint given with --checkpoint is not signed by this log's key "
			"%08x",
			scan->vkey.keyid);
		return;
	}
	lane->given = (struct mark){ .size = cp.size, .root = cp.root, .set = true };
}

void head_begin(struct head_lane *lane, struct scan *scan)
{
	*lane = (struct head_lane){ .scan = scan };
	walk_begin(&lane->walk, scan, scan->txn, TABLE_HEAD, span_of(NULL, 0));
	take_signer(lane);
	take_given(lane);
	next_kept(lane);
	next_mark(lane);
}

static void compare(struct head_lane *lane, const struct mark *mark, const struct hash *root,
	enum finding_code code, const char *name)
{
	struct scan_result *result = &lane->scan->box->result;
	if (hash_equal(&mark->root, root)) {
		result->heads++;
		if (mark->size > lane->fits)
			lane->fits = mark->size;
		if (mark->size > result->covered)
			result->covered = mark->size;
		return;
	}
	/*
	 * What lies in the store speaks for nobody against a head from elsewhere: whoever signed
	 * another history with the log's key signed its smaller heads, too.
	 */
	uint64_t from = mark == &lane->given ? 0 : lane->fits;
	scan_find(lane->scan, code, from,
		"the records do not give the root of %s of size %llu: the first bad one is among "
		"%llu to %llu, or the tree was signed otherwise",
		name, (unsigned long long)mark->size, (unsigned long long)from,
		(unsigned long long)(mark->size - 1));
}

void head_compare(struct head_lane *lane, const struct frontier *f)
{
	struct hash root;
	frontier_root(f, &root);
	if (lane->signer.set && lane->signer.size == f->size) {
		compare(lane, &lane->signer, &root, FIND_SIGNER_ROOT, "the signer's head");
		lane->scan->box->result.tail_known = true;
		lane->signer.set = false;
	}
	if (lane->given.set && lane->given.size == f->size) {
		compare(lane, &lane->given, &root, FIND_CHECKPOINT_ROOT, "the given checkpoint");
		lane->scan->box->result.tail_known = true;
		lane->given.set = false;
	}
	/* A damaged table may show sizes that are behind: those are findings already. */
	while (lane->kept.set && lane->kept.size <= f->size) {
		if (lane->kept.size == f->size)
			compare(lane, &lane->kept, &root, FIND_HEAD_ROOT, "the kept checkpoint");
		next_kept(lane);
	}
	next_mark(lane);
}

static void too_large(struct head_lane *lane, const struct mark *mark, uint64_t size,
	enum finding_code code, const char *name)
{
	if (!mark->set || mark->size <= size)
		return;
	lane->scan->box->result.tail_known = true;
	scan_find(lane->scan, code, size,
		"the store holds %llu records, %s has %llu: the last %llu are missing; the store "
		"was cut or an older one put in its place",
		(unsigned long long)size, name, (unsigned long long)mark->size,
		(unsigned long long)(mark->size - size));
}

void head_end(struct head_lane *lane, uint64_t size, uint64_t last_commit, bool broken)
{
	too_large(lane, &lane->signer, size, FIND_SIGNER_SIZE, "the signer's head");
	too_large(lane, &lane->given, size, FIND_CHECKPOINT_SIZE, "the given checkpoint");
	while (lane->kept.set) {
		too_large(lane, &lane->kept, size, FIND_HEAD_SIZE, "a kept checkpoint");
		next_kept(lane);
	}
	walk_count(&lane->walk);
	/* The commit of n + 1 keeps the head of n; a cosigned one of n + 1 may stand behind it. */
	if (last_commit != 0 && !broken && lane->kept_last != last_commit &&
		lane->kept_before != last_commit)
		scan_find(lane->scan, FIND_HEAD_MISSING, FINDING_NOWHERE,
			"no checkpoint is kept for size %llu, which the commit after it must "
			"keep; restore the store",
			(unsigned long long)last_commit);
}
