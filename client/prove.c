/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_prove: one record, and all that somebody needs who has nothing but the log identity file.
 */
#include "deadline.h"
#include "evidence.h"
#include "trail_entry.h"

#include <stdlib.h>

struct proving {
	struct trail *t;
	uint64_t index;
	int64_t deadline;
	struct reading reading; /* the record, and what it names */
	struct kept_note kept;
	struct buf before; /* what the SEAL before is made of */
	struct buf seal;   /* of the kept note */
	struct evidence evidence;
};

/* Put an item behind the others, with its path to the kept note's tree. */
static enum trail_err put_item(struct proving *p, const struct evidence_item *shown)
{
	struct evidence *e = &p->evidence;
	struct tree_proof *path = &e->paths[e->count];
	const struct prove prove = { .index = shown->index, .size = p->kept.cp.size };
	enum trail_err err = call_prove(p->t, prove, p->deadline, path);
	if (err != TRAIL_OK)
		return err;
	e->items[e->count] = *shown;
	e->items[e->count].path = path->path;
	e->items[e->count].path_count = path->count;
	e->count++;
	return TRAIL_OK;
}

/* The named entry `index`. */
static enum trail_err put_named(struct proving *p, uint64_t index)
{
	const struct answer *a = &p->reading.answer;
	for (size_t i = 0; i < a->named_count; i++)
		if (a->named[i].item.shown->index == index)
			return put_item(p, a->named[i].item.shown);
	return TRAIL_OK;
}

/* The event, genesis, its SOURCE, its PEER; each once, though they may be the same. */
static enum trail_err put_items(struct proving *p)
{
	const struct item *row = &p->reading.answer.rows[0].item;
	enum trail_err err = put_item(p, row->shown);
	if (err == TRAIL_OK && p->index != 0)
		err = put_named(p, 0);
	if (err == TRAIL_OK && row->record.source != 0)
		err = put_named(p, row->record.source);
	if (err == TRAIL_OK && row->record.peer != 0)
		err = put_named(p, row->record.peer);
	return err;
}

/* Its bytes are copied: the handle's arena serves the next call. */
static struct span copy(struct buf *to, struct span bytes)
{
	size_t at = to->len;
	buf_put_span(to, bytes);
	return to->failed ? span_of(NULL, 0) : span_of(to->data + at, bytes.len);
}

static enum trail_err put_before(struct proving *p)
{
	struct evidence_item item;
	enum trail_err err =
		evidence_fetch_seal(p->t, p->index, p->kept.cp.size, p->deadline, &item);
	if (err == TRAIL_END)
		return TRAIL_OK;
	if (err != TRAIL_OK)
		return err;
	/* Room at once, so that what is put does not move. */
	if (!buf_reserve(&p->before, RECORD_LEN + SALT_LEN + item.payload.len))
		return fault_set(&p->t->fault, TRAIL_NOMEM, "memory is out");
	item.record = copy(&p->before, item.record);
	item.salt = copy(&p->before, item.salt);
	item.payload = copy(&p->before, item.payload);
	return put_item(p, &item);
}

static enum trail_err put_seal(struct proving *p)
{
	if (p->kept.seal.len == 0)
		return TRAIL_OK;
	enum trail_err err = evidence_bare_seal(buf_view(&p->kept.seal), &p->seal);
	p->evidence.seal = buf_view(&p->seal);
	if (err == TRAIL_NOMEM)
		return fault_set(&p->t->fault, err, "memory is out");
	return err == TRAIL_OK
		? err
		: fault_set(&p->t->fault, TRAIL_CORRUPT, "the daemon gives a SEAL that is none");
}

static enum trail_err collect(struct proving *p)
{
	enum trail_err err = entry_ask(p->t, p->index, true, &p->reading);
	if (err == TRAIL_OK)
		err = evidence_fetch_note(p->t, p->index, p->deadline, &p->kept);
	if (err == TRAIL_OK)
		err = put_items(p);
	if (err == TRAIL_OK)
		err = put_before(p);
	if (err == TRAIL_OK)
		err = put_seal(p);
	p->evidence.stamp = buf_view(&p->kept.stamp);
	return err;
}

static enum trail_err write_text(struct proving *p, struct buf *text)
{
	struct fault *fault = &p->t->fault;
	struct buf extra = { 0 };
	enum trail_err err = TRAIL_OK;
	evidence_encode(&p->evidence, &extra);
	/* A time stamp can be had again; the rest cannot be done without. */
	if (extra.len > EVIDENCE_EXTRA_MAX) {
		p->evidence.stamp = span_of(NULL, 0);
		buf_clear(&extra);
		evidence_encode(&p->evidence, &extra);
	}
	if (extra.len > EVIDENCE_EXTRA_MAX) {
		err = fault_set(fault, TRAIL_TOO_BIG, "the evidence exceeds 48 KiB");
		goto out;
	}
	tlog_proof_put(
		text, buf_view(&extra), p->index, &p->evidence.paths[0], buf_view(&p->kept.note));
	if (extra.failed || text->failed)
		err = fault_set(fault, TRAIL_NOMEM, "memory is out");
out:
	buf_release(&extra);
	return err;
}

/* As whoever gets it will. */
static enum trail_err judge_text(struct proving *p, struct span text)
{
	struct trail *t = p->t;
	struct findings *found = calloc(1, sizeof *found);
	struct evidence_case *c = calloc(1, sizeof *c);
	enum trail_err err = TRAIL_NOMEM;
	if (found && c) {
		*c = (struct evidence_case){ .found = found, .identity = &t->trust.identity };
		err = evidence_judge(c, text);
		evidence_release(c);
	}
	if (err != TRAIL_OK)
		err = fault_set(&t->fault, err, "memory is out");
	else if (found->invalid != 0)
		err = fault_set(&t->fault, TRAIL_CORRUPT,
			"the daemon's evidence does not verify: %s; do not trust it",
			found->listed != 0 ? found->list[0].what : "?");
	free(found);
	free(c);
	return err;
}

static enum trail_err prove(struct proving *p, struct buf *text)
{
	enum trail_err err = collect(p);
	if (err == TRAIL_OK)
		err = write_text(p, text);
	if (err == TRAIL_OK)
		err = judge_text(p, buf_view(text));
	buf_put_u8(text, 0);
	if (err == TRAIL_OK && text->failed)
		err = fault_set(&p->t->fault, TRAIL_NOMEM, "memory is out");
	return err;
}

enum trail_err trail_prove(struct trail *t, uint64_t index, char **text, size_t *len)
{
	struct buf made = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!text || !len)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the proof");
	struct proving *p = calloc(1, sizeof *p);
	if (!p)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	p->t = t;
	p->index = index;
	p->deadline = deadline_in(t->timeout_ms);
	err = prove(p, &made);
	reading_release(&p->reading);
	kept_note_release(&p->kept);
	buf_release(&p->before);
	buf_release(&p->seal);
	free(p);
	if (err != TRAIL_OK) {
		buf_release(&made);
		return err;
	}
	*text = (char *)made.data;
	*len = made.len - 1;
	return TRAIL_OK;
}

void trail_text_free(char *text)
{
	free(text);
}
