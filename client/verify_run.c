/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verification: the newest checkpoint first, then every record below it, streamed, hashed by
 * the crew and judged here, in order; at the end the root must be the signed one.
 */
#include "verify_run.h"

#include "contact.h"
#include "deadline.h"
#include "pins.h"
#include "verify_base.h"
#include "verify_marks.h"
#include "verify_open.h"
#include "verify_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct verifying {
	struct trail *t;
	struct trail_verify *v;
	struct findings *found;
	struct checkpoint head;       /* all is verified against this one */
	struct buf note;              /* that signed it */
	struct checkpoint since;      /* size 0: from the beginning */
	const struct page_sink *sink; /* NULL: nobody but the judges sees the records */
	struct marks marks;
	struct spine spine;
	struct frontier tree;
	struct frontier edge; /* before the newest SEAL */
	struct opener opener; /* payloads, and what they say of the log itself */
	uint64_t now_ns;      /* when `head` was the newest checkpoint */
};

/* ---- what answers say ---- */

/*
 * Make a finding of an answer that speaks against the daemon, or of one that withholds what its own
 * checkpoint covers. False: it is no matter of the log, and t->fault says what it is.
 */
static bool blame(struct verifying *run, enum trail_err err, uint64_t index)
{
	struct trail *t = run->t;
	if (err == TRAIL_CORRUPT) {
		findings_add(run->found, FIND_DAEMON_PAGE, index, "at record %" PRIu64 ": %s",
			index, t->fault.sentence);
		return true;
	}
	if (t->state != HANDLE_OPEN ||
		(err != TRAIL_UNAVAILABLE && err != TRAIL_INVALID && err != TRAIL_UNSUPPORTED))
		return false;
	findings_add(run->found, FIND_DAEMON_WITHHELD, index,
		"the daemon does not give record %" PRIu64 ", which its checkpoint of %" PRIu64
		" covers: %s",
		index, run->head.size, t->fault.sentence);
	return true;
}

static enum trail_err ask_proof(struct verifying *run, struct prove prove, struct tree_proof *proof)
{
	return call_prove(run->t, prove, deadline_in(run->t->timeout_ms), proof);
}

static enum trail_err ask_record(
	struct verifying *run, uint64_t index, struct record *r, struct hash *leaf)
{
	struct trail *t = run->t;
	struct response answer;
	struct request request = {
		.kind = REQUEST_RECORDS,
		.records = { .first = index, .limit = 1 },
	};
	int64_t deadline = deadline_in(t->timeout_ms);
	enum trail_err err = call_wait(t, &request, RESPONSE_RECORDS, deadline, &answer);
	if (err != TRAIL_OK)
		return err;
	if (answer.records.first != index || answer.records.records.len != RECORD_LEN)
		return fault_set(&t->fault, TRAIL_CORRUPT, "the daemon gave another record");
	record_decode(answer.records.records.data, r);
	record_leaf(answer.records.records.data, leaf);
	return TRAIL_OK;
}

/* ---- checkpoints that were given ---- */

/* *usable: a finding or the log's size does not speak against it. */
static bool fits_in(struct verifying *run, const struct checkpoint *cp, const char *name)
{
	if (cp->size <= run->head.size)
		return true;
	findings_add(run->found, run->sink ? FIND_PUBLISH_PREFIX : FIND_CHECKPOINT_SIZE,
		run->head.size,
		"the log shows %" PRIu64 " records, %s has %" PRIu64 ": the last %" PRIu64
		" are missing; it was cut, or an older copy put in its place: keep the checkpoint, "
		"it is evidence",
		run->head.size, name, cp->size, cp->size - run->head.size);
	return false;
}

/* That the daemon's head extends `cp`, by its own proof; for what the stream does not pass. */
static enum trail_err check_extends(
	struct verifying *run, const struct checkpoint *cp, const char *name)
{
	struct tree_proof proof;
	if (cp->size == 0)
		return TRAIL_OK;
	enum trail_err err = ask_proof(run,
		(struct prove){ .consistency = true, .from = cp->size, .size = run->head.size },
		&proof);
	if (err != TRAIL_OK)
		return blame(run, err, cp->size - 1) ? TRAIL_OK : err;
	if (!tree_consistency_check(cp->size, &cp->root, run->head.size, &run->head.root, &proof))
		findings_add(run->found, run->sink ? FIND_PUBLISH_PREFIX : FIND_DAEMON_PROOF,
			FINDING_NOWHERE,
			"the daemon cannot prove that its checkpoint of %" PRIu64
			" records extends "
			"%s of %" PRIu64 ": its history was changed; keep both, they are evidence",
			run->head.size, name, cp->size);
	return TRAIL_OK;
}

static enum trail_err take_checkpoint(struct verifying *run)
{
	struct trail *t = run->t;
	struct checkpoint cp;
	enum trail_err err = verify_open_given(run->v, &t->trust.identity.vkey, &cp, &t->fault);
	if (err != TRAIL_OK || !fits_in(run, &cp, VERIFY_GIVEN))
		return err;
	if (cp.size <= run->since.size)
		return check_extends(run, &cp, VERIFY_GIVEN);
	marks_add(&run->marks, &cp, FIND_CHECKPOINT_ROOT, VERIFY_GIVEN);
	return TRAIL_OK;
}

/* ---- what witnesses cosigned ---- */

/* A cosigned checkpoint, signed by the log, against its records. */
static enum trail_err judge_cosigned(struct verifying *run, const struct checkpoint *cp)
{
	static const char NAME[] = "the checkpoint that witnesses cosigned";
	struct tree_proof proof;
	if (cp->size <= run->since.size)
		return check_extends(run, cp, NAME);
	if (cp->size <= run->head.size) {
		marks_add(&run->marks, cp, FIND_CHECKPOINT_ROOT, NAME);
		return TRAIL_OK;
	}
	/* The log grew meanwhile. */
	enum trail_err err = ask_proof(run,
		(struct prove){ .consistency = true, .from = run->head.size, .size = cp->size },
		&proof);
	if (err != TRAIL_OK)
		return blame(run, err, run->head.size) ? TRAIL_OK : err;
	if (!tree_consistency_check(run->head.size, &run->head.root, cp->size, &cp->root, &proof))
		findings_add(run->found, FIND_DAEMON_PROOF, FINDING_NOWHERE,
			"the daemon cannot prove that %s of %" PRIu64
			" records extends its own of %" PRIu64
			": it has two histories; keep both, they are evidence",
			NAME, cp->size, run->head.size);
	return TRAIL_OK;
}

static enum trail_err take_cosigned(struct verifying *run)
{
	struct trail *t = run->t;
	const struct policy *policy = t->trust.policy;
	struct response answer;
	struct request request = { .kind = REQUEST_CHECKPOINT };
	struct checkpoint cp = { 0 };
	if (!policy || run->sink)
		return TRAIL_OK;
	enum trail_err err =
		call_wait(t, &request, RESPONSE_CHECKPOINT, deadline_in(t->timeout_ms), &answer);
	if (err != TRAIL_OK)
		return err;
	struct span note = answer.checkpoint.cosigned;
	if (note.len != 0 && checkpoint_open(note, &t->trust.identity.vkey, &cp) != TRAIL_OK) {
		findings_add(run->found, FIND_CHECKPOINT_NOTE, FINDING_NOWHERE,
			"the checkpoint that the daemon calls cosigned is not signed by the log");
		return TRAIL_OK;
	}
	err = verify_cosigners(run->v, policy, &t->trust.identity.vkey, note, cp.size);
	if (err == TRAIL_NOMEM)
		return fault_set(&t->fault, err, "memory is out");
	return err != TRAIL_OK || cp.size == 0 ? TRAIL_OK : judge_cosigned(run, &cp);
}

/* ---- where to begin ---- */

/* The note that was found valid last. */
static enum trail_err recall_verified(struct trail *t, struct buf *note)
{
	const char *folder = contact_folder(t);
	struct pin *pin = calloc(1, sizeof *pin);
	enum trail_err err = TRAIL_END;
	if (!pin)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (folder)
		err = pins_read_verified(folder, t->trust.identity.vkey.name, pin, &t->fault);
	if (err == TRAIL_END)
		err = fault_set(&t->fault, TRAIL_END,
			"no verification of %s was valid yet for this user; verify it from the "
			"beginning once",
			t->trust.identity.vkey.name);
	if (err == TRAIL_OK)
		buf_put(note, pin->note, pin->note_len);
	free(pin);
	return err;
}

static enum trail_err open_since(struct verifying *run)
{
	struct trail *t = run->t;
	const struct vkey *key = &t->trust.identity.vkey;
	struct buf note = { 0 };
	enum trail_err err = TRAIL_OK;
	if (run->sink) {
		run->since = run->sink->since;
		return TRAIL_OK;
	}
	if (run->v->resume)
		err = recall_verified(t, &note);
	else
		buf_put_span(&note, buf_view(&run->v->since));
	if (err == TRAIL_OK && note.failed)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (err != TRAIL_OK || note.len == 0)
		goto out;
	err = checkpoint_open(buf_view(&note), key, &run->since);
	if (err != TRAIL_OK)
		err = fault_set(&t->fault, TRAIL_INVALID,
			"what to begin behind is %s; verify from the beginning, or give a "
			"checkpoint of this log",
			err == TRAIL_INVALID ? "no checkpoint" : "not signed by this log");
out:
	buf_release(&note);
	return err;
}

/* The right edge of the tree behind run->since, and the record before it. */
static enum trail_err begin_behind(struct verifying *run, bool *begun)
{
	const struct checkpoint *since = &run->since;
	uint64_t last = since->size - 1;
	struct tree_proof proof;
	struct record r;
	struct hash leaf;
	*begun = false;
	enum trail_err err = ask_record(run, last, &r, &leaf);
	if (err == TRAIL_OK)
		err = ask_proof(run, (struct prove){ .index = last, .size = since->size }, &proof);
	if (err != TRAIL_OK)
		return blame(run, err, last) ? TRAIL_OK : err;
	if (!frontier_from_last(&run->tree, since->size, &leaf, &proof, &since->root)) {
		findings_add(run->found, FIND_DAEMON_PROOF, FINDING_NOWHERE,
			"the daemon cannot prove that record %" PRIu64 " is the last one of the "
			"tree of %" PRIu64 " that was verified before: something before it was "
			"changed since; verify from the beginning to see what",
			last, since->size);
		return TRAIL_OK;
	}
	spine_resume(&run->spine, since->size, &leaf, r.received_ns);
	run->marks.fits = since->size;
	*begun = true;
	err = base_learn(run->t, &run->head, since->size, &run->opener.control);
	if (err != TRAIL_OK)
		seals_jump(&run->opener.control.seals);
	return err == TRAIL_OK || blame(run, err, last) ? TRAIL_OK : err;
}

/* Whether the records can be streamed: *begun. What speaks against it is a finding. */
static enum trail_err begin(struct verifying *run, bool *begun)
{
	const char *name = run->sink ? "the checkpoint that was published before,"
				     : "the checkpoint that was verified before,";
	const struct checkpoint *kept = &run->t->trust.kept;
	*begun = fits_in(run, &run->since, name);
	run->v->result.since = run->since.size;
	enum trail_err err = take_checkpoint(run);
	if (err == TRAIL_OK)
		err = take_cosigned(run);
	if (err != TRAIL_OK || !*begun)
		return err;
	/* It was proven to be a prefix when the contact was made; here it narrows down a misfit. */
	if (kept->size > run->since.size && kept->size < run->head.size)
		marks_add(&run->marks, kept, FIND_HEAD_ROOT, "the checkpoint kept before,");
	marks_add(&run->marks, &run->head, FIND_HEAD_ROOT, "the newest checkpoint,");
	if (run->since.size == 0)
		return TRAIL_OK;
	err = check_extends(run, &run->since, name);
	return err == TRAIL_OK ? begin_behind(run, begun) : err;
}

/* ---- the records ---- */

/* False: stop. */
static bool tell(struct verifying *run)
{
	struct trail_verify *v = run->v;
	if (!v->progress)
		return true;
	run->t->inside = true;
	bool go_on = v->progress(v->ctx, run->spine.next, run->head.size);
	run->t->inside = false;
	return go_on;
}

static enum trail_err stopped(struct verifying *run)
{
	return fault_set(&run->t->fault, TRAIL_MORE,
		"stopped before record %" PRIu64 " of %" PRIu64, run->spine.next, run->head.size);
}

/* What the payload says, where it is asked for. */
static enum trail_err open_payload(struct verifying *run, const uint8_t bytes[RECORD_LEN],
	const struct record *r, struct control_facts *facts)
{
	enum trail_err err;
	while ((err = opener_take(&run->opener, bytes, r, facts)) == TRAIL_MORE) {
		if (!tell(run))
			return stopped(run);
	}
	if (err == TRAIL_OK || run->v->payloads || !blame(run, err, run->spine.next))
		return err;
	/* Of control entries no more will come; the records can be judged without. */
	opener_give_up(&run->opener);
	return TRAIL_OK;
}

static void take_seal(
	struct verifying *run, const struct page *page, size_t i, const struct record *r)
{
	struct hash root;
	if (r->kind != KIND_SEAL || !record_known(r))
		return;
	/* The tree grows by whole pages. */
	if (run->edge.size < run->tree.size)
		run->edge = run->tree;
	while (run->edge.size < page->first + i)
		frontier_append(&run->edge, &page->leaf[run->edge.size - page->first], NULL, NULL);
	frontier_root(&run->edge, &root);
	/* A start may stand between it and the one before, and nobody shows it. */
	if (run->opener.closed)
		seals_excuse(&run->opener.control.seals);
	seals_take(&run->opener.control.seals, page->first + i, r, &root);
}

static enum trail_err judge_record(struct verifying *run, const struct page *page, size_t i)
{
	const uint8_t *bytes = page->bytes + i * RECORD_LEN;
	struct control_facts facts = { 0 };
	struct record r;
	record_decode(bytes, &r);
	enum trail_err err = open_payload(run, bytes, &r, &facts);
	if (err != TRAIL_OK)
		return err;
	if (spine_take(&run->spine, &r, &page->leaf[i], &facts) != TRAIL_OK)
		return fault_set(&run->t->fault, TRAIL_NOMEM, "memory is out");
	take_seal(run, page, i, &r);
	run->v->result.checked++;
	return TRAIL_OK;
}

static enum trail_err judge_page(struct verifying *run, const struct page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		enum trail_err err = judge_record(run, page, i);
		if (err != TRAIL_OK)
			return err;
	}
	if (page->first == 0)
		verify_genesis(run->v, &run->t->trust.identity, &page->leaf[0]);
	for (size_t i = 0; i < page->node_count; i++)
		frontier_append_node(&run->tree, page->node[i].level, &page->node[i].hash);
	marks_compare(&run->marks, &run->tree, run->found);
	return run->sink ? run->sink->take(run->sink->ctx, page) : TRAIL_OK;
}

static enum trail_err judge_all(struct verifying *run, struct stream *stream)
{
	struct page *page;
	uint64_t at = 0;
	for (;;) {
		enum trail_err err = stream_next(stream, &page, &at);
		if (err == TRAIL_OK) {
			err = judge_page(run, page);
			at = run->spine.next;
			stream_pass(stream);
			/* Told to stop among the payloads. */
			if (err == TRAIL_MORE)
				return err;
		}
		if (err == TRAIL_END)
			return TRAIL_OK;
		if (err != TRAIL_OK && err != TRAIL_MORE)
			return blame(run, err, at) ? TRAIL_OK : err;
		if (!tell(run))
			return stopped(run);
	}
}

/* How far the log is sealed; it runs, so it must have done so lately. */
static void end_seals(struct verifying *run)
{
	struct verify_result *result = &run->v->result;
	struct seals *seals = &run->opener.control.seals;
	if (result->whole)
		seals_running(seals, run->head.size, run->now_ns);
	result->seals = seals->count;
	result->sealed = seals->sealed;
	result->sealed_index = seals->sealed_index;
	result->sealed_ns = seals->sealed_ns;
}

static enum trail_err stream_all(struct verifying *run)
{
	struct verify_result *result = &run->v->result;
	struct stream stream = { 0 };
	opener_begin(&run->opener, run->v->payloads, run->head.size);
	enum trail_err err = stream_open(&stream, run->t, run->v->threads, run->tree.size,
		run->marks.sizes, run->marks.count);
	if (err == TRAIL_OK)
		err = judge_all(run, &stream);
	calls_end(run->t);
	stream_close(&stream);
	opener_end(&run->opener);
	spine_end(&run->spine);
	result->whole = run->tree.size == run->head.size;
	frontier_root(&run->tree, &result->root);
	end_seals(run);
	return err;
}

/* ---- from beginning to end ---- */

/* Remember that this was valid, for who resumes. */
static enum trail_err keep_verified(struct verifying *run)
{
	struct trail *t = run->t;
	const char *folder = contact_folder(t);
	if (!folder)
		return TRAIL_OK;
	struct pin *pin = calloc(1, sizeof *pin);
	if (!pin)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	pin->identity = t->trust.identity;
	pin->note_len = run->note.len;
	memcpy(pin->note, run->note.data, run->note.len);
	enum trail_err err =
		pins_write_verified(folder, pin, deadline_in(t->timeout_ms), &t->fault);
	free(pin);
	return err;
}

static enum trail_err contradict(struct trail *t, struct trail_verify *v)
{
	findings_add(
		&v->result.found, FIND_DAEMON_CONTACT, FINDING_NOWHERE, "%s", t->fault.sentence);
	v->result.ended = true;
	return TRAIL_END;
}

static enum trail_err verify(struct verifying *run)
{
	struct trail_verify *v = run->v;
	bool begun;
	if (spine_init(&run->spine, run->found) != TRAIL_OK)
		return fault_set(&run->t->fault, TRAIL_NOMEM, "memory is out");
	enum trail_err err = opener_open(&run->opener, run->t, &v->result, &run->spine);
	if (err == TRAIL_OK)
		err = open_since(run);
	if (err == TRAIL_OK)
		err = begin(run, &begun);
	if (err == TRAIL_OK && begun)
		err = stream_all(run);
	if (err != TRAIL_OK)
		return err;
	v->result.ended = true;
	/* What was found is told by `v`; the handle itself ran into nothing. */
	fault_clear(&run->t->fault);
	if (run->sink || trail_verify_verdict(v) != TRAIL_VERDICT_VALID)
		return TRAIL_OK;
	return keep_verified(run);
}

enum trail_err verify_into(struct trail *t, struct trail_verify *v, const struct page_sink *sink)
{
	const struct sighting *held = &t->trust.held;
	struct verifying run = {
		.t = t,
		.v = v,
		.found = &v->result.found,
		.head = held->cp,
		.now_ns = (uint64_t)clock_wall_ns(),
		.sink = sink,
	};
	v->result.size = run.head.size;
	buf_put_span(&run.note, buf_view(&held->note));
	enum trail_err err =
		run.note.failed ? fault_set(&t->fault, TRAIL_NOMEM, "memory is out") : verify(&run);
	opener_close(&run.opener);
	spine_release(&run.spine);
	buf_release(&run.note);
	return err;
}

enum trail_err verify_begin(struct trail *t, struct trail_verify *v)
{
	verify_reset(v);
	(void)stpcpy(v->result.origin, t->trust.identity.vkey.name);
	/* trail_open, or a call since, found out that this is not the log that it must be. */
	if (t->state != HANDLE_OPEN && t->fault.code == TRAIL_CORRUPT && t->pid == getpid())
		return contradict(t, v);
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (t->submitted > 0)
		return fault_set(&t->fault, TRAIL_MISUSE,
			"%zu requests are in flight; call trail_flush first", t->submitted);
	err = contact_refresh(t, deadline_in(t->timeout_ms));
	return err == TRAIL_CORRUPT ? contradict(t, v) : err;
}

enum trail_err trail_verify_run(struct trail *t, struct trail_verify *v)
{
	if (!t || !v || t->inside)
		return TRAIL_MISUSE;
	enum trail_err err = verify_begin(t, v);
	if (err == TRAIL_OK)
		return verify_into(t, v, NULL);
	return err == TRAIL_END ? TRAIL_OK : err;
}
