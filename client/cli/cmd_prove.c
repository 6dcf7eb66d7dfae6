/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"
#include "when.h"

const char HELP_PROVE[] =
	"usage: trail prove INDEX > FILE.tlog-proof\n"
	"\n"
	"Write the evidence for one record to standard output, as a C2SP .tlog-proof: its\n"
	"path to the first sealed checkpoint above it, or the newest one where none is\n"
	"sealed yet, which is said; and with it the event, the log's first record, its\n"
	"source and its peer, and the SEALs before and behind it. Whoever has the log\n"
	"identity file can check it without the log, with `trail verify FILE`. It holds the\n"
	"event in clear: mind whom you give it to.\n"
	"\n"
	"Examples:\n"
	"  trail prove 5 > case-2026-118.tlog-proof\n"
	"  trail --log log.identity verify case-2026-118.tlog-proof\n";

/* Where no SEAL is behind the record yet: that, and when to ask again. */
static void say_unsealed(struct cli *cli, uint64_t index, const char *text, size_t len)
{
	char when[WHEN_MAX];
	struct trail_verify *v = trail_verify_new();
	if (trail_verify_proof(cli->trail, v, text, len) != TRAIL_OK ||
		trail_verify_number(v, TRAIL_PROOF_SEALED) != 0) {
		trail_verify_free(v);
		return;
	}
	uint64_t last = trail_verify_number(v, TRAIL_PROOF_BEFORE_TIME);
	when_show(
		(int64_t)(last + trail_verify_number(v, TRAIL_PROOF_SEAL_MAX)), cli->utc, 0, when);
	say("record %llu is not sealed yet, so this proof rests on the log's key alone; prove it "
	    "again %s%s",
		(unsigned long long)index,
		last != 0 ? "behind the log's next SEAL, which a running log makes before "
			  : "when the log has made a SEAL",
		last != 0 ? when : "");
	trail_verify_free(v);
}

int cmd_prove(struct cli *cli, int argc, char **argv)
{
	char *text = NULL;
	size_t len;
	uint64_t index;
	bool done;
	int code = cli_open_index(cli, argc, argv, "prove", &index, &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_prove(cli->trail, index, &text, &len) != TRAIL_OK)
		return cli_fail(cli);
	(void)fwrite(text, 1, len, stdout);
	say_unsealed(cli, index, text, len);
	trail_text_free(text);
	return EXIT_OK;
}
