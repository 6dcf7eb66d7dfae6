/* SPDX-License-Identifier: Apache-2.0 */
#include "check_child.h"

#include "check_pass.h"
#include "check_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 200,
	TRIES_MAX = 14, /* steps of 16^n: the last one is wider than any table */
	EXIT_BAD_TABLES = 42,
	EXIT_NO_START = 43,
	PERCENT = 100,
};

/* ---- holes ---- */

static struct hole *same_hole(struct hole *holes, size_t count, const struct black_box *box)
{
	for (size_t i = 0; i < count; i++) {
		if ((uint32_t)holes[i].table == box->table && holes[i].from_len == box->from_len &&
			memcmp(holes[i].from, box->from, box->from_len) == 0)
			return &holes[i];
	}
	return NULL;
}

static uint8_t longest_key(enum table table)
{
	switch (table) {
	case TABLE_PAYLOAD:
		return KEY_PAYLOAD_LEN;
	case TABLE_TILE:
		return KEY_TILE_LEN;
	case TABLE_SOURCE:
		return KEY_SOURCE_LEN;
	case TABLE_SPINE:
	case TABLE_CONTROL:
	case TABLE_HEAD:
	case TABLE_STAMP:
	case TABLE_COUNT:
		break;
	}
	return KEY_INDEX_LEN;
}

/* The first key to go on with: behind the row that killed, or in growing steps behind the last one.
 */
static void resume_behind(struct hole *h, const struct black_box *box, bool in_row)
{
	const uint8_t *base = in_row ? box->row : h->from;
	size_t len = in_row ? box->row_len : h->from_len;
	unsigned shift = h->tries * 4 < 60 ? h->tries * 4 : 60;
	uint64_t by = in_row ? 1 : UINT64_C(1) << shift;
	memset(h->resume, 0, sizeof h->resume);
	memcpy(h->resume, base, len);
	h->resume_len = longest_key(h->table);
	h->ends = !key_advance(h->resume, h->resume_len, by);
}

bool holes_enter(struct hole holes[HOLES_MAX], size_t *count, const struct black_box *box)
{
	uint32_t stage = atomic_load(&box->stage);
	bool in_row = stage == STAGE_ROW;
	if ((stage != STAGE_WALK && !in_row) || box->table >= TABLE_COUNT ||
		box->from_len > WALK_KEY_MAX || (in_row && box->row_len > WALK_KEY_MAX))
		return false;
	struct hole *h = same_hole(holes, *count, box);
	if (!h) {
		if (*count == HOLES_MAX)
			return false;
		h = &holes[(*count)++];
		*h = (struct hole){
			.table = (enum table)box->table,
			.from_len = (uint8_t)box->from_len,
		};
		memcpy(h->from, box->from, box->from_len);
	}
	resume_behind(h, box, in_row);
	if (++h->tries >= TRIES_MAX)
		h->ends = true;
	return true;
}

/* ---- the child ---- */

static void become_harmless(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	static const struct rlimit none = { 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	/* LMDB says its failed assertions on stderr; the finding says it better. */
	if (null >= 0)
		(void)dup2(null, STDERR_FILENO);
	/* No core of what lies in a log, and no orphan. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		(void)signal(deadly[i], SIG_DFL);
}

static _Noreturn void run_child(const struct child_options *options, struct scan *scan)
{
	struct db_options how = { .map_bytes = options->map_bytes, .read_only = true };
	become_harmless();
	enum trail_err err = db_open(options->folder, &how, &scan->db);
	if (err == TRAIL_CORRUPT)
		_exit(EXIT_BAD_TABLES);
	if (err != TRAIL_OK)
		_exit(err == TRAIL_NOMEM ? SCAN_EXIT_NOMEM : EXIT_NO_START);
	err = scan_run(scan);
	db_close(scan->db);
	_exit(err == TRAIL_OK ? 0 : SCAN_EXIT_NOMEM);
}

/* ---- the parent ---- */

struct watch {
	const struct child_options *options;
	struct black_box *box;
	uint64_t steps;
	int still_ms;
	bool killed; /* by us: it hung */
	struct timespec began;
};

/* How a child ended. */
struct ending {
	int status;
	bool hung;
};

static double seconds_since(const struct timespec *began)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static void draw(const struct watch *w)
{
	uint64_t records = atomic_load_explicit(&w->box->records, memory_order_relaxed);
	uint32_t passes = atomic_load_explicit(&w->box->passes, memory_order_relaxed);
	double done = (double)atomic_load_explicit(&w->box->done, memory_order_relaxed);
	double seconds = seconds_since(&w->began);
	if (!w->options->progress || records == 0 || passes == 0)
		return;
	/* Each record is walked by itself, and then once per class beside the payloads. */
	double share = done / (double)passes / (double)records;
	if (share > 1 || seconds <= 0)
		return;
	(void)fprintf(stderr, "\r%3.0f %%  %.0f of %llu records  %.2f M/s \033[K", share * PERCENT,
		share * (double)records, (unsigned long long)records,
		share * (double)records / seconds / 1e6);
}

static void tick(struct watch *w, pid_t pid)
{
	uint64_t steps = atomic_load_explicit(&w->box->steps, memory_order_relaxed);
	draw(w);
	if (steps != w->steps) {
		w->steps = steps;
		w->still_ms = 0;
		return;
	}
	w->still_ms += TICK_MS;
	if (w->still_ms < w->options->hang_ms)
		return;
	w->killed = true;
	(void)kill(pid, SIGKILL);
}

/* Until the child's end of the pipe is closed, which the kernel does however it ends. */
static int wait_for(struct watch *w, pid_t pid, int pipe_end)
{
	struct pollfd fd = { .fd = pipe_end, .events = POLLIN };
	int status = 0;
	while (poll(&fd, 1, TICK_MS) <= 0)
		tick(w, pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (w->options->progress)
		(void)fputs("\r\033[K", stderr);
	return status;
}

/* One child. False: none could be started. */
static bool run_one(const struct child_options *options, struct scan *scan, struct ending *end)
{
	struct watch watch = { .options = options, .box = scan->box };
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &watch.began);
	memset(scan->box, 0, sizeof *scan->box);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		run_child(options, scan);
	}
	(void)close(ends[1]);
	if (pid > 0)
		end->status = wait_for(&watch, pid, ends[0]);
	end->hung = watch.killed;
	(void)close(ends[0]);
	return pid > 0;
}

/* ---- what a death says ---- */

static const char *how(struct ending end)
{
	if (end.hung)
		return "hangs";
	return WIFSIGNALED(end.status) ? "kills the process that reads" : "fails";
}

static void say_death(struct findings *found, const struct hole *h, struct ending end)
{
	char from[2 * WALK_KEY_MAX + 1] = "(its beginning)";
	uint64_t index = FINDING_NOWHERE;
	for (size_t i = 0; i < h->from_len; i++)
		(void)snprintf(from + 2 * i, sizeof from - 2 * i, "%02x", h->from[i]);
	if (h->table == TABLE_SPINE && h->from_len == 0)
		index = 0;
	findings_add(found, FIND_STORE_UNREADABLE, index,
		"reading table %s behind key %s %s%s; restore the store", TABLE_NAMES[h->table],
		from, how(end), h->ends ? ", and all behind it is lost" : "");
}

static void say_lost(struct findings *found, const struct black_box *box, struct ending end)
{
	if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == EXIT_BAD_TABLES)
		findings_add(found, FIND_STORE_TABLE, FINDING_NOWHERE,
			"a table of data.mdb is missing or its root is damaged; restore the store");
	else
		findings_add(found, FIND_STORE_UNREADABLE, FINDING_NOWHERE,
			"reading data.mdb %s %s; restore the store", how(end),
			atomic_load(&box->stage) == STAGE_OPEN ? "at its roots"
							       : "at too many places");
}

/* A way of ending that a damaged store explains; others (no memory, killed from outside) are ours.
 */
static bool store_did_it(struct ending end)
{
	int code = WIFEXITED(end.status) ? WEXITSTATUS(end.status) : -1;
	if (!WIFSIGNALED(end.status))
		return code == SCAN_EXIT_UNREADABLE || code == EXIT_BAD_TABLES;
	switch (WTERMSIG(end.status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
		return true;
	default:
		return end.hung;
	}
}

static bool came_to_its_end(struct ending end, const struct black_box *box)
{
	return WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0 &&
		atomic_load(&box->stage) == STAGE_DONE;
}

struct deaths {
	struct hole holes[HOLES_MAX];
	size_t count;
	struct ending end[HOLES_MAX]; /* of the child that fell in last */
};

/* Remember where it died. False: no further child can do better. */
static bool learn(
	struct deaths *deaths, struct scan *scan, struct ending end, struct findings *found)
{
	if (atomic_load(&scan->box->stage) == STAGE_NAMES && !scan->skip_names) {
		scan->skip_names = true;
		findings_add(found, FIND_STORE_UNREADABLE, FINDING_NOWHERE,
			"the list of tables in data.mdb cannot be read; restore the store");
		return true;
	}
	if (!holes_enter(deaths->holes, &deaths->count, scan->box)) {
		say_lost(found, scan->box, end);
		return false;
	}
	const struct hole *fallen = same_hole(deaths->holes, deaths->count, scan->box);
	deaths->end[fallen - deaths->holes] = end;
	return true;
}

static enum trail_err scan_on(const struct child_options *options, struct scan *scan,
	struct deaths *deaths, struct findings *found)
{
	scan->holes = deaths->holes;
	for (int children = 0; children < 2 * HOLES_MAX; children++) {
		struct ending end = { 0 };
		scan->hole_count = deaths->count;
		if (!run_one(options, scan, &end))
			return TRAIL_IO;
		if (came_to_its_end(end, scan->box))
			break;
		if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == SCAN_EXIT_NOMEM)
			return TRAIL_NOMEM;
		if (!store_did_it(end))
			return TRAIL_IO;
		if (!learn(deaths, scan, end, found))
			break;
	}
	for (size_t i = 0; i < deaths->count; i++)
		say_death(found, &deaths->holes[i], deaths->end[i]);
	findings_join(found, &scan->box->found);
	return TRAIL_OK;
}

enum trail_err child_scan(
	const struct child_options *options, struct findings *found, struct scan_result *result)
{
	struct scan scan = { .evidence = options->evidence };
	struct black_box *box =
		mmap(NULL, sizeof *box, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (box == MAP_FAILED)
		return TRAIL_NOMEM;
	scan.box = box;
	struct deaths deaths = { 0 };
	enum trail_err err = scan_on(options, &scan, &deaths, found);
	*result = box->result;
	succession_bound(&result->succession);
	(void)munmap(box, sizeof *box);
	return err;
}
