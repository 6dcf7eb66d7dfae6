/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <stdarg.h>
#include <stdio.h>

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
