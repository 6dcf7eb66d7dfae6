/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct access RULES = { .own = 997, .has_group = true, .group = 500 };

static void test_roles_without_a_configuration(void **state)
{
	static const gid_t member[] = { 100, 4, 500 };
	static const gid_t primary[] = { 500 };
	static const gid_t other[] = { 100, 4, 501 };
	static const struct {
		uid_t uid;
		const gid_t *groups;
		size_t count;
		uint32_t roles;
	} cases[] = {
		{ 0, other, 3, ROLE_ALL },
		{ 997, other, 3, ROLE_ALL },
		{ 1001, member, 3, ROLE_EMITTER },
		{ 1001, primary, 1, ROLE_EMITTER },
		{ 1001, member, 2, 0 },
		{ 1001, other, 3, 0 },
		{ 1001, NULL, 0, 0 },
		{ 500, other, 3, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
			access_roles(&RULES, cases[i].uid, cases[i].groups, cases[i].count),
			cases[i].roles);
}

static void test_a_missing_group_gives_nobody_a_role(void **state)
{
	static const gid_t groups[] = { 0, 500 };
	struct access rules = { .own = 997 };
	(void)state;
	assert_int_equal(access_roles(&rules, 1001, groups, 2), 0);
}

static void test_what_each_role_may(void **state)
{
	static const struct {
		enum request_kind kind;
		uint32_t roles; /* that may, each by itself */
	} cases[] = {
		{ REQUEST_HELLO, ROLE_ALL },
		{ REQUEST_APPEND, ROLE_EMITTER },
		{ REQUEST_CLOSE, ROLE_EMITTER },
		{ REQUEST_KEEPALIVE, ROLE_EMITTER },
		{ REQUEST_GET, ROLE_INVESTIGATOR },
		{ REQUEST_RECORDS, ROLE_AUDITOR | ROLE_INVESTIGATOR },
		{ REQUEST_CHECKPOINT, ROLE_ALL },
		{ REQUEST_PROVE, ROLE_ALL },
		{ REQUEST_STATUS, ROLE_OPERATOR },
		{ REQUEST_INDEX_CHECK, ROLE_AUDITOR | ROLE_OPERATOR },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t needed = access_needed(cases[i].kind);
		assert_false(access_allows(0, needed));
		for (uint32_t role = 1; role < ROLE_ALL; role <<= 1)
			assert_int_equal(access_allows(role, needed), (cases[i].roles & role) != 0);
	}
}

static void test_a_refusal_names_who_what_and_the_role(void **state)
{
	struct peer peer = { .type = PEER_UNIX_USER, .name = "1001" };
	char text[256];
	(void)state;
	access_sentence(&peer, "append events", ROLE_EMITTER, text, sizeof text);
	assert_string_equal(text, "uid 1001 may not append events: role emitter is needed");
	access_sentence(&peer, "read records", ROLE_AUDITOR | ROLE_INVESTIGATOR, text, sizeof text);
	assert_string_equal(
		text, "uid 1001 may not read records: role investigator or auditor is needed");
	access_sentence(&peer, "connect", 0, text, sizeof text);
	assert_string_equal(text, "uid 1001 may not connect: it has no role here");
	access_sentence(&peer, "x", ROLE_ALL, text, sizeof text);
	assert_non_null(strstr(text, "registrar or operator is needed"));
	access_sentence(&peer, "append events", ROLE_EMITTER, text, 10);
	assert_string_equal(text, "uid 1001 ");
}

static void test_the_kernel_says_who_is_there(void **state)
{
	int pair[2];
	struct access rules;
	struct peer peer;
	char own[32];
	(void)state;
	access_default(&rules);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(access_peer(&rules, pair[0], &peer), TRAIL_OK);
	(void)snprintf(own, sizeof own, "%lu", (unsigned long)geteuid());
	assert_int_equal(peer.type, PEER_UNIX_USER);
	assert_string_equal(peer.name, own);
	assert_int_equal(peer.roles, ROLE_ALL);
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(access_peer(&rules, pair[0], &peer), TRAIL_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles_without_a_configuration),
		cmocka_unit_test(test_a_missing_group_gives_nobody_a_role),
		cmocka_unit_test(test_what_each_role_may),
		cmocka_unit_test(test_a_refusal_names_who_what_and_the_role),
		cmocka_unit_test(test_the_kernel_says_who_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
