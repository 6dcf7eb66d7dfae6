/* SPDX-License-Identifier: Apache-2.0 */
#include "stamper.h"

#include <stdio.h>

/* The text that is stamped: the signed one of the checkpoint's note. */
static void put_text(const struct stamper *s, const struct head *head, struct buf *out)
{
	struct checkpoint cp = { .size = head->size, .root = head->root };
	(void)snprintf(cp.origin, sizeof cp.origin, "%s", s->origin);
	checkpoint_put(out, &cp);
}

bool stamper_due(const struct stamper *s, const struct head *sealed, uint64_t now_ms)
{
	return s->asked.size == 0 && sealed->size > s->done && now_ms >= s->next_ms;
}

void stamper_lose(struct stamper *s, uint64_t now_ms)
{
	s->next_ms = now_ms + backoff_failed(&s->pauses);
	s->asked.size = 0;
}

bool stamper_ask(struct stamper *s, const struct head *sealed, uint64_t now_ms, struct buf *out)
{
	struct buf text = { 0 };
	crypto_random(s->nonce, sizeof s->nonce);
	put_text(s, sealed, &text);
	s->asked = *sealed;
	const bool ok = !text.failed && stamp_request(buf_view(&text), s->nonce, out);
	buf_release(&text);
	if (!ok)
		stamper_lose(s, now_ms);
	return ok;
}

enum trail_err stamper_take(struct stamper *s, struct span response, uint64_t now_ms,
	uint64_t *size, char why[STAMP_WHY_MAX])
{
	struct stamp stamp;
	struct buf text = { 0 };
	enum trail_err err = TRAIL_INVALID;
	(void)snprintf(why, STAMP_WHY_MAX, "there was no answer");
	put_text(s, &s->asked, &text);
	if (s->asked.size != 0 && response.len != 0 && !text.failed)
		err = stamp_read(response, buf_view(&text), s->nonce, &stamp, why);
	buf_release(&text);
	if (err) {
		stamper_lose(s, now_ms);
		return err;
	}
	*size = s->asked.size;
	s->done = s->asked.size;
	s->asked.size = 0;
	backoff_end(&s->pauses);
	s->next_ms = 0;
	return TRAIL_OK;
}
