/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a running daemon, compared with the log by the daemon itself: asked for, waited for,
 * told as findings.
 */
#include "call.h"
#include "deadline.h"
#include "verify_run.h"

#include <inttypes.h>

enum {
	NAP_MS = 200 /* between two questions how it stands */
};

static const char ANEW[] = "; the daemon makes this part anew, and searches read the log meanwhile";

static void add_dropped(struct findings *found, const struct index_difference *d)
{
	findings_add(found, FIND_INDEX_DROPPED, d->index,
		"record %" PRIu64 " is missing from the index by its %.*s: searches that used the "
		"index left it out; ask them again%s",
		d->index, (int)d->field.len, (const char *)d->field.data, ANEW);
}

static void add_difference(struct findings *found, const struct index_difference *d)
{
	switch (d->what) {
	case DIFFERENCE_DROPPED:
		add_dropped(found, d);
		break;
	case DIFFERENCE_ADDED:
		findings_add(found, FIND_INDEX_ADDED, d->index,
			"record %" PRIu64
			" is in the index by another %.*s than its own: no answer shows it for "
			"that, but the index was changed%s",
			d->index, (int)d->field.len, (const char *)d->field.data, ANEW);
		break;
	case DIFFERENCE_DAMAGED:
		findings_add(found, FIND_INDEX_DAMAGED, d->index,
			"the index's file from record %" PRIu64
			" on contradicts its seal or its own counts%s",
			d->index, ANEW);
		break;
	case DIFFERENCE_UNJUDGED:
		findings_add(found, FIND_INDEX_UNJUDGED, d->index,
			"the log cannot be read behind record %" PRIu64
			", so the index was not compared there; run `traild check`",
			d->index);
		break;
	}
}

static void take_answer(struct trail_verify *v, const struct index_check_answer *a)
{
	struct findings *found = &v->result.found;
	for (size_t i = 0; i < a->difference_count; i++)
		add_difference(found, &a->differences[i]);
	if (a->job == 0)
		findings_add(found, FIND_INDEX_NONE, FINDING_NOWHERE,
			"the daemon keeps no index (index = false): every search reads the log "
			"itself, and there is nothing to compare");
	if (a->failed)
		findings_add(found, FIND_INDEX_UNJUDGED, FINDING_NOWHERE,
			"the daemon could not compare all of its index: memory or room on its disk "
			"ran out; look at its messages and run this again");
	/* What was not listed counts all the same. */
	if (a->found > a->difference_count)
		found->invalid += a->found - a->difference_count;
	if (a->job != 0 && !a->failed)
		v->result.checked = a->indexed < v->result.size ? a->indexed : v->result.size;
	v->result.proof.numbers[TRAIL_PROOF_FILES] = a->files;
	v->result.ended = true;
}

/* Tell how far it is, and wait a moment. False: the caller wants no more. */
static bool go_on(struct trail *t, const struct trail_verify *v, const struct index_check_answer *a)
{
	int64_t until = deadline_in(NAP_MS);
	bool more = true;
	if (v->progress) {
		t->inside = true;
		more = v->progress(v->ctx, a->done, a->all);
		t->inside = false;
	}
	while (more && deadline_left(until) > 0)
		deadline_pause(until);
	return more;
}

static enum trail_err compare(struct trail *t, struct trail_verify *v)
{
	struct index_check_wanted wanted = { .start = true };
	for (;;) {
		struct response answer;
		struct request request = { .kind = REQUEST_INDEX_CHECK, .index_check = wanted };
		enum trail_err err = call_wait(
			t, &request, RESPONSE_INDEX_CHECK, deadline_in(t->timeout_ms), &answer);
		if (err != TRAIL_OK)
			return err;
		const struct index_check_answer *a = &answer.index_check;
		if (a->job == 0 || a->ended) {
			take_answer(v, a);
			return TRAIL_OK;
		}
		wanted = (struct index_check_wanted){ .job = a->job };
		if (!go_on(t, v, a))
			return fault_set(&t->fault, TRAIL_MORE,
				"stopped while the daemon compares its index, which goes on");
	}
}

enum trail_err trail_verify_index(struct trail *t, struct trail_verify *v)
{
	if (!t || !v || t->inside)
		return TRAIL_MISUSE;
	enum trail_err err = verify_begin(t, v);
	if (err != TRAIL_OK)
		return err == TRAIL_END ? TRAIL_OK : err;
	v->result.size = t->trust.held.cp.size;
	return compare(t, v);
}
