/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded: the wall clock goes wrong by as many ns as stand in the file that SET_CLOCK names,
 * from the moment at which they stand there. No other clock is touched.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wrong_by;

/* Mapped at once: later the signer may open no file any more. */
__attribute__((constructor)) static void map_file(void)
{
	const char *path = getenv("SET_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		abort();
	void *at = mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	wrong_by = at;
	(void)close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(
			RTLD_NEXT, "clock_gettime");
	int rc = real(id, ts);
	if (rc != 0 || id != CLOCK_REALTIME)
		return rc;
	int64_t ns = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec + *wrong_by;
	ts->tv_sec = ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}
