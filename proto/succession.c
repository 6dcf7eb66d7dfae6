/* SPDX-License-Identifier: Apache-2.0 */
#include "succession.h"

#include "wire.h"

#include <stdio.h>

enum {
	OTHERS_MAX = 1024, /* bytes of lines of other keys; the rest of a note is no longer */
};

bool succession_is_self(const struct vkey *own, const struct vkey *old)
{
	return strcmp(own->name, old->name) == 0 ||
		memcmp(own->pub, old->pub, sizeof own->pub) == 0;
}

bool succession_reason_valid(struct span reason)
{
	return reason.len <= SUCCESSION_REASON_MAX && text_name(reason);
}

enum succession_fault succession_read(
	const struct genesis *genesis, const struct vkey *own, struct succession *out)
{
	*out = (struct succession){ 0 };
	struct succession s = { .named = genesis->predecessor.len != 0 };
	struct span reason = genesis->reason;
	if (!s.named)
		return genesis->predecessor_note.len == 0 && reason.len == 0 ? SUCCESSION_FITS
									     : SUCCESSION_MALFORMED;
	if (identity_parse(genesis->predecessor, &s.identity) != TRAIL_OK ||
		!succession_reason_valid(reason))
		return SUCCESSION_MALFORMED;
	if (reason.len != 0)
		memcpy(s.reason, reason.data, reason.len);
	s.has_note = genesis->predecessor_note.len != 0 &&
		checkpoint_open(genesis->predecessor_note, &s.identity.vkey, &s.last) == TRAIL_OK;
	*out = s;
	if (succession_is_self(own, &s.identity.vkey))
		return SUCCESSION_SELF;
	return s.has_note || genesis->predecessor_note.len == 0 ? SUCCESSION_FITS : SUCCESSION_NOTE;
}

void succession_fault_text(
	enum succession_fault fault, const struct succession *s, char why[SUCCESSION_WHY_LEN])
{
	const struct vkey *old = &s->identity.vkey;
	why[0] = '\0';
	switch (fault) {
	case SUCCESSION_FITS:
		return;
	case SUCCESSION_MALFORMED:
		(void)snprintf(why, SUCCESSION_WHY_LEN,
			"what record 0 says of a log before this one is no log identity, no "
			"checkpoint or no reason: nobody can go on to that log from here");
		return;
	case SUCCESSION_SELF:
		(void)snprintf(why, SUCCESSION_WHY_LEN,
			"record 0 names %s with key %08x as the log before this one: a successor "
			"has a name and a key of its own",
			old->name, old->keyid);
		return;
	case SUCCESSION_NOTE:
		(void)snprintf(why, SUCCESSION_WHY_LEN,
			"the checkpoint in record 0 is not signed by %s, which it names as the "
			"log before this one: how far that log came is not shown by it",
			old->name);
		return;
	}
}

/* ---- a note that fits ---- */

/* The text of an opened note ends before the blank line that its signature lines follow. */
static struct span lines_of(struct span note, struct span text)
{
	return span_of(text.data + text.len + 1, note.len - text.len - 1);
}

/*
 * Whether the line is one by `key`: alone under the text it makes a note of that key. Without
 * memory to tell, `failed` is set.
 */
static bool line_is_by(struct span text, struct span line, const struct vkey *key, bool *failed)
{
	struct buf alone = { 0 };
	struct span opened;
	buf_put_span(&alone, text);
	buf_put_u8(&alone, '\n');
	buf_put_span(&alone, line);
	buf_put_u8(&alone, '\n');
	*failed = *failed || alone.failed;
	bool is = !alone.failed && note_open(buf_view(&alone), key, &opened) == TRAIL_OK;
	buf_release(&alone);
	return is;
}

static void put_lines(
	struct span text, struct span lines, const struct vkey *key, bool own, struct buf *out)
{
	struct span line;
	size_t begin = out->len;
	while (note_line_take(&lines, &line)) {
		bool fits = own || out->len - begin + line.len + 1 <= OTHERS_MAX;
		if (!fits || line_is_by(text, line, key, &out->failed) != own)
			continue;
		buf_put_span(out, line);
		buf_put_u8(out, '\n');
		/* One line by the log says it all. */
		if (own)
			return;
	}
}

enum trail_err succession_trim_note(
	struct span note, const struct vkey *key, struct checkpoint *cp, struct buf *out)
{
	struct span text;
	enum trail_err err = checkpoint_open(note, key, cp);
	if (err == TRAIL_OK)
		err = note_open(note, key, &text);
	if (err != TRAIL_OK)
		return err;
	buf_put_span(out, text);
	buf_put_u8(out, '\n');
	put_lines(text, lines_of(note, text), key, true, out);
	put_lines(text, lines_of(note, text), key, false, out);
	return out->failed ? TRAIL_NOMEM : TRAIL_OK;
}

/* ---- from another process ---- */

void succession_bound(struct succession *s)
{
	char *texts[] = { s->identity.vkey.name, s->last.origin, s->reason };
	const size_t sizes[] = { sizeof s->identity.vkey.name, sizeof s->last.origin,
		sizeof s->reason };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		texts[i][sizes[i] - 1] = '\0';
		if (!text_name(span_text(texts[i])))
			texts[i][0] = '\0';
	}
}
