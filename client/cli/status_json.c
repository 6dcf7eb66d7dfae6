/* SPDX-License-Identifier: Apache-2.0 */
#include "status_json.h"

#include "output.h"
#include "status_fields.h"
#include "when.h"

#define SECOND_NS UINT64_C(1000000000)

static void put(json_t *to, const char *name, json_t *value)
{
	(void)json_object_set_new(to, name, value);
}

static json_t *json_count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *json_seconds(uint64_t ns)
{
	return json_real((double)ns / (double)SECOND_NS);
}

static json_t *json_field(const struct trail_status *s, const struct status_field *f)
{
	char when[WHEN_MAX];
	uint64_t value = trail_status_get(s, f->number);
	switch (f->unit) {
	case UNIT_FLAG:
		return json_boolean(value != 0);
	case UNIT_SECONDS:
		return json_seconds(value);
	case UNIT_TIME:
		when_utc((int64_t)value, when);
		return json_string(when);
	case UNIT_COUNT:
		break;
	}
	return json_count(value);
}

static void put_refused(json_t *to, const struct trail_status *s)
{
	json_t *refused = json_object();
	if (!trail_status_known(s, STATUS_REFUSAL[0].number)) {
		json_decref(refused);
		return;
	}
	for (size_t i = 0; i < STATUS_REFUSALS; i++)
		put(refused, STATUS_REFUSAL[i].code,
			json_count(trail_status_get(s, STATUS_REFUSAL[i].number)));
	put(to, "refused", refused);
}

static void put_times(json_t *to, const struct trail_status *s, const struct status_histogram *h)
{
	size_t count = trail_status_buckets(s, h->times);
	uint64_t total = 0;
	if (count == 0)
		return;
	json_t *times = json_object();
	json_t *buckets = json_array();
	for (size_t i = 0; i < count; i++) {
		uint64_t upto;
		uint64_t here = trail_status_bucket(s, h->times, i, &upto);
		json_t *bucket = json_object();
		put(bucket, "upto_seconds", upto == UINT64_MAX ? json_null() : json_seconds(upto));
		put(bucket, "count", json_count(here));
		(void)json_array_append_new(buckets, bucket);
		total += here;
	}
	put(times, "count", json_count(total));
	put(times, "sum_seconds", json_seconds(trail_status_sum(s, h->times)));
	put(times, "buckets", buckets);
	put(to, h->json, times);
}

static void put_witnesses(json_t *to, const struct trail_status *s)
{
	static const char *const STATES[] = { "silent", "cosigns", "away", "lies", "fork" };
	char when[WHEN_MAX];
	json_t *list = json_array();
	for (size_t i = 0; i < trail_status_witnesses(s); i++) {
		const uint64_t time = trail_status_witness_time(s, i);
		json_t *one = json_object();
		when_utc((int64_t)time, when);
		put(one, "name", json_text(trail_status_witness_name(s, i)));
		put(one, "state", json_string(STATES[trail_status_witness_state(s, i)]));
		put(one, "size", time ? json_count(trail_status_witness_size(s, i)) : json_null());
		put(one, "cosigned", time ? json_string(when) : json_null());
		(void)json_array_append_new(list, one);
	}
	put(to, "witness_states", list);
}

static void put_attention(json_t *to, const struct trouble all[HEALTH_KINDS])
{
	json_t *list = json_array();
	for (size_t i = 0; i < HEALTH_KINDS; i++) {
		if (!all[i].now)
			continue;
		json_t *one = json_object();
		put(one, "what", json_string(all[i].what));
		put(one, "sentence", json_string(all[i].sentence));
		(void)json_array_append_new(list, one);
	}
	put(to, "attention", list);
}

void print_status_json(
	const struct cli *cli, const struct trail_status *s, const struct trouble all[HEALTH_KINDS])
{
	json_t *to = json_object();
	put(to, "schema", json_integer(STATUS_SCHEMA));
	put(to, "origin", json_text(trail_origin(cli->trail)));
	put(to, "version", json_text(trail_status_version(s)));
	put(to, "identity", json_string(cli_trust(cli)));
	put(to, "checkpoint", json_count(trail_size(cli->trail)));
	put_attention(to, all);
	for (size_t i = 0; i < STATUS_FIELDS; i++)
		if (trail_status_known(s, STATUS_FIELD[i].number))
			put(to, STATUS_FIELD[i].json, json_field(s, &STATUS_FIELD[i]));
	if (trail_status_known(s, TRAIL_STATUS_WITNESSES))
		put_witnesses(to, s);
	put_refused(to, s);
	for (size_t i = 0; i < TRAIL_TIMES_COUNT; i++)
		put_times(to, s, &STATUS_HISTOGRAM[i]);
	print_json(to);
}
