/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild-signer: one process, one socket, one key. Puts the clock, the signals and the sandbox
 * around serve.c.
 */
#include "../../proto/crypto.h"
#include "../handover.h"
#include "gate.h"
#include "sandbox.h"
#include "serve.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_COULD_NOT = 3,
	EXIT_REFUSED = 5,
	SYNC_AFTER_MS = 800, /* of the second that FORMATS.md section 5 gives */
	LINGER_MS = 5000,    /* after SIGTERM: a traild that is told to stop signs its stop first */
};

static const char USAGE[] =
	"Usage: traild-signer --state-dir DIR (--fd N | --peer USER) [--allow-cow]\n"
	"\n"
	"Keeps the signing key of one log and signs its heads, each only when it is proven to "
	"extend\n"
	"the one before. traild starts it, or the service manager does when traild connects; by\n"
	"hand it is of no use: it speaks with traild alone, over the socket that it inherits, and\n"
	"opens no other.\n"
	"\n"
	"  --state-dir DIR  its folder (0700): key, head, seeds, seal.pub. Never copy it back over "
	"a\n"
	"                   newer one: the log would be refused, as it should be\n"
	"  --fd N           the inherited SOCK_SEQPACKET socket: traild is at its other end\n"
	"  --peer USER      serve one traild, which runs as USER (name or number) and connects\n"
	"                   to the listening socket that the service manager hands over\n"
	"                   (LISTEN_FDS); end with it. All others are turned away\n"
	"  --allow-cow      accept a file system that keeps old versions of what is overwritten\n"
	"                   (btrfs, zfs ...): erased seal seeds may then stay on the device\n"
	"  --help           this\n"
	"  --version        the version\n"
	"\n"
	"Exit codes: 0 traild is done with it, 2 usage, 3 it could not (files, memory), 5 it "
	"would\n"
	"not: what it was asked to sign, or what it found, contradicts what it signed before.\n"
	"More: man traild-signer\n";

static volatile sig_atomic_t asked_to_end;

static void on_term(int signal_no)
{
	(void)signal_no;
	asked_to_end = 1;
}

static void say(enum log_id id, const char *sentence)
{
	log_line(id, "%s", sentence);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct pace_time now(void)
{
	return (struct pace_time){
		.real_ns = clock_ns(CLOCK_REALTIME),
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
	};
}

struct arguments {
	struct signer_options signer;
	int fd;
	const char *peer;
};

static int print_version(void)
{
	const char *less =
		sandbox_present() ? "" : " (without a system-call filter, for tests only)";
	return printf("traild-signer " TRAIL_VERSION "%s\n", less) < 0 ? EXIT_COULD_NOT : 0;
}

/* The exit code, or -1: go on. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "state-dir", required_argument, NULL, 'd' },
		{ "fd", required_argument, NULL, 'f' },
		{ "peer", required_argument, NULL, 'p' },
		{ "allow-cow", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	opterr = 0; /* its own lines have no id */
	*a = (struct arguments){ .fd = -1, .signer = { .now = now, .say = say } };
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'd')
			a->signer.folder = optarg;
		else if (c == 'p')
			a->peer = optarg;
		else if (c == 'c')
			a->signer.allow_cow = true;
		else if (c == 'h')
			return fputs(USAGE, stdout) < 0 ? EXIT_COULD_NOT : 0;
		else if (c == 'v')
			return print_version();
		else if (c != 'f' || !handover_number(optarg, &a->fd))
			return EXIT_USAGE;
	}
	bool one_way = (a->fd >= 0) != (a->peer != NULL);
	return optind == argc && a->signer.folder && one_way ? -1 : EXIT_USAGE;
}

/*
 * SIGTERM comes through, only while ppoll waits. A terminal's Ctrl-C and hang-up hit traild too,
 * which ends this process when it has signed its stop: not ours to act on.
 */
static bool set_signals(sigset_t *waiting)
{
	const struct sigaction term = { .sa_handler = on_term };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t blocked;
	(void)sigemptyset(waiting);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	return sigprocmask(SIG_SETMASK, &blocked, NULL) == 0 &&
		sigaction(SIGTERM, &term, NULL) == 0 && sigaction(SIGINT, &ignore, NULL) == 0 &&
		sigaction(SIGHUP, &ignore, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0;
}

/* A service under way. Times are milliseconds of CLOCK_MONOTONIC; 0: not set. */
struct service {
	struct signer *signer;
	struct gate gate; /* listener -1: the peer was there from the start */
	int fd;
	struct buf answer;
	sigset_t waiting;
	int64_t sync_at;
	int64_t end_at;
};

static int64_t now_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}

static int exit_code_of(int status)
{
	if (status == TALK_REFUSED)
		return EXIT_REFUSED;
	return status == TALK_FAILED ? EXIT_COULD_NOT : -1;
}

static int sync_now(struct service *v)
{
	struct sentence why;
	v->sync_at = 0;
	if (signer_sync(v->signer, &why) == TRAIL_OK)
		return -1;
	say(LOG_SIGN_SYNC, why.text);
	return EXIT_COULD_NOT;
}

/* The exit code, or -1: go on. */
static int meet_deadlines(struct service *v)
{
	int64_t ms = now_ms();
	if (asked_to_end && v->end_at == 0) {
		v->end_at = ms + LINGER_MS;
		v->sync_at = ms;
	}
	if (v->sync_at == 0 && signer_dirty(v->signer))
		v->sync_at = ms + SYNC_AFTER_MS;
	if (v->sync_at != 0 && ms >= v->sync_at && sync_now(v) >= 0)
		return EXIT_COULD_NOT;
	return v->end_at != 0 && ms >= v->end_at ? 0 : -1;
}

/*
 * Wait under the mask `waiting` until one of `fds` is readable or `timeout` (NULL: none) is over.
 * The exit code, or -1: go on, with all revents 0 after a signal.
 */
static int wait_for(
	struct service *v, struct pollfd *fds, nfds_t count, const struct timespec *timeout)
{
	int n = ppoll(fds, count, timeout, &v->waiting);
	for (nfds_t i = 0; n < 0 && i < count; i++)
		fds[i].revents = 0;
	if (n >= 0 || errno == EINTR)
		return -1;
	say(LOG_SIGN_SYSTEM, "ppoll failed");
	return EXIT_COULD_NOT;
}

/* Until the one peer is there. The exit code (0: asked to end before), or -1: go on. */
static int wait_peer(struct service *v)
{
	struct sentence stranger;
	while (v->fd < 0) {
		struct pollfd knock = { .fd = v->gate.listener, .events = POLLIN };
		int code = wait_for(v, &knock, 1, NULL);
		if (code >= 0 || asked_to_end)
			return code >= 0 ? code : 0;
		if (knock.revents == 0)
			continue;
		v->fd = gate_admit(&v->gate, &stranger);
		if (stranger.text[0])
			say(LOG_SIGN_STRANGER, stranger.text);
	}
	return -1;
}

/*
 * A second traild is told so. But the next one may come before the end of this one was seen: then
 * it stays in the queue, for the next signer. Its end was before the knock, so it shows by now.
 */
static void answer_knock(const struct service *v)
{
	struct pollfd peer = { .fd = v->fd, .events = POLLRDHUP };
	if (poll(&peer, 1, 0) == 0)
		gate_turn_away(&v->gate);
}

/* Until there is a question or a deadline. *ready: a question. The exit code, or -1: go on. */
static int wait_question(struct service *v, bool *ready)
{
	int64_t next = v->sync_at;
	if (v->end_at != 0 && (next == 0 || v->end_at < next))
		next = v->end_at;
	int64_t left = next == 0 ? 0 : next - now_ms();
	if (left < 0)
		left = 0;
	struct timespec timeout = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
	struct pollfd fds[] = {
		{ .fd = v->fd, .events = POLLIN },
		{ .fd = v->gate.listener, .events = POLLIN }, /* ignored when it is -1 */
	};
	int code = wait_for(v, fds, 2, next == 0 ? NULL : &timeout);
	*ready = fds[0].revents != 0;
	if (!*ready && fds[1].revents != 0)
		answer_knock(v);
	return code;
}

/* The exit code (0: traild closed its end), or -1: go on. */
static int one_question(struct service *v)
{
	uint8_t question[TALK_LEN_MAX];
	ssize_t len = recv(v->fd, question, sizeof question, MSG_TRUNC);
	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return -1;
	if (len <= 0)
		return 0;
	/* One that was cut short is told from none: an empty question is refused. */
	size_t kept = (size_t)len > sizeof question ? 0 : (size_t)len;
	bool was_awake = signer_awake(v->signer);
	int status = signer_answer(v->signer, span_of(question, kept), &v->answer);
	if (!was_awake && status == TALK_OK && !sandbox_enter(v->gate.listener)) {
		say(LOG_SIGN_SANDBOX,
			"the system-call filter could not be loaded: a kernel with seccomp is "
			"needed");
		return EXIT_COULD_NOT;
	}
	if (send(v->fd, v->answer.data, v->answer.len, MSG_NOSIGNAL) < 0)
		return 0;
	return exit_code_of(status);
}

static int run(struct service *v)
{
	int ended = wait_peer(v);
	if (ended >= 0)
		return ended;
	for (;;) {
		bool ready = false;
		int code = meet_deadlines(v);
		if (code < 0)
			code = wait_question(v, &ready);
		if (code < 0 && ready)
			code = one_question(v);
		if (code < 0)
			continue;
		int synced = sync_now(v);
		return synced < 0 ? code : synced;
	}
}

int main(int argc, char **argv)
{
	struct arguments a;
	log_start("traild-signer");
	int code = parse(argc, argv, &a);
	if (code == EXIT_USAGE)
		say(LOG_SIGN_USAGE, "bad usage; see traild-signer --help");
	if (code >= 0)
		return code;
	struct service v = { .fd = a.fd, .gate.listener = -1 };
	struct sentence why;
	if (a.peer && gate_open(&v.gate, a.peer, &why) != TRAIL_OK) {
		say(LOG_SIGN_USAGE, why.text);
		return EXIT_USAGE;
	}
	if (!a.peer && !handover_is(a.fd, SO_TYPE, SOCK_SEQPACKET)) {
		say(LOG_SIGN_USAGE,
			"--fd is not a SOCK_SEQPACKET socket: traild starts this program, not a "
			"person");
		return EXIT_USAGE;
	}
	if (!crypto_init() || !sandbox_hide() || !set_signals(&v.waiting)) {
		say(LOG_SIGN_SYSTEM, "could not hide its memory or take its signals");
		return EXIT_COULD_NOT;
	}
	v.signer = signer_new(&a.signer);
	if (v.signer && buf_reserve(&v.answer, TALK_LEN_MAX)) {
		code = run(&v);
	} else {
		say(LOG_SIGN_SYSTEM, "memory is out");
		code = EXIT_COULD_NOT;
	}
	signer_free(v.signer);
	buf_release(&v.answer);
	return code;
}
