/* SPDX-License-Identifier: Apache-2.0 */
#include "vault.h"

#include "../../proto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MODE = 0600,
	KEY_ROOM = 512, /* for the line of a key */
	KNOWN_MAX = 64 + LOGLIST_LOGS_MAX * (VKEY_LEN_MAX + 1 + NOTE_NAME_MAX + 1),
	NAME_ROOM = 2 * HASH_LEN + 8, /* of a log's file, with what may follow */
};

static const char known_head[] = "trail-witness/v1";
static const char nothing_yet[] = "nothing cosigned yet\n";

/* strerror's text for this locale-free program; never NULL. */
static const char *reason(void)
{
	const char *text = strerrordesc_np(errno);
	return text ? text : "unknown error";
}

static bool io_failed(
	struct say_reason *why, const struct vault *v, const char *name, const char *what)
{
	return say_why(why, SAY_FOLDER_FAILED, "%s/%s: %s: %s", v->path, name, what, reason());
}

/* ---- files ---- */

/* Lower-case hex of SHA-256(origin), then `suffix`. */
static void file_name(const char *origin, const char *suffix, char name[NAME_ROOM])
{
	char hex[2 * HASH_LEN + 1];
	origin_hex(origin, hex);
	(void)snprintf(name, NAME_ROOM, "%s%s", hex, suffix);
}

/*
 * Read a file of at most `max` bytes. 0: it is there; ENOENT, EFBIG (longer) or another errno.
 * `data` has room for max + 1.
 */
static int file_read(
	const struct vault *v, const char *name, uint8_t *data, size_t max, size_t *len)
{
	/* O_NONBLOCK: a FIFO put here must not make the open wait for ever. */
	int fd = openat(v->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno;
	size_t got = 0;
	ssize_t n = 1;
	while (got <= max && n != 0) {
		n = read(fd, data + got, max + 1 - got);
		if (n < 0 && errno != EINTR)
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	int err = n < 0 ? errno : got > max ? EFBIG : 0;
	(void)close(fd);
	*len = got;
	return err;
}

static bool write_all(int fd, struct span data)
{
	size_t done = 0;
	while (done < data.len) {
		ssize_t n = write(fd, data.data + done, data.len - done);
		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Write `data` to a new file, synced. False: errno is set and the file is gone. */
static bool file_make(const struct vault *v, const char *name, struct span data)
{
	(void)unlinkat(v->fd, name, 0); /* what a crash left half written */
	int fd = openat(v->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return false;
	bool made = write_all(fd, data) && fsync(fd) == 0;
	int err = errno;
	(void)close(fd);
	if (!made) {
		(void)unlinkat(v->fd, name, 0);
		errno = err;
	}
	return made;
}

/* Put `data` in the place of `name`. Until the rename nothing has changed. */
static enum vault_kept file_replace(
	const struct vault *v, const char *name, struct span data, struct say_reason *why)
{
	static const char fresh[] = "new";
	if (!file_make(v, fresh, data)) {
		(void)io_failed(why, v, name, "cannot be written");
		return VAULT_AS_WAS;
	}
	if (renameat(v->fd, fresh, v->fd, name) == 0 && fsync(v->fd) == 0)
		return VAULT_KEPT;
	(void)io_failed(why, v, name, "cannot be made durable");
	return VAULT_UNSURE;
}

/* ---- the folder ---- */

static bool make_folder(const char *path, struct say_reason *why)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ||
			say_why(why, SAY_FOLDER_FAILED, "%s: mkdir: %s", path, reason());
	/* A made folder must outlive a power cut as surely as what is put inside: sync its parent.
	 */
	struct buf parent = { 0 };
	buf_printf(&parent, "%s/..", path);
	buf_put_u8(&parent, 0);
	int fd = parent.failed
		? -1
		: open((const char *)parent.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_release(&parent);
	bool synced = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return synced || say_why(why, SAY_FOLDER_FAILED, "%s/..: fsync: %s", path, reason());
}

/* Who only looks may be root. */
static bool check_owner(const struct vault *v, enum vault_how how, struct say_reason *why)
{
	struct stat st;
	if (fstat(v->fd, &st) != 0)
		return say_why(why, SAY_FOLDER_FAILED, "%s: stat: %s", v->path, reason());
	if (how == VAULT_SERVE && st.st_uid != geteuid())
		return say_why(why, SAY_FOLDER_FAILED,
			"%s belongs to uid %u, this program runs as uid %u: chown it, or run it as "
			"that user",
			v->path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 0077) != 0)
		return say_why(why, SAY_FOLDER_FAILED,
			"%s has mode %04o, others may enter: chmod 0700 %s", v->path,
			(unsigned)(st.st_mode & 07777), v->path);
	return true;
}

static bool take_lock(struct vault *v, struct say_reason *why)
{
	v->lock = openat(v->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (v->lock < 0)
		return io_failed(why, v, "lock", "open");
	if (flock(v->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return say_why(why, SAY_FOLDER_FAILED,
			"%s is in use by another trail-witness: stop that one first", v->path);
	return io_failed(why, v, "lock", "flock");
}

/* ---- known ---- */

/* "vkey SP origin" */
static bool known_line(struct span line, struct watched *out)
{
	const uint8_t *space = memchr(line.data, ' ', line.len);
	*out = (struct watched){ 0 };
	if (!space)
		return false;
	const size_t at = (size_t)(space - line.data);
	const struct span origin = span_of(space + 1, line.len - at - 1);
	if (origin.len == 0 || origin.len > NOTE_NAME_MAX || !text_name(origin))
		return false;
	memcpy(out->origin, origin.data, origin.len);
	return vkey_parse(span_of(line.data, at), &out->vkey) == TRAIL_OK;
}

static bool known_parse(struct loglist *known, struct span text)
{
	struct span line;
	if (!note_line_take(&text, &line) || !span_equal(line, span_text(known_head)))
		return false;
	for (; note_line_take(&text, &line); known->count++)
		if (known->count == LOGLIST_LOGS_MAX ||
			!known_line(line, &known->log[known->count]))
			return false;
	return text.len == 0;
}

static enum vault_kept known_write(struct vault *v, struct say_reason *why)
{
	struct buf text = { 0 };
	buf_printf(&text, "%s\n", known_head);
	for (size_t i = 0; i < v->known->count; i++) {
		vkey_put(&text, &v->known->log[i].vkey);
		buf_printf(&text, " %s\n", v->known->log[i].origin);
	}
	enum vault_kept kept = VAULT_AS_WAS;
	if (text.failed)
		(void)say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	else
		kept = file_replace(v, "known", buf_view(&text), why);
	buf_release(&text);
	return kept;
}

static bool there(const struct vault *v, const char *name)
{
	return faccessat(v->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* `known` comes before the key, so a key without it has lost it. */
static bool known_missing(struct vault *v, enum vault_how how, struct say_reason *why)
{
	if (there(v, "key"))
		return say_why(why, SAY_KEY_LOST,
			"%s/known is missing beside a key: which logs it cosigned is not known, so "
			"nothing more is cosigned; bring it back, or begin a new witness in an "
			"empty folder",
			v->path);
	if (how == VAULT_LOOK)
		return say_why(why, SAY_KEY_LOST,
			"%s holds no witness yet: start trail-witness once, and it makes its key",
			v->path);
	return known_write(v, why) == VAULT_KEPT;
}

static bool known_read(struct vault *v, enum vault_how how, struct say_reason *why)
{
	uint8_t *text = malloc(KNOWN_MAX + 1);
	size_t len = 0;
	v->known = calloc(1, sizeof *v->known);
	bool read = text && v->known;
	if (!read)
		(void)say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	int err = read ? file_read(v, "known", text, KNOWN_MAX, &len) : 0;
	if (err == ENOENT) {
		read = known_missing(v, how, why);
	} else if (read && err != 0 && err != EFBIG) {
		errno = err;
		read = io_failed(why, v, "known", "read");
	} else if (read && (err == EFBIG || !known_parse(v->known, span_of(text, len)))) {
		read = say_why(why, SAY_KEY_LOST,
			"%s/known is damaged: which logs were cosigned is not known, so nothing "
			"more is cosigned; bring it back, or begin a new witness in an empty "
			"folder",
			v->path);
	}
	free(text);
	return read;
}

bool vault_open(struct vault *v, const char *path, enum vault_how how, struct say_reason *why)
{
	*v = (struct vault){ .path = path, .fd = -1, .lock = -1 };
	if (how == VAULT_SERVE && !make_folder(path, why))
		return false;
	v->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->fd < 0)
		return say_why(why, SAY_FOLDER_FAILED, "%s: %s", path, reason());
	return check_owner(v, how, why) && (how == VAULT_LOOK || take_lock(v, why)) &&
		known_read(v, how, why);
}

void vault_close(struct vault *v)
{
	if (v->lock >= 0)
		(void)close(v->lock);
	if (v->fd >= 0)
		(void)close(v->fd);
	free(v->known);
	*v = (struct vault){ .fd = -1, .lock = -1 };
}

/* ---- the key ---- */

/* The key's line, in locked memory. */
struct key_file {
	struct cosign_key key;
	uint8_t line[KEY_ROOM + 1];
};

static bool key_mode(const struct vault *v, struct say_reason *why)
{
	struct stat st;
	if (fstatat(v->fd, "key", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return io_failed(why, v, "key", "stat");
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0077) != 0)
		return say_why(why, SAY_FOLDER_FAILED,
			"%s/key can be read by others, or is not a plain file: chmod 0600 %s/key; "
			"if "
			"others did read it, begin a new witness in an empty folder",
			v->path, v->path);
	return true;
}

static bool key_read(const struct vault *v, struct key_file *file, struct say_reason *why)
{
	size_t len = 0;
	if (!key_mode(v, why))
		return false;
	int err = file_read(v, "key", file->line, KEY_ROOM, &len);
	if (err != 0 && err != EFBIG) {
		errno = err;
		return io_failed(why, v, "key", "read");
	}
	bool line = err == 0 && len != 0 && file->line[len - 1] == '\n';
	if (!line || cosign_key_parse(span_of(file->line, len - 1), &file->key) != TRAIL_OK)
		return say_why(why, SAY_KEY_LOST,
			"%s/key is damaged, or no witness's key: bring it back, or begin a new "
			"witness in an empty folder",
			v->path);
	return true;
}

static bool key_make(
	const struct vault *v, const char *name, struct key_file *file, struct say_reason *why)
{
	uint8_t *seed = file->key.secret; /* locked as well, and overwritten by the whole key */
	struct buf line = { .data = file->line, .cap = KEY_ROOM };
	crypto_random(seed, SIGN_SEED_LEN);
	if (cosign_key_make(span_text(name), seed, &file->key) != TRAIL_OK)
		return say_why(why, SAY_BAD_USAGE,
			"--name is 1 to %d bytes of text without spaces and without \"+\"",
			NOTE_NAME_MAX);
	cosign_key_put(&line, &file->key);
	buf_put_u8(&line, '\n');
	/* Not in place: half a key would look like a damaged one. It never signed before this. */
	return file_replace(v, "key", buf_view(&line), why) == VAULT_KEPT;
}

static struct key_file *key_open(const struct vault *v, const char *make_as, struct say_reason *why)
{
	struct key_file *file = crypto_secret_new(sizeof *file);
	if (!file) {
		(void)say_why(
			why, SAY_SYSTEM_FAILED, "no locked memory for the key: raise ulimit -l");
		return NULL;
	}
	bool have;
	if (there(v, "key"))
		have = key_read(v, file, why);
	else if (v->known->count != 0)
		have = say_why(why, SAY_KEY_LOST,
			"%s/key is missing, though logs were watched: bring it back, or begin a "
			"new "
			"witness in an empty folder",
			v->path);
	else if (!make_as)
		have = say_why(why, SAY_KEY_LOST,
			"%s holds no key yet: start trail-witness once, and it makes one", v->path);
	else
		have = key_make(v, make_as, file, why);
	if (have)
		return file;
	crypto_secret_free(file);
	return NULL;
}

struct cosign_key *vault_key(struct vault *v, const char *name, struct say_reason *why)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	char made_as[HOST_NAME_MAX + sizeof "/witness"];
	(void)gethostname(host, sizeof host - 1);
	(void)snprintf(made_as, sizeof made_as, "%s/witness", host);
	struct key_file *file = key_open(v, name ? name : made_as, why);
	if (!file)
		return NULL;
	struct cosign_key *key = NULL;
	if (name && strcmp(name, file->key.cosigner.name) != 0)
		(void)say_why(why, SAY_BAD_USAGE,
			"--name %s: this witness is named %s since its first start; another name "
			"wants another folder",
			name, file->key.cosigner.name);
	else
		key = crypto_secret_new(sizeof *key);
	if (key)
		*key = file->key;
	crypto_secret_free(file);
	return key;
}

bool vault_cosigner(struct vault *v, struct cosigner *out, struct say_reason *why)
{
	struct key_file *file = key_open(v, NULL, why);
	if (!file)
		return false;
	*out = file->key.cosigner;
	crypto_secret_free(file);
	return true;
}

/* ---- logs ---- */

bool vault_watch(struct vault *v, const struct watched *log, bool *fresh, struct say_reason *why)
{
	const struct watched *known = loglist_find(v->known, log->origin);
	*fresh = !known;
	if (known && !vkey_same(&known->vkey, &log->vkey))
		return say_why(why, SAY_LOG_CHANGED,
			"%s has another key than when it was first watched: a log has one key for "
			"ever, and its successor another origin; it is not watched",
			log->origin);
	if (known)
		return true;
	if (v->known->count == LOGLIST_LOGS_MAX)
		return say_why(why, SAY_FOLDER_FAILED,
			"%s: %d logs were watched here, which is the most: begin a second witness",
			v->path, LOGLIST_LOGS_MAX);
	char name[NAME_ROOM];
	file_name(log->origin, "", name);
	/* A file without its line is that of a crash between the two, or more than is known. */
	if (!there(v, name) && file_replace(v, name, span_text(nothing_yet), why) != VAULT_KEPT)
		return false;
	v->known->log[v->known->count++] = *log;
	if (known_write(v, why) == VAULT_KEPT)
		return true;
	v->known->count--;
	return false;
}

static enum vault_read lost(const struct vault *v, const struct watched *log, const char *name,
	const char *what, struct say_reason *why)
{
	(void)say_why(why, SAY_LOG_LOST,
		"%s: %s/%s %s: what was cosigned last is not known, so nothing more is cosigned; "
		"bring back the newest checkpoint that bears this witness's cosignature",
		log->origin, v->path, name, what);
	return VAULT_LOST;
}

static bool note_fits(struct span note, const struct watched *log, const struct cosigner *cosigner,
	struct seen *seen, uint64_t *time_s)
{
	struct checkpoint cp;
	struct span text;
	if (note_open(note, &log->vkey, &text) != TRAIL_OK ||
		checkpoint_parse_any(text, &cp) != TRAIL_OK ||
		strcmp(cp.origin, log->origin) != 0 ||
		cosign_open(note, cosigner, time_s) != TRAIL_OK)
		return false;
	*seen = (struct seen){ .size = cp.size, .root = cp.root };
	return true;
}

/* A kill may have left it in the page cache alone. */
static bool sync_there(const struct vault *v, const char *name)
{
	int fd = openat(v->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return synced;
}

enum vault_read vault_load(struct vault *v, const struct watched *log,
	const struct cosigner *cosigner, struct buf *note, struct seen *seen, uint64_t *time_s,
	struct say_reason *why)
{
	char name[NAME_ROOM];
	uint8_t data[NOTE_LEN_MAX + 1];
	size_t len = 0;
	file_name(log->origin, "", name);
	int err = file_read(v, name, data, NOTE_LEN_MAX, &len);
	if (err == ENOENT)
		return lost(v, log, name, "is missing", why);
	if (err != 0 && err != EFBIG) {
		errno = err;
		(void)io_failed(why, v, name, "read");
		return VAULT_FAILED;
	}
	*time_s = 0;
	*seen = seen_nothing();
	if (err == 0 && span_equal(span_of(data, len), span_text(nothing_yet)))
		return VAULT_NOTHING;
	if (err != 0 || !note_fits(span_of(data, len), log, cosigner, seen, time_s))
		return lost(v, log, name, "is damaged, or of another log, key or witness", why);
	if (v->lock >= 0 && !sync_there(v, name)) {
		(void)io_failed(why, v, name, "fsync");
		return VAULT_FAILED;
	}
	buf_put(note, data, len);
	return VAULT_THERE;
}

enum vault_kept vault_keep(
	struct vault *v, const struct watched *log, struct span note, struct say_reason *why)
{
	char name[NAME_ROOM];
	file_name(log->origin, "", name);
	return file_replace(v, name, note, why);
}

enum vault_fork vault_keep_fork(struct vault *v, const struct watched *log, struct span cosigned,
	struct span conflicting, struct say_reason *why)
{
	char first[NAME_ROOM];
	char second[NAME_ROOM];
	file_name(log->origin, ".forked", first);
	file_name(log->origin, ".fork", second);
	if (there(v, second))
		return VAULT_FORK_THERE;
	/* In this order: a kill between the two leaves what the next call writes over. */
	if (file_replace(v, first, cosigned, why) != VAULT_KEPT)
		return VAULT_FORK_NOT_KEPT;
	if (file_replace(v, second, conflicting, why) != VAULT_KEPT)
		return VAULT_FORK_NOT_KEPT;
	return VAULT_FORK_KEPT;
}
