/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include "../proto/crypto.h"
#include "../proto/frame.h"
#include "../proto/group.h"
#include "../proto/query_parse.h"
#include "../proto/wire.h"
#include "access.h"
#include "ask.h"
#include "checkpoints.h"
#include "followers.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	/* For a refusal's sentence and event, a fault's field, and the rounding of the rest. */
	ARENA_SLACK = 4096,
	/*
	 * What an answer may take at the most, counted against queue and peer before it is made.
	 * Checkpoint note, identity and proofs are below 4 KiB together.
	 */
	ANSWER_SMALL = 4 * 1024,
	ANSWER_SOURCES = 320 * 1024,
	ANSWER_CHECK = ANSWER_SMALL + DIFFERENCES_MAX * sizeof(struct index_difference),
	ANSWER_RECORDS = ANSWER_SMALL + RECORD_PAGE_MAX * RECORD_LEN,
	/* Per event: what is made at intake, and on request its salt in the answer. */
	PER_EVENT = sizeof(int64_t) + SALT_LEN + sizeof(struct hash),
	/*
	 * No event is shorter: its field in Append 2 bytes, time 2, action 2, actor and object with
	 * one byte of id each 5.
	 */
	EVENT_FIELD_MIN = 16,
	SENTENCE_MAX = 256,
	QUERY_SHOWN_MAX = 64, /* bytes of a query that its refusal repeats */
};

struct service {
	struct service_options to;
	struct buf scratch; /* an own event while it is encoded */
	struct followers followers;
	bool draining; /* nobody is kept waiting any more */
	bool closed;   /* the writer takes no more */
};

enum road {
	ROAD_WRITER,
	ROAD_READERS,
	ROAD_QUESTION, /* to the writer, who puts it on record, then to the readers */
	ROAD_HERE,
};

/* What a kind of request is called, and how it goes on. */
struct handler {
	const char *act;  /* "uid 1001 may not <act>" */
	const char *word; /* object id of its refusal */
	enum road road;
	size_t answer; /* without what ask_need says */
	/* False: it was answered with an error. NULL: nothing to judge. */
	bool (*judge)(struct op *op);
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct service *service_new(const struct service_options *options)
{
	struct service *service = calloc(1, sizeof *service);
	if (!service)
		return NULL;
	service->to = *options;
	if (!buf_reserve(&service->scratch, REFUSAL_EVENT_MAX)) {
		free(service);
		return NULL;
	}
	return service;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	buf_release(&service->scratch);
	free(service);
}

/* ---- judging ---- */

static bool source_valid(struct op *op, struct span source)
{
	if (source_name_valid(source))
		return true;
	op_refuse(
		op, TRAIL_INVALID, "source: a name is 1 to 64 of a-z 0-9 . _ - and not \"traild\"");
	return false;
}

static bool judge_hello(struct op *op)
{
	const struct hello *hello = &op->request.hello;
	if (hello->protocol != PROTOCOL_VERSION) {
		op_refuse(op, TRAIL_UNSUPPORTED,
			"protocol %" PRIu32 " is not known: this daemon speaks %d", hello->protocol,
			PROTOCOL_VERSION);
		return false;
	}
	if (hello->claim_count > CLAIMS_MAX) {
		op_refuse(op, TRAIL_TOO_BIG, "%zu claims in one Hello: %d are allowed, send more",
			hello->claim_count, CLAIMS_MAX);
		return false;
	}
	for (size_t i = 0; i < hello->claim_count; i++)
		if (!source_valid(op, hello->claims[i].source))
			return false;
	return true;
}

static bool judge_word(struct op *op)
{
	const struct epoch_word *word = &op->request.word;
	if (!source_valid(op, word->source))
		return false;
	if (word->epoch != 0)
		return true;
	op_refuse(
		op, TRAIL_INVALID, "epoch 0 is the daemon's: it is neither kept alive nor closed");
	return false;
}

static bool judge_append_head(struct op *op)
{
	const struct append *a = &op->request.append;
	if (!source_valid(op, a->source))
		return false;
	if (a->event_count == 0 || a->event_count > APPEND_EVENTS_MAX) {
		op_refuse(op, a->event_count ? TRAIL_TOO_BIG : TRAIL_INVALID,
			"%zu events in one Append: 1 to %d are allowed", a->event_count,
			APPEND_EVENTS_MAX);
		return false;
	}
	if (a->epoch == 0 && (a->first_seq != 0 || a->lost != 0)) {
		op_refuse(op, TRAIL_INVALID,
			"epoch 0 is numbered by the daemon: first_seq and lost must be 0");
		return false;
	}
	if (a->epoch != 0 && a->first_seq == 0) {
		op_refuse(op, TRAIL_INVALID, "first_seq: numbers of an epoch begin with 1");
		return false;
	}
	if (a->first_seq > UINT64_MAX - a->event_count || a->lost >= UINT64_MAX - a->event_count) {
		op_refuse(op, TRAIL_INVALID, "first_seq and the number of events exceed 64 bits");
		return false;
	}
	return true;
}

static void refuse_event(
	struct op *op, size_t index, enum trail_err code, const struct event_fault *fault)
{
	op_refuse(op, code, "event %zu: %s%s%s", index, fault->field, fault->field[0] ? " " : "",
		fault->why);
	size_t sentence_len = op->answer.len;
	buf_put_text(&op->answer, fault->field);
	struct failure *error = &op->response.error;
	error->index = (uint32_t)index;
	/* The buffer may have moved. */
	error->sentence = span_of(op->answer.data, sentence_len);
	error->field = span_of(op->answer.data + sentence_len, op->answer.len - sentence_len);
}

/* Judge every event, one walk each, and note its time. */
static bool walk_events(struct op *op, int64_t *times)
{
	const struct append *a = &op->request.append;
	for (size_t i = 0; i < a->event_count; i++) {
		struct event_facts facts;
		struct event_fault fault;
		enum trail_err err = event_walk(a->events[i], &facts, &fault);
		if (err) {
			refuse_event(op, i, err, &fault);
			return false;
		}
		times[i] = facts.time_ns;
	}
	op->times = times;
	return true;
}

/* Salts and commitments, so that the writer has only records and tree to do. */
static bool judge_append(struct op *op)
{
	if (!judge_append_head(op))
		return false;
	const struct append *a = &op->request.append;
	size_t n = a->event_count;
	int64_t *times = arena_take_array(&op->arena, n, sizeof *times);
	uint8_t *salts = arena_take_array(&op->arena, n, SALT_LEN);
	struct hash *commitments = arena_take_array(&op->arena, n, sizeof *commitments);
	if (!times || !salts || !commitments) {
		/* Only where events are so short that they cannot be valid. */
		op_refuse(op, TRAIL_INVALID, "the events are too short to be events");
		return false;
	}
	if (!walk_events(op, times))
		return false;
	crypto_random(salts, n * SALT_LEN);
	for (size_t i = 0; i < n; i++)
		record_commitment(salts + i * SALT_LEN, a->events[i], &commitments[i]);
	op->salts = salts;
	op->commitments = commitments;
	if (a->want_salts)
		op->charged += n * SALT_LEN;
	return true;
}

static bool refuse_query(struct op *op, enum trail_err code, const struct query_fault *fault)
{
	struct span text = op->request.question.text;
	int len = (int)(fault->len < QUERY_SHOWN_MAX ? fault->len : QUERY_SHOWN_MAX);
	op_refuse(op, code, "the query, at byte %zu (\"%.*s\"): %s", fault->at, len,
		(const char *)text.data + fault->at, fault->why);
	op->response.error.index = (uint32_t)fault->at;
	return false;
}

/* What the query says goes to op->query. False: refused. */
static bool parse_query(struct op *op)
{
	struct span text = op->request.question.text;
	struct query_fault fault;
	if (op->request.kind == REQUEST_GET)
		return true;
	if (op->request.kind == REQUEST_HISTORY && text.len != 0 && text.len <= EVENT_ID_MAX) {
		struct query_term *term = arena_take(&op->arena, sizeof *term);
		if (term)
			op->query = query_of_object(text, term);
		else
			op_refuse_memory(op);
		return term != NULL;
	}
	if (op->request.kind == REQUEST_HISTORY) {
		op_refuse(op, TRAIL_INVALID, "an object's id has 1 to %d bytes", EVENT_ID_MAX);
		return false;
	}
	if (text.len > QUERY_MAX) {
		op_refuse(op, TRAIL_TOO_BIG, "the query has %zu bytes; %d are possible", text.len,
			QUERY_MAX);
		return false;
	}
	enum trail_err err = query_parse(text, &op->arena, &op->query, &fault);
	return err ? refuse_query(op, err, &fault) : true;
}

/* NULL: the report can be had. */
static const char *report_misfit(const struct question *q)
{
	const struct paging *p = &q->paging;
	if (p->newest_first || p->count || p->follow_ms != 0 || p->limit != 0)
		return "of its paging a Report has from, times, size and next alone";
	if (q->after.len > EVENT_TEXT_MAX)
		return "`after` is no key of a report";
	return group_misfit(q->by, q->bucket_ns);
}

/* NULL: its pages can be had. */
static const char *paging_misfit(const struct request *request)
{
	const struct question *q = &request->question;
	const struct paging *p = &q->paging;
	bool plain = p->from == 0 && p->since_ns == 0 && p->until_ns == 0 && !p->newest_first &&
		!p->count && p->follow_ms == 0;
	if (request->kind == REQUEST_GET && !plain)
		return "of its paging a Get has limit, size and next alone";
	if (request->kind == REQUEST_REPORT)
		return report_misfit(q);
	if (q->want_genesis && q->count > 1)
		return "record 0 is added to one record, not to a range";
	if (p->follow_ms > FOLLOW_MS_MAX)
		return "follow_ms is at most 60000: ask again when it is over";
	if (p->follow_ms != 0 && (p->newest_first || p->count))
		return "who follows sees the oldest first, and every row";
	if (p->follow_ms != 0 && p->size != 0)
		return "who follows sees rows proven in the newest tree: leave size out";
	return NULL;
}

static bool judge_question(struct op *op)
{
	const char *misfit = paging_misfit(&op->request);
	if (misfit) {
		op_refuse(op, TRAIL_INVALID, "%s", misfit);
		return false;
	}
	if (!parse_query(op))
		return false;
	op->charged += ask_need(&op->request);
	return true;
}

static const struct handler HANDLERS[] = {
	[REQUEST_HELLO] = { "connect", "hello", ROAD_WRITER, ANSWER_SMALL, judge_hello },
	[REQUEST_APPEND] = { "append events", "append", ROAD_WRITER, ANSWER_SMALL, judge_append },
	[REQUEST_CLOSE] = { "close an epoch", "close", ROAD_WRITER, ANSWER_SMALL, judge_word },
	[REQUEST_KEEPALIVE] = { "keep an epoch alive", "keepalive", ROAD_WRITER, ANSWER_SMALL,
		judge_word },
	[REQUEST_GET] = { "read payloads", "get", ROAD_QUESTION, ANSWER_SMALL, judge_question },
	[REQUEST_RECORDS] = { "read records", "records", ROAD_READERS, ANSWER_RECORDS, NULL },
	[REQUEST_CHECKPOINT] = { "read checkpoints", "checkpoint", ROAD_READERS, CHECKPOINTS_ANSWER,
		NULL },
	[REQUEST_PROVE] = { "ask for proofs", "prove", ROAD_READERS, ANSWER_SMALL, NULL },
	[REQUEST_STATUS] = { "read the status", "status", ROAD_HERE, ANSWER_SMALL, NULL },
	[REQUEST_SEARCH] = { "search", "search", ROAD_QUESTION, ANSWER_SMALL, judge_question },
	[REQUEST_HISTORY] = { "ask for a history", "history", ROAD_QUESTION, ANSWER_SMALL,
		judge_question },
	[REQUEST_REPORT] = { "have events counted", "report", ROAD_QUESTION, ANSWER_SMALL,
		judge_question },
	[REQUEST_SOURCES] = { "list the sources", "sources", ROAD_READERS, ANSWER_SOURCES, NULL },
	[REQUEST_CONTROLS] = { "read control entries", "controls", ROAD_READERS, ANSWER_SOURCES,
		NULL },
	[REQUEST_INDEX_CHECK] = { "have the index compared", "index", ROAD_HERE, ANSWER_CHECK,
		NULL },
};

static const struct handler *handler_of(enum request_kind kind)
{
	if ((size_t)kind >= sizeof HANDLERS / sizeof HANDLERS[0] || !HANDLERS[kind].act)
		return NULL;
	return &HANDLERS[kind];
}

/* ---- refusing ---- */

/* Source names and indices are numbers and judged words; nothing else of a request is repeated. */
static void refused_object(const struct request *request, const char *word, char *out, size_t len)
{
	struct span source = { 0 };
	if (request->kind == REQUEST_APPEND)
		source = request->append.source;
	else if (request->kind == REQUEST_CLOSE || request->kind == REQUEST_KEEPALIVE)
		source = request->word.source;
	if (request->kind == REQUEST_GET)
		(void)snprintf(out, len, "%s:%" PRIu64, word, request->question.index);
	else if (source_name_valid(source))
		(void)snprintf(
			out, len, "%s:%.*s", word, (int)source.len, (const char *)source.data);
	else
		(void)snprintf(out, len, "%s", word);
}

/*
 * What stands in scratch becomes the op's own event, for the writer. False: the arena is too small
 * or memory is out; the op is as it was.
 */
static bool own_event(struct service *service, struct op *op, enum op_kind kind)
{
	const struct buf *scratch = &service->scratch;
	uint8_t *own = scratch->failed ? NULL : arena_take(&op->arena, scratch->len);
	if (!own)
		return false;
	memcpy(own, scratch->data, scratch->len);
	op->kind = kind;
	op->own = span_of(own, scratch->len);
	op->received_ns = clock_ns(CLOCK_REALTIME);
	return true;
}

static bool refusal_event(struct service *service, struct op *op, const struct refusal *refusal)
{
	buf_clear(&service->scratch);
	refusal_encode(refusal, (int64_t)clock_ns(CLOCK_REALTIME), &service->scratch);
	return own_event(service, op, OP_OWN_EVENT);
}

/*
 * Nothing that shows payloads is answered before this was called and the event is durable: the one
 * way to the readers for Search, History and Get (G9). False: it cannot be put on record.
 */
static bool put_on_record(struct service *service, struct op *op)
{
	buf_clear(&service->scratch);
	trace_encode(op, (int64_t)clock_ns(CLOCK_REALTIME), &service->scratch);
	if (own_event(service, op, OP_QUESTION))
		return true;
	op_refuse_memory(op);
	return false;
}

/* A question in a refusal: its text, and whom it asks about where that can be told. */
static void add_question(struct refusal *refusal, const struct op *op)
{
	bool query = op->request.kind == REQUEST_SEARCH || op->request.kind == REQUEST_REPORT;
	if (!query && op->request.kind != REQUEST_HISTORY)
		return;
	struct span text = op->request.question.text;
	refusal->asked = query ? "query" : "object";
	refusal->text = text.len <= QUERY_MAX ? text : span_of(text.data, 0);
	refusal->subject = trace_subject(op);
}

/*
 * The op was refused with `sentence`. One of the first ten of the minute goes to the writer as an
 * event of the log's own, and the answer leaves when that is stored (G9); the others are answered
 * at once and counted.
 */
static enum service_turn record_denial(
	struct service *service, struct errand *errand, const char *sentence)
{
	struct op *op = &errand->op;
	char actor[PEER_ACTOR_MAX];
	char object[REFUSAL_OBJECT_MAX];
	if (!refusals_admit(service->to.refusals, clock_ns(CLOCK_BOOTTIME), &op->peer))
		return SERVICE_ANSWERED;
	peer_actor(&op->peer, actor);
	refused_object(&op->request, handler_of(op->request.kind)->word, object, sizeof object);
	struct refusal refusal = {
		.actor = span_text(actor),
		.object = span_text(object),
		.reason = span_text(sentence),
	};
	add_question(&refusal, op);
	size_t len = strlen(sentence);
	char *kept = arena_take(&op->arena, len);
	if (!kept || !refusal_event(service, op, &refusal))
		return SERVICE_ANSWERED;
	memcpy(kept, sentence, len);
	errand->refusal = span_of(kept, len);
	service->to.write(service->to.ctx, op);
	return SERVICE_QUEUED;
}

/* DENIED: the identity lacks the role. */
static enum service_turn deny(struct service *service, const struct caller *caller,
	struct errand *errand, uint32_t needed)
{
	struct op *op = &errand->op;
	char sentence[SENTENCE_MAX];
	/* Whom it asked about belongs on record, where the query says so. */
	if (handler_of(op->request.kind)->road == ROAD_QUESTION)
		(void)parse_query(op);
	access_sentence(&caller->peer, handler_of(op->request.kind)->act, needed, sentence,
		sizeof sentence);
	op_refuse(op, TRAIL_DENIED, "%s", sentence);
	return record_denial(service, errand, sentence);
}

void service_tick(struct service *service)
{
	for (;;) {
		struct errand *errand = errands_take(service->to.errands, ARENA_SLACK);
		if (!errand)
			return;
		char actor[PEER_ACTOR_MAX];
		uint64_t count =
			refusals_due(service->to.refusals, clock_ns(CLOCK_BOOTTIME), actor);
		char reason[SENTENCE_MAX];
		(void)snprintf(reason, sizeof reason,
			"%" PRIu64 " further requests were refused within a minute", count);
		struct refusal refusal = {
			.actor = span_text(actor),
			.object = span_text("requests"),
			.reason = span_text(reason),
			.count = count,
		};
		if (count == 0 || !refusal_event(service, &errand->op, &refusal)) {
			errands_give(service->to.errands, errand);
			return;
		}
		service->to.write(service->to.ctx, &errand->op);
	}
}

/* ---- the way of a request ---- */

/* What the terms of a question take. Bytes that are no Request are refused before it matters. */
static size_t question_need(struct span body)
{
	struct span rest = body;
	struct wire_field field;
	while (wire_take(&rest, &field) == TRAIL_OK)
		if (field.type == WIRE_BYTES &&
			(field.number == REQUEST_SEARCH || field.number == REQUEST_HISTORY))
			return query_room(field.bytes.len);
	return 0;
}

static size_t arena_need(struct span body)
{
	size_t events = body.len / EVENT_FIELD_MIN + 1;
	if (events > APPEND_EVENTS_MAX)
		events = APPEND_EVENTS_MAX;
	return codec_arena_need(body) + events * PER_EVENT + question_need(body) + ARENA_SLACK;
}

/* True: decoded. Else the op is answered with the error. */
static bool decode(struct op *op, struct span body, size_t need)
{
	enum trail_err err = TRAIL_TOO_BIG;
	if (errands_fit(need))
		err = request_decode(body, &op->arena, &op->request);
	if (!err)
		return true;
	op->request.id = request_id(body);
	op->request.kind = REQUEST_NONE;
	if (err == TRAIL_TOO_BIG)
		op_refuse(op, err, "the request has too many parts: split it");
	else
		op_refuse(op, TRAIL_INVALID, "the frame holds no valid Request: see trail.proto");
	return false;
}

/* Before anything else there must be a Hello that was taken. */
static bool greeted(struct op *op, const struct caller *caller)
{
	if (caller->greeted || op->request.kind == REQUEST_HELLO)
		return true;
	op_refuse(op, TRAIL_INVALID, "the first request of a connection must be Hello");
	return false;
}

/* A page that continues a question on record; who follows is on record once per connection. */
static bool is_on_record(const struct errand *errand)
{
	const struct paging *paging = &errand->op.request.question.paging;
	if (paging->next.len == 0)
		return false;
	if (paging->follow_ms == 0)
		return true; /* the reader looks whether that is so */
	uint64_t trace = ask_trace(paging->next);
	for (size_t i = 0; i < CALLER_FOLLOWS; i++)
		if (trace != 0 && errand->caller->follows[i] == trace)
			return true;
	return false;
}

/* What is not there is not asked for: nothing goes on record. */
static bool within(const struct service *service, struct op *op)
{
	uint64_t size = service->to.size(service->to.ctx);
	if (op->request.kind != REQUEST_GET || op->request.question.index < size)
		return true;
	op_refuse(op, TRAIL_INVALID, "index %" PRIu64 " is not below the log's size, %" PRIu64,
		op->request.question.index, size);
	return false;
}

static enum service_turn ask(struct service *service, struct errand *errand)
{
	struct op *op = &errand->op;
	uint32_t follow_ms = op->request.question.paging.follow_ms;
	if (follow_ms != 0)
		errand->until_ns = clock_ns(CLOCK_BOOTTIME) + UINT64_C(1000000) * follow_ms;
	if (is_on_record(errand)) {
		service->to.read(service->to.ctx, op);
		return SERVICE_QUEUED;
	}
	if (!within(service, op) || !put_on_record(service, op))
		return SERVICE_ANSWERED;
	service->to.write(service->to.ctx, op);
	return SERVICE_QUEUED;
}

static enum service_turn go_on(
	struct service *service, struct errand *errand, const struct handler *handler)
{
	struct op *op = &errand->op;
	op->charged += handler->answer;
	switch (handler->road) {
	case ROAD_QUESTION:
		return ask(service, errand);
	case ROAD_WRITER:
		service->to.write(service->to.ctx, op);
		return SERVICE_QUEUED;
	case ROAD_READERS:
		service->to.read(service->to.ctx, op);
		return SERVICE_QUEUED;
	case ROAD_HERE:
		break;
	}
	if (op->request.kind == REQUEST_INDEX_CHECK)
		service->to.check_index(service->to.ctx, op);
	else
		service->to.status(service->to.ctx, op);
	return SERVICE_ANSWERED;
}

/* A decoded request. */
static enum service_turn judge(
	struct service *service, struct caller *caller, struct errand *errand)
{
	struct op *op = &errand->op;
	const struct handler *handler = handler_of(op->request.kind);
	bool hello = op->request.kind == REQUEST_HELLO;
	if (!greeted(op, caller)) {
		errand->last = true;
		return SERVICE_ANSWERED;
	}
	if (!handler) {
		op_refuse(op, TRAIL_UNSUPPORTED, "this daemon does not know that kind of request");
		return SERVICE_ANSWERED;
	}
	/* To claim an epoch takes it from another connection: that is an emitter's to do. */
	uint32_t needed = access_needed(op->request.kind);
	if (hello && op->request.hello.claim_count > 0)
		needed = ROLE_EMITTER;
	if (!access_allows(caller->peer.roles, needed)) {
		errand->last = hello && !caller->greeted;
		return deny(service, caller, errand, needed);
	}
	if (handler->judge && !handler->judge(op)) {
		errand->last = hello && !caller->greeted;
		return SERVICE_ANSWERED;
	}
	if (hello)
		caller->greeted = true;
	return go_on(service, errand, handler);
}

enum service_turn service_request(struct service *service, struct caller *caller,
	struct session *home, struct span body, struct errand **out)
{
	size_t need = arena_need(body);
	struct errand *errand =
		errands_take(service->to.errands, errands_fit(need) ? need : ARENA_SLACK);
	if (!errand)
		return SERVICE_WAIT;
	struct op *op = &errand->op;
	op->session = caller->serial;
	op->lane = caller->lane;
	op->peer = caller->peer;
	op->received_ns = clock_ns(CLOCK_REALTIME);
	errand->arrived_ns = clock_ns(CLOCK_MONOTONIC);
	errand->home = home;
	errand->caller = caller;
	enum service_turn turn = SERVICE_ANSWERED;
	if (decode(op, body, need))
		turn = judge(service, caller, errand);
	else
		errand->last = true;
	if (turn == SERVICE_ANSWERED)
		op->response.id = op->request.id;
	*out = errand;
	return turn;
}

struct errand *service_reject(struct service *service, const struct caller *caller,
	enum trail_err code, const char *sentence)
{
	struct errand *errand = errands_take(service->to.errands, ARENA_SLACK);
	if (!errand)
		return NULL;
	errand->op.session = caller->serial;
	errand->last = true;
	op_refuse(&errand->op, code, "%s", sentence);
	return errand;
}

void service_close(struct service *service)
{
	service->closed = true;
}

/* The writer knows whose an epoch is; what it refuses for that is a refusal like any. */
static bool denied_by_writer(const struct service *service, const struct op *op)
{
	return !service->closed && op->kind == OP_REQUEST && op->response.kind == RESPONSE_ERROR &&
		op->response.error.code == TRAIL_DENIED;
}

/* False: it is only counted; the answer may leave. */
static bool record_writers_denial(struct service *service, struct errand *errand)
{
	char sentence[SENTENCE_MAX];
	struct span said = errand->op.response.error.sentence;
	(void)snprintf(sentence, sizeof sentence, "%.*s", (int)said.len, (const char *)said.data);
	return record_denial(service, errand, sentence) == SERVICE_QUEUED;
}

/* On record now, so that it may be read; or it could not be put there. True: it goes on. */
static bool question_goes_on(struct service *service, struct errand *errand)
{
	struct op *op = &errand->op;
	struct caller *caller = errand->caller;
	if (op->response.kind == RESPONSE_ERROR)
		return false;
	if (service->closed) {
		op_refuse(
			op, TRAIL_UNAVAILABLE, "the daemon is stopping; ask again when it is back");
		return false;
	}
	if (op->request.question.paging.follow_ms != 0) {
		memmove(caller->follows, caller->follows + 1,
			(CALLER_FOLLOWS - 1) * sizeof caller->follows[0]);
		caller->follows[CALLER_FOLLOWS - 1] = op->own_index;
	}
	op->kind = OP_REQUEST;
	service->to.read(service->to.ctx, op);
	return true;
}

/* An empty page of who follows, with time left. True: it waits. */
static bool waits(struct service *service, struct errand *errand)
{
	const struct op *op = &errand->op;
	bool empty = op->response.kind == RESPONSE_ROWS && op->response.rows.row_count == 0;
	if (service->draining || service->closed || errand->until_ns == 0 || !empty ||
		errand->until_ns <= clock_ns(CLOCK_BOOTTIME))
		return false;
	followers_add(&service->followers, errand);
	return true;
}

/* The log grew: ask once more, from where the empty page ended. */
static void ask_again(struct service *service, struct errand *errand)
{
	struct op *op = &errand->op;
	struct span next = op->response.rows.next;
	memcpy(errand->next, next.data, next.len); /* a cursor of ours */
	op->request.question.paging.next = span_of(errand->next, next.len);
	op->own_index = 0;
	service->to.read(service->to.ctx, op);
}

struct errand *service_waited(struct service *service)
{
	bool over = service->draining || service->closed;
	uint64_t now = over ? UINT64_MAX : clock_ns(CLOCK_BOOTTIME);
	struct errand *errand = followers_due(&service->followers, now);
	if (errand) {
		errand->op.response.id = errand->op.request.id;
		return errand;
	}
	uint64_t size = service->to.size(service->to.ctx);
	while ((errand = followers_grown(&service->followers, size)))
		ask_again(service, errand);
	return NULL;
}

int service_wait_ms(const struct service *service)
{
	uint64_t due = followers_soonest(&service->followers);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : (int)((due - now) / 1000000) + 1;
}

void service_drain(struct service *service)
{
	service->draining = true;
	if (service->to.hurry)
		service->to.hurry(service->to.ctx);
}

struct errand *service_answered(struct service *service, struct op *op)
{
	struct errand *errand = errand_of(op);
	if (!errand->home) {
		errands_give(service->to.errands, errand);
		return NULL;
	}
	if (op->kind == OP_QUESTION && question_goes_on(service, errand))
		return NULL;
	if (waits(service, errand))
		return NULL;
	if (denied_by_writer(service, op) && record_writers_denial(service, errand))
		return NULL;
	if (op->kind == OP_OWN_EVENT) {
		op->response.kind = RESPONSE_ERROR;
		op->response.error = (struct failure){
			.code = TRAIL_DENIED,
			.sentence = errand->refusal,
		};
	}
	op->response.id = op->request.id;
	return errand;
}
