/* SPDX-License-Identifier: Apache-2.0 */
#include "../proto/crypto.h"
#include "check.h"
#include "handover.h"
#include "log.h"
#include "server.h"
#include "traild.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
	EXIT_USAGE = 2,
	EXIT_IO = 3,
	EXIT_INVALID = 5,
	MMAP_THRESHOLD =
		256 * 1024, /* below it the store's dirty pages would come and go by mmap */
	TRIM_THRESHOLD = 1024 * 1024, /* free memory that the heap keeps */
};

static const char DEFAULT_STATE_DIR[] = "/var/lib/trail";
static const char DEFAULT_LISTEN[] = "unix:/run/trail/trail.sock";

/* What the command line says. */
struct options {
	const char *config;
	const char *state_dir;
	const char *listen[SERVER_LISTENERS_MAX];
	size_t listen_count;
	const char *origin; /* NULL: not said */
	struct succeed_wish succeed;
	bool close;
};

/* ---- the command line ---- */

static const struct option OPTIONS[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "state-dir", required_argument, NULL, 's' },
	{ "listen", required_argument, NULL, 'l' },
	{ "origin", required_argument, NULL, 'o' },
	{ "succeed", required_argument, NULL, 'S' },
	{ "succeed-note", required_argument, NULL, 'N' },
	{ "reason", required_argument, NULL, 'R' },
	{ "close", no_argument, NULL, 'C' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static const char HELP[] =
	"traild - keeps an audit log: who created, read, changed or deleted what\n"
	"\n"
	"  traild [--config F] [--state-dir D] [--listen ADDR]... [--origin NAME]\n"
	"  traild --succeed IDENTITY [--succeed-note NOTE] [--reason TEXT] [--config F]\n"
	"         [--state-dir D] [--origin NAME]\n"
	"  traild --close [--config F] [--state-dir D]\n"
	"  traild check --state-dir D [--signer-dir D] [--log F] [--checkpoint F] [-o json]\n"
	"\n"
	"It runs in the foreground; stop it with SIGTERM. The first start makes the log.\n"
	"\n"
	"  --state-dir D   where the log lies            (/var/lib/trail)\n"
	"  --listen ADDR   unix:PATH, may be repeated    (unix:/run/trail/trail.sock, unless\n"
	"                                                systemd hands over a socket)\n"
	"  --origin NAME   the log's name in its checkpoints, fixed at the first start\n"
	"                                                (HOSTNAME/trail)\n"
	"  --config F      settings, see traild(8)       (none)\n"
	"  --succeed F     make a new log that follows the one of this identity file, and end;\n"
	"                  its own identity goes to standard output. Once, before its first start\n"
	"  --succeed-note F  the newest checkpoint of that log that you have\n"
	"  --reason TEXT   why, in one line\n"
	"  --close         close the log for good: nothing is ever added to it again\n"
	"  --version       print the version\n"
	"  check           verify a stopped log, read-only; see traild check --help\n"
	"\n"
	"Try it, without being root:\n"
	"  traild --state-dir /tmp/log --listen unix:/tmp/trail.sock &\n"
	"  trail --connect unix:/tmp/trail.sock emit read /patients/42\n"
	"\n"
	"Exit: 0 stopped as asked, 2 usage, 3 I/O or another daemon, 5 the log contradicts itself\n"
	"or its signer.\n";

static int usage(int option, const char *word)
{
	if (option == 'S')
		log_line(LOG_BAD_USAGE, "%s; see traild --help", word);
	else if (option == 'l')
		log_line(LOG_BAD_USAGE, "at most %d --listen; see traild --help",
			SERVER_LISTENERS_MAX);
	else
		log_line(LOG_BAD_USAGE,
			"%s: not an option, or not as it must be; see traild --help", word);
	return EXIT_USAGE;
}

/* Options that need, or cannot bear, one another. NULL: fine. */
static const char *contradiction(const struct options *o)
{
	if (!o->succeed.identity && (o->succeed.note || o->succeed.reason))
		return "--succeed-note and --reason go with --succeed";
	if (o->succeed.identity && o->close)
		return "--succeed and --close are of two logs";
	if ((o->succeed.identity || o->close) && o->listen_count != 0)
		return "--succeed and --close serve nobody: --listen has no effect";
	return o->close && o->origin ? "--close: --origin is that of a new log" : NULL;
}

/* False: not an option of a log, or one too many. */
static bool take_option(int c, struct options *o)
{
	switch (c) {
	case 'c':
		o->config = optarg;
		return true;
	case 's':
		o->state_dir = optarg;
		return true;
	case 'o':
		o->origin = optarg;
		return true;
	case 'S':
		o->succeed.identity = optarg;
		return true;
	case 'N':
		o->succeed.note = optarg;
		return true;
	case 'R':
		o->succeed.reason = optarg;
		return true;
	case 'C':
		o->close = true;
		return true;
	case 'l':
		if (o->listen_count == SERVER_LISTENERS_MAX)
			return false;
		o->listen[o->listen_count++] = optarg;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;
	*o = (struct options){ .state_dir = DEFAULT_STATE_DIR };
	opterr = 0; /* its own lines have no id */
	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		if (c == 'h' || c == 'v') {
			(void)fputs(c == 'h' ? HELP : "traild " TRAIL_VERSION "\n", stdout);
			return fflush(stdout) ? EXIT_IO : EXIT_SUCCESS;
		}
		if (!take_option(c, o))
			return usage(c, argv[optind - 1]);
	}
	if (optind < argc) {
		log_line(LOG_BAD_USAGE, "%s: not an argument; see traild --help", argv[optind]);
		return EXIT_USAGE;
	}
	const char *wrong = contradiction(o);
	return wrong ? usage('S', wrong) : -1;
}

static int exit_code(enum trail_err err)
{
	if (err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED)
		return EXIT_INVALID;
	return err == TRAIL_INVALID ? EXIT_USAGE : EXIT_IO;
}

static int give_up(enum trail_err err, const struct log_reason *reason)
{
	log_line(reason->id, "%s", reason->why);
	return exit_code(err);
}

/* ---- the process ---- */

static void prepare_process(void)
{
	struct rlimit files;
	struct rlimit no_core = { 0 };
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	/* A core would hold events. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)umask(077);
	/* What a burst took goes back: glibc would learn from it to keep more each time. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
}

static int bad_handover(void)
{
	log_line(LOG_BAD_ADDRESS,
		"LISTEN_FDS does not say which descriptors were handed over: see sd_listen_fds(3)");
	return EXIT_USAGE;
}

/* What the settings file says, and the command line over it. */
static enum trail_err choose(
	const struct options *o, struct traild_options *options, struct log_reason *reason)
{
	*options = (struct traild_options){ .state_dir = o->state_dir, .closing = o->close };
	settings_default(&options->settings);
	reason->id = LOG_BAD_SETTINGS;
	enum trail_err err =
		o->config ? settings_read(o->config, &options->settings, reason->why) : TRAIL_OK;
	if (o->origin)
		options->origin = o->origin;
	else if (options->settings.origin[0])
		options->origin = options->settings.origin;
	return err;
}

static int run(struct options *o)
{
	struct log_reason reason = { 0 };
	struct traild *traild = NULL;
	struct traild_options options;
	int handed = handover_take();
	if (handed < 0)
		return bad_handover();
	if (handed == 0 && o->listen_count == 0)
		o->listen[o->listen_count++] = DEFAULT_LISTEN;
	enum trail_err err = choose(o, &options, &reason);
	options.handed = (size_t)handed;
	options.listen = o->listen;
	options.listen_count = o->listen_count;
	if (!err)
		err = traild_open(&options, &traild, &reason);
	if (!err)
		err = traild_serve(traild, &reason);
	traild_close(traild);
	if (err)
		return give_up(err, &reason);
	log_line(LOG_STOPPED, "stopped");
	return EXIT_SUCCESS;
}

/* ---- the beginning and the end of a log ---- */

static int begin_successor(const struct options *o)
{
	struct log_reason reason = { 0 };
	struct succeed succeed = { 0 };
	struct buf identity = { 0 };
	struct traild_options options;
	enum trail_err err = choose(o, &options, &reason);
	if (!err) {
		reason.id = LOG_BAD_SUCCESSION;
		err = succeed_read(&o->succeed, &succeed, reason.why);
	}
	options.succeed = &succeed;
	if (!err)
		err = traild_succeed(&options, &identity, &reason);
	if (!err &&
		(fwrite(identity.data, 1, identity.len, stdout) != identity.len ||
			fflush(stdout) != 0)) {
		reason = (struct log_reason){ LOG_SYSTEM_FAILED,
			"the new log's identity cannot be written to standard output; it lies in "
			"the state folder" };
		err = TRAIL_IO;
	}
	buf_release(&identity);
	succeed_release(&succeed);
	return err ? give_up(err, &reason) : EXIT_SUCCESS;
}

static int end_log(const struct options *o)
{
	struct log_reason reason = { 0 };
	struct traild_options options;
	enum trail_err err = choose(o, &options, &reason);
	if (!err)
		err = traild_end(&options, &reason);
	return err ? give_up(err, &reason) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return check_main(argc - 1, argv + 1);
	log_start("traild");
	int code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	prepare_process();
	if (!crypto_init()) {
		log_line(LOG_SYSTEM_FAILED, "libsodium cannot be started");
		return EXIT_IO;
	}
	if (options.succeed.identity)
		return begin_successor(&options);
	return options.close ? end_log(&options) : run(&options);
}
