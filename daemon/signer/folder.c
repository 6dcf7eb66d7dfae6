/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
	ZEROS_LEN = 4096,
	LOCK_WAIT_MS = 3000,
	LOCK_RETRY_MS = 20,
};

/* statfs(2) f_type, as 32 bits: of those that write elsewhere than where the old bytes lie. */
static const struct {
	uint32_t magic;
	const char *name;
} COW[] = {
	{ 0x9123683e, "btrfs" },
	{ 0x2fc12fc1, "zfs" },
	{ 0xca451a4e, "bcachefs" },
	{ 0xf2f52010, "f2fs" },
	{ 0x00003434, "nilfs2" },
};

static const uint32_t OVERLAY_MAGIC = 0x794c7630;

/* strerror's text for this locale-free program; never NULL. */
static const char *reason(void)
{
	const char *text = strerrordesc_np(errno);
	return text ? text : "unknown error";
}

const char *folder_keeps_old(uint32_t magic)
{
	for (size_t i = 0; i < sizeof COW / sizeof COW[0]; i++)
		if (COW[i].magic == magic)
			return COW[i].name;
	return NULL;
}

static enum trail_err check_place(
	const struct folder *f, unsigned how, struct sentence *notice, struct sentence *why)
{
	struct statfs fs;
	if (fstatfs(f->fd, &fs) != 0)
		return sentence_fail(why, "%s: statfs: %s", f->path, reason());
	uint32_t magic = (uint32_t)fs.f_type;
	const char *cow = folder_keeps_old(magic);
	if (cow && (how & FOLDER_ALLOW_COW) == 0)
		return sentence_refuse(why,
			"%s lies on %s, which keeps old versions of what is overwritten, so "
			"erased seeds would stay on the device: put it on ext4 or xfs, or allow "
			"it with --allow-cow",
			f->path, cow);
	if (cow)
		sentence_set(notice,
			"%s lies on %s, allowed by --allow-cow: erased seeds may stay on the "
			"device",
			f->path, cow);
	/* What is made inside a container lies in the upper layer and is overwritten in place
	 * there; what that layer lies on cannot be seen from here. */
	if (magic == OVERLAY_MAGIC)
		sentence_set(notice,
			"%s lies on overlayfs: whether an erased seed is gone depends on the file "
			"system below",
			f->path);
	return TRAIL_OK;
}

static enum trail_err check_owner(const struct folder *f, struct sentence *why)
{
	struct stat st;
	if (fstat(f->fd, &st) != 0)
		return sentence_fail(why, "%s: stat: %s", f->path, reason());
	if (st.st_uid != geteuid())
		return sentence_fail(why,
			"%s belongs to uid %u, the signer runs as uid %u: chown it", f->path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 0077) != 0)
		return sentence_fail(why, "%s has mode %04o, others may enter: chmod 0700 %s",
			f->path, (unsigned)(st.st_mode & 07777), f->path);
	return TRAIL_OK;
}

static enum trail_err take_lock(struct folder *f, struct sentence *why)
{
	f->lock = openat(f->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_SECRET);
	if (f->lock < 0)
		return sentence_fail(why, "%s/lock: %s", f->path, reason());
	/* After a kill -9 of traild its signer is still syncing its head when the next one starts.
	 */
	const struct timespec moment = { .tv_nsec = LOCK_RETRY_MS * 1000000L };
	int rc = flock(f->lock, LOCK_EX | LOCK_NB);
	for (int left = LOCK_WAIT_MS; rc != 0 && errno == EWOULDBLOCK && left > 0;
		left -= LOCK_RETRY_MS) {
		(void)nanosleep(&moment, NULL);
		rc = flock(f->lock, LOCK_EX | LOCK_NB);
	}
	if (rc == 0)
		return TRAIL_OK;
	if (errno == EWOULDBLOCK)
		return sentence_fail(why,
			"%s is in use by another traild-signer: a log has one signer; stop the "
			"other first",
			f->path);
	return sentence_fail(why, "%s/lock: flock: %s", f->path, reason());
}

/* A made folder must outlive a power cut as surely as what is put inside: sync its parent. */
static enum trail_err make_folder(const char *path, struct sentence *why)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? TRAIL_OK
				       : sentence_fail(why, "%s: mkdir: %s", path, reason());
	struct buf parent = { 0 };
	buf_printf(&parent, "%s/..", path);
	buf_put_u8(&parent, 0);
	if (parent.failed) {
		buf_release(&parent);
		return sentence_fail(why, "%s: memory is out", path);
	}
	int fd = open((const char *)parent.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	enum trail_err e =
		rc == 0 ? TRAIL_OK : sentence_fail(why, "%s/..: fsync: %s", path, reason());
	if (fd >= 0)
		(void)close(fd);
	buf_release(&parent);
	return e;
}

enum trail_err folder_open(struct folder *f, const char *path, unsigned how,
	struct sentence *notice, struct sentence *why)
{
	*f = (struct folder){ .path = path, .fd = -1, .lock = -1 };
	notice->text[0] = '\0';
	enum trail_err e = (how & FOLDER_MAKE) != 0 ? make_folder(path, why) : TRAIL_OK;
	if (e != TRAIL_OK)
		return e;
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0 && errno == ENOENT)
		return sentence_refuse(why,
			"%s is missing: a signer's state is never made anew beside a log; bring "
			"it back, or begin a successor log",
			path);
	if (f->fd < 0)
		return sentence_fail(why, "%s: %s", path, reason());
	e = check_owner(f, why);
	if (e == TRAIL_OK)
		e = check_place(f, how, notice, why);
	if (e == TRAIL_OK)
		e = take_lock(f, why);
	if (e != TRAIL_OK)
		folder_close(f);
	return e;
}

void folder_close(struct folder *f)
{
	if (f->lock >= 0)
		(void)close(f->lock);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->lock = -1;
	f->fd = -1;
}

enum trail_err folder_sync(const struct folder *f, struct sentence *why)
{
	if (fsync(f->fd) != 0)
		return sentence_fail(why, "%s: fsync: %s", f->path, reason());
	return TRAIL_OK;
}

static bool listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum trail_err folder_only(const struct folder *f, const char *const *names, struct sentence *why)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		enum trail_err e = sentence_fail(why, "%s: %s", f->path, reason());
		if (fd >= 0)
			(void)close(fd);
		return e;
	}
	enum trail_err e = TRAIL_OK;
	errno = 0;
	struct dirent *entry;
	while (e == TRAIL_OK && (entry = readdir(dir)) != NULL)
		if (!listed(names, entry->d_name))
			e = sentence_refuse(why,
				"%s is not empty: it holds %.64s; a new log key wants a folder of "
				"its own",
				f->path, entry->d_name);
	if (e == TRAIL_OK && errno != 0)
		e = sentence_fail(why, "%s: readdir: %s", f->path, reason());
	(void)closedir(dir);
	return e;
}

static enum trail_err check_file(
	const struct folder *f, const char *name, enum file_mode mode, int fd, struct sentence *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return sentence_fail(why, "%s/%s: stat: %s", f->path, name, reason());
	if (!S_ISREG(st.st_mode))
		return sentence_fail(why, "%s/%s is not a plain file", f->path, name);
	if (st.st_uid != geteuid())
		return sentence_fail(why,
			"%s/%s belongs to uid %u, the signer runs as uid %u: chown it", f->path,
			name, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 07077 & ~(unsigned)mode) != 0)
		return sentence_fail(why, "%s/%s has mode %04o, too open: chmod %04o %s/%s",
			f->path, name, (unsigned)(st.st_mode & 07777), (unsigned)mode, f->path,
			name);
	return TRAIL_OK;
}

enum trail_err file_open(const struct folder *f, const char *name, enum file_mode mode, int *fd,
	struct sentence *why)
{
	int flags = mode == FILE_SECRET ? O_RDWR : O_RDONLY;
	/* O_NONBLOCK: a FIFO put here must not make the open wait for ever. */
	int opened = openat(f->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0 && errno == ENOENT)
		return TRAIL_END;
	if (opened < 0)
		return sentence_fail(why, "%s/%s: %s", f->path, name, reason());
	enum trail_err e = check_file(f, name, mode, opened, why);
	if (e != TRAIL_OK) {
		(void)close(opened);
		return e;
	}
	*fd = opened;
	return TRAIL_OK;
}

enum trail_err file_read_fd(const struct folder *f, const char *name, int fd, uint8_t *out,
	size_t max, size_t *len, struct sentence *why)
{
	size_t got = 0;
	uint8_t beyond;
	for (;;) {
		bool full = got == max;
		ssize_t n = pread(fd, full ? &beyond : out + got, full ? 1 : max - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sentence_fail(why, "%s/%s: read: %s", f->path, name, reason());
		if (n > 0 && full)
			return sentence_refuse(
				why, "%s/%s is longer than its format", f->path, name);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*len = got;
	return TRAIL_OK;
}

enum trail_err file_read(const struct folder *f, const char *name, enum file_mode mode,
	uint8_t *out, size_t max, size_t *len, struct sentence *why)
{
	int fd = -1;
	enum trail_err e = file_open(f, name, mode, &fd, why);
	if (e != TRAIL_OK)
		return e;
	e = file_read_fd(f, name, fd, out, max, len, why);
	(void)close(fd);
	return e;
}

enum trail_err file_read_at(const struct folder *f, const char *name, int fd, uint64_t offset,
	uint8_t *out, size_t len, struct sentence *why)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n = pread(fd, out + got, len - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sentence_fail(why, "%s/%s: read: %s", f->path, name, reason());
		if (n == 0)
			return sentence_refuse(
				why, "%s/%s is shorter than its format", f->path, name);
		got += (size_t)n;
	}
	return TRAIL_OK;
}

enum trail_err file_sync(const struct folder *f, const char *name, int fd, struct sentence *why)
{
	if (fdatasync(fd) != 0)
		return sentence_fail(why, "%s/%s: fdatasync: %s", f->path, name, reason());
	return TRAIL_OK;
}

enum trail_err file_write(const struct folder *f, const char *name, int fd, struct span data,
	uint64_t offset, struct sentence *why)
{
	size_t done = 0;
	while (done < data.len) {
		ssize_t n = pwrite(fd, data.data + done, data.len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return sentence_fail(why, "%s/%s: write: %s", f->path, name,
				n < 0 ? reason() : "nothing written");
		done += (size_t)n;
	}
	return TRAIL_OK;
}

static enum trail_err sync_file(
	const struct folder *f, const char *name, int fd, struct sentence *why)
{
	if (fsync(fd) != 0)
		return sentence_fail(why, "%s/%s: fsync: %s", f->path, name, reason());
	return TRAIL_OK;
}

enum trail_err file_make(const struct folder *f, const char *name, enum file_mode mode,
	struct span content, struct sentence *why)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_SECRET);
	if (fd < 0)
		return sentence_fail(why, "%s/%s: %s", f->path, name, reason());
	enum trail_err e = file_write(f, name, fd, content, 0, why);
	/* fchmod: the mode is a promise, whatever the umask. */
	if (e == TRAIL_OK && fchmod(fd, (mode_t)mode) != 0)
		e = sentence_fail(why, "%s/%s: chmod: %s", f->path, name, reason());
	if (e == TRAIL_OK)
		e = sync_file(f, name, fd, why);
	(void)close(fd);
	return e;
}

static enum trail_err write_zeros(
	const struct folder *f, const char *name, int fd, struct sentence *why)
{
	static const uint8_t zeros[ZEROS_LEN];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return sentence_fail(why, "%s/%s: stat: %s", f->path, name, reason());
	for (uint64_t at = 0, end = (uint64_t)st.st_size; at < end; at += ZEROS_LEN) {
		size_t len = end - at < ZEROS_LEN ? (size_t)(end - at) : ZEROS_LEN;
		enum trail_err e = file_write(f, name, fd, span_of(zeros, len), at, why);
		if (e != TRAIL_OK)
			return e;
	}
	return sync_file(f, name, fd, why);
}

enum trail_err file_erase(const struct folder *f, const char *name, struct sentence *why)
{
	int fd = openat(f->fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return TRAIL_OK;
	if (fd < 0)
		return sentence_fail(why, "%s/%s: %s", f->path, name, reason());
	enum trail_err e = check_file(f, name, FILE_PUBLIC, fd, why);
	if (e == TRAIL_OK)
		e = write_zeros(f, name, fd, why);
	(void)close(fd);
	if (e == TRAIL_OK && unlinkat(f->fd, name, 0) != 0)
		e = sentence_fail(why, "%s/%s: unlink: %s", f->path, name, reason());
	return e;
}
