/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include "contact.h"

#include <inttypes.h>

void kept_note_release(struct kept_note *kept)
{
	buf_release(&kept->note);
	buf_release(&kept->seal);
	buf_release(&kept->stamp);
	buf_release(&kept->cosigned);
}

static bool keep(struct kept_note *kept, const struct checkpoint_answer *answer)
{
	buf_put_span(&kept->note, answer->checkpoint);
	buf_put_span(&kept->seal, answer->seal);
	buf_put_span(&kept->stamp, answer->stamp);
	buf_put_span(&kept->cosigned, answer->cosigned);
	return !kept->note.failed && !kept->seal.failed && !kept->stamp.failed &&
		!kept->cosigned.failed;
}

static enum trail_err fetch_note(
	struct trail *t, struct checkpoint_wanted wanted, int64_t deadline, struct kept_note *kept)
{
	struct response response;
	struct request request = { .kind = REQUEST_CHECKPOINT, .checkpoint = wanted };
	enum trail_err err = call_wait(t, &request, RESPONSE_CHECKPOINT, deadline, &response);
	if (err == TRAIL_OK && !keep(kept, &response.checkpoint))
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (err == TRAIL_OK)
		err = trust_see(&t->trust, buf_view(&kept->note), &kept->cp, &t->fault);
	if (err == TRAIL_OK && wanted.sealed && kept->cp.size <= wanted.above)
		err = fault_set(&t->fault, TRAIL_CORRUPT,
			"%s gives a checkpoint of %" PRIu64 " records for record %" PRIu64,
			kept->cp.origin, kept->cp.size, wanted.above);
	if (err == TRAIL_CORRUPT)
		return handle_lose(t);
	return err == TRAIL_OK ? contact_settle(t, deadline) : err;
}

enum trail_err evidence_fetch_note(
	struct trail *t, uint64_t above, int64_t deadline, struct kept_note *kept)
{
	struct checkpoint_wanted wanted = { .sealed = true, .above = above };
	return fetch_note(t, wanted, deadline, kept);
}

enum trail_err evidence_fetch_newest(struct trail *t, int64_t deadline, struct kept_note *kept)
{
	return fetch_note(t, (struct checkpoint_wanted){ .sealed = false }, deadline, kept);
}

enum trail_err evidence_fetch_seal(struct trail *t, uint64_t below, uint64_t size, int64_t deadline,
	struct evidence_item *item)
{
	uint8_t cursor[CURSOR_MAX];
	struct response response;
	struct request request = {
		.kind = REQUEST_CONTROLS,
		.controls = { .from = below,
			.kind = KIND_SEAL,
			.newest_first = true,
			.limit = 1,
			.size = size },
	};
	const struct rows *rows = &response.rows;
	/* From 0 a page looks from the end of the log. */
	while (below != 0) {
		enum trail_err err = call_wait(t, &request, RESPONSE_ROWS, deadline, &response);
		if (err != TRAIL_OK)
			return err;
		if (rows->row_count != 0) {
			*item = rows->rows[0];
			return TRAIL_OK;
		}
		if (rows->done)
			break;
		/* A page may end with nothing found; it must have got on. */
		if (rows->position >= below)
			return fault_set(&t->fault, TRAIL_CORRUPT,
				"the daemon does not come to an end with the SEALs below %" PRIu64,
				below);
		below = rows->position;
		memcpy(cursor, rows->next.data, rows->next.len);
		request.controls.next = span_of(cursor, rows->next.len);
	}
	return TRAIL_END;
}
