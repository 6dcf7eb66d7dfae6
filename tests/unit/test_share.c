/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define NOW    (1000 * SECOND)

static const struct peer ANN = { .type = PEER_UNIX_USER, .name = "1001" };
static const struct peer OTHER = { .type = PEER_UNIX_USER, .name = "1002" };
static const struct peer CERT = { .type = PEER_CERTIFICATE, .name = "1001" };
static const struct share_limits LIMITS = { .bytes = 100, .connections = 2 };

static struct share *join(struct shares *shares, const struct peer *peer)
{
	struct share *share;
	assert_int_equal(share_join(shares, peer, NOW, &share), TRAIL_OK);
	return share;
}

static void test_connections_of_one_peer_share_one_bound(void **state)
{
	(void)state;
	struct shares *shares = shares_new(&LIMITS);
	struct share *a = join(shares, &ANN);
	struct share *b = join(shares, &ANN);
	struct share *other = join(shares, &OTHER);
	share_take(a, 60);
	assert_true(share_room(b, true));
	share_take(b, 40);
	assert_false(share_room(a, true));
	assert_true(share_room(other, true));
	share_give(a, 1);
	assert_true(share_room(b, true));
	share_give(a, 99);
	share_leave(a);
	share_leave(b);
	share_leave(other);
	shares_free(shares);
}

static void test_half_of_the_bound_is_for_those_that_hold_nothing(void **state)
{
	(void)state;
	struct shares *shares = shares_new(&LIMITS);
	struct share *a = join(shares, &ANN);
	share_take(a, 49);
	assert_true(share_room(a, false));
	share_take(a, 1);
	assert_false(share_room(a, false));
	assert_true(share_room(a, true));
	share_give(a, 50);
	share_leave(a);
	shares_free(shares);
}

static void test_a_peer_has_so_many_connections_and_no_more(void **state)
{
	struct share *more;
	(void)state;
	struct shares *shares = shares_new(&LIMITS);
	struct share *a = join(shares, &ANN);
	struct share *b = join(shares, &ANN);
	assert_int_equal(share_join(shares, &ANN, NOW, &more), TRAIL_BUSY);
	share_leave(join(shares, &CERT));
	share_leave(b);
	share_leave(join(shares, &ANN));
	share_leave(a);
	shares_free(shares);
}

static void test_a_rate_allows_a_second_at_once_and_then_its_pace(void **state)
{
	(void)state;
	const struct share_limits limits = { .bytes = 100, .connections = 2, .rate = 10 };
	struct shares *shares = shares_new(&limits);
	struct share *a = join(shares, &ANN);
	struct share *other = join(shares, &OTHER);
	unsigned asked = 1; /* the connection itself */
	for (; share_rest_ns(a, NOW) == 0; asked++)
		share_asked(a, NOW);
	assert_int_equal(asked, 11);
	assert_int_equal(share_rest_ns(a, NOW), SECOND / 10);
	assert_int_equal(share_rest_ns(other, NOW), 0);
	assert_int_equal(share_rest_ns(a, NOW + SECOND / 10), 0);
	share_asked(a, NOW + SECOND / 10);
	assert_int_equal(share_rest_ns(a, NOW + SECOND / 10), SECOND / 10);
	share_leave(a);
	share_leave(other);
	/* To connect again brings no new requests. */
	shares_sweep(shares, NOW + SECOND / 10);
	a = join(shares, &ANN);
	assert_true(share_rest_ns(a, NOW + SECOND / 10) > 0);
	share_leave(a);
	shares_sweep(shares, NOW + 60 * SECOND);
	shares_free(shares);
}

static void test_peers_take_turns_however_many_connections_they_have(void **state)
{
	struct turn many[50] = { 0 };
	struct turn one = { 0 };
	(void)state;
	struct shares *shares = shares_new(&LIMITS);
	struct share *a = join(shares, &ANN);
	struct share *other = join(shares, &OTHER);
	assert_null(shares_next(shares));
	for (size_t i = 0; i < 50; i++)
		share_ready(a, &many[i]);
	share_ready(other, &one);
	share_ready(other, &one);
	assert_int_equal(shares_ready(shares), 2);
	assert_ptr_equal(shares_next(shares), a);
	assert_ptr_equal(share_next(a), &many[0]);
	assert_ptr_equal(shares_next(shares), other);
	assert_ptr_equal(share_next(other), &one);
	assert_null(share_next(other));
	assert_int_equal(shares_ready(shares), 1);
	for (size_t i = 1; i < 50; i++) {
		assert_ptr_equal(shares_next(shares), a);
		assert_ptr_equal(share_next(a), &many[i]);
	}
	assert_int_equal(shares_ready(shares), 0);
	share_leave(a);
	share_leave(other);
	shares_free(shares);
}

static void test_who_waits_is_ready_when_something_came_back(void **state)
{
	struct turn mine = { 0 };
	struct turn theirs = { 0 };
	(void)state;
	struct shares *shares = shares_new(&LIMITS);
	struct share *a = join(shares, &ANN);
	struct share *other = join(shares, &OTHER);
	share_take(a, 10);
	share_ready(a, &mine);
	share_wait(a, &mine);
	share_wait(other, &theirs);
	assert_int_equal(shares_ready(shares), 0);
	share_give(a, 10);
	assert_int_equal(mine.place, TURN_READY);
	assert_int_equal(theirs.place, TURN_WAITING);
	shares_wake(shares);
	assert_int_equal(theirs.place, TURN_READY);
	share_rest(a, &mine);
	share_rest(other, &theirs);
	assert_int_equal(shares_ready(shares), 0);
	share_leave(a);
	share_leave(other);
	shares_free(shares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_of_one_peer_share_one_bound),
		cmocka_unit_test(test_half_of_the_bound_is_for_those_that_hold_nothing),
		cmocka_unit_test(test_a_peer_has_so_many_connections_and_no_more),
		cmocka_unit_test(test_a_rate_allows_a_second_at_once_and_then_its_pace),
		cmocka_unit_test(test_peers_take_turns_however_many_connections_they_have),
		cmocka_unit_test(test_who_waits_is_ready_when_something_came_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
