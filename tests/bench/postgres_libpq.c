/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include "municipal.h"
#include "stopwatch.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COPY_BYTES = 256 * 1024, /* of one PQputCopyData */
	COLUMNS = 18,
	TEXT_OID = 25,
};

/* PostgreSQL counts time from 2000-01-01, in microseconds. */
static const int64_t EPOCH_US = INT64_C(946684800) * 1000000;

struct postgres {
	PGconn *conn;
	bool logged;
};

static bool complain(struct postgres *p)
{
	(void)fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(p->conn));
	return false;
}

struct postgres *postgres_open(const char *how, bool logged)
{
	struct postgres *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->logged = logged;
	p->conn = PQconnectdb(how);
	if (PQstatus(p->conn) == CONNECTION_OK)
		return p;
	(void)complain(p);
	postgres_close(p);
	return NULL;
}

void postgres_close(struct postgres *p)
{
	if (!p)
		return;
	PQfinish(p->conn);
	free(p);
}

static bool command(struct postgres *p, const char *sql, ExecStatusType expected)
{
	PGresult *r = PQexec(p->conn, sql);
	bool ok = PQresultStatus(r) == expected;
	PQclear(r);
	return ok || complain(p);
}

/* ---- filling: COPY's binary format, "PGCOPY" in PostgreSQL's manual ---- */

static void put_text(struct buf *out, struct span text)
{
	buf_put_be32(out, (uint32_t)text.len);
	buf_put_span(out, text);
}

/* What the source did not say is NULL. */
static void put_optional(struct buf *out, struct span text)
{
	if (text.len == 0)
		buf_put_be32(out, UINT32_MAX);
	else
		put_text(out, text);
}

static void put_time(struct buf *out, int64_t ns)
{
	buf_put_be32(out, 8);
	buf_put_be64(out, (uint64_t)(ns / 1000 - EPOCH_US));
}

static void put_address(struct buf *out, struct span text)
{
	static const uint8_t head[] = { 2, 32, 0, 4 }; /* IPv4, all bits, no net, 4 bytes */
	char address[INET_ADDRSTRLEN] = "";
	uint8_t bytes[4];
	if (text.len < sizeof address)
		memcpy(address, text.data, text.len);
	if (inet_pton(AF_INET, address, bytes) != 1) {
		buf_put_be32(out, UINT32_MAX);
		return;
	}
	buf_put_be32(out, sizeof head + sizeof bytes);
	buf_put(out, head, sizeof head);
	buf_put(out, bytes, sizeof bytes);
}

/* text[] with one part of each change. */
static void put_changes(struct buf *out, const struct event_value *e, size_t part)
{
	if (e->change_count == 0) {
		buf_put_be32(out, UINT32_MAX);
		return;
	}
	size_t at = out->len;
	buf_put_be32(out, 0);
	buf_put_be32(out, 1); /* dimensions */
	buf_put_be32(out, 0); /* no NULL */
	buf_put_be32(out, TEXT_OID);
	buf_put_be32(out, (uint32_t)e->change_count);
	buf_put_be32(out, 1); /* number of the first */
	for (size_t i = 0; i < e->change_count; i++) {
		const struct change *c = &e->changes[i];
		put_text(out, part == 0 ? c->field : part == 1 ? c->old_value : c->new_value);
	}
	if (!out->failed)
		store_be32(out->data + at, (uint32_t)(out->len - at - 4));
}

/* A word of an enum of the table. */
static void put_word(struct buf *out, enum trail_word list, uint32_t number)
{
	const char *word = trail_word_name(list, (int)number);
	put_optional(out, span_text(word ? word : ""));
}

static void put_row(struct buf *out, const struct event_value *e, unsigned system)
{
	const uint8_t columns[2] = { 0, COLUMNS };
	buf_put(out, columns, sizeof columns);
	put_text(out, e->id);
	put_time(out, e->time_ns);
	put_word(out, TRAIL_WORD_ACTION, e->action);
	put_optional(out, e->verb);
	put_word(out, TRAIL_WORD_OUTCOME, e->outcome);
	put_text(out, e->actor.id);
	put_word(out, TRAIL_WORD_ACTOR_TYPE, e->actor.type);
	put_optional(out, e->actor.unit);
	put_text(out, e->object.id);
	put_optional(out, e->object.type);
	put_optional(out, e->subject);
	put_optional(out, e->purpose);
	put_optional(out, e->origin.host);
	put_address(out, e->origin.address);
	for (size_t part = 0; part < 3; part++)
		put_changes(out, e, part);
	put_text(out, span_text(MUNICIPAL_SYSTEM[system]));
}

static bool copy_send(struct postgres *p, struct buf *out)
{
	bool ok =
		!out->failed && PQputCopyData(p->conn, (const char *)out->data, (int)out->len) == 1;
	buf_clear(out);
	return ok || complain(p);
}

static bool copy_begin(struct postgres *p, struct buf *out)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* no flags, no extension */
	buf_put(out, head, 11 + 4 + 4);
	return command(p,
		"COPY event (id, time, action, verb, outcome, actor, actor_type, unit, object, "
		"object_type, subject, purpose, host, address, change_field, change_old, "
		"change_new, source) FROM STDIN (FORMAT binary)",
		PGRES_COPY_IN);
}

static bool copy_end(struct postgres *p, struct buf *out)
{
	static const uint8_t tail[2] = { 0xff, 0xff };
	buf_put(out, tail, sizeof tail);
	if (!copy_send(p, out) || PQputCopyEnd(p->conn, NULL) != 1)
		return complain(p);
	PGresult *r = PQgetResult(p->conn);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	while ((r = PQgetResult(p->conn)))
		PQclear(r);
	return ok || complain(p);
}

/* Up to `rows` rows, in one transaction. */
static bool copy_some(
	struct postgres *p, struct municipal_stream *s, uint64_t rows, struct buf *out)
{
	const struct event_value *event = NULL;
	unsigned system;
	if (!copy_begin(p, out))
		return false;
	for (; rows > 0 && (event = municipal_next(s, &system)); rows--) {
		put_row(out, event, system);
		if (out->len >= COPY_BYTES && !copy_send(p, out))
			return false;
	}
	return copy_end(p, out);
}

bool postgres_fill(
	struct postgres *p, uint64_t events, uint64_t seed, const struct postgres_part *part)
{
	struct municipal_stream *stream = municipal_open(events, seed);
	struct buf out = { 0 };
	unsigned system;
	uint64_t at = 0;
	bool ok = stream != NULL;
	for (; ok && at < part->first; at++)
		ok = municipal_next(stream, &system) != NULL;
	uint64_t start = monotonic_ns();
	while (ok && at < part->last) {
		uint64_t left = part->last - at;
		uint64_t rows = part->commit != 0 && part->commit < left ? part->commit : left;
		ok = copy_some(p, stream, rows, &out);
		at += rows;
	}
	double seconds = (double)(monotonic_ns() - start) / 1e9;
	uint64_t rows = part->last - part->first;
	if (ok)
		(void)printf("{\"events\": %llu, \"seconds\": %.3f, \"rate\": %.0f}\n",
			(unsigned long long)rows, seconds, (double)rows / seconds);
	buf_release(&out);
	municipal_close(stream);
	return ok;
}

/* ---- asking ---- */

static bool prepare(struct postgres *p, const char *name, const char *sql)
{
	PGresult *r = PQprepare(p->conn, name, sql, 0, NULL);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	return ok || complain(p);
}

bool postgres_prepare(struct postgres *p, const struct inquiry *q)
{
	const char *plans = q->plan_anew ? "SET plan_cache_mode = force_custom_plan"
					 : "SET plan_cache_mode = auto";
	return command(p, "DEALLOCATE ALL", PGRES_COMMAND_OK) &&
		command(p, plans, PGRES_COMMAND_OK) && prepare(p, "q", q->sql) &&
		prepare(p, "log", "INSERT INTO reading (question) VALUES ($1)");
}

/* A transaction of its own: it is over, and synced, before the question is asked. */
static bool write_down(struct postgres *p, const struct ask *a)
{
	const char *what = a->object[0] != '\0' ? a->object : a->terms;
	PGresult *r = PQexecPrepared(p->conn, "log", 1, &what, NULL, NULL, 1);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	return ok;
}

/* One row, or several of an answer that came at once. */
static bool take_result(const PGresult *r, const struct inquiry *q, struct outcome *o)
{
	int rows = PQntuples(r);
	if (PQresultStatus(r) != PGRES_SINGLE_TUPLE && PQresultStatus(r) != PGRES_TUPLES_OK)
		return false;
	for (int i = 0; i < rows; i++) {
		const uint8_t *cell = (const uint8_t *)PQgetvalue(r, i, 0);
		if (q->shape == SHAPE_ROWS && PQgetlength(r, i, 0) == 16)
			outcome_add(o, cell);
		else if (q->shape == SHAPE_COUNT && PQgetlength(r, i, 0) == 8)
			o->rows = load_be64(cell);
		else if (q->shape == SHAPE_REPORT)
			o->rows++;
	}
	return true;
}

enum asked postgres_ask(struct postgres *p, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why)
{
	const char *params[ASK_PARAMS];
	PGresult *r;
	*o = (struct outcome){ 0 };
	*why = "";
	for (size_t i = 0; i < ASK_PARAMS; i++)
		params[i] = a->params[i];
	uint64_t start = monotonic_ns();
	bool ok = !p->logged || write_down(p, a);
	/* Row by row and in binary, so that the first can be seen before the last. */
	ok = ok && PQsendQueryPrepared(p->conn, "q", (int)q->params, params, NULL, NULL, 1) == 1 &&
		PQsetSingleRowMode(p->conn) == 1;
	while ((r = PQgetResult(p->conn))) {
		if (o->first_ns == 0)
			o->first_ns = monotonic_ns() - start;
		ok = take_result(r, q, o) && ok;
		PQclear(r);
	}
	o->last_ns = monotonic_ns() - start;
	if (ok)
		return ASKED_DONE;
	(void)complain(p);
	return ASKED_FAILED;
}
