/* SPDX-License-Identifier: Apache-2.0 */
#include "statedir.h"

#include "layout.h"
#include "small_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	WHY_LEN = 512,
	TEXT_MAX = 512, /* VERSION, vkey and identity are shorter */
	LOCK_WAIT_MS = 1000,
	LOCK_RETRY_MS = 10,
};

struct statedir {
	int fd;
	int lock_fd;
	char path[PATH_MAX];
	char log[PATH_MAX];
	char signer[PATH_MAX];
};

static enum trail_err failed(
	const char *path, const char *name, const char *what, char why[WHY_LEN])
{
	(void)snprintf(why, WHY_LEN, "%.256s%s%s: cannot %s: %s", path, name ? "/" : "",
		name ? name : "", what, strerror(errno));
	return TRAIL_IO;
}

const char *statedir_log(const struct statedir *dir)
{
	return dir->log;
}

const char *statedir_signer(const struct statedir *dir)
{
	return dir->signer;
}

/* ---- small files ---- */

static bool exists(const struct statedir *dir, const char *name)
{
	struct stat st;
	return fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum trail_err write_text(
	const struct statedir *dir, const char *name, struct span text, char why[WHY_LEN])
{
	enum trail_err err = small_file_replace(dir->fd, name, text, 0644);
	return err ? failed(dir->path, name, "write", why) : TRAIL_OK;
}

/* ---- judging ---- */

/* Nothing inside but what a new file system, or we before a cut-short start, put there. */
static enum trail_err holds_nothing(int folder, bool *nothing)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return TRAIL_IO;
	}
	static const char *const harmless[] = { ".", "..", "lost+found", "lock", "VERSION.new" };
	const struct dirent *entry;
	*nothing = true;
	errno = 0;
	while ((entry = readdir(d))) {
		bool known = false;
		for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
			known = known || strcmp(entry->d_name, harmless[i]) == 0;
		*nothing = *nothing && known;
	}
	int failed = errno;
	(void)closedir(d);
	errno = failed;
	return failed != 0 ? TRAIL_IO : TRAIL_OK;
}

/* *first: VERSION is missing and nothing else is there. */
static enum trail_err judge(const struct statedir *dir, bool *first, char why[WHY_LEN])
{
	char text[TEXT_MAX];
	size_t len;
	struct span ours = span_text(STORE_VERSION);
	enum trail_err err =
		small_file_read(dir->fd, "VERSION", SMALL_FILE_KEPT, text, sizeof text, &len);
	*first = err == TRAIL_END;
	if (err == TRAIL_OK && span_equal(span_of(text, len), ours))
		return TRAIL_OK;
	if (err == TRAIL_IO)
		return failed(dir->path, "VERSION", "be read", why);
	if (err != TRAIL_END) {
		(void)snprintf(why, WHY_LEN,
			"%.256s/VERSION: not the version that this traild knows "
			"(%.*s): use the traild that made it",
			dir->path, (int)ours.len - 1, STORE_VERSION);
		return TRAIL_CORRUPT;
	}
	bool nothing;
	if (holds_nothing(dir->fd, &nothing))
		return failed(dir->path, NULL, "be listed", why);
	if (nothing)
		return TRAIL_OK;
	(void)snprintf(why, WHY_LEN,
		"%.256s: holds files but no VERSION, so it is no state folder: "
		"name an empty or new one",
		dir->path);
	return TRAIL_CORRUPT;
}

bool statedir_lock(int fd, bool shared)
{
	const struct timespec moment = { .tv_nsec = LOCK_RETRY_MS * 1000000L };
	int how = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
	int rc = flock(fd, how);
	for (int left = LOCK_WAIT_MS; rc != 0 && errno == EWOULDBLOCK && left > 0;
		left -= LOCK_RETRY_MS) {
		(void)nanosleep(&moment, NULL);
		rc = flock(fd, how);
	}
	return rc == 0;
}

static enum trail_err lock(struct statedir *dir, char why[WHY_LEN])
{
	dir->lock_fd = openat(dir->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock_fd < 0)
		return failed(dir->path, "lock", "be opened", why);
	if (statedir_lock(dir->lock_fd, false))
		return TRAIL_OK;
	if (errno != EWOULDBLOCK)
		return failed(dir->path, "lock", "be locked", why);
	(void)snprintf(why, WHY_LEN, "%.256s: another traild works on this folder: stop it first",
		dir->path);
	return TRAIL_BUSY;
}

static enum trail_err make_folder(const struct statedir *dir, const char *name, char why[WHY_LEN])
{
	if (mkdirat(dir->fd, name, 0700) && errno != EEXIST)
		return failed(dir->path, name, "be made", why);
	return fsync(dir->fd) ? failed(dir->path, name, "be made durable", why) : TRAIL_OK;
}

/* Judged before it is locked, so that a refused folder does not even get a lock file; and again. */
static enum trail_err enter(struct statedir *dir, char why[WHY_LEN])
{
	bool first;
	enum trail_err err = judge(dir, &first, why);
	if (!err)
		err = lock(dir, why);
	if (!err)
		err = judge(dir, &first, why);
	if (!err && first)
		err = write_text(dir, "VERSION", span_text(STORE_VERSION), why);
	if (err)
		return err;
	/* Also after a first start that ended between VERSION and these. */
	if (!statedir_unborn(dir))
		return TRAIL_OK;
	return make_folder(dir, "log", why);
}

/* A folder that was made must outlive a power cut as surely as what is put inside. */
static enum trail_err sync_parent(const struct statedir *dir, char why[WHY_LEN])
{
	int fd = openat(dir->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum trail_err err =
		fd < 0 || fsync(fd) ? failed(dir->path, NULL, "be made durable", why) : TRAIL_OK;
	if (fd >= 0)
		(void)close(fd);
	return err;
}

static enum trail_err open_folder(const char *path, struct statedir *dir, char why[WHY_LEN])
{
	int n = snprintf(dir->path, sizeof dir->path, "%s", path);
	int m = snprintf(dir->log, sizeof dir->log, "%s/log", path);
	int k = snprintf(dir->signer, sizeof dir->signer, "%s/signer", path);
	if (n <= 0 || m >= (int)sizeof dir->log || k >= (int)sizeof dir->signer) {
		(void)snprintf(why, WHY_LEN, "the state folder's path is empty or too long");
		return TRAIL_IO;
	}
	bool made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST)
		return failed(path, NULL, "be made", why);
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return failed(path, NULL, "be opened", why);
	return made ? sync_parent(dir, why) : TRAIL_OK;
}

enum trail_err statedir_open(const char *path, struct statedir **out, char why[WHY_LEN])
{
	struct statedir *dir = calloc(1, sizeof *dir);
	if (!dir) {
		(void)snprintf(why, WHY_LEN, "memory is out");
		return TRAIL_NOMEM;
	}
	dir->fd = -1;
	dir->lock_fd = -1;
	enum trail_err err = open_folder(path, dir, why);
	if (!err)
		err = enter(dir, why);
	if (err) {
		statedir_close(dir);
		return err;
	}
	*out = dir;
	return TRAIL_OK;
}

void statedir_close(struct statedir *dir)
{
	if (!dir)
		return;
	if (dir->lock_fd >= 0)
		(void)close(dir->lock_fd);
	if (dir->fd >= 0)
		(void)close(dir->fd);
	free(dir);
}

static bool signer_empty(const struct statedir *dir)
{
	int fd = openat(dir->fd, "signer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool nothing = false;
	if (fd < 0)
		return errno == ENOENT;
	bool listed = holds_nothing(fd, &nothing) == TRAIL_OK;
	(void)close(fd);
	return listed && nothing;
}

bool statedir_named(const struct statedir *dir)
{
	return exists(dir, "identity") || exists(dir, "vkey");
}

bool statedir_has_store(const struct statedir *dir)
{
	/* LMDB makes the file before it writes to it: a first start that was killed in between. */
	struct stat st;
	return fstatat(dir->fd, "log/data.mdb", &st, 0) == 0 && st.st_size > 0;
}

bool statedir_unborn(const struct statedir *dir)
{
	return !statedir_has_store(dir) && !statedir_named(dir) && signer_empty(dir);
}

/* ---- identity ---- */

static enum trail_err settle_text(
	const struct statedir *dir, const char *name, struct span text, char why[WHY_LEN])
{
	char found[TEXT_MAX];
	size_t len;
	enum trail_err err =
		small_file_read(dir->fd, name, SMALL_FILE_KEPT, found, sizeof found, &len);
	if (err == TRAIL_END)
		return write_text(dir, name, text, why);
	if (err == TRAIL_IO)
		return failed(dir->path, name, "be read", why);
	if (err == TRAIL_OK && span_equal(span_of(found, len), text))
		return TRAIL_OK;
	(void)snprintf(why, WHY_LEN,
		"%.256s/%s: is not that of the log in this folder: files of two "
		"logs are mixed; restore the folder as a whole",
		dir->path, name);
	return TRAIL_CORRUPT;
}

enum trail_err statedir_identify(
	const struct statedir *dir, const struct log_identity *identity, char why[WHY_LEN])
{
	struct buf vkey = { 0 };
	struct buf text = { 0 };
	enum trail_err err = TRAIL_NOMEM;
	vkey_put(&vkey, &identity->vkey);
	buf_put_u8(&vkey, '\n');
	identity_put(&text, identity);
	(void)snprintf(why, WHY_LEN, "memory is out");
	if (vkey.failed || text.failed)
		goto out;
	err = settle_text(dir, "vkey", buf_view(&vkey), why);
	if (!err)
		err = settle_text(dir, "identity", buf_view(&text), why);
out:
	buf_release(&vkey);
	buf_release(&text);
	return err;
}
