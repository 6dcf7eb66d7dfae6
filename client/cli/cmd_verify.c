/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "proof_facts.h"
#include "verdict.h"
#include "wish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char HELP_VERIFY[] =
	"usage: trail verify [options] [FOLDER|FILE]\n"
	"       trail verify --index [-q]\n"
	"\n"
	"Is the log of the running daemon whole and unchanged? Fetches every record and\n"
	"derives all anew: the chain, the tree, the numbers of every source, the entries that\n"
	"records name; at the end the root must be the one that the log signed. It goes on\n"
	"behind a finding, and names the first bad record. With --policy it also says which\n"
	"witnesses saw the log.\n"
	"\n"
	"With FOLDER the log that `trail publish` wrote there, with no daemon: every entry, every\n"
	"tile, the signed root. Without --log it must be the one of the folder's log.identity.\n"
	"\n"
	"With a FOLDER of evidence that `trail search` made, or a FILE by `trail prove`: that,\n"
	"with no daemon, and cosignatures by --policy. Says what was recorded, who signed, sealed\n"
	"and cosigned it, and when. Without --log it is unverifiable at best.\n"
	"\n"
	"With --index not the log, but the index that its searches use: the daemon makes it anew\n"
	"beside it and compares. What differs is replaced; ask again what it answered before.\n"
	"\n"
	"  --log FILE         the log identity file that the log must be\n"
	"  --checkpoint FILE  a checkpoint of this log kept elsewhere (`trail checkpoint`): finds\n"
	"                     what was changed or cut before the log was signed anew\n"
	"  --since            go on where your last valid verification ended\n"
	"  --since=FILE       go on behind this checkpoint, which you verified before\n"
	"  --payloads         open every payload, too (role investigator; the log tells of it)\n"
	"  --vkey VKEY        FOLDER is the tile tree of another log (c2sp.org/tlog-tiles), of\n"
	"                     which this is the key: what its entries say is not judged\n"
	"  --index            compare the daemon's index with the log (role auditor or operator)\n"
	"  --tsa FILE         certificates (PEM) of authorities whose time stamps count, for FILE\n"
	"  -q, --quiet        print nothing but errors; the exit code tells the verdict\n"
	"  -o json            one JSON object on standard output\n"
	"\n"
	"Verdicts and exit codes: valid 0, invalid 5, unverifiable 6; no daemon 3, not permitted\n"
	"4 (role auditor is needed). The findings' codes stand in traild-check(8).\n"
	"\n"
	"Examples:\n"
	"  trail verify --log log.identity --checkpoint last-month.note\n"
	"  trail verify --log log.identity published\n"
	"  trail verify --log log.identity case-2026-118.tlog-proof\n"
	"  trail verify --index -o json\n"
	"  trail verify --since -q || mail -s 'look at the log' auditor < /dev/null\n";

static int tell(struct cli *cli, const struct wish *wish, const struct trail_verify *v)
{
	struct trail_predecessor *before = NULL;
	/* Where something speaks against the log, what it says of another one is of no use. */
	if (trail_verify_verdict(v) == TRAIL_VERDICT_VALID && !wish->quiet)
		(void)trail_predecessor_ask(cli->trail, &before);
	const struct verdict verdict = {
		.v = v,
		.origin = trail_origin(cli->trail),
		.identity = cli_trust(cli),
		.runs = true,
		.predecessor = before,
		.quiet = wish->quiet,
		.add = cli->policy ? proof_facts_cosigned_json : NULL,
	};
	int code = verdict_tell(cli, &verdict);
	if (!cli->json && !wish->quiet)
		proof_facts_cosigned(stdout, v, cli->utc);
	trail_predecessor_free(before);
	return code;
}

static int verify_running(struct cli *cli, const struct wish *wish, struct trail_verify *v)
{
	struct task task = { 0 };
	if (wish->vkey) {
		say("--vkey is for a published log that is not traild's: give its folder");
		return EXIT_USAGE;
	}
	int code = wish_begin(cli, wish, v, &task);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_verify_run(cli->trail, v);
	task_end(&task);
	if (err == TRAIL_OK)
		return tell(cli, wish, v);
	if (err == TRAIL_MORE)
		return verdict_stopped(cli, v);
	code = cli_fail(cli);
	return err == TRAIL_END ? EXIT_USAGE : code;
}

/* ---- a folder or a file ---- */

enum given {
	GIVEN_FILE,
	GIVEN_TREE,     /* what a web server gives out under the names of c2sp.org/tlog-tiles */
	GIVEN_EVIDENCE, /* a folder of it */
	GIVEN_NEITHER,
};

static bool holds(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What lacks a part is judged as what the rest shows that it was. */
static enum given look_at(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return GIVEN_FILE;
	bool evidence = holds(folder, "evidence.txt") || holds(folder, "records.txt") ||
		holds(folder, "SHA256SUMS");
	bool tree = holds(folder, "tile") || (!evidence && holds(folder, "checkpoint"));
	(void)close(folder);
	if (tree)
		return GIVEN_TREE;
	return evidence ? GIVEN_EVIDENCE : GIVEN_NEITHER;
}

static int verify_given(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	if (wish->since || wish->payloads) {
		say("--%s is for the running log; what is kept in %s is verified as a whole",
			wish->since ? "since" : "payloads", path);
		return EXIT_USAGE;
	}
	if (access(path, R_OK) != 0) {
		say("cannot read %s: %s", path, strerror(errno));
		return EXIT_IO;
	}
	if (wish->vkey && cli->log) {
		say("--log names the log already: --vkey is for logs that are not traild's");
		return EXIT_USAGE;
	}
	switch (look_at(path)) {
	case GIVEN_TREE:
		return cmd_verify_tree(cli, wish, v, path);
	case GIVEN_FILE:
	case GIVEN_EVIDENCE:
		return cmd_verify_evidence(cli, wish, v, path);
	case GIVEN_NEITHER:
		break;
	}
	say("%s holds neither a published log (checkpoint, tile) nor evidence (evidence.txt, "
	    "records.txt): give the folder that `trail publish` or `trail search --evidence` made",
		path);
	return EXIT_USAGE;
}

/* ---- the command ---- */

/* What is asked for, of the running daemon, of a folder or of a file. */
static int verify_wished(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	bool more = path || wish->checkpoint || wish->since || wish->vkey || wish->tsa ||
		wish->payloads;
	if (wish->index && more) {
		say("--index compares the running daemon's index, and that alone: give it no file, "
		    "and of the options --log and --quiet");
		return EXIT_USAGE;
	}
	if (wish->index)
		return cmd_verify_index(cli, wish, v);
	if (wish->tsa && (!path || look_at(path) == GIVEN_TREE)) {
		say("--tsa is for the proof of one record: give its FILE");
		return EXIT_USAGE;
	}
	return path ? verify_given(cli, wish, v, path) : verify_running(cli, wish, v);
}

int cmd_verify(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { 0 };
	const struct choice choices[] = {
		{ .name = "checkpoint", .text = &wish.checkpoint, .value = VALUE_FILE },
		{ .name = "since", .text = &wish.since, .bare = SINCE_LAST, .value = VALUE_FILE },
		{ .name = "vkey", .text = &wish.vkey },
		{ .name = "tsa", .text = &wish.tsa, .value = VALUE_FILE },
		{ .name = "payloads", .flag = &wish.payloads },
		{ .name = "index", .flag = &wish.index },
		{ .name = "quiet", .letter = 'q', .flag = &wish.quiet },
		{ 0 },
	};
	int rest;
	bool done;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc - rest > 1) {
		say("%s: one folder or file can be verified at a time", argv[rest + 1]);
		return EXIT_USAGE;
	}
	struct trail_verify *v = trail_verify_new();
	if (!v) {
		say("memory is out");
		return EXIT_IO;
	}
	code = verify_wished(cli, &wish, v, rest == argc ? NULL : argv[rest]);
	trail_verify_free(v);
	return code;
}
