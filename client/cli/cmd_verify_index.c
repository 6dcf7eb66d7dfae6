/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "verdict.h"
#include "wish.h"

static void add_files(json_t *to, const struct trail_verify *v)
{
	(void)json_object_set_new(
		to, "files", json_integer((json_int_t)trail_verify_number(v, TRAIL_PROOF_FILES)));
}

int cmd_verify_index(struct cli *cli, const struct wish *wish, struct trail_verify *v)
{
	struct task task = { 0 };
	int code = wish_begin(cli, wish, v, &task);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_verify_index(cli->trail, v);
	task_end(&task);
	if (err == TRAIL_MORE)
		return verdict_stopped(cli, v);
	if (err != TRAIL_OK)
		return cli_fail(cli);
	const struct verdict verdict = {
		.v = v,
		.origin = trail_origin(cli->trail),
		.identity = cli_trust(cli),
		.index = true,
		.quiet = wish->quiet,
		.add = add_files,
	};
	return verdict_tell(cli, &verdict);
}
