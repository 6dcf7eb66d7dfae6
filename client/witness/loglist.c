/* SPDX-License-Identifier: Apache-2.0 */
#include "loglist.h"

#include "../../proto/wire.h"

#include <stdarg.h>
#include <stdio.h>

static const char list_head[] = "logs/v0";

/* Where a log list is being read. */
struct reading {
	struct loglist *list;
	struct watched log; /* the one under way; its vkey has a name once there is one */
	size_t line;
	struct loglist_fault *why;
};

__attribute__((format(printf, 2, 3))) static enum trail_err bad(
	const struct reading *r, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const int at = snprintf(r->why->text, LOGLIST_WHY_LEN, "line %zu: ", r->line);
	(void)vsnprintf(r->why->text + at, LOGLIST_WHY_LEN - (size_t)at, format, ap);
	va_end(ap);
	return TRAIL_INVALID;
}

const struct watched *loglist_find(const struct loglist *list, const char *origin)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->log[i].origin, origin) == 0)
			return &list->log[i];
	return NULL;
}

/* The log under way is complete. */
static enum trail_err finish(struct reading *r)
{
	if (!r->log.vkey.name[0])
		return TRAIL_OK;
	const struct watched *there = loglist_find(r->list, r->log.origin);
	if (there && !vkey_same(&there->vkey, &r->log.vkey))
		return bad(r,
			"%s is named with two keys: a log has one for ever; leave the one that you "
			"have from its operator",
			r->log.origin);
	if (!there && r->list->count == LOGLIST_LOGS_MAX)
		return bad(r, "more than %d logs: a second witness is needed", LOGLIST_LOGS_MAX);
	if (!there)
		r->list->log[r->list->count++] = r->log;
	r->log = (struct watched){ 0 };
	return TRAIL_OK;
}

static enum trail_err begin(struct reading *r, struct span vkey)
{
	enum trail_err err = finish(r);
	if (err)
		return err;
	err = vkey_parse(vkey, &r->log.vkey);
	if (err == TRAIL_UNSUPPORTED)
		return bad(r, "a key of a type that is not Ed25519 (1): a witness takes no other");
	if (err || !text_name(span_text(r->log.vkey.name)))
		return bad(r,
			"not a vkey (name+keyid+base64), or its key id is not its own: copy "
			"it anew");
	memcpy(r->log.origin, r->log.vkey.name, sizeof r->log.origin);
	return TRAIL_OK;
}

static enum trail_err rename_log(struct reading *r, struct span origin)
{
	if (!r->log.vkey.name[0])
		return bad(r, "an origin without a vkey line before it");
	if (origin.len == 0 || origin.len > NOTE_NAME_MAX || !text_name(origin))
		return bad(r, "an origin is 1 to %d bytes of text without control characters",
			NOTE_NAME_MAX);
	memset(r->log.origin, 0, sizeof r->log.origin);
	memcpy(r->log.origin, origin.data, origin.len);
	return TRAIL_OK;
}

static bool word_take(struct span *line, const char *word)
{
	const size_t len = strlen(word);
	if (line->len <= len || memcmp(line->data, word, len) != 0 || line->data[len] != ' ')
		return false;
	*line = span_of(line->data + len + 1, line->len - len - 1);
	return true;
}

static enum trail_err take_line(struct reading *r, struct span line)
{
	if (line.len == 0 || line.data[0] == '#')
		return TRAIL_OK;
	if (word_take(&line, "vkey"))
		return begin(r, line);
	if (word_take(&line, "origin"))
		return rename_log(r, line);
	if (word_take(&line, "qpd") || word_take(&line, "contact"))
		return TRAIL_OK;
	return bad(r, "a log list has lines \"vkey V\", \"origin O\", \"qpd N\", \"contact C\"");
}

/* The rest of the text, behind its first line. */
static enum trail_err take_list(struct reading *r, struct span text)
{
	struct span line;
	enum trail_err err = TRAIL_OK;
	while (!err && note_line_take(&text, &line)) {
		r->line++;
		err = take_line(r, line);
	}
	if (!err && text.len != 0)
		return bad(r, "the last line has no end: the file was cut");
	return err ? err : finish(r);
}

/* The first line that says something; *text moves behind it. */
static struct span first_line(struct reading *r, struct span *text)
{
	struct span line = { 0 };
	while (note_line_take(text, &line)) {
		r->line++;
		if (line.len != 0 && line.data[0] != '#')
			return line;
	}
	/* A vkey that was saved without a newline. */
	line = *text;
	*text = span_of(NULL, 0);
	r->line++;
	return line;
}

enum trail_err loglist_add(struct loglist *list, struct span text, struct loglist_fault *why)
{
	struct reading r = { .list = list, .why = why };
	struct log_identity identity;
	if (identity_parse(text, &identity) == TRAIL_OK) {
		r.log.vkey = identity.vkey;
		memcpy(r.log.origin, identity.vkey.name, sizeof r.log.origin);
		return finish(&r);
	}
	struct span line = first_line(&r, &text);
	if (span_equal(line, span_text(list_head)))
		return take_list(&r, text);
	if (line.len == 0 || memchr(line.data, ' ', line.len))
		return bad(&r,
			"neither a log identity file (trail key), nor a vkey, nor a log "
			"list, which begins with \"logs/v0\"");
	enum trail_err err = begin(&r, line);
	if (!err && first_line(&r, &text).len != 0)
		err = bad(&r,
			"something follows the vkey: several logs want a log list, which "
			"begins with \"logs/v0\"");
	return err ? err : finish(&r);
}
