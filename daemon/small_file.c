/* SPDX-License-Identifier: Apache-2.0 */
#include "small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static ssize_t read_some(int fd, void *out, size_t room)
{
	ssize_t n;
	do
		n = read(fd, out, room);
	while (n < 0 && errno == EINTR);
	return n;
}

static enum trail_err read_whole(int fd, uint8_t *out, size_t max, size_t *len)
{
	uint8_t beyond;
	size_t got = 0;
	ssize_t n = 1;
	while (n > 0 && got < max) {
		n = read_some(fd, out + got, max - got);
		got += n > 0 ? (size_t)n : 0;
	}
	if (n > 0)
		n = read_some(fd, &beyond, 1);
	if (n < 0)
		return TRAIL_IO;
	if (n > 0)
		return TRAIL_TOO_BIG;
	*len = got;
	return TRAIL_OK;
}

enum trail_err small_file_read(
	int at, const char *name, enum small_file_of of, void *out, size_t max, size_t *len)
{
	int how = of == SMALL_FILE_KEPT ? O_NOFOLLOW | O_NONBLOCK : 0;
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | how);
	*len = 0;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? TRAIL_END : TRAIL_IO;
	enum trail_err err = read_whole(fd, out, max, len);
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return err;
}

static bool write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.data, bytes.len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			bytes = span_of(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

enum trail_err small_file_replace(int at, const char *name, struct span bytes, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	if (snprintf(temporary, sizeof temporary, "%s.new", name) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return TRAIL_IO;
	}
	int fd = openat(at, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return TRAIL_IO;
	bool ok = write_all(fd, bytes) && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	ok = ok && renameat(at, temporary, at, name) == 0 && fsync(at) == 0;
	return ok ? TRAIL_OK : TRAIL_IO;
}
