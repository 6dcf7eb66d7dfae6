/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handle's life: made, opened (Hello, and is this the log that we know?), closed, freed.
 */
#include "call.h"
#include "contact.h"
#include "trail_rows.h"

#include <stdlib.h>
#include <unistd.h>

static const char DEFAULT_ADDRESS[] = "unix:/run/trail/trail.sock";

struct trail *trail_new(void)
{
	if (!crypto_init())
		return NULL;
	struct trail *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->pid = getpid();
	t->timeout_ms = TIMEOUT_DEFAULT_MS;
	conn_init(&t->conn);
	return t;
}

void trail_free(struct trail *t)
{
	if (!t)
		return;
	rows_forsake(t);
	calls_drop(t);
	conn_release(&t->conn);
	trust_release(&t->trust);
	buf_release(&t->scratch);
	free(t->arena.data);
	free(t->address);
	free(t->folder);
	free(t);
}

enum trail_err handle_enter_closed(struct trail *t)
{
	if (!t)
		return TRAIL_MISUSE;
	fault_clear(&t->fault);
	if (t->pid != getpid())
		return fault_set(&t->fault, TRAIL_MISUSE,
			"this handle was made before fork; make a new one in the child");
	return TRAIL_OK;
}

enum trail_err handle_ready(struct trail *t)
{
	switch (t->state) {
	case HANDLE_OPEN:
		return TRAIL_OK;
	case HANDLE_LOST:
		t->fault = t->lost;
		return t->fault.code;
	case HANDLE_NEW:
	case HANDLE_CLOSED:
		break;
	}
	return fault_set(&t->fault, TRAIL_MISUSE, "this handle is not open; call trail_open first");
}

enum trail_err handle_enter(struct trail *t)
{
	enum trail_err err = handle_enter_closed(t);
	return err == TRAIL_OK ? handle_ready(t) : err;
}

enum trail_err trail_set_timeout(struct trail *t, int timeout_ms)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (timeout_ms < 1 || timeout_ms > TIMEOUT_MAX_MS)
		return fault_set(&t->fault, TRAIL_INVALID,
			"a timeout of %d ms is not possible; 1 to %d are", timeout_ms,
			TIMEOUT_MAX_MS);
	t->timeout_ms = timeout_ms;
	return TRAIL_OK;
}

static enum trail_err replace_text(struct trail *t, char **at, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	free(*at);
	*at = copy;
	return TRAIL_OK;
}

enum trail_err trail_set_state_dir(struct trail *t, const char *path)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!path || t->state == HANDLE_OPEN)
		return fault_set(
			&t->fault, TRAIL_MISUSE, "the state folder is set before trail_open");
	return replace_text(t, &t->folder, path);
}

enum trail_err trail_set_identity(struct trail *t, const char *text, size_t len)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!text || t->state == HANDLE_OPEN)
		return fault_set(
			&t->fault, TRAIL_MISUSE, "the log identity is set before trail_open");
	err = trust_set(&t->trust, span_of(text, len), TRAIL_TRUST_GIVEN);
	if (err == TRAIL_INVALID)
		return fault_set(&t->fault, err,
			"this is not a log identity file; get the one that \"trail key\" prints");
	if (err != TRAIL_OK)
		return fault_set(&t->fault, err, "memory is out");
	return TRAIL_OK;
}

enum trail_err trail_set_policy(struct trail *t, const char *text, size_t len)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!text)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no policy to set");
	return trust_set_policy(&t->trust, span_of(text, len), &t->fault);
}

enum trail_err trail_set_ack(struct trail *t, enum trail_ack ack, unsigned wait_ms)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if ((ack != TRAIL_ACK_DURABLE && ack != TRAIL_ACK_WITNESSED) || wait_ms > ACK_WAIT_MS_MAX)
		return fault_set(&t->fault, TRAIL_INVALID,
			"appends wait for durable or for witnessed, and at most %d ms",
			ACK_WAIT_MS_MAX);
	t->ack = ack == TRAIL_ACK_WITNESSED ? ACK_WITNESSED : ACK_DURABLE;
	t->ack_wait_ms = wait_ms;
	return TRAIL_OK;
}

static enum trail_err choose_address(struct trail *t, const char *address)
{
	if (!address)
		address = getenv("TRAIL_CONNECT");
	if (!address || address[0] == '\0')
		address = DEFAULT_ADDRESS;
	/* It stands on a line of its own in the state folder. */
	if (strchr(address, '\n'))
		return fault_set(&t->fault, TRAIL_INVALID, "an address has no line breaks");
	if (strncmp(address, "tls:", 4) == 0)
		return fault_set(&t->fault, TRAIL_UNSUPPORTED,
			"%s: TLS is not built yet; connect to a unix:PATH address", address);
	if (strncmp(address, "unix:", 5) != 0 || address[5] == '\0')
		return fault_set(&t->fault, TRAIL_UNSUPPORTED,
			"\"%s\" is not an address; write unix:PATH, for example %s", address,
			DEFAULT_ADDRESS);
	return replace_text(t, &t->address, address);
}

enum trail_err trail_open(struct trail *t, const char *address)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (t->state == HANDLE_OPEN || t->submitted > 0)
		return fault_set(&t->fault, TRAIL_MISUSE,
			"this handle is in use; close it before it is opened again");
	err = choose_address(t, address);
	if (err != TRAIL_OK)
		return err;
	rows_forsake(t);
	conn_close(&t->conn);
	trust_reset(&t->trust);
	err = contact_make(t);
	if (err != TRAIL_OK) {
		struct fault why = t->fault;
		conn_close(&t->conn);
		t->state = HANDLE_CLOSED;
		t->fault = why;
		return err;
	}
	fault_clear(&t->fault);
	return TRAIL_OK;
}

void trail_close(struct trail *t)
{
	if (!t || t->inside)
		return;
	rows_forsake(t);
	calls_drop(t);
	conn_close(&t->conn);
	t->state = HANDLE_CLOSED;
}

enum trail_err trail_error_code(const struct trail *t)
{
	return t ? t->fault.code : TRAIL_MISUSE;
}

const char *trail_error(const struct trail *t)
{
	return t ? t->fault.sentence : "there is no handle: memory is out";
}

uint32_t trail_error_index(const struct trail *t)
{
	return t ? t->fault.index : 0;
}

const char *trail_error_field(const struct trail *t)
{
	return t ? t->fault.field : "";
}

uint64_t trail_error_expected(const struct trail *t)
{
	return t ? t->fault.expected : 0;
}

uint32_t trail_error_retry_ms(const struct trail *t)
{
	return t ? t->fault.retry_ms : 0;
}

const char *trail_identity(const struct trail *t)
{
	return t ? t->trust.text : NULL;
}

const char *trail_origin(const struct trail *t)
{
	return t && t->trust.text ? t->trust.identity.vkey.name : NULL;
}

enum trail_trust trail_trust_level(const struct trail *t)
{
	return t ? t->trust.level : TRAIL_TRUST_NONE;
}

uint64_t trail_size(const struct trail *t)
{
	return t ? t->trust.held.cp.size : 0;
}
