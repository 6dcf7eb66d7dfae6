/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include "../proto/frame.h"
#include "backlog.h"
#include "intake.h"
#include "notify.h"
#include "pulse.h"
#include "queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
	TICK_MS = 60 * 1000,
	EXIT_IO = 3,
	EXIT_INVALID = 5,
	QUANTUM = 256, /* records that a peer stages in its turn */
	/*
	 * Records of one commit while several peers write: who comes in the middle of one waits for
	 * it and for the next.
	 */
	SHARED_MAX = 1024,
	SHARED_MS = 1000, /* so long after two peers were seen one after the other */
};

struct writer {
	struct writer_options options;
	char identity[512]; /* the log identity file's text */
	size_t identity_len;
	struct intake intake;
	struct queue *queue;
	struct backlog *backlog; /* what was taken from the queue and not staged yet */
	unsigned lane;           /* whose op was staged last */
	uint64_t shared_ns;      /* boot time when it was another's than the one before */
	pthread_t thread;
	struct head head;    /* signed last */
	uint64_t head_row;   /* size of the newest row of `head`, when it is not to stay; or 0 */
	uint64_t kept_row;   /* size of the newest row with cosignatures; 0: none yet */
	uint64_t ticked_ns;  /* boot time of the last tick */
	uint64_t counted_ns; /* boot time when the epochs were last counted */
	uint64_t commit_ns;  /* how long the last commit took, and its signature; 0: there */
	uint64_t sign_ns;    /* was none since they were counted */
	bool dead;           /* fatal was called: nothing is acked any more */
	struct pulse pulse;
	struct sealer sealer;
	pthread_mutex_t lock; /* of numbers alone */
	struct writer_numbers numbers;
};

static void fatal(struct writer *w, int code, const struct log_reason *reason)
{
	if (w->dead)
		return;
	w->dead = true;
	w->options.fatal(w->options.ctx, code, reason);
}

/* What was found in the store or shown by a client: nothing may be acked or signed after it. */
static void contradicted(struct writer *w, enum log_id id, const char *sentence)
{
	struct log_reason reason = { .id = id };
	(void)snprintf(reason.why, sizeof reason.why, "%s", sentence);
	fatal(w, EXIT_INVALID, &reason);
}

/* What is committed cannot be read: nothing that rests on it may be answered. */
static void fatal_read(struct writer *w, enum trail_err err)
{
	static const struct log_reason failed = {
		.id = LOG_STORE_FAILED,
		.why = "the store cannot be read: the disk failed, memory is out, or programs "
		       "beside this one have it open and leave no room for a reader",
	};
	if (err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED)
		contradicted(w, LOG_STORE_DAMAGED, "the store is damaged; run `traild check`");
	else
		fatal(w, EXIT_IO, &failed);
}

/* ---- commit and sign ---- */

/* Of the notes that were signed, that of a sealed size is kept for ever (FORMATS.md section 5). */
static bool row_stays(const struct writer *w)
{
	return w->head_row == 0 || w->head_row == w->sealer.newest;
}

static void put_head(struct writer *w, struct db_txn *txn)
{
	uint8_t key[KEY_INDEX_LEN];
	if (w->head.size == 0 || w->head.size == w->head_row || w->head.size == w->kept_row)
		return;
	if (!row_stays(w)) {
		key_index(w->head_row, key);
		db_delete(txn, TABLE_HEAD, span_of(key, sizeof key));
	}
	key_index(w->head.size, key);
	db_put(txn, TABLE_HEAD, span_of(key, sizeof key), span_of(w->head.note, w->head.note_len));
	w->head_row = w->head.size;
}

/* Notes with a quorum of cosignatures stay, in the place of the log's own of their size. */
static void put_cosigned(struct writer *w, struct db_txn *txn)
{
	uint64_t sizes[ASIDE_NOTES];
	size_t count = w->options.aside ? aside_put(w->options.aside, txn, sizes) : 0;
	for (size_t i = 0; i < count; i++) {
		if (sizes[i] == w->head_row)
			w->head_row = 0;
		if (sizes[i] > w->kept_row)
			w->kept_row = sizes[i];
	}
}

/* Milliseconds until notes that lie aside must be put; -1: there are none. */
static int cosigned_wait_ms(const struct writer *w)
{
	return w->options.aside ? aside_wait_ms(w->options.aside, clock_now().boot_ns / 1000000)
				: -1;
}

/* CLOCK_MONOTONIC, and never 0. */
static uint64_t stopwatch(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* One transaction: records, payloads, tree, numbering and the note before. */
static enum trail_err commit(struct writer *w)
{
	struct intake *in = &w->intake;
	struct db_txn *txn = db_begin(store_db(w->options.store), true);
	if (!txn)
		return TRAIL_IO;
	enum trail_err err = batch_put(in->batch, txn);
	if (err != TRAIL_OK) {
		db_abort(txn);
		return err;
	}
	epochs_write(in->epochs, txn);
	if (!batch_is_empty(in->batch))
		put_head(w, txn);
	put_cosigned(w, txn);
	uint64_t began = stopwatch();
	err = db_commit(txn);
	w->commit_ns = stopwatch() - began;
	return err;
}

static enum trail_err sign_head(struct writer *w, const struct checkpoint *cp,
	const struct tree_proof *proof, struct log_reason *reason)
{
	struct head head = { .size = cp->size, .root = cp->root };
	uint64_t began = stopwatch();
	enum trail_err err = signer_link_sign(w->options.signer, cp->size, &cp->root, proof,
		head.note, &head.note_len, reason->why);
	reason->id = err == TRAIL_CORRUPT ? LOG_SIGNER_REFUSED : LOG_SIGNER_FAILED;
	if (err != TRAIL_OK)
		return err;
	w->sign_ns = stopwatch() - began;
	w->head = head;
	store_head_set(w->options.store, &head);
	return TRAIL_OK;
}

/* What is staged becomes durable, then signed. Any error is the end (FORMATS.md section 5). */
static enum trail_err commit_and_sign(struct writer *w, struct log_reason *reason)
{
	struct batch *b = w->intake.batch;
	struct checkpoint cp;
	struct tree_proof proof = { 0 };
	bool records = !batch_is_empty(b);
	if (!records && !epochs_must_write(w->intake.epochs) && cosigned_wait_ms(w) != 0)
		return TRAIL_OK;
	enum trail_err err = commit(w);
	if (err != TRAIL_OK) {
		reason->id = LOG_COMMIT_FAILED;
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"the store did not take a commit; its outcome is unknown, so nothing is "
			"acknowledged "
			"any more; look at the disk, then start again: recovery reads what is "
			"there");
		return TRAIL_IO;
	}
	if (!records)
		return TRAIL_OK;
	if (batch_committed(b) != 0) {
		err = batch_consistency(b, &proof);
		if (err != TRAIL_OK) {
			reason->id = LOG_STORE_DAMAGED;
			(void)snprintf(
				reason->why, LOG_WHY_LEN, "the tree in memory does not fit itself");
			return TRAIL_CORRUPT;
		}
	}
	batch_root(b, &cp);
	batch_done(b);
	return sign_head(w, &cp, &proof, reason);
}

/* ---- sealing: FORMATS.md section 6 ---- */

static void count_seals(struct writer *w)
{
	const struct sealer *s = &w->sealer;
	(void)pthread_mutex_lock(&w->lock);
	w->numbers.seals = s->count;
	w->numbers.seals_left = s->total - s->count;
	w->numbers.sealed_size = s->newest;
	w->numbers.sealed_ns = s->newest_ns;
	w->numbers.seal_max_ns = w->options.greeting.seal_max_ns;
	(void)pthread_mutex_unlock(&w->lock);
}

static enum trail_err ask_seal(
	struct writer *w, uint64_t time_ns, struct buf *payload, struct log_reason *reason)
{
	char note[SEAL_COSIGNED_MAX];
	const size_t len =
		w->options.aside ? aside_cosigned(w->options.aside, note, sizeof note) : 0;
	struct span cosigned = span_of(note, len);
	return sealer_ask(&w->sealer, w->head.size, time_ns, cosigned, payload, reason);
}

/* The SEAL of all that is signed becomes the next record; only then may its key be erased. */
static enum trail_err put_seal(
	struct writer *w, uint64_t time_ns, struct span payload, struct log_reason *reason)
{
	uint64_t index = batch_add_control(w->intake.batch, KIND_SEAL, 0, time_ns, payload);
	store_sealed_set(w->options.store, &w->head);
	enum trail_err err = commit_and_sign(w, reason);
	if (err != TRAIL_OK)
		return err;
	sealer_committed(&w->sealer, index, time_ns);
	return sealer_report(&w->sealer, w->head.size, reason);
}

/* Nothing is staged. TRAIL_OK: also when it is not yet time for a seal. */
static enum trail_err seal_alone(struct writer *w, struct log_reason *reason)
{
	struct intake *in = &w->intake;
	struct buf payload = { 0 };
	in->now = clock_now();
	uint64_t time_ns = log_clock_stamp(in->now.real_ns, in->now, batch_last_ns(in->batch));
	enum trail_err err = ask_seal(w, time_ns, &payload, reason);
	if (err == TRAIL_OK)
		err = put_seal(w, time_ns, buf_view(&payload), reason);
	buf_release(&payload);
	count_seals(w);
	return err == TRAIL_MORE ? TRAIL_OK : err;
}

static enum trail_err seal(struct writer *w, struct log_reason *reason)
{
	/* An entry on a clock that jumped comes before the SEAL, whose time is above it then. */
	intake_begin(&w->intake);
	enum trail_err err = commit_and_sign(w, reason);
	return err == TRAIL_OK ? seal_alone(w, reason) : err;
}

/* Once per epoch. */
static void seal_when_due(struct writer *w)
{
	struct log_reason reason;
	if (w->dead || clock_now().boot_ns < w->sealer.due_ns)
		return;
	enum trail_err err = seal(w, &reason);
	if (err != TRAIL_OK)
		fatal(w, err == TRAIL_CORRUPT ? EXIT_INVALID : EXIT_IO, &reason);
}

static int seal_wait_ms(const struct writer *w, int most_ms)
{
	uint64_t now = clock_now().boot_ns;
	uint64_t left = w->sealer.due_ns > now ? w->sealer.due_ns - now : 0;
	return left / 1000000 < (uint64_t)most_ms ? (int)(left / 1000000) + 1 : most_ms;
}

/* ---- answering ---- */

/* A copy in the op's answer, whose room was reserved when it was judged. */
static struct span keep(struct op *op, const void *text, size_t len)
{
	size_t at = op->answer.len;
	buf_put(&op->answer, text, len);
	return op->answer.failed ? span_of(NULL, 0) : span_of(op->answer.data + at, len);
}

static enum trail_err prove_runs(struct writer *w, struct op *op)
{
	struct db_txn *txn = db_begin(store_db(w->options.store), false);
	enum trail_err err = txn ? TRAIL_OK : TRAIL_IO;
	for (size_t i = 0; err == TRAIL_OK && i < op->response.appended.run_count; i++) {
		struct run *run = &op->response.appended.runs[i];
		/* index 0 is never an event's: a duplicate that was not found has no place */
		if (run->first_index != 0)
			err = tree_inclusion(run->first_index + run->count - 1, w->head.size,
				store_node, txn, &run->path);
	}
	db_abort(txn);
	return err;
}

static void answer_append(struct writer *w, struct op *op)
{
	enum trail_err err = op->request.append.want_proof ? prove_runs(w, op) : TRAIL_OK;
	if (err != TRAIL_OK) {
		fatal_read(w, err);
		return;
	}
	op->response.appended.checkpoint = keep(op, w->head.note, w->head.note_len);
}

/*
 * A note under our own key that is larger than, or inconsistent with, what we hold means that the
 * store was set back or forked: nothing is signed or acked after that (FORMATS.md section 5).
 */
static void judge_client_note(
	struct writer *w, struct db_txn *txn, const struct checkpoint *cp, struct tree_proof *proof)
{
	struct hash root;
	if (cp->size > w->head.size) {
		contradicted(w, LOG_CLIENT_AHEAD,
			"a client holds a newer checkpoint of this log than the store: the store "
			"was set back; "
			"restore the missing records from a mirror, or begin a successor log");
		return;
	}
	*proof = (struct tree_proof){ 0 };
	enum trail_err err = tree_root(cp->size, store_node, txn, &root);
	if (err == TRAIL_OK && !hash_equal(&root, &cp->root)) {
		contradicted(w, LOG_CLIENT_CONTRADICTS,
			"a client holds a checkpoint under this log's key that contradicts the "
			"store; run "
			"`traild check`, and keep the client's checkpoint: it is evidence");
		return;
	}
	if (err == TRAIL_OK && cp->size != 0)
		err = tree_consistency(cp->size, w->head.size, store_node, txn, proof);
	if (err != TRAIL_OK)
		fatal_read(w, err);
}

static void answer_hello(struct writer *w, struct op *op)
{
	struct hello_answer *h = &op->response.hello;
	struct span note = op->request.hello.checkpoint;
	struct checkpoint cp;
	if (note.len != 0) {
		if (checkpoint_open(note, &w->options.identity.vkey, &cp) != TRAIL_OK) {
			op_refuse(op, TRAIL_INVALID,
				"the checkpoint is not one of this log (%s); forget it, or find "
				"out why",
				w->options.identity.vkey.name);
			return;
		}
		struct db_txn *txn = db_begin(store_db(w->options.store), false);
		if (!txn) {
			op_refuse_unread(op);
			return;
		}
		judge_client_note(w, txn, &cp, &h->consistency);
		db_abort(txn);
		if (w->dead)
			return;
	}
	h->identity = keep(op, w->identity, w->identity_len);
	h->checkpoint = keep(op, w->head.note, w->head.note_len);
	h->event_field_highest = EVENT_FIELD_HIGHEST;
	h->frame_max = FRAME_BODY_MAX;
	h->events_max = APPEND_EVENTS_MAX;
}

/* What became of the staged ops is durable: complete their answers and give them back. */
static void answer_all(struct writer *w, struct op *list)
{
	for (struct op *op = list; op && !w->dead; op = op->next) {
		if (op->response.kind == RESPONSE_APPENDED)
			answer_append(w, op);
		else if (op->response.kind == RESPONSE_HELLO)
			answer_hello(w, op);
	}
	if (list && !w->dead)
		w->options.done(w->options.ctx, list);
}

/* ---- the loop ---- */

/* What is free for events: on the disk or in the map, whichever is less. */
static uint64_t measure_room(const struct writer *w, struct writer_numbers *n)
{
	struct statvfs fs;
	bool known = statvfs(w->options.folder, &fs) == 0;
	n->free_bytes = known ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
	db_usage(store_db(w->options.store), &n->map_used_bytes, &n->map_bytes);
	uint64_t room = n->map_bytes > n->map_used_bytes ? n->map_bytes - n->map_used_bytes : 0;
	return n->free_bytes < room ? n->free_bytes : room;
}

static void say_room(const struct writer *w, bool full, uint64_t free_now)
{
	unsigned long long mib = free_now >> 20;
	if (full)
		log_line(LOG_FULL,
			"events are refused: %llu MiB are free on the disk or in the map, the "
			"reserve is %llu MiB",
			mib, (unsigned long long)(w->options.reserve_bytes >> 20));
	else
		log_line(LOG_ROOM_AGAIN, "events are taken again: %llu MiB are free", mib);
}

/* Below the reserve nothing but the daemon's own entries is staged; both turns are on record. */
static void look_at_disk(struct writer *w)
{
	struct writer_numbers seen;
	uint64_t free_now = measure_room(w, &seen);
	bool full = free_now < w->options.reserve_bytes;
	if (full != w->intake.full) {
		say_room(w, full, free_now);
		struct daemon_entry entry = {
			.what = DAEMON_DISK,
			.free_bytes = free_now,
			.resumed = !full,
		};
		intake_say(&w->intake, &entry);
	}
	w->intake.full = full;
	w->intake.starved = free_now < w->options.reserve_bytes / 2;
	(void)pthread_mutex_lock(&w->lock);
	w->numbers.full = full;
	w->numbers.starved = w->intake.starved;
	w->numbers.free_bytes = seen.free_bytes;
	w->numbers.map_bytes = seen.map_bytes;
	w->numbers.map_used_bytes = seen.map_used_bytes;
	(void)pthread_mutex_unlock(&w->lock);
}

static void begin(struct writer *w)
{
	intake_begin(&w->intake);
	look_at_disk(w);
	struct daemon_entry entry;
	while (w->options.aside && aside_take(w->options.aside, &entry))
		intake_say(&w->intake, &entry);
	uint64_t now = w->intake.now.boot_ns;
	if (now - w->ticked_ns < (uint64_t)TICK_MS * 1000000)
		return;
	w->ticked_ns = now;
	db_forget_dead(store_db(w->options.store));
	intake_tick(&w->intake);
}

static size_t count_events(const struct op *list)
{
	size_t events = 0;
	for (; list; list = list->next) {
		if (list->response.kind == RESPONSE_APPENDED)
			events += list->request.append.event_count;
	}
	return events;
}

static void count_times(struct writer *w, struct writer_numbers *n)
{
	if (w->commit_ns != 0) {
		n->commits++;
		histogram_add(&n->commit_times, w->commit_ns);
	}
	if (w->sign_ns != 0) {
		n->signed_ns = clock_now().real_ns;
		histogram_add(&n->sign_times, w->sign_ns);
	}
	w->commit_ns = 0;
	w->sign_ns = 0;
}

static void count(struct writer *w, const struct op *answered)
{
	struct intake *in = &w->intake;
	struct epochs_sum epochs;
	uint64_t now = in->now.boot_ns;
	bool again = now - w->counted_ns > 1000000000;
	if (again) {
		epochs = epochs_count(in->epochs, in->now.real_ns);
		w->counted_ns = now;
	}
	(void)pthread_mutex_lock(&w->lock);
	w->numbers.events += count_events(answered);
	w->numbers.sources = (uint32_t)names_count(in->sources);
	w->numbers.clock_jumps = in->clock_jumps;
	if (again)
		w->numbers.epochs = epochs;
	count_times(w, &w->numbers);
	(void)pthread_mutex_unlock(&w->lock);
}

/* The daemon's own events are nobody's. */
static void see_lane(struct writer *w, unsigned lane)
{
	if (lane == 0 || lane == w->lane)
		return;
	if (w->lane != 0)
		w->shared_ns = w->intake.now.boot_ns;
	w->lane = lane;
}

/* What one commit takes, in turns of the peers. */
static struct op *stage(struct writer *w)
{
	struct op *taken = NULL;
	struct op **end = &taken;
	struct op *op;
	size_t cost = 0;
	bool shared = w->shared_ns != 0 &&
		w->intake.now.boot_ns - w->shared_ns < (uint64_t)SHARED_MS * 1000000;
	while ((op = backlog_next(w->backlog)) && !(shared && cost >= SHARED_MAX) &&
		intake_take(&w->intake, op) == INTAKE_TAKEN) {
		cost += backlog_cost(op);
		see_lane(w, op->lane);
		backlog_take(w->backlog);
		*end = op;
		end = &op->next;
	}
	return taken;
}

static void one_commit(struct writer *w)
{
	struct log_reason reason;
	begin(w);
	struct op *taken = stage(w);
	if (w->intake.broken != TRAIL_OK) {
		fatal_read(w, w->intake.broken);
		return;
	}
	enum trail_err err = commit_and_sign(w, &reason);
	if (err != TRAIL_OK) {
		fatal(w, err == TRAIL_CORRUPT ? EXIT_INVALID : EXIT_IO, &reason);
		return;
	}
	count(w, taken);
	answer_all(w, taken);
}

/* What came meanwhile stands in line with what is left. False: nothing comes any more. */
static bool take_queued(struct writer *w)
{
	bool left = backlog_next(w->backlog) != NULL;
	/* Asked first: what is pushed before the close may come after an empty take. */
	bool closed = queue_closed(w->queue);
	int wait_ms = pulse_wait_ms(
		&w->pulse, clock_now().boot_ns, w->head.size, seal_wait_ms(w, TICK_MS));
	const int cosigned_ms = cosigned_wait_ms(w);
	if (cosigned_ms >= 0 && cosigned_ms < wait_ms)
		wait_ms = cosigned_ms;
	struct op *list = queue_take_all(w->queue, left ? 0 : wait_ms);
	bool over = !left && !list && closed;
	while (list) {
		struct op *op = list;
		list = op->next;
		backlog_add(w->backlog, op);
	}
	return !over;
}

static void say_stop(struct writer *w)
{
	struct log_reason reason;
	struct daemon_entry stop = { .what = w->options.closing ? DAEMON_CLOSED : DAEMON_STOP };
	intake_begin(&w->intake);
	intake_say(&w->intake, &stop);
	enum trail_err err = commit_and_sign(w, &reason);
	/* Behind the end of a log stands a SEAL, and nothing else. */
	if (err == TRAIL_OK)
		err = w->options.closing ? seal_alone(w, &reason) : seal(w, &reason);
	if (err != TRAIL_OK)
		fatal(w, err == TRAIL_CORRUPT ? EXIT_INVALID : EXIT_IO, &reason);
}

/* After work done, and nowhere else. */
static void beat(struct writer *w)
{
	if (w->dead)
		return;
	pulse_beat(&w->pulse, clock_now().boot_ns, w->head.size, w->intake.full);
	if (queue_closed(w->queue))
		notify_progress();
}

static void *run(void *ctx)
{
	struct writer *w = ctx;
	while (!w->dead && take_queued(w)) {
		one_commit(w);
		seal_when_due(w);
		beat(w);
	}
	if (!w->dead)
		say_stop(w);
	return NULL;
}

/* ---- starting and stopping ---- */

static enum trail_err open_intake(struct writer *w, struct log_reason *reason)
{
	enum trail_err err = intake_open(&w->intake, w->options.store, reason->why);
	reason->id = err == TRAIL_CORRUPT ? LOG_STORE_DAMAGED : LOG_STORE_FAILED;
	return err;
}

/* Those outside who saw this log say whether what was signed is all that there ever was. */
static enum trail_err meet_witnesses(struct writer *w, uint64_t size, struct log_reason *reason)
{
	const struct signer_greeting *g = &w->options.greeting;
	struct head head = { .size = g->head_size, .root = g->head_root };
	if (!w->options.confirm)
		return TRAIL_OK;
	memcpy(head.note, g->head_note, g->head_note_len);
	head.note_len = g->head_note_len;
	/* Of a log that was made a moment ago. */
	(void)store_head(w->options.store, &head);
	return w->options.confirm(w->options.ctx, &head, size, reason);
}

/* The store must be at or ahead of what its signer signed, and extend it. */
static enum trail_err meet_signer(struct writer *w, struct log_reason *reason)
{
	struct batch *b = w->intake.batch;
	uint64_t signed_size = signer_link_size(w->options.signer);
	struct tree_proof proof = { 0 };
	struct checkpoint cp;
	batch_root(b, &cp);
	if (signed_size > cp.size) {
		reason->id = LOG_STORE_BEHIND;
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"the store holds %llu records, but its signer signed %llu: the store was "
			"cut or set back; "
			"restore the missing records from a mirror, or begin a successor log",
			(unsigned long long)cp.size, (unsigned long long)signed_size);
		return TRAIL_CORRUPT;
	}
	enum trail_err err = meet_witnesses(w, cp.size, reason);
	if (err != TRAIL_OK)
		return err;
	if (signed_size != 0 && signed_size < cp.size) {
		struct db_txn *txn = db_begin(store_db(w->options.store), false);
		err = txn ? tree_consistency(signed_size, cp.size, store_node, txn, &proof)
			  : TRAIL_IO;
		db_abort(txn);
		if (err != TRAIL_OK) {
			reason->id = LOG_STORE_DAMAGED;
			(void)snprintf(reason->why, LOG_WHY_LEN,
				"the store's tree cannot be read; run `traild check`");
			return err;
		}
	}
	return sign_head(w, &cp, &proof, reason);
}

static void find_head_row(struct writer *w)
{
	struct span key, value;
	struct db_txn *txn = db_begin(store_db(w->options.store), false);
	if (txn && db_last(txn, TABLE_HEAD, &key, &value) && key.len == KEY_INDEX_LEN) {
		uint64_t *row = aside_row_stays(value) ? &w->kept_row : &w->head_row;
		*row = load_be64(key.data);
	}
	db_abort(txn);
}

/* Store and signer are of one state: their heads, and their seals. */
static enum trail_err reconcile(struct writer *w, struct log_reason *reason)
{
	bool unreported = false;
	w->sealer.store = w->options.store;
	w->sealer.signer = w->options.signer;
	w->sealer.epoch_ns = w->options.seal_epoch_ns;
	enum trail_err err = sealer_open(&w->sealer, &w->options.greeting, &unreported, reason);
	if (err == TRAIL_OK)
		err = meet_signer(w, reason);
	if (err == TRAIL_OK && unreported)
		err = sealer_report(&w->sealer, w->head.size, reason);
	return err;
}

/* What a start writes: that it was, and the seal of all before it. */
static enum trail_err say_start(struct writer *w, struct log_reason *reason)
{
	struct daemon_entry entry = { .what = DAEMON_START };
	begin(w);
	intake_say(&w->intake, &entry);
	enum trail_err err = commit_and_sign(w, reason);
	/* In a run that only closes the log the one seal that may be had is that of its end. */
	w->sealer.due_ns = UINT64_MAX;
	if (err == TRAIL_OK && !w->options.closing)
		err = seal(w, reason);
	if (err == TRAIL_OK)
		count(w, NULL);
	return err;
}

static enum trail_err name_itself(struct writer *w, struct log_reason *reason)
{
	struct buf text = { 0 };
	identity_put(&text, &w->options.identity);
	bool fits = !text.failed && text.len <= sizeof w->identity;
	if (fits)
		memcpy(w->identity, text.data, text.len);
	w->identity_len = text.len;
	buf_release(&text);
	reason->id = LOG_SYSTEM_FAILED;
	return fits ? TRAIL_OK : TRAIL_NOMEM;
}

static enum trail_err start(struct writer *w, struct log_reason *reason)
{
	enum trail_err err = open_intake(w, reason);
	if (err == TRAIL_OK)
		err = name_itself(w, reason);
	if (err != TRAIL_OK)
		return err;
	find_head_row(w);
	err = reconcile(w, reason);
	if (err == TRAIL_OK)
		err = say_start(w, reason);
	if (err != TRAIL_OK)
		return err;
	pulse_start(&w->pulse, w->options.identity.vkey.name, w->options.watchdog_ms,
		clock_now().boot_ns, w->head.size);
	if (pthread_create(&w->thread, NULL, run, w) == 0)
		return TRAIL_OK;
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "the writer's thread could not be made");
	return TRAIL_IO;
}

static void release(struct writer *w)
{
	intake_close(&w->intake);
	queue_free(w->queue);
	backlog_free(w->backlog);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

enum trail_err writer_start(
	const struct writer_options *options, struct writer **out, struct log_reason *reason)
{
	struct writer *w = calloc(1, sizeof *w);
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "memory is out");
	if (!w)
		return TRAIL_NOMEM;
	w->options = *options;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->queue = queue_new();
	w->backlog = backlog_new(QUANTUM);
	enum trail_err err = w->queue && w->backlog ? start(w, reason) : TRAIL_NOMEM;
	if (err != TRAIL_OK) {
		release(w);
		return err;
	}
	*out = w;
	return TRAIL_OK;
}

void writer_push(struct writer *w, struct op *op)
{
	queue_push(w->queue, op);
}

void writer_wake(struct writer *w)
{
	queue_wake(w->queue);
}

void writer_stop(struct writer *w)
{
	if (!w)
		return;
	queue_close(w->queue);
	(void)pthread_join(w->thread, NULL);
	release(w);
}

void writer_read_numbers(struct writer *w, struct writer_numbers *numbers)
{
	(void)pthread_mutex_lock(&w->lock);
	*numbers = w->numbers;
	(void)pthread_mutex_unlock(&w->lock);
}

/* ---- genesis ---- */

static void genesis_payload(
	const struct signer_greeting *greeting, const struct succeed *succeed, struct buf *payload)
{
	struct buf vkey = { 0 };
	struct genesis genesis = {
		.format = GENESIS_FORMAT,
		.origin = span_text(greeting->vkey.name),
		.seal_root = greeting->seal_root,
		.seal_height = greeting->seal_height,
		.seal_max_ns = greeting->seal_max_ns,
	};
	vkey_put(&vkey, &greeting->vkey);
	genesis.vkey = buf_view(&vkey);
	if (succeed)
		succeed_fill(succeed, &genesis);
	crypto_random(genesis.random, sizeof genesis.random);
	genesis_encode(&genesis, payload);
	payload->failed |= vkey.failed;
	buf_release(&vkey);
}

enum trail_err writer_genesis(const struct writer_options *options,
	const struct signer_greeting *greeting, const struct succeed *succeed,
	struct log_reason *reason)
{
	struct writer w = { .options = *options };
	struct buf payload = { 0 };
	enum trail_err err = open_intake(&w, reason);
	if (err != TRAIL_OK)
		return err;
	genesis_payload(greeting, succeed, &payload);
	if (payload.failed) {
		reason->id = LOG_SYSTEM_FAILED;
		(void)snprintf(reason->why, LOG_WHY_LEN, "memory is out");
		err = TRAIL_NOMEM;
	} else {
		(void)batch_add_control(
			w.intake.batch, KIND_DAEMON, 0, clock_now().real_ns, buf_view(&payload));
		err = commit_and_sign(&w, reason);
	}
	buf_release(&payload);
	intake_close(&w.intake);
	return err;
}

/* ---- a log that was closed ---- */

enum trail_err writer_confirm(const struct writer_options *options, struct log_reason *reason)
{
	struct writer w = { .options = *options, .lock = PTHREAD_MUTEX_INITIALIZER };
	enum trail_err err = open_intake(&w, reason);
	if (err != TRAIL_OK)
		return err;
	find_head_row(&w);
	err = reconcile(&w, reason);
	if (err == TRAIL_OK && w.sealer.newest + 1 != w.head.size)
		err = seal_alone(&w, reason);
	intake_close(&w.intake);
	return err;
}

enum trail_err writer_keep(const struct writer_options *options, struct log_reason *reason)
{
	struct writer w = { .options = *options };
	struct db_txn *txn = db_begin(store_db(options->store), true);
	if (txn)
		put_cosigned(&w, txn);
	if (txn && db_commit(txn) == TRAIL_OK)
		return TRAIL_OK;
	reason->id = LOG_COMMIT_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"the store did not take what witnesses cosigned; the log is closed all the same");
	return TRAIL_IO;
}
