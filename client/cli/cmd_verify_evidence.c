/* SPDX-License-Identifier: Apache-2.0 */
#include "entry_json.h"
#include "file.h"
#include "folder.h"
#include "output.h"
#include "proof_facts.h"
#include "sentence.h"
#include "verdict.h"
#include "wish.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
	PROOF_MAX = 128 * 1024,   /* no .tlog-proof is longer */
	ANCHORS_MAX = 1024 * 1024 /* certificates, PEM */
};

static int set_anchors(const struct wish *wish, struct trail_verify *v)
{
	size_t len;
	if (!wish->tsa)
		return EXIT_OK;
	char *pem = malloc(ANCHORS_MAX + 1);
	int code = pem ? file_read(wish->tsa, pem, ANCHORS_MAX + 1, &len) : EXIT_IO;
	if (!pem)
		say("memory is out");
	if (code == EXIT_OK && trail_verify_set_anchors(v, pem, len) != TRAIL_OK) {
		say("--tsa %s: certificates (PEM) of time stamp authorities have 1 byte to 1 MiB",
			wish->tsa);
		code = EXIT_USAGE;
	}
	free(pem);
	return code;
}

/* What was proven, beside the verdict: nothing of what contradicts itself. */
static void add_json(json_t *to, const struct trail_verify *v)
{
	const struct trail_entry *n = trail_verify_entry(v);
	if (trail_verify_verdict(v) == TRAIL_VERDICT_INVALID)
		return;
	bool answer = trail_verify_number(v, TRAIL_PROOF_ANSWER) != 0;
	proof_facts_json(to, v);
	(void)json_object_set_new(
		to, answer ? "question" : "entry", n ? entry_json(n, false) : json_null());
}

static void tell_more(const struct cli *cli, const struct trail_verify *v)
{
	const struct trail_entry *n = trail_verify_entry(v);
	if (trail_verify_verdict(v) == TRAIL_VERDICT_INVALID)
		return;
	(void)putchar('\n');
	const struct manner manner = manner_of(cli);
	if (n)
		print_sentence(stdout, &manner, n);
	proof_facts_print(stdout, v, cli->utc);
}

static int tell(struct cli *cli, const struct wish *wish, const struct trail_verify *v,
	const char *given, const char *identity)
{
	const char *origin = trail_verify_origin(v);
	const struct verdict verdict = {
		.v = v,
		.given = given,
		.origin = origin[0] ? origin : NULL,
		.identity = identity,
		.quiet = wish->quiet,
		.add = add_json,
	};
	int code = verdict_tell(cli, &verdict);
	if (!cli->json && !wish->quiet)
		tell_more(cli, v);
	return code;
}

static int verify_proof(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	size_t len = 0;
	char *text = malloc(PROOF_MAX + 1);
	if (!text) {
		say("memory is out");
		return EXIT_IO;
	}
	int code = file_read(path, text, PROOF_MAX + 1, &len);
	if (code == EXIT_OK && trail_verify_proof(cli->trail, v, text, len) != TRAIL_OK)
		code = cli_fail(cli);
	free(text);
	if (code != EXIT_OK)
		return code;
	return tell(cli, wish, v, "proof", cli->log ? "given" : "from the proof itself");
}

static int verify_folder(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	int code = folder_judge(cli, v, path);
	if (code != EXIT_OK)
		return code;
	return tell(
		cli, wish, v, "folder of evidence", cli->log ? "given" : "from the folder itself");
}

int cmd_verify_evidence(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	struct stat st;
	bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (wish->checkpoint || wish->vkey || (folder && wish->tsa)) {
		say("--%s says nothing of evidence, which %s holds",
			wish->checkpoint     ? "checkpoint"
				: wish->vkey ? "vkey"
					     : "tsa",
			path);
		return EXIT_USAGE;
	}
	int code = set_anchors(wish, v);
	if (code == EXIT_OK)
		code = cli_prepare(cli);
	if (code != EXIT_OK)
		return code;
	return folder ? verify_folder(cli, wish, v, path) : verify_proof(cli, wish, v, path);
}
