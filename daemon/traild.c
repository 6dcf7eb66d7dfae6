/* SPDX-License-Identifier: Apache-2.0 */
#include "traild.h"

#include "clock.h"
#include "ending.h"
#include "handover.h"
#include "index/indexer.h"
#include "index/term.h"
#include "notify.h"
#include "pinned.h"
#include "policy_file.h"
#include "readers.h"
#include "server.h"
#include "statedir.h"
#include "witnesses.h"
#include "writer.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_IO = 3
};

struct traild {
	struct traild_options options;
	char origin[NOTE_NAME_MAX + 1]; /* "" unless said, or for a new log */
	struct statedir *dir;
	struct store *store;
	struct signer_link *signer;
	struct signer_greeting greeting;
	uint64_t seal_max_ns;
	struct log_identity identity;
	struct mailbox *mailbox;
	struct errands *errands;
	struct refusals *refusals;
	struct service *service;
	struct aside *aside;
	struct policy *policy; /* NULL: there are no witnesses */
	struct witnesses *witnesses;
	pthread_mutex_t waking; /* of `waker` alone */
	struct writer *waker;   /* the writer while it runs: for other threads */
	struct writer *writer;
	struct indexer *indexer; /* NULL: there is no index */
	struct readers *readers;
	struct server *server;
	struct listener listeners[SERVER_LISTENERS_MAX];
	uint64_t started_ns;
	struct ending ending;
	char data_path[PATH_MAX + 16];
	char courier_path[PATH_MAX];
};

/* ---- called from other threads ---- */

static void on_written(void *ctx, struct op *list)
{
	struct traild *d = ctx;
	if (d->indexer)
		indexer_wake(d->indexer);
	/* With time stamps alone there is nobody to wait for. */
	if (d->witnesses && d->policy->witnesses != 0)
		list = witnesses_park(d->witnesses, list);
	mailbox_put(d->mailbox, list);
}

static void on_witnessed(void *ctx, struct op *list)
{
	struct traild *d = ctx;
	mailbox_put(d->mailbox, list);
}

static void on_hurry(void *ctx)
{
	struct traild *d = ctx;
	if (d->witnesses)
		witnesses_hurry(d->witnesses);
}

static void on_read(void *ctx, struct op *op)
{
	struct traild *d = ctx;
	op->next = NULL;
	mailbox_put(d->mailbox, op);
}

/*
 * The writer cannot go on. Nothing may be acked any more, not even what waits in the mailbox or in
 * buffers: which of it is durable is known again only after recovery. So the process ends here and
 * now, without exit handlers; the store is as the last commit left it.
 */
_Noreturn static void on_fatal(void *ctx, int code, const struct log_reason *reason)
{
	(void)ctx;
	log_line(reason->id, "%s", reason->why);
	_exit(code);
}

static void wake_writer(struct traild *d)
{
	(void)pthread_mutex_lock(&d->waking);
	if (d->waker)
		writer_wake(d->waker);
	(void)pthread_mutex_unlock(&d->waking);
}

static void set_waker(struct traild *d, struct writer *writer)
{
	(void)pthread_mutex_lock(&d->waking);
	d->waker = writer;
	(void)pthread_mutex_unlock(&d->waking);
}

/* Before the writer runs, both wait for it. */
static void on_cosigned(void *ctx, uint64_t size, struct span note)
{
	struct traild *d = ctx;
	(void)aside_keep(d->aside, size, note, clock_now().boot_ns / 1000000);
	wake_writer(d);
}

static void on_stamp(void *ctx, uint64_t size, struct span stamp)
{
	struct traild *d = ctx;
	(void)aside_stamp(d->aside, size, stamp, clock_now().boot_ns / 1000000);
	wake_writer(d);
}

static void on_entry(void *ctx, const struct daemon_entry *entry)
{
	struct traild *d = ctx;
	(void)aside_say(d->aside, entry);
	wake_writer(d);
}

static enum trail_err on_start(
	void *ctx, const struct head *head, uint64_t committed, struct log_reason *reason)
{
	struct traild *d = ctx;
	const struct settings *set = &d->options.settings;
	const struct confirmation confirmation = {
		.head = head,
		.committed = committed,
		.patience_s = (unsigned)set->witness_start_time,
		.wait = set->witness_start == WITNESS_START_WAIT,
	};
	return d->witnesses ? witnesses_confirm(d->witnesses, &confirmation, reason) : TRAIL_OK;
}

static void on_signer_gone(void *ctx)
{
	static const struct log_reason gone = { LOG_SIGNER_GONE,
		"the signer is gone: nothing can be acknowledged without it" };
	on_fatal(ctx, EXIT_IO, &gone);
}

/* ---- the service's roads ---- */

static void to_writer(void *ctx, struct op *op)
{
	struct traild *d = ctx;
	writer_push(d->writer, op);
}

static void to_readers(void *ctx, struct op *op)
{
	struct traild *d = ctx;
	readers_push(d->readers, op);
}

static uint64_t log_size(void *ctx)
{
	struct traild *d = ctx;
	struct head head = { 0 };
	(void)store_head(d->store, &head);
	return head.size;
}

/* Into op->answer, behind which the note comes; names are the policy's, which stays. */
static void fill_witnesses(const struct traild *d, struct op *op, struct status_answer *answer)
{
	struct witnesses_numbers n = { 0 };
	struct status_figures *f = &answer->figures;
	if (d->witnesses)
		witnesses_read_numbers(d->witnesses, &n);
	status_figure_set(f, TRAIL_STATUS_WITNESSES, n.count);
	status_figure_set(f, TRAIL_STATUS_WITNESS_OVERLAP, n.overlap);
	status_figure_set(f, TRAIL_STATUS_WITNESSED_SIZE, n.witnessed_size);
	status_figure_set(f, TRAIL_STATUS_WITNESSED, n.witnessed_ns);
	status_figure_set(f, TRAIL_STATUS_WITNESSES_ANSWERING, n.answering);
	status_figure_set(f, TRAIL_STATUS_UNCONFIRMED, n.unconfirmed);
	status_figure_set(f, TRAIL_STATUS_WITNESS_FORK, n.alarm);
	buf_put(&op->answer, n.states, n.count * sizeof *n.states);
	if (op->answer.failed)
		return;
	answer->witnesses = (const struct witness_state *)(const void *)op->answer.data;
	answer->witness_count = n.count;
}

static void fill_index(const struct traild *d, struct status_figures *f)
{
	struct indexer_numbers n;
	if (!d->indexer)
		return;
	indexer_read_numbers(d->indexer, &n);
	status_figure_set(f, TRAIL_STATUS_INDEXED, n.indexed);
	status_figure_set(f, TRAIL_STATUS_INDEX_MISSING, n.holes);
	status_figure_set(f, TRAIL_STATUS_INDEX_BYTES, n.bytes);
	status_figure_set(f, TRAIL_STATUS_INDEX_SEGMENTS, n.segments);
	status_figure_set(f, TRAIL_STATUS_INDEX_DAMAGED, n.damaged);
	status_figure_set(f, TRAIL_STATUS_INDEX_MERGES, n.merges);
}

static void fill_figures(const struct traild *d, const struct writer_numbers *w,
	const struct session_numbers *s, struct status_figures *f)
{
	const struct settings *set = &d->options.settings;
	pid_t signer = signer_link_pid(d->signer);
	*f = (struct status_figures){ 0 };
	status_figure_set(f, TRAIL_STATUS_ACKED_REQUESTS, s->acked);
	status_figure_set(f, TRAIL_STATUS_QUEUE_BYTES_MAX, set->queue_bytes);
	status_figure_set(f, TRAIL_STATUS_QUEUE_REQUESTS, s->under_way);
	status_figure_set(f, TRAIL_STATUS_QUEUE_AGE, s->oldest_ns);
	status_figure_set(f, TRAIL_STATUS_CONNECTIONS_MAX, set->connections);
	status_figure_set(f, TRAIL_STATUS_TURNED_AWAY, s->turned_away);
	status_figure_set(f, TRAIL_STATUS_PEERS, s->peers);
	status_figure_set(f, TRAIL_STATUS_SOURCES_BEHIND, w->epochs.sources_behind);
	status_figure_set(f, TRAIL_STATUS_OPEN_ENDS, w->epochs.open_ends);
	status_figure_set(f, TRAIL_STATUS_LOST, w->epochs.lost);
	status_figure_set(f, TRAIL_STATUS_MISSING, w->epochs.missing);
	status_figure_set(f, TRAIL_STATUS_RESERVE_BYTES, set->reserve);
	status_figure_set(f, TRAIL_STATUS_MAP_BYTES, w->map_bytes);
	status_figure_set(f, TRAIL_STATUS_MAP_USED_BYTES, w->map_used_bytes);
	if (signer != 0)
		status_figure_set(f, TRAIL_STATUS_SIGNER_PID, (uint64_t)signer);
	status_figure_set(f, TRAIL_STATUS_SIGNED, w->signed_ns);
	status_figure_set(f, TRAIL_STATUS_CLOCK_JUMPS, w->clock_jumps);
	status_figure_set(f, TRAIL_STATUS_STARVED, w->starved);
	status_figure_set(f, TRAIL_STATUS_SEALS, w->seals);
	status_figure_set(f, TRAIL_STATUS_SEALS_LEFT, w->seals_left);
	status_figure_set(f, TRAIL_STATUS_SEALED_SIZE, w->sealed_size);
	status_figure_set(f, TRAIL_STATUS_SEALED, w->sealed_ns);
	status_figure_set(f, TRAIL_STATUS_SEAL_MAX, w->seal_max_ns);
	fill_index(d, f);
	for (unsigned code = 1; code < SESSION_CODES; code++)
		status_figure_set(f,
			(enum trail_status_number)(TRAIL_STATUS_REFUSED_INVALID - 1 + code),
			s->refused[code]);
}

static void fill_status(void *ctx, struct op *op)
{
	struct traild *d = ctx;
	struct writer_numbers numbers;
	struct session_numbers sessions;
	struct head head = { 0 };
	struct stat st;
	writer_read_numbers(d->writer, &numbers);
	server_read_numbers(d->server, &sessions);
	(void)store_head(d->store, &head);
	buf_clear(&op->answer);
	/* Reserved at once, so that its pieces stay where they are. */
	(void)buf_reserve(&op->answer, WITNESSES_MAX * sizeof(struct witness_state) + sizeof head);
	op->response.kind = RESPONSE_STATUS;
	op->response.status = (struct status_answer){
		.version = span_text(TRAIL_VERSION),
		.origin = span_text(d->identity.vkey.name),
		.started_ns = d->started_ns,
		.size = head.size,
		.events = numbers.events,
		.commits = numbers.commits,
		.refusals = refusals_total(d->refusals),
		.connections = sessions.connections,
		.queue_bytes = errands_out(d->errands),
		.free_bytes = numbers.free_bytes,
		.store_bytes = stat(d->data_path, &st) ? 0 : (uint64_t)st.st_size,
		.open_epochs = numbers.epochs.open,
		.pending_gaps = numbers.epochs.pending,
		.sources = numbers.sources,
		.full = numbers.full,
	};
	struct status_answer *answer = &op->response.status;
	fill_figures(d, &numbers, &sessions, &answer->figures);
	fill_witnesses(d, op, answer);
	const size_t at = op->answer.len;
	buf_put(&op->answer, head.note, head.note_len);
	if (!op->answer.failed)
		answer->checkpoint = span_of(op->answer.data + at, head.note_len);
	answer->times[TRAIL_TIMES_ACK] = histogram_times(&sessions.acks);
	answer->times[TRAIL_TIMES_COMMIT] = histogram_times(&numbers.commit_times);
	answer->times[TRAIL_TIMES_SIGN] = histogram_times(&numbers.sign_times);
}

static void tell_check(const struct indexer_check *check, struct op *op)
{
	const struct compare_report *r = &check->report;
	size_t listed = r->found < COMPARE_LISTED ? r->found : COMPARE_LISTED;
	for (size_t i = 0; i < listed; i++) {
		const struct compare_difference *from = &r->list[i];
		const struct index_difference d = {
			.what = (enum difference_what)from->what,
			.field = span_text(from->field ? term_field_name(from->field) : ""),
			.index = from->index,
		};
		buf_put(&op->answer, &d, sizeof d);
	}
	op->response.kind = RESPONSE_INDEX_CHECK;
	op->response.index_check = (struct index_check_answer){
		.job = check->job,
		.ended = check->ended,
		.failed = check->failed,
		.done = r->done,
		.all = r->all,
		.indexed = r->indexed,
		.files = r->files,
		.found = r->found,
		.differences = (const void *)op->answer.data,
		.difference_count = op->answer.failed ? 0 : listed,
	};
}

_Static_assert((int)COMPARE_LISTED <= (int)DIFFERENCES_MAX &&
		(int)COMPARE_DROPPED == (int)DIFFERENCE_DROPPED &&
		(int)COMPARE_ADDED == (int)DIFFERENCE_ADDED &&
		(int)COMPARE_DAMAGED == (int)DIFFERENCE_DAMAGED &&
		(int)COMPARE_UNJUDGED == (int)DIFFERENCE_UNJUDGED,
	"differences go out as they are");

static void check_index(void *ctx, struct op *op)
{
	struct traild *d = ctx;
	const struct index_check_wanted *wanted = &op->request.index_check;
	struct indexer_check check = { 0 };
	buf_clear(&op->answer);
	if (d->indexer)
		indexer_check(d->indexer, wanted->start, &check);
	if (d->indexer && !wanted->start && (wanted->job == 0 || wanted->job != check.job))
		op_refuse(op, TRAIL_INVALID, "comparison %llu is not known any more: start another",
			(unsigned long long)wanted->job);
	else
		tell_check(&check, op);
}

/* ---- starting ---- */

/*
 * Which line tells of `err`, whose sentence is set: one for what the system refused, one for what
 * contradicts itself. Returns `err`.
 */
static enum trail_err classify(
	struct log_reason *reason, enum trail_err err, enum log_id refused, enum log_id contradicts)
{
	if (err == TRAIL_NOMEM)
		reason->id = LOG_SYSTEM_FAILED;
	else if (err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED)
		reason->id = contradicts;
	else
		reason->id = refused;
	return err;
}

/* "" unless said; a new log without --origin gets HOSTNAME/trail. */
static enum trail_err choose_origin(struct traild *d, bool new_log, struct log_reason *reason)
{
	const char *said = d->options.origin;
	char host[HOST_NAME_MAX + 1] = "";
	char whole[HOST_NAME_MAX + sizeof "/trail"] = "";
	if (!said && !new_log)
		return TRAIL_OK;
	if (!said && gethostname(host, sizeof host - 1) == 0)
		(void)snprintf(whole, sizeof whole, "%s/trail", host);
	const char *origin = said ? said : whole;
	reason->id = LOG_BAD_ORIGIN;
	if (!note_name_valid(span_text(origin))) {
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"origin %.256s: a name has 1 to %d bytes, no white space "
			"and no +",
			origin, NOTE_NAME_MAX);
		return TRAIL_INVALID;
	}
	memcpy(d->origin, origin, strlen(origin) + 1);
	return TRAIL_OK;
}

/* A helper's program: as set, or `name` beside traild's own. `setting` names what would say it. */
static enum trail_err helper_program(const char *set, const char *name, const char *setting,
	char path[PATH_MAX], struct log_reason *reason)
{
	enum {
		NAME_MAX_LEN = 32
	};
	if (set[0]) {
		(void)snprintf(path, PATH_MAX, "%s", set);
		return TRAIL_OK;
	}
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - NAME_MAX_LEN);
	if (n <= 0) {
		(void)snprintf(reason->why, LOG_WHY_LEN, "/proc/self/exe cannot be read: set `%s`",
			setting);
		return TRAIL_IO;
	}
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	size_t at = slash ? (size_t)(slash + 1 - path) : 0;
	(void)snprintf(path + at, PATH_MAX - at, "%s", name);
	return TRAIL_OK;
}

/* A signer that is a unit of its own is told what it may by its own command line. */
static enum trail_err judge_signer(const struct settings *s, struct log_reason *reason)
{
	if (!s->signer_socket[0] || (!s->signer[0] && !s->allow_cow))
		return TRAIL_OK;
	reason->id = LOG_BAD_SETTINGS;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"signer_socket is set, so traild starts no signer: %s has no effect; take it out "
		"(and see traild-signer(8))",
		s->signer[0] ? "signer" : "allow_cow");
	return TRAIL_INVALID;
}

static enum trail_err start_signer(struct traild *d, unsigned how, struct log_reason *reason)
{
	char program[PATH_MAX];
	reason->id = LOG_SIGNER_FAILED;
	enum trail_err err = helper_program(
		d->options.settings.signer, "traild-signer", "signer", program, reason);
	if (err)
		return err;
	if (d->options.settings.allow_cow) {
		how |= SIGNER_ALLOW_COW;
		log_line(LOG_COW_ALLOWED,
			"allow_cow: on a file system that copies on write, keys "
			"that were destroyed may still be found on the device");
	}
	struct signer_wish wish = {
		.program = program,
		.folder = statedir_signer(d->dir),
		.how = how,
		.origin = span_text(d->origin),
		.seal_height = (unsigned)d->options.settings.seal_height,
		.seal_max_ns = d->seal_max_ns,
	};
	err = signer_link_open(&wish, &d->signer, &d->greeting, reason->why);
	return classify(reason, err, LOG_SIGNER_FAILED, LOG_SIGNER_REFUSED);
}

static enum trail_err open_signer(struct traild *d, unsigned how, struct log_reason *reason)
{
	const struct settings *s = &d->options.settings;
	if (!s->signer_socket[0])
		return start_signer(d, how, reason);
	struct signer_wish wish = {
		.socket = s->signer_socket,
		.how = how,
		.origin = span_text(d->origin),
		.seal_height = (unsigned)s->seal_height,
		.seal_max_ns = d->seal_max_ns,
	};
	enum trail_err err = signer_link_open(&wish, &d->signer, &d->greeting, reason->why);
	return classify(reason, err, LOG_SIGNER_FAILED, LOG_SIGNER_REFUSED);
}

static bool store_is_empty(struct store *store)
{
	struct head head;
	struct hash zeros = { 0 };
	struct hash genesis = store_genesis(store);
	return !store_head(store, &head) && hash_equal(&genesis, &zeros);
}

/* The folder and the store in it. A store is made only where there was no log at all. */
static enum trail_err open_store(struct traild *d, struct log_reason *reason)
{
	const char *folder = d->options.state_dir;
	enum trail_err err = statedir_open(folder, &d->dir, reason->why);
	if (err)
		return classify(reason, err,
			err == TRAIL_BUSY ? LOG_FOLDER_TAKEN : LOG_FOLDER_FAILED,
			LOG_FOLDER_FOREIGN);
	bool unborn = statedir_unborn(d->dir);
	reason->id = LOG_STORE_OTHER;
	if (!unborn && !statedir_has_store(d->dir)) {
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"%.256s/log/data.mdb is gone, but a key or a name of its "
			"log is there: restore the folder as a whole",
			folder);
		return TRAIL_CORRUPT;
	}
	err = store_open(
		statedir_log(d->dir), d->options.settings.map_size, unborn, &d->store, reason->why);
	if (err)
		return classify(reason, err, LOG_STORE_FAILED, LOG_STORE_DAMAGED);
	if (!store_is_empty(d->store) || !statedir_named(d->dir))
		return TRAIL_OK;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"%.256s: the log is empty, but identity and vkey name one that "
		"was here: restore the folder as a whole",
		folder);
	return TRAIL_CORRUPT;
}

static uint64_t epoch_ns(const struct traild *d)
{
	return d->options.settings.seal_epoch * UINT64_C(1000000000);
}

/* Two epochs in a new log; what its genesis says in one that is there. */
static enum trail_err choose_seal_max(struct traild *d, bool new_log, struct log_reason *reason)
{
	d->seal_max_ns = 2 * epoch_ns(d);
	if (new_log)
		return TRAIL_OK;
	enum trail_err err = pinned_seal_max(d->store, &d->seal_max_ns, reason->why);
	return classify(reason, err, LOG_STORE_FAILED, LOG_STORE_OTHER);
}

static enum trail_err no_log(const struct traild_options *o, struct log_reason *reason)
{
	reason->id = LOG_BAD_SUCCESSION;
	(void)snprintf(
		reason->why, LOG_WHY_LEN, "%.256s: there is no log to close here", o->state_dir);
	return TRAIL_INVALID;
}

/* Whether this is a log that may be opened for what is wanted. */
static enum trail_err judge_log(struct traild *d, bool empty, struct log_reason *reason)
{
	const struct traild_options *o = &d->options;
	enum trail_err err = ending_read(d->store, &d->ending, reason->why);
	if (err)
		return classify(reason, err, LOG_STORE_FAILED, LOG_STORE_DAMAGED);
	reason->id = LOG_BAD_SUCCESSION;
	if (o->succeed && !empty) {
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"%.256s holds a log already, and what a log follows is fixed when it is "
			"made: name an empty or new folder, or start it without --succeed",
			o->state_dir);
		return TRAIL_INVALID;
	}
	if (o->closing && empty)
		return no_log(o, reason);
	if (d->ending.closed == 0 || o->closing)
		return TRAIL_OK;
	reason->id = LOG_IS_CLOSED;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"%.256s: this log was closed for good by its record %llu, and takes no more: "
		"begin a successor with --succeed in another folder; `traild check` still "
		"verifies this one",
		o->state_dir, (unsigned long long)d->ending.closed);
	return TRAIL_INVALID;
}

/* A new log's beginning. */
static enum trail_err make_log(struct traild *d, struct log_reason *reason)
{
	const struct succeed *succeed = d->options.succeed;
	const struct writer_options writing = { .store = d->store, .signer = d->signer };
	if (succeed && succeed_judge_key(succeed, &d->greeting.vkey, reason->why)) {
		reason->id = LOG_BAD_SUCCESSION;
		return TRAIL_INVALID;
	}
	return writer_genesis(&writing, &d->greeting, succeed, reason);
}

/* The log and who signs it. After a first start that was cut short the store may be empty. */
static enum trail_err open_log(struct traild *d, struct log_reason *reason)
{
	const char *said = d->options.origin ? d->options.origin : "";
	enum trail_err err = open_store(d, reason);
	if (err)
		return err;
	bool empty = store_is_empty(d->store);
	err = judge_log(d, empty, reason);
	if (!err)
		err = choose_origin(d, empty, reason);
	if (!err)
		err = choose_seal_max(d, empty, reason);
	if (!err)
		err = open_signer(d, empty ? SIGNER_MAKE_NEW : 0, reason);
	if (!err && empty)
		err = make_log(d, reason);
	if (err)
		return err;
	err = pinned_read(d->store, &d->greeting, span_text(said), &d->identity, reason->why);
	if (err)
		return classify(reason, err, LOG_STORE_FAILED, LOG_STORE_OTHER);
	err = statedir_identify(d->dir, &d->identity, reason->why);
	return classify(reason, err, LOG_FOLDER_FAILED, LOG_STORE_OTHER);
}

static struct writer_options writing_of(struct traild *d)
{
	uint64_t most_ns = d->greeting.seal_max_ns / 2;
	return (struct writer_options){
		.store = d->store,
		.signer = d->signer,
		.identity = d->identity,
		.greeting = d->greeting,
		.seal_epoch_ns = epoch_ns(d) < most_ns ? epoch_ns(d) : most_ns,
		.folder = d->options.state_dir,
		.reserve_bytes = d->options.settings.reserve,
		.aside = d->aside,
		.confirm = on_start,
		.closing = d->options.closing,
		.done = on_written,
		.fatal = on_fatal,
		.ctx = d,
	};
}

static bool make_parts(struct traild *d)
{
	d->mailbox = mailbox_new();
	d->errands = errands_new(d->options.settings.queue_bytes);
	d->refusals = refusals_new();
	d->aside = aside_new();
	struct service_options options = {
		.errands = d->errands,
		.refusals = d->refusals,
		.write = to_writer,
		.read = to_readers,
		.status = fill_status,
		.check_index = check_index,
		.hurry = on_hurry,
		.size = log_size,
		.ctx = d,
	};
	d->service = service_new(&options);
	return d->mailbox && d->errands && d->refusals && d->aside && d->service;
}

/* ---- witnesses ---- */

static enum trail_err read_policy(struct traild *d, struct log_reason *reason)
{
	const char *path = d->options.settings.policy;
	const char *authority = d->options.settings.timestamp;
	reason->id = LOG_BAD_SETTINGS;
	if (authority[0] && !policy_file_url(authority)) {
		(void)snprintf(
			reason->why, LOG_WHY_LEN, "timestamp must begin with http:// or https://");
		return TRAIL_INVALID;
	}
	if (path[0]) {
		const enum trail_err err = policy_file_read(path, &d->policy, reason->why);
		return classify(reason, err, LOG_BAD_POLICY, LOG_BAD_POLICY);
	}
	if (!authority[0])
		return TRAIL_OK;
	/* A policy without witnesses: the courier carries time stamps alone. */
	d->policy = calloc(1, sizeof *d->policy);
	if (d->policy)
		return TRAIL_OK;
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "memory is out");
	return TRAIL_NOMEM;
}

static enum trail_err judge_policy(const struct traild *d, struct log_reason *reason)
{
	reason->id = LOG_BAD_POLICY;
	if (policy_takes_log(d->policy, &d->identity.vkey))
		return TRAIL_OK;
	(void)snprintf(reason->why, LOG_WHY_LEN,
		"%.256s: the policy is for other logs: none of its log lines has this log's key",
		d->options.settings.policy);
	return TRAIL_INVALID;
}

static enum trail_err start_witnesses(struct traild *d, struct log_reason *reason)
{
	const struct settings *set = &d->options.settings;
	if (!d->policy)
		return TRAIL_OK;
	enum trail_err err = judge_policy(d, reason);
	if (err)
		return err;
	reason->id = LOG_SYSTEM_FAILED;
	err = helper_program(set->courier, "traild-courier", "courier", d->courier_path, reason);
	if (err)
		return err;
	const struct witnesses_options options = {
		.store = d->store,
		.log = d->identity.vkey,
		.policy = d->policy,
		.courier = d->courier_path,
		.ca_file = set->witness_ca,
		.timestamp = set->timestamp,
		.interval_ms = set->witness_interval,
		.patience_ms = set->witness_timeout,
		.refresh_ms = set->witness_refresh * 1000,
		.keep = on_cosigned,
		.stamp = on_stamp,
		.say = on_entry,
		.done = on_witnessed,
		.fatal = on_fatal,
		.ctx = d,
	};
	return witnesses_start(&options, &d->witnesses, reason);
}

/* Recovery, and the threads. */
static enum trail_err start_index(struct traild *d, struct log_reason *reason)
{
	const struct settings *set = &d->options.settings;
	const struct indexer_options options = {
		.store = d->store,
		.folder = d->options.state_dir,
		.reserve_bytes = set->reserve,
		.run = (uint32_t)set->index_run,
	};
	return set->index ? indexer_start(&options, &d->indexer, reason) : TRAIL_OK;
}

static enum trail_err start_threads(struct traild *d, struct log_reason *reason)
{
	struct writer_options writing = writing_of(d);
	writing.watchdog_ms = notify_watchdog_ms();
	struct readers_options reading = {
		.store = d->store,
		.identity = d->identity,
		.threads = (unsigned)d->options.settings.readers,
		.done = on_read,
		.ctx = d,
	};
	enum trail_err err = start_witnesses(d, reason);
	/* Before the writer, which wakes it. */
	if (!err)
		err = start_index(d, reason);
	if (!err)
		err = writer_start(&writing, &d->writer, reason);
	if (err)
		return err;
	set_waker(d, d->writer);
	/* There is a head now. */
	if (d->indexer) {
		indexer_wake(d->indexer);
		reading.catalog = indexer_catalog(d->indexer);
	}
	reason->id = LOG_SYSTEM_FAILED;
	err = readers_start(&reading, &d->readers);
	if (err)
		(void)snprintf(reason->why, LOG_WHY_LEN, "reader threads cannot be started");
	return err;
}

/* What one peer may take of `whole`, unless that is said. */
static uint64_t half_unless(uint64_t said, uint64_t whole)
{
	return said ? said : whole / 2;
}

static enum trail_err start_serving(struct traild *d, struct log_reason *reason)
{
	const struct settings *set = &d->options.settings;
	struct server_options options = {
		.service = d->service,
		.errands = d->errands,
		.mailbox = d->mailbox,
		.connections = (unsigned)set->connections,
		.peer = {
			.bytes = half_unless(set->peer_bytes, set->queue_bytes),
			.connections =
				(unsigned)half_unless(set->peer_connections, set->connections),
			.rate = set->peer_rate,
		},
		.unread_bytes = set->unread_bytes,
		.hello_s = set->hello_time,
		.frame_s = set->frame_time,
		.unread_s = set->unread_time,
		.idle_s = set->idle_time,
		.signer_fd = signer_link_fd(d->signer),
		.signer_gone = on_signer_gone,
		.ctx = d,
	};
	access_default(&options.access);
	d->server = server_new(&options);
	reason->id = LOG_SYSTEM_FAILED;
	if (!d->server) {
		(void)snprintf(reason->why, LOG_WHY_LEN,
			"the event loop cannot be made: memory or descriptors "
			"are out");
		return TRAIL_NOMEM;
	}
	size_t handed = d->options.handed;
	reason->id = LOG_LISTEN_FAILED;
	for (size_t i = 0; i < handed + d->options.listen_count; i++) {
		enum trail_err err = TRAIL_OK;
		if (i >= handed)
			err = listener_open(
				d->options.listen[i - handed], &d->listeners[i], reason->why);
		if (!err && server_listen(d->server, &d->listeners[i])) {
			(void)snprintf(reason->why, LOG_WHY_LEN, "%s: cannot be watched",
				d->listeners[i].path);
			err = TRAIL_NOMEM;
		}
		if (err)
			return err;
	}
	return TRAIL_OK;
}

/* Sockets that were handed over are ours already; of those to be made the addresses are judged. */
static enum trail_err judge_listeners(struct traild *d, struct log_reason *reason)
{
	const struct traild_options *o = &d->options;
	enum trail_err err = TRAIL_OK;
	reason->id = LOG_BAD_ADDRESS;
	if (o->handed + o->listen_count > SERVER_LISTENERS_MAX) {
		(void)snprintf(reason->why, LOG_WHY_LEN, "at most %d sockets can be listened on",
			SERVER_LISTENERS_MAX);
		return TRAIL_INVALID;
	}
	for (size_t i = 0; !err && i < o->handed; i++)
		err = listener_adopt(HANDOVER_FIRST + (int)i, &d->listeners[i], reason->why);
	for (size_t i = 0; !err && i < o->listen_count; i++)
		err = listener_judge(o->listen[i], reason->why);
	return err;
}

/* In all threads made from here on; server.c reads them from a descriptor. */
static void block_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static enum trail_err open_all(struct traild *d, struct log_reason *reason)
{
	/* What can be judged before anything is made. */
	enum trail_err err = choose_origin(d, false, reason);
	if (!err)
		err = judge_signer(&d->options.settings, reason);
	if (!err)
		err = judge_listeners(d, reason);
	if (!err)
		err = read_policy(d, reason);
	if (!err)
		err = open_log(d, reason);
	if (err)
		return err;
	(void)snprintf(d->data_path, sizeof d->data_path, "%s/data.mdb", statedir_log(d->dir));
	/* After the signer was started, which must not inherit it. */
	block_signals();
	if (!make_parts(d)) {
		reason->id = LOG_SYSTEM_FAILED;
		(void)snprintf(reason->why, LOG_WHY_LEN, "memory or descriptors are out");
		return TRAIL_NOMEM;
	}
	err = start_threads(d, reason);
	return err ? err : start_serving(d, reason);
}

/* NULL: said why. */
static struct traild *traild_new(const struct traild_options *options, struct log_reason *reason)
{
	struct traild *d = calloc(1, sizeof *d);
	if (d) {
		d->options = *options;
		(void)pthread_mutex_init(&d->waking, NULL);
		return d;
	}
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "memory is out");
	return NULL;
}

enum trail_err traild_open(
	const struct traild_options *options, struct traild **out, struct log_reason *reason)
{
	struct timespec now;
	struct traild *d = traild_new(options, reason);
	if (!d)
		return TRAIL_NOMEM;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	d->started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	enum trail_err err = open_all(d, reason);
	if (err) {
		traild_close(d);
		return err;
	}
	*out = d;
	return TRAIL_OK;
}

/* ---- the beginning of a log that follows another, and the end of one ---- */

static enum trail_err open_successor(struct traild *d, struct log_reason *reason)
{
	const struct succeed *succeed = d->options.succeed;
	enum trail_err err = judge_signer(&d->options.settings, reason);
	if (!err)
		err = choose_origin(d, true, reason);
	if (err)
		return err;
	reason->id = LOG_BAD_SUCCESSION;
	err = succeed_judge_origin(succeed, d->origin, reason->why);
	if (!err)
		err = open_log(d, reason);
	if (err)
		return err;
	if (succeed->has_note)
		log_line(LOG_SUCCEEDS, "made log %s, which follows %s of %llu records; start it",
			d->identity.vkey.name, succeed->old.vkey.name,
			(unsigned long long)succeed->last.size);
	else
		log_line(LOG_SUCCEEDS, "made log %s, which follows %s; start it",
			d->identity.vkey.name, succeed->old.vkey.name);
	return TRAIL_OK;
}

enum trail_err traild_succeed(
	const struct traild_options *options, struct buf *identity, struct log_reason *reason)
{
	struct traild *d = traild_new(options, reason);
	if (!d)
		return TRAIL_NOMEM;
	enum trail_err err = open_successor(d, reason);
	if (!err)
		identity_put(identity, &d->identity);
	traild_close(d);
	return err;
}

/* A folder that is only looked at must not be made. */
static enum trail_err judge_ending(const struct traild_options *o, struct log_reason *reason)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof path, "%s/log/data.mdb", o->state_dir);
	if (n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0)
		return TRAIL_OK;
	return no_log(o, reason);
}

/* The last run: a start and an end, with nothing in between. */
static enum trail_err close_log(struct traild *d, struct log_reason *reason)
{
	struct writer_options writing = writing_of(d);
	enum trail_err err;
	if (d->ending.closed != 0) {
		err = writer_confirm(&writing, reason);
	} else {
		err = writer_start(&writing, &d->writer, reason);
		if (!err)
			writer_stop(d->writer);
		d->writer = NULL;
	}
	if (err)
		return err;
	reason->id = LOG_STORE_DAMAGED;
	return ending_read(d->store, &d->ending, reason->why);
}

/* What became of its SEAL. */
static const char *sealed_words(const struct traild *d)
{
	if (d->ending.sealed)
		return "it is signed and sealed";
	if (d->greeting.seal_epoch >> d->greeting.seal_height != 0)
		return "it is signed; its seals were used up before, so none seals its end";
	return "it is signed, and not sealed yet; say --close again after a quarter of a seal "
	       "epoch";
}

/* As before any start: those who saw the log are asked first. */
static enum trail_err open_ending(struct traild *d, struct log_reason *reason)
{
	enum trail_err err = judge_signer(&d->options.settings, reason);
	if (!err)
		err = read_policy(d, reason);
	if (!err)
		err = open_log(d, reason);
	if (err)
		return err;
	block_signals();
	d->aside = aside_new();
	if (d->aside)
		return start_witnesses(d, reason);
	reason->id = LOG_SYSTEM_FAILED;
	(void)snprintf(reason->why, LOG_WHY_LEN, "memory is out");
	return TRAIL_NOMEM;
}

/* Whoever is shown an older end later finds witnesses that know better; and their word is kept. */
static enum trail_err show_end(struct traild *d, struct log_reason *reason)
{
	const unsigned patience_s = (unsigned)d->options.settings.witness_start_time;
	const struct writer_options writing = writing_of(d);
	struct head head = { 0 };
	if (!d->witnesses || d->policy->witnesses == 0)
		return TRAIL_OK;
	(void)store_head(d->store, &head);
	const enum trail_err err = witnesses_await(d->witnesses, head.size, patience_s, reason);
	if (err == TRAIL_CORRUPT)
		return err;
	if (err == TRAIL_OK)
		log_line(LOG_CONFIRMED,
			"a quorum of witnesses saw the end of this log, at %llu records",
			(unsigned long long)head.size);
	else
		log_line(LOG_UNCONFIRMED,
			"no quorum of witnesses saw the end of this log, at %llu records; say "
			"--close again when they answer",
			(unsigned long long)head.size);
	return writer_keep(&writing, reason);
}

static enum trail_err end_log(struct traild *d, struct log_reason *reason)
{
	enum trail_err err = open_ending(d, reason);
	if (!err)
		err = close_log(d, reason);
	if (err)
		return err;
	log_line(LOG_CLOSED, "log %s is closed for good by its record %llu: %s",
		d->identity.vkey.name, (unsigned long long)d->ending.closed, sealed_words(d));
	return show_end(d, reason);
}

enum trail_err traild_end(const struct traild_options *options, struct log_reason *reason)
{
	enum trail_err err = judge_ending(options, reason);
	if (err)
		return err;
	struct traild *d = traild_new(options, reason);
	if (!d)
		return TRAIL_NOMEM;
	err = end_log(d, reason);
	traild_close(d);
	return err;
}

/* ---- serving and stopping ---- */

/* And, of its witnesses, how many must lie before two histories can both have a quorum. */
static void say_ready(const struct traild *d, uint64_t size)
{
	const unsigned overlap = d->policy ? policy_overlap(d->policy) : 0;
	const char *name = d->identity.vkey.name;
	unsigned long long records = size;
	if (!d->policy || d->policy->witnesses == 0)
		log_line(LOG_READY, "ready: log %s with %llu records", name, records);
	else
		log_line(LOG_READY,
			"ready: log %s with %llu records; any two quorums of its %zu witnesses "
			"have "
			"%u in common at least%s",
			name, records, d->policy->witnesses, overlap,
			overlap == 0 ? ": nothing guards against a fork (G5 does not hold)" : "");
}

enum trail_err traild_serve(struct traild *d, struct log_reason *reason)
{
	char status[256];
	struct head head = { 0 };
	(void)store_head(d->store, &head);
	(void)snprintf(status, sizeof status, "READY=1\nSTATUS=%s, %llu records",
		d->identity.vkey.name, (unsigned long long)head.size);
	say_ready(d, head.size);
	notify_manager(status);
	enum trail_err err = server_run(d->server);
	if (err) {
		reason->id = LOG_SYSTEM_FAILED;
		(void)snprintf(
			reason->why, LOG_WHY_LEN, "the event loop failed: %s", strerror(errno));
	}
	return err;
}

/*
 * Half-started too. What is queued is carried out and answered; what is received but not queued is
 * not, and its clients were told nothing.
 */
void traild_close(struct traild *d)
{
	if (!d)
		return;
	if (d->readers)
		readers_stop(d->readers);
	if (d->service)
		service_close(d->service);
	set_waker(d, NULL);
	if (d->writer)
		writer_stop(d->writer);
	indexer_stop(d->indexer);
	/* What waits for witnesses is answered without them. */
	witnesses_stop(d->witnesses);
	if (d->server)
		server_finish(d->server);
	server_free(d->server);
	for (size_t i = 0; i < SERVER_LISTENERS_MAX; i++)
		listener_close(&d->listeners[i]);
	service_free(d->service);
	refusals_free(d->refusals);
	errands_free(d->errands);
	mailbox_free(d->mailbox);
	aside_free(d->aside);
	free(d->policy);
	(void)pthread_mutex_destroy(&d->waking);
	signer_link_close(d->signer);
	if (d->store)
		store_close(d->store);
	statedir_close(d->dir);
	free(d);
}
