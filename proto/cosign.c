/* SPDX-License-Identifier: Apache-2.0 */
#include "cosign.h"

#include <inttypes.h>

enum {
	TIME_LEN = 8,
	COSIGNATURE_LEN = TIME_LEN + SIGN_LEN, /* u64 time || Ed25519 signature */
	HEAD_ROOM = 64,                        /* of the two lines in front of the text */
};

/* A cosigner's key has the forms of any note key, under its own type. */
static struct vkey vkey_of(const struct cosigner *cosigner)
{
	struct vkey key = { .keyid = cosigner->keyid };
	memcpy(key.name, cosigner->name, sizeof key.name);
	memcpy(key.pub, cosigner->pub, sizeof key.pub);
	return key;
}

static struct cosigner cosigner_of(const struct vkey *key)
{
	struct cosigner cosigner = { .keyid = key->keyid };
	memcpy(cosigner.name, key->name, sizeof cosigner.name);
	memcpy(cosigner.pub, key->pub, sizeof cosigner.pub);
	return cosigner;
}

enum trail_err cosigner_parse(struct span vkey_text, struct cosigner *out)
{
	struct vkey key;
	enum trail_err err = note_key_parse(vkey_text, NOTE_TYPE_COSIGNATURE, &key);
	if (!err)
		*out = cosigner_of(&key);
	return err;
}

void cosigner_put(struct buf *out, const struct cosigner *cosigner)
{
	const struct vkey key = vkey_of(cosigner);
	note_key_put(out, NOTE_TYPE_COSIGNATURE, &key);
}

static void key_adopt(struct cosign_key *out, struct skey *made)
{
	out->cosigner = cosigner_of(&made->vkey);
	memcpy(out->secret, made->secret, sizeof out->secret);
	crypto_wipe(made, sizeof *made);
}

enum trail_err cosign_key_make(
	struct span name, const uint8_t seed[SIGN_SEED_LEN], struct cosign_key *out)
{
	struct skey made;
	enum trail_err err = note_secret_make(name, NOTE_TYPE_COSIGNATURE, seed, &made);
	if (!err)
		key_adopt(out, &made);
	return err;
}

void cosign_key_put(struct buf *out, const struct cosign_key *key)
{
	struct skey whole = { .vkey = vkey_of(&key->cosigner) };
	memcpy(whole.secret, key->secret, sizeof whole.secret);
	note_secret_put(out, NOTE_TYPE_COSIGNATURE, &whole);
	crypto_wipe(&whole, sizeof whole);
}

enum trail_err cosign_key_parse(struct span text, struct cosign_key *out)
{
	struct skey made;
	enum trail_err err = note_secret_parse(text, NOTE_TYPE_COSIGNATURE, &made);
	if (!err)
		key_adopt(out, &made);
	return err;
}

/* What is signed: "cosignature/v1\ntime T\n" and the text with its final newline. */
static void message_put(struct buf *out, uint64_t time_s, struct span text)
{
	buf_reserve(out, HEAD_ROOM + text.len);
	buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time_s);
	buf_put_span(out, text);
}

enum trail_err cosign_sign(
	struct span text, const struct cosign_key *key, uint64_t time_s, struct buf *line)
{
	uint8_t cosignature[COSIGNATURE_LEN];
	const struct vkey public = vkey_of(&key->cosigner);
	struct buf message = { 0 };
	if (!note_text_valid(text) || time_s > INT64_MAX)
		return TRAIL_INVALID;
	message_put(&message, time_s, text);
	if (message.failed)
		line->failed = true;
	if (!line->failed) {
		store_be64(cosignature, time_s);
		sign_bytes(buf_view(&message), key->secret, cosignature + TIME_LEN);
		note_line_put(line, &public, span_of(cosignature, sizeof cosignature));
	}
	buf_release(&message);
	return line->failed ? TRAIL_NOMEM : TRAIL_OK;
}

struct opening {
	const struct cosigner *by;
	uint64_t youngest;
	bool nomem;
};

static bool check_cosignature(void *ctx, struct span text, struct span signature)
{
	struct opening *o = ctx;
	struct buf message = { 0 };
	if (signature.len != COSIGNATURE_LEN)
		return false;
	const uint64_t time_s = load_be64(signature.data);
	if (time_s > INT64_MAX)
		return false;
	message_put(&message, time_s, text);
	o->nomem = o->nomem || message.failed;
	const bool fits = !message.failed &&
		sign_check(buf_view(&message), o->by->pub, signature.data + TIME_LEN);
	buf_release(&message);
	if (fits && time_s > o->youngest)
		o->youngest = time_s;
	return fits;
}

enum trail_err cosign_open(struct span note, const struct cosigner *cosigner, uint64_t *time_s)
{
	struct opening opening = { .by = cosigner };
	const struct vkey key = vkey_of(cosigner);
	struct span text;
	enum trail_err err = note_walk(note, &key, check_cosignature, &opening, &text);
	if (opening.nomem)
		return TRAIL_NOMEM;
	if (!err)
		*time_s = opening.youngest;
	return err;
}
