/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild-courier: carries checkpoints to witnesses for traild, which starts it. Puts the command
 * line, the loop and the fence around desk.c.
 */
#include "../../proto/crypto.h"
#include "../handover.h"
#include "../log.h"
#include "confine.h"
#include "desk.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
	EXIT_USAGE = 2,
	EXIT_COULD_NOT = 3,
	EXIT_BROKEN = 5,
};

static const char USAGE[] =
	"Usage: traild-courier --fd N [--ca FILE]\n"
	"\n"
	"Carries the checkpoints of one log to its witnesses over HTTP, and their answers back.\n"
	"traild starts it; by hand it is of no use: it speaks with traild alone, over the socket\n"
	"that it inherits. It sees no event, no key and no store.\n"
	"\n"
	"  --fd N      the inherited SOCK_SEQPACKET socket: traild is at its other end\n"
	"  --ca FILE   certificates of those who vouch for https addresses\n"
	"              (/etc/ssl/certs/ca-certificates.crt)\n"
	"  --help      this\n"
	"  --version   the version\n"
	"\n"
	"Exit codes: 0 traild is done with it, 2 usage, 3 it could not (memory, descriptors,\n"
	"system-call filter), 5 traild said what has no place in their talk.\n"
	"More: man traild-courier\n";

struct arguments {
	int fd;
	const char *ca_file;
};

static int print_version(void)
{
	const char *less =
		confine_present() ? "" : " (without a system-call filter, for tests only)";
	return printf("traild-courier " TRAIL_VERSION "%s\n", less) < 0 ? EXIT_COULD_NOT : 0;
}

/* The exit code, or -1: go on. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "fd", required_argument, NULL, 'f' },
		{ "ca", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	opterr = 0; /* its own lines have no id */
	*a = (struct arguments){ .fd = -1, .ca_file = "/etc/ssl/certs/ca-certificates.crt" };
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'c')
			a->ca_file = optarg;
		else if (c == 'h')
			return fputs(USAGE, stdout) < 0 ? EXIT_COULD_NOT : 0;
		else if (c == 'v')
			return print_version();
		else if (c != 'f' || !handover_number(optarg, &a->fd))
			return EXIT_USAGE;
	}
	return optind == argc && a->fd >= 0 ? -1 : EXIT_USAGE;
}

/* A terminal's Ctrl-C and hang-up hit traild too, which ends this process: not ours to act on. */
static bool set_signals(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	return sigaction(SIGINT, &ignore, NULL) == 0 && sigaction(SIGHUP, &ignore, NULL) == 0 &&
		sigaction(SIGPIPE, &ignore, NULL) == 0;
}

/* Everything that opens a file is done before the filter. */
static int run(const struct arguments *a)
{
	int code = EXIT_COULD_NOT;
	struct desk *desk = NULL;
	struct event_base *base = event_base_new();
	struct posts *posts = base ? posts_new(base, a->ca_file) : NULL;
	if (posts)
		desk = desk_new(base, posts, a->fd);
	if (!desk)
		log_line(LOG_COURIER_SYSTEM, "memory or descriptors are out");
	else if (!confine_enter())
		log_line(LOG_COURIER_FENCE,
			"the system-call filter could not be loaded: a kernel with seccomp is "
			"needed");
	else if (event_base_dispatch(base) < 0)
		log_line(LOG_COURIER_SYSTEM, "the event loop failed");
	else
		code = desk_broken(desk) ? EXIT_BROKEN : 0;
	if (code == EXIT_BROKEN)
		log_line(LOG_COURIER_TALK,
			"traild said what has no place in the talk: are both of one version?");
	posts_free(posts);
	desk_free(desk);
	if (base)
		event_base_free(base);
	return code;
}

int main(int argc, char **argv)
{
	struct arguments a;
	log_start("traild-courier");
	const int code = parse(argc, argv, &a);
	if (code == EXIT_USAGE)
		log_line(LOG_COURIER_USAGE, "bad usage; see traild-courier --help");
	if (code >= 0)
		return code;
	if (!handover_is(a.fd, SO_TYPE, SOCK_SEQPACKET)) {
		log_line(LOG_COURIER_USAGE,
			"--fd is not a SOCK_SEQPACKET socket: traild starts this program, not a "
			"person");
		return EXIT_USAGE;
	}
	if (!crypto_init() || !set_signals() || !confine_hide()) {
		log_line(LOG_COURIER_SYSTEM, "could not hide its memory or take its signals");
		return EXIT_COULD_NOT;
	}
	return run(&a);
}
