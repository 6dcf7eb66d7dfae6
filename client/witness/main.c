/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail-witness: cosigns the checkpoints of logs, each only when it is proven to extend what it
 * cosigned before. Options, the folder, the web, in this order.
 */
#include "../../proto/crypto.h"
#include "manager.h"
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_IO = 3,
	EXIT_INVALID = 5,
	LISTS_MAX = 64,
};

static const char DEFAULT_STATE_DIR[] = "/var/lib/trail-witness";
static const char *const DEFAULT_LISTEN[] = { "127.0.0.1:7380", "[::1]:7380" };

static const char HELP[] =
	"trail-witness - cosigns the checkpoints of transparency logs, so that none can fork\n"
	"\n"
	"  trail-witness [--state-dir D] [--log FILE]... [--listen ADDR]... [--name NAME]\n"
	"  trail-witness key  [--state-dir D]\n"
	"  trail-witness logs [--state-dir D]\n"
	"\n"
	"A log sends it each new checkpoint with a proof that it extends the one before; the\n"
	"witness remembers the largest and signs only what extends it. So a log whose readers\n"
	"ask for witnesses cannot show two histories. Run it where the log's operator has no\n"
	"say. It speaks C2SP tlog-witness (HTTP) and runs in the foreground.\n"
	"\n"
	"  --state-dir D   its key and what it saw; never put an older copy back\n"
	"                                                (/var/lib/trail-witness)\n"
	"  --log FILE      a log to watch: its identity file (trail key), its vkey, or a list\n"
	"                  that begins with \"logs/v0\"; may be repeated; SIGHUP reads them "
	"again.\n"
	"                  The genesis leaf in an identity file is not a witness's to check: it\n"
	"                  sees no record. Readers check it\n"
	"  --listen ADDR   ADDRESS:PORT or [ADDRESS]:PORT, in numbers; may be repeated\n"
	"                                                (127.0.0.1:7380 and [::1]:7380, unless\n"
	"                                                systemd hands over sockets)\n"
	"  --name NAME     the name in its key, like witness.example/w1, fixed at the first start\n"
	"                                                (HOSTNAME/witness)\n"
	"  --version       print the version\n"
	"  key             print the vkey that readers of its logs need\n"
	"  logs            print what it last cosigned: size, time, origin\n"
	"\n"
	"Try it, without being root:\n"
	"  trail key >audit.log\n"
	"  trail-witness --state-dir /tmp/w --log audit.log --listen 127.0.0.1:7380 &\n"
	"  trail-witness key --state-dir /tmp/w\n"
	"\n"
	"Exit: 0 stopped as asked, 2 usage, 3 I/O or another witness, 5 its key or what it knew\n"
	"is lost. More: man trail-witness\n";

struct options {
	const char *command; /* NULL: serve */
	const char *state_dir;
	const char *name;
	const char *lists[LISTS_MAX];
	size_t list_count;
	const char *listen[WEB_LISTENERS_MAX];
	size_t listen_count;
};

static int give_up(const struct say_reason *why)
{
	say_line(why->id, "%s", why->why);
	switch (why->id) {
	case SAY_BAD_USAGE:
	case SAY_BAD_LIST:
	case SAY_BAD_ADDRESS:
		return EXIT_USAGE;
	case SAY_KEY_LOST:
		return EXIT_INVALID;
	case SAY_READY:
	case SAY_STOPPED:
	case SAY_RELOADED:
	case SAY_NEW_LOG:
	case SAY_FOLDER_FAILED:
	case SAY_LOG_LOST: /* of one log: it is said, and the others are served */
	case SAY_LOG_CHANGED:
	case SAY_FORK:
	case SAY_CLOCK:
	case SAY_NOT_KEPT:
	case SAY_UNSURE:
	case SAY_CROWDED:
	case SAY_SYSTEM_FAILED:
	case SAY_IDS:
		break;
	}
	return EXIT_IO;
}

/* ---- the command line ---- */

static bool command_take(struct options *o, const char *word)
{
	if (o->command || (strcmp(word, "key") != 0 && strcmp(word, "logs") != 0))
		return false;
	o->command = word;
	return true;
}

static bool option_take(struct options *o, int c)
{
	if (c == 's')
		o->state_dir = optarg;
	else if (c == 'n')
		o->name = optarg;
	else if (c == 'g' && o->list_count < LISTS_MAX)
		o->lists[o->list_count++] = optarg;
	else if (c == 'l' && o->listen_count < WEB_LISTENERS_MAX)
		o->listen[o->listen_count++] = optarg;
	else
		return false;
	return true;
}

static int bad_usage(const char *word)
{
	say_line(SAY_BAD_USAGE,
		"%s: not an option or command, not as it must be, or too many of it; see "
		"trail-witness --help",
		word);
	return EXIT_USAGE;
}

/* The exit code, or -1: go on. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "state-dir", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'g' },
		{ "listen", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	opterr = 0; /* its own lines have no id */
	*o = (struct options){ .state_dir = DEFAULT_STATE_DIR };
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'h' || c == 'v') {
			(void)fputs(c == 'h' ? HELP : "trail-witness " TRAIL_VERSION "\n", stdout);
			return fflush(stdout) ? EXIT_IO : EXIT_SUCCESS;
		}
		if (!option_take(o, c))
			return bad_usage(argv[optind - 1]);
	}
	for (; optind < argc; optind++)
		if (!command_take(o, argv[optind]))
			return bad_usage(argv[optind]);
	if (o->command && (o->name || o->list_count || o->listen_count))
		return bad_usage(o->command);
	return -1;
}

/* ---- what it watches ---- */

static bool read_text(const char *path, struct buf *out, struct say_reason *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0 && out->len <= LOGLIST_TEXT_MAX && buf_reserve(out, BUFSIZ)) {
		n = read(fd, out->data + out->len, BUFSIZ);
		out->len += n > 0 ? (size_t)n : 0;
	}
	const char *text = strerrordesc_np(errno);
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return say_why(
			why, SAY_BAD_LIST, "--log %s: %s", path, text ? text : "cannot be read");
	if (out->failed || out->len > LOGLIST_TEXT_MAX)
		return say_why(
			why, SAY_BAD_LIST, "--log %s is longer than a list of logs can be", path);
	return true;
}

static bool read_list(struct loglist *list, const char *path, struct say_reason *why)
{
	struct buf text = { 0 };
	struct loglist_fault fault;
	bool read = read_text(path, &text, why);
	if (read && loglist_add(list, buf_view(&text), &fault) != TRAIL_OK)
		read = say_why(why, SAY_BAD_LIST, "--log %s, %s", path, fault.text);
	buf_release(&text);
	return read;
}

static bool watch_lists(struct watch *watch, const struct options *o, struct say_reason *why)
{
	struct loglist *list = calloc(1, sizeof *list);
	bool read = list ? true : say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	for (size_t i = 0; read && i < o->list_count; i++)
		read = read_list(list, o->lists[i], why);
	read = read && watch_logs(watch, list, why);
	free(list);
	return read;
}

/* ---- serving ---- */

struct serving {
	const struct options *options;
	struct watch *watch;
};

static void reload(void *ctx)
{
	const struct serving *s = ctx;
	struct say_reason why;
	char text[64];
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
	manager_tell(text);
	if (watch_lists(s->watch, s->options, &why))
		say_line(SAY_RELOADED, "watching %zu logs now", watch_count(s->watch));
	else
		say_line(why.id, "%s: the logs are those of before", why.why);
	manager_tell("READY=1");
}

static void say_ready(
	const struct web *web, const struct watch *watch, const struct cosigner *cosigner)
{
	struct buf urls = { 0 };
	struct buf vkey = { 0 };
	web_addresses(web, &urls);
	cosigner_put(&vkey, cosigner);
	say_line(SAY_READY, "%.*s watches %zu logs at %.*s", (int)vkey.len,
		vkey.data ? (const char *)vkey.data : "", watch_count(watch), (int)urls.len,
		urls.data ? (const char *)urls.data : "");
	buf_release(&urls);
	buf_release(&vkey);
}

/* What the manager holds, and what was said; the default where neither is. */
static bool listen_all(struct web *web, const struct options *o, struct say_reason *why)
{
	const int handed = manager_sockets();
	bool ok = handed >= 0 ||
		say_why(why, SAY_BAD_ADDRESS,
			"LISTEN_FDS does not say which sockets were handed over: see "
			"sd_listen_fds(3)");
	for (int i = 0; ok && i < handed; i++)
		ok = web_adopt(web, MANAGER_SOCKET_FIRST + i, why);
	for (size_t i = 0; ok && i < o->listen_count; i++)
		ok = web_listen(web, o->listen[i], why);
	for (size_t i = 0; ok && handed == 0 && o->listen_count == 0 && i < 2; i++)
		ok = web_listen(web, DEFAULT_LISTEN[i], why);
	return ok;
}

static int serve_web(const struct options *o, struct watch *watch, const struct cosign_key *key)
{
	struct serving serving = { .options = o, .watch = watch };
	struct say_reason why;
	struct web *web = web_new(watch, reload, &serving);
	bool ok = web ? true : say_why(&why, SAY_SYSTEM_FAILED, "memory is out");
	ok = ok && watch_lists(watch, o, &why) && listen_all(web, o, &why);
	int code = EXIT_SUCCESS;
	if (!ok) {
		code = give_up(&why);
	} else {
		say_ready(web, watch, &key->cosigner);
		manager_tell("READY=1");
		code = web_run(web) ? EXIT_SUCCESS : EXIT_IO;
		say_line(SAY_STOPPED, "stopped");
	}
	web_free(web);
	return code;
}

static int serve(const struct options *o)
{
	struct vault vault;
	struct say_reason why;
	if (!vault_open(&vault, o->state_dir, VAULT_SERVE, &why)) {
		vault_close(&vault);
		return give_up(&why);
	}
	int code = EXIT_IO;
	struct cosign_key *key = vault_key(&vault, o->name, &why);
	struct watch *watch = key ? watch_new(&vault, key) : NULL;
	if (watch)
		code = serve_web(o, watch, key);
	else if (key)
		say_line(SAY_SYSTEM_FAILED, "memory is out");
	else
		code = give_up(&why);
	watch_free(watch);
	crypto_secret_free(key);
	vault_close(&vault);
	return code;
}

/* ---- looking ---- */

static void print_log(struct vault *vault, const struct watched *log, const struct cosigner *own)
{
	struct buf note = { 0 };
	struct seen seen;
	struct say_reason why;
	uint64_t time_s;
	switch (vault_load(vault, log, own, &note, &seen, &time_s, &why)) {
	case VAULT_THERE:
		(void)printf("%" PRIu64 " %" PRIu64 " %s\n", seen.size, time_s, log->origin);
		break;
	case VAULT_NOTHING:
		(void)printf("- - %s\n", log->origin);
		break;
	case VAULT_LOST:
	case VAULT_FAILED:
		(void)printf("? ? %s\n", log->origin);
		say_line(why.id, "%s", why.why);
		break;
	}
	buf_release(&note);
}

/* `key` and `logs`: for who may read the folder, beside a running witness. */
static int look(const struct options *o)
{
	struct vault vault;
	struct say_reason why;
	struct cosigner cosigner;
	struct buf vkey = { 0 };
	if (!vault_open(&vault, o->state_dir, VAULT_LOOK, &why) ||
		!vault_cosigner(&vault, &cosigner, &why)) {
		vault_close(&vault);
		return give_up(&why);
	}
	if (strcmp(o->command, "key") == 0) {
		cosigner_put(&vkey, &cosigner);
		(void)printf("%.*s\n", (int)vkey.len, vkey.data ? (const char *)vkey.data : "");
	} else {
		for (size_t i = 0; i < vault.known->count; i++)
			print_log(&vault, &vault.known->log[i], &cosigner);
	}
	buf_release(&vkey);
	vault_close(&vault);
	return fflush(stdout) ? EXIT_IO : EXIT_SUCCESS;
}

/* No core, no debugger, files for ourselves alone, and a descriptor for every connection. */
static bool prepare_process(void)
{
	const struct rlimit no_core = { 0 };
	struct rlimit files;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	return setrlimit(RLIMIT_CORE, &no_core) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
		crypto_init();
}

int main(int argc, char **argv)
{
	struct options o;
	int code = parse(argc, argv, &o);
	if (code >= 0)
		return code;
	if (!prepare_process()) {
		say_line(SAY_SYSTEM_FAILED, "could not hide its memory or start libsodium");
		return EXIT_IO;
	}
	return o.command ? look(&o) : serve(&o);
}
