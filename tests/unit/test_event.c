/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/event.h"

#include "../../proto/codec.h"
#include "../../proto/wire.h"

#include "../support/guard.h"
#include "../support/random.h"
#include "../support/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))
/* A literal's bytes, NUL and all. */
#define BYTES(literal_)                                                                            \
	{                                                                                          \
		(const uint8_t *)(literal_), sizeof(literal_) - 1                                  \
	}

static const int64_t TIME_NS = INT64_C(1767949200123456789);

/* An event that is valid as it stands. */
static struct event_value plain(void)
{
	struct event_value event = { .time_ns = TIME_NS, .action = ACTION_READ };
	event.actor.id = span_text("anv05999");
	event.object.id = span_text("/lifecare/journal/000041");
	return event;
}

static enum trail_err walk_span(
	struct span event, struct event_facts *facts, struct event_fault *fault)
{
	struct span copy = guard_copy(event);
	enum trail_err err = event_walk(copy, facts, fault);
	guard_free(copy);
	return err;
}

/* `event` is refused for `field`, with a sentence that holds `why`. */
static void assert_refused(struct span event, const char *field, const char *why)
{
	struct event_facts facts;
	struct event_fault fault = { 0 };
	assert_int_equal(walk_span(event, &facts, &fault), TRAIL_INVALID);
	assert_string_equal(fault.field, field);
	assert_non_null(strstr(fault.why, why));
}

static void assert_value_refused(
	const struct event_value *event, const char *field, const char *why)
{
	struct buf b = { 0 };
	event_encode(event, &b);
	assert_refused(buf_view(&b), field, why);
	buf_release(&b);
}

static void assert_value_accepted(const struct event_value *event)
{
	struct buf b = { 0 };
	struct event_facts facts;
	struct event_fault fault = { 0 };
	event_encode(event, &b);
	enum trail_err err = walk_span(buf_view(&b), &facts, &fault);
	if (err)
		print_error("%s %s\n", fault.field, fault.why);
	assert_int_equal(err, TRAIL_OK);
	buf_release(&b);
}

static void test_golden_events_are_accepted_and_their_facts_found(void **state)
{
	(void)state;
	struct event_facts facts;
	struct event_fault fault;
	struct buf minimal = vector_load("event-minimal");
	assert_int_equal(event_walk(buf_view(&minimal), &facts, &fault), TRAIL_OK);
	assert_true(facts.time_ns == TIME_NS);
	assert_int_equal(facts.action, ACTION_READ);
	assert_int_equal(facts.outcome, 0);
	assert_true(span_equal(facts.actor_id, span_text("anv05999")));
	assert_true(span_equal(facts.object_id, span_text("/lifecare/journal/000041")));
	assert_int_equal(facts.object_type.len, 0);
	assert_int_equal(facts.subject.len, 0);
	struct buf full = vector_load("event-full");
	assert_int_equal(event_walk(buf_view(&full), &facts, &fault), TRAIL_OK);
	assert_int_equal(facts.action, ACTION_MODIFY);
	assert_int_equal(facts.outcome, 2);
	assert_true(span_equal(facts.object_type, span_text("journal")));
	assert_true(span_equal(facts.subject, span_text("p-000042")));
	assert_int_equal(facts.id.len, 16);
	assert_true(span_equal(facts.verb, span_text("save")));
	assert_true(span_equal(facts.unit, span_text("enhet-019")));
	assert_true(span_equal(facts.purpose, span_text("arende:2026-00041")));
	assert_true(span_equal(facts.host, span_text("pc-0042")));
	assert_true(span_equal(facts.correlation, span_text("req-77")));
	assert_int_equal(facts.medium, 1);
	buf_release(&minimal);
	buf_release(&full);
}

static void test_the_four_required_fields_are_required(void **state)
{
	(void)state;
	assert_refused((struct span){ 0 }, "time_ns", "required");
	struct event_value event = plain();
	event.time_ns = 0;
	assert_value_refused(&event, "time_ns", "required");
	event = plain();
	event.action = 0;
	assert_value_refused(&event, "action", "required");
	event = plain();
	event.actor.id = (struct span){ 0 };
	assert_value_refused(&event, "actor.id", "required");
	event.actor.name = span_text("no id");
	assert_value_refused(&event, "actor.id", "required");
	event = plain();
	event.object.id = (struct span){ 0 };
	assert_value_refused(&event, "object.id", "required");
	event = plain();
	assert_value_accepted(&event);
}

static void test_time_may_be_before_1970_in_ten_bytes(void **state)
{
	(void)state;
	static const int64_t times[] = { 1, -1, INT64_MIN, INT64_MAX };
	for (size_t i = 0; i < COUNT(times); i++) {
		struct event_value event = plain();
		event.time_ns = times[i];
		struct buf b = { 0 };
		event_encode(&event, &b);
		struct event_facts facts;
		struct event_fault fault;
		assert_int_equal(walk_span(buf_view(&b), &facts, &fault), TRAIL_OK);
		assert_true(facts.time_ns == times[i]);
		buf_release(&b);
	}
}

enum {
	TEXT_FIELDS = 25
};

/* Where each string of an event lies, its name, and what it may hold. */
struct text_field {
	struct span *at;
	const char *name;
	size_t max;
	bool free_text;
};

static size_t text_fields(struct event_value *e, struct change *c, struct attribute *a,
	struct text_field out[TEXT_FIELDS])
{
	const struct text_field all[] = {
		{ &e->verb, "verb", EVENT_TEXT_MAX, false },
		{ &e->reason, "reason", EVENT_TEXT_MAX, true },
		{ &e->actor.id, "actor.id", EVENT_ID_MAX, false },
		{ &e->actor.name, "actor.name", EVENT_TEXT_MAX, false },
		{ &e->actor.role, "actor.role", EVENT_TEXT_MAX, false },
		{ &e->actor.unit, "actor.unit", EVENT_TEXT_MAX, false },
		{ &e->actor.session, "actor.session", EVENT_ID_MAX, false },
		{ &e->actor.address, "actor.address", EVENT_TEXT_MAX, false },
		{ &e->actor.on_behalf_of, "actor.on_behalf_of", EVENT_ID_MAX, false },
		{ &e->object.id, "object.id", EVENT_ID_MAX, false },
		{ &e->object.type, "object.type", EVENT_TEXT_MAX, false },
		{ &e->object.name, "object.name", EVENT_TEXT_MAX, false },
		{ &e->object.version, "object.version", EVENT_TEXT_MAX, false },
		{ &e->subject, "subject", EVENT_ID_MAX, false },
		{ &e->purpose, "purpose", EVENT_ID_MAX, false },
		{ &e->origin.host, "origin.host", EVENT_TEXT_MAX, false },
		{ &e->origin.application, "origin.application", EVENT_TEXT_MAX, false },
		{ &e->origin.process, "origin.process", EVENT_TEXT_MAX, false },
		{ &e->origin.address, "origin.address", EVENT_TEXT_MAX, false },
		{ &c->field, "changes[1].field", EVENT_TEXT_MAX, false },
		{ &c->old_value, "changes[1].old", EVENT_TEXT_MAX, true },
		{ &c->new_value, "changes[1].new", EVENT_TEXT_MAX, true },
		{ &e->correlation, "correlation", EVENT_ID_MAX, false },
		{ &a->key, "attributes[1].key", EVENT_TEXT_MAX, false },
		{ &a->value, "attributes[1].value", EVENT_TEXT_MAX, true },
	};
	_Static_assert(COUNT(all) == TEXT_FIELDS, "every string field of the schema");
	memcpy(out, all, sizeof all);
	return COUNT(all);
}

static void test_each_string_holds_what_its_kind_allows(void **state)
{
	static const struct {
		struct span text;
		const char *why_name; /* NULL: accepted */
		const char *why_free;
	} cases[] = {
		{ BYTES("\xc3\x85tg\xc3\xa4rd 3"), NULL, NULL },
		{ BYTES("a\nb"), "control", NULL },
		{ BYTES("tab\there"), "control", NULL },
		{ BYTES("a\xe2\x80\xae"
			"b"),
			"control", NULL },
		{ BYTES("ab\0cd"), "NUL", "NUL" },
		{ BYTES("ab\xff"), "UTF-8", "UTF-8" },
		{ BYTES("\xed\xa0\x80"), "UTF-8", "UTF-8" },
	};
	(void)state;
	struct event_value event = plain();
	struct change changes[2] = { 0 };
	struct attribute attributes[2] = { 0 };
	event.changes = changes;
	event.change_count = 2;
	event.attributes = attributes;
	event.attribute_count = 2;
	struct text_field fields[TEXT_FIELDS];
	size_t count = text_fields(&event, &changes[1], &attributes[1], fields);
	for (size_t i = 0; i < count; i++) {
		struct span before = *fields[i].at;
		for (size_t j = 0; j < COUNT(cases); j++) {
			const char *why =
				fields[i].free_text ? cases[j].why_free : cases[j].why_name;
			*fields[i].at = cases[j].text;
			if (why)
				assert_value_refused(&event, fields[i].name, why);
			else
				assert_value_accepted(&event);
		}
		*fields[i].at = before;
	}
}

static void test_each_string_has_its_longest_length(void **state)
{
	(void)state;
	uint8_t filler[EVENT_TEXT_MAX + 1];
	memset(filler, 'x', sizeof filler);
	struct event_value event = plain();
	struct change changes[2] = { 0 };
	struct attribute attributes[2] = { 0 };
	event.changes = changes;
	event.change_count = 2;
	event.attributes = attributes;
	event.attribute_count = 2;
	struct text_field fields[TEXT_FIELDS];
	size_t count = text_fields(&event, &changes[1], &attributes[1], fields);
	for (size_t i = 0; i < count; i++) {
		struct span before = *fields[i].at;
		*fields[i].at = span_of(filler, fields[i].max);
		assert_value_accepted(&event);
		*fields[i].at = span_of(filler, fields[i].max + 1);
		assert_value_refused(&event, fields[i].name, "longer");
		*fields[i].at = before;
	}
}

static void test_enums_hold_known_values_only(void **state)
{
	(void)state;
	struct event_value event = plain();
	struct {
		uint32_t *at;
		const char *name;
		uint32_t highest;
	} fields[] = {
		{ &event.action, "action", 5 },
		{ &event.outcome, "outcome", 3 },
		{ &event.actor.type, "actor.type", 4 },
		{ &event.medium, "medium", 2 },
	};
	for (size_t i = 0; i < COUNT(fields); i++) {
		uint32_t before = *fields[i].at;
		for (uint32_t value = 1; value <= fields[i].highest; value++) {
			*fields[i].at = value;
			assert_value_accepted(&event);
		}
		*fields[i].at = fields[i].highest + 1;
		assert_value_refused(&event, fields[i].name, "not known");
		*fields[i].at = UINT32_MAX;
		assert_value_refused(&event, fields[i].name, "not known");
		*fields[i].at = before;
	}
}

static void test_id_is_16_bytes_and_raw_at_most_16_kib(void **state)
{
	(void)state;
	uint8_t filler[EVENT_RAW_MAX + 1];
	memset(filler, 0xff, sizeof filler);
	filler[0] = 0;
	struct event_value event = plain();
	for (size_t len = 1; len < 40; len++) {
		event.id = span_of(filler, len);
		if (len == 16)
			assert_value_accepted(&event);
		else
			assert_value_refused(&event, "id", "16 bytes");
	}
	event = plain();
	event.raw = span_of(filler, EVENT_RAW_MAX);
	assert_value_accepted(&event);
	event.raw = span_of(filler, EVENT_RAW_MAX + 1);
	assert_value_refused(&event, "raw", "longer");
}

static void test_64_changes_and_attributes_are_the_most(void **state)
{
	(void)state;
	struct change changes[EVENT_REPEAT_MAX + 1] = { 0 };
	struct attribute attributes[EVENT_REPEAT_MAX + 1] = { 0 };
	struct event_value event = plain();
	event.changes = changes;
	event.attributes = attributes;
	event.change_count = EVENT_REPEAT_MAX;
	event.attribute_count = EVENT_REPEAT_MAX;
	assert_value_accepted(&event);
	event.change_count = EVENT_REPEAT_MAX + 1;
	assert_value_refused(&event, "changes[64]", "more than 64");
	event.change_count = 0;
	event.attribute_count = EVENT_REPEAT_MAX + 1;
	assert_value_refused(&event, "attributes[64]", "more than 64");
}

static void test_an_event_of_32_kib_is_the_longest(void **state)
{
	(void)state;
	uint8_t filler[EVENT_TEXT_MAX];
	memset(filler, 'x', sizeof filler);
	struct event_value event = plain();
	struct change changes[8];
	for (size_t i = 0; i < COUNT(changes); i++)
		changes[i] = (struct change){ .old_value = span_of(filler, EVENT_TEXT_MAX) };
	event.changes = changes;
	event.change_count = COUNT(changes);
	struct buf b = { 0 };
	event_encode(&event, &b);
	size_t over = b.len - EVENT_LEN_MAX;
	buf_release(&b);
	changes[0].old_value.len -= over;
	b = (struct buf){ 0 };
	event_encode(&event, &b);
	struct event_facts facts;
	struct event_fault fault;
	assert_int_equal(b.len, EVENT_LEN_MAX);
	assert_int_equal(walk_span(buf_view(&b), &facts, &fault), TRAIL_OK);
	buf_put_u8(&b, 0);
	assert_int_equal(walk_span(buf_view(&b), &facts, &fault), TRAIL_TOO_BIG);
	assert_string_equal(fault.field, "");
	assert_non_null(strstr(fault.why, "longer"));
	buf_release(&b);
}

/* Parts of events, written by hand: what event_encode never writes. */
#define TIME   "\x10\x01"
#define ACTION "\x18\x02"
#define ACTOR                                                                                      \
	"\x3a\x03\x0a\x01"                                                                         \
	"a"
#define OBJECT                                                                                     \
	"\x42\x03\x0a\x01"                                                                         \
	"o"

static const struct {
	struct span in;
	const char *field;
	const char *why;
} second_encodings[] = {
	{ BYTES(TIME TIME ACTION ACTOR OBJECT), "time_ns", "twice" },
	{ BYTES(ACTION TIME ACTOR OBJECT), "time_ns", "order" },
	{ BYTES(TIME ACTION OBJECT ACTOR), "actor", "order" },
	{ BYTES(TIME ACTION ACTOR ACTOR OBJECT), "actor", "twice" },
	{ BYTES("\x10\x00" ACTION ACTOR OBJECT), "time_ns", "default" },
	{ BYTES("\x10\x81\x00" ACTION ACTOR OBJECT), "", "minimal" },
	{ BYTES(TIME "\x18\x00" ACTOR OBJECT), "action", "default" },
	{ BYTES("\x0a\x00" TIME ACTION ACTOR OBJECT), "id", "empty" },
	{ BYTES(TIME ACTION "\x22\x00" ACTOR OBJECT), "verb", "empty" },
	{ BYTES(TIME ACTION "\x28\x00" ACTOR OBJECT), "outcome", "default" },
	{ BYTES(TIME ACTION "\x3a\x00" OBJECT), "actor", "empty" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x62\x00"), "origin", "empty" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x82\x01\x00"), "raw", "empty" },
	{ BYTES(TIME ACTION "\x3a\x05\x0a\x01"
			    "a\x10\x00" OBJECT),
		"actor.type", "default" },
	{ BYTES(TIME ACTION "\x3a\x06\x0a\x01"
			    "a\x0a\x01"
			    "b" OBJECT),
		"actor.id", "twice" },
	{ BYTES(TIME ACTION "\x3a\x06\x1a\x01"
			    "n\x0a\x01"
			    "a" OBJECT),
		"actor.id", "order" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x7a\x02\x12\x00"), "attributes[0].value", "empty" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x6a\x00\x7a\x00\x6a\x00"), "changes[0]", "order" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x88\x01\x01"), "#17", "not known" },
	{ BYTES(TIME ACTION "\x3a\x05\x0a\x01"
			    "a\x48\x01" OBJECT),
		"actor.#9", "not known" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x6a\x00\x6a\x02\x20\x01"), "changes[1].#4",
		"not known" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\xf8\xff\xff\xff\x0f\x01"), "#536870911", "not known" },
	{ BYTES("\x12\x01"
		"x" ACTION ACTOR OBJECT),
		"time_ns", "wire type" },
	{ BYTES(TIME ACTION "\x38\x01" OBJECT), "actor", "wire type" },
	{ BYTES(TIME ACTION "\x25\x01\x01\x01\x01" ACTOR OBJECT), "verb", "wire type" },
	{ BYTES("\x11\x01\x01\x01\x01\x01\x01\x01\x01" ACTION ACTOR OBJECT), "time_ns",
		"wire type" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x62"), "", "well-formed" },
	{ BYTES(TIME ACTION ACTOR OBJECT "\x62\x01"), "", "well-formed" },
	{ BYTES(TIME ACTION "\x3a\x04\x0a\x01"
			    "a\x10" OBJECT),
		"actor", "well-formed" },
	{ BYTES(TIME ACTION "\x3b\x3c" OBJECT), "", "well-formed" },
};

static void test_every_second_encoding_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(second_encodings); i++)
		assert_refused(
			second_encodings[i].in, second_encodings[i].field, second_encodings[i].why);
	static const struct span good = BYTES(TIME ACTION ACTOR OBJECT "\x6a\x00\x6a\x00\x7a\x00");
	struct event_facts facts;
	struct event_fault fault;
	assert_int_equal(walk_span(good, &facts, &fault), TRAIL_OK);
}

/* Cut anywhere, the full event is refused, unless the cut falls behind a whole top-level field. */
static void test_a_cut_event_is_never_taken_for_another_by_accident(void **state)
{
	(void)state;
	struct buf full = vector_load("event-full");
	size_t accepted = 0;
	for (size_t len = 0; len < full.len; len++) {
		struct event_facts facts;
		struct event_fault fault;
		enum trail_err err = walk_span(span_of(full.data, len), &facts, &fault);
		accepted += err == TRAIL_OK;
		assert_true(err == TRAIL_OK || err == TRAIL_INVALID);
	}
	/* Behind object, subject, purpose, medium, origin, 2 changes, correlation, 2 attributes. */
	assert_int_equal(accepted, 10);
	buf_release(&full);
}

/* One event, one encoding: what the walk accepts is byte for byte what encoding its value gives. */
static void test_what_is_accepted_is_the_one_encoding_of_its_value(void **state)
{
	enum {
		ROUNDS = 60000,
		ARENA = 64 * 1024
	};
	(void)state;
	struct buf full = vector_load("event-full");
	uint8_t *memory = malloc(ARENA);
	assert_non_null(memory);
	uint64_t seed = 7;
	unsigned accepted = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t raw[1024];
		memcpy(raw, full.data, full.len);
		for (uint64_t n = 1 + random_below(&seed, 2); n > 0; n--)
			raw[random_below(&seed, full.len)] = (uint8_t)random_next(&seed);
		struct span event = span_of(raw, full.len);
		struct event_facts facts;
		struct event_fault fault;
		if (event_walk(event, &facts, &fault) != TRAIL_OK)
			continue;
		accepted++;
		struct arena arena = { .data = memory, .cap = codec_arena_need(event) };
		struct event_value value;
		struct buf back = { 0 };
		assert_true(arena.cap <= ARENA);
		assert_int_equal(event_decode(event, &arena, &value), TRAIL_OK);
		event_encode(&value, &back);
		assert_true(span_equal(buf_view(&back), event));
		buf_release(&back);
	}
	assert_true(accepted > ROUNDS / 20);
	free(memory);
	buf_release(&full);
}

static void test_source_names_are_short_and_plain(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} cases[] = {
		{ "a", true },
		{ "lifecare", true },
		{ "0.a_b-c", true },
		{ "traild2", true },
		{ "", false },
		{ "traild", false },
		{ "Lifecare", false },
		{ "a b", false },
		{ "a/b", false },
		{ "\xc3\xa5", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123", true },
		{ "01234567890123456789012345678901234567890123456789012345678901234", false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(source_name_valid(span_text(cases[i].name)), cases[i].want);
	assert_false(source_name_valid(span_of("a\0b", 3)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_events_are_accepted_and_their_facts_found),
		cmocka_unit_test(test_the_four_required_fields_are_required),
		cmocka_unit_test(test_time_may_be_before_1970_in_ten_bytes),
		cmocka_unit_test(test_each_string_holds_what_its_kind_allows),
		cmocka_unit_test(test_each_string_has_its_longest_length),
		cmocka_unit_test(test_enums_hold_known_values_only),
		cmocka_unit_test(test_id_is_16_bytes_and_raw_at_most_16_kib),
		cmocka_unit_test(test_64_changes_and_attributes_are_the_most),
		cmocka_unit_test(test_an_event_of_32_kib_is_the_longest),
		cmocka_unit_test(test_every_second_encoding_is_refused),
		cmocka_unit_test(test_a_cut_event_is_never_taken_for_another_by_accident),
		cmocka_unit_test(test_what_is_accepted_is_the_one_encoding_of_its_value),
		cmocka_unit_test(test_source_names_are_short_and_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
