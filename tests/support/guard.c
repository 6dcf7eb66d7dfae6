/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
	PAGE = 4096
};

static size_t pages_for(size_t len)
{
	return (len / PAGE + 1) * PAGE;
}

struct span guard_copy(struct span bytes)
{
	size_t room = pages_for(bytes.len);
	uint8_t *at =
		mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || mprotect(at + room, PAGE, PROT_NONE) != 0)
		abort();
	uint8_t *copy = at + room - bytes.len;
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return span_of(copy, bytes.len);
}

void guard_free(struct span copy)
{
	size_t room = pages_for(copy.len);
	uintptr_t end = (uintptr_t)copy.data + copy.len;
	if (munmap((void *)(end - room), room + PAGE) != 0)
		abort();
}
