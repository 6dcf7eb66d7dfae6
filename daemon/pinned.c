/* SPDX-License-Identifier: Apache-2.0 */
#include "pinned.h"

#include "../proto/codec.h"

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

/* Record 0 and the payload that it commits to; `*payload` views the map. */
static enum trail_err read_entry(
	struct db_txn *txn, struct hash *leaf, struct span *payload, char why[WHY_LEN])
{
	static const char damaged[] =
		"the log's first record is damaged: restore the state folder, "
		"or begin a successor log";
	uint8_t key[KEY_INDEX_LEN];
	struct span value;
	struct control_row row;
	struct record record;
	struct hash commitment;
	const uint8_t *bytes = store_record(txn, 0, NULL);
	key_index(0, key);
	if (!bytes || !db_get(txn, TABLE_CONTROL, span_of(key, sizeof key), &value))
		return say(why, TRAIL_CORRUPT, damaged);
	record_decode(bytes, &record);
	if (!control_row_decode(value, &row) || row.kind != KIND_DAEMON || !row.salt)
		return say(why, TRAIL_CORRUPT, damaged);
	record_commitment(row.salt, row.payload, &commitment);
	if (record.kind != KIND_DAEMON || !hash_equal(&commitment, &record.commitment))
		return say(why, TRAIL_CORRUPT, damaged);
	record_leaf(bytes, leaf);
	*payload = row.payload;
	return TRAIL_OK;
}

static enum trail_err judge(const struct genesis *genesis, const struct signer_greeting *greeting,
	struct span origin, struct vkey *vkey, char why[WHY_LEN])
{
	if (genesis->format != 1)
		return say(why, TRAIL_CORRUPT,
			"the log's genesis has a format that this traild does not know");
	if (vkey_parse(genesis->vkey, vkey) || !span_equal(span_text(vkey->name), genesis->origin))
		return say(why, TRAIL_CORRUPT, "the log's genesis names no valid key");
	if (strcmp(vkey->name, greeting->vkey.name) != 0 || vkey->keyid != greeting->vkey.keyid ||
		memcmp(vkey->pub, greeting->vkey.pub, sizeof vkey->pub) != 0)
		return say(why, TRAIL_CORRUPT,
			"the signer's key is not this log's: store and signer "
			"folder belong to two logs; restore both from the same one");
	if (!hash_equal(&genesis->seal_root, &greeting->seal_root))
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

static enum trail_err read_identity(struct db_txn *txn, const struct signer_greeting *greeting,
	struct span origin, struct log_identity *identity, char why[WHY_LEN])
{
	struct span payload;
	struct genesis genesis;
	enum trail_err err = read_entry(txn, &identity->genesis, &payload, why);
	if (err)
		return err;
	size_t need = codec_arena_need(payload);
	struct arena arena = { .data = malloc(need), .cap = need };
	if (!arena.data)
		return say(why, TRAIL_NOMEM, "memory is out");
	if (genesis_decode(payload, &arena, &genesis))
		err = say(why, TRAIL_CORRUPT, "the log's genesis is malformed");
	else
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
	enum trail_err err = read_identity(txn, greeting, origin, identity, why);
	db_abort(txn);
	return err;
}
