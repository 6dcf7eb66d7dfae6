/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/codec.h"

#include "../../proto/frame.h"
#include "../../proto/wire.h"

#include "../support/guard.h"
#include "../support/random.h"
#include "../support/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

static const int64_t TIME_NS = INT64_C(1767949200123456789);
static const uint64_t EPOCH = UINT64_C(1767949200000000000);

static const char *const REQUESTS[] = {
	"hello",
	"append",
	"close",
	"keepalive",
	"get",
	"records",
	"checkpoint",
	"prove-inclusion",
	"prove-consistency",
	"status",
	"search",
	"history",
	"sources",
	"get-range",
	"controls",
	"checkpoint-sealed",
	"append-witnessed",
	"report",
	"index-check",
};

static const uint64_t REQUEST_IDS[] = { 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009,
	1020, 1021, 1022, 1023, 1026, 1027, 1028, 1032, 1034 };

_Static_assert(COUNT(REQUEST_IDS) == COUNT(REQUESTS), "an id for each");

static const char *const RESPONSES[] = {
	"error",
	"hello",
	"appended",
	"closed",
	"kept",
	"records",
	"checkpoint",
	"proof",
	"status",
	"rows",
	"sources",
	"checkpoint-sealed",
	"status-witnessed",
	"rows-witnessed",
	"rows-counted",
	"index-check",
};

/* 1015 was an answer that is no more. */
static const uint64_t RESPONSE_IDS[] = { 1010, 1011, 1012, 1013, 1014, 1016, 1017, 1018, 1019, 1024,
	1025, 1029, 1030, 1031, 1033, 1035 };

_Static_assert(COUNT(RESPONSE_IDS) == COUNT(RESPONSES), "an id for each");

static struct buf wire_vector(const char *side, const char *name)
{
	char path[64];
	(void)snprintf(path, sizeof path, "wire/%s-%s", side, name);
	return vector_load(path);
}

/* An arena of `cap` bytes that ends with its memory, so that ASan sees a step beyond. */
static struct arena arena_new(size_t cap)
{
	struct arena arena = { .data = malloc(cap > 0 ? cap : 1), .cap = cap };
	assert_non_null(arena.data);
	return arena;
}

static void arena_free(struct arena *arena)
{
	free(arena->data);
}

static void assert_span_text(struct span got, const char *want)
{
	assert_true(span_equal(got, span_text(want)));
}

static void assert_golden(const struct buf *got, const char *name)
{
	struct buf want = vector_load(name);
	assert_false(got->failed);
	assert_true(span_equal(buf_view(got), buf_view(&want)));
	buf_release(&want);
}

/* ---- golden events and payloads ---- */

static const struct change CHANGES[] = {
	{ .field = { (const uint8_t *)"status", 6 },
		.old_value = { (const uint8_t *)"open", 4 },
		.new_value = { (const uint8_t *)"closed", 6 } },
	{ .field = { (const uint8_t *)"note", 4 },
		.new_value = { (const uint8_t *)"one\ntwo", 7 } },
};

static const struct attribute ATTRIBUTES[] = {
	{ .key = { (const uint8_t *)"format", 6 }, .value = { (const uint8_t *)"A4", 2 } },
	{ .key = { (const uint8_t *)"copies", 6 }, .value = { (const uint8_t *)"2", 1 } },
};

static struct event_value minimal_event(void)
{
	struct event_value event = { .time_ns = TIME_NS, .action = ACTION_READ };
	event.actor.id = span_text("anv05999");
	event.object.id = span_text("/lifecare/journal/000041");
	return event;
}

static struct event_value full_event(void)
{
	static const uint8_t id[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct event_value event = minimal_event();
	event.id = span_of(id, sizeof id);
	event.action = ACTION_MODIFY;
	event.verb = span_text("save");
	event.outcome = 2;
	event.reason = span_text("line one\nline two");
	event.actor.type = 1;
	event.actor.name = span_text("Jourl\xc3\xa4kare 3");
	event.actor.role = span_text("physician");
	event.actor.unit = span_text("enhet-019");
	event.actor.session = span_text("s-1");
	event.actor.address = span_text("10.0.0.7");
	event.actor.on_behalf_of = span_text("anv00001");
	event.object.type = span_text("journal");
	event.object.name = span_text("Journal 41");
	event.object.version = span_text("7");
	event.subject = span_text("p-000042");
	event.purpose = span_text("arende:2026-00041");
	event.medium = 1;
	event.origin.host = span_text("pc-0042");
	event.origin.application = span_text("lifecare");
	event.origin.process = span_text("4711");
	event.origin.address = span_text("10.1.2.3");
	event.changes = CHANGES;
	event.change_count = COUNT(CHANGES);
	event.correlation = span_text("req-77");
	event.attributes = ATTRIBUTES;
	event.attribute_count = COUNT(ATTRIBUTES);
	event.raw = span_of("<13>save \0\xff", 11);
	return event;
}

static void test_events_are_the_golden_ones(void **state)
{
	(void)state;
	struct event_value minimal = minimal_event();
	struct event_value full = full_event();
	struct buf b = { 0 };
	event_encode(&minimal, &b);
	assert_golden(&b, "event-minimal");
	buf_clear(&b);
	event_encode(&full, &b);
	assert_golden(&b, "event-full");
	buf_release(&b);
}

static void test_the_full_event_decodes_to_its_values(void **state)
{
	(void)state;
	struct buf bytes = vector_load("event-full");
	struct arena arena = arena_new(codec_arena_need(buf_view(&bytes)));
	struct event_value got;
	const struct event_value want = full_event();
	assert_int_equal(event_decode(buf_view(&bytes), &arena, &got), TRAIL_OK);
	assert_true(got.time_ns == want.time_ns && got.action == want.action);
	assert_true(got.outcome == want.outcome && got.medium == want.medium);
	assert_int_equal(got.actor.type, want.actor.type);
	const struct span pairs[][2] = {
		{ got.id, want.id },
		{ got.verb, want.verb },
		{ got.reason, want.reason },
		{ got.actor.id, want.actor.id },
		{ got.actor.name, want.actor.name },
		{ got.actor.role, want.actor.role },
		{ got.actor.unit, want.actor.unit },
		{ got.actor.session, want.actor.session },
		{ got.actor.address, want.actor.address },
		{ got.actor.on_behalf_of, want.actor.on_behalf_of },
		{ got.object.id, want.object.id },
		{ got.object.type, want.object.type },
		{ got.object.name, want.object.name },
		{ got.object.version, want.object.version },
		{ got.subject, want.subject },
		{ got.purpose, want.purpose },
		{ got.origin.host, want.origin.host },
		{ got.origin.application, want.origin.application },
		{ got.origin.process, want.origin.process },
		{ got.origin.address, want.origin.address },
		{ got.correlation, want.correlation },
		{ got.raw, want.raw },
	};
	for (size_t i = 0; i < COUNT(pairs); i++)
		assert_true(span_equal(pairs[i][0], pairs[i][1]));
	assert_int_equal(got.change_count, COUNT(CHANGES));
	assert_int_equal(got.attribute_count, COUNT(ATTRIBUTES));
	for (size_t i = 0; i < COUNT(CHANGES); i++) {
		assert_true(span_equal(got.changes[i].field, CHANGES[i].field));
		assert_true(span_equal(got.changes[i].old_value, CHANGES[i].old_value));
		assert_true(span_equal(got.changes[i].new_value, CHANGES[i].new_value));
		assert_true(span_equal(got.attributes[i].key, ATTRIBUTES[i].key));
		assert_true(span_equal(got.attributes[i].value, ATTRIBUTES[i].value));
	}
	arena_free(&arena);
	buf_release(&bytes);
}

static void test_genesis_is_the_golden_one_both_ways(void **state)
{
	(void)state;
	struct genesis genesis = {
		.format = 1,
		.origin = span_text("example.org/trail"),
		.vkey = span_text("example.org/trail+5a4c7a4b+"
				  "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"),
		.seal_height = 16,
		.seal_max_ns = UINT64_C(7200000000000),
		.predecessor = span_text("trail-log/v1\nold.example/trail+00000000+AQ==\nAA==\n"),
		.predecessor_note = span_text("note\n"),
		.reason = span_text("the old key was stolen"),
	};
	for (uint8_t i = 0; i < 32; i++) {
		genesis.seal_root.b[i] = i;
		genesis.random[i] = (uint8_t)(32 + i);
	}
	struct buf b = { 0 };
	genesis_encode(&genesis, &b);
	assert_golden(&b, "genesis");
	struct arena arena = arena_new(codec_arena_need(buf_view(&b)));
	struct genesis got;
	assert_int_equal(genesis_decode(buf_view(&b), &arena, &got), TRAIL_OK);
	assert_true(got.format == 1 && got.seal_height == 16);
	assert_true(got.seal_max_ns == genesis.seal_max_ns);
	assert_true(span_equal(got.origin, genesis.origin) && span_equal(got.vkey, genesis.vkey));
	assert_true(span_equal(got.predecessor, genesis.predecessor));
	assert_true(span_equal(got.predecessor_note, genesis.predecessor_note));
	assert_true(span_equal(got.reason, genesis.reason));
	assert_memory_equal(got.seal_root.b, genesis.seal_root.b, 32);
	assert_memory_equal(got.random, genesis.random, 32);
	arena_free(&arena);
	buf_release(&b);
}

static void test_source_and_peer_are_the_golden_ones_both_ways(void **state)
{
	(void)state;
	struct arena arena = arena_new(4096);
	struct buf b = { 0 };
	source_encode(span_text("lifecare"), &b);
	assert_golden(&b, "source");
	struct span name;
	assert_int_equal(source_decode(buf_view(&b), &arena, &name), TRAIL_OK);
	assert_span_text(name, "lifecare");
	buf_clear(&b);
	const struct peer_name peer = { .type = PEER_UNIX_USER, .name = span_text("1000") };
	peer_encode(&peer, &b);
	assert_golden(&b, "peer");
	struct peer_name got;
	assert_int_equal(peer_decode(buf_view(&b), &arena, &got), TRAIL_OK);
	assert_int_equal(got.type, PEER_UNIX_USER);
	assert_span_text(got.name, "1000");
	buf_release(&b);
	arena_free(&arena);
}

static void test_daemon_entries_are_the_golden_ones_both_ways(void **state)
{
	static const struct {
		const char *name;
		struct daemon_entry entry;
	} cases[] = {
		{ "daemon-start", { .what = DAEMON_START } },
		{ "daemon-clock",
			{ .what = DAEMON_CLOCK,
				.from_ns = UINT64_C(1767949200123456789),
				.to_ns = UINT64_C(1767949194123456789) } },
		{ "daemon-loss",
			{ .what = DAEMON_LOSS,
				.source = 3,
				.epoch = UINT64_C(1767949200000000000),
				.last = 40,
				.cause = LOSS_PUSHED,
				.made = 42 } },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct daemon_entry *want = &cases[i].entry;
		struct buf b = { 0 };
		daemon_entry_encode(want, &b);
		assert_golden(&b, cases[i].name);
		struct arena arena = arena_new(codec_arena_need(buf_view(&b)));
		struct daemon_entry got;
		assert_int_equal(daemon_entry_decode(buf_view(&b), &arena, &got), TRAIL_OK);
		assert_true(got.what == want->what && got.cause == want->cause);
		assert_true(got.from_ns == want->from_ns && got.to_ns == want->to_ns);
		assert_true(got.source == want->source && got.epoch == want->epoch);
		assert_true(got.last == want->last && got.made == want->made);
		assert_true(got.free_bytes == want->free_bytes && got.resumed == want->resumed);
		arena_free(&arena);
		buf_release(&b);
	}
}

static void test_disk_entries_keep_their_numbers(void **state)
{
	(void)state;
	const struct daemon_entry disk = { .what = DAEMON_DISK, .free_bytes = 7, .resumed = true };
	struct arena arena = arena_new(4096);
	struct buf b = { 0 };
	struct daemon_entry got;
	daemon_entry_encode(&disk, &b);
	assert_int_equal(daemon_entry_decode(buf_view(&b), &arena, &got), TRAIL_OK);
	assert_true(got.what == DAEMON_DISK && got.free_bytes == 7 && got.resumed);
	buf_release(&b);
	arena_free(&arena);
}

/* ---- golden messages ---- */

static void test_the_golden_frame_is_an_append_of_two_events(void **state)
{
	(void)state;
	struct buf minimal = vector_load("event-minimal");
	struct buf full = vector_load("event-full");
	const struct span events[] = { buf_view(&minimal), buf_view(&full) };
	const struct request request = {
		.id = 7,
		.kind = REQUEST_APPEND,
		.append = {
			.source = span_text("lifecare"),
			.epoch = EPOCH,
			.first_seq = 41,
			.lost = 2,
			.made = 42,
			.events = events,
			.event_count = 2,
			.want_salts = true,
			.want_proof = true,
		},
	};
	struct buf body = { 0 };
	request_encode(&request, &body);
	struct buf frame = { 0 };
	buf_put_be32(&frame, (uint32_t)body.len);
	buf_put_span(&frame, buf_view(&body));
	assert_golden(&frame, "frame-append");

	struct span taken;
	size_t need;
	assert_int_equal(frame_take(buf_view(&frame), &taken, &need), TRAIL_OK);
	struct arena arena = arena_new(codec_arena_need(taken));
	struct request got;
	assert_int_equal(request_decode(taken, &arena, &got), TRAIL_OK);
	assert_true(got.id == 7 && got.kind == REQUEST_APPEND);
	assert_span_text(got.append.source, "lifecare");
	assert_true(got.append.epoch == EPOCH && got.append.first_seq == 41);
	assert_true(got.append.lost == 2 && got.append.made == 42);
	assert_true(got.append.want_salts && got.append.want_proof);
	assert_int_equal(got.append.event_count, 2);
	assert_true(span_equal(got.append.events[0], events[0]));
	assert_true(span_equal(got.append.events[1], events[1]));
	/* The values outlive the frame: they lie in the arena. */
	assert_true(got.append.events[1].data >= arena.data &&
		got.append.events[1].data < arena.data + arena.cap);
	arena_free(&arena);
	buf_release(&frame);
	buf_release(&body);
	buf_release(&minimal);
	buf_release(&full);
}

/* Another implementation's bytes, decoded and encoded again, are the same: no field is lost. */
static void test_every_request_survives_decode_and_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(REQUESTS); i++) {
		struct buf bytes = wire_vector("request", REQUESTS[i]);
		struct arena arena = arena_new(codec_arena_need(buf_view(&bytes)));
		struct request request;
		struct buf back = { 0 };
		struct span copy = guard_copy(buf_view(&bytes));
		assert_int_equal(request_decode(copy, &arena, &request), TRAIL_OK);
		guard_free(copy);
		assert_true(request.id == REQUEST_IDS[i]);
		request_encode(&request, &back);
		assert_true(span_equal(buf_view(&back), buf_view(&bytes)));
		buf_release(&back);
		arena_free(&arena);
		buf_release(&bytes);
	}
}

static void test_every_response_survives_decode_and_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(RESPONSES); i++) {
		struct buf bytes = wire_vector("response", RESPONSES[i]);
		struct arena arena = arena_new(codec_arena_need(buf_view(&bytes)));
		struct response response;
		struct buf back = { 0 };
		struct span copy = guard_copy(buf_view(&bytes));
		assert_int_equal(response_decode(copy, &arena, &response), TRAIL_OK);
		guard_free(copy);
		assert_true(response.id == RESPONSE_IDS[i]);
		response_encode(&response, &back);
		assert_true(span_equal(buf_view(&back), buf_view(&bytes)));
		buf_release(&back);
		arena_free(&arena);
		buf_release(&bytes);
	}
}

static void take_request(const char *name, struct arena *arena, struct request *out)
{
	struct buf bytes = wire_vector("request", name);
	*arena = arena_new(codec_arena_need(buf_view(&bytes)));
	assert_int_equal(request_decode(buf_view(&bytes), arena, out), TRAIL_OK);
	buf_release(&bytes);
}

static void take_response(const char *name, struct arena *arena, struct response *out)
{
	struct buf bytes = wire_vector("response", name);
	*arena = arena_new(codec_arena_need(buf_view(&bytes)));
	assert_int_equal(response_decode(buf_view(&bytes), arena, out), TRAIL_OK);
	buf_release(&bytes);
}

static void test_figures_of_a_status_come_back_and_0_is_told_from_unknown(void **state)
{
	struct response in = { .id = 1, .kind = RESPONSE_STATUS };
	struct response out;
	struct buf bytes = { 0 };
	(void)state;
	struct status_answer *s = &in.status;
	for (unsigned i = TRAIL_STATUS_FULL + 1; i < TRAIL_STATUS_COUNT; i++)
		if (i != 31 && i != TRAIL_STATUS_SIGNER_PID)
			status_figure_set(&s->figures, (enum trail_status_number)i,
				i == TRAIL_STATUS_PEERS ? 0 : UINT64_MAX - i);
	for (size_t t = 0; t < TRAIL_TIMES_COUNT; t++) {
		s->times[t] = (struct status_times){ .count = STATUS_BUCKETS_MAX - t, .sum_ns = t };
		for (size_t i = 0; i < s->times[t].count; i++) {
			s->times[t].upto_ns[i] = i + 1 < s->times[t].count ? i + 1 : 0;
			s->times[t].in_bucket[i] = i * t;
		}
	}
	response_encode(&in, &bytes);
	struct arena arena = arena_new(codec_arena_need(buf_view(&bytes)));
	assert_int_equal(response_decode(buf_view(&bytes), &arena, &out), TRAIL_OK);
	assert_memory_equal(&out.status.figures, &s->figures, sizeof s->figures);
	assert_memory_equal(out.status.times, s->times, sizeof s->times);
	arena_free(&arena);
	buf_release(&bytes);
}

static void test_requests_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct request r;
	take_request("hello", &arena, &r);
	assert_true(r.kind == REQUEST_HELLO && r.hello.protocol == 1);
	assert_true(r.hello.claim_count == 2 && r.hello.claims[0].epoch == EPOCH);
	assert_span_text(r.hello.claims[0].source, "lifecare");
	assert_span_text(r.hello.claims[1].source, "castor");
	assert_memory_equal(r.hello.checkpoint.data, "example.org/trail\n9\n", 20);
	arena_free(&arena);
	take_request("close", &arena, &r);
	assert_true(r.kind == REQUEST_CLOSE && r.word.epoch == 5 && r.word.last == 300);
	assert_true(r.word.made == 0);
	arena_free(&arena);
	take_request("keepalive", &arena, &r);
	assert_true(r.kind == REQUEST_KEEPALIVE && r.word.made == 301 && r.word.last == 0);
	arena_free(&arena);
	take_request("get", &arena, &r);
	assert_true(r.kind == REQUEST_GET && r.question.index == UINT64_C(1) << 63);
	arena_free(&arena);
	take_request("records", &arena, &r);
	assert_true(r.kind == REQUEST_RECORDS && r.records.first == 128);
	assert_true(r.records.limit == 2340 && r.records.next.len == 6);
	arena_free(&arena);
	take_request("prove-inclusion", &arena, &r);
	assert_true(r.kind == REQUEST_PROVE && !r.prove.consistency && r.prove.index == 0);
	assert_true(r.prove.size == 8);
	arena_free(&arena);
	take_request("prove-consistency", &arena, &r);
	assert_true(r.prove.consistency && r.prove.from == 3 && r.prove.size == 8);
	arena_free(&arena);
}

static void test_requests_of_proofs_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct request r;
	take_request("controls", &arena, &r);
	assert_true(r.kind == REQUEST_CONTROLS && r.controls.from == 128);
	assert_true(r.controls.kind == KIND_SEAL && r.controls.newest_first);
	assert_true(r.controls.limit == 10 && r.controls.size == 300);
	assert_true(r.controls.next.len == 4 && r.controls.next.data[3] == 0xff);
	arena_free(&arena);
	take_request("checkpoint-sealed", &arena, &r);
	assert_true(r.kind == REQUEST_CHECKPOINT && r.checkpoint.sealed);
	assert_true(r.checkpoint.above == 128);
	arena_free(&arena);
	take_request("append-witnessed", &arena, &r);
	assert_true(r.kind == REQUEST_APPEND && r.append.ack == ACK_WITNESSED);
	assert_true(r.append.wait_ms == 2500 && r.append.event_count == 1);
	arena_free(&arena);
}

static void test_answers_of_proofs_decode_to_their_values(void **state)
{
	static const uint8_t stamp[] = { 0x30, 0 };
	(void)state;
	struct arena arena;
	struct response r;
	take_response("checkpoint-sealed", &arena, &r);
	const struct checkpoint_answer *cp = &r.checkpoint;
	assert_true(r.kind == RESPONSE_CHECKPOINT && cp->cosigned.len == cp->checkpoint.len - 1);
	assert_span_text(cp->identity, "trail-log/v1\n");
	assert_span_text(cp->seal, "seal");
	assert_true(span_equal(cp->stamp, span_of(stamp, sizeof stamp)));
	arena_free(&arena);
	take_response("status-witnessed", &arena, &r);
	const struct witness_state *w = r.status.witnesses;
	assert_true(r.kind == RESPONSE_STATUS && r.status.witness_count == 2);
	assert_span_text(w[0].name, "w1.example");
	assert_true(w[0].state == WITNESS_COSIGNS && w[0].size == 300);
	assert_true(w[0].cosigned_s == 1767949200);
	assert_true(w[1].state == WITNESS_FORK && w[1].size == 0);
	arena_free(&arena);
	take_response("rows-witnessed", &arena, &r);
	assert_true(r.kind == RESPONSE_ROWS && r.rows.completeness.witnessed == 290);
	arena_free(&arena);
}

static void test_index_checks_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct request asked;
	struct response r;
	take_request("index-check", &arena, &asked);
	assert_true(asked.kind == REQUEST_INDEX_CHECK && asked.index_check.start);
	assert_true(asked.index_check.job == 7);
	arena_free(&arena);
	take_response("index-check", &arena, &r);
	const struct index_check_answer *a = &r.index_check;
	assert_true(r.kind == RESPONSE_INDEX_CHECK && a->job == 7 && a->ended && a->failed);
	assert_true(a->done == 300 && a->all == 600 && a->indexed == 290);
	assert_true(a->files == 3 && a->found == 70 && a->difference_count == 2);
	assert_true(a->differences[0].what == DIFFERENCE_DROPPED);
	assert_span_text(a->differences[0].field, "actor");
	assert_true(a->differences[0].index == 128);
	assert_true(a->differences[1].what == DIFFERENCE_UNJUDGED);
	assert_true(a->differences[1].field.len == 0 && a->differences[1].index == 200);
	arena_free(&arena);
}

static void test_seal_is_the_golden_one_both_ways(void **state)
{
	static const char text[] =
		"trail-seal/v1\nexample.org/trail\n3\n300\n"
		"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n1767949200123456789\n";
	static const char note[] = "example.org/trail\n8\n"
				   "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
				   "\xe2\x80\x94 example.org/trail AAAA\n";
	uint8_t bytes[256];
	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	const struct seal seal = {
		.text = span_text(text),
		.key = span_of(bytes, 32),
		.path = span_of(bytes, 128),
		.sig = span_of(bytes + 100, 64),
		.cosigned = span_text(note),
	};
	struct buf b = { 0 };
	struct seal got;
	seal_encode(&seal, &b);
	assert_golden(&b, "seal");
	struct arena arena = arena_new(codec_arena_need(buf_view(&b)));
	assert_int_equal(seal_decode(buf_view(&b), &arena, &got), TRAIL_OK);
	assert_true(span_equal(got.text, seal.text) && span_equal(got.key, seal.key));
	assert_true(span_equal(got.path, seal.path) && span_equal(got.sig, seal.sig));
	assert_true(span_equal(got.cosigned, seal.cosigned));
	arena_free(&arena);
	buf_release(&b);
}

static void assert_paging(const struct paging *p, uint64_t from)
{
	assert_true(p->from == from && p->newest_first && p->limit == 50 && p->count);
	assert_true(p->since_ns == TIME_NS && p->until_ns == TIME_NS + 1000000000);
	assert_true(p->size == 8 && p->follow_ms == FOLLOW_MS_MAX);
	assert_span_text(p->next, "further");
}

static void test_questions_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct request r;
	take_request("search", &arena, &r);
	assert_true(r.kind == REQUEST_SEARCH);
	assert_span_text(r.question.text, "actor:anna action:read");
	assert_paging(&r.question.paging, 300);
	arena_free(&arena);
	take_request("history", &arena, &r);
	assert_true(r.kind == REQUEST_HISTORY);
	assert_span_text(r.question.text, "/lifecare/journal/000041");
	assert_paging(&r.question.paging, UINT64_C(1) << 63);
	arena_free(&arena);
	take_request("sources", &arena, &r);
	assert_true(r.kind == REQUEST_SOURCES && r.sources.size == 8);
	assert_true(r.sources.next.len == 4 && r.sources.next.data[3] == 0xff);
	arena_free(&arena);
	take_request("get-range", &arena, &r);
	assert_true(r.kind == REQUEST_GET && r.question.index == 128);
	assert_true(r.question.count == 1000 && r.question.want_genesis);
	assert_true(r.question.paging.limit == 7 && r.question.paging.next.len == CURSOR_MAX);
	assert_true(r.question.paging.size == UINT64_C(1) << 40);
	arena_free(&arena);
}

static void test_a_report_decodes_to_its_values(void **state)
{
	(void)state;
	struct arena arena;
	struct request r;
	take_request("report", &arena, &r);
	const struct question *q = &r.question;
	assert_true(r.kind == REQUEST_REPORT && q->by == GROUP_TIME);
	assert_span_text(q->text, "action:read -purpose:*");
	assert_true(q->bucket_ns == UINT64_C(3600000000000) && q->after.len == GROUP_TIME_LEN);
	assert_true(q->paging.from == 300 && q->paging.size == 8 && q->paging.since_ns == TIME_NS);
	assert_span_text(q->paging.next, "further");
	arena_free(&arena);
	struct response answer;
	take_response("rows-counted", &arena, &answer);
	const struct rows *rows = &answer.rows;
	assert_true(answer.kind == RESPONSE_ROWS && rows->count_count == 3);
	assert_int_equal(rows->row_count, 0);
	assert_span_text(rows->counts[0].key, "it-drift");
	assert_true(rows->counts[0].count == 11 && rows->counts[1].count == 296);
	assert_true(rows->counts[1].key.len == 0 && rows->counts[2].count == 0);
	assert_true(rows->matched == 307 && rows->completeness.gaps == 2);
	arena_free(&arena);
}

static void test_rows_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct response r;
	struct hash want;
	take_response("rows", &arena, &r);
	assert_true(r.kind == RESPONSE_ROWS && r.rows.row_count == 2 && r.rows.named_count == 2);
	const struct evidence_item *row = r.rows.rows;
	assert_true(row[0].index == 7 && row[0].record.len == RECORD_LEN);
	assert_true(row[0].salt.len == SALT_LEN && row[0].path_count == 2);
	hash_bytes(span_text("hash 2"), &want);
	assert_true(hash_equal(&row[0].path[1], &want));
	assert_true(row[1].index == 6 && row[1].path_count == 0);
	assert_true(row[1].salt.len == 0 && row[1].payload.len == 0);
	assert_true(r.rows.named[0].index == 3 && r.rows.named[1].index == 4);
	assert_span_text(r.rows.checkpoint, "a note\n");
	assert_span_text(r.rows.next, "further");
	assert_true(r.rows.read == 8 && r.rows.matched == 200 && r.rows.position == 6);
	const struct completeness *c = &r.rows.completeness;
	assert_true(r.rows.done && c->method == METHOD_SCAN && c->sources == 6);
	assert_true(c->current == 5 && c->gaps == UINT64_C(1) << 32);
	arena_free(&arena);
	take_response("sources", &arena, &r);
	assert_true(r.kind == RESPONSE_SOURCES && r.sources.count == 2 && r.sources.done);
	const struct source_state *s = r.sources.states;
	assert_true(s[0].entry.index == 3 && s[0].entry.path_count == 1 && s[0].newest == 7);
	assert_true(s[0].heard_ns == (uint64_t)TIME_NS && s[0].open == 2 && s[0].imports == 3);
	assert_true(s[0].open_ends == 4 && s[0].lost == 5 && s[0].missing == 6);
	assert_true(s[1].entry.index == 5 && s[1].open == 0);
	assert_true(r.sources.next.len == 4);
	arena_free(&arena);
}

static void test_answers_to_append_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct response r;
	take_response("appended", &arena, &r);
	assert_true(r.kind == RESPONSE_APPENDED && r.appended.run_count == 2);
	assert_true(r.appended.unchecked == 1);
	const struct run *dup = &r.appended.runs[0];
	assert_true(dup->duplicate && dup->count == 1 && dup->records.len == RECORD_LEN);
	assert_true(!dup->classes && !dup->flags && dup->path.count == 0 && dup->salts.len == 0);
	const struct run *run = &r.appended.runs[1];
	struct hash want;
	assert_true(!run->duplicate && run->first_index == 20 && run->count == 2);
	assert_true(run->first_seq == 41 && run->source == 3 && run->peer == 4);
	assert_true(run->received_ns == (uint64_t)TIME_NS);
	assert_true(run->classes[0] == 0 && run->classes[1] == 300);
	assert_true(run->flags[0] == 8 && run->flags[1] == 12);
	assert_true(run->salts.len == 2 * SALT_LEN && run->salts.data[31] == 31);
	hash_bytes(span_text("hash 1"), &want);
	assert_true(hash_equal(&run->prev, &want));
	assert_int_equal(run->path.count, 2);
	hash_bytes(span_text("hash 3"), &want);
	assert_true(hash_equal(&run->path.path[1], &want));
	arena_free(&arena);
	take_response("error", &arena, &r);
	assert_true(r.kind == RESPONSE_ERROR && r.error.code == TRAIL_EXPECTED);
	assert_true(r.error.index == 7 && r.error.expected == 41 && r.error.retry_ms == 250);
	assert_span_text(r.error.field, "actor.id");
	arena_free(&arena);
	take_response("kept", &arena, &r);
	assert_true(r.kind == RESPONSE_KEPT && r.last == 301);
	arena_free(&arena);
}

static void test_other_answers_decode_to_their_values(void **state)
{
	(void)state;
	struct arena arena;
	struct response r;
	take_response("hello", &arena, &r);
	assert_true(r.hello.protocol == 1 && r.hello.consistency.count == 3);
	assert_true(r.hello.standing_count == 2 && r.hello.standings[0].known);
	assert_true(r.hello.standings[0].last == 40 && r.hello.standings[0].floor == 3);
	assert_true(r.hello.standings[0].source == 9 && !r.hello.standings[1].known);
	assert_true(r.hello.event_field_highest == 16 && r.hello.events_max == 1000);
	arena_free(&arena);
	take_response("records", &arena, &r);
	assert_true(r.records.first == 128 && r.records.done);
	assert_true(r.records.records.len == 2 * RECORD_LEN && r.records.next.len == 1);
	arena_free(&arena);
	take_response("proof", &arena, &r);
	assert_true(r.proof.path.count == 2 && r.proof.size == 8 && r.proof.leaf.len == HASH_LEN);
	arena_free(&arena);
	take_response("status", &arena, &r);
	assert_span_text(r.status.origin, "example.org/trail");
	assert_true(r.status.events == 10 && r.status.commits == 11 && r.status.refusals == 12);
	assert_true(r.status.connections == 13 && r.status.queue_bytes == 14);
	assert_true(r.status.open_epochs == 15 && r.status.pending_gaps == 16);
	assert_true(r.status.sources == 17 && r.status.full);
	arena_free(&arena);
}

static void test_the_wire_codes_are_the_ten_of_trail_err(void **state)
{
	(void)state;
	struct arena arena = arena_new(4096);
	for (int code = TRAIL_MISUSE; code <= TRAIL_END; code++) {
		struct response r = { .kind = RESPONSE_ERROR, .error.code = (enum trail_err)code };
		bool wire = code <= TRAIL_INVALID && code >= TRAIL_UNSUPPORTED;
		struct buf b = { 0 };
		response_encode(&r, &b);
		arena_reset(&arena);
		assert_int_equal(response_decode(buf_view(&b), &arena, &r), TRAIL_OK);
		assert_int_equal(r.error.code, wire ? code : TRAIL_UNAVAILABLE);
		buf_release(&b);
	}
	arena_free(&arena);
}

/* ---- what is refused ---- */

enum side {
	REQUEST,
	RESPONSE,
};

static enum trail_err decode_as(enum side side, struct span bytes)
{
	struct arena arena = arena_new(codec_arena_need(bytes) + 65536);
	struct span copy = guard_copy(bytes);
	union {
		struct request request;
		struct response response;
	} out;
	enum trail_err err = side == REQUEST ? request_decode(copy, &arena, &out.request)
					     : response_decode(copy, &arena, &out.response);
	guard_free(copy);
	arena_free(&arena);
	return err;
}

#define HASH32  "0123456789abcdef0123456789abcdef"
#define RUN_MIN "\x10\x01\x3a\x20" HASH32
/* An Item of a record of 112 bytes that are 0x61, and a State of it. */
#define BYTES16   "aaaaaaaaaaaaaaaa"
#define ITEM_MIN  "\x12\x70" BYTES16 BYTES16 BYTES16 BYTES16 BYTES16 BYTES16 BYTES16
#define STATE_MIN "\x0a\x72" ITEM_MIN

static const struct {
	enum side side;
	const char *bytes;
	size_t len;
	enum trail_err want;
} ambiguous[] = {
#define CASE(side_, literal_, want_)                                                               \
	{                                                                                          \
		side_, literal_, sizeof(literal_) - 1, want_                                       \
	}
	CASE(REQUEST, "", TRAIL_OK), CASE(REQUEST, "\x08\x07", TRAIL_OK),
	CASE(REQUEST, "\x08\x07\x08\x07", TRAIL_INVALID), /* id twice */
	CASE(REQUEST, "\x0a\x01x", TRAIL_INVALID),        /* id as bytes */
	CASE(REQUEST, "\x08\x87\x00", TRAIL_INVALID),     /* not minimal */
	CASE(REQUEST, "\x32\x00", TRAIL_OK),              /* Get 0 */
	CASE(REQUEST, "\x32\x00\x32\x00", TRAIL_INVALID), /* body twice */
	CASE(REQUEST, "\x32\x00\x42\x00", TRAIL_INVALID), /* two bodies */
	CASE(REQUEST, "\x33\x34", TRAIL_INVALID),         /* a group */
	CASE(REQUEST, "\x30\x01", TRAIL_INVALID),         /* a body as varint */
	CASE(REQUEST, "\x32\x02\x08", TRAIL_INVALID),     /* cut */
	CASE(REQUEST, "\x4a\x00", TRAIL_INVALID),         /* Prove nothing */
	CASE(REQUEST, "\x4a\x02\x08\x00", TRAIL_OK),
	CASE(REQUEST, "\x4a\x04\x08\x00\x10\x01", TRAIL_INVALID), /* Prove both */
	CASE(REQUEST, "\x12\x06\x08\xff\xff\xff\xff\x0f", TRAIL_OK),
	CASE(REQUEST, "\x12\x06\x08\x80\x80\x80\x80\x10", TRAIL_INVALID), /* 2^32 as u32 */
	CASE(REQUEST,
		"\x1a\x07\x0a\x05"
		"ab\0cd",
		TRAIL_INVALID),                                   /* NUL in a string */
	CASE(REQUEST, "\x1a\x04\x0a\x02\xc3\x28", TRAIL_INVALID), /* bad UTF-8 */
	CASE(REQUEST, "\x1a\x02\x38\x01", TRAIL_OK),
	CASE(REQUEST, "\x1a\x02\x38\x02", TRAIL_INVALID), /* a bool of 2 */
	CASE(REQUEST, "\x1a\x04\x50\xc0\xcf\x24", TRAIL_OK),
	CASE(REQUEST, "\x1a\x04\x50\xc1\xcf\x24", TRAIL_INVALID), /* a wait of 600,001 ms */
	CASE(RESPONSE, "\x12\x02\x08\x01", TRAIL_OK),
	CASE(RESPONSE, "\x12\x00", TRAIL_INVALID),         /* code 0 */
	CASE(RESPONSE, "\x12\x02\x08\x0b", TRAIL_INVALID), /* code 11 */
	CASE(RESPONSE, "\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", TRAIL_INVALID),
	CASE(RESPONSE, "\x22\x26\x0a\x24" RUN_MIN, TRAIL_OK),
	CASE(RESPONSE, "\x22\x29\x0a\x27" RUN_MIN "\x42\x01\x05", TRAIL_OK),
	CASE(RESPONSE, "\x22\x28\x0a\x26" RUN_MIN "\x40\x05", TRAIL_INVALID), /* unpacked */
	CASE(RESPONSE, "\x22\x28\x0a\x26" RUN_MIN "\x42\x00", TRAIL_INVALID), /* empty */
	CASE(RESPONSE, "\x22\x2a\x0a\x28" RUN_MIN "\x42\x02\x05\x05", TRAIL_INVALID),
	CASE(RESPONSE, "\x22\x2a\x0a\x28" RUN_MIN "\x42\x02\x85\x00", TRAIL_INVALID),
	CASE(RESPONSE, "\x22\x2e\x0a\x2c" RUN_MIN "\x42\x06\x80\x80\x80\x80\x80\x01",
		TRAIL_INVALID),
	CASE(RESPONSE, "\x22\x24\x0a\x22\x3a\x20" HASH32, TRAIL_INVALID), /* count 0 */
	CASE(RESPONSE,
		"\x22\x25\x0a\x23\x10\x01\x3a\x1f"
		"0123456789abcdef0123456789abcde",
		TRAIL_INVALID),                                    /* prev of 31 bytes */
	CASE(RESPONSE, "\x22\x04\x0a\x02\x10\x01", TRAIL_INVALID), /* no prev */
	CASE(RESPONSE, "\x62\x02\x0a\x00", TRAIL_INVALID),         /* a row without record */
#undef CASE
};

static void test_what_a_parser_could_read_two_ways_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ambiguous); i++) {
		enum trail_err err =
			decode_as(ambiguous[i].side, span_of(ambiguous[i].bytes, ambiguous[i].len));
		if (err != ambiguous[i].want)
			print_error("case %zu\n", i);
		assert_int_equal(err, ambiguous[i].want);
	}
}

static enum trail_err decode_run(struct run *run)
{
	const struct response r = {
		.kind = RESPONSE_APPENDED,
		.appended = { .runs = run, .run_count = 1 },
	};
	struct buf b = { 0 };
	response_encode(&r, &b);
	enum trail_err err = decode_as(RESPONSE, buf_view(&b));
	buf_release(&b);
	return err;
}

static void test_a_run_holds_as_much_as_its_count_says(void **state)
{
	(void)state;
	uint8_t filler[3 * RECORD_LEN] = { 0 };
	struct run good = { .count = 2 };
	assert_int_equal(decode_run(&good), TRAIL_OK);
	for (size_t n = 0; n <= 3; n++) {
		struct run run = good;
		enum trail_err want = n == 0 || n == 2 ? TRAIL_OK : TRAIL_INVALID;
		run.salts = span_of(filler, n * SALT_LEN);
		assert_int_equal(decode_run(&run), want);
		run = good;
		run.records = span_of(filler, n * RECORD_LEN);
		assert_int_equal(decode_run(&run), want);
	}
	struct run run = good;
	run.salts = span_of(filler, 2 * SALT_LEN - 1);
	assert_int_equal(decode_run(&run), TRAIL_INVALID);
	run = good;
	run.count = APPEND_EVENTS_MAX;
	assert_int_equal(decode_run(&run), TRAIL_OK);
	run.count = APPEND_EVENTS_MAX + 1;
	assert_int_equal(decode_run(&run), TRAIL_INVALID);
}

/* `count` times the field `number` with `bytes`, inside the body `kind`. */
static struct buf body_of(uint32_t kind, uint32_t number, struct span bytes, size_t count)
{
	struct buf b = { 0 };
	struct wire_mark body = wire_open(&b, kind);
	for (size_t i = 0; i < count; i++)
		wire_put_item(&b, number, bytes);
	wire_close(&b, body);
	return b;
}

static void test_repeated_fields_have_their_most(void **state)
{
	static const struct {
		enum side side;
		uint32_t kind;
		uint32_t number;
		const char *bytes;
		size_t most;
		enum trail_err above;
	} cases[] = {
		{ REQUEST, REQUEST_APPEND, 6, "", APPEND_EVENTS_MAX, TRAIL_TOO_BIG },
		{ REQUEST, REQUEST_APPEND, 6, "event", APPEND_EVENTS_MAX, TRAIL_TOO_BIG },
		{ REQUEST, REQUEST_HELLO, 3, "", CLAIMS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_HELLO, 4, HASH32, TREE_PATH_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_HELLO, 5, "", CLAIMS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_PROOF, 1, HASH32, TREE_PATH_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_APPENDED, 1, RUN_MIN, APPEND_EVENTS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_ROWS, 1, ITEM_MIN, ROWS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_ROWS, 2, ITEM_MIN, ROWS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_SOURCES, 1, STATE_MIN, ROWS_MAX, TRAIL_INVALID },
		{ RESPONSE, RESPONSE_INDEX_CHECK, 9, "\x08\x01", DIFFERENCES_MAX, TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span bytes = span_text(cases[i].bytes);
		struct buf most = body_of(cases[i].kind, cases[i].number, bytes, cases[i].most);
		struct buf above =
			body_of(cases[i].kind, cases[i].number, bytes, cases[i].most + 1);
		assert_int_equal(decode_as(cases[i].side, buf_view(&most)), TRAIL_OK);
		assert_int_equal(decode_as(cases[i].side, buf_view(&above)), cases[i].above);
		buf_release(&most);
		buf_release(&above);
	}
}

static void test_differences_are_of_a_known_kind_and_a_short_field(void **state)
{
	static const struct {
		unsigned what;
		const char *field;
		enum trail_err want;
	} cases[] = {
		{ DIFFERENCE_DROPPED, "", TRAIL_OK },
		{ DIFFERENCE_UNJUDGED, "0123456789abcdef", TRAIL_OK },
		{ DIFFERENCE_UNJUDGED, "0123456789abcdefg", TRAIL_INVALID },
		{ 0, "", TRAIL_INVALID },
		{ DIFFERENCE_UNJUDGED + 1, "", TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct index_difference d = {
			.what = (enum difference_what)cases[i].what,
			.field = span_text(cases[i].field),
		};
		const struct response r = {
			.kind = RESPONSE_INDEX_CHECK,
			.index_check = { .differences = &d, .difference_count = 1 },
		};
		struct buf b = { 0 };
		response_encode(&r, &b);
		assert_int_equal(decode_as(RESPONSE, buf_view(&b)), cases[i].want);
		buf_release(&b);
	}
}

static void test_hashes_are_32_bytes(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 33; len++) {
		struct buf b = body_of(RESPONSE_PROOF, 1, span_of(HASH32 "x", len), 1);
		struct buf leaf = body_of(RESPONSE_PROOF, 3, span_of(HASH32 "x", len), 1);
		assert_int_equal(decode_as(RESPONSE, buf_view(&b)),
			len == HASH_LEN ? TRAIL_OK : TRAIL_INVALID);
		assert_int_equal(decode_as(RESPONSE, buf_view(&leaf)),
			len == HASH_LEN || len == 0 ? TRAIL_OK : TRAIL_INVALID);
		buf_release(&b);
		buf_release(&leaf);
	}
}

static void test_items_have_a_record_and_whole_hashes(void **state)
{
	static const struct {
		size_t record, salt, path;
		enum trail_err want;
	} cases[] = {
		{ RECORD_LEN, 0, 0, TRAIL_OK },
		{ RECORD_LEN, SALT_LEN, TREE_PATH_MAX, TRAIL_OK },
		{ RECORD_LEN, SALT_LEN - 1, 0, TRAIL_INVALID },
		{ RECORD_LEN, SALT_LEN + 1, 0, TRAIL_INVALID },
		{ RECORD_LEN - 1, 0, 0, TRAIL_INVALID },
		{ RECORD_LEN + 1, 0, 0, TRAIL_INVALID },
		{ 0, 0, 0, TRAIL_INVALID },
		{ RECORD_LEN, 0, TREE_PATH_MAX + 1, TRAIL_INVALID },
	};
	static const uint8_t filler[RECORD_LEN + 1];
	static const struct hash path[TREE_PATH_MAX + 1];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct evidence_item item = {
			.record = span_of(filler, cases[i].record),
			.salt = span_of(filler, cases[i].salt),
			.path = path,
			.path_count = cases[i].path,
		};
		const struct source_state source = { .entry = item };
		struct response r = {
			.kind = RESPONSE_ROWS,
			.rows = { .rows = &item, .row_count = 1, .named = &item, .named_count = 1 },
		};
		struct buf b = { 0 };
		response_encode(&r, &b);
		assert_int_equal(decode_as(RESPONSE, buf_view(&b)), cases[i].want);
		buf_clear(&b);
		r = (struct response){
			.kind = RESPONSE_SOURCES,
			.sources = { .states = &source, .count = 1 },
		};
		response_encode(&r, &b);
		assert_int_equal(decode_as(RESPONSE, buf_view(&b)), cases[i].want);
		buf_release(&b);
	}
}

static void test_a_page_holds_whole_records_and_not_too_many(void **state)
{
	(void)state;
	size_t most = (size_t)RECORD_PAGE_MAX * RECORD_LEN;
	uint8_t *filler = calloc(1, most + RECORD_LEN);
	assert_non_null(filler);
	const size_t lens[] = { 0, RECORD_LEN - 1, RECORD_LEN, RECORD_LEN + 1, most,
		most + RECORD_LEN };
	for (size_t i = 0; i < COUNT(lens); i++) {
		struct buf b = body_of(RESPONSE_RECORDS, 2, span_of(filler, lens[i]), 1);
		bool fits = lens[i] % RECORD_LEN == 0 && lens[i] <= most;
		assert_int_equal(
			decode_as(RESPONSE, buf_view(&b)), fits ? TRAIL_OK : TRAIL_INVALID);
		buf_release(&b);
	}
	free(filler);
}

static void test_control_payloads_with_bad_lengths_or_codes_are_refused(void **state)
{
	(void)state;
	struct arena arena = arena_new(8192);
	struct daemon_entry entry;
	struct peer_name peer;
	struct genesis genesis;
	struct span name;
	assert_int_equal(daemon_entry_decode(span_text(""), &arena, &entry), TRAIL_INVALID);
	assert_int_equal(daemon_entry_decode(span_text("\x08\x08"), &arena, &entry), TRAIL_INVALID);
	assert_int_equal(
		daemon_entry_decode(span_text("\x08\x04\x38\x03"), &arena, &entry), TRAIL_INVALID);
	assert_int_equal(peer_decode(span_text("\x08\x03"), &arena, &peer), TRAIL_INVALID);
	assert_int_equal(source_decode(span_of("\x0a\x03"
					       "a\0b",
					       5),
				 &arena, &name),
		TRAIL_INVALID);
	assert_int_equal(genesis_decode(span_text(""), &arena, &genesis), TRAIL_INVALID);
	assert_int_equal(genesis_decode(span_text("\x22\x20" HASH32 "\x3a\x1f"
						  "0123456789abcdef0123456789abcde"),
				 &arena, &genesis),
		TRAIL_INVALID);
	assert_int_equal(
		genesis_decode(span_text("\x22\x20" HASH32 "\x3a\x20" HASH32), &arena, &genesis),
		TRAIL_OK);
	arena_free(&arena);
}

static void test_an_unknown_body_decodes_to_none_with_its_id(void **state)
{
	(void)state;
	struct arena arena = arena_new(4096);
	struct request request;
	struct response response;
	static const char bytes[] = "\x08\x2a\xfa\x01\x03"
				    "new"; /* id 42, field 31 */
	struct span in = span_of(bytes, sizeof bytes - 1);
	assert_int_equal(request_decode(in, &arena, &request), TRAIL_OK);
	assert_true(request.kind == REQUEST_NONE && request.id == 42);
	assert_int_equal(response_decode(in, &arena, &response), TRAIL_OK);
	assert_true(response.kind == RESPONSE_NONE && response.id == 42);
	arena_free(&arena);
}

static void test_sixteen_unknown_fields_are_passed_over_and_no_more(void **state)
{
	(void)state;
	struct buf b = { 0 };
	wire_put_number(&b, 1, 9);
	struct wire_mark get = wire_open(&b, REQUEST_GET);
	for (uint32_t i = 0; i < 8; i++)
		wire_put_item(&b, 900 + i, span_text("from a later version"));
	wire_close(&b, get);
	for (uint32_t i = 0; i < 8; i++)
		wire_put_number(&b, 900 + i, 1);
	assert_int_equal(decode_as(REQUEST, buf_view(&b)), TRAIL_OK);
	wire_put_number(&b, 900, 1);
	assert_int_equal(decode_as(REQUEST, buf_view(&b)), TRAIL_INVALID);
	buf_release(&b);
}

static void test_the_id_is_found_in_what_does_not_decode(void **state)
{
	(void)state;
	assert_true(request_id(span_text("\x08\x2a\x33")) == 42);
	assert_true(request_id(span_text("\x32\x02\x08\x01\x08\x2a")) == 42);
	assert_true(request_id(span_text("\x33\x08\x2a")) == 0);
	assert_true(request_id(span_text("")) == 0);
}

/* ---- the arena ---- */

static void decode_all(struct span in, struct arena *arena, enum trail_err out[8])
{
	union {
		struct request request;
		struct response response;
		struct event_value event;
		struct genesis genesis;
		struct span name;
		struct peer_name peer;
		struct daemon_entry entry;
	} v;
	size_t n = 0;
	arena_reset(arena);
	out[n++] = request_decode(in, arena, &v.request);
	arena_reset(arena);
	out[n++] = response_decode(in, arena, &v.response);
	arena_reset(arena);
	out[n++] = event_decode(in, arena, &v.event);
	arena_reset(arena);
	out[n++] = genesis_decode(in, arena, &v.genesis);
	arena_reset(arena);
	out[n++] = source_decode(in, arena, &v.name);
	arena_reset(arena);
	out[n++] = peer_decode(in, arena, &v.peer);
	arena_reset(arena);
	out[n++] = daemon_entry_decode(in, arena, &v.entry);
	out[n] = TRAIL_OK;
}

/* With codec_arena_need bytes no decode function runs out, whatever the bytes are. */
static void assert_need_suffices(struct span in)
{
	enum {
		AMPLE = 8 << 20
	};
	static uint8_t ample[AMPLE];
	size_t need = codec_arena_need(in);
	struct arena tight = arena_new(need);
	struct arena wide = { .data = ample, .cap = AMPLE };
	enum trail_err with_need[8], with_ample[8];
	assert_true(need <= AMPLE);
	decode_all(in, &tight, with_need);
	decode_all(in, &wide, with_ample);
	for (size_t i = 0; i < COUNT(with_need); i++)
		assert_int_equal(with_need[i], with_ample[i]);
	arena_free(&tight);
}

static void test_need_suffices_for_every_golden_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(REQUESTS) + COUNT(RESPONSES); i++) {
		struct buf b = i < COUNT(REQUESTS)
			? wire_vector("request", REQUESTS[i])
			: wire_vector("response", RESPONSES[i - COUNT(REQUESTS)]);
		assert_need_suffices(buf_view(&b));
		assert_true(codec_arena_need(buf_view(&b)) > 0);
		buf_release(&b);
	}
}

/* Every count around which protobuf-c takes a further slab of its scratch. */
static void test_need_suffices_for_messages_of_many_small_parts(void **state)
{
	static const struct {
		uint32_t kind;
		uint32_t number;
		const char *bytes;
		size_t most;
	} shapes[] = {
		{ REQUEST_APPEND, 6, "", APPEND_EVENTS_MAX },
		{ REQUEST_APPEND, 6, "x", APPEND_EVENTS_MAX },
		{ REQUEST_APPEND, 6, "0123456789abcdef0", APPEND_EVENTS_MAX },
		{ REQUEST_HELLO, 3, "", CLAIMS_MAX },
		{ REQUEST_HELLO, 3,
			"\x0a\x01"
			"s",
			CLAIMS_MAX },
		{ REQUEST_HELLO, 3,
			"\x0a\x10"
			"0123456789abcdef",
			CLAIMS_MAX },
		{ RESPONSE_HELLO, 5, "", CLAIMS_MAX },
		{ RESPONSE_HELLO, 4, HASH32, TREE_PATH_MAX },
		{ RESPONSE_APPENDED, 1, RUN_MIN, APPEND_EVENTS_MAX },
		{ RESPONSE_APPENDED, 1, RUN_MIN "\x42\x01\x05\x4a\x01\x05\x5a\x20" HASH32,
			APPEND_EVENTS_MAX },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		for (size_t n = 0; n <= shapes[i].most; n += n < 70 ? 1 : 31) {
			struct buf b = body_of(
				shapes[i].kind, shapes[i].number, span_text(shapes[i].bytes), n);
			assert_need_suffices(buf_view(&b));
			buf_release(&b);
		}
	}
}

/* Strings just as long as the arena's alignment: each NUL behind one takes a place of its own. */
static void test_need_suffices_for_strings_that_fill_their_place(void **state)
{
	(void)state;
	const struct span text = span_text("0123456789abcdef");
	struct event_value event = { .time_ns = 1, .action = ACTION_READ, .verb = text };
	event.reason = text;
	event.actor.id = text;
	event.actor.name = text;
	event.actor.role = text;
	event.object.id = text;
	event.object.type = text;
	event.subject = text;
	event.raw = text;
	struct buf b = { 0 };
	event_encode(&event, &b);
	assert_need_suffices(buf_view(&b));
	buf_release(&b);
}

static void test_need_suffices_for_damaged_messages(void **state)
{
	enum {
		ROUNDS = 1500
	};
	(void)state;
	uint64_t seed = 11;
	for (size_t i = 0; i < COUNT(REQUESTS) + COUNT(RESPONSES); i++) {
		struct buf b = i < COUNT(REQUESTS)
			? wire_vector("request", REQUESTS[i])
			: wire_vector("response", RESPONSES[i - COUNT(REQUESTS)]);
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint8_t raw[2048];
			memcpy(raw, b.data, b.len);
			for (uint64_t n = 1 + random_below(&seed, 3); n > 0; n--)
				raw[random_below(&seed, b.len)] ^=
					(uint8_t)(1 << random_below(&seed, 8));
			assert_need_suffices(span_of(raw, b.len));
		}
		buf_release(&b);
	}
}

/* A frame of nothing but tiny fields costs its sender as much as the daemon. */
static void test_hostile_frames_need_no_more_memory_than_they_are_long(void **state)
{
	static const struct {
		const char *unit;
		size_t len;
	} units[] = {
		{ "\x08\x01", 2 },
		{ "\x12\x00", 2 },
		{ "\x1a\x00", 2 },
		{ "\x78\x01", 2 },
		{ "\x7a\x00", 2 },
		{ "\x22\x02\x0a\x00", 4 },
		{ "\x1a\x02\x32\x00", 4 },
		{ "\x6a\x00", 2 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		struct buf b = { 0 };
		while (b.len + units[i].len <= FRAME_BODY_MAX)
			buf_put(&b, units[i].unit, units[i].len);
		assert_int_equal(codec_arena_need(buf_view(&b)), 0);
		buf_release(&b);
	}
	/* All in one body, which another kind of message may pass over as one unknown field. */
	struct buf events = body_of(REQUEST_APPEND, 6, span_text(""), 500000);
	assert_true(codec_arena_need(buf_view(&events)) < events.len + 1024);
	buf_release(&events);
	struct buf runs = body_of(RESPONSE_APPENDED, 1, span_text(""), 500000);
	assert_true(codec_arena_need(buf_view(&runs)) < runs.len + 1024);
	buf_release(&runs);
}

static void test_the_largest_append_needs_little_more_than_itself(void **state)
{
	(void)state;
	uint8_t filler[1040] = { 0 };
	struct buf b =
		body_of(REQUEST_APPEND, 6, span_of(filler, sizeof filler), APPEND_EVENTS_MAX);
	assert_true(b.len <= FRAME_BODY_MAX);
	assert_true(codec_arena_need(buf_view(&b)) < b.len + b.len / 10);
	assert_int_equal(decode_as(REQUEST, buf_view(&b)), TRAIL_OK);
	buf_release(&b);
}

/* Every arena that is too small is told as such, never taken for bad bytes or for enough. */
static void test_a_small_arena_is_too_big_and_never_invalid(void **state)
{
	(void)state;
	static const char *const names[] = { "hello", "append" };
	for (size_t i = 0; i < COUNT(names); i++) {
		struct buf b = wire_vector("request", names[i]);
		size_t need = codec_arena_need(buf_view(&b));
		bool enough = false;
		for (size_t cap = 0; cap <= need; cap++) {
			struct arena arena = arena_new(cap);
			struct request request = { .id = 77 };
			enum trail_err err = request_decode(buf_view(&b), &arena, &request);
			assert_true(err == TRAIL_OK || (!enough && err == TRAIL_TOO_BIG));
			assert_true(err == TRAIL_OK || request.id == 77);
			enough = err == TRAIL_OK;
			arena_free(&arena);
		}
		assert_true(enough);
		buf_release(&b);
	}
}

static void test_an_arena_grows_to_what_a_response_needs(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (size_t i = 0; i < COUNT(RESPONSES); i++) {
		struct buf b = wire_vector("response", RESPONSES[i]);
		size_t need = codec_arena_need(buf_view(&b));
		struct response response = { .id = 77 };
		size_t before = arena.cap;
		if (need > before) {
			assert_int_equal(
				response_decode_grow(buf_view(&b), &arena, need - 1, &response),
				TRAIL_TOO_BIG);
			assert_int_equal(arena.cap, before);
			assert_int_equal(response.id, 77);
		}
		assert_int_equal(
			response_decode_grow(buf_view(&b), &arena, need, &response), TRAIL_OK);
		assert_int_equal(arena.cap, need > before ? need : before);
		/* A part of it is no answer, and is not made room for. */
		assert_int_equal(response_decode_grow(
					 span_of(b.data, b.len - 1), &arena, SIZE_MAX, &response),
			TRAIL_INVALID);
		buf_release(&b);
	}
	assert_true(arena.cap > 0);
	free(arena.data);
}

static void test_a_message_longer_than_a_frame_is_refused(void **state)
{
	(void)state;
	size_t len = FRAME_BODY_MAX + 1;
	uint8_t *raw = calloc(1, len);
	assert_non_null(raw);
	struct buf b = { 0 };
	wire_put_item(&b, 40, span_of(raw, FRAME_BODY_MAX - 6));
	assert_int_equal(b.len, FRAME_BODY_MAX - 1);
	assert_int_equal(decode_as(REQUEST, buf_view(&b)), TRAIL_OK);
	buf_clear(&b);
	wire_put_item(&b, 40, span_of(raw, FRAME_BODY_MAX - 4));
	assert_int_equal(b.len, FRAME_BODY_MAX + 1);
	assert_int_equal(decode_as(REQUEST, buf_view(&b)), TRAIL_INVALID);
	buf_release(&b);
	free(raw);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_are_the_golden_ones),
		cmocka_unit_test(test_the_full_event_decodes_to_its_values),
		cmocka_unit_test(test_genesis_is_the_golden_one_both_ways),
		cmocka_unit_test(test_source_and_peer_are_the_golden_ones_both_ways),
		cmocka_unit_test(test_daemon_entries_are_the_golden_ones_both_ways),
		cmocka_unit_test(test_disk_entries_keep_their_numbers),
		cmocka_unit_test(test_the_golden_frame_is_an_append_of_two_events),
		cmocka_unit_test(test_every_request_survives_decode_and_encode),
		cmocka_unit_test(test_every_response_survives_decode_and_encode),
		cmocka_unit_test(test_requests_decode_to_their_values),
		cmocka_unit_test(test_requests_of_proofs_decode_to_their_values),
		cmocka_unit_test(test_answers_of_proofs_decode_to_their_values),
		cmocka_unit_test(test_index_checks_decode_to_their_values),
		cmocka_unit_test(test_differences_are_of_a_known_kind_and_a_short_field),
		cmocka_unit_test(test_seal_is_the_golden_one_both_ways),
		cmocka_unit_test(test_questions_decode_to_their_values),
		cmocka_unit_test(test_a_report_decodes_to_its_values),
		cmocka_unit_test(test_rows_decode_to_their_values),
		cmocka_unit_test(test_answers_to_append_decode_to_their_values),
		cmocka_unit_test(test_other_answers_decode_to_their_values),
		cmocka_unit_test(test_the_wire_codes_are_the_ten_of_trail_err),
		cmocka_unit_test(test_what_a_parser_could_read_two_ways_is_refused),
		cmocka_unit_test(test_a_run_holds_as_much_as_its_count_says),
		cmocka_unit_test(test_repeated_fields_have_their_most),
		cmocka_unit_test(test_hashes_are_32_bytes),
		cmocka_unit_test(test_items_have_a_record_and_whole_hashes),
		cmocka_unit_test(test_a_page_holds_whole_records_and_not_too_many),
		cmocka_unit_test(test_control_payloads_with_bad_lengths_or_codes_are_refused),
		cmocka_unit_test(test_an_unknown_body_decodes_to_none_with_its_id),
		cmocka_unit_test(test_sixteen_unknown_fields_are_passed_over_and_no_more),
		cmocka_unit_test(test_the_id_is_found_in_what_does_not_decode),
		cmocka_unit_test(test_need_suffices_for_every_golden_message),
		cmocka_unit_test(test_need_suffices_for_messages_of_many_small_parts),
		cmocka_unit_test(test_need_suffices_for_strings_that_fill_their_place),
		cmocka_unit_test(test_need_suffices_for_damaged_messages),
		cmocka_unit_test(test_hostile_frames_need_no_more_memory_than_they_are_long),
		cmocka_unit_test(test_the_largest_append_needs_little_more_than_itself),
		cmocka_unit_test(test_a_small_arena_is_too_big_and_never_invalid),
		cmocka_unit_test(test_figures_of_a_status_come_back_and_0_is_told_from_unknown),
		cmocka_unit_test(test_an_arena_grows_to_what_a_response_needs),
		cmocka_unit_test(test_a_message_longer_than_a_frame_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
