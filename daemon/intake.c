/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "held.h"
#include "log.h"
#include "notify.h"
#include "sweep.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const size_t NOTE_ROOM = 512;
static const size_t ANSWER_ALIGN = 16;

enum {
	ENTRY_ARENA_LEN = 4096,
	LOSSES_AT_ONCE = 64,   /* loss entries per tick: the next tick goes on */
	ANSWERS_MAX = 8 << 20, /* what the answers to duplicates in one batch may take */
};

/* ---- opening ---- */

static bool learn_source(struct intake *in, uint64_t index, struct span payload)
{
	uint8_t room[ENTRY_ARENA_LEN];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct span name;
	return source_decode(payload, &arena, &name) == TRAIL_OK && source_name_valid(name) &&
		names_add(in->sources, 0, name, index);
}

static bool learn_peer(struct intake *in, uint64_t index, struct span payload)
{
	uint8_t room[ENTRY_ARENA_LEN];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct peer_name peer;
	return peer_decode(payload, &arena, &peer) == TRAIL_OK &&
		names_add(in->peers, (uint8_t)peer.type, peer.name, index);
}

/* By what its record commits to: under a name that a bad disk changed, numbers would begin anew. */
static enum trail_err learn_name(
	struct intake *in, struct sweep *sweep, uint8_t kind, uint64_t index)
{
	struct record r;
	struct span salt, payload;
	const uint8_t *bytes = sweep_record(sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	enum trail_err err =
		r.kind == kind ? sweep_payload(sweep, index, &r, &salt, &payload) : TRAIL_CORRUPT;
	/* An erased peer has no name any more: whoever comes under it again is a new one. */
	if (err == TRAIL_END && kind == KIND_PEER)
		return TRAIL_OK;
	if (err != TRAIL_OK)
		return err;
	bool learnt = kind == KIND_SOURCE ? learn_source(in, index, payload)
					  : learn_peer(in, index, payload);
	return learnt ? TRAIL_OK : TRAIL_CORRUPT;
}

static enum trail_err learn_names(struct intake *in, struct db_txn *txn)
{
	struct span key, value;
	struct control_row row;
	struct sweep sweep;
	sweep_begin(&sweep, in->store, txn, in->chunker);
	bool more = db_ceiling(txn, TABLE_CONTROL, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(txn, TABLE_CONTROL, &key, &value)) {
		enum trail_err err = TRAIL_OK;
		if (key.len != KEY_INDEX_LEN || !control_row_decode(value, &row))
			return TRAIL_CORRUPT;
		if (row.kind == KIND_SOURCE || row.kind == KIND_PEER)
			err = learn_name(in, &sweep, row.kind, load_be64(key.data));
		if (err != TRAIL_OK)
			return err;
		notify_progress();
	}
	return db_error(txn);
}

static enum trail_err load(struct intake *in)
{
	struct db_txn *txn = db_begin(store_db(in->store), false);
	if (!txn)
		return TRAIL_IO;
	enum trail_err err = learn_names(in, txn);
	if (err == TRAIL_OK)
		err = epochs_load(in->epochs, txn);
	db_abort(txn);
	return err == TRAIL_OK ? batch_recover(in->batch) : err;
}

enum trail_err intake_open(struct intake *in, struct store *store, char why[INTAKE_WHY_LEN])
{
	*in = (struct intake){
		.store = store,
		.batch = batch_new(store),
		.epochs = epochs_new(),
		.sources = names_new(),
		.peers = names_new(),
		.chunker = chunker_new(),
	};
	enum trail_err err = TRAIL_NOMEM;
	if (in->batch && in->epochs && in->sources && in->peers && in->chunker)
		err = load(in);
	if (err == TRAIL_OK)
		return TRAIL_OK;
	(void)snprintf(why, INTAKE_WHY_LEN,
		err == TRAIL_CORRUPT
			? "the store's names, numbering or tree do not fit its records; "
			  "run `traild check` to see where"
			: "the store cannot be read, or memory is out");
	intake_close(in);
	return err;
}

void intake_close(struct intake *in)
{
	batch_free(in->batch);
	epochs_free(in->epochs);
	names_free(in->sources);
	names_free(in->peers);
	chunker_free(in->chunker);
	*in = (struct intake){ 0 };
}

/* ---- the daemon's own entries ---- */

void intake_say(struct intake *in, const struct daemon_entry *entry)
{
	struct buf payload = { 0 };
	uint64_t ns = log_clock_stamp(in->now.real_ns, in->now, batch_last_ns(in->batch));
	if (entry->what == DAEMON_CLOCK)
		ns = entry->to_ns;
	daemon_entry_encode(entry, &payload);
	if (payload.failed)
		abort(); /* a hundred bytes: an entry that must be on record cannot be made */
	uint64_t index = batch_add_control(in->batch, KIND_DAEMON, 0, ns, buf_view(&payload));
	buf_release(&payload);
	if (entry->what == DAEMON_START) {
		in->own_epoch = index;
		in->own_seq = 0;
	}
}

void intake_begin(struct intake *in)
{
	struct daemon_entry jump = { .what = DAEMON_CLOCK };
	in->now = clock_now();
	in->answer_bytes = 0;
	if (log_clock_jumped(
		    &in->clock, in->now, batch_last_ns(in->batch), &jump.from_ns, &jump.to_ns)) {
		intake_say(in, &jump);
		in->clock_jumps++;
		log_line(LOG_CLOCK_JUMPED, "the clock jumped by %lld s: the log has it on record",
			((long long)jump.to_ns - (long long)jump.from_ns) / 1000000000);
	}
}

static void say_loss(struct intake *in, const struct epoch *epoch, enum loss_cause cause)
{
	struct daemon_entry loss = {
		.what = DAEMON_LOSS,
		.source = epoch_source_index(epoch),
		.epoch = epoch->number,
		.last = epoch->row.last,
		.made = epoch->row.made,
		.cause = cause,
	};
	intake_say(in, &loss);
}

void intake_tick(struct intake *in)
{
	struct epoch *silent[LOSSES_AT_ONCE];
	size_t count = epochs_take_silent(in->epochs, in->now.real_ns, silent, LOSSES_AT_ONCE);
	for (size_t i = 0; i < count; i++)
		say_loss(in, silent[i], LOSS_SILENT);
}

static enum intake_verdict take_own(struct intake *in, struct op *op)
{
	uint8_t salt[SALT_LEN];
	struct record r = {
		.kind = KIND_EVENT,
		.received_ns = log_clock_stamp(op->received_ns, in->now, batch_last_ns(in->batch)),
		.epoch = in->own_epoch,
		.seq = in->own_seq + 1,
	};
	/*
	 * Unlogged nothing is shown, and who asks must not fill the last of the disk. Half of the
	 * reserve is for questions, so that one can find out what filled it.
	 */
	if (op->kind == OP_QUESTION && in->starved) {
		op_refuse(op, TRAIL_FULL,
			"half of the disk's reserve is used up: this question cannot be put on "
			"record, "
			"and nothing is shown without; an operator must make room");
		return INTAKE_TAKEN;
	}
	if (!batch_has_room(in->batch, 1, op->own.len))
		return INTAKE_COMMIT_FIRST;
	crypto_random(salt, sizeof salt);
	/* The salt must live until the batch is put: it moves in with the op. */
	buf_clear(&op->answer);
	buf_put(&op->answer, salt, sizeof salt);
	if (op->answer.failed) {
		op_refuse_memory(op);
		return INTAKE_TAKEN;
	}
	record_commitment(op->answer.data, op->own, &r.commitment);
	op->own_index = batch_add_event(in->batch, &r, op->answer.data, op->own);
	in->own_seq++;
	return INTAKE_TAKEN;
}

/* ---- who speaks, and for which epoch ---- */

static struct epoch *known_epoch(struct intake *in, struct span source, uint64_t number)
{
	uint64_t index = names_find(in->sources, 0, source);
	return index == 0 ? NULL : epochs_find(in->epochs, index, number);
}

static uint64_t peer_index(const struct intake *in, const struct op *op)
{
	return names_find(in->peers, (uint8_t)op->peer.type, span_text(op->peer.name));
}

/* An epoch belongs to the peer that opened it; nobody opened one that was only claimed. */
static bool foreign(const struct intake *in, const struct op *op, const struct epoch *epoch)
{
	return epoch->number != 0 && epoch->row.peer != 0 && epoch->row.peer != peer_index(in, op);
}

/* False: refused; the op's response says why. */
static bool may_speak(struct intake *in, struct op *op, struct epoch *epoch)
{
	if (foreign(in, op, epoch)) {
		op_refuse(op, TRAIL_DENIED,
			"epoch %llu belongs to another identity; open an epoch of your own",
			(unsigned long long)epoch->number);
		return false;
	}
	if (epoch->number != 0 && epoch->holder != 0 && epoch->holder != op->session) {
		op_refuse(op, TRAIL_DENIED,
			"another connection holds epoch %llu; say Hello with it to take it over",
			(unsigned long long)epoch->number);
		return false;
	}
	if (epoch->number != 0)
		epoch->holder = op->session;
	return true;
}

static void refuse_closed(struct op *op, uint64_t number, uint64_t floor)
{
	op_refuse(op, TRAIL_CLOSED,
		"epoch %llu is over (closed, or pushed out by newer ones; floor %llu); "
		"open a new one",
		(unsigned long long)number, (unsigned long long)floor);
}

static void refuse_expected(struct op *op, uint64_t expected)
{
	op_refuse(op, TRAIL_EXPECTED,
		"seq %llu is expected next; go back to it, or declare what is lost",
		(unsigned long long)expected);
	op->response.error.expected = expected;
}

static void refuse_full(struct op *op)
{
	op_refuse(op, TRAIL_FULL,
		"the disk's reserve is reached; nothing is stored until the operator makes room");
}

static void refuse_names(struct op *op)
{
	op_refuse(op, TRAIL_FULL, "this log knows %d sources or peers and takes no new ones",
		SOURCES_MAX);
}

/* The PEER entry of the op's peer, made now if need be. 0: no more fit this log. */
static uint64_t need_peer(struct intake *in, const struct op *op, uint64_t ns)
{
	uint64_t index = peer_index(in, op);
	struct peer_name peer = { .type = op->peer.type, .name = span_text(op->peer.name) };
	struct buf payload = { 0 };
	if (index != 0 || names_count(in->peers) >= SOURCES_MAX)
		return index;
	peer_encode(&peer, &payload);
	if (!payload.failed)
		index = batch_add_control(in->batch, KIND_PEER, 0, ns, buf_view(&payload));
	buf_release(&payload);
	if (index != 0 && !names_add(in->peers, (uint8_t)peer.type, peer.name, index))
		abort(); /* staged but not known: the next one would name the same peer twice */
	return index;
}

static uint64_t need_source(struct intake *in, struct span name, uint64_t peer, uint64_t ns)
{
	uint64_t index = names_find(in->sources, 0, name);
	struct buf payload = { 0 };
	if (index != 0 || names_count(in->sources) >= SOURCES_MAX)
		return index;
	source_encode(name, &payload);
	if (!payload.failed)
		index = batch_add_control(in->batch, KIND_SOURCE, peer, ns, buf_view(&payload));
	buf_release(&payload);
	if (index != 0 && !names_add(in->sources, 0, name, index))
		abort(); /* as above */
	return index;
}

/* An unknown epoch becomes known; what it pushes out goes on record. NULL: refused. */
static struct epoch *open_epoch(struct intake *in, struct op *op, uint64_t source, uint64_t number)
{
	struct epoch *epoch = NULL;
	struct epoch pushed;
	switch ((int)epochs_open(in->epochs, source, number, &epoch, &pushed)) {
	case TRAIL_OK:
		if (pushed.source)
			say_loss(in, &pushed, LOSS_PUSHED);
		return epoch;
	case TRAIL_CLOSED:
		refuse_closed(op, number, epochs_floor(in->epochs, source));
		return NULL;
	case TRAIL_FULL:
		op_refuse(op, TRAIL_FULL,
			"this source has %d import batches already, and they are kept for ever; "
			"use another source name",
			EPOCHS_IMPORT_MAX);
		return NULL;
	default:
		op_refuse_memory(op);
		return NULL;
	}
}

/* ---- the answer's memory: reserved once, so that its pieces stay where they are ---- */

static bool answer_reserve(struct op *op, size_t runs, size_t duplicates, size_t events)
{
	size_t need = runs * sizeof(struct run) + duplicates * (size_t)(SALT_LEN + RECORD_LEN) +
		events * sizeof(uint32_t) + 4 * ANSWER_ALIGN + NOTE_ROOM;
	buf_clear(&op->answer);
	if (buf_reserve(&op->answer, need))
		return true;
	op_refuse_memory(op);
	return false;
}

static void *answer_take(struct op *op, size_t len)
{
	size_t at = (op->answer.len + ANSWER_ALIGN - 1) & ~(ANSWER_ALIGN - 1);
	op->answer.len = at + len;
	return op->answer.data + at;
}

/* ---- duplicates ---- */

/*
 * A duplicate that cannot be told: by FORMATS.md section 4 "OK, unchecked", unless it may be a
 * hole.
 */
static const uint64_t NOT_FOUND = UINT64_MAX;

static bool find_one(struct intake *in, struct op *op, struct held_hunt *hunt, uint64_t seq,
	uint64_t from, uint64_t *index)
{
	enum trail_err err = held_find(hunt, seq, from, index);
	if (err == TRAIL_OK)
		return true;
	if (err == TRAIL_MORE && hunt->row->holes == 0) {
		*index = NOT_FOUND;
		return true;
	}
	if (err == TRAIL_END) {
		op_refuse(op, TRAIL_CONFLICT,
			"seq %llu was declared lost, which is final; give the event a new number",
			(unsigned long long)seq);
	} else if (err == TRAIL_MORE) {
		op_refuse(op, TRAIL_UNAVAILABLE,
			"seq %llu lies too deep to tell whether it is held or was declared lost",
			(unsigned long long)seq);
	} else {
		in->broken = err;
		op_refuse(op, TRAIL_UNAVAILABLE, "the store is damaged; run `traild check`");
	}
	return false;
}

static bool compare_one(
	struct intake *in, struct op *op, struct db_txn *txn, size_t i, uint8_t salt[SALT_LEN])
{
	const struct append *a = &op->request.append;
	enum trail_err err =
		held_compare(in->store, txn, in->chunker, in->found[i], a->events[i], salt);
	if (err == TRAIL_OK)
		return true;
	if (err == TRAIL_END) {
		memset(salt, 0, SALT_LEN);
		op->response.appended.unchecked++;
		return true;
	}
	if (err == TRAIL_CONFLICT) {
		op_refuse(op, TRAIL_CONFLICT,
			"event %zu: other content stands under seq %llu (index %llu); "
			"a number is given once",
			i, (unsigned long long)a->first_seq + i, (unsigned long long)in->found[i]);
		return false;
	}
	in->broken = err;
	op_refuse(op, TRAIL_UNAVAILABLE, "the store is damaged; run `traild check`");
	return false;
}

/* Find and compare the first `count` events; salts to `salts`. False: refused. */
static bool judge_duplicates(struct intake *in, struct op *op, struct db_txn *txn,
	const struct epoch *epoch, size_t count, uint8_t *salts)
{
	const struct append *a = &op->request.append;
	uint64_t from = epoch->row.first_index;
	struct held_hunt hunt = {
		.txn = txn,
		.source = epoch_source_index(epoch),
		.epoch = epoch->number,
		.row = &epoch->row,
		.budget = HELD_SCAN_MAX,
	};
	for (size_t i = 0; i < count; i++) {
		bool ok = find_one(in, op, &hunt, a->first_seq + i, from, &in->found[i]);
		if (ok && in->found[i] == NOT_FOUND)
			continue;
		if (!ok || !compare_one(in, op, txn, i, salts + i * SALT_LEN)) {
			op->response.error.index = (uint32_t)i;
			return false;
		}
		from = in->found[i] + 1;
	}
	return true;
}

static bool side_by_side(const struct intake *in, size_t i)
{
	return in->found[i] != NOT_FOUND && in->found[i - 1] != NOT_FOUND &&
		in->found[i] == in->found[i - 1] + 1;
}

static size_t count_runs(const struct intake *in, size_t count)
{
	size_t runs = count != 0;
	for (size_t i = 1; i < count; i++)
		runs += !side_by_side(in, i);
	return runs;
}

static void fill_run(struct run *run, uint64_t index, const uint8_t *records, const uint8_t *salts)
{
	struct record r;
	record_decode(records, &r);
	run->first_index = index;
	run->received_ns = r.received_ns;
	run->source = r.source;
	run->peer = r.peer;
	run->prev = r.prev;
	run->records = span_of(records, (size_t)run->count * RECORD_LEN);
	run->salts = span_of(salts, (size_t)run->count * SALT_LEN);
}

/* One run per stretch of duplicates that lie side by side, with their records. False: broken. */
static bool tell_duplicates(struct intake *in, struct op *op, struct db_txn *txn, size_t count,
	struct run *runs, const uint8_t *salts)
{
	uint8_t *records = answer_take(op, count * RECORD_LEN);
	struct run *run = runs - 1;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !side_by_side(in, i)) {
			run++;
			*run = (struct run){
				.first_seq = op->request.append.first_seq + i,
				.duplicate = true,
			};
		}
		run->count++;
		if (in->found[i] == NOT_FOUND) {
			op->response.appended.unchecked++;
			continue;
		}
		const uint8_t *bytes = store_record(txn, in->found[i], NULL);
		if (!bytes) {
			in->broken = TRAIL_CORRUPT;
			return false;
		}
		memcpy(records + i * RECORD_LEN, bytes, RECORD_LEN);
		size_t start = i + 1 - run->count;
		fill_run(run, in->found[start], records + start * RECORD_LEN,
			salts + start * SALT_LEN);
	}
	return true;
}

/* ---- Append ---- */

/* What is to be done with one Append, once it is judged. */
struct plan {
	struct epoch *epoch; /* NULL: not known yet */
	uint64_t source;     /* 0: not known yet */
	uint64_t first_seq;  /* of the first new event */
	size_t duplicates;   /* leading events that are held already */
	uint64_t lost;       /* declared before the first new event */
};

/* False: refused. Sets the plan's numbers by the rules of FORMATS.md section 4. */
static bool plan_numbers(struct op *op, struct plan *p)
{
	const struct append *a = &op->request.append;
	uint64_t last = p->epoch ? p->epoch->row.last : 0;
	if (a->epoch == 0) {
		p->first_seq = last + 1;
		return true;
	}
	if (a->first_seq > last + 1 && a->lost != a->first_seq - last - 1) {
		refuse_expected(op, last + 1);
		return false;
	}
	if (a->first_seq == last + 1 && a->lost != 0) {
		refuse_expected(op, last + 1);
		return false;
	}
	if (a->first_seq > last) {
		p->lost = a->lost;
		p->first_seq = a->first_seq;
		return true;
	}
	uint64_t held = last - a->first_seq + 1;
	p->duplicates = held < a->event_count ? (size_t)held : a->event_count;
	p->first_seq = last + 1;
	return true;
}

static bool plan_append(struct intake *in, struct op *op, struct plan *p)
{
	const struct append *a = &op->request.append;
	p->source = names_find(in->sources, 0, a->source);
	p->epoch = p->source == 0 ? NULL : epochs_find(in->epochs, p->source, a->epoch);
	if (p->epoch && !may_speak(in, op, p->epoch))
		return false;
	if (!p->epoch && p->source != 0 && a->epoch != 0 && (a->epoch & EPOCH_IMPORT_BIT) == 0 &&
		a->epoch <= epochs_floor(in->epochs, p->source)) {
		refuse_closed(op, a->epoch, epochs_floor(in->epochs, p->source));
		return false;
	}
	if (!plan_numbers(op, p))
		return false;
	bool brings_new = p->duplicates < a->event_count;
	if (brings_new && p->epoch && p->epoch->row.state == EPOCH_CLOSED) {
		op_refuse(op, TRAIL_CLOSED,
			"this import batch was closed after seq %llu; "
			"import what is new under another batch name",
			(unsigned long long)p->epoch->row.last);
		return false;
	}
	if (brings_new && in->full) {
		refuse_full(op);
		return false;
	}
	return true;
}

/* SOURCE, PEER and epoch exist from here on. False: refused. */
static bool introduce(
	struct intake *in, struct op *op, struct plan *p, uint64_t *ns, uint64_t *peer)
{
	const struct append *a = &op->request.append;
	if (!p->epoch && p->source != 0) {
		p->epoch = open_epoch(in, op, p->source, a->epoch);
		if (!p->epoch)
			return false;
	}
	/* Not before: an epoch that was pushed out went on record at a later time than the op's. */
	*ns = log_clock_stamp(op->received_ns, in->now, batch_last_ns(in->batch));
	*peer = need_peer(in, op, *ns);
	p->source = *peer == 0 ? 0 : need_source(in, a->source, *peer, *ns);
	if (p->source == 0) {
		refuse_names(op);
		return false;
	}
	if (!p->epoch)
		p->epoch = open_epoch(in, op, p->source, a->epoch);
	if (!p->epoch)
		return false;
	if (a->epoch != 0) {
		p->epoch->holder = op->session;
		if (p->epoch->row.peer == 0)
			p->epoch->row.peer = *peer;
	}
	return true;
}

static uint16_t flags_of(const struct op *op, const struct plan *p, size_t i, uint64_t ns)
{
	unsigned flags = 0;
	if (record_is_late(op->times[i], ns))
		flags |= FLAG_LATE;
	if (p->lost != 0 && i == p->duplicates)
		flags |= FLAG_LOSS;
	if (op->request.append.epoch == 0)
		flags |= FLAG_UNPROTECTED;
	return (uint16_t)flags;
}

/* Stage the events from plan.duplicates on, and tell of them in *run. False: refused. */
static bool stage_new(struct intake *in, struct op *op, struct plan *p, struct run *run)
{
	const struct append *a = &op->request.append;
	size_t count = a->event_count - p->duplicates;
	uint64_t ns, peer;
	if (!introduce(in, op, p, &ns, &peer))
		return false;
	uint32_t *flags = answer_take(op, count * sizeof *flags);
	unsigned any = 0;
	*run = (struct run){
		.first_index = batch_next(in->batch),
		.count = (uint32_t)count,
		.first_seq = p->first_seq,
		.received_ns = ns,
		.source = p->source,
		.peer = peer,
		.prev = *batch_last_leaf(in->batch),
	};
	for (size_t i = 0; i < count; i++) {
		size_t at = p->duplicates + i;
		struct record r = {
			.kind = KIND_EVENT,
			.flags = flags_of(op, p, at, ns),
			.source = p->source,
			.peer = peer,
			.received_ns = ns,
			.epoch = a->epoch,
			.seq = p->first_seq + i,
			.commitment = op->commitments[at],
		};
		flags[i] = r.flags;
		any |= r.flags;
		(void)batch_add_event(in->batch, &r, op->salts + at * SALT_LEN, a->events[at]);
	}
	if (any != 0)
		run->flags = flags;
	if (a->want_salts)
		run->salts = span_of(op->salts + p->duplicates * SALT_LEN, count * SALT_LEN);
	epochs_stored(in->epochs, p->epoch, count, p->lost, run->first_index,
		run->first_index + count - 1);
	return true;
}

/* The duplicates among the events, from the store as it is committed. False: refused. */
static bool answer_duplicates(struct intake *in, struct op *op, struct plan *p, struct run **next)
{
	const struct append *a = &op->request.append;
	struct db_txn *txn = db_begin(store_db(in->store), false);
	bool ok = false;
	if (!txn) {
		op_refuse_unread(op);
		return false;
	}
	/* Salts first into scratch of the op that is not needed for duplicates: its own salts. */
	uint8_t *salts = op->salts;
	if (!judge_duplicates(in, op, txn, p->epoch, p->duplicates, salts))
		goto out;
	size_t runs = count_runs(in, p->duplicates);
	bool brings_new = p->duplicates < a->event_count;
	if (!answer_reserve(op, runs + brings_new, p->duplicates, a->event_count))
		goto out;
	in->answer_bytes += op->answer.cap;
	struct run *first = answer_take(op, (runs + brings_new) * sizeof *first);
	op->response.appended.runs = first;
	op->response.appended.run_count = runs;
	ok = tell_duplicates(in, op, txn, p->duplicates, first, salts);
	*next = first + runs;
out:
	db_abort(txn);
	return ok;
}

static enum intake_verdict take_append(struct intake *in, struct op *op)
{
	const struct append *a = &op->request.append;
	struct plan plan = { 0 };
	struct run *run = NULL;
	size_t bytes = 0;
	if (!plan_append(in, op, &plan))
		return INTAKE_TAKEN;
	for (size_t i = plan.duplicates; i < a->event_count; i++)
		bytes += a->events[i].len;
	if (!batch_has_room(in->batch, a->event_count - plan.duplicates, bytes))
		return INTAKE_COMMIT_FIRST;
	/* What this very batch holds cannot be read back yet; scattered ones answer at length. */
	assert(plan.duplicates == 0 || plan.epoch);
	if (plan.duplicates != 0 &&
		(plan.epoch->row.last_index >= batch_committed(in->batch) ||
			in->answer_bytes > ANSWERS_MAX))
		return INTAKE_COMMIT_FIRST;

	op->response.kind = RESPONSE_APPENDED;
	op->response.appended = (struct appended){ 0 };
	if (plan.duplicates != 0) {
		if (!answer_duplicates(in, op, &plan, &run))
			return INTAKE_TAKEN;
	} else {
		if (!answer_reserve(op, 1, 0, a->event_count))
			return INTAKE_TAKEN;
		run = answer_take(op, sizeof *run);
		op->response.appended.runs = run;
	}
	if (plan.duplicates < a->event_count) {
		if (!stage_new(in, op, &plan, run))
			return INTAKE_TAKEN;
		op->response.appended.run_count++;
	}
	assert(plan.epoch);
	/* A closed import stays as it is: to hear it again costs no commit. */
	if (plan.epoch->row.state != EPOCH_CLOSED)
		epochs_heard(in->epochs, plan.epoch, in->now.real_ns, a->made);
	return INTAKE_TAKEN;
}

/* ---- Close, Keepalive, Hello ---- */

static void take_close(struct intake *in, struct op *op)
{
	const struct epoch_word *w = &op->request.word;
	uint64_t source = names_find(in->sources, 0, w->source);
	struct epoch *epoch = known_epoch(in, w->source, w->epoch);
	if (w->epoch == 0) {
		op_refuse(op, TRAIL_INVALID, "epoch 0 is the daemon's to number and never ends");
		return;
	}
	if (!epoch && source != 0 && w->epoch <= epochs_floor(in->epochs, source)) {
		refuse_closed(op, w->epoch, epochs_floor(in->epochs, source));
		return;
	}
	if (!epoch) {
		refuse_expected(op, 1);
		return;
	}
	if (!may_speak(in, op, epoch))
		return;
	if (w->last != epoch->row.last) {
		refuse_expected(op, epoch->row.last + 1);
		return;
	}
	if (epoch->row.state != EPOCH_CLOSED)
		epochs_close(in->epochs, epoch);
	op->response.kind = RESPONSE_CLOSED;
}

/* What was given out makes a standing, and a standing has an owner. False: refused. */
static bool keep_owner(struct intake *in, struct op *op, struct epoch *epoch)
{
	uint64_t made = op->request.word.made;
	uint64_t ns = log_clock_stamp(op->received_ns, in->now, batch_last_ns(in->batch));
	if (made == 0 || epoch->number == 0 || epoch->row.peer != 0)
		return true;
	if (in->full) {
		refuse_full(op);
		return false;
	}
	epoch->row.peer = need_peer(in, op, ns);
	if (epoch->row.peer != 0)
		return true;
	refuse_names(op);
	return false;
}

static void take_keepalive(struct intake *in, struct op *op)
{
	const struct epoch_word *w = &op->request.word;
	struct epoch *epoch = known_epoch(in, w->source, w->epoch);
	op->response.kind = RESPONSE_KEPT;
	op->response.last = 0;
	if (!epoch)
		return;
	if (!may_speak(in, op, epoch) || !keep_owner(in, op, epoch))
		return;
	if (epoch->row.state != EPOCH_CLOSED)
		epochs_heard(in->epochs, epoch, in->now.real_ns, w->made);
	op->response.kind = RESPONSE_KEPT;
	op->response.last = epoch->row.last;
}

/* False: refused. */
static bool take_claim(struct intake *in, struct op *op, const struct claim *c, struct standing *s)
{
	*s = (struct standing){ .source = names_find(in->sources, 0, c->source) };
	if (s->source == 0)
		return true;
	s->floor = epochs_floor(in->epochs, s->source);
	struct epoch *epoch = epochs_find(in->epochs, s->source, c->epoch);
	bool import = (c->epoch & EPOCH_IMPORT_BIT) != 0;
	if (!epoch && c->epoch != 0 && !import && c->epoch > s->floor)
		epoch = open_epoch(in, op, s->source, c->epoch);
	if (!epoch)
		return op->response.kind != RESPONSE_ERROR;
	if (foreign(in, op, epoch))
		return may_speak(in, op, epoch);
	if (c->epoch != 0)
		epoch->holder = op->session;
	s->known = !epoch_only_claimed(epoch);
	s->last = epoch->row.last;
	return true;
}

static void take_hello(struct intake *in, struct op *op)
{
	const struct hello *h = &op->request.hello;
	size_t need = h->claim_count * sizeof(struct standing) + ANSWER_ALIGN + 2 * NOTE_ROOM;
	op->response.kind = RESPONSE_HELLO;
	op->response.hello = (struct hello_answer){ .protocol = PROTOCOL_VERSION };
	buf_clear(&op->answer);
	if (!buf_reserve(&op->answer, need)) {
		op_refuse_memory(op);
		return;
	}
	struct standing *standings = answer_take(op, h->claim_count * sizeof *standings);
	for (size_t i = 0; i < h->claim_count; i++) {
		if (!take_claim(in, op, &h->claims[i], &standings[i]))
			return;
	}
	op->response.hello.standings = standings;
	op->response.hello.standing_count = h->claim_count;
}

enum intake_verdict intake_take(struct intake *in, struct op *op)
{
	op->response = (struct response){ .id = op->request.id };
	if (op->kind != OP_REQUEST)
		return take_own(in, op);
	if (op->request.kind == REQUEST_APPEND)
		return take_append(in, op);
	/* An epoch that is pushed out leaves a loss entry. */
	if (!batch_has_room(in->batch, 0, 0))
		return INTAKE_COMMIT_FIRST;
	if (op->request.kind == REQUEST_CLOSE)
		take_close(in, op);
	else if (op->request.kind == REQUEST_KEEPALIVE)
		take_keepalive(in, op);
	else
		take_hello(in, op);
	return INTAKE_TAKEN;
}
