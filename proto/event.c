/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include "wire.h"

#include <stdio.h>

enum {
	EVENT_UUID_LEN = 16,
	DEPTH_MAX = 3, /* FORMATS.md section 3; the schema needs two */
};

/* What a field may hold, up to its rule's `max`. */
enum sort {
	SORT_NONE = 0, /* no such field */
	SORT_NAME,     /* text_name of at most `max` bytes: ids and names */
	SORT_FREE,     /* text_utf8 of at most `max` bytes: line breaks and all */
	SORT_UUID,     /* `max` bytes, no fewer */
	SORT_RAW,      /* any bytes, at most `max` */
	SORT_TIME,     /* any int64 but 0 */
	SORT_ENUM,     /* 1..max */
	SORT_MESSAGE,
};

/* The few values that the daemon wants to know. */
enum fact {
	FACT_NONE = 0,
	FACT_TIME,
	FACT_ACTION,
	FACT_OUTCOME,
	FACT_ACTOR_ID,
	FACT_OBJECT_ID,
	FACT_OBJECT_TYPE,
	FACT_SUBJECT,
	FACT_ID,
	FACT_VERB,
	FACT_UNIT,
	FACT_PURPOSE,
	FACT_MEDIUM,
	FACT_HOST,
	FACT_CORRELATION,
	FACT_COUNT,
};

struct rule {
	const char *name;
	const struct shape *shape; /* SORT_MESSAGE */
	enum sort sort;
	enum fact fact;
	uint16_t max;
	bool repeated;
};

/* rules[number] for number 0..highest. */
struct shape {
	uint32_t highest;
	const struct rule *rules;
};

#define SHAPE(rules_)                                                                              \
	{                                                                                          \
		sizeof(rules_) / sizeof((rules_)[0]) - 1, rules_                                   \
	}

/*
 * The schema (DESIGN.md section 3; numbers: trail.proto). This table decides what is an id or a
 * name, and so what is shown on a line of its own, compared and searched for: those may not hold
 * control or bidi characters. Free text are the four places where a person or a program writes at
 * length: reason, the two values of a change, and the value of an attribute.
 */
static const struct rule ACTOR_RULES[] = {
	[1] = { .name = "id", .sort = SORT_NAME, .max = EVENT_ID_MAX, .fact = FACT_ACTOR_ID },
	[2] = { .name = "type", .sort = SORT_ENUM, .max = 4 },
	[3] = { .name = "name", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[4] = { .name = "role", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[5] = { .name = "unit", .sort = SORT_NAME, .max = EVENT_TEXT_MAX, .fact = FACT_UNIT },
	[6] = { .name = "session", .sort = SORT_NAME, .max = EVENT_ID_MAX },
	[7] = { .name = "address", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[8] = { .name = "on_behalf_of", .sort = SORT_NAME, .max = EVENT_ID_MAX },
};

static const struct rule OBJECT_RULES[] = {
	[1] = { .name = "id", .sort = SORT_NAME, .max = EVENT_ID_MAX, .fact = FACT_OBJECT_ID },
	[2] = { .name = "type",
		.sort = SORT_NAME,
		.max = EVENT_TEXT_MAX,
		.fact = FACT_OBJECT_TYPE },
	[3] = { .name = "name", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[4] = { .name = "version", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
};

static const struct rule ORIGIN_RULES[] = {
	[1] = { .name = "host", .sort = SORT_NAME, .max = EVENT_TEXT_MAX, .fact = FACT_HOST },
	[2] = { .name = "application", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[3] = { .name = "process", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[4] = { .name = "address", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
};

static const struct rule CHANGE_RULES[] = {
	[1] = { .name = "field", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[2] = { .name = "old", .sort = SORT_FREE, .max = EVENT_TEXT_MAX },
	[3] = { .name = "new", .sort = SORT_FREE, .max = EVENT_TEXT_MAX },
};

static const struct rule ATTRIBUTE_RULES[] = {
	[1] = { .name = "key", .sort = SORT_NAME, .max = EVENT_TEXT_MAX },
	[2] = { .name = "value", .sort = SORT_FREE, .max = EVENT_TEXT_MAX },
};

static const struct shape ACTOR = SHAPE(ACTOR_RULES);
static const struct shape OBJECT = SHAPE(OBJECT_RULES);
static const struct shape ORIGIN = SHAPE(ORIGIN_RULES);
static const struct shape CHANGE = SHAPE(CHANGE_RULES);
static const struct shape ATTRIBUTE = SHAPE(ATTRIBUTE_RULES);

static const struct rule EVENT_RULES[] = {
	[1] = { .name = "id", .sort = SORT_UUID, .max = EVENT_UUID_LEN, .fact = FACT_ID },
	[2] = { .name = "time_ns", .sort = SORT_TIME, .fact = FACT_TIME },
	[3] = { .name = "action", .sort = SORT_ENUM, .max = ACTION_EXECUTE, .fact = FACT_ACTION },
	[4] = { .name = "verb", .sort = SORT_NAME, .max = EVENT_TEXT_MAX, .fact = FACT_VERB },
	[5] = { .name = "outcome", .sort = SORT_ENUM, .max = 3, .fact = FACT_OUTCOME },
	[6] = { .name = "reason", .sort = SORT_FREE, .max = EVENT_TEXT_MAX },
	[7] = { .name = "actor", .sort = SORT_MESSAGE, .shape = &ACTOR },
	[8] = { .name = "object", .sort = SORT_MESSAGE, .shape = &OBJECT },
	[9] = { .name = "subject", .sort = SORT_NAME, .max = EVENT_ID_MAX, .fact = FACT_SUBJECT },
	[10] = { .name = "purpose", .sort = SORT_NAME, .max = EVENT_ID_MAX, .fact = FACT_PURPOSE },
	[11] = { .name = "medium", .sort = SORT_ENUM, .max = 2, .fact = FACT_MEDIUM },
	[12] = { .name = "origin", .sort = SORT_MESSAGE, .shape = &ORIGIN },
	[13] = { .name = "changes", .sort = SORT_MESSAGE, .shape = &CHANGE, .repeated = true },
	[14] = { .name = "correlation",
		.sort = SORT_NAME,
		.max = EVENT_ID_MAX,
		.fact = FACT_CORRELATION },
	[15] = { .name = "attributes",
		.sort = SORT_MESSAGE,
		.shape = &ATTRIBUTE,
		.repeated = true },
	[16] = { .name = "raw", .sort = SORT_RAW, .max = EVENT_RAW_MAX },
};

static const struct shape EVENT = SHAPE(EVENT_RULES);

_Static_assert(sizeof EVENT_RULES / sizeof EVENT_RULES[0] == EVENT_FIELD_HIGHEST + 1,
	"what Hello announces is what the table knows");

/* One message that the walk is inside of. */
struct level {
	const struct shape *shape;
	struct span rest;
	uint32_t number; /* of the field looked at last */
	unsigned nth;    /* of a repeated field: which element, from 0 */
};

struct walk {
	struct level levels[DEPTH_MAX];
	unsigned depth; /* index of the innermost level */
	struct wire_field found[FACT_COUNT];
};

static const char *judge_number(const struct rule *rule, uint64_t value)
{
	if (value == 0)
		return "is 0, the default: leave it out";
	if (rule->sort == SORT_ENUM && value > rule->max)
		return "has a value that is not known";
	return NULL;
}

static const char *too_long(size_t max)
{
	return max == EVENT_ID_MAX      ? "is longer than 1024 bytes"
		: max == EVENT_TEXT_MAX ? "is longer than 4096 bytes"
					: "is longer than 16384 bytes";
}

static const char *judge_bytes(const struct rule *rule, struct span bytes)
{
	/* An empty element of a repeated message is one; an empty singular field says nothing. */
	if (bytes.len == 0)
		return rule->repeated ? NULL : "is empty: leave it out";
	if (rule->sort == SORT_MESSAGE)
		return NULL;
	if (rule->sort == SORT_UUID)
		return bytes.len == rule->max ? NULL : "is not 16 bytes";
	if (bytes.len > rule->max)
		return too_long(rule->max);
	if (rule->sort == SORT_RAW)
		return NULL;
	if (!text_utf8(bytes))
		return memchr(bytes.data, 0, bytes.len) ? "holds a NUL" : "is not valid UTF-8";
	if (rule->sort == SORT_NAME && !text_name(bytes))
		return "holds a control or bidirectional formatting character";
	return NULL;
}

/* NULL when the value is as the rule wants it; else why not. */
static const char *judge_any(const struct rule *rule, const struct wire_field *field)
{
	if (rule->sort == SORT_NONE)
		return "is not known";
	bool number = rule->sort == SORT_TIME || rule->sort == SORT_ENUM;
	if (field->type != (number ? WIRE_VARINT : WIRE_BYTES))
		return "has the wrong wire type";
	return number ? judge_number(rule, field->value) : judge_bytes(rule, field->bytes);
}

/* judge_any, with a short way for what most fields of most events are. */
static inline const char *judge(const struct rule *rule, const struct wire_field *field)
{
	if (rule->sort == SORT_NAME && field->type == WIRE_BYTES && field->bytes.len > 0 &&
		field->bytes.len <= rule->max && text_name(field->bytes))
		return NULL;
	return judge_any(rule, field);
}

/* Fields ascend; only a repeated one may follow itself, EVENT_REPEAT_MAX times in all. */
static inline const char *judge_order(struct level *level, uint32_t number, bool repeated)
{
	if (number > level->number) {
		level->number = number;
		level->nth = 0;
		return NULL;
	}
	if (number < level->number) {
		level->number = number;
		level->nth = 0;
		return "is out of order: fields ascend";
	}
	if (!repeated)
		return "occurs twice";
	return ++level->nth < EVENT_REPEAT_MAX ? NULL : "occurs more than 64 times";
}

/* One field of the innermost level; NULL when it is as it must be. */
static inline const char *walk_field(struct walk *walk, const struct wire_field *field)
{
	struct level *level = &walk->levels[walk->depth];
	const struct shape *shape = level->shape;
	const struct rule *rule =
		&shape->rules[field->number <= shape->highest ? field->number : 0];
	const char *why = judge_order(level, field->number, rule->repeated);
	if (why)
		return why;
	why = judge(rule, field);
	if (why)
		return why;
	if (rule->fact != FACT_NONE)
		walk->found[rule->fact] = *field;
	if (rule->sort != SORT_MESSAGE)
		return NULL;
	if (++walk->depth == DEPTH_MAX) {
		walk->depth--;
		return "is nested too deep";
	}
	walk->levels[walk->depth] = (struct level){ .shape = rule->shape, .rest = field->bytes };
	return NULL;
}

/* Until the outermost level ends, or something is wrong. */
static const char *walk_all(struct walk *walk)
{
	for (;;) {
		struct wire_field field;
		enum trail_err err = wire_take(&walk->levels[walk->depth].rest, &field);
		if (err == TRAIL_OK) {
			const char *why = walk_field(walk, &field);
			if (why)
				return why;
			continue;
		}
		if (err != TRAIL_END) {
			/* The bytes behind the last field are no field: blame what holds them. */
			walk->levels[walk->depth].number = 0;
			return "is not well-formed protobuf, or has a varint that is not minimal";
		}
		if (walk->depth == 0)
			return NULL;
		walk->depth--;
	}
}

static size_t put_step(char *out, size_t room, const struct level *level)
{
	if (level->number == 0)
		return 0;
	const struct rule *rule =
		level->number <= level->shape->highest ? &level->shape->rules[level->number] : NULL;
	int len = 0;
	if (!rule || !rule->name)
		len = snprintf(out, room, "#%u", level->number);
	else if (rule->repeated)
		len = snprintf(out, room, "%s[%u]", rule->name, level->nth);
	else
		len = snprintf(out, room, "%s", rule->name);
	return len > 0 && (size_t)len < room ? (size_t)len : 0;
}

/* "changes[3].field": the names of the levels down to the field looked at last. */
static void name_fault(const struct walk *walk, struct event_fault *fault)
{
	size_t at = 0;
	for (unsigned i = 0; i <= walk->depth; i++) {
		size_t dot = i > 0 && walk->levels[i].number != 0;
		if (dot)
			fault->field[at] = '.';
		at += dot;
		at += put_step(fault->field + at, sizeof fault->field - at, &walk->levels[i]);
	}
	fault->field[at] = '\0';
}

static enum trail_err refuse(
	struct event_fault *fault, enum trail_err err, const char *field, const char *why)
{
	(void)snprintf(fault->field, sizeof fault->field, "%s", field);
	fault->why = why;
	return err;
}

enum trail_err event_walk(struct span event, struct event_facts *facts, struct event_fault *fault)
{
	if (event.len > EVENT_LEN_MAX)
		return refuse(fault, TRAIL_TOO_BIG, "", "is longer than 32768 bytes");
	struct walk walk;
	walk.levels[0] = (struct level){ .shape = &EVENT, .rest = event };
	walk.depth = 0;
	memset(walk.found, 0, sizeof walk.found);
	const char *why = walk_all(&walk);
	if (why) {
		name_fault(&walk, fault);
		fault->why = why;
		return TRAIL_INVALID;
	}
	/* None of the four can be present and empty or 0: the walk refused that. */
	const struct wire_field *found = walk.found;
	const char *missing = found[FACT_TIME].value == 0 ? "time_ns"
		: found[FACT_ACTION].value == 0           ? "action"
		: found[FACT_ACTOR_ID].bytes.len == 0     ? "actor.id"
		: found[FACT_OBJECT_ID].bytes.len == 0    ? "object.id"
							  : NULL;
	if (missing)
		return refuse(fault, TRAIL_INVALID, missing, "is required");
	*facts = (struct event_facts){
		.time_ns = (int64_t)found[FACT_TIME].value,
		.action = (uint32_t)found[FACT_ACTION].value,
		.outcome = (uint32_t)found[FACT_OUTCOME].value,
		.actor_id = found[FACT_ACTOR_ID].bytes,
		.object_id = found[FACT_OBJECT_ID].bytes,
		.object_type = found[FACT_OBJECT_TYPE].bytes,
		.subject = found[FACT_SUBJECT].bytes,
		.id = found[FACT_ID].bytes,
		.verb = found[FACT_VERB].bytes,
		.unit = found[FACT_UNIT].bytes,
		.purpose = found[FACT_PURPOSE].bytes,
		.medium = (uint32_t)found[FACT_MEDIUM].value,
		.host = found[FACT_HOST].bytes,
		.correlation = found[FACT_CORRELATION].bytes,
	};
	return TRAIL_OK;
}

bool source_name_valid(struct span name)
{
	enum {
		SOURCE_NAME_MAX = 64
	};
	if (name.len == 0 || name.len > SOURCE_NAME_MAX || span_equal(name, span_text("traild")))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		bool letter = c >= 'a' && c <= 'z';
		bool digit = c >= '0' && c <= '9';
		if (!letter && !digit && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}
