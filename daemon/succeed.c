/* SPDX-License-Identifier: Apache-2.0 */
#include "succeed.h"

#include "small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum {
	WHY_LEN = 512,
	FILE_MAX = NOTE_LEN_MAX,
};

/* A whole file of at most FILE_MAX bytes. */
static enum trail_err read_file(const char *path, struct buf *out, char why[WHY_LEN])
{
	enum trail_err err = TRAIL_NOMEM;
	const char *what = "memory is out";
	if (buf_reserve(out, FILE_MAX)) {
		err = small_file_read(
			AT_FDCWD, path, SMALL_FILE_GIVEN, out->data, FILE_MAX, &out->len);
		what = strerror(errno);
	}
	if (err == TRAIL_TOO_BIG) {
		(void)snprintf(
			why, WHY_LEN, "%.256s: longer than any identity or checkpoint", path);
		return TRAIL_INVALID;
	}
	if (err)
		(void)snprintf(why, WHY_LEN, "%.256s: cannot be read: %s", path, what);
	return err == TRAIL_END ? TRAIL_IO : err;
}

static enum trail_err read_identity(const char *path, struct succeed *s, char why[WHY_LEN])
{
	struct buf file = { 0 };
	enum trail_err err = read_file(path, &file, why);
	if (!err && identity_parse(buf_view(&file), &s->old)) {
		err = TRAIL_INVALID;
		(void)snprintf(why, WHY_LEN,
			"%.256s: not a log identity file; the old log's `trail key` printed it, "
			"and it lies in its state folder as `identity`",
			path);
	}
	if (!err)
		identity_put(&s->identity, &s->old);
	buf_release(&file);
	return err;
}

static enum trail_err read_note(const char *path, struct succeed *s, char why[WHY_LEN])
{
	struct buf file = { 0 };
	enum trail_err err = read_file(path, &file, why);
	if (!err) {
		err = succession_trim_note(buf_view(&file), &s->old.vkey, &s->last, &s->note);
		if (err == TRAIL_CORRUPT || err == TRAIL_INVALID)
			(void)snprintf(why, WHY_LEN,
				"%.256s: %s; give the newest `trail checkpoint` of that log, or "
				"none",
				path,
				err == TRAIL_INVALID ? "not a checkpoint"
						     : "not signed by the old log");
		if (err == TRAIL_CORRUPT)
			err = TRAIL_INVALID;
	}
	s->has_note = !err;
	buf_release(&file);
	return err;
}

enum trail_err succeed_read(const struct succeed_wish *wish, struct succeed *s, char why[WHY_LEN])
{
	*s = (struct succeed){ .reason = span_text(wish->reason ? wish->reason : "") };
	(void)snprintf(why, WHY_LEN, "memory is out");
	if (!succession_reason_valid(s->reason)) {
		(void)snprintf(why, WHY_LEN,
			"--reason: one line of at most %d bytes, without control characters",
			SUCCESSION_REASON_MAX);
		return TRAIL_INVALID;
	}
	enum trail_err err = read_identity(wish->identity, s, why);
	if (!err && wish->note)
		err = read_note(wish->note, s, why);
	if (!err && (s->identity.failed || s->note.failed))
		err = TRAIL_NOMEM;
	return err;
}

void succeed_release(struct succeed *s)
{
	buf_release(&s->identity);
	buf_release(&s->note);
	*s = (struct succeed){ 0 };
}

enum trail_err succeed_judge_origin(const struct succeed *s, const char *origin, char why[WHY_LEN])
{
	if (strcmp(origin, s->old.vkey.name) != 0)
		return TRAIL_OK;
	(void)snprintf(why, WHY_LEN,
		"origin %s: the old log has this name, and two logs of one name look like a fork; "
		"give the new one another with --origin",
		origin);
	return TRAIL_INVALID;
}

enum trail_err succeed_judge_key(const struct succeed *s, const struct vkey *key, char why[WHY_LEN])
{
	if (!succession_is_self(key, &s->old.vkey))
		return TRAIL_OK;
	(void)snprintf(why, WHY_LEN,
		"the signer has the old log's key %08x: a successor must have a key of its own; "
		"give it an empty signer folder",
		s->old.vkey.keyid);
	return TRAIL_INVALID;
}

void succeed_fill(const struct succeed *s, struct genesis *genesis)
{
	genesis->predecessor = buf_view(&s->identity);
	genesis->predecessor_note = buf_view(&s->note);
	genesis->reason = s->reason;
}
