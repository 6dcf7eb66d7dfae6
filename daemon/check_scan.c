/* SPDX-License-Identifier: Apache-2.0 */
#include "check_scan.h"

#include <unistd.h>

enum {
	ARENA_MAX = 1 << 20,
};

struct arena scan_arena(struct scan *scan, struct span payload)
{
	size_t need = codec_arena_need(payload);
	buf_clear(&scan->scratch);
	if (need > ARENA_MAX)
		return (struct arena){ 0 };
	if (!buf_reserve(&scan->scratch, need))
		scan_nomem();
	return (struct arena){ .data = scan->scratch.data, .cap = scan->scratch.cap };
}

_Noreturn void scan_unreadable(void)
{
	_exit(SCAN_EXIT_UNREADABLE);
}

_Noreturn void scan_nomem(void)
{
	_exit(SCAN_EXIT_NOMEM);
}
