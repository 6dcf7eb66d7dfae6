/* SPDX-License-Identifier: Apache-2.0 */
#include "tile_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER_MODE = 0755,
	UNFINISHED_MODE = 0700,
	FILE_MODE = 0644,
	LOCK_MODE = 0600,
	WALK_DEPTH = 9, /* tile, entries, five groups of digits, .p; and one more */
};

static const char LOCK[] = ".publish.lock";
static const char TEMPORARY[] = ".publish.tmp";

/* ---- sentences ---- */

static enum trail_err cannot(
	const struct tile_folder *f, const char *what, const char *name, struct fault *fault)
{
	return fault_set(fault, TRAIL_IO, "cannot %s %s/%s: %s", what, f->path, name,
		strerrordesc_np(errno));
}

static enum trail_err cannot_write(
	const struct tile_folder *f, const char *name, struct fault *fault)
{
	return fault_set(fault, TRAIL_IO,
		"cannot write %s/%s: %s; what was published before is as it was", f->path, name,
		strerrordesc_np(errno));
}

/* ---- open and close ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

enum trail_err tile_folder_open(struct tile_folder *f, const char *path, struct fault *fault)
{
	*f = (struct tile_folder){ .lock = -1, .path = path };
	for (size_t i = 0; i < TILE_FOLDERS_OPEN; i++)
		f->open[i].fd = -1;
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd >= 0)
		return TRAIL_OK;
	return fault_set(
		fault, TRAIL_IO, "cannot open the folder %s: %s", path, strerrordesc_np(errno));
}

static enum trail_err lock_folder(struct tile_folder *f, struct fault *fault)
{
	/* Who can open it can lock it: nobody else. */
	f->lock = openat(f->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
	if (f->lock < 0)
		return cannot(f, "open", LOCK, fault);
	if (flock(f->lock, LOCK_EX | LOCK_NB) == 0)
		return TRAIL_OK;
	if (errno != EWOULDBLOCK)
		return cannot(f, "lock", LOCK, fault);
	return fault_set(fault, TRAIL_BUSY,
		"another process publishes into %s; let it finish, then publish what is newer",
		f->path);
}

/* A new folder: for whoever is to read it, whatever the mask of the process, and durable. */
static bool keep_name(int fd)
{
	int around = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = around >= 0 && fchmod(fd, FOLDER_MODE) == 0 && fsync(around) == 0;
	close_fd(&around);
	return done;
}

enum trail_err tile_folder_claim(struct tile_folder *f, const char *path, struct fault *fault)
{
	*f = (struct tile_folder){ .fd = -1, .lock = -1, .path = path };
	bool made = mkdir(path, FOLDER_MODE) == 0;
	if (!made && errno != EEXIST)
		return fault_set(fault, TRAIL_IO, "cannot make the folder %s: %s", path,
			strerrordesc_np(errno));
	enum trail_err err = tile_folder_open(f, path, fault);
	if (err == TRAIL_OK && made && !keep_name(f->fd))
		err = cannot_write(f, "", fault);
	if (err == TRAIL_OK)
		err = lock_folder(f, fault);
	if (err != TRAIL_OK)
		tile_folder_close(f);
	return err;
}

void tile_folder_close(struct tile_folder *f)
{
	if (!f->path)
		return;
	for (size_t i = 0; f->fd >= 0 && i < TILE_FOLDERS_OPEN; i++)
		close_fd(&f->open[i].fd);
	close_fd(&f->lock);
	close_fd(&f->fd);
}

/* ---- folders ---- */

/* Part `name` into its folder, with room for every name, and what it is called there. */
static bool part(const char *name, char folder[TILE_PATH_MAX], const char **base)
{
	const char *slash = strrchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;
	if (strlen(name) >= TILE_PATH_MAX)
		return false;
	memcpy(folder, name, len);
	folder[len] = '\0';
	*base = slash ? slash + 1 : name;
	return true;
}

static int open_folder(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Folder `fd`, which lies in `at`, is durable (a name is when the folder around it was synced) and
 * then for whoever is to read it, whatever the mask of the process. Its mode comes last: that of
 * one which a kill left before that shows it.
 */
static bool finish_folder(int at, int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	if (st.st_uid != geteuid() || (st.st_mode & FOLDER_MODE) == FOLDER_MODE)
		return true;
	return fsync(at) == 0 && fchmod(fd, (st.st_mode & 07777) | FOLDER_MODE) == 0;
}

/* Go from folder `at` into the next one; `at` is closed unless it is the top. -1: errno. */
static int step(const struct tile_folder *f, int at, const char *name, bool make)
{
	int next = open_folder(at, name);
	if (next < 0 && errno == ENOENT && make && mkdirat(at, name, UNFINISHED_MODE) == 0)
		next = open_folder(at, name);
	bool there = next >= 0 && (!make || finish_folder(at, next));
	int error = errno;
	if (!there)
		close_fd(&next);
	if (at != f->fd)
		(void)close(at);
	errno = error;
	return next;
}

static int walk_to(const struct tile_folder *f, const char *folder, bool make)
{
	int at = f->fd;
	if (*folder == '\0')
		return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	while (at >= 0 && *folder != '\0') {
		char name[TILE_PATH_MAX];
		const char *end = strchrnul(folder, '/');
		memcpy(name, folder, (size_t)(end - folder));
		name[end - folder] = '\0';
		at = step(f, at, name, make);
		folder = *end == '/' ? end + 1 : end;
	}
	return at;
}

static enum trail_err sync_one(struct tile_folder *f, struct opened_folder *o, struct fault *fault)
{
	if (o->fd < 0 || !o->dirty)
		return TRAIL_OK;
	if (fsync(o->fd) != 0)
		return cannot_write(f, o->name, fault);
	o->dirty = false;
	return TRAIL_OK;
}

/* The one that is open under that name, or else the one that was not used for longest. */
static struct opened_folder *place_for(struct tile_folder *f, const char *name)
{
	struct opened_folder *oldest = &f->open[0];
	for (size_t i = 0; i < TILE_FOLDERS_OPEN; i++) {
		struct opened_folder *o = &f->open[i];
		if (o->fd >= 0 && strcmp(o->name, name) == 0)
			return o;
		if (o->fd < 0 || (oldest->fd >= 0 && o->used < oldest->used))
			oldest = o;
	}
	return oldest;
}

static enum trail_err cannot_reach(
	const struct tile_folder *f, const char *name, struct fault *fault)
{
	if (errno == ENOTDIR || errno == ELOOP)
		return fault_set(fault, TRAIL_CORRUPT, "%s/%s is a symbolic link or no folder",
			f->path, name);
	if (errno == ENOENT)
		return fault_set(fault, TRAIL_END, "there is no %s/%s", f->path, name);
	return cannot(f, "open", name, fault);
}

/*
 * The folder of that name; that of the top is "". NULL: *err says why not; TRAIL_END: there is no
 * such folder.
 */
static struct opened_folder *reach(struct tile_folder *f, const char *name, bool make,
	enum trail_err *err, struct fault *fault)
{
	struct opened_folder *o = place_for(f, name);
	if (o->fd < 0 || strcmp(o->name, name) != 0) {
		*err = sync_one(f, o, fault);
		if (*err != TRAIL_OK)
			return NULL;
		close_fd(&o->fd);
		o->fd = walk_to(f, name, make);
		if (o->fd < 0) {
			*err = cannot_reach(f, name, fault);
			return NULL;
		}
		o->dirty = false;
		(void)stpcpy(o->name, name);
	}
	o->used = ++f->uses;
	return o;
}

/* ---- reading ---- */

static enum trail_err judge_file(
	const struct tile_folder *f, const char *name, int fd, size_t most, struct fault *fault)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return cannot(f, "read", name, fault);
	if (!S_ISREG(st.st_mode))
		return fault_set(fault, TRAIL_CORRUPT, "%s/%s is no file", f->path, name);
	if ((uintmax_t)st.st_size > most)
		return fault_set(fault, TRAIL_CORRUPT,
			"%s/%s has %jd bytes, more than the %zu of its kind", f->path, name,
			(intmax_t)st.st_size, most);
	return TRAIL_OK;
}

static enum trail_err read_fd(struct tile_folder *f, const char *name, int fd, size_t most,
	struct buf *out, struct fault *fault)
{
	if (!buf_reserve(out, most))
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	while (out->len < most) {
		ssize_t n = read(fd, out->data + out->len, most - out->len);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(f, "read", name, fault);
		out->len += (size_t)n;
	}
	return TRAIL_OK;
}

enum trail_err tile_folder_read(
	struct tile_folder *f, const char *name, size_t most, struct buf *out, struct fault *fault)
{
	char folder[TILE_PATH_MAX];
	const char *base;
	enum trail_err err;
	buf_clear(out);
	if (!part(name, folder, &base))
		return fault_set(fault, TRAIL_CORRUPT, "%s is no name of a tile", name);
	const struct opened_folder *at = reach(f, folder, false, &err, fault);
	if (!at)
		return err;
	int fd = openat(at->fd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fault_set(fault, TRAIL_END, "there is no %s/%s", f->path, name);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return fault_set(
			fault, TRAIL_CORRUPT, "%s/%s is a symbolic link or no file", f->path, name);
	if (fd < 0)
		return cannot(f, "read", name, fault);
	err = judge_file(f, name, fd, most, fault);
	if (err == TRAIL_OK)
		err = read_fd(f, name, fd, most, out, fault);
	(void)close(fd);
	return err;
}

/* ---- writing ---- */

static bool write_all(int fd, struct span content)
{
	while (content.len > 0) {
		ssize_t n = write(fd, content.data, content.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		content = span_of(content.data + n, content.len - (size_t)n);
	}
	return true;
}

/* The content, durable, under the name that nobody asks for. */
static bool write_temporary(const struct tile_folder *f, struct span content)
{
	/* What a publisher that was killed left there. */
	(void)unlinkat(f->fd, TEMPORARY, 0);
	int fd = openat(
		f->fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return false;
	bool done = fchmod(fd, FILE_MODE) == 0 && write_all(fd, content) && fsync(fd) == 0;
	int error = errno;
	if (close(fd) != 0 && done) {
		done = false;
		error = errno;
	}
	errno = error;
	return done;
}

enum trail_err tile_folder_put(
	struct tile_folder *f, const char *name, struct span content, struct fault *fault)
{
	char folder[TILE_PATH_MAX];
	const char *base;
	enum trail_err err;
	if (!part(name, folder, &base))
		return fault_set(fault, TRAIL_MISUSE, "%s is no name of a tile", name);
	struct opened_folder *at = reach(f, folder, true, &err, fault);
	if (!at && err == TRAIL_CORRUPT)
		return fault_set(fault, TRAIL_IO,
			"%s/%s is a symbolic link or no folder: it is not written through; put a "
			"folder there",
			f->path, folder);
	if (!at)
		return err;
	if (write_temporary(f, content) && renameat(f->fd, TEMPORARY, at->fd, base) == 0) {
		at->dirty = true;
		return TRAIL_OK;
	}
	err = cannot_write(f, name, fault);
	(void)unlinkat(f->fd, TEMPORARY, 0);
	return err;
}

enum trail_err tile_folder_sync(struct tile_folder *f, struct fault *fault)
{
	for (size_t i = 0; i < TILE_FOLDERS_OPEN; i++) {
		enum trail_err err = sync_one(f, &f->open[i], fault);
		if (err != TRAIL_OK)
			return err;
	}
	return TRAIL_OK;
}

void tile_folder_prune(struct tile_folder *f, const struct tile *full)
{
	struct tile partial = *full;
	char name[TILE_PATH_MAX];
	char folder[TILE_PATH_MAX];
	const char *base;
	partial.width = 1;
	tile_path(&partial, name);
	if (!part(name, folder, &base))
		return;
	int at = walk_to(f, folder, false);
	if (at < 0)
		return;
	for (unsigned width = 1; width < TILE_WIDTH; width++) {
		char number[16];
		(void)snprintf(number, sizeof number, "%u", width);
		(void)unlinkat(at, number, 0);
	}
	(void)close(at);
	(void)unlinkat(f->fd, folder, AT_REMOVEDIR);
}

/* ---- what lies there ---- */

struct walk {
	struct tile_folder *f;
	tile_file_fn told;
	void *ctx;
	struct fault *fault;
	size_t depth;
	DIR *dir[WALK_DEPTH];
	size_t len[WALK_DEPTH]; /* of `name`, where the folder's ends */
	char name[TILE_PATH_MAX];
};

/* Go on in the folder of walk->name, which lies in the one that is walked now. */
static enum trail_err enter(struct walk *walk, int at, const char *base)
{
	int fd = openat(at, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		enum trail_err err = cannot(walk->f, "look into", walk->name, walk->fault);
		close_fd(&fd);
		return err;
	}
	walk->dir[walk->depth] = dir;
	walk->len[walk->depth] = strlen(walk->name);
	walk->depth++;
	return TRAIL_OK;
}

static mode_t type_of(int at, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type != DT_UNKNOWN)
		return (mode_t)DTTOIF(entry->d_type);
	return fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT : 0;
}

static enum trail_err look_at(struct walk *walk, const struct dirent *entry)
{
	size_t from = walk->len[walk->depth - 1];
	int at = dirfd(walk->dir[walk->depth - 1]);
	int len = snprintf(walk->name + from, sizeof walk->name - from, "/%s", entry->d_name);
	bool fits = len > 0 && (size_t)len < sizeof walk->name - from;
	mode_t type = type_of(at, entry);
	if (type == S_IFDIR && fits && walk->depth < WALK_DEPTH)
		return enter(walk, at, entry->d_name);
	return walk->told(walk->ctx, walk->name, fits && type == S_IFREG) ? TRAIL_OK : TRAIL_MORE;
}

static enum trail_err walk_on(struct walk *walk)
{
	enum trail_err err = enter(walk, walk->f->fd, walk->name);
	while (err == TRAIL_OK && walk->depth > 0) {
		errno = 0;
		const struct dirent *entry = readdir(walk->dir[walk->depth - 1]);
		walk->name[walk->len[walk->depth - 1]] = '\0';
		if (!entry && errno != 0)
			err = cannot(walk->f, "look into", walk->name, walk->fault);
		else if (!entry)
			(void)closedir(walk->dir[--walk->depth]);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = look_at(walk, entry);
	}
	while (walk->depth > 0)
		(void)closedir(walk->dir[--walk->depth]);
	return err;
}

enum trail_err tile_folder_walk(
	struct tile_folder *f, tile_file_fn told, void *ctx, struct fault *fault)
{
	struct walk walk = { .f = f, .told = told, .ctx = ctx, .fault = fault, .name = "tile" };
	return walk_on(&walk);
}
