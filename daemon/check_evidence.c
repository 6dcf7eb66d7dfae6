/* SPDX-License-Identifier: Apache-2.0 */
#include "check_evidence.h"

#include "signer/state.h"
#include "small_file.h"
#include "statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	PATH_LEN = 4096
};

static bool path_of(const char *state, const char *name, char out[PATH_LEN])
{
	int len = snprintf(out, PATH_LEN, "%s/%s", state, name);
	if (len > 0 && len < PATH_LEN)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static enum trail_err read_in(
	const char *state, const char *name, void *out, size_t max, size_t *len)
{
	char path[PATH_LEN];
	*len = 0;
	return path_of(state, name, path)
		? small_file_read(AT_FDCWD, path, SMALL_FILE_KEPT, out, max, len)
		: TRAIL_IO;
}

enum trail_err evidence_lock(const char *state, int *fd)
{
	char path[PATH_LEN];
	*fd = -1;
	if (!path_of(state, "lock", path))
		return TRAIL_IO;
	int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (opened < 0)
		return errno == ENOENT ? TRAIL_OK : TRAIL_IO;
	if (!statedir_lock(opened, true)) {
		int saved = errno;
		(void)close(opened);
		errno = saved;
		return saved == EWOULDBLOCK ? TRAIL_BUSY : TRAIL_IO;
	}
	*fd = opened;
	return TRAIL_OK;
}

bool evidence_version(const char *state, struct findings *found)
{
	static const char family[] = "trail-store/v";
	char text[64];
	size_t len;
	(void)read_in(state, "VERSION", text, sizeof text, &len);
	struct span version = span_of(text, len);
	if (span_equal(version, span_text(STORE_VERSION)))
		return true;
	bool newer = len > sizeof family && memcmp(text, family, sizeof family - 1) == 0 &&
		text[len - 1] == '\n';
	if (newer)
		findings_add(found, FIND_STORE_NEWER, FINDING_NOWHERE,
			"VERSION is that of another traild; this one checks trail-store/v1");
	else
		findings_add(found, FIND_STORE_VERSION, FINDING_NOWHERE,
			"VERSION is missing or is not \"trail-store/v1\"; restore it");
	return !newer;
}

/*
 * TRAIL_END: the file is not there. TRAIL_IO (errno): it cannot be read. What is in it is the
 * scan's to judge.
 */
static enum trail_err read_head(const char *folder, const char *name, struct evidence *e)
{
	uint8_t file[SLOT_FILE_LEN];
	struct span note;
	size_t len;
	enum trail_err err = read_in(folder, name, file, sizeof file, &len);
	e->signer = SIGNER_DAMAGED;
	if (err == TRAIL_END || err == TRAIL_IO)
		return err;
	if (err != TRAIL_OK || head_read(span_of(file, len), &note) != TRAIL_OK ||
		note.len > sizeof e->signer_note)
		return TRAIL_OK;
	e->signer = note.len == 0 ? SIGNER_EMPTY : SIGNER_NOTE;
	memcpy(e->signer_note, note.data, note.len);
	e->signer_len = note.len;
	return TRAIL_OK;
}

static void read_signer(const char *state, struct evidence *e)
{
	if (read_head(state, "signer/head", e) == TRAIL_END)
		e->signer = SIGNER_ABSENT;
}

void evidence_read(const char *state, struct evidence *e)
{
	(void)read_in(state, "vkey", e->vkey_text, sizeof e->vkey_text, &e->vkey_len);
	(void)read_in(
		state, "identity", e->identity_text, sizeof e->identity_text, &e->identity_len);
	e->has_stored =
		identity_parse(span_of(e->identity_text, e->identity_len), &e->stored) == TRAIL_OK;
	if (!e->signer_given)
		read_signer(state, e);
}

enum trail_err evidence_signer(const char *folder, struct evidence *e)
{
	e->signer_given = true;
	return read_head(folder, "head", e) == TRAIL_OK ? TRAIL_OK : TRAIL_IO;
}

/* A file that was named on the command line. TRAIL_IO (errno). TRAIL_INVALID: longer than `max`. */
static enum trail_err read_given(const char *path, void *out, size_t max, size_t *len)
{
	enum trail_err err = small_file_read(AT_FDCWD, path, SMALL_FILE_GIVEN, out, max, len);
	if (err == TRAIL_TOO_BIG)
		return TRAIL_INVALID;
	return err == TRAIL_OK ? TRAIL_OK : TRAIL_IO;
}

enum trail_err evidence_pin(const char *path, struct evidence *e)
{
	char text[sizeof e->identity_text];
	size_t len;
	enum trail_err err = read_given(path, text, sizeof text, &len);
	if (err == TRAIL_OK && identity_parse(span_of(text, len), &e->pinned) != TRAIL_OK)
		err = TRAIL_INVALID;
	e->given = err == TRAIL_OK;
	return err;
}

enum trail_err evidence_checkpoint(const char *path, struct evidence *e)
{
	size_t max = sizeof e->checkpoint_note;
	enum trail_err err = read_given(path, e->checkpoint_note, max, &e->checkpoint_len);
	e->has_checkpoint = err == TRAIL_OK && e->checkpoint_len != 0;
	return err == TRAIL_OK && !e->has_checkpoint ? TRAIL_INVALID : err;
}
