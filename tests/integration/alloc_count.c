/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a process (LD_PRELOAD): counts its calls of malloc, calloc, realloc and their kin
 * in a file that others map, and lets one of them fail. It lies here and not in tests/support/,
 * whose objects go into every unit test.
 *
 *   ALLOC_COUNT_FILE     8 bytes or more: the count, a native u64
 *   ALLOC_COUNT_PROGRAM  only the process of this short name counts (its children do not)
 *   ALLOC_FAIL_AT        the one call, from 1, that there is no memory for; 0 or not set: none
 *
 * glibc's own names are called, so that no dlsym is needed, which allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Atomic(unsigned long long) *counter;

static _Atomic(unsigned long long) before_failure;

/* False: this one has none. */
static bool count_one(void)
{
	if (counter)
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	if (!before_failure || atomic_fetch_sub(&before_failure, 1) != 1)
		return true;
	errno = ENOMEM;
	return false;
}

__attribute__((constructor)) static void plan_failure(void)
{
	const char *at = getenv("ALLOC_FAIL_AT");
	before_failure = at ? strtoull(at, NULL, 10) : 0;
}

__attribute__((constructor)) static void open_counter(void)
{
	const char *path = getenv("ALLOC_COUNT_FILE");
	const char *program = getenv("ALLOC_COUNT_PROGRAM");
	if (!path || (program && strcmp(program, program_invocation_short_name) != 0))
		return;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map != MAP_FAILED)
		counter = map;
}

void *malloc(size_t size)
{
	return count_one() ? __libc_malloc(size) : NULL;
}

void *calloc(size_t count, size_t size)
{
	return count_one() ? __libc_calloc(count, size) : NULL;
}

void *realloc(void *old, size_t size)
{
	return count_one() ? __libc_realloc(old, size) : NULL;
}

void *memalign(size_t alignment, size_t size)
{
	return count_one() ? __libc_memalign(alignment, size) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *p = memalign(alignment, size);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}
