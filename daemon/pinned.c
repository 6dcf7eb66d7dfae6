/* SPDX-License-Identifier: Apache-2.0 */
#include "pinned.h"

#include "../proto/codec.h"
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	WHY_LEN = 512
};

static enum trail_err say(char why[WHY_LEN], enum trail_err err, const char *text)
{
	(void)snprintf(why, WHY_LEN, "%s", text);
	return err;
}

/* Record 0 and the payload that it commits to, a control entry's; `*payload` views the map. */
static enum trail_err read_entry(struct store *store, struct db_txn *txn, struct hash *leaf,
	struct span *payload, char why[WHY_LEN])
{
	static const char damaged[] =
		"the log's first record is damaged: restore the state folder, "
		"or begin a successor log";
	struct sweep sweep;
	struct record record;
	struct span salt;
	sweep_begin(&sweep, store, txn, NULL); /* no chunk holds it */
	const uint8_t *bytes = sweep_record(&sweep, 0);
	if (!bytes)
		return say(why, TRAIL_CORRUPT, damaged);
	record_decode(bytes, &record);
	if (record.kind != KIND_DAEMON || sweep_payload(&sweep, 0, &record, &salt, payload))
		return say(why, TRAIL_CORRUPT, damaged);
	record_leaf(bytes, leaf);
	return TRAIL_OK;
}

/* `arena`'s memory is the caller's to free, whatever the answer. */
static enum trail_err decode(
	struct span payload, struct arena *arena, struct genesis *genesis, char why[WHY_LEN])
{
	size_t need = codec_arena_need(payload);
	*arena = (struct arena){ .data = malloc(need), .cap = need };
	if (!arena->data)
		return say(why, TRAIL_NOMEM, "memory is out");
	if (genesis_decode(payload, arena, genesis))
		return say(why, TRAIL_CORRUPT, "the log's genesis is malformed");
	return TRAIL_OK;
}

static enum trail_err judge(const struct genesis *genesis, const struct signer_greeting *greeting,
	struct span origin, struct vkey *vkey, char why[WHY_LEN])
{
	if (genesis->format != GENESIS_FORMAT)
		return say(why, TRAIL_CORRUPT,
			"the log's genesis has a format that this traild does not know");
	if (vkey_parse(genesis->vkey, vkey) || !span_equal(span_text(vkey->name), genesis->origin))
		return say(why, TRAIL_CORRUPT, "the log's genesis names no valid key");
	if (strcmp(vkey->name, greeting->vkey.name) != 0 || vkey->keyid != greeting->vkey.keyid ||
		memcmp(vkey->pub, greeting->vkey.pub, sizeof vkey->pub) != 0)
		return say(why, TRAIL_CORRUPT,
			"the signer's key is not this log's: store and signer "
			"folder belong to two logs; restore both from the same one");
	if (!hash_equal(&genesis->seal_root, &greeting->seal_root) ||
		genesis->seal_max_ns != greeting->seal_max_ns)
		return say(why, TRAIL_CORRUPT,
			"the signer's seal tree is not this log's: restore the "
			"signer folder");
	if (origin.len > 0 && !span_equal(origin, genesis->origin)) {
		(void)snprintf(why, WHY_LEN,
			"--origin %.*s: this log's origin is %s since its first "
			"start, and cannot be changed",
			(int)origin.len, (const char *)origin.data, vkey->name);
		return TRAIL_CORRUPT;
	}
	return TRAIL_OK;
}

static enum trail_err read_identity(struct store *store, struct db_txn *txn,
	const struct signer_greeting *greeting, struct span origin, struct log_identity *identity,
	char why[WHY_LEN])
{
	struct span payload;
	struct genesis genesis;
	enum trail_err err = read_entry(store, txn, &identity->genesis, &payload, why);
	if (err)
		return err;
	struct arena arena;
	err = decode(payload, &arena, &genesis, why);
	if (!err)
		err = judge(&genesis, greeting, origin, &identity->vkey, why);
	free(arena.data);
	return err;
}

enum trail_err pinned_read(struct store *store, const struct signer_greeting *greeting,
	struct span origin, struct log_identity *identity, char why[WHY_LEN])
{
	struct db_txn *txn = db_begin(store_db(store), false);
	if (!txn)
		return say(why, TRAIL_IO, "the store cannot be read");
	enum trail_err err = read_identity(store, txn, greeting, origin, identity, why);
	db_abort(txn);
	return err;
}

static enum trail_err read_seal_max(
	struct store *store, struct db_txn *txn, uint64_t *max_ns, char why[WHY_LEN])
{
	struct hash leaf;
	struct span payload;
	struct genesis genesis;
	struct arena arena;
	enum trail_err err = read_entry(store, txn, &leaf, &payload, why);
	if (err)
		return err;
	err = decode(payload, &arena, &genesis, why);
	if (!err)
		*max_ns = genesis.seal_max_ns;
	free(arena.data);
	return err;
}

enum trail_err pinned_seal_max(struct store *store, uint64_t *max_ns, char why[WHY_LEN])
{
	struct db_txn *txn = db_begin(store_db(store), false);
	if (!txn)
		return say(why, TRAIL_IO, "the store cannot be read");
	enum trail_err err = read_seal_max(store, txn, max_ns, why);
	db_abort(txn);
	return err;
}
