/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public probes for Merkle proofs (transparency-dev/merkle, test data), one JSON object a line,
 * from inclusion.jsonl and consistency.jsonl in the folder that TRAIL_VECTORS names. Optional
 * input: without it every test here is skipped, and says so.
 */
#include "../../proto/crypto.h"
#include "../../proto/tree.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a whole set holds; fewer means that it was not read to its end. */
enum {
	PROBES_MIN = 98
};

struct verdicts {
	size_t accepted;
	size_t refused;
};

/*
 * jansson has no integers above 2^63 - 1, and some probes use 2^64 - 1: numbers are read from the
 * line itself, and jansson is told to take them as floating point.
 */
static uint64_t number(const char *line, const char *key)
{
	char quoted[32];
	(void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
	const char *at = strstr(line, quoted);
	assert_non_null(at);
	return strtoull(at + strlen(quoted), NULL, 10);
}

/* False: not the base64 of exactly 32 bytes, which no decoder of ours passes on. */
static bool hash_of(const json_t *value, struct hash *out)
{
	const char *text = json_string_value(value);
	size_t len;
	return text && base64_take(span_text(text), out->b, HASH_LEN, &len) && len == HASH_LEN;
}

/*
 * Some probes have roots of 12 bytes ("don't care 2"), where only their equality matters. Ours are
 * 32 bytes by type: a shorter one is filled up, which keeps equality and meets no real root.
 */
static bool root_of(const json_t *value, struct hash *out)
{
	const char *text = json_string_value(value);
	size_t len;
	*out = (struct hash){ 0 };
	return text && base64_take(span_text(text), out->b, HASH_LEN, &len);
}

static bool proof_of(const json_t *probe, struct tree_proof *out)
{
	const json_t *path = json_object_get(probe, "proof");
	*out = (struct tree_proof){ .count = json_array_size(path) };
	if (out->count > TREE_PATH_MAX)
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (!hash_of(json_array_get(path, i), &out->path[i]))
			return false;
	return true;
}

static bool inclusion_holds(const char *line, const json_t *probe)
{
	struct tree_proof proof;
	struct hash leaf;
	struct hash root;
	return proof_of(probe, &proof) && hash_of(json_object_get(probe, "leafHash"), &leaf) &&
		root_of(json_object_get(probe, "root"), &root) &&
		tree_inclusion_check(
			&leaf, number(line, "leafIdx"), number(line, "treeSize"), &proof, &root);
}

static bool consistency_holds(const char *line, const json_t *probe)
{
	struct tree_proof proof;
	struct hash old;
	struct hash new;
	return proof_of(probe, &proof) && root_of(json_object_get(probe, "root1"), &old) &&
		root_of(json_object_get(probe, "root2"), &new) &&
		tree_consistency_check(
			number(line, "size1"), &old, number(line, "size2"), &new, &proof);
}

static void judge(
	const char *line, bool (*holds)(const char *, const json_t *), struct verdicts *sum)
{
	json_error_t error;
	json_t *probe = json_loads(line, JSON_DECODE_INT_AS_REAL, &error);
	assert_non_null(probe);
	const json_t *want_err = json_object_get(probe, "wantErr");
	assert_true(json_is_boolean(want_err));
	bool got = holds(line, probe);
	if (got == json_is_true(want_err))
		fail_msg("%s: %s, but must not be",
			json_string_value(json_object_get(probe, "name")),
			got ? "accepted" : "refused");
	if (got)
		sum->accepted++;
	else
		sum->refused++;
	json_decref(probe);
}

static void judge_file(const char *name, bool (*holds)(const char *, const json_t *))
{
	const char *folder = getenv("TRAIL_VECTORS");
	struct verdicts sum = { 0 };
	char path[4096];
	char *line = NULL;
	size_t room = 0;
	if (!folder || !*folder) {
		print_message("TRAIL_VECTORS names no folder: %s not tried\n", name);
		skip();
	}
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	if (!file) {
		print_message("%s cannot be opened: not tried\n", path);
		skip();
	}
	while (getline(&line, &room, file) > 0)
		judge(line, holds, &sum);
	free(line);
	(void)fclose(file);
	print_message("%s: %zu accepted, %zu refused\n", name, sum.accepted, sum.refused);
	assert_true(sum.accepted + sum.refused >= PROBES_MIN);
	assert_true(sum.accepted > 0 && sum.refused > 0);
}

static void test_every_public_inclusion_probe_behaves(void **state)
{
	(void)state;
	judge_file("inclusion.jsonl", inclusion_holds);
}

static void test_every_public_consistency_probe_behaves(void **state)
{
	(void)state;
	judge_file("consistency.jsonl", consistency_holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_public_inclusion_probe_behaves),
		cmocka_unit_test(test_every_public_consistency_probe_behaves),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
