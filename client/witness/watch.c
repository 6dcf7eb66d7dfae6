/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	HEX_LEN = 2 * HASH_LEN,
	SAY_AGAIN_S = 60, /* between two lines about one log's fault */
};

static const uint64_t CLOCK_LEAST_S = 1577836800; /* 2020-01-01: a clock before it was never set */

static const char plain[] = "text/plain; charset=utf-8";
static const char tlog_size[] = "text/x.tlog.size";

/* What is said of one log once in SAY_AGAIN_S; none of it silences another. */
enum said {
	SAID_FORK,
	SAID_CLOCK,
	SAID_NOT_KEPT,
	SAIDS,
};

/* One log, and what was cosigned for it. */
struct entry {
	struct watched log;
	char hex[HEX_LEN + 1]; /* of SHA-256(origin) */
	bool lost;             /* what was cosigned last is not known */
	struct seen seen;
	uint64_t time_s;        /* of the last cosignature; 0: none */
	struct buf note;        /* the last cosigned one; empty: none */
	uint64_t said_s[SAIDS]; /* when that was last said; 0: never */
};

struct watch {
	struct vault *vault;
	const struct cosign_key *key;
	size_t count;
	struct entry *entries;
	uint64_t cosigned;
	bool unsure;
};

struct watch *watch_new(struct vault *vault, const struct cosign_key *key)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->vault = vault;
	w->key = key;
	return w;
}

static void entries_free(struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_release(&entries[i].note);
	free(entries);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	entries_free(w->entries, w->count);
	free(w);
}

size_t watch_count(const struct watch *w)
{
	return w->count;
}

uint64_t watch_cosigned(const struct watch *w)
{
	return w->cosigned;
}

bool watch_unsure(const struct watch *w)
{
	return w->unsure;
}

/* ---- which logs ---- */

static struct entry *entry_find(const struct watch *w, const char *origin)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->entries[i].log.origin, origin) == 0)
			return &w->entries[i];
	return NULL;
}

static bool entry_open(struct watch *w, struct entry *e, struct say_reason *why)
{
	origin_hex(e->log.origin, e->hex);
	enum vault_read read = vault_load(
		w->vault, &e->log, &w->key->cosigner, &e->note, &e->seen, &e->time_s, why);
	if (read == VAULT_FAILED)
		return false;
	e->lost = read == VAULT_LOST;
	if (e->lost)
		say_line(why->id, "%s", why->why);
	if (e->note.failed)
		return say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	return true;
}

/* Fill *e for a log. *skip: it is not watched, which was said. */
static bool entry_make(struct watch *w, const struct watched *log, struct entry *e, bool *skip,
	struct say_reason *why)
{
	struct entry *there = entry_find(w, log->origin);
	bool fresh = false;
	*skip = false;
	*e = (struct entry){ .log = *log };
	if (!vault_watch(w->vault, log, &fresh, why)) {
		*skip = why->id == SAY_LOG_CHANGED;
		if (*skip)
			say_line(why->id, "%s", why->why);
		return *skip;
	}
	if (there && !there->lost) {
		*e = *there; /* its note moves along */
		there->note = (struct buf){ 0 };
		return true;
	}
	if (fresh)
		say_line(SAY_NEW_LOG,
			"%s is watched from now on: its first checkpoint is believed as it comes, "
			"every later one must extend it",
			log->origin);
	return entry_open(w, e, why);
}

/* After a failure the moved notes go back. */
static void entries_undo(struct watch *w, struct entry *made, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct entry *old = entry_find(w, made[i].log.origin);
		if (!old || old->note.data)
			continue;
		old->note = made[i].note;
		made[i].note = (struct buf){ 0 };
	}
	entries_free(made, count);
}

bool watch_logs(struct watch *w, const struct loglist *list, struct say_reason *why)
{
	struct entry *made = calloc(list->count ? list->count : 1, sizeof *made);
	size_t count = 0;
	bool done = true;
	if (!made)
		return say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	for (size_t i = 0; done && i < list->count; i++) {
		bool skip;
		done = entry_make(w, &list->log[i], &made[count], &skip, why);
		if (done && !skip)
			count++;
		else
			buf_release(&made[count].note);
	}
	if (!done) {
		entries_undo(w, made, count);
		return false;
	}
	entries_free(w->entries, w->count);
	w->entries = made;
	w->count = count;
	return true;
}

/* ---- answers ---- */

static void answer(struct watch_answer *out, int status, const char *sentence)
{
	out->status = status;
	out->type = plain;
	buf_printf(&out->body, "%s\n", sentence);
}

static void answer_stale(struct watch_answer *out, const struct seen *seen)
{
	out->status = 409;
	out->type = tlog_size;
	buf_printf(&out->body, "%" PRIu64 "\n", seen->size);
}

static bool say_again(struct entry *e, enum said what, uint64_t now_s)
{
	uint64_t *said_s = &e->said_s[what];
	if (*said_s != 0 && now_s >= *said_s && now_s - *said_s < SAY_AGAIN_S)
		return false;
	*said_s = now_s;
	return true;
}

/* The note as it is kept: text, the log's signature, ours. */
static void note_put(struct buf *out, const struct entry *e, const struct add *add,
	const uint8_t signature[SIGN_LEN], struct span line)
{
	buf_put_span(out, add->text);
	buf_put_u8(out, '\n');
	note_line_put(out, &e->log.vkey, span_of(signature, SIGN_LEN));
	buf_put_span(out, line);
}

static void say_fork(const struct watch *w, const struct entry *e, enum vault_fork kept,
	const struct say_reason *why)
{
	const char *path = w->vault->path;
	struct buf where = { 0 };
	if (kept == VAULT_FORK_KEPT)
		buf_printf(&where, "both are kept, in %s/%s.forked and .fork", path, e->hex);
	else if (kept == VAULT_FORK_THERE)
		buf_printf(&where, "the first such pair is kept, in %s/%s.forked and .fork", path,
			e->hex);
	else
		buf_printf(&where, "they could not be kept: %s", why->why);
	say_line(SAY_FORK,
		"%s signed two trees of size %" PRIu64
		": this log has forked, which its own signatures prove; %.*s",
		e->log.origin, e->seen.size, (int)where.len,
		where.data ? (const char *)where.data : "");
	buf_release(&where);
}

/* Both notes: the cosigned one will give way to the next, and one alone proves nothing. */
static void keep_fork(struct watch *w, struct entry *e, const struct add *add,
	const uint8_t signature[SIGN_LEN], uint64_t now_s)
{
	struct buf note = { 0 };
	struct say_reason why;
	enum vault_fork kept = VAULT_FORK_NOT_KEPT;
	note_put(&note, e, add, signature, span_of(NULL, 0));
	if (note.failed)
		(void)say_why(&why, SAY_SYSTEM_FAILED, "memory is out");
	else
		kept = vault_keep_fork(
			w->vault, &e->log, buf_view(&e->note), buf_view(&note), &why);
	buf_release(&note);
	if (say_again(e, SAID_FORK, now_s))
		say_fork(w, e, kept, &why);
}

/* The time of a cosignature now; 0: the clock is not to be believed. */
static uint64_t time_of(const struct entry *e, uint64_t now_s)
{
	if (now_s < CLOCK_LEAST_S || now_s > INT64_MAX)
		return 0;
	if (now_s >= e->time_s)
		return now_s;
	return e->time_s - now_s <= WATCH_BEHIND_MAX_S ? e->time_s : 0;
}

/* Whether the very cosignature that is asked for was the last one given, and so is kept. */
static bool given_before(const struct entry *e, const struct add *add, uint64_t time_s)
{
	const struct span text = add->text;
	return e->time_s == time_s && e->note.len > text.len &&
		memcmp(e->note.data, text.data, text.len) == 0 && e->note.data[text.len] == '\n';
}

/* Keep before anybody hears of it. False: it was answered with a failure. */
static bool keep(struct watch *w, struct entry *e, const struct add *add, uint64_t time_s,
	struct buf *note, struct watch_answer *out)
{
	struct say_reason why;
	enum vault_kept kept = vault_keep(w->vault, &e->log, buf_view(note), &why);
	if (kept != VAULT_KEPT) {
		w->unsure = w->unsure || kept == VAULT_UNSURE;
		if (w->unsure || say_again(e, SAID_NOT_KEPT, time_s))
			say_line(w->unsure ? SAY_UNSURE : SAY_NOT_KEPT, "%s", why.why);
		answer(out, 503, "the checkpoint could not be kept: try again later");
		return false;
	}
	buf_release(&e->note);
	e->note = *note;
	*note = (struct buf){ 0 };
	e->seen = (struct seen){ .size = add->checkpoint.size, .root = add->checkpoint.root };
	e->time_s = time_s;
	return true;
}

static void cosign(struct watch *w, struct entry *e, const struct add *add,
	const uint8_t signature[SIGN_LEN], uint64_t now_s, struct watch_answer *out)
{
	struct buf line = { 0 };
	struct buf note = { 0 };
	const uint64_t time_s = time_of(e, now_s);
	if (time_s == 0) {
		if (say_again(e, SAID_CLOCK, now_s))
			say_line(SAY_CLOCK,
				"the clock says %" PRIu64
				", the last cosignature for %s is of %" PRIu64
				": nothing is cosigned until the clock is right",
				now_s, e->log.origin, e->time_s);
		answer(out, 503, "this witness's clock is wrong: try again later");
		return;
	}
	enum trail_err err = cosign_sign(add->text, w->key, time_s, &line);
	if (!err)
		note_put(&note, e, add, signature, buf_view(&line));
	if (err == TRAIL_INVALID || (!note.failed && note.len > NOTE_LEN_MAX)) {
		answer(out, 400, "the checkpoint is too long");
	} else if (err || note.failed) {
		answer(out, 503, "memory is out: try again later");
	} else if (given_before(e, add, time_s) || keep(w, e, add, time_s, &note, out)) {
		out->status = 200;
		out->type = plain;
		buf_put_span(&out->body, buf_view(&line));
		w->cosigned++;
	}
	buf_release(&line);
	buf_release(&note);
}

static void add_judged(struct watch *w, struct entry *e, const struct add *add, uint64_t now_s,
	struct watch_answer *out)
{
	uint8_t signature[SIGN_LEN];
	const enum verdict verdict = judge_add(add, &e->log, &e->seen, signature);
	switch (verdict) {
	case VERDICT_COSIGN:
		cosign(w, e, add, signature, now_s, out);
		return;
	case VERDICT_UNSIGNED:
		answer(out, 403, "no signature of this log's key");
		return;
	case VERDICT_BACKWARDS:
		answer(out, 400, "old is larger than the checkpoint");
		return;
	case VERDICT_STALE:
		answer_stale(out, &e->seen);
		return;
	case VERDICT_FORK:
		keep_fork(w, e, add, signature, now_s);
		answer(out, 422, "this witness saw another tree of that size");
		return;
	case VERDICT_UNPROVEN:
		answer(out, 422, "the consistency proof does not hold");
		return;
	case VERDICT_IMPOSSIBLE:
		answer(out, 422, "this is not the root of the empty tree");
		return;
	}
}

void watch_add(struct watch *w, struct span body, uint64_t now_s, struct watch_answer *out)
{
	struct add add;
	if (w->unsure) {
		answer(out, 503, "this witness is about to restart: try again later");
		return;
	}
	if (add_parse(body, &add) != TRAIL_OK) {
		answer(out, 400, "malformed: see c2sp.org/tlog-witness, add-checkpoint");
		return;
	}
	struct entry *e = entry_find(w, add.checkpoint.origin);
	if (!e) {
		answer(out, 404, "this witness does not watch a log of that origin");
		return;
	}
	if (e->lost) {
		answer(out, 503, "this witness lost what it knew of that log: ask its operator");
		return;
	}
	add_judged(w, e, &add, now_s, out);
}

void watch_checkpoint(const struct watch *w, struct span hex, struct watch_answer *out)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct entry *e = &w->entries[i];
		if (!span_equal(hex, span_of(e->hex, HEX_LEN)) || e->note.len == 0)
			continue;
		out->status = 200;
		out->type = plain;
		buf_put_span(&out->body, buf_view(&e->note));
		return;
	}
	answer(out, 404, "this witness cosigned nothing of such a log");
}

void watch_about(const struct watch *w, struct watch_answer *out)
{
	out->status = 200;
	out->type = plain;
	buf_put_text(
		&out->body, "A witness of transparency logs (c2sp.org/tlog-witness). Its key:\n\n");
	cosigner_put(&out->body, &w->key->cosigner);
	buf_printf(
		&out->body, "\n\nIt watches %zu %s.\n", w->count, w->count == 1 ? "log" : "logs");
}
