/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link against the real traild-signer: $TRAILD_SIGNER, else the one of the same build. Where a
 * signer must lie, this program plays it: started with --state-dir it is a signer whose answers are
 * spoiled as $TRAIL_FAKE says.
 */
#include "../../daemon/signer_link.h"

#include "../../daemon/signer/sandbox.h"
#include "../../daemon/signer/serve.h"
#include "../../daemon/signer/state.h"
#include "../../daemon/signer/talk.h"
#include "../../proto/codec.h"
#include "../support/signer_case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	HEIGHT = SEAL_HEIGHT_MIN,
	VKEY_AT = 1 + 8 + 1 + HASH_LEN + 8 + 4, /* in the answer to WAKE */
	WAIT_MS = 10 * 1000,
	NOTE_ROOM = 512,
	WHY_ROOM = 512
};

#define SEAL_MAX (7200 * UINT64_C(1000000000))

static const char ORIGIN[] = "example.org/audit";
static char self[4096];
static char real_signer[4096];

struct bench {
	char folder[CASE_PATH_MAX];
	struct signer_link *link;
	struct signer_greeting greeting;
	struct case_log log;
	char why[WHY_ROOM];
	char note[NOTE_ROOM];
	size_t note_len;
};

static struct signer_wish wish_for(const struct bench *b, const char *program, unsigned how)
{
	return (struct signer_wish){
		.program = program,
		.folder = b->folder,
		.how = how | SIGNER_ALLOW_COW,
		.origin = span_text(ORIGIN),
		.seal_height = HEIGHT,
		.seal_max_ns = SEAL_MAX,
	};
}

static enum trail_err open_with(struct bench *b, const char *program, unsigned how)
{
	b->why[0] = '\0';
	struct signer_wish wish = wish_for(b, program, how);
	return signer_link_open(&wish, &b->link, &b->greeting, b->why);
}

static void reopen(struct bench *b, unsigned how)
{
	signer_link_close(b->link);
	b->link = NULL;
	if (open_with(b, real_signer, how) != TRAIL_OK)
		fail_msg("%s", b->why);
}

/* Sign `to` with the proof from `from`; 0: without a proof. */
static enum trail_err sign(struct bench *b, uint64_t from, uint64_t to)
{
	struct hash root;
	struct tree_proof proof = { 0 };
	case_log_root(&b->log, to, &root);
	if (from != 0)
		case_log_proof(&b->log, from, to, &proof);
	return signer_link_sign(b->link, to, &root, &proof, b->note, &b->note_len, b->why);
}

static int setup(void **state)
{
	static struct bench b;
	b = (struct bench){ 0 };
	case_folder_make(b.folder);
	case_log_fill(&b.log, 1, 0);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	(void)unsetenv("TRAIL_FAKE");
	signer_link_close(b->link);
	case_folder_remove(b->folder);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void nap(int ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	(void)nanosleep(&ts, NULL);
}

/* The first process whose parent is `parent`; 0: none. */
static pid_t child_of(pid_t parent)
{
	DIR *dir = opendir("/proc");
	pid_t found = 0;
	assert_non_null(dir);
	for (struct dirent *e; found == 0 && (e = readdir(dir)) != NULL;) {
		char path[300];
		int pid = 0;
		int ppid = 0;
		(void)snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (f && fscanf(f, "%d %*s %*c %d", &pid, &ppid) == 2 && ppid == parent)
			found = pid;
		if (f)
			(void)fclose(f);
	}
	(void)closedir(dir);
	return found;
}

static pid_t signer_pid(void)
{
	pid_t pid = child_of(getpid());
	assert_true(pid > 0);
	return pid;
}

/* ---- with the real one ---- */

static void test_a_new_log_is_signed_and_remembered(void **state)
{
	struct bench *b = *state;
	struct checkpoint cp;
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(b->greeting.head_size, 0);
	assert_int_equal(b->greeting.seal_height, HEIGHT);
	assert_string_equal(b->greeting.vkey.name, ORIGIN);
	assert_int_equal(signer_link_size(b->link), 0);
	for (uint64_t n = 1; n <= 40; n++) {
		assert_int_equal(sign(b, n - 1, n), TRAIL_OK);
		assert_int_equal(signer_link_size(b->link), n);
	}
	assert_int_equal(
		checkpoint_open(span_of(b->note, b->note_len), &b->greeting.vkey, &cp), TRAIL_OK);
	assert_int_equal(cp.size, 40);
	struct vkey before = b->greeting.vkey;
	reopen(b, 0);
	assert_int_equal(b->greeting.head_size, 40);
	assert_true(hash_equal(&b->greeting.head_root, &cp.root));
	assert_memory_equal(before.pub, b->greeting.vkey.pub, SIGN_PUBLIC_LEN);
	assert_int_equal(sign(b, 40, 300), TRAIL_OK);
}

static void test_a_refusal_reaches_the_caller_with_its_sentence(void **state)
{
	struct bench *b = *state;
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	assert_int_equal(sign(b, 1, 9), TRAIL_OK);
	assert_int_equal(sign(b, 0, 5), TRAIL_CORRUPT);
	assert_non_null(strstr(b->why, "size 5 is smaller than the signed size 9"));
	/* And that was the last word. */
	assert_int_equal(sign(b, 9, 10), TRAIL_IO);
	assert_non_null(strstr(b->why, "failed before"));
	assert_int_equal(signer_link_size(b->link), 9);
	reopen(b, 0);
	assert_int_equal(b->greeting.head_size, 9);
}

static void test_why_may_be_left_out(void **state)
{
	struct bench *b = *state;
	struct signer_wish wish = wish_for(b, real_signer, 0);
	assert_int_equal(signer_link_open(&wish, &b->link, &b->greeting, NULL), TRAIL_CORRUPT);
	assert_null(b->link);
}

static void test_a_missing_program_is_a_sentence(void **state)
{
	struct bench *b = *state;
	assert_int_equal(open_with(b, "/nonexistent/traild-signer", SIGNER_MAKE_NEW), TRAIL_IO);
	assert_null(b->link);
	assert_non_null(strstr(b->why, "No such file"));
	assert_int_equal(case_folder_count(b->folder), 0);
}

static void test_a_second_signer_on_the_folder_fails(void **state)
{
	struct bench *b = *state;
	reopen(b, SIGNER_MAKE_NEW);
	struct signer_link *first = b->link;
	assert_int_equal(open_with(b, real_signer, 0), TRAIL_IO);
	assert_non_null(strstr(b->why, "in use by another traild-signer"));
	b->link = first;
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
}

static void test_a_killed_signer_is_seen_and_its_head_is_kept(void **state)
{
	struct bench *b = *state;
	reopen(b, SIGNER_MAKE_NEW);
	uint64_t size = 0;
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 20; i++, size++)
			assert_int_equal(sign(b, size, size + 1), TRAIL_OK);
		struct pollfd p = { .fd = signer_link_fd(b->link), .events = POLLIN };
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(kill(signer_pid(), SIGKILL), 0);
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(sign(b, size, size + 1), TRAIL_IO);
		assert_non_null(strstr(b->why, "signer"));
		reopen(b, 0);
		assert_int_equal(b->greeting.head_size, size);
	}
}

static void test_closing_ends_it(void **state)
{
	struct bench *b = *state;
	reopen(b, SIGNER_MAKE_NEW);
	pid_t pid = signer_pid();
	int64_t begin = now_ms();
	signer_link_close(b->link);
	b->link = NULL;
	assert_true(now_ms() - begin < WAIT_MS / 2);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* A daemon that is told to stop at the same moment still has its stop signed. */
static void test_sigterm_leaves_time_to_sign_the_end(void **state)
{
	struct bench *b = *state;
	reopen(b, SIGNER_MAKE_NEW);
	pid_t pid = signer_pid();
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	assert_int_equal(sign(b, 1, 2), TRAIL_OK);
	/* And when nobody closes, it ends by itself. */
	struct pollfd p = { .fd = signer_link_fd(b->link), .events = POLLIN };
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(sign(b, 2, 3), TRAIL_IO);
	reopen(b, 0);
	assert_int_equal(b->greeting.head_size, 2);
}

/*
 * A daemon that dies. `holder`: another process still has the daemon's end of the socket open, so
 * that the signer sees no end of file.
 */
static void parent_dies(struct bench *b, bool holder)
{
	int tell[2], hold[2];
	pid_t pid = 0;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid_t parent = fork();
	if (parent == 0) {
		if (open_with(b, real_signer, SIGNER_MAKE_NEW) != TRAIL_OK)
			_exit(1);
		pid = child_of(getpid());
		(void)close(hold[1]);
		if (holder && fork() == 0) {
			(void)!read(hold[0], &pid, 1);
			_exit(0);
		}
		(void)!write(tell[1], &pid, sizeof pid);
		(void)kill(getpid(), SIGKILL);
	}
	(void)close(tell[1]);
	(void)close(hold[0]);
	assert_int_equal(read(tell[0], &pid, sizeof pid), sizeof pid);
	(void)close(tell[0]);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* Ours now. */
	int64_t deadline = now_ms() + WAIT_MS;
	int status = 0;
	pid_t got;
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() < deadline)
		nap(5);
	(void)close(hold[1]);
	if (got == 0)
		(void)kill(pid, SIGKILL);
	assert_int_equal(got, pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void test_it_ends_when_its_daemon_dies(void **state)
{
	parent_dies(*state, false);
}

static void test_it_ends_when_its_daemon_dies_although_the_socket_lives(void **state)
{
	parent_dies(*state, true);
}

static void test_it_inherits_one_descriptor_and_no_standard_input(void **state)
{
	struct bench *b = *state;
	char path[64], target[256];
	struct stat st;
	if (geteuid() != 0)
		skip(); /* its /proc/PID/fd is closed to its own user, as it should be */
	int leaky = open(self, O_RDONLY); /* not close-on-exec, like LMDB's */
	assert_true(leaky >= 0);
	reopen(b, SIGNER_MAKE_NEW);
	pid_t pid = signer_pid();
	for (int fd = 0; fd < 64; fd++) {
		(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t len = readlink(path, target, sizeof target - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (fd < 2)
			assert_string_equal(target, "/dev/null");
		else if (fd == 3)
			assert_non_null(strstr(target, "socket:"));
		else if (fd > 3)
			assert_true(strncmp(target, b->folder, strlen(b->folder)) == 0);
		assert_int_equal(stat(path, &st), 0);
	}
	(void)close(leaky);
}

static void test_it_works_inside_its_filter(void **state)
{
	struct bench *b = *state;
	char path[64], line[256];
	int mode = -1;
	reopen(b, SIGNER_MAKE_NEW);
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)signer_pid());
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	(void)fclose(f);
	assert_int_equal(mode, sandbox_present() ? 2 : 0);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	assert_int_equal(sign(b, 1, 500), TRAIL_OK);
	signer_link_close(b->link);
	b->link = NULL;
}

/* ---- order of its system calls, by strace ---- */

struct trace {
	double last_write, first_sync_after;
	unsigned writes, syncs, answers;
	bool first_sync_before_answer, write_before_answer;
};

/* Lines as "1700000000.123456 pwrite64(5, ..." */
static void read_trace(const char *path, struct trace *t)
{
	char line[1024];
	FILE *f = fopen(path, "re");
	*t = (struct trace){ .write_before_answer = true };
	unsigned owed = 0;
	while (f && fgets(line, sizeof line, f)) {
		double at = strtod(line, NULL);
		if (strstr(line, " pwrite64(")) {
			t->writes++;
			owed = 1;
			t->last_write = at;
			t->first_sync_after = 0;
		} else if (strstr(line, " fdatasync(")) {
			t->syncs++;
			if (t->first_sync_after <= 0)
				t->first_sync_after = at;
			if (t->writes == 1 && t->answers == 1)
				t->first_sync_before_answer = true;
		} else if (strstr(line, " sendto(")) {
			/* The first answer is WAKE's. */
			t->write_before_answer =
				t->write_before_answer && (t->answers == 0 || owed == 1);
			t->answers++;
			owed = 0;
		}
	}
	if (f)
		(void)fclose(f);
}

/* A program in the new folder `dir` that runs the signer under strace with `options`. */
static void make_tracer(
	char dir[CASE_PATH_MAX], char script[2 * CASE_PATH_MAX], const char *options)
{
	struct buf text = { 0 };
	case_folder_make(dir);
	(void)snprintf(script, 2 * CASE_PATH_MAX, "%s/traced", dir);
	/* LeakSanitizer cannot work under ptrace. */
	buf_printf(&text,
		"#!/bin/sh\nASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 exec strace -qq -ttt -o "
		"%s/trace %s %s "
		"\"$@\"\n",
		dir, options, real_signer);
	case_file_write(dir, "traced", buf_view(&text));
	case_file_chmod(dir, "traced", 0700);
	buf_release(&text);
}

static void test_a_head_is_written_before_its_answer_and_synced_within_a_second(void **state)
{
	struct bench *b = *state;
	char dir[CASE_PATH_MAX], script[2 * CASE_PATH_MAX], trace_path[2 * CASE_PATH_MAX];
	struct trace t;
	if (access("/usr/bin/strace", X_OK) != 0)
		skip();
	reopen(b, SIGNER_MAKE_NEW);
	signer_link_close(b->link);
	b->link = NULL;
	make_tracer(dir, script, "-e trace=pwrite64,fdatasync,sendto");
	(void)snprintf(trace_path, sizeof trace_path, "%s/trace", dir);
	assert_int_equal(open_with(b, script, 0), TRAIL_OK);
	for (uint64_t n = 1; n <= 5; n++)
		assert_int_equal(sign(b, n - 1, n), TRAIL_OK);
	/* The link stays open and silent: the sync must come by itself. */
	for (int64_t deadline = now_ms() + WAIT_MS;;) {
		read_trace(trace_path, &t);
		if ((t.writes == 5 && t.first_sync_after > 0) || now_ms() > deadline)
			break;
		nap(20);
	}
	signer_link_close(b->link);
	b->link = NULL;
	case_folder_remove(dir);
	assert_int_equal(t.writes, 5);
	assert_int_equal(t.answers, 6);
	assert_true(t.write_before_answer);
	assert_true(t.first_sync_before_answer);
	assert_true(t.first_sync_after > t.last_write);
	assert_true(t.first_sync_after - t.last_write <= 1.0);
}

/* ---- births that are killed ---- */

static struct pace_time clocks(void)
{
	struct timespec real, boot;
	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct pace_time){
		.real_ns = (uint64_t)real.tv_sec * 1000000000 + (uint64_t)real.tv_nsec,
		.boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec,
	};
}

static int wake_new(struct signer *s, struct buf *answer)
{
	/* Height 10: long enough to be hit. */
	uint8_t q[12 + sizeof ORIGIN - 1] = { TALK_WAKE, 1, 10 };
	store_be64(q + 3, SEAL_MAX);
	q[11] = sizeof ORIGIN - 1;
	memcpy(q + 12, ORIGIN, sizeof ORIGIN - 1);
	return signer_answer(s, span_of(q, sizeof q), answer);
}

static void test_a_birth_killed_at_any_moment_is_none_or_complete(void **state)
{
	struct bench *b = *state;
	const struct signer_options options = {
		.folder = b->folder, .allow_cow = true, .now = clocks
	};
	unsigned killed = 0;
	for (int i = 0; i < 24; i++) {
		struct buf answer = { 0 };
		struct signer *s = signer_new(&options);
		pid_t pid = fork();
		if (pid == 0)
			_exit(wake_new(s, &answer));
		nap(1 + i);
		(void)kill(pid, SIGKILL);
		int status = 0;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		killed += WIFSIGNALED(status);
		assert_int_equal(wake_new(s, &answer), TALK_OK);
		assert_int_equal(load_be64(answer.data + 1), 0);
		signer_free(s);
		buf_release(&answer);
		case_folder_remove(b->folder);
		case_folder_make(b->folder);
	}
	print_message("%u of 24 births were killed\n", killed);
	assert_true(killed >= 3);
}

/* A new log's syncs, in order: the folder, seeds, seal.pub, head, the folder, key, the folder. */
static void test_a_birth_killed_at_each_of_its_syncs_is_none_or_complete(void **state)
{
	struct bench *b = *state;
	enum {
		SYNCS = 7,
		KEY_SYNC = 6
	};
	char dir[CASE_PATH_MAX], script[2 * CASE_PATH_MAX], options[128];
	if (access("/usr/bin/strace", X_OK) != 0)
		skip();
	for (int n = 1; n <= SYNCS + 1; n++) {
		(void)snprintf(options, sizeof options,
			"-e trace=fsync -e inject=fsync:signal=SIGKILL:when=%d", n);
		make_tracer(dir, script, options);
		assert_int_equal(
			open_with(b, script, SIGNER_MAKE_NEW), n <= SYNCS ? TRAIL_IO : TRAIL_OK);
		assert_int_equal(case_file_mode(b->folder, "key") != 0, n >= KEY_SYNC);
		reopen(b, SIGNER_MAKE_NEW);
		assert_int_equal(sign(b, 0, 1), TRAIL_OK);
		signer_link_close(b->link);
		b->link = NULL;
		case_folder_remove(dir);
		case_folder_remove(b->folder);
		case_folder_make(b->folder);
	}
}

/* ---- with one that lies ---- */

static void spoil_wake(const char *how, struct buf *answer)
{
	if (strcmp(how, "greeting-cut") == 0)
		answer->len--;
	else if (strcmp(how, "greeting-long") == 0)
		buf_put_u8(answer, 0);
	else if (strcmp(how, "greeting-size") == 0)
		answer->data[8]++;
	else if (strcmp(how, "greeting-height") == 0)
		answer->data[9] = 200;
	else if (strcmp(how, "greeting-key") == 0)
		answer->data[VKEY_AT + 2 + 30] ^= 1;
	else if (strcmp(how, "greeting-note") == 0)
		answer->data[answer->len - 20] ^= 1;
	else if (strcmp(how, "huge") == 0)
		buf_put(answer, (const uint8_t[TALK_LEN_MAX]){ 0 }, TALK_LEN_MAX);
	else if (strcmp(how, "status") == 0)
		answer->data[0] = 9;
	else if (strcmp(how, "binary") == 0)
		buf_clear(answer), buf_put(answer, "\2\xff\x1b[2J", 6);
}

static void spoil_sign(const char *how, struct buf *answer, const struct buf *last)
{
	if (strcmp(how, "note-old") == 0 && last->len != 0)
		buf_clear(answer), buf_put_span(answer, buf_view(last));
	else if (strcmp(how, "note-flip") == 0)
		answer->data[answer->len - 20] ^= 1;
	else if (strcmp(how, "note-cut") == 0)
		answer->len--;
	else if (strcmp(how, "note-length") == 0)
		answer->data[1] = 0xff;
	else if (strcmp(how, "note-none") == 0)
		answer->len = 1;
}

static void spoil_seal(const char *how, struct buf *answer)
{
	size_t text = 1 + 2; /* where it begins, behind status and length */
	if (strcmp(how, "seal-cut") == 0)
		answer->len--;
	else if (strcmp(how, "seal-long") == 0)
		buf_put_u8(answer, 0);
	else if (strcmp(how, "seal-sig") == 0)
		answer->data[answer->len - 20] ^= 1;
	else if (strcmp(how, "seal-key") == 0)
		answer->data[text + load_be16(answer->data + 1) + 3] ^= 1;
	else if (strcmp(how, "seal-text") == 0)
		answer->data[text + 16] ^= 1;
	else if (strcmp(how, "seal-height") == 0)
		answer->data[text + load_be16(answer->data + 1) + SIGN_PUBLIC_LEN]--;
	else if (strcmp(how, "seal-none") == 0)
		answer->len = 1;
	else if (strcmp(how, "seal-later") == 0)
		answer->len = 8, answer->data[0] = TALK_NOT_YET;
}

/* A note by the true key, of another size or another root than asked for. */
static void sign_other(
	const char *folder, const uint8_t *question, bool other_root, struct buf *answer)
{
	struct skey key;
	struct buf line = case_file_read(folder, "key");
	struct buf text = { 0 };
	struct buf note = { 0 };
	struct checkpoint cp = { .size = load_be64(question + 1) + !other_root };
	memcpy(cp.root.b, question + 9, HASH_LEN);
	cp.root.b[0] ^= other_root;
	(void)snprintf(cp.origin, sizeof cp.origin, "%s", ORIGIN);
	checkpoint_put(&text, &cp);
	if (skey_parse(span_of(line.data, line.len - 1), &key) != TRAIL_OK ||
		note_sign(buf_view(&text), &key, &note) != TRAIL_OK)
		_exit(8);
	buf_clear(answer);
	buf_put_u8(answer, TALK_OK);
	buf_put_be16(answer, (uint16_t)note.len);
	buf_put_span(answer, buf_view(&note));
	buf_release(&line);
	buf_release(&text);
	buf_release(&note);
}

/* Plays the signer on descriptor 3. */
static int fake(const char *folder)
{
	const struct signer_options options = {
		.folder = folder, .allow_cow = true, .now = clocks
	};
	const char *how = getenv("TRAIL_FAKE");
	struct signer *s = signer_new(&options);
	struct buf answer = { 0 };
	struct buf last = { 0 };
	uint8_t q[TALK_LEN_MAX];
	if (!s || !how || strcmp(how, "early-end") == 0)
		_exit(7);
	for (ssize_t len; (len = recv(3, q, sizeof q, 0)) > 0;) {
		if (strcmp(how, "silent-end") == 0)
			_exit(7);
		if (signer_answer(s, span_of(q, (size_t)len), &answer) != TALK_OK)
			_exit(7);
		if (q[0] == TALK_WAKE)
			spoil_wake(how, &answer);
		else if (q[0] == TALK_SIGN)
			spoil_sign(how, &answer, &last);
		else if (q[0] == TALK_SEAL)
			spoil_seal(how, &answer);
		/* Asked for another time than traild's. */
		if (q[0] == TALK_SEAL && strcmp(how, "seal-time") == 0) {
			q[16]++;
			(void)signer_answer(s, span_of(q, (size_t)len), &answer);
		}
		if (q[0] == TALK_SIGN && strcmp(how, "note-size") == 0)
			sign_other(folder, q, false, &answer);
		if (q[0] == TALK_SIGN && strcmp(how, "note-root") == 0)
			sign_other(folder, q, true, &answer);
		if (q[0] == TALK_SIGN && last.len == 0)
			buf_put_span(&last, buf_view(&answer));
		if (send(3, answer.data, answer.len, MSG_NOSIGNAL) < 0)
			_exit(7);
	}
	signer_free(s);
	buf_release(&answer);
	buf_release(&last);
	return 0;
}

static void test_a_greeting_that_lies_is_not_believed(void **state)
{
	struct bench *b = *state;
	static const char *const how[] = { "greeting-cut", "greeting-long", "greeting-size",
		"greeting-height", "greeting-key", "greeting-note", "huge", "status", "binary",
		"early-end", "silent-end" };
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	signer_link_close(b->link);
	b->link = NULL;
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		(void)setenv("TRAIL_FAKE", how[i], 1);
		if (open_with(b, self, 0) != TRAIL_IO)
			fail_msg("%s was believed", how[i]);
		assert_null(b->link);
		assert_true(strlen(b->why) > 10);
		for (const char *c = b->why; *c; c++)
			assert_true(*c >= ' ' && *c != 0x7f);
	}
	(void)setenv("TRAIL_FAKE", "honest", 1);
	assert_int_equal(open_with(b, self, 0), TRAIL_OK);
	assert_int_equal(b->greeting.head_size, 1);
}

static void test_a_note_that_lies_is_not_believed(void **state)
{
	struct bench *b = *state;
	static const char *const how[] = { "note-old", "note-flip", "note-cut", "note-length",
		"note-none", "note-size", "note-root" };
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	uint64_t size = 1;
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		signer_link_close(b->link);
		b->link = NULL;
		(void)setenv("TRAIL_FAKE", how[i], 1);
		assert_int_equal(open_with(b, self, 0), TRAIL_OK);
		/* note-old has its old note from a first, honest answer. */
		if (strcmp(how[i], "note-old") == 0) {
			assert_int_equal(sign(b, size, size + 1), TRAIL_OK);
			size++;
		}
		if (sign(b, size, size + 1) != TRAIL_IO)
			fail_msg("%s was believed", how[i]);
		assert_int_equal(signer_link_size(b->link), size);
		assert_non_null(strstr(b->why, "not to be trusted"));
		/* The next is not even asked. */
		assert_int_equal(sign(b, size, size + 1), TRAIL_IO);
		size++; /* which the fake did keep */
	}
}

static enum trail_err seal(struct bench *b, uint64_t size, uint64_t time_ns, uint64_t *wait_ns)
{
	struct seal seal;
	return signer_link_seal(b->link, size, time_ns, &seal, wait_ns, b->why);
}

static void test_g4_a_seal_comes_through_the_link_and_not_before_its_time(void **state)
{
	struct bench *b = *state;
	uint64_t wait_ns = 0;
	struct seal s;
	struct seal_text text;
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(b->greeting.seal_epoch, 0);
	assert_int_equal(b->greeting.seal_max_ns, SEAL_MAX);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	assert_int_equal(sign(b, 1, 5), TRAIL_OK);
	assert_int_equal(signer_link_seal(b->link, 5, 77, &s, &wait_ns, b->why), TRAIL_OK);
	struct seal_anchor anchor = {
		.root = b->greeting.seal_root, .height = HEIGHT, .max_ns = SEAL_MAX
	};
	memcpy(anchor.origin, ORIGIN, sizeof ORIGIN);
	assert_int_equal(seal_check(&anchor, &s, &text), SEAL_FITS);
	assert_true(text.size == 5 && text.time_ns == 77 && text.epoch == 0);
	/* Its record, as leaf 5. */
	struct buf payload = { 0 };
	uint8_t record[RECORD_LEN], salt[SALT_LEN] = { 9 };
	struct record r = { .version = RECORD_VERSION, .kind = KIND_SEAL, .received_ns = 77 };
	seal_encode(&s, &payload);
	record_commitment(salt, buf_view(&payload), &r.commitment);
	buf_release(&payload);
	record_encode(&r, record);
	record_leaf(record, &b->log.leaf[5]);
	assert_int_equal(sign(b, 5, 6), TRAIL_OK);
	struct tree_proof inclusion = { .count = 2 };
	inclusion.path[0] = b->log.leaf[4];
	case_log_root(&b->log, 4, &inclusion.path[1]);
	const struct signer_proof proof = {
		.record = record, .salt = salt, .inclusion = &inclusion
	};
	uint32_t epoch = 0;
	assert_int_equal(signer_link_sealed(b->link, &proof, &epoch, b->why), TRAIL_OK);
	assert_int_equal(epoch, 1);
	assert_int_equal(seal(b, 6, 78, &wait_ns), TRAIL_MORE);
	assert_true(wait_ns > 0 && wait_ns <= SEAL_MAX / 8);
	/* It goes on after that, and a later start knows. */
	assert_int_equal(sign(b, 6, 7), TRAIL_OK);
	reopen(b, 0);
	assert_int_equal(b->greeting.seal_epoch, 1);
	assert_int_equal(seal(b, 7, 79, &wait_ns), TRAIL_MORE);
}

static void test_g4_a_refused_seal_reaches_the_caller(void **state)
{
	struct bench *b = *state;
	uint64_t wait_ns = 0;
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	assert_int_equal(seal(b, 2, 77, &wait_ns), TRAIL_CORRUPT);
	assert_non_null(strstr(b->why, "the signed head has size 1"));
	assert_int_equal(sign(b, 1, 2), TRAIL_IO);
}

static void test_a_seal_that_lies_is_not_believed(void **state)
{
	struct bench *b = *state;
	static const char *const how[] = { "seal-cut", "seal-long", "seal-sig", "seal-key",
		"seal-text", "seal-height", "seal-none", "seal-later", "seal-time" };
	uint64_t wait_ns = 0;
	reopen(b, SIGNER_MAKE_NEW);
	assert_int_equal(sign(b, 0, 1), TRAIL_OK);
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		signer_link_close(b->link);
		b->link = NULL;
		(void)setenv("TRAIL_FAKE", how[i], 1);
		assert_int_equal(open_with(b, self, 0), TRAIL_OK);
		if (seal(b, 1, 77, &wait_ns) != TRAIL_IO)
			fail_msg("%s was believed", how[i]);
		assert_non_null(strstr(b->why, "not to be trusted"));
		assert_int_equal(sign(b, 1, 2), TRAIL_IO);
	}
}

#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static bool find_programs(void)
{
	const char *given = getenv("TRAILD_SIGNER");
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	if (len < 0)
		return false;
	self[len] = '\0';
	/* build/MODE/tests/unit/test_signer_link, so three names up. */
	(void)snprintf(real_signer, sizeof real_signer, "%s", given ? given : self);
	for (int up = 0; !given && up < 3; up++)
		*strrchr(real_signer, '/') = '\0';
	if (!given)
		(void)strncat(real_signer, "/traild-signer",
			sizeof real_signer - strlen(real_signer) - 1);
	if (access(real_signer, X_OK) == 0)
		return true;
	print_error("%s is not there: build it, or name it in TRAILD_SIGNER\n", real_signer);
	return false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		each(test_a_new_log_is_signed_and_remembered),
		each(test_a_refusal_reaches_the_caller_with_its_sentence),
		each(test_why_may_be_left_out),
		each(test_a_missing_program_is_a_sentence),
		each(test_a_second_signer_on_the_folder_fails),
		each(test_a_killed_signer_is_seen_and_its_head_is_kept),
		each(test_closing_ends_it),
		each(test_sigterm_leaves_time_to_sign_the_end),
		each(test_it_ends_when_its_daemon_dies),
		each(test_it_ends_when_its_daemon_dies_although_the_socket_lives),
		each(test_it_inherits_one_descriptor_and_no_standard_input),
		each(test_it_works_inside_its_filter),
		each(test_a_head_is_written_before_its_answer_and_synced_within_a_second),
		each(test_a_birth_killed_at_any_moment_is_none_or_complete),
		each(test_a_birth_killed_at_each_of_its_syncs_is_none_or_complete),
		each(test_a_greeting_that_lies_is_not_believed),
		each(test_a_note_that_lies_is_not_believed),
		each(test_g4_a_seal_comes_through_the_link_and_not_before_its_time),
		each(test_g4_a_refused_seal_reaches_the_caller),
		each(test_a_seal_that_lies_is_not_believed),
	};
	if (!crypto_init())
		return 1;
	if (argc > 2 && strcmp(argv[1], "--state-dir") == 0)
		return fake(argv[2]);
	if (!find_programs())
		return 1;
	return cmocka_run_group_tests_name("signer_link", tests, NULL, NULL);
}
