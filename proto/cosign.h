/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosignatures of witnesses (c2sp.org/tlog-cosignature, Ed25519, cosignature/v1): a key of type
 * 0x04, and note lines that say "as of `time`, this is the largest tree of the log that I saw, and
 * it extends every one that I saw before". What is signed is a head line, the time and the whole
 * text of the checkpoint. Ours are notes of proto/note, so its rules hold: lines of other keys are
 * passed over, and a line of a known key that does not verify spoils the note. crypto_init first;
 * any thread.
 */
#ifndef PROTO_COSIGN_H
#define PROTO_COSIGN_H

#include "note.h"

/* A witness's key, the public half. The name does not go into the signature: no key has two. */
struct cosigner {
	char name[NOTE_NAME_MAX + 1];
	uint32_t keyid;
	uint8_t pub[SIGN_PUBLIC_LEN];
};

/* With the secret half; `secret` lies in crypto_secret_new memory that the holder owns. */
struct cosign_key {
	struct cosigner cosigner;
	uint8_t secret[SIGN_SECRET_LEN];
};

/* TRAIL_INVALID: not a vkey, or its key id is not its own. TRAIL_UNSUPPORTED: another type. */
enum trail_err cosigner_parse(struct span vkey_text, struct cosigner *out);
/* Append the vkey, without newline. */
void cosigner_put(struct buf *out, const struct cosigner *cosigner);

/* The key of (name, seed). TRAIL_INVALID: a bad name. */
enum trail_err cosign_key_make(
	struct span name, const uint8_t seed[SIGN_SEED_LEN], struct cosign_key *out);
/* Append "PRIVATE+KEY+name+keyid+base64(0x04 || seed)", without newline; wipe what you put it in.
 */
void cosign_key_put(struct buf *out, const struct cosign_key *key);
/* As cosigner_parse, for the private form; wipes its scratch. */
enum trail_err cosign_key_parse(struct span text, struct cosign_key *out);

/*
 * Append the line "— name base64\n" by which `key` cosigns the note text `text` at `time_s`, POSIX
 * seconds.
 * TRAIL_INVALID: not note text (proto/note, note_text_valid), or a time of 2^63 or more.
 * TRAIL_NOMEM: line->failed.
 */
enum trail_err cosign_sign(
	struct span text, const struct cosign_key *key, uint64_t time_s, struct buf *line);

/*
 * Whether `note` bears a cosignature of `cosigner`. Of several, which must all verify, *time_s is
 * the youngest: each says the same of the same text. Whether that time is believable is the
 * caller's to judge.
 * TRAIL_END: no line by it. TRAIL_CORRUPT: a line of its name and id that does not verify: nothing
 * in this note is to be believed. TRAIL_INVALID: not a note. TRAIL_NOMEM: nothing is known.
 */
enum trail_err cosign_open(struct span note, const struct cosigner *cosigner, uint64_t *time_s);

#endif
