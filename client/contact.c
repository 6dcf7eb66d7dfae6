/* SPDX-License-Identifier: Apache-2.0 */
#include "contact.h"

#include "call.h"
#include "deadline.h"
#include "pins.h"

#include <inttypes.h>
#include <stdlib.h>

const char *contact_folder(struct trail *t)
{
	if (!t->folder)
		t->folder = pins_default_folder();
	return t->folder && t->folder[0] != '\0' ? t->folder : NULL;
}

/* Take over what is kept of the log `origin`, if anything. */
static enum trail_err recall(struct trail *t, const char *origin)
{
	struct pin *pin = calloc(1, sizeof *pin);
	struct buf text = { 0 };
	if (!pin)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	enum trail_err err = pins_read(t->folder, origin, pin, &t->fault);
	if (err != TRAIL_OK)
		goto out;
	if (t->trust.text && !identity_same(&t->trust.identity, &pin->identity)) {
		err = fault_set(&t->fault, TRAIL_CORRUPT,
			"the log identity differs from the one known as %s from an earlier "
			"contact (kept in %s); find out which is right before you go on",
			origin, t->folder);
		goto out;
	}
	identity_put(&text, &pin->identity);
	err = t->trust.text ? TRAIL_OK : trust_set(&t->trust, buf_view(&text), TRAIL_TRUST_KEPT);
	if (err == TRAIL_OK && pin->note_len != 0)
		err = trust_see(&t->trust, span_of(pin->note, pin->note_len), NULL, &t->fault);
	if (err == TRAIL_OK)
		err = trust_advance(&t->trust, NULL, &t->fault);
	if (err == TRAIL_OK)
		t->trust.kept = t->trust.held.cp;
out:
	buf_release(&text);
	free(pin);
	return err;
}

/* Before Hello: what is known of the log at this address, or of the one that it must be. */
static enum trail_err recall_before(struct trail *t)
{
	char origin[NOTE_NAME_MAX + 1];
	enum trail_err err = TRAIL_OK;
	if (!contact_folder(t))
		return TRAIL_OK;
	if (t->trust.text)
		memcpy(origin, t->trust.identity.vkey.name, sizeof origin);
	else
		err = pins_origin(t->folder, t->address, origin, &t->fault);
	if (err == TRAIL_OK)
		err = recall(t, origin);
	return err == TRAIL_END ? TRAIL_OK : err;
}

/* The identity that the daemon names must be the known one; or it becomes the known one. */
static enum trail_err meet(struct trail *t, struct span text)
{
	struct log_identity named;
	if (identity_parse(text, &named) != TRAIL_OK)
		return fault_set(&t->fault, TRAIL_CORRUPT, "%s names no log identity", t->address);
	if (t->trust.text && !identity_same(&t->trust.identity, &named))
		return fault_set(&t->fault, TRAIL_CORRUPT,
			"%s is another log (%s) than the one that is known (%s)%s%s", t->address,
			named.vkey.name, t->trust.identity.vkey.name,
			t->trust.level == TRAIL_TRUST_KEPT
				? "; if it was replaced on purpose, remove what is kept of it in "
				: "",
			t->trust.level == TRAIL_TRUST_KEPT ? t->folder : "");
	if (t->trust.text)
		return TRAIL_OK;
	/* A first contact at this address; the log may be known from another one. */
	enum trail_err err = contact_folder(t) ? recall(t, named.vkey.name) : TRAIL_END;
	if (err != TRAIL_END && err != TRAIL_OK)
		return err;
	if (err == TRAIL_OK && !identity_same(&t->trust.identity, &named))
		return fault_set(&t->fault, TRAIL_CORRUPT,
			"%s calls itself %s, but another log is known by that name; if it was "
			"replaced on purpose, remove what is kept of it in %s",
			t->address, named.vkey.name, t->folder);
	if (err == TRAIL_OK)
		return TRAIL_OK;
	err = trust_set(&t->trust, text, TRAIL_TRUST_FIRST);
	return err == TRAIL_OK ? TRAIL_OK : fault_set(&t->fault, err, "memory is out");
}

/* Whether record 0 of the tree that is seen is the genesis of the identity. */
static enum trail_err check_genesis(struct trail *t, int64_t deadline)
{
	struct tree_proof path;
	const struct checkpoint *cp = &t->trust.seen.cp;
	enum trail_err err =
		call_prove(t, (struct prove){ .index = 0, .size = cp->size }, deadline, &path);
	if (err != TRAIL_OK)
		return err;
	if (!tree_inclusion_check(&t->trust.identity.genesis, 0, cp->size, &path, &cp->root))
		return fault_set(&t->fault, TRAIL_CORRUPT,
			"the first record of %s is not the one that its identity names",
			t->trust.identity.vkey.name);
	return TRAIL_OK;
}

/* Remember what is held, for later runs. */
static enum trail_err keep(struct trail *t, int64_t deadline)
{
	const struct buf *note = &t->trust.held.note;
	if (!contact_folder(t))
		return TRAIL_OK;
	struct pin *pin = calloc(1, sizeof *pin);
	if (!pin)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	pin->identity = t->trust.identity;
	if (note->len != 0 && note->len <= sizeof pin->note) {
		pin->note_len = note->len;
		memcpy(pin->note, note->data, note->len);
	}
	enum trail_err err = pins_write(t->folder, t->address, pin, deadline, &t->fault);
	free(pin);
	return err;
}

enum trail_err contact_settle(struct trail *t, int64_t deadline)
{
	uint64_t before = t->trust.held.cp.size;
	struct prove prove = { .consistency = true };
	enum trail_err err = TRAIL_OK;
	while (err == TRAIL_OK && trust_due(&t->trust, &prove.from, &prove.size)) {
		struct tree_proof proof;
		err = call_prove(t, prove, deadline, &proof);
		if (err == TRAIL_OK)
			err = trust_advance(&t->trust, &proof, &t->fault);
	}
	if (err == TRAIL_CORRUPT)
		return handle_lose(t);
	if (err == TRAIL_OK && t->trust.held.cp.size != before)
		err = keep(t, deadline);
	return err;
}

/* An answer to a question that was asked when `held` was held must not show less. */
static enum trail_err check_grown(struct trail *t, const struct checkpoint *cp)
{
	if (cp->size >= t->trust.held.cp.size)
		return TRAIL_OK;
	(void)fault_set(&t->fault, TRAIL_CORRUPT,
		"%s shrank: it shows %" PRIu64 " records, %" PRIu64
		" were seen before; an old copy was put back, or records were cut off",
		cp->origin, cp->size, t->trust.held.cp.size);
	return handle_lose(t);
}

enum trail_err contact_refresh(struct trail *t, int64_t deadline)
{
	struct checkpoint cp;
	struct response answer;
	struct request request = { .kind = REQUEST_CHECKPOINT };
	enum trail_err err = call_wait(t, &request, RESPONSE_CHECKPOINT, deadline, &answer);
	if (err != TRAIL_OK)
		return err;
	err = trust_see(&t->trust, answer.checkpoint.checkpoint, &cp, &t->fault);
	if (err == TRAIL_CORRUPT)
		return handle_lose(t);
	if (err == TRAIL_OK)
		err = check_grown(t, &cp);
	return err == TRAIL_OK ? contact_settle(t, deadline) : err;
}

enum trail_err contact_reach(struct trail *t, uint64_t index, int64_t deadline)
{
	const struct checkpoint *held = &t->trust.held.cp;
	if (index < held->size)
		return TRAIL_OK;
	enum trail_err err = contact_refresh(t, deadline);
	if (err != TRAIL_OK)
		return err;
	if (index >= held->size)
		return fault_set(&t->fault, TRAIL_END,
			"there is no record %" PRIu64 "; %s holds 0 to %" PRIu64, index,
			held->origin, held->size - 1);
	return TRAIL_OK;
}

static enum trail_err greet(
	struct trail *t, struct span checkpoint, int64_t deadline, struct response *answer)
{
	struct request request = {
		.kind = REQUEST_HELLO,
		.hello = { .protocol = PROTOCOL_VERSION, .checkpoint = checkpoint },
	};
	enum trail_err err = call_wait(t, &request, RESPONSE_HELLO, deadline, answer);
	if (err != TRAIL_OK)
		return err;
	if (answer->hello.protocol != PROTOCOL_VERSION)
		return fault_set(&t->fault, TRAIL_UNSUPPORTED,
			"%s speaks version %" PRIu32 " of the protocol, this library version %d; "
			"update the older one",
			t->address, answer->hello.protocol, PROTOCOL_VERSION);
	t->events_max = answer->hello.events_max;
	return TRAIL_OK;
}

/*
 * The checkpoint of the Hello answer against what is held. `known`: Hello carried the held one, so
 * the answer has the consistency proof; else it must be asked for.
 */
static enum trail_err connect_heads(
	struct trail *t, const struct hello_answer *hello, bool known, int64_t deadline)
{
	struct checkpoint cp;
	/* Copied: the answer ends with the next call. */
	struct tree_proof proof = hello->consistency;
	enum trail_err err = trust_see(&t->trust, hello->checkpoint, &cp, &t->fault);
	if (err != TRAIL_OK)
		return err;
	if (t->trust.held.cp.size == 0)
		err = check_genesis(t, deadline);
	else if (known)
		err = check_grown(t, &cp);
	else
		/* What is held was read after Hello was answered: another program may be ahead. */
		err = contact_refresh(t, deadline);
	if (err == TRAIL_OK)
		err = trust_advance(&t->trust, &proof, &t->fault);
	return err == TRAIL_OK ? keep(t, deadline) : err;
}

enum trail_err contact_make(struct trail *t)
{
	int64_t deadline = deadline_in(t->timeout_ms);
	struct response answer;
	enum trail_err err = recall_before(t);
	if (err != TRAIL_OK)
		return err;
	bool known = t->trust.held.cp.size != 0;
	err = conn_open(&t->conn, t->address + strlen("unix:"), deadline, &t->fault);
	if (err != TRAIL_OK)
		return err;
	t->state = HANDLE_OPEN;
	err = greet(t, buf_view(&t->trust.held.note), deadline, &answer);
	if (err == TRAIL_INVALID && known) {
		/* It does not take our checkpoint for its own: see who it says it is. */
		known = false;
		err = greet(t, span_of(NULL, 0), deadline, &answer);
	}
	if (err == TRAIL_OK)
		err = meet(t, answer.hello.identity);
	if (err == TRAIL_OK)
		err = connect_heads(t, &answer.hello, known, deadline);
	return err;
}
