/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

struct seen seen_nothing(void)
{
	const struct frontier empty = { 0 };
	struct seen seen = { 0 };
	frontier_root(&empty, &seen.root);
	return seen;
}

/* Nobody's key: the walk looks at the note's form alone. */
static bool no_line(void *ctx, struct span text, struct span signature)
{
	(void)ctx;
	(void)text;
	(void)signature;
	return true;
}

enum trail_err add_parse(struct span body, struct add *out)
{
	static const struct vkey nobody = { .name = "" };
	struct add add;
	if (body.len > JUDGE_BODY_MAX ||
		tlog_add_parse(body, &add.old, &add.proof, &add.note) != TRAIL_OK)
		return TRAIL_INVALID;
	enum trail_err err = note_walk(add.note, &nobody, no_line, NULL, &add.text);
	if (err != TRAIL_END && err != TRAIL_OK)
		return TRAIL_INVALID;
	if (checkpoint_parse_any(add.text, &add.checkpoint) != TRAIL_OK)
		return TRAIL_INVALID;
	*out = add;
	return TRAIL_OK;
}

struct signing {
	const uint8_t *pub;
	uint8_t signature[SIGN_LEN];
};

static bool keep_signature(void *ctx, struct span text, struct span signature)
{
	struct signing *s = ctx;
	if (signature.len != SIGN_LEN || !sign_check(text, s->pub, signature.data))
		return false;
	memcpy(s->signature, signature.data, SIGN_LEN);
	return true;
}

/* RFC 9162 proves nothing of the empty tree: from there no proof is due, and none is taken. */
static bool extends(const struct add *add, const struct seen *seen)
{
	if (seen->size == 0)
		return add->proof.count == 0;
	return tree_consistency_check(
		seen->size, &seen->root, add->checkpoint.size, &add->checkpoint.root, &add->proof);
}

enum verdict judge_add(const struct add *add, const struct watched *log, const struct seen *seen,
	uint8_t signature[SIGN_LEN])
{
	const struct seen empty = seen_nothing();
	const struct checkpoint *cp = &add->checkpoint;
	struct signing signing = { .pub = log->vkey.pub };
	struct span text;
	if (note_walk(add->note, &log->vkey, keep_signature, &signing, &text) != TRAIL_OK)
		return VERDICT_UNSIGNED;
	memcpy(signature, signing.signature, SIGN_LEN);
	if (add->old > cp->size)
		return VERDICT_BACKWARDS;
	if (add->old != seen->size)
		return VERDICT_STALE;
	if (cp->size == seen->size && cp->size != 0 && !hash_equal(&cp->root, &seen->root))
		return VERDICT_FORK;
	if (cp->size == 0 && !hash_equal(&cp->root, &empty.root))
		return VERDICT_IMPOSSIBLE;
	return extends(add, seen) ? VERDICT_COSIGN : VERDICT_UNPROVEN;
}
