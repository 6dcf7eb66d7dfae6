/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "check_child.h"
#include "check_evidence.h"
#include "check_report.h"
#include "meta.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_READ = 3,
	HANG_MS = 60 * 1000,
	PATH_LEN = 4096,
	MAP_LEAST = 1 << 20,
};

static const char USAGE[] =
	"usage: traild check --state-dir D [--signer-dir DIR] [--log FILE] [--checkpoint FILE]\n"
	"                    [-o json]\n"
	"traild check --help says more\n";

static const char HELP[] =
	"usage: traild check --state-dir D [--signer-dir DIR] [--log FILE] [--checkpoint FILE]\n"
	"                    [-o json]\n"
	"\n"
	"Verify a stopped log, read-only: every record, the chain, the tree, the payloads, the\n"
	"numbering, the signed heads. It never stops at the first finding.\n"
	"\n"
	"  --state-dir D      the log's folder; stop its traild first, or check a copy\n"
	"  --signer-dir DIR   the folder of a signer that is a unit of its own: its head finds a\n"
	"                     cut tail (D/signer)\n"
	"  --log FILE         the log identity file that the log must be (`trail key`); without "
	"it\n"
	"                     the log is taken for what it says it is\n"
	"  --checkpoint FILE  a checkpoint kept elsewhere (`trail checkpoint`): finds a cut tail\n"
	"  -o, --output json  one JSON object on standard output\n"
	"\n"
	"Verdicts and exit codes: valid 0, invalid 5, unverifiable 6; usage 2, cannot read 3.\n"
	"The findings' codes stand in traild-check(8).\n"
	"\n"
	"Example:\n"
	"  trail key > log.identity            # once, and kept where the operator cannot write\n"
	"  traild check --state-dir /var/lib/trail --log log.identity\n";

struct options {
	const char *state;
	const char *signer;
	const char *log;
	const char *checkpoint;
	bool json;
	bool help;
};

static int complain(const char *what, const char *path, const char *why)
{
	(void)fprintf(stderr, "traild check: %s %s: %s\n", what, path, why);
	return EXIT_READ;
}

static bool take_output(struct options *o, const char *form)
{
	o->json = strcmp(form, "json") == 0;
	return o->json || strcmp(form, "text") == 0;
}

/* False: said why on stderr. */
static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "state-dir", required_argument, NULL, 'd' },
		{ "signer-dir", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "checkpoint", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;
	bool good = true;
	optind = 1;
	while ((c = getopt_long(argc, argv, "o:", known, NULL)) != -1) {
		if (c == 'd')
			o->state = optarg;
		else if (c == 's')
			o->signer = optarg;
		else if (c == 'l')
			o->log = optarg;
		else if (c == 'c')
			o->checkpoint = optarg;
		else if (c == 'h')
			o->help = true;
		else if (c != 'o' || !take_output(o, optarg))
			good = false;
	}
	if (good && (o->help || (o->state && optind == argc)))
		return true;
	(void)fputs(USAGE, stderr);
	return false;
}

/* What was given on the command line. 0: fine. */
static int read_given(const struct options *o, struct evidence *e)
{
	if (o->signer && evidence_signer(o->signer, e) != TRAIL_OK)
		return complain("cannot read head in --signer-dir", o->signer, strerror(errno));
	if (o->log) {
		enum trail_err err = evidence_pin(o->log, e);
		if (err != TRAIL_OK)
			return complain("cannot use --log", o->log,
				err == TRAIL_IO
					? strerror(errno)
					: "not a log identity file; `trail key` prints one");
	}
	if (o->checkpoint) {
		enum trail_err err = evidence_checkpoint(o->checkpoint, e);
		if (err != TRAIL_OK)
			return complain("cannot use --checkpoint", o->checkpoint,
				err == TRAIL_IO
					? strerror(errno)
					: "not a checkpoint; `trail checkpoint` prints one");
	}
	return 0;
}

/* Look at the meta pages without mapping. *map: 0 when the file must not be mapped. */
static int judge_meta(const char *folder, struct findings *found, uint64_t *map)
{
	char path[PATH_LEN];
	struct meta meta = { 0 };
	int len = snprintf(path, sizeof path, "%s/data.mdb", folder);
	if (len < 0 || (size_t)len >= sizeof path)
		return complain("cannot read", folder, strerror(ENAMETOOLONG));
	enum trail_err err = meta_read(path, &meta);
	if (err == TRAIL_IO)
		return complain("cannot read", path, strerror(errno));
	*map = 0;
	if (err != TRAIL_OK) {
		findings_add(found, FIND_STORE_META, FINDING_NOWHERE,
			"data.mdb has %llu bytes, and its meta pages are damaged or need more: it "
			"was cut or overwritten; restore the store",
			(unsigned long long)meta.file_bytes);
		return 0;
	}
	if (!meta.sound)
		findings_add(found, FIND_STORE_META, FINDING_NOWHERE,
			"the two meta pages of data.mdb are not one commit apart: one is damaged "
			"or "
			"of another time; restore the store");
	*map = meta.file_bytes < MAP_LEAST ? MAP_LEAST : meta.file_bytes;
	return 0;
}

static int scan(const struct options *o, const struct evidence *e, struct findings *found,
	struct scan_result *result)
{
	char folder[PATH_LEN];
	uint64_t map;
	int len = snprintf(folder, sizeof folder, "%s/log", o->state);
	if (len < 0 || (size_t)len >= sizeof folder)
		return complain("cannot read", o->state, strerror(ENAMETOOLONG));
	int failed = judge_meta(folder, found, &map);
	if (failed != 0 || map == 0)
		return failed;
	struct child_options how = {
		.folder = folder,
		.map_bytes = map,
		.evidence = e,
		.progress = isatty(STDERR_FILENO) == 1,
		.hang_ms = HANG_MS,
	};
	enum trail_err err = child_scan(&how, found, result);
	if (err == TRAIL_OK)
		return 0;
	return complain("cannot read", folder,
		err == TRAIL_NOMEM ? "memory is out" : "the reading process could not do its work");
}

static int print(const struct report *report, bool json)
{
	struct buf out = { 0 };
	int code = report_exit(report_verdict(report->found));
	if (json)
		report_json(report, &out);
	else
		report_text(report, &out);
	if (out.failed || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		code = code == 5 ? 5 : complain("cannot write", "the report", strerror(errno));
	buf_release(&out);
	return code;
}

static int check(const struct options *o, struct evidence *e, struct findings *found)
{
	struct report report = { .given = o->log != NULL, .state = o->state, .found = found };
	int failed = read_given(o, e);
	if (failed != 0)
		return failed;
	if (evidence_version(o->state, found)) {
		evidence_read(o->state, e);
		failed = scan(o, e, found, &report.result);
	}
	return failed != 0 ? failed : print(&report, o->json);
}

static int check_locked(const struct options *o)
{
	int lock = -1;
	enum trail_err err = evidence_lock(o->state, &lock);
	if (err != TRAIL_OK)
		return complain("cannot check", o->state,
			err == TRAIL_BUSY ? "a traild runs on it; stop it, or check a copy"
					  : strerror(errno));
	struct evidence *e = calloc(1, sizeof *e);
	struct findings *found = calloc(1, sizeof *found);
	int code = e && found ? check(o, e, found)
			      : complain("cannot check", o->state, "memory is out");
	free(found);
	free(e);
	if (lock >= 0)
		(void)close(lock);
	return code;
}

int check_main(int argc, char **argv)
{
	struct options o = { 0 };
	if (!parse(argc, argv, &o))
		return EXIT_USAGE;
	if (o.help) {
		(void)fputs(HELP, stdout);
		return 0;
	}
	if (!crypto_init())
		return complain("cannot check", o.state, "libsodium could not start");
	return check_locked(&o);
}
