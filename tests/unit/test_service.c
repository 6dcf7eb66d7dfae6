/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/service.h"

#include "../../daemon/access.h"
#include "../../proto/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	POOL_BYTES = 16 * 1024 * 1024
};

/* The roads, which end here. */
static struct op *written;
static struct op *readed;
static unsigned statuses;

static struct errands *errands;
static struct refusals *refusals;
static struct service *service;
static struct caller caller;
static uint64_t log_size;
/* Only its address counts. */
static char home_byte;
#define HOME ((struct session *)(void *)&home_byte)

static void on_write(void *ctx, struct op *op)
{
	assert_ptr_equal(ctx, &written);
	assert_null(written);
	written = op;
}

static void on_read(void *ctx, struct op *op)
{
	(void)ctx;
	assert_null(readed);
	readed = op;
}

static uint64_t on_size(void *ctx)
{
	(void)ctx;
	return log_size;
}

static void on_status(void *ctx, struct op *op)
{
	(void)ctx;
	statuses++;
	op->response.kind = RESPONSE_STATUS;
}

static int setup(void **state)
{
	(void)state;
	written = NULL;
	readed = NULL;
	statuses = 0;
	log_size = 100;
	errands = errands_new(POOL_BYTES);
	refusals = refusals_new();
	struct service_options options = {
		.errands = errands,
		.refusals = refusals,
		.write = on_write,
		.read = on_read,
		.status = on_status,
		.size = on_size,
		.ctx = &written,
	};
	service = service_new(&options);
	caller = (struct caller){
		.serial = 7,
		.peer = { .type = PEER_UNIX_USER, .name = "1001", .roles = ROLE_ALL },
		.greeted = true,
	};
	return service ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	service_free(service);
	refusals_free(refusals);
	assert_int_equal(errands_out(errands), 0);
	errands_free(errands);
	return 0;
}

static enum service_turn ask_bytes(struct span body, struct errand **errand)
{
	enum service_turn turn = service_request(service, &caller, HOME, body, errand);
	if (turn != SERVICE_WAIT)
		assert_ptr_equal((*errand)->home, HOME);
	return turn;
}

static enum service_turn ask(const struct request *request, struct errand **errand)
{
	struct buf body = { 0 };
	request_encode(request, &body);
	assert_false(body.failed);
	enum service_turn turn = ask_bytes(buf_view(&body), errand);
	buf_release(&body);
	return turn;
}

static bool says(const struct errand *errand, const char *text)
{
	struct span s = errand->op.response.error.sentence;
	return memmem(s.data, s.len, text, strlen(text)) != NULL;
}

/* The request is answered at once with this error. */
static void expect_error(
	const struct request *request, enum trail_err code, const char *text, bool last)
{
	struct errand *errand;
	assert_int_equal(ask(request, &errand), SERVICE_ANSWERED);
	assert_int_equal(errand->op.response.kind, RESPONSE_ERROR);
	assert_int_equal(errand->op.response.id, request->id);
	assert_int_equal(errand->op.response.error.code, code);
	if (!says(errand, text))
		fail_msg("\"%.*s\" does not say \"%s\"",
			(int)errand->op.response.error.sentence.len,
			(const char *)errand->op.response.error.sentence.data, text);
	assert_int_equal(errand->last, last);
	assert_null(written);
	assert_null(readed);
	errands_give(errands, errand);
}

static struct request hello_request(uint32_t protocol)
{
	return (struct request){
		.id = 1, .kind = REQUEST_HELLO, .hello = { .protocol = protocol }
	};
}

/* ---- events ---- */

static struct span event_bytes(struct buf *out, int64_t time_ns, const char *actor)
{
	size_t at = out->len;
	struct event_value event = {
		.time_ns = time_ns,
		.action = ACTION_READ,
		.actor = { .id = span_text(actor) },
		.object = { .id = span_text("/journal/1") },
	};
	event_encode(&event, out);
	assert_false(out->failed);
	return span_of(out->data + at, out->len - at);
}

static struct request append_of(const struct span *events, size_t count)
{
	return (struct request){
		.id = 3,
		.kind = REQUEST_APPEND,
		.append = {
			.source = span_text("lifecare"),
			.epoch = 9,
			.first_seq = 1,
			.events = events,
			.event_count = count,
		},
	};
}

/* ---- the tests ---- */

static void test_the_first_request_must_be_hello(void **state)
{
	struct request get = { .id = 4, .kind = REQUEST_GET, .question.index = 0 };
	struct request hello = hello_request(1);
	struct errand *errand;
	(void)state;
	caller.greeted = false;
	expect_error(&get, TRAIL_INVALID, "must be Hello", true);
	assert_false(caller.greeted);
	assert_int_equal(ask(&hello, &errand), SERVICE_QUEUED);
	assert_ptr_equal(written, &errand->op);
	assert_int_equal(written->session, 7);
	assert_string_equal(written->peer.name, "1001");
	assert_true(caller.greeted);
	errands_give(errands, errand);
	written = NULL;
	assert_int_equal(ask(&get, &errand), SERVICE_QUEUED);
	errands_give(errands, errand);
}

static void test_another_protocol_ends_the_connection(void **state)
{
	struct request hello = hello_request(2);
	(void)state;
	caller.greeted = false;
	expect_error(&hello, TRAIL_UNSUPPORTED, "protocol 2", true);
	assert_false(caller.greeted);
}

static void test_an_unknown_kind_is_answered_and_the_connection_stays(void **state)
{
	static const uint8_t body[] = { 0x08, 0x05, 0xfa, 0x06, 0x00 }; /* id 5, field 111 */
	struct errand *errand;
	(void)state;
	assert_int_equal(ask_bytes(span_of(body, sizeof body), &errand), SERVICE_ANSWERED);
	assert_int_equal(errand->op.response.id, 5);
	assert_int_equal(errand->op.response.error.code, TRAIL_UNSUPPORTED);
	assert_false(errand->last);
	errands_give(errands, errand);
}

static void test_what_is_no_request_is_answered_and_ends_it(void **state)
{
	static const struct {
		struct span body;
		uint64_t id;
	} cases[] = {
		{ { (const uint8_t *)"\xff\xff\xff", 3 }, 0 },
		{ { (const uint8_t *)"\x08\x2a\x1a\x05", 4 }, 42 },
		{ { (const uint8_t *)"\x1a\x7f", 2 }, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct errand *errand;
		assert_int_equal(ask_bytes(cases[i].body, &errand), SERVICE_ANSWERED);
		assert_int_equal(errand->op.response.id, cases[i].id);
		assert_int_equal(errand->op.response.error.code, TRAIL_INVALID);
		assert_true(errand->last);
		errands_give(errands, errand);
	}
}

static void test_each_kind_takes_its_road(void **state)
{
	static const struct {
		enum request_kind kind;
		char road;
	} cases[] = {
		{ REQUEST_HELLO, 'w' },
		{ REQUEST_CLOSE, 'w' },
		{ REQUEST_KEEPALIVE, 'w' },
		{ REQUEST_RECORDS, 'r' },
		{ REQUEST_CHECKPOINT, 'r' },
		{ REQUEST_PROVE, 'r' },
		{ REQUEST_SOURCES, 'r' },
		{ REQUEST_STATUS, 's' },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request request = { .id = 8, .kind = cases[i].kind };
		struct errand *errand;
		if (cases[i].kind == REQUEST_HELLO)
			request.hello.protocol = 1;
		else if (cases[i].road == 'w')
			request.word = (struct epoch_word){ .source = span_text("a"), .epoch = 1 };
		written = NULL;
		readed = NULL;
		statuses = 0;
		assert_int_equal(ask(&request, &errand),
			cases[i].road == 's' ? SERVICE_ANSWERED : SERVICE_QUEUED);
		assert_int_equal(written != NULL, cases[i].road == 'w');
		assert_int_equal(readed != NULL, cases[i].road == 'r');
		assert_int_equal(statuses, cases[i].road == 's');
		assert_true(errand->op.charged > errand->op.arena.cap);
		errands_give(errands, errand);
	}
}

static void test_an_append_arrives_with_times_salts_and_commitments(void **state)
{
	struct buf bytes = { 0 };
	struct span events[3];
	struct errand *errand;
	(void)state;
	assert_true(buf_reserve(&bytes, 4096));
	for (int i = 0; i < 3; i++)
		events[i] = event_bytes(&bytes, 1000 + i, "anv1");
	struct request request = append_of(events, 3);
	assert_int_equal(ask(&request, &errand), SERVICE_QUEUED);
	assert_ptr_equal(written, &errand->op);
	assert_int_equal(written->kind, OP_REQUEST);
	assert_int_equal(written->request.append.event_count, 3);
	for (size_t i = 0; i < 3; i++) {
		struct hash expected;
		assert_int_equal(written->times[i], 1000 + i);
		assert_true(span_equal(written->request.append.events[i], events[i]));
		record_commitment(written->salts + i * SALT_LEN, events[i], &expected);
		assert_true(hash_equal(&written->commitments[i], &expected));
	}
	assert_memory_not_equal(written->salts, written->salts + SALT_LEN, SALT_LEN);
	assert_true(written->received_ns > UINT64_C(1700000000000000000));
	errands_give(errands, errand);
	buf_release(&bytes);
}

static void test_a_bad_event_is_named_and_nothing_goes_on(void **state)
{
	struct buf bytes = { 0 };
	struct span events[4];
	struct errand *errand;
	(void)state;
	assert_true(buf_reserve(&bytes, 4096));
	for (int i = 0; i < 4; i++)
		events[i] = event_bytes(&bytes, 1000 + i, i == 3 ? "" : "anv1");
	struct request request = append_of(events, 4);
	assert_int_equal(ask(&request, &errand), SERVICE_ANSWERED);
	assert_null(written);
	const struct failure *error = &errand->op.response.error;
	assert_int_equal(error->code, TRAIL_INVALID);
	assert_int_equal(error->index, 3);
	assert_true(span_equal(error->field, span_text("actor.id")));
	assert_true(says(errand, "event 3: actor.id "));
	assert_false(errand->last);
	errands_give(errands, errand);
	buf_release(&bytes);
}

static void test_too_long_an_event_is_too_big(void **state)
{
	uint8_t *blob = calloc(1, EVENT_LEN_MAX + 1);
	struct span event = span_of(blob, EVENT_LEN_MAX + 1);
	struct request request = append_of(&event, 1);
	(void)state;
	assert_non_null(blob);
	expect_error(&request, TRAIL_TOO_BIG, "event 0: ", false);
	free(blob);
}

static void test_numbering_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		uint64_t epoch, first_seq, lost;
		bool fine;
	} cases[] = {
		{ 0, 0, 0, true },
		{ 0, 1, 0, false },
		{ 0, 0, 1, false },
		{ 1, 0, 0, false },
		{ 1, 1, 0, true },
		{ 1, 5, 4, true },
		{ UINT64_MAX, UINT64_MAX - 1, 0, true },
		{ 1, UINT64_MAX, 0, false },
		{ 1, 5, UINT64_MAX, false },
	};
	struct buf bytes = { 0 };
	(void)state;
	struct span event = event_bytes(&bytes, 1, "a");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request request = append_of(&event, 1);
		struct errand *errand;
		request.append.epoch = cases[i].epoch;
		request.append.first_seq = cases[i].first_seq;
		request.append.lost = cases[i].lost;
		if (!cases[i].fine) {
			expect_error(&request, TRAIL_INVALID, "", false);
			continue;
		}
		assert_int_equal(ask(&request, &errand), SERVICE_QUEUED);
		written = NULL;
		errands_give(errands, errand);
	}
	buf_release(&bytes);
}

static void test_sources_and_counts_are_judged(void **state)
{
	static const char *const names[] = { "", "Journal", "a b", "traild", "\xc3\xa5" };
	static struct span events[APPEND_EVENTS_MAX + 1];
	struct buf bytes = { 0 };
	struct errand *errand;
	(void)state;
	struct span event = event_bytes(&bytes, 1, "a");
	for (size_t i = 0; i < APPEND_EVENTS_MAX + 1; i++)
		events[i] = event;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct request request = append_of(events, 1);
		struct claim claim = { .source = span_text(names[i]), .epoch = 1 };
		struct request hello = hello_request(1);
		struct request close = { .id = 2, .kind = REQUEST_CLOSE, .word = { .epoch = 1 } };
		request.append.source = span_text(names[i]);
		expect_error(&request, TRAIL_INVALID, "source: ", false);
		hello.hello.claims = &claim;
		hello.hello.claim_count = 1;
		expect_error(&hello, TRAIL_INVALID, "source: ", false);
		close.word.source = span_text(names[i]);
		expect_error(&close, TRAIL_INVALID, "source: ", false);
	}
	struct request most = append_of(events, APPEND_EVENTS_MAX);
	assert_int_equal(ask(&most, &errand), SERVICE_QUEUED);
	written = NULL;
	errands_give(errands, errand);
	struct request none = append_of(events, 0);
	expect_error(&none, TRAIL_INVALID, "0 events", false);
	buf_release(&bytes);
}

static void test_a_refusal_is_stored_before_it_is_answered(void **state)
{
	struct request get = { .id = 12, .kind = REQUEST_GET, .question.index = 99 };
	struct errand *errand;
	struct event_facts facts;
	struct event_fault fault;
	(void)state;
	caller.peer.roles = ROLE_EMITTER;
	assert_int_equal(ask(&get, &errand), SERVICE_QUEUED);
	assert_ptr_equal(written, &errand->op);
	assert_null(readed);
	assert_int_equal(written->kind, OP_OWN_EVENT);
	assert_int_equal(event_walk(written->own, &facts, &fault), TRAIL_OK);
	assert_true(span_equal(facts.actor_id, span_text("uid:1001")));
	assert_true(span_equal(facts.object_id, span_text("get:99")));
	/* Whatever the writer leaves behind, the client gets the refusal. */
	op_refuse(written, TRAIL_FULL, "no room");
	assert_ptr_equal(service_answered(service, written), errand);
	assert_int_equal(errand->op.response.id, 12);
	assert_int_equal(errand->op.response.error.code, TRAIL_DENIED);
	assert_true(says(errand, "uid 1001 may not read payloads: role investigator is needed"));
	errands_give(errands, errand);
}

static void test_the_eleventh_refusal_is_counted(void **state)
{
	struct request status = { .id = 1, .kind = REQUEST_STATUS };
	struct errand *errand;
	(void)state;
	caller.peer.roles = ROLE_EMITTER;
	for (int i = 0; i < 10; i++) {
		written = NULL;
		assert_int_equal(ask(&status, &errand), SERVICE_QUEUED);
		errands_give(errands, errand);
	}
	written = NULL;
	expect_error(&status, TRAIL_DENIED, "role operator is needed", false);
	service_tick(service);
	assert_null(written);
	assert_int_equal(refusals_total(refusals), 11);
}

static void test_only_valid_source_names_are_repeated(void **state)
{
	struct buf bytes = { 0 };
	struct span event = event_bytes(&bytes, 1, "a");
	struct request good = append_of(&event, 1);
	struct request bad = append_of(&event, 1);
	struct errand *errand;
	struct event_facts facts;
	struct event_fault fault;
	(void)state;
	bad.append.source = span_text("\xe2\x80\xae"
				      "evil");
	caller.peer.roles = ROLE_AUDITOR;
	assert_int_equal(ask(&good, &errand), SERVICE_QUEUED);
	assert_int_equal(event_walk(written->own, &facts, &fault), TRAIL_OK);
	assert_true(span_equal(facts.object_id, span_text("append:lifecare")));
	errands_give(errands, errand);
	written = NULL;
	assert_int_equal(ask(&bad, &errand), SERVICE_QUEUED);
	assert_int_equal(event_walk(written->own, &facts, &fault), TRAIL_OK);
	assert_true(span_equal(facts.object_id, span_text("append")));
	errands_give(errands, errand);
	buf_release(&bytes);
}

static void test_who_has_no_role_gets_no_connection(void **state)
{
	struct request hello = hello_request(1);
	struct errand *errand;
	(void)state;
	caller.peer.roles = 0;
	caller.greeted = false;
	assert_int_equal(ask(&hello, &errand), SERVICE_QUEUED);
	assert_int_equal(written->kind, OP_OWN_EVENT);
	assert_true(errand->last);
	assert_false(caller.greeted);
	errands_give(errands, errand);
}

static void test_to_claim_an_epoch_is_an_emitters_to_do(void **state)
{
	struct claim claim = { .source = span_text("lifecare"), .epoch = 1 };
	struct request hello = hello_request(1);
	struct errand *errand;
	(void)state;
	caller.peer.roles = ROLE_AUDITOR;
	assert_int_equal(ask(&hello, &errand), SERVICE_QUEUED);
	assert_int_equal(written->kind, OP_REQUEST);
	errands_give(errands, errand);
	written = NULL;
	hello.hello.claims = &claim;
	hello.hello.claim_count = 1;
	assert_int_equal(ask(&hello, &errand), SERVICE_QUEUED);
	assert_int_equal(written->kind, OP_OWN_EVENT);
	assert_false(errand->last);
	errands_give(errands, errand);
}

static void test_without_memory_a_request_waits_and_is_not_spent(void **state)
{
	struct request get = { .id = 4, .kind = REQUEST_GET, .question.index = 0 };
	struct errand *errand;
	(void)state;
	struct errand *hog = errands_take(errands, POOL_BYTES);
	assert_non_null(hog);
	assert_int_equal(ask(&get, &errand), SERVICE_WAIT);
	assert_null(readed);
	assert_null(service_reject(service, &caller, TRAIL_TOO_BIG, "x"));
	errands_give(errands, hog);
	assert_int_equal(ask(&get, &errand), SERVICE_QUEUED);
	assert_ptr_equal(written, &errand->op);
	errands_give(errands, errand);
}

/* ---- questions ---- */

static struct request search_request(const char *query)
{
	return (struct request){
		.id = 5,
		.kind = REQUEST_SEARCH,
		.question.text = span_text(query),
	};
}

/* The event that the op leaves in the log. */
static struct event_value own_event(const struct op *op, struct arena *arena)
{
	struct event_value event;
	struct event_facts facts;
	struct event_fault fault;
	assert_int_equal(event_walk(op->own, &facts, &fault), TRAIL_OK);
	assert_int_equal(event_decode(op->own, arena, &event), TRAIL_OK);
	return event;
}

static void test_g9_a_question_is_stored_before_it_is_read(void **state)
{
	struct request search = search_request("subject:p-93 action:read");
	struct errand *errand;
	(void)state;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	assert_ptr_equal(written, &errand->op);
	assert_null(readed);
	assert_int_equal(written->kind, OP_QUESTION);
	uint8_t room[4096];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct event_value event = own_event(written, &arena);
	assert_int_equal(event.action, ACTION_READ);
	assert_true(span_equal(event.actor.id, span_text("uid:1001")));
	assert_true(span_equal(event.subject, span_text("p-93")));
	assert_true(event.attribute_count == 1 &&
		span_equal(event.attributes[0].value, search.question.text));
	/* It is durable: now, and only now, a reader gets it. */
	written->own_index = 41;
	assert_null(service_answered(service, written));
	assert_ptr_equal(readed, &errand->op);
	assert_int_equal(readed->kind, OP_REQUEST);
	errands_give(errands, errand);
}

static void test_g9_a_question_that_cannot_be_stored_is_refused(void **state)
{
	struct request search = search_request("");
	struct errand *errand;
	(void)state;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	op_refuse(written, TRAIL_FULL, "no room");
	assert_ptr_equal(service_answered(service, written), errand);
	assert_null(readed);
	assert_int_equal(errand->op.response.error.code, TRAIL_FULL);
	errands_give(errands, errand);
	written = NULL;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	service_close(service);
	assert_ptr_equal(service_answered(service, written), errand);
	assert_null(readed);
	assert_int_equal(errand->op.response.error.code, TRAIL_UNAVAILABLE);
	errands_give(errands, errand);
}

static void test_a_later_page_goes_to_the_readers(void **state)
{
	struct request search = search_request("actor:a");
	struct errand *errand;
	(void)state;
	search.question.paging.next = span_text("whatever the reader makes of it");
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	assert_ptr_equal(readed, &errand->op);
	assert_null(written);
	errands_give(errands, errand);
	/* Unless it follows, and this connection has not asked before. */
	readed = NULL;
	search.question.paging.follow_ms = 10;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	assert_null(readed);
	assert_ptr_equal(written, &errand->op);
	errands_give(errands, errand);
}

static void test_g10_a_refused_question_is_on_record_in_full(void **state)
{
	struct request search = search_request("subject:p-93 actor:b");
	struct errand *errand;
	(void)state;
	caller.peer.roles = ROLE_EMITTER;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	assert_int_equal(written->kind, OP_OWN_EVENT);
	uint8_t room[4096];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct event_value event = own_event(written, &arena);
	assert_true(span_equal(event.verb, span_text("refuse")));
	assert_true(span_equal(event.object.id, span_text("search")));
	assert_true(span_equal(event.subject, span_text("p-93")));
	assert_true(event.attribute_count == 1 &&
		span_equal(event.attributes[0].key, span_text("query")) &&
		span_equal(event.attributes[0].value, search.question.text));
	assert_ptr_equal(service_answered(service, written), errand);
	assert_null(readed);
	assert_int_equal(errand->op.response.error.code, TRAIL_DENIED);
	errands_give(errands, errand);
}

static void test_a_query_that_does_not_parse_is_refused_at_once(void **state)
{
	struct request search = search_request("actor:a actr:b");
	(void)state;
	expect_error(&search, TRAIL_INVALID, "did you mean actor?", false);
	search = search_request("unit:b..a");
	expect_error(&search, TRAIL_INVALID, "turn it around", false);
	struct request get = { .id = 6, .kind = REQUEST_GET, .question.index = log_size };
	expect_error(&get, TRAIL_INVALID, "not below", false);
	get.question = (struct question){ .paging.newest_first = true };
	expect_error(&get, TRAIL_INVALID, "limit, size and next", false);
	/* A tree that does not grow would be asked again and again. */
	search = search_request("actor:a");
	search.question.paging = (struct paging){ .follow_ms = 1, .size = 5 };
	expect_error(&search, TRAIL_INVALID, "newest tree", false);
}

/* Terms and values of any number and length have their room, and so has the event that tells. */
static void test_the_longest_queries_are_asked(void **state)
{
	static const char *const TERMS[] = { "id:* ", "id:\"0\"..\"1\" ", "unit:\"\\\\\" ",
		"unit:\"\\\\                                        \\\\\" " };
	static char text[QUERY_MAX + 64];
	(void)state;
	for (size_t i = 0; i < 64 * sizeof TERMS / sizeof TERMS[0]; i++) {
		size_t len = 0;
		for (size_t n = 0; n <= i % 64; n++)
			len += (size_t)sprintf(text + len, "%s", TERMS[i / 64]);
		struct request search = search_request(text);
		struct errand *errand;
		written = NULL;
		assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
		assert_int_equal(written->kind, OP_QUESTION);
		assert_int_equal(written->query.count, i % 64 + 1);
		errands_give(errands, errand);
	}
}

static void test_who_follows_waits_for_the_log_to_grow(void **state)
{
	struct request search = search_request("actor:a");
	struct errand *errand;
	(void)state;
	search.question.paging.follow_ms = FOLLOW_MS_MAX;
	assert_int_equal(ask(&search, &errand), SERVICE_QUEUED);
	written->own_index = 41;
	assert_null(service_answered(service, written));
	struct op *op = readed;
	static const uint8_t cursor[] = "a cursor";
	op->response.kind = RESPONSE_ROWS;
	op->response.rows = (struct rows){
		.position = log_size,
		.next = span_of(cursor, sizeof cursor),
	};
	readed = NULL;
	assert_null(service_answered(service, op));
	assert_null(service_waited(service));
	assert_null(readed);
	assert_in_range(service_wait_ms(service), FOLLOW_MS_MAX / 2, FOLLOW_MS_MAX + 1);
	/* It grew: asked again from where the empty page ended, with no second event. */
	log_size++;
	written = NULL;
	assert_null(service_waited(service));
	assert_ptr_equal(readed, op);
	assert_null(written);
	assert_true(span_equal(op->request.question.paging.next, span_of(cursor, sizeof cursor)));
	assert_int_equal(service_wait_ms(service), -1);
	/* Nothing again; and then the daemon stops. */
	op->response.rows.position = log_size;
	assert_null(service_answered(service, op));
	service_drain(service);
	assert_ptr_equal(service_waited(service), errand);
	errands_give(errands, errand);
}

static void test_own_events_go_home_by_themselves(void **state)
{
	(void)state;
	struct errand *errand = errands_take(errands, 100);
	errand->op.kind = OP_OWN_EVENT;
	assert_null(service_answered(service, &errand->op));
	assert_int_equal(errands_out(errands), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_first_request_must_be_hello),
		CASE(test_g9_a_question_is_stored_before_it_is_read),
		CASE(test_g9_a_question_that_cannot_be_stored_is_refused),
		CASE(test_a_later_page_goes_to_the_readers),
		CASE(test_g10_a_refused_question_is_on_record_in_full),
		CASE(test_a_query_that_does_not_parse_is_refused_at_once),
		CASE(test_the_longest_queries_are_asked),
		CASE(test_who_follows_waits_for_the_log_to_grow),
		CASE(test_another_protocol_ends_the_connection),
		CASE(test_an_unknown_kind_is_answered_and_the_connection_stays),
		CASE(test_what_is_no_request_is_answered_and_ends_it),
		CASE(test_each_kind_takes_its_road),
		CASE(test_an_append_arrives_with_times_salts_and_commitments),
		CASE(test_a_bad_event_is_named_and_nothing_goes_on),
		CASE(test_too_long_an_event_is_too_big),
		CASE(test_numbering_that_makes_no_sense_is_refused),
		CASE(test_sources_and_counts_are_judged),
		CASE(test_a_refusal_is_stored_before_it_is_answered),
		CASE(test_the_eleventh_refusal_is_counted),
		CASE(test_only_valid_source_names_are_repeated),
		CASE(test_who_has_no_role_gets_no_connection),
		CASE(test_to_claim_an_epoch_is_an_emitters_to_do),
		CASE(test_without_memory_a_request_waits_and_is_not_spent),
		CASE(test_own_events_go_home_by_themselves),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
