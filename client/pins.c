/* SPDX-License-Identifier: Apache-2.0 */
#include "pins.h"

#include "deadline.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX = NOTE_LEN_MAX + 1024,
	NAME_HEX = 16, /* bytes of the hash that name a file */
	ADDRESS_MAX = 4096,
};

static const char ADDRESS_HEAD[] = "trail-address/v1\n";
static const char PIN_HEAD[] = "trail-pin/v1\n";
/* The two kinds of files that hold a struct pin. */
static const char SEEN[] = "log";
static const char VERIFIED[] = "verified";

char *pins_default_folder(void)
{
	char *folder = NULL;
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int n = -1;
	/* The XDG base directory specification: a relative path is to be ignored. */
	if (state && state[0] == '/')
		n = asprintf(&folder, "%s/trail", state);
	else if (home && home[0] == '/')
		n = asprintf(&folder, "%s/.local/state/trail", home);
	return n < 0 ? NULL : folder;
}

/* The path of the file `kind`-<hash of what>. False: too long. */
static bool pin_path(const char *folder, const char *kind, const char *what, char path[PATH_MAX])
{
	struct hash h;
	struct buf hex = { 0 };
	hash_bytes(span_text(what), &h);
	hex_put(&hex, span_of(h.b, NAME_HEX));
	buf_put_u8(&hex, 0);
	int n = hex.failed
		? -1
		: snprintf(path, PATH_MAX, "%s/%s-%s", folder, kind, (const char *)hex.data);
	buf_release(&hex);
	return n > 0 && n < PATH_MAX;
}

static enum trail_err damaged(struct fault *fault, const char *path)
{
	return fault_set(fault, TRAIL_CORRUPT,
		"%s is damaged; if nobody can have touched it on purpose, remove it and connect "
		"again: that contact counts as the first one",
		path);
}

/* The whole file, at most FILE_MAX bytes. TRAIL_END: there is none. */
static enum trail_err read_file(const char *path, struct buf *out, struct fault *fault)
{
	FILE *f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return TRAIL_END;
	if (!f)
		return fault_set(
			fault, TRAIL_IO, "cannot read %s: %s", path, strerrordesc_np(errno));
	enum trail_err err = TRAIL_OK;
	if (buf_reserve(out, FILE_MAX + 1))
		out->len = fread(out->data, 1, FILE_MAX + 1, f);
	if (out->failed)
		err = fault_set(fault, TRAIL_NOMEM, "memory is out");
	else if (ferror(f))
		err = fault_set(fault, TRAIL_IO, "cannot read %s", path);
	else if (out->len > FILE_MAX)
		err = damaged(fault, path);
	(void)fclose(f);
	return err;
}

/* Take `head` off the front of *text. */
static bool take_text(struct span *text, const char *head)
{
	struct span taken = span_text(head);
	if (text->len < taken.len || !span_equal(span_of(text->data, taken.len), taken))
		return false;
	*text = span_of(text->data + taken.len, text->len - taken.len);
	return true;
}

/* Take `lines` whole lines, with their ends, off the front of *text. */
static bool take_lines(struct span *text, unsigned lines, struct span *out)
{
	size_t len = 0;
	while (lines > 0) {
		const uint8_t *end =
			text->len > len ? memchr(text->data + len, '\n', text->len - len) : NULL;
		if (!end)
			return false;
		len = (size_t)(end - text->data) + 1;
		lines--;
	}
	*out = span_of(text->data, len);
	*text = span_of(text->data + len, text->len - len);
	return true;
}

static bool parse_address(struct span text, const char *address, char origin[NOTE_NAME_MAX + 1])
{
	struct span line;
	if (!take_text(&text, ADDRESS_HEAD) || !take_text(&text, address) ||
		!take_text(&text, "\n") || !take_lines(&text, 1, &line) || text.len != 0)
		return false;
	line.len--;
	if (!note_name_valid(line) || line.len > NOTE_NAME_MAX)
		return false;
	memcpy(origin, line.data, line.len);
	origin[line.len] = '\0';
	return true;
}

static bool parse_pin(struct span text, const char *origin, struct pin *pin)
{
	struct span identity;
	if (!take_text(&text, PIN_HEAD) || !take_lines(&text, 3, &identity) ||
		!take_text(&text, "\n") || text.len > sizeof pin->note)
		return false;
	if (identity_parse(identity, &pin->identity) != TRAIL_OK)
		return false;
	pin->note_len = text.len;
	if (text.len != 0)
		memcpy(pin->note, text.data, text.len);
	return strcmp(pin->identity.vkey.name, origin) == 0;
}

enum trail_err pins_origin(const char *folder, const char *address, char origin[NOTE_NAME_MAX + 1],
	struct fault *fault)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	if (!pin_path(folder, "address", address, path))
		return fault_set(fault, TRAIL_INVALID, "the path %s is too long", folder);
	enum trail_err err = read_file(path, &text, fault);
	if (err == TRAIL_OK && !parse_address(buf_view(&text), address, origin))
		err = damaged(fault, path);
	buf_release(&text);
	return err;
}

static enum trail_err read_pin(const char *folder, const char *kind, const char *origin,
	struct pin *pin, struct fault *fault)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	if (!pin_path(folder, kind, origin, path))
		return fault_set(fault, TRAIL_INVALID, "the path %s is too long", folder);
	enum trail_err err = read_file(path, &text, fault);
	if (err == TRAIL_OK && !parse_pin(buf_view(&text), origin, pin))
		err = damaged(fault, path);
	buf_release(&text);
	return err;
}

enum trail_err pins_read(
	const char *folder, const char *origin, struct pin *pin, struct fault *fault)
{
	return read_pin(folder, SEEN, origin, pin, fault);
}

enum trail_err pins_read_verified(
	const char *folder, const char *origin, struct pin *pin, struct fault *fault)
{
	return read_pin(folder, VERIFIED, origin, pin, fault);
}

/* mkdir -p, private. */
static bool make_folder(const char *folder)
{
	char path[PATH_MAX];
	size_t len = strlen(folder);
	if (len == 0 || len >= sizeof path)
		return false;
	memcpy(path, folder, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
		path[i] = '/';
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The folder's descriptor, locked; -1: errno says why. */
static int lock_folder(const char *folder, int64_t deadline)
{
	if (!make_folder(folder))
		return -1;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int error = errno;
		if ((error == EWOULDBLOCK || error == EINTR) && deadline_left(deadline) > 0) {
			deadline_pause(deadline);
			continue;
		}
		(void)close(fd);
		errno = error == EWOULDBLOCK ? ETIMEDOUT : error;
		return -1;
	}
	return fd;
}

static bool write_all(int fd, struct span data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.data, data.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data = span_of(data.data + n, data.len - (size_t)n);
	}
	return true;
}

/* Under the lock: a temporary file beside it, synced, renamed over it. */
static enum trail_err replace_file(const char *path, struct span text, struct fault *fault)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof temporary, "%s.new", path);
	if (n < 0 || n >= (int)sizeof temporary)
		return fault_set(fault, TRAIL_INVALID, "the path %s is too long", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fault_set(
			fault, TRAIL_IO, "cannot write %s: %s", temporary, strerrordesc_np(errno));
	bool written = write_all(fd, text) && fsync(fd) == 0;
	int error = errno;
	bool closed = close(fd) == 0;
	if (written && closed && rename(temporary, path) == 0)
		return TRAIL_OK;
	if (written)
		error = errno;
	(void)unlink(temporary);
	return fault_set(fault, TRAIL_IO, "cannot write %s: %s", path, strerrordesc_np(error));
}

/* Size of the checkpoint that a pin's note holds; 0: none that opens. */
static uint64_t pin_size(const struct pin *pin)
{
	struct checkpoint cp;
	if (pin->note_len == 0 ||
		checkpoint_open(span_of(pin->note, pin->note_len), &pin->identity.vkey, &cp) !=
			TRAIL_OK)
		return 0;
	return cp.size;
}

/* What stands there may be newer (another program's): then it stays. */
static enum trail_err write_pin(
	const char *folder, const char *kind, const struct pin *pin, struct fault *fault)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	const char *origin = pin->identity.vkey.name;
	struct pin *old = calloc(1, sizeof *old);
	enum trail_err err = TRAIL_NOMEM;
	if (!old || !pin_path(folder, kind, origin, path))
		goto out;
	err = read_pin(folder, kind, origin, old, fault);
	if (err == TRAIL_OK && !identity_same(&old->identity, &pin->identity)) {
		err = fault_set(fault, TRAIL_CORRUPT,
			"another log is known as %s; if it was replaced on purpose, remove %s",
			origin, path);
		goto out;
	}
	if (err == TRAIL_OK && pin_size(old) >= pin_size(pin))
		goto out;
	if (err != TRAIL_OK && err != TRAIL_END)
		goto out;
	buf_put_text(&text, PIN_HEAD);
	identity_put(&text, &pin->identity);
	buf_put_text(&text, "\n");
	buf_put(&text, pin->note, pin->note_len);
	err = text.failed ? TRAIL_NOMEM : replace_file(path, buf_view(&text), fault);
out:
	if (err == TRAIL_NOMEM)
		err = fault_set(fault, TRAIL_NOMEM, "memory is out");
	buf_release(&text);
	free(old);
	return err;
}

static enum trail_err write_address(
	const char *folder, const char *address, const char *origin, struct fault *fault)
{
	char path[PATH_MAX];
	char known[NOTE_NAME_MAX + 1];
	struct buf text = { 0 };
	if (strlen(address) > ADDRESS_MAX || !pin_path(folder, "address", address, path))
		return fault_set(fault, TRAIL_INVALID, "the address %s is too long", address);
	if (pins_origin(folder, address, known, fault) == TRAIL_OK && strcmp(known, origin) == 0)
		return TRAIL_OK;
	buf_put_text(&text, ADDRESS_HEAD);
	buf_printf(&text, "%s\n%s\n", address, origin);
	enum trail_err err = text.failed ? fault_set(fault, TRAIL_NOMEM, "memory is out")
					 : replace_file(path, buf_view(&text), fault);
	buf_release(&text);
	return err;
}

/* The folder's lock; -1: *fault says why there is none. */
static int lock_or_say(const char *folder, int64_t deadline, struct fault *fault)
{
	int fd = lock_folder(folder, deadline);
	if (fd < 0)
		(void)fault_set(fault, errno == ETIMEDOUT ? TRAIL_TIMEOUT : TRAIL_IO,
			"cannot keep what is known of the log in %s: %s; make it writable, or name "
			"another folder by XDG_STATE_HOME",
			folder, strerrordesc_np(errno));
	return fd;
}

enum trail_err pins_write(const char *folder, const char *address, const struct pin *pin,
	int64_t deadline, struct fault *fault)
{
	int fd = lock_or_say(folder, deadline, fault);
	if (fd < 0)
		return fault->code;
	enum trail_err err = write_pin(folder, SEEN, pin, fault);
	if (err == TRAIL_OK)
		err = write_address(folder, address, pin->identity.vkey.name, fault);
	(void)close(fd);
	return err;
}

enum trail_err pins_write_verified(
	const char *folder, const struct pin *pin, int64_t deadline, struct fault *fault)
{
	int fd = lock_or_say(folder, deadline, fault);
	if (fd < 0)
		return fault->code;
	enum trail_err err = write_pin(folder, VERIFIED, pin, fault);
	(void)close(fd);
	return err;
}
