/* SPDX-License-Identifier: Apache-2.0 */
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	WHY_LEN = 128,
	STATUS_OK = 200,
	STATUS_CONFLICT = 409,
	STATUS_UNPROCESSABLE = 422,
	STATUS_TOO_MANY = 429,
	STATUS_BROKEN = 500, /* and above: the witness's own trouble */
};

struct round {
	uint64_t number; /* 0: none */
	uint64_t begun_ms;
	struct head head;
	bool met;                                       /* a quorum cosigned it */
	char lines[WITNESSES_MAX][ROUNDS_LINE_MAX + 1]; /* "": none by this witness */
};

struct witness {
	enum witness_what state;
	uint64_t size;   /* newest tree that it cosigned */
	uint64_t time_s; /* of its youngest cosignature */
};

struct rounds {
	struct rounds_options options;
	struct round kept[ROUNDS_KEPT]; /* round n in slot n % ROUNDS_KEPT */
	uint64_t newest;                /* its number; 0: none */
	struct witness witnesses[WITNESSES_MAX];
	struct witnessed best; /* its note is ours */
};

_Static_assert((size_t)POLICY_WITNESSES_MAX <= WITNESSES_MAX, "a policy's witnesses fit");

struct rounds *rounds_new(const struct rounds_options *options)
{
	struct rounds *r = calloc(1, sizeof *r);
	if (r)
		r->options = *options;
	return r;
}

void rounds_free(struct rounds *r)
{
	if (!r)
		return;
	buf_release(&r->best.note);
	free(r);
}

/* ---- rounds ---- */

static struct round *round_of(struct rounds *r, uint64_t number)
{
	struct round *round = &r->kept[number % ROUNDS_KEPT];
	return number != 0 && round->number == number ? round : NULL;
}

static const struct round *newest(const struct rounds *r)
{
	return r->newest == 0 ? NULL : &r->kept[r->newest % ROUNDS_KEPT];
}

bool rounds_due(const struct rounds *r, uint64_t size, uint64_t now_ms)
{
	const struct round *last = newest(r);
	if (!last)
		return size != 0;
	if (now_ms < rounds_next_ms(r))
		return false;
	return size > last->head.size ||
		(last->met && now_ms - last->begun_ms >= r->options.refresh_ms);
}

/* The last one gives way when it has its quorum, or had its time. */
uint64_t rounds_next_ms(const struct rounds *r)
{
	const struct round *last = newest(r);
	const uint64_t interval = r->options.interval_ms;
	const uint64_t patience = r->options.patience_ms;
	if (!last)
		return 0;
	return last->begun_ms + (last->met || patience < interval ? interval : patience);
}

uint64_t rounds_begin(struct rounds *r, const struct head *head, uint64_t now_ms)
{
	struct round *round = &r->kept[++r->newest % ROUNDS_KEPT];
	*round = (struct round){ .number = r->newest, .begun_ms = now_ms, .head = *head };
	return r->newest;
}

uint64_t rounds_newest(const struct rounds *r, struct head *head)
{
	const struct round *last = newest(r);
	if (last)
		*head = last->head;
	return r->newest;
}

/* ---- cosignatures ---- */

static void round_note(const struct rounds *r, const struct round *round, struct buf *out)
{
	out->len = 0;
	buf_put(out, round->head.note, round->head.note_len);
	for (size_t i = 0; i < r->options.policy->witnesses; i++)
		buf_put_text(out, round->lines[i]);
}

/* A newer tree than the best, or the same one cosigned anew or by more. */
static void look_for_quorum(struct rounds *r, struct round *round)
{
	struct buf note = { 0 };
	struct quorum q;
	round_note(r, round, &note);
	const bool counted =
		!note.failed && quorum_of(r->options.policy, buf_view(&note), &q) == TRAIL_OK;
	if (!counted || !q.satisfied || q.count == 0 || round->head.size < r->best.size) {
		buf_release(&note);
		return;
	}
	round->met = true;
	buf_release(&r->best.note);
	r->best.note = note;
	r->best.size = round->head.size;
	r->best.time_s = q.since_s;
	r->best.version++;
}

/* Its line of our note, out of what it answered. False: none that verifies by itself. */
static bool own_line(
	const struct round *round, const struct cosigner *key, struct span body, struct span *line)
{
	struct span rest = body;
	uint64_t time_s;
	while (note_line_take(&rest, line)) {
		*line = span_of(line->data, line->len + 1);
		if (line->len > ROUNDS_LINE_MAX)
			continue;
		struct buf alone = { 0 };
		buf_put(&alone, round->head.note, round->head.note_len);
		buf_put_span(&alone, *line);
		const bool verifies =
			!alone.failed && cosign_open(buf_view(&alone), key, &time_s) == TRAIL_OK;
		buf_release(&alone);
		if (verifies)
			return true;
	}
	return false;
}

/* The time of a cosignature in note and answer together, which must all be well formed. */
static enum trail_err open_answer(
	const struct round *round, const struct cosigner *key, struct span body, uint64_t *time_s)
{
	struct buf note = { 0 };
	buf_put(&note, round->head.note, round->head.note_len);
	buf_put_span(&note, body);
	const enum trail_err err =
		note.failed ? TRAIL_NOMEM : cosign_open(buf_view(&note), key, time_s);
	buf_release(&note);
	return err;
}

static enum testimony say(char why[WHY_LEN], enum testimony testimony, const char *what)
{
	(void)snprintf(why, WHY_LEN, "%s", what);
	return testimony;
}

static enum testimony judge_cosignature(struct rounds *r, struct round *round,
	const struct rounds_answer *a, uint64_t now_s, char why[WHY_LEN])
{
	const struct cosigner *key = &r->options.policy->witness[a->witness].cosigner;
	struct witness *w = &r->witnesses[a->witness];
	struct span line;
	uint64_t time_s = 0;
	const enum trail_err err = open_answer(round, key, a->body, &time_s);
	if (err == TRAIL_NOMEM)
		return say(why, TESTIMONY_LATE, "memory is out");
	if (err == TRAIL_END)
		return say(why, TESTIMONY_LIE, "its answer has no signature of its key");
	if (err == TRAIL_CORRUPT)
		return say(why, TESTIMONY_LIE,
			"its signature does not verify over the checkpoint that it was shown");
	if (err != TRAIL_OK || !own_line(round, key, a->body, &line))
		return say(why, TESTIMONY_LIE, "its answer is no list of signatures");
	if (time_s > now_s + ROUNDS_FUTURE_S)
		return say(why, TESTIMONY_LIE, "the time of its signature lies in the future");
	if (time_s < w->time_s)
		return say(why, TESTIMONY_LIE,
			"the time of its signature lies before that of an earlier one");
	memcpy(round->lines[a->witness], line.data, line.len);
	round->lines[a->witness][line.len] = '\0';
	w->time_s = time_s;
	if (round->head.size > w->size)
		w->size = round->head.size;
	look_for_quorum(r, round);
	return say(why, TESTIMONY_COSIGNED, "it cosigned");
}

/* ---- judging ---- */

static enum testimony judge_conflict(
	const struct round *round, const struct rounds_answer *a, uint64_t size, char why[WHY_LEN])
{
	if (!a->told)
		return say(why, TESTIMONY_DISPUTED, "it says 409, and no size");
	if (a->held > size)
		return say(why, TESTIMONY_AHEAD, "it says that it saw a larger tree");
	if (a->held > round->head.size)
		return say(why, TESTIMONY_BEHIND, "it saw a newer checkpoint");
	return say(why, TESTIMONY_BEHIND, "it says 409 to the size that it named itself");
}

static enum testimony judge(struct rounds *r, const struct rounds_answer *a, uint64_t size,
	uint64_t now_s, char why[WHY_LEN])
{
	struct round *round = round_of(r, a->round);
	if (a->trouble)
		return say(why, TESTIMONY_AWAY, a->trouble);
	/* What it says of sizes holds whatever it was asked. */
	if (!round && !(a->status == STATUS_CONFLICT && a->told && a->held > size))
		return say(why, TESTIMONY_LATE, "it took too long");
	switch (a->status) {
	case STATUS_OK:
		return judge_cosignature(r, round, a, now_s, why);
	case STATUS_CONFLICT:
		return judge_conflict(round, a, size, why);
	case STATUS_UNPROCESSABLE:
		return say(why, TESTIMONY_DISPUTED,
			"it says that the tree does not extend the one it saw");
	default:
		break;
	}
	if (a->status == STATUS_TOO_MANY || a->status >= STATUS_BROKEN)
		return say(why, TESTIMONY_AWAY, "it says that it cannot answer now");
	return say(why, TESTIMONY_REFUSED, "it refuses this log or its checkpoints");
}

static void note_state(struct witness *w, enum testimony testimony)
{
	switch (testimony) {
	case TESTIMONY_COSIGNED:
		w->state = WITNESS_COSIGNS;
		break;
	case TESTIMONY_LIE:
		w->state = WITNESS_LIES;
		break;
	case TESTIMONY_AHEAD:
	case TESTIMONY_DISPUTED:
		w->state = WITNESS_FORK;
		break;
	case TESTIMONY_BEHIND:
	case TESTIMONY_AWAY:
	case TESTIMONY_REFUSED:
		/* What it said before is not taken back by silence. */
		if (w->state != WITNESS_FORK && w->state != WITNESS_LIES)
			w->state = WITNESS_AWAY;
		break;
	case TESTIMONY_LATE:
		break;
	}
}

enum testimony rounds_judge(struct rounds *r, const struct rounds_answer *answer, uint64_t size,
	uint64_t now_s, char why[WHY_LEN])
{
	const enum testimony testimony = judge(r, answer, size, now_s, why);
	note_state(&r->witnesses[answer->witness], testimony);
	return testimony;
}

enum shown rounds_shown(
	const struct rounds *r, struct span note, uint64_t size, struct checkpoint *cp)
{
	if (checkpoint_open(note, &r->options.log, cp) != TRAIL_OK)
		return SHOWN_NOTHING;
	return cp->size > size ? SHOWN_LARGER : SHOWN_OTHER;
}

/* ---- what is known ---- */

bool rounds_remember(struct rounds *r, struct span note)
{
	struct checkpoint cp;
	struct quorum q;
	if (checkpoint_open(note, &r->options.log, &cp) != TRAIL_OK ||
		quorum_of(r->options.policy, note, &q) != TRAIL_OK)
		return false;
	for (size_t i = 0; i < r->options.policy->witnesses; i++) {
		struct witness *w = &r->witnesses[i];
		if (!q.cosigned[i] || q.time_s[i] < w->time_s)
			continue;
		w->time_s = q.time_s[i];
		w->size = cp.size;
	}
	if (!q.satisfied || q.count == 0)
		return false;
	if (cp.size > r->best.size) {
		r->best.size = cp.size;
		r->best.time_s = q.since_s;
		buf_clear(&r->best.note);
		buf_put_span(&r->best.note, note);
		r->best.version++;
	}
	return true;
}

bool rounds_witnessed(const struct rounds *r, struct witnessed *out)
{
	if (out->version == r->best.version)
		return false;
	buf_clear(&out->note);
	buf_put_span(&out->note, buf_view(&r->best.note));
	if (out->note.failed)
		return false;
	out->size = r->best.size;
	out->time_s = r->best.time_s;
	out->version = r->best.version;
	return true;
}

size_t rounds_states(const struct rounds *r, struct witness_state *states)
{
	const struct policy *policy = r->options.policy;
	for (size_t i = 0; i < policy->witnesses; i++)
		states[i] = (struct witness_state){
			.name = span_text(policy->witness[i].cosigner.name),
			.state = r->witnesses[i].state,
			.size = r->witnesses[i].size,
			.cosigned_s = r->witnesses[i].time_s,
		};
	return policy->witnesses;
}
