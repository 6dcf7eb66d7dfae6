/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct shared_note {
	atomic_uint owners;
	size_t len;
	uint8_t bytes[];
};

struct shared_note *shared_note_new(struct span note)
{
	struct shared_note *shared = malloc(sizeof *shared + note.len);
	if (!shared)
		return NULL;
	atomic_init(&shared->owners, 1);
	shared->len = note.len;
	memcpy(shared->bytes, note.data, note.len);
	return shared;
}

struct shared_note *shared_note_ref(struct shared_note *note)
{
	(void)atomic_fetch_add(&note->owners, 1);
	return note;
}

void shared_note_unref(struct shared_note *note)
{
	if (note && atomic_fetch_sub(&note->owners, 1) == 1)
		free(note);
}

struct span shared_note_view(const struct shared_note *note)
{
	return span_of(note->bytes, note->len);
}

void peer_actor(const struct peer *peer, char actor[PEER_ACTOR_MAX])
{
	const char *kind = peer->type == PEER_UNIX_USER ? "uid" : "cert";
	(void)snprintf(actor, PEER_ACTOR_MAX, "%s:%s", kind, peer->name);
}

void op_refuse(struct op *op, enum trail_err code, const char *sentence, ...)
{
	va_list ap;
	char text[512];
	va_start(ap, sentence);
	(void)vsnprintf(text, sizeof text, sentence, ap);
	va_end(ap);
	buf_clear(&op->answer);
	buf_put_text(&op->answer, text);
	op->response.kind = RESPONSE_ERROR;
	op->response.error = (struct failure){
		.code = code,
		.sentence = buf_view(&op->answer),
	};
}

void op_refuse_memory(struct op *op)
{
	op_refuse(op, TRAIL_BUSY, "memory is out; try again");
}

void op_refuse_unread(struct op *op)
{
	op_refuse(op, TRAIL_BUSY, "the store takes no more readers just now; try again");
}
