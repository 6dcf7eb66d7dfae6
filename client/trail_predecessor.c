/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What record 0 says of a log before this one. The identity pins record 0, and record 0 commits to
 * what it says, so the daemon need not be believed in anything.
 */
#include "call.h"
#include "deadline.h"
#include "items.h"

#include "../proto/record.h"
#include "../proto/succession.h"

#include <stdlib.h>

struct trail_predecessor {
	struct succession is;
	char identity[512];
};

static enum trail_err lies(struct trail *t, misfit why)
{
	(void)fault_set(&t->fault, TRAIL_CORRUPT, "record 0 does not verify: %s", why);
	return handle_lose(t);
}

/* Record 0 of the answer, with the payload that it commits to. */
static misfit take_genesis(const struct trail *t, const struct rows *rows, struct span *payload)
{
	struct item item;
	if (rows->row_count != 1 || rows->rows[0].index != 0 ||
		rows->rows[0].record.len != RECORD_LEN || rows->rows[0].salt.len != SALT_LEN)
		return "it is not what the daemon gives";
	misfit why = item_open(&rows->rows[0], &item);
	if (!why && !hash_equal(&item.leaf, &t->trust.identity.genesis))
		why = "it is not the one that the identity names";
	*payload = rows->rows[0].payload;
	return why;
}

static enum trail_err judge(struct trail *t, struct span payload, struct succession *out)
{
	struct genesis genesis;
	size_t need = codec_arena_need(payload);
	struct arena arena = { .data = malloc(need ? need : 1), .cap = need };
	if (!arena.data)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	enum trail_err err = genesis_decode(payload, &arena, &genesis);
	enum succession_fault fault = err ? SUCCESSION_MALFORMED
					  : succession_read(&genesis, &t->trust.identity.vkey, out);
	free(arena.data);
	if (fault == SUCCESSION_FITS)
		return TRAIL_OK;
	/* Nobody lied on the way: whoever made the log did. */
	char why[SUCCESSION_WHY_LEN];
	succession_fault_text(fault, out, why);
	return fault_set(&t->fault, TRAIL_CORRUPT, "%s: %s", t->trust.identity.vkey.name, why);
}

static enum trail_err ask(struct trail *t, struct succession *out)
{
	struct response answer;
	struct span payload;
	struct request request = {
		.kind = REQUEST_CONTROLS,
		.controls = { .kind = KIND_DAEMON, .limit = 1 },
	};
	enum trail_err err =
		call_wait(t, &request, RESPONSE_ROWS, deadline_in(t->timeout_ms), &answer);
	if (err != TRAIL_OK)
		return err;
	misfit why = take_genesis(t, &answer.rows, &payload);
	return why ? lies(t, why) : judge(t, payload, out);
}

static enum trail_err make(
	struct trail *t, const struct succession *is, struct trail_predecessor **predecessor)
{
	struct buf text = { 0 };
	struct trail_predecessor *p = calloc(1, sizeof *p);
	identity_put(&text, &is->identity);
	if (!p || text.failed || text.len >= sizeof p->identity) {
		buf_release(&text);
		free(p);
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	}
	p->is = *is;
	memcpy(p->identity, text.data, text.len);
	buf_release(&text);
	*predecessor = p;
	return TRAIL_OK;
}

enum trail_err trail_predecessor_ask(struct trail *t, struct trail_predecessor **predecessor)
{
	struct succession is = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!predecessor)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the predecessor");
	err = ask(t, &is);
	if (err != TRAIL_OK)
		return err;
	if (!is.named) {
		*predecessor = NULL;
		return TRAIL_OK;
	}
	return make(t, &is, predecessor);
}

void trail_predecessor_free(struct trail_predecessor *p)
{
	free(p);
}

const char *trail_predecessor_origin(const struct trail_predecessor *p)
{
	return p ? p->is.identity.vkey.name : NULL;
}

const char *trail_predecessor_identity(const struct trail_predecessor *p)
{
	return p ? p->identity : NULL;
}

bool trail_predecessor_size(const struct trail_predecessor *p, uint64_t *size)
{
	if (!p || !size || !p->is.has_note)
		return false;
	*size = p->is.last.size;
	return true;
}

const uint8_t *trail_predecessor_root(const struct trail_predecessor *p)
{
	return p && p->is.has_note ? p->is.last.root.b : NULL;
}

const char *trail_predecessor_reason(const struct trail_predecessor *p)
{
	return p && p->is.reason[0] ? p->is.reason : NULL;
}
