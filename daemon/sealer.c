/* SPDX-License-Identifier: Apache-2.0 */
#include "sealer.h"

#include "../proto/codec.h"
#include "clock.h"

#include <stdio.h>

enum {
	ARENA_LEN = 16 << 10, /* more than a payload of a SEAL needs */
	FEW_PARTS = 10,       /* fewer seals than one part in so many are left: said aloud */
};

_Static_assert(SEAL_TEXT_MAX + SIGN_PUBLIC_LEN + SEAL_HEIGHT_MAX * HASH_LEN + SIGN_LEN +
			SEAL_COSIGNED_MAX + 5 * 4 <=
		SEAL_PAYLOAD_MAX,
	"the longest SEAL");

static enum trail_err say(
	struct log_reason *reason, enum trail_err err, enum log_id id, const char *sentence)
{
	reason->id = id;
	(void)snprintf(reason->why, sizeof reason->why, "%s", sentence);
	return err;
}

static enum trail_err unreadable(struct log_reason *reason, enum trail_err err)
{
	return err == TRAIL_CORRUPT
		? say(reason, err, LOG_STORE_DAMAGED,
			  "a SEAL of the store is not what its record says; run `traild check`")
		: say(reason, TRAIL_IO, LOG_STORE_FAILED, "the store cannot be read");
}

/* ---- opening ---- */

static enum trail_err count_one(struct sealer *s, struct db_txn *txn, uint64_t index)
{
	struct record record;
	const uint8_t *bytes = store_record(txn, index, NULL);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &record);
	if (record.kind != KIND_SEAL)
		return TRAIL_CORRUPT;
	s->count++;
	s->newest = index;
	s->newest_ns = record.received_ns;
	return TRAIL_OK;
}

static enum trail_err count_all(struct sealer *s, struct db_txn *txn)
{
	struct span key, value;
	struct control_row row;
	bool more = db_ceiling(txn, TABLE_CONTROL, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(txn, TABLE_CONTROL, &key, &value)) {
		if (key.len != KEY_INDEX_LEN || !control_row_decode(value, &row))
			return TRAIL_CORRUPT;
		enum trail_err err =
			row.kind == KIND_SEAL ? count_one(s, txn, load_be64(key.data)) : TRAIL_OK;
		if (err != TRAIL_OK)
			return err;
	}
	return db_error(txn);
}

static bool few(const struct sealer *s, uint64_t left)
{
	return left * FEW_PARTS < s->total;
}

static void warn_few(const struct sealer *s)
{
	uint64_t left = s->total - s->count;
	if (few(s, left))
		log_line(LOG_SEALS_FEW,
			"%llu of %llu seals are left: plan the successor of this log (traild "
			"--succeed)",
			(unsigned long long)left, (unsigned long long)s->total);
}

enum trail_err sealer_open(struct sealer *s, const struct signer_greeting *greeting,
	bool *unreported, struct log_reason *reason)
{
	struct db_txn *txn = db_begin(store_db(s->store), false);
	enum trail_err err = txn ? count_all(s, txn) : TRAIL_IO;
	db_abort(txn);
	if (err != TRAIL_OK)
		return unreadable(reason, err);
	s->total = UINT64_C(1) << greeting->seal_height;
	*unreported = s->count == greeting->seal_epoch + UINT64_C(1);
	if (*unreported || s->count == greeting->seal_epoch) {
		warn_few(s);
		return TRAIL_OK;
	}
	reason->id = LOG_SEALS_CONTRADICT;
	(void)snprintf(reason->why, sizeof reason->why,
		"the log holds %llu SEALs, but its signer made %lu: %s",
		(unsigned long long)s->count, (unsigned long)greeting->seal_epoch,
		s->count < greeting->seal_epoch
			? "SEALs were taken out of the store, or it is not the one that they were "
			  "made for; run `traild check`, restore the missing records from a "
			  "mirror, or begin a successor log (traild --succeed)"
			: "an older seeds file was put beside the signer's key, so that keys that "
			  "were erased are there again; bring back the newest, or begin a "
			  "successor log (traild --succeed)");
	return TRAIL_CORRUPT;
}

/* ---- sealing ---- */

/* Not now: later, or never again. */
static enum trail_err put_off(
	struct sealer *s, enum trail_err err, uint64_t wait_ns, const struct log_reason *reason)
{
	uint64_t now = clock_now().boot_ns;
	s->due_ns = UINT64_MAX;
	if (err == TRAIL_MORE && wait_ns < UINT64_MAX - now)
		s->due_ns = now + wait_ns;
	if (err == TRAIL_END)
		log_line(LOG_SEALS_USED_UP, "%s", reason->why);
	return TRAIL_MORE;
}

enum trail_err sealer_ask(struct sealer *s, uint64_t size, uint64_t time_ns, struct span cosigned,
	struct buf *payload, struct log_reason *reason)
{
	struct seal seal;
	uint64_t wait_ns = 0;
	enum trail_err err =
		signer_link_seal(s->signer, size, time_ns, &seal, &wait_ns, reason->why);
	if (err == TRAIL_MORE || err == TRAIL_END)
		return put_off(s, err, wait_ns, reason);
	reason->id = err == TRAIL_CORRUPT ? LOG_SIGNER_REFUSED : LOG_SIGNER_FAILED;
	if (err != TRAIL_OK)
		return err;
	seal.cosigned = cosigned.len <= SEAL_COSIGNED_MAX ? cosigned : span_of(NULL, 0);
	seal_encode(&seal, payload);
	return payload->failed ? say(reason, TRAIL_NOMEM, LOG_SYSTEM_FAILED, "memory is out")
			       : TRAIL_OK;
}

void sealer_committed(struct sealer *s, uint64_t index, uint64_t time_ns)
{
	s->count++;
	s->newest = index;
	s->newest_ns = time_ns;
	s->due_ns = clock_now().boot_ns + s->epoch_ns;
	if (!few(s, s->total - s->count + 1))
		warn_few(s); /* once */
}

static enum trail_err report(
	struct sealer *s, struct db_txn *txn, uint64_t size, struct log_reason *reason)
{
	uint8_t room[ARENA_LEN];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct tree_proof inclusion;
	struct span salt, payload;
	struct seal seal;
	uint32_t epoch;
	const uint8_t *record = store_record(txn, s->newest, NULL);
	enum trail_err err = record ? TRAIL_OK : TRAIL_CORRUPT;
	if (err == TRAIL_OK)
		err = store_control(txn, s->newest, KIND_SEAL, &salt, &payload);
	if (err == TRAIL_OK && seal_decode(payload, &arena, &seal) != TRAIL_OK)
		err = TRAIL_CORRUPT;
	if (err == TRAIL_OK)
		err = tree_inclusion(s->newest, size, store_node, txn, &inclusion);
	if (err != TRAIL_OK)
		return unreadable(reason, err);
	struct signer_proof proof = {
		.record = record,
		.salt = salt.data,
		.cosigned = seal.cosigned,
		.inclusion = &inclusion,
	};
	err = signer_link_sealed(s->signer, &proof, &epoch, reason->why);
	reason->id = err == TRAIL_CORRUPT ? LOG_SIGNER_REFUSED : LOG_SIGNER_FAILED;
	return err;
}

enum trail_err sealer_report(struct sealer *s, uint64_t size, struct log_reason *reason)
{
	struct db_txn *txn = db_begin(store_db(s->store), false);
	if (!txn)
		return unreadable(reason, TRAIL_IO);
	enum trail_err err = report(s, txn, size, reason);
	db_abort(txn);
	return err;
}
