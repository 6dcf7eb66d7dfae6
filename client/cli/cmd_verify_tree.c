/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "proof_facts.h"
#include "verdict.h"
#include "wish.h"

static int set_vkey(const struct wish *wish, struct trail_verify *v)
{
	if (!wish->vkey || trail_verify_set_vkey(v, wish->vkey) == TRAIL_OK)
		return EXIT_OK;
	say("--vkey %s: this is no verifier key; it looks like example.org/log+1026b77e+AQOh...",
		wish->vkey);
	return EXIT_USAGE;
}

int cmd_verify_tree(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	struct task task = { 0 };
	int code = wish_apply(wish, v, &task);
	if (code == EXIT_OK)
		code = set_vkey(wish, v);
	if (code == EXIT_OK)
		code = cli_prepare(cli);
	if (code != EXIT_OK)
		return code;
	task_begin(&task, "records", wish->quiet);
	enum trail_err err = trail_verify_tree(cli->trail, v, path);
	task_end(&task);
	const struct verdict verdict = {
		.v = v,
		.given = wish->vkey ? "published log, its entries not judged" : "published log",
		.origin = trail_verify_origin(v),
		.identity = cli->log || wish->vkey ? "given" : "store",
		.quiet = wish->quiet,
		.add = cli->policy ? proof_facts_cosigned_json : NULL,
	};
	if (err == TRAIL_MORE)
		return verdict_stopped(cli, v);
	if (err != TRAIL_OK)
		return cli_fail(cli);
	code = verdict_tell(cli, &verdict);
	if (!cli->json && !wish->quiet)
		proof_facts_cosigned(stdout, v, cli->utc);
	return code;
}
