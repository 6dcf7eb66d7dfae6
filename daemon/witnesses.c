/* SPDX-License-Identifier: Apache-2.0 */
#include "witnesses.h"

#include "backoff.h"
#include "clock.h"
#include "courier_link.h"
#include "notify.h"
#include "parked.h"
#include "stamper.h"

#include "../proto/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_INVALID = 5,
	WHY_LEN = 128,
	PAUSE_MIN_MS = 1000, /* after a failure; less where rounds come faster */
	PAUSES = 300,        /* the greatest pause is so many of the least */
	STABLE_MS = 60000,   /* a courier that lived so long was sound */
	WORDS_MAX = 4096,    /* from a courier, a second: more is none of ours */
	ALARM_MS = 3600000,  /* one entry on record per witness and hour */
	LOOK_STEP_MS = 250,  /* how soon a start sees that it is to end */
	KEPT_LOOKED_AT = 64, /* rows, backwards, for what earlier runs kept */
	EXTEND_S = 30,
};

/* What the thread remembers of one witness besides what rounds do. */
struct seen {
	bool failing;      /* that was said */
	bool alarmed;      /* on record, and not taken back by a cosignature since */
	uint64_t entry_ms; /* of the last entry on record; 0: none */
};

struct witnesses {
	struct witnesses_options options;
	pthread_t thread;
	int wake_fd;
	unsigned overlap; /* m(policy) */
	struct parked *parked;
	/* The thread's own. */
	struct rounds *rounds;
	struct witnessed witnessed;
	struct shared_note *note; /* of `witnessed` */
	struct seen seen[WITNESSES_MAX];
	struct stamper stamper;
	bool stamps_fail; /* that was said */
	struct courier_link *courier;
	uint64_t courier_ms;      /* when it was started */
	uint64_t courier_next_ms; /* not before */
	struct backoff courier_pauses;
	uint64_t second_ms; /* in which so many words came */
	unsigned words;
	/* Between threads. */
	pthread_mutex_t lock;
	pthread_cond_t turned; /* confirmed or refused */
	bool hurrying;         /* nobody waits any more */
	bool stopping;
	bool confirmed;
	bool waited; /* somebody waits for `turned`, who will tell of `reason` */
	bool refused;
	struct log_reason reason;
	struct head first;  /* to be shown before there is a newer one; size 0: none */
	uint64_t committed; /* records in the store at start */
	struct witnesses_numbers numbers;
};

static uint64_t now_ms(void)
{
	return clock_now().boot_ns / 1000000;
}

static uint64_t pause_min_ms(const struct witnesses *w)
{
	return w->options.interval_ms < PAUSE_MIN_MS ? w->options.interval_ms : PAUSE_MIN_MS;
}

static void wake(struct witnesses *w)
{
	(void)eventfd_write(w->wake_fd, 1);
}

/* ---- evidence ---- */

/*
 * The log was set back, or forked. A start that waits for its witnesses tells of it; else the
 * process ends here.
 */
static void contradicted(struct witnesses *w, enum log_id id, const char *why)
{
	struct log_reason reason = { .id = id };
	(void)snprintf(reason.why, sizeof reason.why, "%s", why);
	(void)pthread_mutex_lock(&w->lock);
	const bool told = w->waited || w->refused;
	w->refused = true;
	w->reason = reason;
	(void)pthread_cond_broadcast(&w->turned);
	(void)pthread_mutex_unlock(&w->lock);
	if (!told)
		w->options.fatal(w->options.ctx, EXIT_INVALID, &reason);
}

/* Names in lines: the key's, where it can be shown. */
static const char *name_of(const struct witnesses *w, unsigned number)
{
	const char *name = w->options.policy->witness[number].cosigner.name;
	return text_name(span_text(name)) ? name : "(a name that cannot be shown)";
}

/* Before a quorum saw this log again, one word against it is enough (FORMATS.md section 5). */
static void refuse(struct witnesses *w, unsigned number, enum testimony testimony, uint64_t held)
{
	char why[LOG_WHY_LEN];
	if (testimony == TESTIMONY_AHEAD)
		(void)snprintf(why, sizeof why,
			"witness %s saw this log with %llu records, the store has fewer: it was "
			"set back; restore the missing records from a mirror, or begin a successor "
			"log (trail-recovery(7))",
			name_of(w, number), (unsigned long long)held);
	else
		(void)snprintf(why, sizeof why,
			"witness %s says that this log contradicts the one it saw: it was set back "
			"and went on, or forked; run `traild check` with the newest checkpoint "
			"from elsewhere (trail-recovery(7))",
			name_of(w, number));
	contradicted(
		w, testimony == TESTIMONY_AHEAD ? LOG_WITNESS_AHEAD : LOG_WITNESS_CONTRADICTS, why);
}

/* Ask what it shows of this log: a note under our own key would prove what it says. */
static void look(struct witnesses *w, unsigned number)
{
	char hex[2 * HASH_LEN + 1];
	char path[sizeof hex + sizeof "/checkpoint"];
	origin_hex(w->options.log.name, hex);
	(void)snprintf(path, sizeof path, "%s/checkpoint", hex);
	const struct courier_word word = {
		.kind = COURIER_LOOK, .witness = (uint8_t)number, .url = span_text(path)
	};
	(void)courier_link_say(w->courier, &word);
}

/* A quorum stands behind this log: one voice against it does not stop it, but is on record. */
static void raise_alarm(
	struct witnesses *w, const struct rounds_answer *a, uint64_t size, const char *why)
{
	struct seen *seen = &w->seen[a->witness];
	const uint64_t now = now_ms();
	look(w, a->witness);
	if (seen->alarmed)
		return;
	seen->alarmed = true;
	log_line(LOG_WITNESS_ALARM,
		"witness %s speaks of another history of this log: %s (HTTP %u, size %llu); if it "
		"is right, this log is forked: compare checkpoints with its operator",
		name_of(w, a->witness), why, a->status,
		(unsigned long long)(a->told ? a->held : size));
	if (seen->entry_ms != 0 && now - seen->entry_ms < ALARM_MS)
		return;
	seen->entry_ms = now;
	const struct daemon_entry entry = { .what = DAEMON_FORK,
		.witness = a->witness,
		.size = a->told ? a->held : size,
		.status = a->status };
	w->options.say(w->options.ctx, &entry);
}

static enum trail_err root_at(struct witnesses *w, uint64_t size, struct hash *root)
{
	struct db_txn *txn = db_begin(store_db(w->options.store), false);
	const enum trail_err err = txn ? tree_root(size, store_node, txn, root) : TRAIL_IO;
	db_abort(txn);
	return err;
}

/* Records that are committed, and so may be signed. */
static uint64_t held_size(struct witnesses *w)
{
	struct head head = { 0 };
	(void)store_head(w->options.store, &head);
	(void)pthread_mutex_lock(&w->lock);
	const uint64_t size = w->committed > head.size ? w->committed : head.size;
	(void)pthread_mutex_unlock(&w->lock);
	return size;
}

static void take_shown(struct witnesses *w, const struct courier_word *word)
{
	struct checkpoint cp;
	struct hash root;
	char why[LOG_WHY_LEN];
	if (word->fate != COURIER_ANSWERED || word->status != 200)
		return;
	const enum shown shown = rounds_shown(w->rounds, word->text, held_size(w), &cp);
	if (shown == SHOWN_NOTHING ||
		(shown == SHOWN_OTHER &&
			(root_at(w, cp.size, &root) != TRAIL_OK || hash_equal(&root, &cp.root))))
		return;
	(void)snprintf(why, sizeof why,
		"witness %s shows a checkpoint of size %llu under this log's own key that %s; run "
		"`traild check`, and keep that checkpoint: it is evidence (trail-recovery(7))",
		name_of(w, word->witness), (unsigned long long)cp.size,
		shown == SHOWN_LARGER ? "the store does not reach: it was set back"
				      : "contradicts the store");
	contradicted(w, shown == SHOWN_LARGER ? LOG_WITNESS_AHEAD : LOG_WITNESS_CONTRADICTS, why);
}

/* ---- what witnesses say ---- */

static void say_failing(struct witnesses *w, const struct rounds_answer *a, const char *why)
{
	struct seen *seen = &w->seen[a->witness];
	if (seen->failing)
		return;
	seen->failing = true;
	if (!a->trouble)
		log_line(LOG_WITNESS_FAILS, "witness %s does not cosign: %s (HTTP %u)",
			name_of(w, a->witness), why, a->status);
	else
		log_line(LOG_WITNESS_FAILS, "witness %s does not cosign: %s",
			name_of(w, a->witness), why);
}

static void say_answering(struct witnesses *w, unsigned number)
{
	struct seen *seen = &w->seen[number];
	if (seen->failing || seen->alarmed)
		log_line(LOG_WITNESS_ANSWERS, "witness %s cosigns again", name_of(w, number));
	seen->failing = false;
	seen->alarmed = false;
}

static bool is_confirmed(struct witnesses *w)
{
	(void)pthread_mutex_lock(&w->lock);
	const bool confirmed = w->confirmed;
	(void)pthread_mutex_unlock(&w->lock);
	return confirmed;
}

static void act(struct witnesses *w, const struct rounds_answer *a, enum testimony testimony,
	uint64_t size, const char *why)
{
	switch (testimony) {
	case TESTIMONY_COSIGNED:
		say_answering(w, a->witness);
		break;
	case TESTIMONY_AHEAD:
	case TESTIMONY_DISPUTED:
		if (is_confirmed(w))
			raise_alarm(w, a, size, why);
		else
			refuse(w, a->witness, testimony, a->held);
		break;
	case TESTIMONY_LIE:
	case TESTIMONY_REFUSED:
	case TESTIMONY_AWAY:
		say_failing(w, a, why);
		break;
	case TESTIMONY_LATE:
	case TESTIMONY_BEHIND:
		break;
	}
}

/* A note that has its quorum is kept, and those who waited for it have their answers. */
static void take_quorum(struct witnesses *w)
{
	if (!rounds_witnessed(w->rounds, &w->witnessed))
		return;
	struct shared_note *note = shared_note_new(buf_view(&w->witnessed.note));
	if (note) {
		shared_note_unref(w->note);
		w->note = note;
	}
	store_witnessed_set(w->options.store, w->witnessed.size, buf_view(&w->witnessed.note));
	w->options.keep(w->options.ctx, w->witnessed.size, buf_view(&w->witnessed.note));
	(void)pthread_mutex_lock(&w->lock);
	const bool again = w->confirmed;
	w->confirmed = true;
	w->numbers.witnessed_size = w->witnessed.size;
	(void)pthread_cond_broadcast(&w->turned);
	(void)pthread_mutex_unlock(&w->lock);
	if (!again)
		log_line(LOG_CONFIRMED, "a quorum of witnesses saw this log, up to %llu records",
			(unsigned long long)w->witnessed.size);
}

static bool say_verdict(struct witnesses *w, const struct courier_word *word, bool good)
{
	const struct courier_word verdict = { .kind = COURIER_VERDICT,
		.witness = word->witness,
		.round = word->round,
		.good = good };
	return courier_link_say(w->courier, &verdict);
}

static bool take_answer(struct witnesses *w, const struct courier_word *word)
{
	char why[WHY_LEN];
	const uint64_t size = held_size(w);
	const struct rounds_answer a = {
		.witness = word->witness,
		.round = word->round,
		.trouble = courier_trouble(word->fate),
		.status = word->status,
		.told = word->held != COURIER_UNKNOWN,
		.held = word->held,
		.body = word->text,
	};
	const enum testimony testimony =
		rounds_judge(w->rounds, &a, size, clock_now().real_ns / 1000000000, why);
	act(w, &a, testimony, size, why);
	take_quorum(w);
	return say_verdict(w, word, testimony == TESTIMONY_COSIGNED);
}

/* ---- the courier ---- */

static enum trail_err prove_order(struct witnesses *w, struct courier_word *order)
{
	if (order->old == 0 || order->old == order->size)
		return TRAIL_OK;
	struct db_txn *txn = db_begin(store_db(w->options.store), false);
	const enum trail_err err = txn
		? tree_consistency(order->old, order->size, store_node, txn, &order->proof)
		: TRAIL_IO;
	db_abort(txn);
	return err;
}

/*
 * What it holds is not known at first: then it is shown the checkpoint as if it held the same
 * (FORMATS.md section 5), and says what it does hold.
 */
static bool take_ask(struct witnesses *w, const struct courier_word *word)
{
	struct head head;
	const uint64_t round = rounds_newest(w->rounds, &head);
	if (round == 0)
		return say_verdict(w, word, false);
	struct courier_word order = { .kind = COURIER_ORDER,
		.witness = word->witness,
		.round = round,
		.old = word->old > head.size ? head.size : word->old,
		.size = head.size,
		.text = span_of(head.note, head.note_len) };
	if (prove_order(w, &order) != TRAIL_OK)
		return say_verdict(w, word, false);
	return courier_link_say(w->courier, &order);
}

static bool is_flood(struct witnesses *w)
{
	const uint64_t second = now_ms() / 1000;
	if (second != w->second_ms)
		w->words = 0;
	w->second_ms = second;
	return ++w->words > WORDS_MAX;
}

static void lose_courier(struct witnesses *w, const char *why)
{
	const uint64_t now = now_ms();
	courier_link_close(w->courier);
	w->courier = NULL;
	if (w->stamper.asked.size != 0)
		stamper_lose(&w->stamper, now);
	if (now - w->courier_ms > STABLE_MS)
		backoff_end(&w->courier_pauses);
	const uint64_t pause = backoff_failed(&w->courier_pauses);
	w->courier_next_ms = now + pause;
	log_line(LOG_COURIER_GONE,
		"the courier is gone (%s): no witness is asked until it is started again, in %llu "
		"ms",
		why, (unsigned long long)pause);
}

/* ---- time stamps ---- */

static void keep_stamps(struct witnesses *w)
{
	struct head sealed;
	struct buf request = { 0 };
	if (!w->options.timestamp[0] || !w->courier || !store_sealed(w->options.store, &sealed) ||
		!stamper_due(&w->stamper, &sealed, now_ms()))
		return;
	if (stamper_ask(&w->stamper, &sealed, now_ms(), &request)) {
		const struct courier_word word = { .kind = COURIER_STAMP,
			.url = span_text(w->options.timestamp),
			.text = buf_view(&request) };
		if (!courier_link_say(w->courier, &word))
			lose_courier(w, "it does not listen");
	}
	buf_release(&request);
}

static bool take_stamp(struct witnesses *w, const struct courier_word *word)
{
	char why[STAMP_WHY_MAX];
	uint64_t size;
	if (w->stamper.asked.size == 0)
		return false;
	const char *trouble = courier_trouble(word->fate);
	const bool answered = !trouble && word->status == 200;
	const enum trail_err err = stamper_take(
		&w->stamper, answered ? word->text : span_of(NULL, 0), now_ms(), &size, why);
	if (err == TRAIL_OK)
		w->options.stamp(w->options.ctx, size, word->text);
	else if (!w->stamps_fail && trouble)
		log_line(LOG_STAMP_FAILS, "the time stamp authority gives no time stamp: %s",
			trouble);
	else if (!w->stamps_fail)
		log_line(LOG_STAMP_FAILS,
			"the time stamp authority gives no time stamp: %s (HTTP %u)", why,
			word->status);
	w->stamps_fail = err != TRAIL_OK;
	return true;
}

/* False: the courier is of no more use. */
static bool take_word(struct witnesses *w, const struct courier_word *word)
{
	if (word->kind != COURIER_STAMPED && word->witness >= w->options.policy->witnesses)
		return false;
	switch (word->kind) {
	case COURIER_ASK:
		return take_ask(w, word);
	case COURIER_ANSWER:
		return take_answer(w, word);
	case COURIER_SHOWN:
		take_shown(w, word);
		return true;
	case COURIER_STAMPED:
		return take_stamp(w, word);
	case COURIER_SET:
	case COURIER_WITNESS:
	case COURIER_ROUND:
	case COURIER_ORDER:
	case COURIER_VERDICT:
	case COURIER_LOOK:
	case COURIER_STAMP:
		break;
	}
	return false;
}

static void take_words(struct witnesses *w)
{
	struct courier_word word;
	enum trail_err err = TRAIL_END;
	while (w->courier && (err = courier_link_take(w->courier, &word)) == TRAIL_OK) {
		if (is_flood(w) || !take_word(w, &word)) {
			err = TRAIL_CORRUPT;
			break;
		}
	}
	if (w->courier && err == TRAIL_CORRUPT)
		lose_courier(w, "it said what has no place in the talk, or does not listen");
	else if (w->courier && err != TRAIL_END && err != TRAIL_OK)
		lose_courier(w, "it ended");
}

static bool say_round(struct witnesses *w, uint64_t round)
{
	const struct courier_word word = { .kind = COURIER_ROUND, .round = round };
	return round == 0 || courier_link_say(w->courier, &word);
}

static bool introduce(struct witnesses *w)
{
	const struct policy *policy = w->options.policy;
	struct head head;
	const struct courier_word set = { .kind = COURIER_SET,
		.patience_ms = (uint32_t)w->options.patience_ms,
		.pause_min_ms = (uint32_t)pause_min_ms(w),
		.pause_max_ms = (uint32_t)pause_min_ms(w) * PAUSES };
	if (!courier_link_say(w->courier, &set))
		return false;
	for (size_t i = 0; i < policy->witnesses; i++) {
		const struct courier_word word = { .kind = COURIER_WITNESS,
			.witness = (uint8_t)i,
			.url = span_text(policy->witness[i].url) };
		if (word.url.len != 0 && !courier_link_say(w->courier, &word))
			return false;
	}
	return say_round(w, rounds_newest(w->rounds, &head));
}

static void keep_courier(struct witnesses *w)
{
	char why[512] = "";
	if (w->courier || now_ms() < w->courier_next_ms)
		return;
	w->courier_ms = now_ms();
	const enum trail_err err =
		courier_link_open(w->options.courier, w->options.ca_file, &w->courier, why);
	if (err != TRAIL_OK)
		lose_courier(w, why);
	else if (!introduce(w))
		lose_courier(w, "it does not listen");
}

/* ---- rounds ---- */

/* The newest signed head; at start the one that was signed before. */
static bool newest_head(struct witnesses *w, struct head *head)
{
	if (store_head(w->options.store, head))
		return true;
	(void)pthread_mutex_lock(&w->lock);
	*head = w->first;
	(void)pthread_mutex_unlock(&w->lock);
	return head->size != 0;
}

/*
 * What the next round shows: the newest head, but before it the newest sealed one, because proofs
 * are made at these for ever.
 */
static bool next_head(struct witnesses *w, struct head *head)
{
	struct head last, sealed;
	if (!newest_head(w, head))
		return false;
	if (store_sealed(w->options.store, &sealed) &&
		(rounds_newest(w->rounds, &last) == 0 || last.size < sealed.size))
		*head = sealed;
	return true;
}

static void keep_rounds(struct witnesses *w)
{
	struct head head;
	if (w->options.policy->witnesses == 0)
		return;
	if (!next_head(w, &head) || !rounds_due(w->rounds, head.size, now_ms()))
		return;
	const uint64_t round = rounds_begin(w->rounds, &head, now_ms());
	if (w->courier && !say_round(w, round))
		lose_courier(w, "it does not listen");
}

/* ---- the thread ---- */

static void settle(struct witnesses *w, bool all)
{
	struct op *list =
		parked_take(w->parked, w->witnessed.size, w->note, clock_now().boot_ns, all);
	if (list)
		w->options.done(w->options.ctx, list);
}

static void publish(struct witnesses *w)
{
	struct witnesses_numbers n = { 0 };
	n.witnessed_size = w->witnessed.size;
	n.witnessed_ns = w->witnessed.time_s * UINT64_C(1000000000);
	n.overlap = w->overlap;
	n.count = (unsigned)rounds_states(w->rounds, n.states);
	for (size_t i = 0; i < n.count; i++) {
		n.answering += n.states[i].state == WITNESS_COSIGNS;
		n.alarm |= n.states[i].state == WITNESS_FORK;
	}
	(void)pthread_mutex_lock(&w->lock);
	n.unconfirmed = !w->confirmed;
	w->numbers = n;
	(void)pthread_mutex_unlock(&w->lock);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * All says when it is due. What could be and is not waits for the log to grow or to be sealed: that
 * is looked for as often as a round may begin.
 */
static int wait_ms(struct witnesses *w)
{
	const uint64_t now = now_ms();
	const uint64_t parked = parked_next_ns(w->parked);
	const uint64_t round = rounds_next_ms(w->rounds);
	uint64_t next = now + w->options.interval_ms;
	if (round > now)
		next = earlier(next, round);
	if (w->stamper.next_ms > now)
		next = earlier(next, w->stamper.next_ms);
	if (!w->courier)
		next = earlier(next, w->courier_next_ms);
	if (parked != UINT64_MAX)
		next = earlier(next, parked / 1000000 + 1);
	return next > now ? (int)(next - now) : 0;
}

static void wait_for_something(struct witnesses *w)
{
	eventfd_t count;
	struct pollfd fds[] = {
		{ .fd = w->wake_fd, .events = POLLIN },
		{ .fd = w->courier ? courier_link_fd(w->courier) : -1, .events = POLLIN },
	};
	(void)poll(fds, 2, wait_ms(w));
	(void)eventfd_read(w->wake_fd, &count);
}

static bool is_stopping(struct witnesses *w)
{
	(void)pthread_mutex_lock(&w->lock);
	const bool stopping = w->stopping;
	(void)pthread_mutex_unlock(&w->lock);
	return stopping;
}

static bool is_hurrying(struct witnesses *w)
{
	(void)pthread_mutex_lock(&w->lock);
	const bool hurrying = w->hurrying;
	(void)pthread_mutex_unlock(&w->lock);
	return hurrying;
}

static void *run(void *ctx)
{
	struct witnesses *w = ctx;
	while (!is_stopping(w)) {
		keep_rounds(w);
		keep_courier(w);
		keep_stamps(w);
		settle(w, is_hurrying(w));
		publish(w);
		wait_for_something(w);
		take_words(w);
	}
	settle(w, true);
	courier_link_close(w->courier);
	w->courier = NULL;
	return NULL;
}

/* ---- starting and stopping ---- */

/* What earlier runs kept, newest first, up to the newest note that a quorum cosigned. */
static void remember(struct witnesses *w)
{
	uint8_t key[KEY_INDEX_LEN];
	struct span found, note;
	bool enough = false;
	struct db_txn *txn = db_begin(store_db(w->options.store), false);
	if (!txn)
		return;
	bool there = db_last(txn, TABLE_HEAD, &found, &note);
	for (size_t i = 0; there && !enough && i < KEPT_LOOKED_AT; i++) {
		if (found.len != KEY_INDEX_LEN)
			break;
		const uint64_t size = load_be64(found.data);
		enough = rounds_remember(w->rounds, note);
		if (size == 0)
			break;
		key_index(size - 1, key);
		there = db_floor(txn, TABLE_HEAD, span_of(key, sizeof key), &found, &note);
	}
	db_abort(txn);
	if (!rounds_witnessed(w->rounds, &w->witnessed))
		return;
	const struct span newest = buf_view(&w->witnessed.note);
	w->note = shared_note_new(newest);
	store_witnessed_set(w->options.store, w->witnessed.size, newest);
}

static void release(struct witnesses *w)
{
	rounds_free(w->rounds);
	parked_free(w->parked);
	buf_release(&w->witnessed.note);
	shared_note_unref(w->note);
	if (w->wake_fd >= 0)
		(void)close(w->wake_fd);
	(void)pthread_cond_destroy(&w->turned);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

static void init_locks(struct witnesses *w)
{
	pthread_condattr_t attr;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->turned, &attr);
	(void)pthread_condattr_destroy(&attr);
}

enum trail_err witnesses_start(
	const struct witnesses_options *options, struct witnesses **out, struct log_reason *reason)
{
	const struct rounds_options rounds = {
		.policy = options->policy,
		.log = options->log,
		.interval_ms = options->interval_ms,
		.patience_ms = options->patience_ms,
		.refresh_ms = options->refresh_ms,
	};
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "memory or descriptors are out");
	struct witnesses *w = calloc(1, sizeof *w);
	if (!w)
		return TRAIL_NOMEM;
	w->options = *options;
	init_locks(w);
	w->overlap = policy_overlap(options->policy);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->rounds = rounds_new(&rounds);
	w->parked = parked_new(options->store);
	/* Where there are some, and none is needed, one is asked for all the same. */
	w->confirmed = options->policy->witnesses == 0;
	w->courier_pauses = (struct backoff){
		.least_ms = pause_min_ms(w),
		.most_ms = pause_min_ms(w) * PAUSES,
	};
	w->stamper = (struct stamper){
		.origin = w->options.log.name,
		.pauses = w->courier_pauses,
	};
	if (w->wake_fd < 0 || !w->rounds || !w->parked) {
		release(w);
		return TRAIL_NOMEM;
	}
	remember(w);
	publish(w);
	if (pthread_create(&w->thread, NULL, run, w) != 0) {
		release(w);
		return TRAIL_IO;
	}
	*out = w;
	return TRAIL_OK;
}

/* Signals that would end a running daemon are blocked by now, and wait. */
static bool told_to_stop(void)
{
	sigset_t pending;
	return sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* Lock held. Until something turned, or a moment is over. */
static void wait_moment(struct witnesses *w)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)LOOK_STEP_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&w->turned, &w->lock, &until);
}

static enum trail_err give_up(struct log_reason *reason)
{
	reason->id = LOG_UNCONFIRMED;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"told to stop before a quorum of witnesses answered: nothing was written");
	return TRAIL_IO;
}

/*
 * Lock held. Until a quorum of this run saw `size` records. TRAIL_MORE: not by `end_ms`. TRAIL_END:
 * told to stop. TRAIL_CORRUPT and *reason: a witness contradicts.
 */
static enum trail_err await(
	struct witnesses *w, uint64_t size, uint64_t end_ms, struct log_reason *reason)
{
	enum trail_err err = TRAIL_OK;
	w->waited = true;
	wake(w);
	while (!err && !w->refused && !(w->confirmed && w->numbers.witnessed_size >= size)) {
		if (now_ms() >= end_ms) {
			err = TRAIL_MORE;
			break;
		}
		wait_moment(w);
		notify_progress();
		if (told_to_stop())
			err = TRAIL_END;
	}
	w->waited = false;
	if (!w->refused)
		return err;
	*reason = w->reason;
	return TRAIL_CORRUPT;
}

static uint64_t after_s(unsigned seconds)
{
	return now_ms() + seconds * UINT64_C(1000);
}

enum trail_err witnesses_confirm(
	struct witnesses *w, const struct confirmation *confirmation, struct log_reason *reason)
{
	const uint64_t end = confirmation->wait ? UINT64_MAX : after_s(confirmation->patience_s);
	notify_extend(confirmation->patience_s + EXTEND_S);
	(void)pthread_mutex_lock(&w->lock);
	w->first = *confirmation->head;
	w->committed = confirmation->committed;
	const enum trail_err err = await(w, 0, end, reason);
	(void)pthread_mutex_unlock(&w->lock);
	if (err == TRAIL_END)
		return give_up(reason);
	if (err != TRAIL_MORE)
		return err;
	log_line(LOG_UNCONFIRMED,
		"no quorum of witnesses answered in %u s: the log runs unconfirmed, and the first "
		"that contradicts it ends this daemon",
		confirmation->patience_s);
	return TRAIL_OK;
}

enum trail_err witnesses_await(
	struct witnesses *w, uint64_t size, unsigned patience_s, struct log_reason *reason)
{
	(void)pthread_mutex_lock(&w->lock);
	const enum trail_err err = await(w, size, after_s(patience_s), reason);
	(void)pthread_mutex_unlock(&w->lock);
	return err;
}

struct op *witnesses_park(struct witnesses *w, struct op *list)
{
	struct op *rest = NULL;
	struct op **end = &rest;
	bool any = false;
	const uint64_t now_ns = clock_now().boot_ns;
	while (list) {
		struct op *op = list;
		list = op->next;
		if (parked_wants(op)) {
			parked_put(w->parked, op, now_ns);
			any = true;
			continue;
		}
		op->next = NULL;
		*end = op;
		end = &op->next;
	}
	if (any)
		wake(w);
	return rest;
}

void witnesses_read_numbers(struct witnesses *w, struct witnesses_numbers *numbers)
{
	(void)pthread_mutex_lock(&w->lock);
	*numbers = w->numbers;
	numbers->unconfirmed = !w->confirmed;
	(void)pthread_mutex_unlock(&w->lock);
}

void witnesses_hurry(struct witnesses *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->hurrying = true;
	(void)pthread_mutex_unlock(&w->lock);
	wake(w);
}

void witnesses_stop(struct witnesses *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_mutex_unlock(&w->lock);
	wake(w);
	(void)pthread_join(w->thread, NULL);
	release(w);
}
