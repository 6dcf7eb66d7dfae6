/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "config.h"
#include "log.h"
#include "notify.h"
#include "pinned.h"
#include "readers.h"
#include "server.h"
#include "statedir.h"
#include "writer.h"
#include "../proto/crypto.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_IO = 3,
	EXIT_INVALID = 5,
	WHY_LEN = 512,
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

/* The running daemon: made top to bottom, unmade bottom to top. */
struct daemon {
	struct settings settings;
	char origin[NOTE_NAME_MAX + 1]; /* "" unless said, or for a new log */
	struct statedir *dir;
	struct store *store;
	struct signer_link *signer;
	struct signer_greeting greeting;
	struct log_identity identity;
	struct mailbox *mailbox;
	struct errands *errands;
	struct refusals *refusals;
	struct service *service;
	struct writer *writer;
	struct readers *readers;
	struct server *server;
	struct listener listeners[SERVER_LISTENERS_MAX];
	uint64_t started_ns;
	char data_path[PATH_MAX + 16];
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
	"  traild check --state-dir D [--log F] [--checkpoint F] [-o json]\n"
	"\n"
	"It runs in the foreground; stop it with SIGTERM. The first start makes the log.\n"
	"\n"
	"  --state-dir D   where the log lies            (/var/lib/trail)\n"
	"  --listen ADDR   unix:PATH, may be repeated    (unix:/run/trail/trail.sock)\n"
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

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;
	*o = (struct options){ .state_dir = DEFAULT_STATE_DIR };
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
			return EXIT_USAGE;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "traild: %s: not an argument; see traild --help\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (o->listen_count == 0)
		o->listen[o->listen_count++] = DEFAULT_LISTEN;
	return -1;
}

static int exit_code(enum trail_err err)
{
	if (err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED)
		return EXIT_INVALID;
	return err == TRAIL_INVALID ? EXIT_USAGE : EXIT_IO;
}

static int give_up(enum trail_err err, const char *why)
{
	log_line(LOG_LEVEL_ERROR, "%s", why);
	return exit_code(err);
}

/* ---- called from other threads ---- */

static void on_written(void *ctx, struct op *list)
{
	struct daemon *d = ctx;
	mailbox_put(d->mailbox, list);
}

static void on_read(void *ctx, struct op *op)
{
	struct daemon *d = ctx;
	op->next = NULL;
	mailbox_put(d->mailbox, op);
}

/*
 * The writer cannot go on. Nothing may be acked any more, not even what waits in the mailbox or in
 * buffers: which of it is durable is known again only after recovery. So the process ends here and
 * now, without exit handlers; the store is as the last commit left it.
 */
_Noreturn static void on_fatal(void *ctx, int code, const char *sentence)
{
	(void)ctx;
	log_line(LOG_LEVEL_ERROR, "%s", sentence);
	_exit(code);
}

static void on_signer_gone(void *ctx)
{
	on_fatal(ctx, EXIT_IO, "the signer is gone: nothing can be acknowledged without it");
}

/* ---- the service's roads ---- */

static void to_writer(void *ctx, struct op *op)
{
	struct daemon *d = ctx;
	writer_push(d->writer, op);
}

static void to_readers(void *ctx, struct op *op)
{
	struct daemon *d = ctx;
	readers_push(d->readers, op);
}

static void fill_status(void *ctx, struct op *op)
{
	struct daemon *d = ctx;
	struct writer_numbers numbers;
	struct head head = { 0 };
	struct stat st;
	writer_read_numbers(d->writer, &numbers);
	(void)store_head(d->store, &head);
	buf_clear(&op->answer);
	buf_put(&op->answer, head.note, head.note_len);
	op->response.kind = RESPONSE_STATUS;
	op->response.status = (struct status_answer){
		.version = span_text(TRAIL_VERSION),
		.origin = span_text(d->identity.vkey.name),
		.checkpoint = buf_view(&op->answer),
		.started_ns = d->started_ns,
		.size = head.size,
		.events = numbers.events,
		.commits = numbers.commits,
		.refusals = refusals_total(d->refusals),
		.connections = server_connections(d->server),
		.queue_bytes = errands_out(d->errands),
		.free_bytes = numbers.free_bytes,
		.store_bytes = stat(d->data_path, &st) ? 0 : (uint64_t)st.st_size,
		.open_epochs = numbers.open_epochs,
		.pending_gaps = numbers.pending_gaps,
		.sources = numbers.sources,
		.full = numbers.full,
	};
}

/* ---- starting ---- */

/* "" unless said; a new log without --origin gets HOSTNAME/trail. */
static enum trail_err choose_origin(struct daemon *d, const struct options *o, bool unborn,
	char why[WHY_LEN])
{
	char host[HOST_NAME_MAX + 1] = "";
	if (o->origin)
		(void)snprintf(d->origin, sizeof d->origin, "%s", o->origin);
	else if (unborn && gethostname(host, sizeof host - 1) == 0)
		(void)snprintf(d->origin, sizeof d->origin, "%s/trail", host);
	bool whole = !o->origin || strlen(o->origin) < sizeof d->origin;
	bool needed = o->origin || unborn;
	if (!needed || (whole && note_name_valid(span_text(d->origin))))
		return TRAIL_OK;
	(void)snprintf(why, WHY_LEN, "--origin %s: a name has 1 to %d bytes, no white space and no +",
		o->origin ? o->origin : d->origin, NOTE_NAME_MAX);
	return TRAIL_INVALID;
}

/* The signer's program: as set, or beside traild's own. */
static enum trail_err signer_program(const struct daemon *d, char path[PATH_MAX], char why[WHY_LEN])
{
	static const char name[] = "-signer";
	if (d->settings.signer[0]) {
		(void)snprintf(path, PATH_MAX, "%s", d->settings.signer);
		return TRAIL_OK;
	}
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof name);
	if (n <= 0) {
		(void)snprintf(why, WHY_LEN, "/proc/self/exe cannot be read: set `signer`");
		return TRAIL_IO;
	}
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	size_t at = slash ? (size_t)(slash + 1 - path) : 0;
	(void)snprintf(path + at, PATH_MAX - at, "traild-signer");
	return TRAIL_OK;
}

static enum trail_err open_signer(struct daemon *d, unsigned how, char why[WHY_LEN])
{
	char program[PATH_MAX];
	enum trail_err err = signer_program(d, program, why);
	if (err)
		return err;
	if (d->settings.allow_cow) {
		how |= SIGNER_ALLOW_COW;
		log_line(LOG_LEVEL_WARNING, "allow_cow: on a file system that copies on write, keys "
			"that were destroyed may still be found on the device");
	}
	return signer_link_open(program, statedir_signer(d->dir), how, span_text(d->origin),
		(unsigned)d->settings.seal_height, &d->signer, &d->greeting, why);
}

static bool store_is_empty(struct store *store)
{
	struct head head;
	struct hash zeros = { 0 };
	struct hash genesis = store_genesis(store);
	return !store_head(store, &head) && hash_equal(&genesis, &zeros);
}

/* The log and who signs it; a new one is made only where there was none. */
static enum trail_err open_log(struct daemon *d, const struct options *o, char why[WHY_LEN])
{
	enum trail_err err = statedir_open(o->state_dir, &d->dir, why);
	if (err)
		return err;
	bool unborn = statedir_unborn(d->dir);
	/* Before anything is made. */
	err = choose_origin(d, o, unborn, why);
	if (!err && !unborn && !statedir_has_store(d->dir)) {
		(void)snprintf(why, WHY_LEN, "%.256s/log/data.mdb is gone, but a key or a name of its "
			"log is there: restore the folder as a whole", o->state_dir);
		return TRAIL_CORRUPT;
	}
	if (!err)
		err = store_open(statedir_log(d->dir), d->settings.map_size, unborn, &d->store, why);
	if (err)
		return err;
	bool empty = store_is_empty(d->store);
	if (empty && statedir_named(d->dir)) {
		(void)snprintf(why, WHY_LEN, "%.256s: the log is empty, but identity and vkey name one "
			"that was here: restore the folder as a whole", o->state_dir);
		return TRAIL_CORRUPT;
	}
	/* After a first start that was cut short the store may be there, and empty. */
	err = choose_origin(d, o, empty, why);
	if (!err)
		err = open_signer(d, empty ? SIGNER_MAKE_NEW : 0, why);
	if (!err && empty)
		err = writer_genesis(d->store, d->signer, &d->greeting, why);
	if (!err)
		err = pinned_read(d->store, &d->greeting, span_text(o->origin ? o->origin : ""),
			&d->identity, why);
	return err ? err : statedir_identify(d->dir, &d->identity, why);
}

static bool make_parts(struct daemon *d)
{
	d->mailbox = mailbox_new();
	d->errands = errands_new(d->settings.queue_bytes);
	d->refusals = refusals_new();
	struct service_options options = {
		.errands = d->errands,
		.refusals = d->refusals,
		.write = to_writer,
		.read = to_readers,
		.status = fill_status,
		.ctx = d,
	};
	d->service = service_new(&options);
	return d->mailbox && d->errands && d->refusals && d->service;
}

/* Recovery, and the threads. */
static enum trail_err start_threads(struct daemon *d, const struct options *o, char why[WHY_LEN])
{
	struct writer_options writing = {
		.store = d->store,
		.signer = d->signer,
		.identity = d->identity,
		.folder = o->state_dir,
		.reserve_bytes = d->settings.reserve,
		.done = on_written,
		.fatal = on_fatal,
		.ctx = d,
	};
	struct readers_options reading = {
		.store = d->store,
		.identity = d->identity,
		.threads = (unsigned)d->settings.readers,
		.done = on_read,
		.ctx = d,
	};
	enum trail_err err = writer_start(&writing, &d->writer, why);
	if (err)
		return err;
	err = readers_start(&reading, &d->readers);
	if (err)
		(void)snprintf(why, WHY_LEN, "reader threads cannot be started");
	return err;
}

static enum trail_err start_serving(struct daemon *d, const struct options *o, char why[WHY_LEN])
{
	struct server_options options = {
		.service = d->service,
		.errands = d->errands,
		.mailbox = d->mailbox,
		.queue_bytes = d->settings.queue_bytes,
		.connections = (unsigned)d->settings.connections,
		.signer_fd = signer_link_fd(d->signer),
		.signer_gone = on_signer_gone,
		.ctx = d,
	};
	access_default(&options.access);
	d->server = server_new(&options);
	if (!d->server) {
		(void)snprintf(why, WHY_LEN, "the event loop cannot be made: memory or descriptors "
			"are out");
		return TRAIL_NOMEM;
	}
	for (size_t i = 0; i < o->listen_count; i++) {
		enum trail_err err = listener_open(o->listen[i], &d->listeners[i], why);
		if (!err && server_listen(d->server, &d->listeners[i])) {
			(void)snprintf(why, WHY_LEN, "%s: cannot be watched", o->listen[i]);
			err = TRAIL_NOMEM;
		}
		if (err)
			return err;
	}
	return TRAIL_OK;
}

static enum trail_err serve(struct daemon *d, char why[WHY_LEN])
{
	char status[256];
	struct head head = { 0 };
	(void)store_head(d->store, &head);
	(void)snprintf(status, sizeof status, "READY=1\nSTATUS=%s, %llu records",
		d->identity.vkey.name, (unsigned long long)head.size);
	log_line(LOG_LEVEL_NOTICE, "ready: log %s with %llu records", d->identity.vkey.name,
		(unsigned long long)head.size);
	notify_manager(status);
	enum trail_err err = server_run(d->server);
	if (err)
		(void)snprintf(why, WHY_LEN, "the event loop failed: %s", strerror(errno));
	return err;
}

/* Half-started too. What is queued is carried out and answered; what is received but not queued is
 * not, and its clients were told nothing. */
static void stop(struct daemon *d)
{
	if (d->readers)
		readers_stop(d->readers);
	if (d->writer)
		writer_stop(d->writer);
	if (d->server)
		server_finish(d->server);
	server_free(d->server);
	for (size_t i = 0; i < SERVER_LISTENERS_MAX; i++)
		listener_close(&d->listeners[i]);
	service_free(d->service);
	refusals_free(d->refusals);
	errands_free(d->errands);
	mailbox_free(d->mailbox);
	signer_link_close(d->signer);
	if (d->store)
		store_close(d->store);
	statedir_close(d->dir);
}

/* ---- the process ---- */

static void prepare_process(void)
{
	struct rlimit files;
	struct rlimit no_core = { 0 };
	log_start();
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	/* A core would hold events. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)umask(077);
}

/* In all threads made from here on; server.c reads them from a descriptor. */
static void block_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(const struct options *o)
{
	static struct daemon d; /* some 100 KiB of paths and identity */
	char why[WHY_LEN] = "";
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	d.started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	settings_default(&d.settings);
	enum trail_err err = o->config ? settings_read(o->config, &d.settings, why) : TRAIL_OK;
	for (size_t i = 0; !err && i < o->listen_count; i++)
		err = listener_judge(o->listen[i], why);
	if (!err)
		err = open_log(&d, o, why);
	if (!err) {
		/* After the signer was started, which must not inherit it. */
		block_signals();
		(void)snprintf(d.data_path, sizeof d.data_path, "%s/data.mdb", statedir_log(d.dir));
		err = make_parts(&d) ? start_threads(&d, o, why) : TRAIL_NOMEM;
	}
	if (!err)
		err = start_serving(&d, o, why);
	if (!err)
		err = serve(&d, why);
	stop(&d);
	if (err)
		return give_up(err, why[0] ? why : "memory or descriptors are out");
	log_line(LOG_LEVEL_NOTICE, "stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return check_main(argc - 1, argv + 1);
	int code = parse_options(argc, argv, &options);
	if (code >= 0)
		return code;
	prepare_process();
	if (!crypto_init())
		return give_up(TRAIL_IO, "libsodium cannot be started");
	return run(&options);
}
