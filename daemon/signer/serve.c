/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include "../../proto/tree.h"
#include "birth.h"
#include "sealing.h"

#include <stdlib.h>

/* A checkpoint's note: two origins, a size of 19 digits, a root, one signature line. */
enum {
	NOTE_NEED = NOTE_NAME_MAX + 1 + 19 + 1 + 44 + 1 + 1 + 4 + NOTE_NAME_MAX + 1 + 92 + 1
};
_Static_assert((size_t)NOTE_NEED <= HEAD_NOTE_MAX, "the longest note fits its slot");
_Static_assert(1 + 8 + 1 + HASH_LEN + 8 + 4 + 2 + VKEY_LEN_MAX + 2 + HEAD_NOTE_MAX <= TALK_LEN_MAX,
	"the longest answer to WAKE");
_Static_assert(
	1 + 2 + SEAL_TEXT_MAX + SIGN_PUBLIC_LEN + 1 + SEAL_HEIGHT_MAX * HASH_LEN + SIGN_LEN <=
		TALK_LEN_MAX,
	"the longest answer to SEAL");
_Static_assert(1 + RECORD_LEN + SALT_LEN + 2 + SEAL_PAYLOAD_MAX + 1 + TREE_PATH_MAX * HASH_LEN <=
		TALK_LEN_MAX,
	"the longest SEALED");
_Static_assert(1 + 8 + HASH_LEN + 1 + TREE_PATH_MAX * HASH_LEN <= TALK_LEN_MAX, "SIGN");

struct signer {
	struct signer_options options;
	struct folder folder;
	struct kept kept;
	struct pace pace;
	uint64_t wait_ns; /* of the last NOT_YET */
	bool awake;
	int status; /* not TALK_OK: the service is over, `why` says the reason */
	struct sentence why;
	struct buf text; /* scratch, kept so that signing allocates nothing */
	struct buf note;
};

struct wake {
	bool want_new;
	unsigned height;
	uint64_t max_ns;
	struct span origin;
};

struct sign {
	uint64_t size;
	struct hash root;
	struct tree_proof proof;
};

struct signer *signer_new(const struct signer_options *options)
{
	struct signer *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->options = *options;
	s->folder = (struct folder){ .fd = -1, .lock = -1 };
	kept_none(&s->kept);
	if (!buf_reserve(&s->text, HEAD_NOTE_MAX) || !buf_reserve(&s->note, TALK_LEN_MAX)) {
		signer_free(s);
		return NULL;
	}
	return s;
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	kept_release(&s->kept);
	folder_close(&s->folder);
	buf_release(&s->text);
	buf_release(&s->note);
	free(s);
}

bool signer_awake(const struct signer *s)
{
	return s->awake;
}

bool signer_dirty(const struct signer *s)
{
	return s->awake && s->kept.head.dirty;
}

enum trail_err signer_sync(struct signer *s, struct sentence *why)
{
	if (!signer_dirty(s))
		return TRAIL_OK;
	enum trail_err e = head_sync(&s->kept.head, &s->folder, &s->why);
	if (e != TRAIL_OK) {
		s->status = TALK_FAILED;
		*why = s->why;
	}
	return e;
}

static void say(const struct signer *s, enum log_id id, const struct sentence *notice)
{
	if (notice->text[0] != '\0' && s->options.say)
		s->options.say(id, notice->text);
}

/* ---- WAKE ---- */

static bool wake_parse(struct span body, struct wake *w)
{
	enum {
		FIXED = 1 + 1 + 8 + 1
	};
	if (body.len < FIXED || body.data[0] > 1 || body.len != (size_t)FIXED + body.data[10])
		return false;
	w->want_new = body.data[0] == 1;
	w->height = body.data[1];
	w->max_ns = load_be64(body.data + 2);
	w->origin = span_of(body.data + FIXED, body.data[10]);
	if (w->max_ns < PACE_MAX_NS_MIN || w->max_ns > PACE_MAX_NS_MAX)
		return false;
	if (w->want_new && (w->height < SEAL_HEIGHT_MIN || w->height > SEAL_HEIGHT_MAX))
		return false;
	if (w->origin.len == 0)
		return !w->want_new;
	return note_name_valid(w->origin);
}

/* What was loaded must be what was asked for. */
static enum trail_err wake_judge(struct signer *s, const struct wake *w)
{
	const struct kept *k = &s->kept;
	const char *path = s->folder.path;
	if (w->origin.len != 0 && !span_equal(w->origin, span_text(k->key->vkey.name)))
		return sentence_refuse(&s->why,
			"%s holds the key of %s, not of %.*s: start with that origin, or with the "
			"folder that belongs to this one",
			path, k->key->vkey.name, (int)w->origin.len, (const char *)w->origin.data);
	if (!w->want_new)
		return TRAIL_OK;
	if (!k->unused)
		return sentence_refuse(&s->why,
			"%s has signed a log up to size %llu, but the store is empty: bring the "
			"store back, or begin a successor log with a new folder",
			path, (unsigned long long)k->head.checkpoint.size);
	if (k->seals.tree.height != w->height)
		return sentence_refuse(&s->why,
			"%s has seals of height %u, not %u: start with that height, or with an "
			"empty folder (this one never signed)",
			path, k->seals.tree.height, w->height);
	return TRAIL_OK;
}

static enum trail_err birth(struct signer *s, const struct wake *w)
{
	bool needed = false;
	enum trail_err e = birth_look(&s->folder, &needed, &s->why);
	if (e == TRAIL_OK && needed)
		e = birth_make(&s->folder, w->origin, w->height, w->max_ns, &s->why);
	return e;
}

/* What the folder keeps of the seals' pace counts; seeds of an older version kept none. */
static void begin_pace(struct signer *s, uint64_t max_ns)
{
	const struct seal_mark *mark = seals_mark(&s->kept.seals);
	if (mark->max_ns == 0)
		seals_set_max(&s->kept.seals, max_ns);
	struct pace_time last = { .real_ns = mark->real_ns, .boot_ns = mark->boot_ns };
	pace_begin(&s->pace, mark->max_ns, last, s->options.now());
}

static enum trail_err wake(struct signer *s, const struct wake *w)
{
	struct sentence notice;
	unsigned how =
		(w->want_new ? FOLDER_MAKE : 0U) | (s->options.allow_cow ? FOLDER_ALLOW_COW : 0U);
	enum trail_err e = folder_open(&s->folder, s->options.folder, how, &notice, &s->why);
	if (e != TRAIL_OK)
		return e;
	say(s, LOG_SIGN_DEVICE, &notice);
	notice.text[0] = '\0';
	if (w->want_new)
		e = birth(s, w);
	if (e == TRAIL_OK)
		e = kept_load(&s->kept, &s->folder, &notice, &s->why);
	if (e == TRAIL_OK)
		e = wake_judge(s, w);
	if (e != TRAIL_OK)
		return e;
	say(s, LOG_SIGN_SLOT, &notice);
	begin_pace(s, w->max_ns);
	return TRAIL_OK;
}

static void wake_put(struct signer *s, struct buf *answer)
{
	const struct kept *k = &s->kept;
	buf_clear(&s->text);
	vkey_put(&s->text, &k->key->vkey);
	buf_put_u8(answer, TALK_OK);
	buf_put_be64(answer, k->head.checkpoint.size);
	buf_put_u8(answer, (uint8_t)k->seals.tree.height);
	buf_put(answer, k->seals.tree.root.b, HASH_LEN);
	buf_put_be64(answer, s->pace.max_ns);
	buf_put_be32(answer, seals_epoch(&k->seals));
	buf_put_be16(answer, (uint16_t)s->text.len);
	buf_put_span(answer, buf_view(&s->text));
	buf_put_be16(answer, (uint16_t)k->head.note_len);
	buf_put(answer, k->head.note, k->head.note_len);
}

static enum trail_err answer_wake(struct signer *s, struct span body, struct buf *answer)
{
	struct wake w;
	if (s->awake)
		return sentence_fail(&s->why, "WAKE came twice: start another signer");
	if (!wake_parse(body, &w))
		return sentence_fail(&s->why,
			"WAKE is malformed: a flag of 0 or 1, a seal height of %d to %d, a "
			"seal_max of two seconds at least, an origin of 1 to %d bytes without "
			"space or +",
			SEAL_HEIGHT_MIN, SEAL_HEIGHT_MAX, NOTE_NAME_MAX);
	enum trail_err e = wake(s, &w);
	if (e != TRAIL_OK)
		return e;
	s->awake = true;
	wake_put(s, answer);
	return TRAIL_OK;
}

/* ---- SIGN ---- */

static bool sign_parse(struct span body, struct sign *q)
{
	enum {
		FIXED = 8 + HASH_LEN + 1
	};
	if (body.len < FIXED)
		return false;
	q->size = load_be64(body.data);
	memcpy(q->root.b, body.data + 8, HASH_LEN);
	q->proof.count = body.data[8 + HASH_LEN];
	if (q->proof.count > TREE_PATH_MAX || body.len != FIXED + q->proof.count * HASH_LEN)
		return false;
	memcpy(q->proof.path, body.data + FIXED, q->proof.count * HASH_LEN);
	return true;
}

/* The one question that matters: does it extend what this key signed? */
static enum trail_err sign_judge(struct signer *s, const struct sign *q)
{
	const struct checkpoint *head = &s->kept.head.checkpoint;
	unsigned long long have = head->size;
	unsigned long long want = q->size;
	if (q->size == 0 || q->size >> 63 != 0)
		return sentence_refuse(&s->why, "%llu is not a size that a log can have", want);
	if (have == 0 && (q->size != 1 || q->proof.count != 0))
		return sentence_refuse(&s->why,
			"this key has signed nothing yet, so it signs size 1 and nothing else; "
			"the store has size %llu: it is not the store that this key was made for",
			want);
	if (have == 0)
		return TRAIL_OK;
	if (q->size < have)
		return sentence_refuse(&s->why,
			"size %llu is smaller than the signed size %llu: the store was cut or an "
			"older one put in place; bring back what is missing, or begin a successor "
			"log",
			want, have);
	if (q->size == have && !hash_equal(&q->root, &head->root))
		return sentence_refuse(&s->why,
			"another root than the signed one at the same size %llu: the store was "
			"changed; bring back the one that was signed, or begin a successor log",
			want);
	if (q->size > have && q->proof.count == 0)
		return sentence_refuse(&s->why,
			"no consistency proof from the signed size %llu to %llu: nothing is "
			"signed unproven",
			have, want);
	if (!tree_consistency_check(head->size, &head->root, q->size, &q->root, &q->proof))
		return sentence_refuse(&s->why,
			"the consistency proof does not lead from the signed size %llu to %llu: "
			"the store was changed below %llu; bring back what was signed, or begin a "
			"successor log",
			have, want, have);
	return TRAIL_OK;
}

/* No head is signed far into an epoch that should be over: what is not sealed can be rewritten. */
static enum trail_err pace_judge(struct signer *s)
{
	if (pace_may_sign(&s->pace, s->options.now().boot_ns))
		return TRAIL_OK;
	return sentence_refuse(&s->why,
		"the newest seal is older than seal_max (%llu s), and %d heads were signed since: "
		"nothing more is signed unsealed; start traild again, or, when all seals are used "
		"up, begin a successor log (traild --succeed)",
		(unsigned long long)(s->pace.max_ns / 1000000000), PACE_LATE_HEADS);
}

/* Sign and keep it; the first signature is durable before it is known to anybody. */
static enum trail_err sign_next(struct signer *s, const struct sign *q)
{
	struct head *head = &s->kept.head;
	bool first = head->note_len == 0;
	struct checkpoint next = { .size = q->size, .root = q->root };
	memcpy(next.origin, s->kept.key->vkey.name, sizeof next.origin);
	buf_clear(&s->text);
	buf_clear(&s->note);
	checkpoint_put(&s->text, &next);
	if (note_sign(buf_view(&s->text), s->kept.key, &s->note) != TRAIL_OK ||
		s->note.len > HEAD_NOTE_MAX)
		return sentence_fail(&s->why, "the note of size %llu could not be made",
			(unsigned long long)q->size);
	enum trail_err e = head_put(head, &s->folder, buf_view(&s->note), &next, &s->why);
	if (e == TRAIL_OK && first)
		e = head_sync(head, &s->folder, &s->why);
	pace_signed(&s->pace, s->options.now().boot_ns);
	return e;
}

static enum trail_err answer_sign(struct signer *s, struct span body, struct buf *answer)
{
	struct sign q;
	if (!s->awake)
		return sentence_fail(&s->why, "SIGN came before WAKE");
	if (!sign_parse(body, &q))
		return sentence_fail(&s->why,
			"SIGN is malformed: size, root, count, %d hashes at most", TREE_PATH_MAX);
	enum trail_err e = sign_judge(s, &q);
	/* The same head again: Ed25519 is deterministic, so the note at hand is what it would be.
	 */
	bool again = q.size == s->kept.head.checkpoint.size;
	if (e == TRAIL_OK && !again)
		e = pace_judge(s);
	if (e == TRAIL_OK && !again)
		e = sign_next(s, &q);
	if (e != TRAIL_OK)
		return e;
	buf_put_u8(answer, TALK_OK);
	buf_put_be16(answer, (uint16_t)s->kept.head.note_len);
	buf_put(answer, s->kept.head.note, s->kept.head.note_len);
	return TRAIL_OK;
}

/* ---- any ---- */

static enum trail_err answer_seal(
	struct signer *s, uint8_t kind, struct span body, struct buf *answer)
{
	struct sealing sealing = {
		.kept = &s->kept,
		.folder = &s->folder,
		.pace = &s->pace,
		.now = s->options.now(),
		.why = &s->why,
	};
	if (!s->awake)
		return sentence_fail(&s->why, "SEAL came before WAKE");
	enum trail_err e = kind == TALK_SEAL ? sealing_ask(&sealing, body, answer)
					     : sealing_done(&sealing, body, answer);
	s->wait_ns = sealing.wait_ns;
	return e;
}

static enum trail_err answer_any(struct signer *s, struct span question, struct buf *answer)
{
	if (question.len == 0)
		return sentence_fail(&s->why, "an empty question");
	struct span body = span_of(question.data + 1, question.len - 1);
	switch (question.data[0]) {
	case TALK_WAKE:
		return answer_wake(s, body, answer);
	case TALK_SIGN:
		return answer_sign(s, body, answer);
	case TALK_SEAL:
	case TALK_SEALED:
		return answer_seal(s, question.data[0], body, answer);
	default:
		return sentence_fail(&s->why,
			"question %u is not known: traild and traild-signer must be of one version",
			question.data[0]);
	}
}

static int status_of(enum trail_err e)
{
	switch ((int)e) {
	case TRAIL_OK:
		return TALK_OK;
	case TRAIL_MORE:
		return TALK_NOT_YET;
	case TRAIL_END:
		return TALK_USED_UP;
	case TRAIL_CORRUPT:
		return TALK_REFUSED;
	default:
		return TALK_FAILED;
	}
}

int signer_answer(struct signer *s, struct span question, struct buf *answer)
{
	buf_clear(answer);
	int status = s->status;
	if (status == TALK_OK)
		status = status_of(answer_any(s, question, answer));
	if (status == TALK_REFUSED || status == TALK_FAILED)
		s->status = status;
	if (status == TALK_OK)
		return status;
	buf_clear(answer);
	buf_put_u8(answer, (uint8_t)status);
	if (status == TALK_NOT_YET)
		buf_put_be64(answer, s->wait_ns);
	else
		buf_put_text(answer, s->why.text);
	return status;
}
