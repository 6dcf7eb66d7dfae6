/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of logs between runs: comes back, never goes back, never changes identity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/deadline.h"
#include "../../client/pins.h"
#include "../../client/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ADDRESS[] = "unix:/run/x";

struct world {
	char top[64];
	char folder[96];
	struct skey skey;
	struct pin pin;
	struct pin back;
	struct fault fault;
};

static void set_note(struct world *w, uint64_t size)
{
	struct checkpoint cp = { .origin = "example.org/log", .size = size };
	struct buf text = { 0 }, note = { 0 };
	checkpoint_put(&text, &cp);
	assert_int_equal(note_sign(buf_view(&text), &w->skey, &note), TRAIL_OK);
	memcpy(w->pin.note, note.data, note.len);
	w->pin.note_len = note.len;
	buf_release(&text);
	buf_release(&note);
}

static int make_world(void **state)
{
	static const uint8_t SEED[SIGN_SEED_LEN] = { 7 };
	struct world *w = calloc(1, sizeof *w);
	assert_true(crypto_init());
	memcpy(w->top, "/tmp/trail-pins-XXXXXX", sizeof "/tmp/trail-pins-XXXXXX");
	assert_non_null(mkdtemp(w->top));
	(void)snprintf(w->folder, sizeof w->folder, "%s/state/trail", w->top);
	assert_int_equal(skey_make(span_text("example.org/log"), SEED, &w->skey), TRAIL_OK);
	w->pin.identity.vkey = w->skey.vkey;
	set_note(w, 10);
	*state = w;
	return 0;
}

static int free_world(void **state)
{
	struct world *w = *state;
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", w->top);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static enum trail_err put(struct world *w)
{
	return pins_write(w->folder, ADDRESS, &w->pin, deadline_in(1000), &w->fault);
}

static enum trail_err get(struct world *w)
{
	return pins_read(w->folder, "example.org/log", &w->back, &w->fault);
}

static void what_is_kept_comes_back(void **state)
{
	struct world *w = *state;
	char origin[NOTE_NAME_MAX + 1];
	struct stat st;
	assert_int_equal(get(w), TRAIL_END);
	assert_int_equal(pins_origin(w->folder, ADDRESS, origin, &w->fault), TRAIL_END);
	assert_int_equal(put(w), TRAIL_OK);
	assert_int_equal(pins_origin(w->folder, ADDRESS, origin, &w->fault), TRAIL_OK);
	assert_string_equal(origin, "example.org/log");
	assert_int_equal(get(w), TRAIL_OK);
	assert_true(identity_same(&w->back.identity, &w->pin.identity));
	assert_int_equal(w->back.note_len, w->pin.note_len);
	assert_memory_equal(w->back.note, w->pin.note, w->pin.note_len);
	assert_int_equal(stat(w->folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void an_older_checkpoint_never_replaces_a_newer_one(void **state)
{
	struct world *w = *state;
	assert_int_equal(put(w), TRAIL_OK);
	size_t len = w->pin.note_len;
	set_note(w, 9);
	assert_int_equal(put(w), TRAIL_OK);
	assert_int_equal(get(w), TRAIL_OK);
	assert_int_equal(w->back.note_len, len);
	set_note(w, 11);
	assert_int_equal(put(w), TRAIL_OK);
	assert_int_equal(get(w), TRAIL_OK);
	assert_memory_equal(w->back.note, w->pin.note, w->pin.note_len);
}

static void another_identity_never_replaces_the_known_one(void **state)
{
	struct world *w = *state;
	assert_int_equal(put(w), TRAIL_OK);
	w->pin.identity.genesis.b[0] ^= 1;
	set_note(w, 1000);
	assert_int_equal(put(w), TRAIL_CORRUPT);
	assert_int_equal(get(w), TRAIL_OK);
	assert_int_equal(w->back.identity.genesis.b[0], 0);
}

/* The path of the one file whose name begins with `prefix`. */
static void find_file(const struct world *w, const char *prefix, char path[512])
{
	char command[256];
	(void)snprintf(command, sizeof command, "ls %s/%s*", w->folder, prefix);
	FILE *f = popen(command, "r");
	assert_non_null(fgets(path, 512, f));
	path[strcspn(path, "\n")] = '\0';
	(void)pclose(f);
}

static void damage_is_named_and_never_read_past(void **state)
{
	static const char *const CONTENTS[] = { "", "trail-pin/v1\n", "trail-pin/v2\n\n\n\n\n",
		"trail-pin/v1\ntrail-log/v1\nx\ny\n\n", "\n\n\n\n\n\n" };
	struct world *w = *state;
	char path[512], origin[NOTE_NAME_MAX + 1];
	assert_int_equal(put(w), TRAIL_OK);
	for (size_t i = 0; i < sizeof CONTENTS / sizeof CONTENTS[0]; i++) {
		find_file(w, "log-", path);
		FILE *f = fopen(path, "w");
		(void)fputs(CONTENTS[i], f);
		(void)fclose(f);
		assert_int_equal(get(w), TRAIL_CORRUPT);
		assert_non_null(strstr(w->fault.sentence, path));
		find_file(w, "address-", path);
		f = fopen(path, "w");
		(void)fputs(CONTENTS[i], f);
		(void)fclose(f);
		assert_int_equal(pins_origin(w->folder, ADDRESS, origin, &w->fault), TRAIL_CORRUPT);
	}
}

static void a_locked_folder_ends_in_time(void **state)
{
	struct world *w = *state;
	char command[256];
	assert_int_equal(put(w), TRAIL_OK);
	/* Held by another process until its standard input ends. */
	(void)snprintf(command, sizeof command,
		"flock -x '%s' sh -c 'echo >%s/held; cat >/dev/null'", w->folder, w->top);
	FILE *holder = popen(command, "w");
	(void)snprintf(command, sizeof command, "%s/held", w->top);
	int64_t deadline = deadline_in(10000);
	while (access(command, F_OK) != 0 && deadline_left(deadline) > 0)
		deadline_pause(deadline);
	assert_int_equal(
		pins_write(w->folder, ADDRESS, &w->pin, deadline_in(50), &w->fault), TRAIL_TIMEOUT);
	(void)pclose(holder);
	assert_int_equal(put(w), TRAIL_OK);
}

static void what_was_verified_is_kept_beside_what_was_seen(void **state)
{
	struct world *w = *state;
	int64_t deadline = deadline_in(1000);
	assert_int_equal(
		pins_read_verified(w->folder, "example.org/log", &w->back, &w->fault), TRAIL_END);
	assert_int_equal(pins_write_verified(w->folder, &w->pin, deadline, &w->fault), TRAIL_OK);
	/* It says nothing of what was seen, and the other way round. */
	assert_int_equal(pins_read(w->folder, "example.org/log", &w->back, &w->fault), TRAIL_END);
	set_note(w, 20);
	assert_int_equal(pins_write(w->folder, ADDRESS, &w->pin, deadline, &w->fault), TRAIL_OK);
	assert_int_equal(
		pins_read_verified(w->folder, "example.org/log", &w->back, &w->fault), TRAIL_OK);
	set_note(w, 10);
	assert_int_equal(w->back.note_len, w->pin.note_len);
	assert_memory_equal(w->back.note, w->pin.note, w->pin.note_len);
	/* A smaller one does not replace it. */
	set_note(w, 9);
	assert_int_equal(pins_write_verified(w->folder, &w->pin, deadline, &w->fault), TRAIL_OK);
	set_note(w, 10);
	assert_int_equal(
		pins_read_verified(w->folder, "example.org/log", &w->back, &w->fault), TRAIL_OK);
	assert_memory_equal(w->back.note, w->pin.note, w->pin.note_len);
	/* Another log under that name does not either. */
	w->pin.identity.genesis.b[0] ^= 1;
	assert_int_equal(
		pins_write_verified(w->folder, &w->pin, deadline, &w->fault), TRAIL_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_kept_comes_back, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			an_older_checkpoint_never_replaces_a_newer_one, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			another_identity_never_replaces_the_known_one, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			damage_is_named_and_never_read_past, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			a_locked_folder_ends_in_time, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			what_was_verified_is_kept_beside_what_was_seen, make_world, free_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
