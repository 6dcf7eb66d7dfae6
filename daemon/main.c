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
};

/* ---- the command line ---- */

static const struct option OPTIONS[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "state-dir", required_argument, NULL, 's' },
	{ "listen", required_argument, NULL, 'l' },
	{ "origin", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static const char HELP[] =
	"traild - keeps an audit log: who created, read, changed or deleted what\n"
	"\n"
	"  traild [--config F] [--state-dir D] [--listen ADDR]... [--origin NAME]\n"
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
	if (option == 'l')
		log_line(LOG_BAD_USAGE, "at most %d --listen; see traild --help",
			SERVER_LISTENERS_MAX);
	else
		log_line(LOG_BAD_USAGE,
			"%s: not an option, or not as it must be; see traild --help", word);
	return EXIT_USAGE;
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
		if (c == 'c')
			o->config = optarg;
		else if (c == 's')
			o->state_dir = optarg;
		else if (c == 'o')
			o->origin = optarg;
		else if (c == 'l' && o->listen_count < SERVER_LISTENERS_MAX)
			o->listen[o->listen_count++] = optarg;
		else
			return usage(c, argv[optind - 1]);
	}
	if (optind < argc) {
		log_line(LOG_BAD_USAGE, "%s: not an argument; see traild --help", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
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

static int run(struct options *o)
{
	struct log_reason reason = { .id = LOG_BAD_SETTINGS };
	struct traild *traild = NULL;
	int handed = handover_take();
	if (handed < 0)
		return bad_handover();
	if (handed == 0 && o->listen_count == 0)
		o->listen[o->listen_count++] = DEFAULT_LISTEN;
	struct traild_options options = {
		.state_dir = o->state_dir,
		.handed = (size_t)handed,
		.listen = o->listen,
		.listen_count = o->listen_count,
	};
	settings_default(&options.settings);
	enum trail_err err = TRAIL_OK;
	if (o->config)
		err = settings_read(o->config, &options.settings, reason.why);
	if (o->origin)
		options.origin = o->origin;
	else if (options.settings.origin[0])
		options.origin = options.settings.origin;
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
	return run(&options);
}
