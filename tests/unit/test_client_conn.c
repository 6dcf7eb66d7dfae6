/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that ends otherwise than its two ends meant it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/conn.h"
#include "../../client/deadline.h"

#include <sys/socket.h>
#include <unistd.h>

/* As who becomes a daemon does with all descriptors it has: no wait may last for ever. */
static void a_descriptor_that_was_closed_ends_the_connection(void **state)
{
	struct conn c;
	int ends[2];
	(void)state;
	conn_init(&c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	c.fd = ends[0];
	(void)close(ends[0]);
	assert_int_equal(conn_move(&c, deadline_in(1000)), TRAIL_IO);
	c.fd = -1;
	(void)close(ends[1]);
	conn_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_that_was_closed_ends_the_connection),
	};
	return cmocka_run_group_tests_name("client_conn", tests, NULL, NULL);
}
