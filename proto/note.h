/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C2SP signed notes (c2sp.org/signed-note) and the keys that sign them. Strict: what the
 * specification does not allow is refused. Type 0x01 (Ed25519) keys sign and verify here, and lines
 * of other keys are passed over, as the specification asks; proto/cosign has the type of witnesses,
 * made from what stands at the end.
 */
#ifndef PROTO_NOTE_H
#define PROTO_NOTE_H

#include "crypto.h"
#include "err.h"

enum {
	NOTE_NAME_MAX = 100,       /* bytes of a key name, and so of an origin */
	NOTE_SIGNATURES_MAX = 100, /* lines a note may carry: x/mod refuses more, too */
	NOTE_LEN_MAX = 16384,      /* bytes of a note that is worth reading */
	NOTE_TEXT_MAX = 8192,      /* bytes of text that we sign: leaves room for cosignatures */
	VKEY_LEN_MAX = NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1,
	NOTE_TYPE_ED25519 = 0x01,
	NOTE_TYPE_COSIGNATURE = 0x04,
};

/* A verifier key: name "+" keyid in 8 lower-case hex digits "+" base64(type || public key). */
struct vkey {
	char name[NOTE_NAME_MAX + 1];
	uint32_t keyid;
	uint8_t pub[SIGN_PUBLIC_LEN];
};

/* A signer key; `secret` lies in crypto_secret_new memory that the holder owns. */
struct skey {
	struct vkey vkey;
	uint8_t secret[SIGN_SECRET_LEN];
};

/* False: empty, too long, not UTF-8, or with white space or "+" (signed-note: key name). */
bool note_name_valid(struct span name);

/* The vkey of (name, pub): computes the key id. TRAIL_INVALID: a bad name. */
enum trail_err vkey_make(struct span name, const uint8_t pub[SIGN_PUBLIC_LEN], struct vkey *out);
/* Append the text form, without newline. */
void vkey_put(struct buf *out, const struct vkey *key);
/* TRAIL_INVALID: not a vkey, or its key id is not its own. TRAIL_UNSUPPORTED: another type. */
enum trail_err vkey_parse(struct span text, struct vkey *out);
/* Whether both are one key under one name; the key id tells the type. */
bool vkey_same(const struct vkey *a, const struct vkey *b);

/* The signer key of (name, seed). TRAIL_INVALID: a bad name. */
enum trail_err skey_make(struct span name, const uint8_t seed[SIGN_SEED_LEN], struct skey *out);
/* Append "PRIVATE+KEY+name+keyid+base64(type || seed)", without newline. Wipe what you put it in.
 */
void skey_put(struct buf *out, const struct skey *key);
/* As vkey_parse, for the private form; wipes its scratch. */
enum trail_err skey_parse(struct span text, struct skey *out);

/*
 * Append the note: text, a blank line, one signature line by `key`.
 * TRAIL_INVALID: `text` is not note text (must end in "\n", be UTF-8 without control bytes, and not
 * exceed NOTE_TEXT_MAX); nothing is appended.
 * TRAIL_NOMEM: out->failed.
 */
enum trail_err note_sign(struct span text, const struct skey *key, struct buf *out);
/*
 * Verify `note` by `key`: *text views the signed text inside it.
 * TRAIL_INVALID: malformed. TRAIL_CORRUPT: no line by this key, or one that does not verify.
 */
enum trail_err note_open(struct span note, const struct vkey *key, struct span *text);

/* ---- for other types of Ed25519 key: the same forms under another type byte ---- */

/* As vkey_make, vkey_put and vkey_parse. A vkey does not say of what type it is. */
enum trail_err note_key_make(
	struct span name, uint8_t type, const uint8_t pub[SIGN_PUBLIC_LEN], struct vkey *out);
void note_key_put(struct buf *out, uint8_t type, const struct vkey *key);
enum trail_err note_key_parse(struct span text, uint8_t type, struct vkey *out);
/* As skey_make, skey_put and skey_parse. */
enum trail_err note_secret_make(
	struct span name, uint8_t type, const uint8_t seed[SIGN_SEED_LEN], struct skey *out);
void note_secret_put(struct buf *out, uint8_t type, const struct skey *key);
enum trail_err note_secret_parse(struct span text, uint8_t type, struct skey *out);

/* False: `text` could not be the text of a note. */
bool note_text_valid(struct span text);
/* Append the signature line of (name, keyid): `signature` is what follows the key id. */
void note_line_put(struct buf *out, const struct vkey *key, struct span signature);
/* Whether `signature`, what follows the key id in a line of the key, is the key's on `text`. */
typedef bool (*note_check_fn)(void *ctx, struct span text, struct span signature);
/*
 * Show `check` every line of (key->name, key->keyid), until one does not verify.
 * TRAIL_INVALID: malformed, wherever. TRAIL_END: no line by this key. TRAIL_CORRUPT: one that does
 * not verify, so that nothing in the note is to be believed. *text views the signed text; TRAIL_END
 * sets it too, though nobody vouches for it then.
 */
enum trail_err note_walk(struct span note, const struct vkey *key, note_check_fn check, void *ctx,
	struct span *text);

/*
 * Take one line, without its newline, off the front of *in. False: no newline is left, and nothing
 * is taken. Every format on top of notes is made of lines.
 */
bool note_line_take(struct span *in, struct span *line);

#endif
