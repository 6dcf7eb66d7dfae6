/* SPDX-License-Identifier: Apache-2.0 */
#include "small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
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
