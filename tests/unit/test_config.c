/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof path, "/tmp/test_config.XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static enum trail_err read_text(const char *text, struct settings *settings, char why[512])
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return settings_read(path, settings, why);
}

static void test_an_empty_file_means_the_defaults(void **state)
{
	struct settings defaults;
	struct settings settings;
	char why[512];
	(void)state;
	settings_default(&defaults);
	assert_int_equal(defaults.map_size, UINT64_C(1) << 40);
	assert_int_equal(defaults.reserve, 256 << 20);
	assert_int_equal(defaults.queue_bytes, 32 << 20);
	assert_int_equal(defaults.connections, 4096);
	assert_int_equal(defaults.peer_connections, 0);
	assert_int_equal(defaults.peer_bytes, 0);
	assert_int_equal(defaults.peer_rate, 0);
	assert_int_equal(defaults.unread_bytes, 1 << 20);
	assert_int_equal(defaults.hello_time, 10);
	assert_int_equal(defaults.frame_time, 30);
	assert_int_equal(defaults.unread_time, 30);
	assert_int_equal(defaults.idle_time, 172800);
	assert_int_equal(defaults.readers, 2);
	assert_int_equal(defaults.seal_height, 16);
	assert_int_equal(defaults.allow_cow, 0);
	assert_string_equal(defaults.signer, "");
	assert_int_equal(read_text("# nothing\n", &settings, why), TRAIL_OK);
	assert_memory_equal(&settings, &defaults, sizeof settings);
}

static void test_what_is_set_is_taken(void **state)
{
	struct settings s;
	char why[512];
	(void)state;
	assert_int_equal(read_text("map_size = 2G\nreserve = 1048576\nqueue_bytes = \"16M\"\n"
				   "connections = 16\npeer_connections = 7\npeer_bytes = 3M\n"
				   "peer_rate = 50\nunread_bytes = 64K\nhello_time = 1\n"
				   "frame_time = 2\nunread_time = 3\nidle_time = 0\nreaders = "
				   "16\nseal_height = 4\nallow_cow = true\n"
				   "signer = \"/opt/traild-signer\"\n"
				   "signer_socket = \"/run/s\"\norigin = \"example.org/log\"\n",
				 &s, why),
		TRAIL_OK);
	assert_int_equal(s.map_size, UINT64_C(2) << 30);
	assert_int_equal(s.reserve, 1 << 20);
	assert_int_equal(s.queue_bytes, 16 << 20);
	assert_int_equal(s.connections, 16);
	assert_int_equal(s.peer_connections, 7);
	assert_int_equal(s.peer_bytes, 3 << 20);
	assert_int_equal(s.peer_rate, 50);
	assert_int_equal(s.unread_bytes, 64 << 10);
	assert_int_equal(s.hello_time, 1);
	assert_int_equal(s.frame_time, 2);
	assert_int_equal(s.unread_time, 3);
	assert_int_equal(s.idle_time, 0);
	assert_int_equal(s.readers, 16);
	assert_int_equal(s.seal_height, 4);
	assert_int_equal(s.allow_cow, 1);
	assert_string_equal(s.signer, "/opt/traild-signer");
	assert_string_equal(s.signer_socket, "/run/s");
	assert_string_equal(s.origin, "example.org/log");
}

static void test_bad_settings_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "\nreders = 2\n", ":2: no such option 'reders'" },
		{ "readers = 0\n", ":1: readers is \"0\": it must be a number from 1 to 16" },
		{ "readers = 17\n", "a number from 1 to 16" },
		{ "readers = -1\n", "a number from 1 to 16" },
		{ "readers = 2K\n", "a number from 1 to 16" },
		{ "readers = \"\"\n", "a number from 1 to 16" },
		{ "seal_height = 3\n", "a number from 4 to 20" },
		{ "\n\nreserve = 1M\nmap_size = 15M\n",
			":4: map_size is \"15M\": it must be a number "
			"from 16M to 64T" },
		{ "map_size = 65T\n", "from 16M to 64T" },
		{ "map_size = 99999999999999999999\n", "from 16M to 64T" },
		{ "map_size = 99999999999999T\n", "from 16M to 64T" },
		{ "map_size = 1TB\n", "from 16M to 64T" },
		{ "map_size = 0x100000000\n", "from 16M to 64T" },
		{ "allow_cow = maybe\n", "true or false" },
		{ "signer = bin/traild-signer\n", "an absolute path" },
		{ "signer_socket = s\n", "an absolute path of at most 107 bytes" },
		{ "readers\n", ":" },
		{ "readers = {\n", ":" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings settings;
		char why[512];
		assert_int_equal(read_text(cases[i].text, &settings, why), TRAIL_INVALID);
		assert_int_equal(strncmp(why, path, strlen(path)), 0);
		if (!strstr(why, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
	}
}

static void test_a_missing_file_is_an_error_of_its_own(void **state)
{
	struct settings settings;
	char why[512];
	(void)state;
	assert_int_equal(settings_read("/nonexistent/traild.conf", &settings, why), TRAIL_IO);
	assert_non_null(strstr(why, "/nonexistent/traild.conf: cannot be read"));
}

static char *content(const char *name)
{
	static char text[65536];
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Run in the source tree, as `make unit` does. */
static void test_the_example_is_a_configuration_of_defaults(void **state)
{
	char *text = content("daemon/traild.conf.example");
	struct settings settings;
	struct settings defaults;
	char why[512];
	size_t shown = 0;
	(void)state;
	/* Every commented setting, taken as it stands. */
	for (char *line = text; (line = strstr(line, "\n#")); line++) {
		if (line[2] == ' ')
			continue;
		line[1] = ' ';
		shown++;
	}
	assert_int_equal(shown, 30);
	enum trail_err err = read_text(text, &settings, why);
	if (err)
		fail_msg("%s", why);
	settings_default(&defaults);
	memset(settings.signer, 0, sizeof settings.signer);
	memset(settings.signer_socket, 0, sizeof settings.signer_socket);
	memset(settings.origin, 0, sizeof settings.origin);
	memset(settings.policy, 0, sizeof settings.policy);
	memset(settings.timestamp, 0, sizeof settings.timestamp);
	memset(settings.witness_ca, 0, sizeof settings.witness_ca);
	memset(settings.courier, 0, sizeof settings.courier);
	assert_memory_equal(&settings, &defaults, sizeof settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_empty_file_means_the_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_set_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_bad_settings_are_named_with_their_line, setup, teardown),
		cmocka_unit_test(test_a_missing_file_is_an_error_of_its_own),
		cmocka_unit_test_setup_teardown(
			test_the_example_is_a_configuration_of_defaults, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
