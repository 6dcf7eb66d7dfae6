/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct peer ANN = { .type = PEER_UNIX_USER, .name = "1001" };
static const struct peer OTHER = { .type = PEER_UNIX_USER, .name = "1002" };
static const struct peer CERT = { .type = PEER_CERTIFICATE, .name = "1001" };

static void test_connections_of_one_peer_share_one_bound(void **state)
{
	struct share *a, *b, *other;
	(void)state;
	struct shares *shares = shares_new(100, 2);
	assert_int_equal(share_join(shares, &ANN, &a), TRAIL_OK);
	assert_int_equal(share_join(shares, &ANN, &b), TRAIL_OK);
	assert_int_equal(share_join(shares, &OTHER, &other), TRAIL_OK);
	share_take(a, 60);
	assert_true(share_room(shares, b));
	share_take(b, 40);
	assert_false(share_room(shares, a));
	assert_true(share_room(shares, other));
	share_give(a, 1);
	assert_true(share_room(shares, b));
	share_give(a, 99);
	share_leave(shares, a);
	share_leave(shares, b);
	share_leave(shares, other);
	shares_free(shares);
}

static void test_a_peer_has_so_many_connections_and_no_more(void **state)
{
	struct share *a, *b, *other;
	(void)state;
	struct shares *shares = shares_new(100, 2);
	assert_int_equal(share_join(shares, &ANN, &a), TRAIL_OK);
	assert_int_equal(share_join(shares, &ANN, &b), TRAIL_OK);
	assert_int_equal(share_join(shares, &ANN, &other), TRAIL_BUSY);
	assert_int_equal(share_join(shares, &CERT, &other), TRAIL_OK);
	share_leave(shares, other);
	share_leave(shares, b);
	assert_int_equal(share_join(shares, &ANN, &b), TRAIL_OK);
	share_leave(shares, b);
	share_leave(shares, a);
	shares_free(shares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_of_one_peer_share_one_bound),
		cmocka_unit_test(test_a_peer_has_so_many_connections_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
