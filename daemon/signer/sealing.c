/* SPDX-License-Identifier: Apache-2.0 */
#include "sealing.h"

#include "../../proto/codec.h"
#include "../../proto/tree.h"

enum {
	DONE_FIXED = RECORD_LEN + SALT_LEN + 2, /* of SEALED, before what has a length */
};

/* ---- SEAL ---- */

static void answer_put(const struct seal *seal, unsigned height, struct buf *answer)
{
	buf_put_u8(answer, TALK_OK);
	buf_put_be16(answer, (uint16_t)seal->text.len);
	buf_put_span(answer, seal->text);
	buf_put_span(answer, seal->key);
	buf_put_u8(answer, (uint8_t)height);
	buf_put_span(answer, seal->path);
	buf_put_span(answer, seal->sig);
}

/* The text becomes what is pending, unless it is already; before anything is signed. */
static enum trail_err keep_text(struct kept *kept, const struct folder *folder,
	const struct seal_text *text, struct sentence *why)
{
	struct buf bytes = { 0 };
	seal_text_put(&bytes, text);
	enum trail_err e = bytes.failed || bytes.len > SEAL_TEXT_MAX
		? sentence_fail(why, "the text of the seal could not be made: memory is out")
		: TRAIL_OK;
	bool same = e == TRAIL_OK && span_equal(buf_view(&bytes), seals_pending(&kept->seals));
	/* The head first: whoever finds this text must find a head at or above it. */
	if (e == TRAIL_OK && !same)
		e = head_sync(&kept->head, folder, why);
	if (e == TRAIL_OK && !same)
		e = seals_pend(&kept->seals, folder, buf_view(&bytes), why);
	buf_release(&bytes);
	return e;
}

/* Of the signed head alone, while there is a key and it is time. */
static enum trail_err ask_judge(struct sealing *s, const struct seal_text *text)
{
	uint64_t head = s->kept->head.checkpoint.size;
	if (text->size == 0 || text->size != head)
		return sentence_refuse(s->why,
			"a seal is asked for at size %llu, but the signed head has size %llu: "
			"only that one is sealed",
			(unsigned long long)text->size, (unsigned long long)head);
	if (seals_used_up(&s->kept->seals)) {
		sentence_set(s->why,
			"all %lu seals of this log are used up: begin a successor log (traild "
			"--succeed)",
			(unsigned long)text->epoch);
		return TRAIL_END;
	}
	s->wait_ns = pace_wait_ns(s->pace, s->now.boot_ns);
	return s->wait_ns != 0 ? TRAIL_MORE : kept_pending_fits(s->kept, s->folder, s->why);
}

enum trail_err sealing_ask(struct sealing *s, struct span body, struct buf *answer)
{
	struct kept *kept = s->kept;
	struct seal seal;
	if (body.len != 16)
		return sentence_fail(s->why, "SEAL is malformed: size and time");
	struct seal_text text = { .epoch = seals_epoch(&kept->seals),
		.size = load_be64(body.data),
		.root = kept->head.checkpoint.root,
		.time_ns = load_be64(body.data + 8) };
	memcpy(text.origin, kept->key->vkey.name, sizeof text.origin);
	enum trail_err e = ask_judge(s, &text);
	if (e == TRAIL_OK)
		e = keep_text(kept, s->folder, &text, s->why);
	if (e == TRAIL_OK)
		e = seals_make(&kept->seals, s->folder, &seal, s->why);
	if (e == TRAIL_OK)
		answer_put(&seal, kept->seals.tree.height, answer);
	return e;
}

/* ---- SEALED ---- */

struct done {
	const uint8_t *record;
	const uint8_t *salt;
	struct span cosigned;
	struct tree_proof proof;
};

static bool done_parse(struct span body, struct done *q)
{
	if (body.len < DONE_FIXED)
		return false;
	q->record = body.data;
	q->salt = body.data + RECORD_LEN;
	size_t cosigned = load_be16(body.data + RECORD_LEN + SALT_LEN);
	size_t at = DONE_FIXED + cosigned;
	if (cosigned > SEAL_PAYLOAD_MAX || body.len < at + 1)
		return false;
	q->cosigned = span_of(body.data + DONE_FIXED, cosigned);
	q->proof.count = body.data[at];
	if (q->proof.count > TREE_PATH_MAX || body.len != at + 1 + q->proof.count * HASH_LEN)
		return false;
	memcpy(q->proof.path, body.data + at + 1, q->proof.count * HASH_LEN);
	return true;
}

/* The record must commit to the very Seal that this signer makes of the pending text. */
static enum trail_err judge_commitment(struct sealing *s, const struct record *record,
	const struct done *q, struct seal *seal, uint64_t at)
{
	struct buf payload = { 0 };
	struct hash commitment;
	seal->cosigned = q->cosigned;
	seal_encode(seal, &payload);
	bool made = !payload.failed;
	if (made)
		record_commitment(q->salt, buf_view(&payload), &commitment);
	buf_release(&payload);
	if (!made)
		return sentence_fail(s->why, "the SEAL could not be compared: memory is out");
	if (hash_equal(&commitment, &record->commitment))
		return TRAIL_OK;
	return sentence_refuse(s->why, "record %llu does not commit to the SEAL that was signed",
		(unsigned long long)at);
}

/* Is the SEAL in the log that was signed last? Nothing else allows an erasure. */
static enum trail_err done_judge(
	struct sealing *s, const struct done *q, const struct seal_text *text)
{
	const struct checkpoint *head = &s->kept->head.checkpoint;
	unsigned long long at = text->size;
	struct record record;
	struct seal seal;
	struct hash leaf;
	record_decode(q->record, &record);
	record_leaf(q->record, &leaf);
	if (record.kind != KIND_SEAL || record.received_ns != text->time_ns)
		return sentence_refuse(s->why,
			"record %llu is not the SEAL that was asked for: of another kind or time",
			at);
	enum trail_err e = seals_make(&s->kept->seals, s->folder, &seal, s->why);
	if (e == TRAIL_OK)
		e = judge_commitment(s, &record, q, &seal, text->size);
	if (e != TRAIL_OK)
		return e;
	if (!tree_inclusion_check(&leaf, text->size, head->size, &q->proof, &head->root))
		return sentence_refuse(s->why,
			"the SEAL is not proven to be record %llu of the signed head of size "
			"%llu: its key is not erased",
			at, (unsigned long long)head->size);
	return TRAIL_OK;
}

/* The head that holds the SEAL is durable before what made it goes. */
static enum trail_err erase(struct sealing *s, uint64_t size)
{
	struct seal_mark mark = *seals_mark(&s->kept->seals);
	mark.size = size;
	mark.real_ns = s->now.real_ns;
	mark.boot_ns = s->now.boot_ns;
	enum trail_err e = head_sync(&s->kept->head, s->folder, s->why);
	if (e == TRAIL_OK)
		e = seals_advance(&s->kept->seals, s->folder, &mark, s->why);
	return e;
}

enum trail_err sealing_done(struct sealing *s, struct span body, struct buf *answer)
{
	struct done q;
	struct seal_text text;
	struct span pending = seals_pending(&s->kept->seals);
	if (!done_parse(body, &q))
		return sentence_fail(s->why,
			"SEALED is malformed: record, salt, cosigned note, count, %d hashes at "
			"most",
			TREE_PATH_MAX);
	if (pending.len == 0 || seal_text_parse(pending, &text) != TRAIL_OK)
		return sentence_refuse(s->why,
			"SEALED came, but no SEAL was asked for since the last: the log holds one "
			"that this signer did not make");
	enum trail_err e = done_judge(s, &q, &text);
	if (e == TRAIL_OK)
		e = erase(s, text.size);
	if (e != TRAIL_OK)
		return e;
	pace_sealed(s->pace, s->now.boot_ns);
	buf_put_u8(answer, TALK_OK);
	buf_put_be32(answer, seals_epoch(&s->kept->seals));
	return TRAIL_OK;
}
