/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_event.h"

#include "../proto/codec.h"
#include "deadline.h"

#include <stdio.h>
#include <stdlib.h>

struct trail_event *trail_event_new(void)
{
	struct trail_event *e = calloc(1, sizeof *e);
	return e;
}

void trail_event_free(struct trail_event *e)
{
	if (!e)
		return;
	buf_release(&e->pool);
	buf_release(&e->encoded);
	free(e);
}

void trail_event_clear(struct trail_event *e)
{
	if (!e)
		return;
	struct buf pool = e->pool;
	struct buf encoded = e->encoded;
	buf_clear(&pool);
	buf_clear(&encoded);
	*e = (struct trail_event){ .pool = pool, .encoded = encoded };
}

static void complain(struct trail_event *e, const char *field, const char *why)
{
	if (e->early)
		return;
	e->early = why;
	e->early_field = field;
}

static struct piece piece_put(struct trail_event *e, struct span s)
{
	struct piece piece = { .at = e->pool.len, .len = s.len, .set = true };
	buf_put_span(&e->pool, s);
	buf_put_u8(&e->pool, 0);
	return piece;
}

static struct span piece_view(const struct trail_event *e, const struct piece *piece)
{
	if (!piece->set || e->pool.failed)
		return (struct span){ 0 };
	return span_of(e->pool.data + piece->at, piece->len);
}

static const char *piece_text(const struct trail_event *e, const struct piece *piece)
{
	return (const char *)piece_view(e, piece).data;
}

void trail_event_set(struct trail_event *e, enum trail_field field, const char *text)
{
	if (!e)
		return;
	if ((unsigned)field >= TRAIL_FIELD_COUNT)
		complain(e, "", "has a field that this library does not know");
	else if (!text)
		e->text[field].set = false;
	else
		e->text[field] = piece_put(e, span_text(text));
}

void trail_event_set_id(struct trail_event *e, const uint8_t id[TRAIL_ID_LEN])
{
	if (!e)
		return;
	if (!id) {
		complain(e, "id", "is NULL");
		return;
	}
	memcpy(e->id, id, sizeof e->id);
	e->has_id = true;
}

void trail_event_make_id(struct trail_event *e)
{
	if (!e)
		return;
	if (!crypto_init()) {
		complain(e, "id", "cannot be made: the crypto library does not start");
		return;
	}
	crypto_random(e->id, sizeof e->id);
	/* RFC 9562 section 5.4: version 4, variant 10. */
	e->id[6] = (uint8_t)((e->id[6] & 0x0f) | 0x40);
	e->id[8] = (uint8_t)((e->id[8] & 0x3f) | 0x80);
	e->has_id = true;
}

void trail_event_set_time(struct trail_event *e, int64_t time_ns)
{
	if (e)
		e->time_ns = time_ns;
}

void trail_event_set_now(struct trail_event *e)
{
	trail_event_set_time(e, clock_wall_ns());
}

static void set_word(
	struct trail_event *e, int *at, enum trail_word list, int number, const char *field)
{
	if (trail_word_name(list, number))
		*at = number;
	else
		complain(e, field, "has no such value");
}

void trail_event_set_action(struct trail_event *e, enum trail_action action)
{
	if (e)
		set_word(e, &e->action, TRAIL_WORD_ACTION, (int)action, "action");
}

void trail_event_set_outcome(struct trail_event *e, enum trail_outcome outcome)
{
	if (e)
		set_word(e, &e->outcome, TRAIL_WORD_OUTCOME, (int)outcome, "outcome");
}

void trail_event_set_medium(struct trail_event *e, enum trail_medium medium)
{
	if (e)
		set_word(e, &e->medium, TRAIL_WORD_MEDIUM, (int)medium, "medium");
}

void trail_event_set_actor_type(struct trail_event *e, enum trail_actor_type type)
{
	if (e)
		set_word(e, &e->actor_type, TRAIL_WORD_ACTOR_TYPE, (int)type, "actor.type");
}

static struct piece piece_of(struct trail_event *e, const char *text)
{
	return text ? piece_put(e, span_text(text)) : (struct piece){ 0 };
}

void trail_event_add_change(
	struct trail_event *e, const char *field, const char *old_value, const char *new_value)
{
	if (!e)
		return;
	if (e->change_count == EVENT_REPEAT_MAX) {
		complain(e, "changes", "has more than 64 entries");
		return;
	}
	struct piece *change = e->changes[e->change_count++];
	change[0] = piece_of(e, field);
	change[1] = piece_of(e, old_value);
	change[2] = piece_of(e, new_value);
}

void trail_event_add_attribute(struct trail_event *e, const char *key, const char *value)
{
	if (!e)
		return;
	if (e->attribute_count == EVENT_REPEAT_MAX) {
		complain(e, "attributes", "has more than 64 entries");
		return;
	}
	struct piece *attribute = e->attributes[e->attribute_count++];
	attribute[0] = piece_of(e, key);
	attribute[1] = piece_of(e, value);
}

void trail_event_set_raw(struct trail_event *e, const void *data, size_t len)
{
	if (!e)
		return;
	if (!data && len != 0)
		complain(e, "raw", "is NULL, but has a length");
	else if (len > EVENT_RAW_MAX)
		complain(e, "raw", "is longer than 16384 bytes");
	else
		e->raw = piece_put(e, span_of(data, len));
}

/* ---- to bytes and back ---- */

/* Where in a value each text field lies. */
static const size_t PLACES[TRAIL_FIELD_COUNT] = {
	[TRAIL_VERB] = offsetof(struct event_value, verb),
	[TRAIL_REASON] = offsetof(struct event_value, reason),
	[TRAIL_ACTOR_ID] = offsetof(struct event_value, actor.id),
	[TRAIL_ACTOR_NAME] = offsetof(struct event_value, actor.name),
	[TRAIL_ACTOR_ROLE] = offsetof(struct event_value, actor.role),
	[TRAIL_ACTOR_UNIT] = offsetof(struct event_value, actor.unit),
	[TRAIL_ACTOR_SESSION] = offsetof(struct event_value, actor.session),
	[TRAIL_ACTOR_ADDRESS] = offsetof(struct event_value, actor.address),
	[TRAIL_ACTOR_ON_BEHALF_OF] = offsetof(struct event_value, actor.on_behalf_of),
	[TRAIL_OBJECT_ID] = offsetof(struct event_value, object.id),
	[TRAIL_OBJECT_TYPE] = offsetof(struct event_value, object.type),
	[TRAIL_OBJECT_NAME] = offsetof(struct event_value, object.name),
	[TRAIL_OBJECT_VERSION] = offsetof(struct event_value, object.version),
	[TRAIL_SUBJECT] = offsetof(struct event_value, subject),
	[TRAIL_PURPOSE] = offsetof(struct event_value, purpose),
	[TRAIL_ORIGIN_HOST] = offsetof(struct event_value, origin.host),
	[TRAIL_ORIGIN_APPLICATION] = offsetof(struct event_value, origin.application),
	[TRAIL_ORIGIN_PROCESS] = offsetof(struct event_value, origin.process),
	[TRAIL_ORIGIN_ADDRESS] = offsetof(struct event_value, origin.address),
	[TRAIL_CORRELATION] = offsetof(struct event_value, correlation),
};

static struct span *value_field(struct event_value *v, enum trail_field field)
{
	return (struct span *)(void *)((char *)v + PLACES[field]);
}

static void encode(const struct trail_event *e, struct buf *out)
{
	struct change changes[EVENT_REPEAT_MAX];
	struct attribute attributes[EVENT_REPEAT_MAX];
	struct event_value v = {
		.id = e->has_id ? span_of(e->id, sizeof e->id) : (struct span){ 0 },
		.time_ns = e->time_ns,
		.action = (uint32_t)e->action,
		.outcome = (uint32_t)e->outcome,
		.medium = (uint32_t)e->medium,
		.actor.type = (uint32_t)e->actor_type,
		.changes = changes,
		.change_count = e->change_count,
		.attributes = attributes,
		.attribute_count = e->attribute_count,
		.raw = piece_view(e, &e->raw),
	};
	for (unsigned f = 0; f < TRAIL_FIELD_COUNT; f++)
		*value_field(&v, (enum trail_field)f) = piece_view(e, &e->text[f]);
	for (size_t i = 0; i < e->change_count; i++)
		changes[i] = (struct change){
			.field = piece_view(e, &e->changes[i][0]),
			.old_value = piece_view(e, &e->changes[i][1]),
			.new_value = piece_view(e, &e->changes[i][2]),
		};
	for (size_t i = 0; i < e->attribute_count; i++)
		attributes[i] = (struct attribute){
			.key = piece_view(e, &e->attributes[i][0]),
			.value = piece_view(e, &e->attributes[i][1]),
		};
	event_encode(&v, out);
}

static enum trail_err refuse(
	struct trail_event *e, enum trail_err err, const char *field, const char *why)
{
	(void)snprintf(e->fault.field, sizeof e->fault.field, "%s", field);
	e->fault.why = why;
	return err;
}

enum trail_err event_put(struct trail_event *e, struct buf *out)
{
	struct event_facts facts;
	size_t start = out->len;
	e->fault = (struct event_fault){ .why = "" };
	if (e->early)
		return refuse(e, TRAIL_INVALID, e->early_field, e->early);
	if (!e->pool.failed)
		encode(e, out);
	if (e->pool.failed || out->failed) {
		out->len = start;
		out->failed = false;
		return refuse(e, TRAIL_NOMEM, "", "does not fit into memory");
	}
	enum trail_err err =
		event_walk(span_of(out->data + start, out->len - start), &facts, &e->fault);
	if (err != TRAIL_OK)
		out->len = start;
	return err;
}

enum trail_err trail_event_check(struct trail_event *e)
{
	if (!e)
		return TRAIL_MISUSE;
	buf_clear(&e->encoded);
	return event_put(e, &e->encoded);
}

const char *trail_event_fault_field(const struct trail_event *e)
{
	return e ? e->fault.field : "";
}

const char *trail_event_fault_why(const struct trail_event *e)
{
	return e && e->fault.why ? e->fault.why : "";
}

/* Absent and empty are the same on the wire. */
static struct piece fill_piece(struct trail_event *e, struct span s)
{
	const struct piece none = { 0 };
	return s.len == 0 ? none : piece_put(e, s);
}

void event_fill(struct trail_event *e, const struct event_value *value)
{
	struct event_value v = *value;
	if (v.id.len == TRAIL_ID_LEN)
		trail_event_set_id(e, v.id.data);
	e->time_ns = v.time_ns;
	e->action = (int)v.action;
	e->outcome = (int)v.outcome;
	e->medium = (int)v.medium;
	e->actor_type = (int)v.actor.type;
	for (unsigned f = 0; f < TRAIL_FIELD_COUNT; f++)
		e->text[f] = fill_piece(e, *value_field(&v, (enum trail_field)f));
	e->raw = fill_piece(e, v.raw);
	for (; e->change_count < v.change_count && e->change_count < EVENT_REPEAT_MAX;
		e->change_count++) {
		const struct change *c = &v.changes[e->change_count];
		e->changes[e->change_count][0] = fill_piece(e, c->field);
		e->changes[e->change_count][1] = fill_piece(e, c->old_value);
		e->changes[e->change_count][2] = fill_piece(e, c->new_value);
	}
	for (; e->attribute_count < v.attribute_count && e->attribute_count < EVENT_REPEAT_MAX;
		e->attribute_count++) {
		const struct attribute *a = &v.attributes[e->attribute_count];
		e->attributes[e->attribute_count][0] = fill_piece(e, a->key);
		e->attributes[e->attribute_count][1] = fill_piece(e, a->value);
	}
}

/* ---- getters ---- */

const char *trail_event_get(const struct trail_event *e, enum trail_field field)
{
	if (!e || (unsigned)field >= TRAIL_FIELD_COUNT)
		return NULL;
	return piece_text(e, &e->text[field]);
}

const uint8_t *trail_event_id(const struct trail_event *e)
{
	return e && e->has_id ? e->id : NULL;
}

int64_t trail_event_time(const struct trail_event *e)
{
	return e ? e->time_ns : 0;
}

int trail_event_action(const struct trail_event *e)
{
	return e ? e->action : 0;
}

int trail_event_outcome(const struct trail_event *e)
{
	return e ? e->outcome : 0;
}

int trail_event_medium(const struct trail_event *e)
{
	return e ? e->medium : 0;
}

int trail_event_actor_type(const struct trail_event *e)
{
	return e ? e->actor_type : 0;
}

size_t trail_event_change_count(const struct trail_event *e)
{
	return e ? e->change_count : 0;
}

static const char *change_text(const struct trail_event *e, size_t i, unsigned part)
{
	return e && i < e->change_count ? piece_text(e, &e->changes[i][part]) : NULL;
}

const char *trail_event_change_field(const struct trail_event *e, size_t i)
{
	return change_text(e, i, 0);
}

const char *trail_event_change_old(const struct trail_event *e, size_t i)
{
	return change_text(e, i, 1);
}

const char *trail_event_change_new(const struct trail_event *e, size_t i)
{
	return change_text(e, i, 2);
}

size_t trail_event_attribute_count(const struct trail_event *e)
{
	return e ? e->attribute_count : 0;
}

static const char *attribute_text(const struct trail_event *e, size_t i, unsigned part)
{
	return e && i < e->attribute_count ? piece_text(e, &e->attributes[i][part]) : NULL;
}

const char *trail_event_attribute_key(const struct trail_event *e, size_t i)
{
	return attribute_text(e, i, 0);
}

const char *trail_event_attribute_value(const struct trail_event *e, size_t i)
{
	return attribute_text(e, i, 1);
}

const uint8_t *trail_event_raw(const struct trail_event *e, size_t *len)
{
	struct span raw = e ? piece_view(e, &e->raw) : (struct span){ 0 };
	if (len)
		*len = raw.len;
	return raw.data;
}
