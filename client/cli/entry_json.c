/* SPDX-License-Identifier: Apache-2.0 */
#include "entry_json.h"

#include "entry_words.h"
#include "fields.h"
#include "when.h"

static void put(json_t *to, const char *name, json_t *value)
{
	(void)json_object_set_new(to, name, value);
}

static json_t *proof_json(const struct trail_entry *n)
{
	size_t len;
	const uint8_t *payload = trail_entry_payload(n, &len);
	json_t *to = json_object();
	put(to, "verified", json_true());
	put(to, "checkpoint", json_integer((json_int_t)trail_entry_size(n)));
	put(to, "leaf", json_base64(trail_entry_leaf(n), TRAIL_HASH_LEN));
	put(to, "record", json_base64(trail_entry_record(n), TRAIL_RECORD_LEN));
	put(to, "salt", json_base64(trail_entry_salt(n), TRAIL_SALT_LEN));
	put(to, "payload", json_base64(payload, len));
	return to;
}

json_t *entry_json(const struct trail_entry *n, bool proof)
{
	char text[WHEN_MAX];
	json_t *to = json_object();
	put(to, "index", json_integer((json_int_t)trail_entry_index(n)));
	put(to, "kind", json_string(entry_kind_text(n)));
	when_utc((int64_t)trail_entry_received(n), text);
	put(to, "received", json_string(text));
	put(to, "source", json_text(trail_entry_source_name(n)));
	put(to, "peer", json_text(trail_entry_peer_name(n)));
	/* 64 bits do not fit a JSON number of most readers; imports use the highest one. */
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)trail_entry_epoch(n));
	put(to, "epoch", json_string(text));
	put(to, "seq", json_integer((json_int_t)trail_entry_seq(n)));
	put(to, "class", json_integer(trail_entry_class(n)));
	put(to, "flags", json_integer(trail_entry_flags(n)));
	if (trail_entry_event(n))
		event_to_json(trail_entry_event(n), to);
	if (proof)
		put(to, "proof", proof_json(n));
	return to;
}
