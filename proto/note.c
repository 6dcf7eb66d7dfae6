/* SPDX-License-Identifier: Apache-2.0 */
#include "note.h"

#include "hash.h"
#include "wire.h"

enum {
	KEYID_LEN = 4,
	KEYID_HEX_LEN = 2 * KEYID_LEN,
	KEY_LEN = 1 + SIGN_PUBLIC_LEN, /* type || public key, or type || seed */
	KEY_ROOM = 2048,               /* for a key of another type: ML-DSA-44 takes 1,313 */
	SIGNATURE_LEN_MIN = KEYID_LEN + 1,
	LINE_SIGNATURE_MAX = 8 + SIGN_LEN, /* the longest that we write: with a time before it */
	SKEY_TEXT_ROOM = 64 + VKEY_LEN_MAX,
};

_Static_assert(SIGN_SEED_LEN == SIGN_PUBLIC_LEN, "KEY_LEN serves for both");

static const char line_prefix[] = "\xe2\x80\x94 "; /* U+2014, space */
static const char skey_prefix[] = "PRIVATE+KEY+";

/* Take what stands before the first `mark` off *in, and the mark. False: there is none. */
static bool part_take(struct span *in, uint8_t mark, struct span *part)
{
	const uint8_t *end = in->len ? memchr(in->data, mark, in->len) : NULL;
	if (!end)
		return false;
	*part = span_of(in->data, (size_t)(end - in->data));
	*in = span_of(end + 1, in->len - part->len - 1);
	return true;
}

bool note_line_take(struct span *in, struct span *line)
{
	return part_take(in, '\n', line);
}

static bool prefix_take(struct span *in, const char *prefix)
{
	size_t len = strlen(prefix);
	if (in->len < len || memcmp(in->data, prefix, len) != 0)
		return false;
	*in = span_of(in->data + len, in->len - len);
	return true;
}

/*
 * Whether valid UTF-8 holds a character of the Unicode property White_Space (PropList.txt). No
 * sequence can begin inside another character, so a search for bytes finds characters.
 */
static bool holds_space(struct span text)
{
	static const char *const spaces[] = { " ", "\t", "\n", "\v", "\f", "\r", "\xc2\x85",
		"\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
		"\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
		"\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
		if (memmem(text.data, text.len, spaces[i], strlen(spaces[i])))
			return true;
	return false;
}

/* signed-note: the whole note is UTF-8 without control characters other than newline. */
static bool note_bytes_valid(struct span note)
{
	for (size_t i = 0; i < note.len; i++)
		if (note.data[i] < 0x20 && note.data[i] != '\n')
			return false;
	return text_utf8(note);
}

/* A key name by the specification, which sets no length. */
static bool name_wellformed(struct span name)
{
	return name.len != 0 && note_bytes_valid(name) && !holds_space(name) &&
		!memchr(name.data, '+', name.len);
}

bool note_name_valid(struct span name)
{
	return name.len <= NOTE_NAME_MAX && name_wellformed(name);
}

/* signed-note: SHA-256(name || 0x0A || type || public key)[:4]. */
static uint32_t keyid_of(struct span name, uint8_t type, const uint8_t pub[SIGN_PUBLIC_LEN])
{
	uint8_t text[NOTE_NAME_MAX + 1 + KEY_LEN];
	struct hash hash;
	size_t len = name.len;
	memcpy(text, name.data, len);
	text[len++] = '\n';
	text[len++] = type;
	memcpy(text + len, pub, SIGN_PUBLIC_LEN);
	hash_bytes(span_of(text, len + SIGN_PUBLIC_LEN), &hash);
	return load_be32(hash.b);
}

enum trail_err note_key_make(
	struct span name, uint8_t type, const uint8_t pub[SIGN_PUBLIC_LEN], struct vkey *out)
{
	if (!note_name_valid(name))
		return TRAIL_INVALID;
	*out = (struct vkey){ .keyid = keyid_of(name, type, pub) };
	memcpy(out->name, name.data, name.len);
	memcpy(out->pub, pub, SIGN_PUBLIC_LEN);
	return TRAIL_OK;
}

enum trail_err vkey_make(struct span name, const uint8_t pub[SIGN_PUBLIC_LEN], struct vkey *out)
{
	return note_key_make(name, NOTE_TYPE_ED25519, pub, out);
}

/* name "+" keyid "+" base64(type || key); the shape of both kinds of key. */
static void key_put(struct buf *out, const struct vkey *of, const uint8_t raw[KEY_LEN])
{
	uint8_t keyid[KEYID_LEN];
	store_be32(keyid, of->keyid);
	buf_put_text(out, of->name);
	buf_put_u8(out, '+');
	hex_put(out, span_of(keyid, sizeof keyid));
	buf_put_u8(out, '+');
	base64_put(out, span_of(raw, KEY_LEN));
}

void note_key_put(struct buf *out, uint8_t type, const struct vkey *key)
{
	uint8_t raw[KEY_LEN] = { type };
	memcpy(raw + 1, key->pub, SIGN_PUBLIC_LEN);
	key_put(out, key, raw);
}

void vkey_put(struct buf *out, const struct vkey *key)
{
	note_key_put(out, NOTE_TYPE_ED25519, key);
}

/* Exactly eight lower-case hex digits. */
static bool keyid_take(struct span text, uint32_t *keyid)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value = 0;
	if (text.len != KEYID_HEX_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *digit = memchr(digits, text.data[i], sizeof digits - 1);
		if (!digit)
			return false;
		value = value << 4 | (uint32_t)(digit - digits);
	}
	*keyid = value;
	return true;
}

/* The inverse of key_put; whether the key id is its own is the caller's to check. `raw` has room,
 * and its first byte is the type that is wanted.
 */
static enum trail_err key_take(
	struct span text, struct span *name, uint32_t *keyid, uint8_t raw[KEY_ROOM])
{
	const uint8_t type = raw[0];
	struct span hex;
	size_t len;
	if (!part_take(&text, '+', name) || !part_take(&text, '+', &hex))
		return TRAIL_INVALID;
	if (!note_name_valid(*name) || !keyid_take(hex, keyid))
		return TRAIL_INVALID;
	if (!base64_take(text, raw, KEY_ROOM, &len) || len == 0)
		return TRAIL_INVALID;
	if (raw[0] != type)
		return TRAIL_UNSUPPORTED;
	return len == KEY_LEN ? TRAIL_OK : TRAIL_INVALID;
}

enum trail_err note_key_parse(struct span text, uint8_t type, struct vkey *out)
{
	uint8_t raw[KEY_ROOM] = { type };
	struct span name;
	uint32_t keyid;
	enum trail_err err = key_take(text, &name, &keyid, raw);
	if (err)
		return err;
	if (keyid != keyid_of(name, type, raw + 1))
		return TRAIL_INVALID;
	return note_key_make(name, type, raw + 1, out);
}

enum trail_err vkey_parse(struct span text, struct vkey *out)
{
	return note_key_parse(text, NOTE_TYPE_ED25519, out);
}

bool vkey_same(const struct vkey *a, const struct vkey *b)
{
	return strcmp(a->name, b->name) == 0 && a->keyid == b->keyid &&
		memcmp(a->pub, b->pub, sizeof a->pub) == 0;
}

enum trail_err note_secret_make(
	struct span name, uint8_t type, const uint8_t seed[SIGN_SEED_LEN], struct skey *out)
{
	uint8_t pub[SIGN_PUBLIC_LEN];
	if (!note_name_valid(name))
		return TRAIL_INVALID;
	sign_keypair(seed, pub, out->secret);
	return note_key_make(name, type, pub, &out->vkey);
}

enum trail_err skey_make(struct span name, const uint8_t seed[SIGN_SEED_LEN], struct skey *out)
{
	return note_secret_make(name, NOTE_TYPE_ED25519, seed, out);
}

void note_secret_put(struct buf *out, uint8_t type, const struct skey *key)
{
	uint8_t raw[KEY_LEN] = { type };
	/* Room at once: growing would leave a copy of the seed in freed memory. */
	if (!buf_reserve(out, SKEY_TEXT_ROOM))
		return;
	memcpy(raw + 1, key->secret, SIGN_SEED_LEN);
	buf_put_text(out, skey_prefix);
	key_put(out, &key->vkey, raw);
	crypto_wipe(raw, sizeof raw);
}

void skey_put(struct buf *out, const struct skey *key)
{
	note_secret_put(out, NOTE_TYPE_ED25519, key);
}

enum trail_err note_secret_parse(struct span text, uint8_t type, struct skey *out)
{
	uint8_t raw[KEY_ROOM] = { type };
	struct skey made;
	struct span name;
	uint32_t keyid;
	if (!prefix_take(&text, skey_prefix))
		return TRAIL_INVALID;
	enum trail_err err = key_take(text, &name, &keyid, raw);
	if (err)
		goto out;
	err = note_secret_make(name, type, raw + 1, &made);
	if (err)
		goto out;
	/* The id is that of the public key, so it also proves that the seed was not miscopied. */
	if (keyid == made.vkey.keyid)
		*out = made;
	else
		err = TRAIL_INVALID;
out:
	crypto_wipe(raw, sizeof raw);
	crypto_wipe(&made, sizeof made);
	return err;
}

enum trail_err skey_parse(struct span text, struct skey *out)
{
	return note_secret_parse(text, NOTE_TYPE_ED25519, out);
}

bool note_text_valid(struct span text)
{
	return text.len != 0 && text.len <= NOTE_TEXT_MAX && text.data[text.len - 1] == '\n' &&
		note_bytes_valid(text);
}

void note_line_put(struct buf *out, const struct vkey *key, struct span signature)
{
	uint8_t raw[KEYID_LEN + LINE_SIGNATURE_MAX];
	if (signature.len > LINE_SIGNATURE_MAX) {
		out->failed = true;
		return;
	}
	store_be32(raw, key->keyid);
	memcpy(raw + KEYID_LEN, signature.data, signature.len);
	buf_put_text(out, line_prefix);
	buf_put_text(out, key->name);
	buf_put_u8(out, ' ');
	base64_put(out, span_of(raw, KEYID_LEN + signature.len));
	buf_put_u8(out, '\n');
}

enum trail_err note_sign(struct span text, const struct skey *key, struct buf *out)
{
	uint8_t signature[SIGN_LEN];
	if (!note_text_valid(text))
		return TRAIL_INVALID;
	sign_bytes(text, key->secret, signature);
	buf_put_span(out, text);
	buf_put_u8(out, '\n');
	note_line_put(out, &key->vkey, span_of(signature, sizeof signature));
	return out->failed ? TRAIL_NOMEM : TRAIL_OK;
}

/* One signature line, taken apart. */
struct signature {
	struct span name;
	uint32_t keyid;
	size_t len; /* of what follows the key id */
	uint8_t raw[NOTE_LEN_MAX / 4 * 3];
};

static bool signature_take(struct span line, struct signature *out)
{
	size_t len;
	if (!prefix_take(&line, line_prefix) || !part_take(&line, ' ', &out->name))
		return false;
	if (!name_wellformed(out->name) || !base64_take(line, out->raw, sizeof out->raw, &len))
		return false;
	if (len < SIGNATURE_LEN_MIN)
		return false;
	out->keyid = load_be32(out->raw);
	out->len = len - KEYID_LEN;
	return true;
}

/* The last blank line separates: text may hold others, signatures none. */
static bool note_split(struct span note, struct span *text, struct span *lines)
{
	for (size_t i = note.len; i >= 2; i--) {
		if (note.data[i - 1] != '\n' || note.data[i - 2] != '\n')
			continue;
		*text = span_of(note.data, i - 1);
		*lines = span_of(note.data + i, note.len - i);
		return lines->len != 0 && note.data[note.len - 1] == '\n';
	}
	return false;
}

enum trail_err note_walk(
	struct span note, const struct vkey *key, note_check_fn check, void *ctx, struct span *text)
{
	struct signature signature;
	struct span signed_text;
	struct span lines;
	struct span line;
	size_t ours = 0;
	bool failed = false;
	if (note.len == 0 || note.len > NOTE_LEN_MAX || !note_bytes_valid(note) ||
		!note_split(note, &signed_text, &lines))
		return TRAIL_INVALID;
	for (size_t count = 1; note_line_take(&lines, &line); count++) {
		if (count > NOTE_SIGNATURES_MAX || !signature_take(line, &signature))
			return TRAIL_INVALID;
		if (signature.keyid != key->keyid ||
			!span_equal(signature.name, span_text(key->name)))
			continue;
		ours++;
		failed = failed ||
			!check(ctx, signed_text, span_of(signature.raw + KEYID_LEN, signature.len));
	}
	if (failed)
		return TRAIL_CORRUPT;
	*text = signed_text;
	return ours == 0 ? TRAIL_END : TRAIL_OK;
}

/* `ctx` is the public key. */
static bool check_ed25519(void *ctx, struct span text, struct span signature)
{
	return signature.len == SIGN_LEN && sign_check(text, ctx, signature.data);
}

enum trail_err note_open(struct span note, const struct vkey *key, struct span *text)
{
	uint8_t pub[SIGN_PUBLIC_LEN];
	memcpy(pub, key->pub, sizeof pub);
	struct span verified;
	enum trail_err err = note_walk(note, key, check_ed25519, pub, &verified);
	if (!err)
		*text = verified;
	return err == TRAIL_END ? TRAIL_CORRUPT : err;
}
