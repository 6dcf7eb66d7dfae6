/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoding half of codec.h. By hand, because protobuf-c would have every value copied into
 * structures and NUL-terminated strings of its own first. Field numbers: proto/trail.proto.
 */
#include "codec.h"

#include "wire.h"

static void put_proof(struct buf *out, uint32_t number, const struct tree_proof *proof)
{
	for (size_t i = 0; i < proof->count; i++)
		wire_put_item(out, number, span_of(proof->path[i].b, HASH_LEN));
}

/* ---- requests ---- */

static void put_hello(struct buf *out, const struct hello *hello)
{
	wire_put_number(out, 1, hello->protocol);
	wire_put_bytes(out, 2, hello->checkpoint);
	for (size_t i = 0; i < hello->claim_count; i++) {
		struct wire_mark claim = wire_open(out, 3);
		wire_put_bytes(out, 1, hello->claims[i].source);
		wire_put_number(out, 2, hello->claims[i].epoch);
		wire_close(out, claim);
	}
}

static void put_append(struct buf *out, const struct append *append)
{
	wire_put_bytes(out, 1, append->source);
	wire_put_number(out, 2, append->epoch);
	wire_put_number(out, 3, append->first_seq);
	wire_put_number(out, 4, append->lost);
	wire_put_number(out, 5, append->made);
	for (size_t i = 0; i < append->event_count; i++)
		wire_put_item(out, 6, append->events[i]);
	wire_put_number(out, 7, append->want_salts);
	wire_put_number(out, 8, append->want_proof);
	wire_put_number(out, 9, append->ack);
	wire_put_number(out, 10, append->wait_ms);
}

/* Close and Keepalive differ in what their third field is. */
static void put_word(struct buf *out, const struct epoch_word *word, uint64_t third)
{
	wire_put_bytes(out, 1, word->source);
	wire_put_number(out, 2, word->epoch);
	wire_put_number(out, 3, third);
}

static void put_records_wanted(struct buf *out, const struct records_wanted *wanted)
{
	wire_put_number(out, 1, wanted->first);
	wire_put_number(out, 2, wanted->limit);
	wire_put_bytes(out, 3, wanted->next);
}

static void put_paging(struct buf *out, uint32_t number, const struct paging *paging)
{
	struct wire_mark mark = wire_open(out, number);
	wire_put_number(out, 1, paging->from);
	wire_put_number(out, 2, (uint64_t)paging->since_ns);
	wire_put_number(out, 3, (uint64_t)paging->until_ns);
	wire_put_number(out, 4, paging->newest_first);
	wire_put_number(out, 5, paging->limit);
	wire_put_number(out, 6, paging->count);
	wire_put_number(out, 7, paging->size);
	wire_put_number(out, 8, paging->follow_ms);
	wire_put_bytes(out, 9, paging->next);
	wire_put_number(out, 10, paging->scan);
	wire_close_filled(out, mark);
}

static void put_get(struct buf *out, const struct question *question)
{
	wire_put_number(out, 1, question->index);
	wire_put_number(out, 2, question->count);
	wire_put_number(out, 3, question->want_genesis);
	put_paging(out, 4, &question->paging);
}

/* Search and History: the question's text, and how it comes. */
static void put_question(struct buf *out, const struct question *question)
{
	wire_put_bytes(out, 1, question->text);
	put_paging(out, 2, &question->paging);
}

static void put_report(struct buf *out, const struct question *question)
{
	wire_put_bytes(out, 1, question->text);
	wire_put_number(out, 2, question->by);
	wire_put_number(out, 3, question->bucket_ns);
	wire_put_bytes(out, 4, question->after);
	put_paging(out, 5, &question->paging);
}

static void put_prove(struct buf *out, const struct prove *prove)
{
	if (prove->consistency)
		wire_put_member(out, 2, prove->from);
	else
		wire_put_member(out, 1, prove->index);
	wire_put_number(out, 3, prove->size);
}

static void put_controls_wanted(struct buf *out, const struct controls_wanted *wanted)
{
	wire_put_number(out, 1, wanted->from);
	wire_put_number(out, 2, wanted->kind);
	wire_put_number(out, 3, wanted->newest_first);
	wire_put_number(out, 4, wanted->limit);
	wire_put_number(out, 5, wanted->size);
	wire_put_bytes(out, 6, wanted->next);
}

static void put_request_body(struct buf *out, const struct request *request)
{
	switch (request->kind) {
	case REQUEST_NONE:
	case REQUEST_STATUS:
		break;
	case REQUEST_CHECKPOINT:
		wire_put_number(out, 1, request->checkpoint.sealed);
		wire_put_number(out, 2, request->checkpoint.above);
		break;
	case REQUEST_CONTROLS:
		put_controls_wanted(out, &request->controls);
		break;
	case REQUEST_HELLO:
		put_hello(out, &request->hello);
		break;
	case REQUEST_APPEND:
		put_append(out, &request->append);
		break;
	case REQUEST_CLOSE:
		put_word(out, &request->word, request->word.last);
		break;
	case REQUEST_KEEPALIVE:
		put_word(out, &request->word, request->word.made);
		break;
	case REQUEST_GET:
		put_get(out, &request->question);
		break;
	case REQUEST_SEARCH:
	case REQUEST_HISTORY:
		put_question(out, &request->question);
		break;
	case REQUEST_REPORT:
		put_report(out, &request->question);
		break;
	case REQUEST_SOURCES:
		wire_put_number(out, 1, request->sources.size);
		wire_put_bytes(out, 2, request->sources.next);
		break;
	case REQUEST_RECORDS:
		put_records_wanted(out, &request->records);
		break;
	case REQUEST_PROVE:
		put_prove(out, &request->prove);
		break;
	case REQUEST_INDEX_CHECK:
		wire_put_number(out, 1, request->index_check.start);
		wire_put_number(out, 2, request->index_check.job);
		break;
	}
}

void request_encode(const struct request *request, struct buf *out)
{
	wire_put_number(out, 1, request->id);
	if (request->kind == REQUEST_NONE)
		return;
	struct wire_mark body = wire_open(out, (uint32_t)request->kind);
	put_request_body(out, request);
	wire_close(out, body);
}

/* ---- responses ---- */

static void put_error(struct buf *out, const struct failure *error)
{
	int code = -(int)error->code;
	if (code < -TRAIL_INVALID || code > -TRAIL_UNSUPPORTED)
		code = -TRAIL_UNAVAILABLE;
	wire_put_number(out, 1, (uint64_t)code);
	wire_put_bytes(out, 2, error->sentence);
	wire_put_number(out, 3, error->index);
	wire_put_bytes(out, 4, error->field);
	wire_put_number(out, 5, error->expected);
	wire_put_number(out, 6, error->retry_ms);
}

static void put_hello_answer(struct buf *out, const struct hello_answer *answer)
{
	wire_put_number(out, 1, answer->protocol);
	wire_put_bytes(out, 2, answer->identity);
	wire_put_bytes(out, 3, answer->checkpoint);
	put_proof(out, 4, &answer->consistency);
	for (size_t i = 0; i < answer->standing_count; i++) {
		const struct standing *standing = &answer->standings[i];
		struct wire_mark mark = wire_open(out, 5);
		wire_put_number(out, 1, standing->known);
		wire_put_number(out, 2, standing->last);
		wire_put_number(out, 3, standing->floor);
		wire_put_number(out, 4, standing->source);
		wire_close(out, mark);
	}
	wire_put_number(out, 6, answer->event_field_highest);
	wire_put_number(out, 7, answer->frame_max);
	wire_put_number(out, 8, answer->events_max);
}

static void put_run(struct buf *out, const struct run *run)
{
	wire_put_number(out, 1, run->first_index);
	wire_put_number(out, 2, run->count);
	wire_put_number(out, 3, run->first_seq);
	wire_put_number(out, 4, run->received_ns);
	wire_put_number(out, 5, run->source);
	wire_put_number(out, 6, run->peer);
	wire_put_bytes(out, 7, span_of(run->prev.b, HASH_LEN));
	if (run->classes)
		wire_put_packed(out, 8, run->classes, run->count);
	if (run->flags)
		wire_put_packed(out, 9, run->flags, run->count);
	wire_put_bytes(out, 10, run->salts);
	put_proof(out, 11, &run->path);
	wire_put_number(out, 12, run->duplicate);
	wire_put_bytes(out, 13, run->records);
}

static void put_appended(struct buf *out, const struct appended *appended)
{
	for (size_t i = 0; i < appended->run_count; i++) {
		struct wire_mark run = wire_open(out, 1);
		put_run(out, &appended->runs[i]);
		wire_close(out, run);
	}
	wire_put_bytes(out, 2, appended->checkpoint);
	wire_put_number(out, 3, appended->unchecked);
}

static void put_item(struct buf *out, uint32_t number, const struct evidence_item *item)
{
	struct wire_mark mark = wire_open(out, number);
	wire_put_number(out, 1, item->index);
	wire_put_bytes(out, 2, item->record);
	wire_put_bytes(out, 3, item->salt);
	wire_put_bytes(out, 4, item->payload);
	for (size_t i = 0; i < item->path_count; i++)
		wire_put_item(out, 5, span_of(item->path[i].b, HASH_LEN));
	wire_close(out, mark);
}

static void put_completeness(struct buf *out, const struct completeness *completeness)
{
	struct wire_mark mark = wire_open(out, 9);
	wire_put_number(out, 1, completeness->method);
	wire_put_number(out, 2, completeness->sources);
	wire_put_number(out, 3, completeness->current);
	wire_put_number(out, 4, completeness->gaps);
	wire_put_number(out, 5, completeness->witnessed);
	wire_close_filled(out, mark);
}

static void put_rows(struct buf *out, const struct rows *rows)
{
	for (size_t i = 0; i < rows->row_count; i++)
		put_item(out, 1, &rows->rows[i]);
	for (size_t i = 0; i < rows->named_count; i++)
		put_item(out, 2, &rows->named[i]);
	wire_put_bytes(out, 3, rows->checkpoint);
	wire_put_number(out, 4, rows->read);
	wire_put_number(out, 5, rows->matched);
	wire_put_number(out, 6, rows->position);
	wire_put_bytes(out, 7, rows->next);
	wire_put_number(out, 8, rows->done);
	put_completeness(out, &rows->completeness);
	for (size_t i = 0; i < rows->count_count; i++) {
		struct wire_mark mark = wire_open(out, 10);
		wire_put_bytes(out, 1, rows->counts[i].key);
		wire_put_number(out, 2, rows->counts[i].count);
		wire_close(out, mark);
	}
}

static void put_source_state(struct buf *out, const struct source_state *state)
{
	struct wire_mark mark = wire_open(out, 1);
	put_item(out, 1, &state->entry);
	wire_put_number(out, 2, state->heard_ns);
	wire_put_number(out, 3, state->newest);
	wire_put_number(out, 4, state->open);
	wire_put_number(out, 5, state->imports);
	wire_put_number(out, 6, state->open_ends);
	wire_put_number(out, 7, state->lost);
	wire_put_number(out, 8, state->missing);
	wire_close(out, mark);
}

static void put_sources(struct buf *out, const struct sources_answer *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		put_source_state(out, &sources->states[i]);
	wire_put_bytes(out, 2, sources->checkpoint);
	wire_put_bytes(out, 3, sources->next);
	wire_put_number(out, 4, sources->done);
}

static void put_page(struct buf *out, const struct record_page *page)
{
	wire_put_number(out, 1, page->first);
	wire_put_bytes(out, 2, page->records);
	wire_put_bytes(out, 3, page->next);
	wire_put_number(out, 4, page->done);
	wire_put_bytes(out, 5, page->checkpoint);
}

static void put_proof_answer(struct buf *out, const struct proof_answer *answer)
{
	put_proof(out, 1, &answer->path);
	wire_put_number(out, 2, answer->size);
	wire_put_bytes(out, 3, answer->leaf);
	wire_put_bytes(out, 4, answer->checkpoint);
}

static void put_figures(struct buf *out, const struct status_figures *figures)
{
	struct wire_mark all = wire_open(out, 17);
	for (unsigned i = 0; i < TRAIL_STATUS_COUNT; i++) {
		if ((figures->known >> i & 1) == 0)
			continue;
		struct wire_mark one = wire_open(out, 1);
		wire_put_number(out, 1, i);
		wire_put_number(out, 2, figures->values[i]);
		wire_close(out, one);
	}
	wire_close_filled(out, all);
}

static void put_times(struct buf *out, uint32_t number, const struct status_times *times)
{
	struct wire_mark all = wire_open(out, number);
	for (size_t i = 0; i < times->count; i++) {
		struct wire_mark one = wire_open(out, 1);
		wire_put_number(out, 1, times->upto_ns[i]);
		wire_put_number(out, 2, times->in_bucket[i]);
		wire_close(out, one);
	}
	wire_put_number(out, 2, times->sum_ns);
	wire_close_filled(out, all);
}

static void put_witness(struct buf *out, const struct witness_state *witness)
{
	struct wire_mark mark = wire_open(out, 21);
	wire_put_bytes(out, 1, witness->name);
	wire_put_number(out, 2, witness->state);
	wire_put_number(out, 3, witness->size);
	wire_put_number(out, 4, witness->cosigned_s);
	wire_close(out, mark);
}

static void put_checkpoint_answer(struct buf *out, const struct checkpoint_answer *answer)
{
	wire_put_bytes(out, 1, answer->checkpoint);
	wire_put_bytes(out, 2, answer->identity);
	wire_put_bytes(out, 3, answer->seal);
	wire_put_bytes(out, 4, answer->stamp);
	wire_put_bytes(out, 5, answer->cosigned);
}

static void put_status(struct buf *out, const struct status_answer *status)
{
	wire_put_bytes(out, 1, status->version);
	wire_put_bytes(out, 2, status->origin);
	wire_put_bytes(out, 3, status->checkpoint);
	wire_put_number(out, 4, status->started_ns);
	wire_put_number(out, 5, status->size);
	wire_put_number(out, 6, status->events);
	wire_put_number(out, 7, status->commits);
	wire_put_number(out, 8, status->refusals);
	wire_put_number(out, 9, status->connections);
	wire_put_number(out, 10, status->queue_bytes);
	wire_put_number(out, 11, status->free_bytes);
	wire_put_number(out, 12, status->store_bytes);
	wire_put_number(out, 13, status->open_epochs);
	wire_put_number(out, 14, status->pending_gaps);
	wire_put_number(out, 15, status->sources);
	wire_put_number(out, 16, status->full);
	put_figures(out, &status->figures);
	for (uint32_t i = 0; i < TRAIL_TIMES_COUNT; i++)
		put_times(out, 18 + i, &status->times[i]);
	for (size_t i = 0; i < status->witness_count; i++)
		put_witness(out, &status->witnesses[i]);
}

static void put_index_check(struct buf *out, const struct index_check_answer *answer)
{
	wire_put_number(out, 1, answer->job);
	wire_put_number(out, 2, answer->ended);
	wire_put_number(out, 3, answer->failed);
	wire_put_number(out, 4, answer->done);
	wire_put_number(out, 5, answer->all);
	wire_put_number(out, 6, answer->indexed);
	wire_put_number(out, 7, answer->files);
	wire_put_number(out, 8, answer->found);
	for (size_t i = 0; i < answer->difference_count; i++) {
		const struct index_difference *d = &answer->differences[i];
		struct wire_mark mark = wire_open(out, 9);
		wire_put_number(out, 1, d->what);
		wire_put_bytes(out, 2, d->field);
		wire_put_number(out, 3, d->index);
		wire_close(out, mark);
	}
}

static void put_response_body(struct buf *out, const struct response *response)
{
	switch (response->kind) {
	case RESPONSE_NONE:
	case RESPONSE_CLOSED:
		break;
	case RESPONSE_ERROR:
		put_error(out, &response->error);
		break;
	case RESPONSE_HELLO:
		put_hello_answer(out, &response->hello);
		break;
	case RESPONSE_APPENDED:
		put_appended(out, &response->appended);
		break;
	case RESPONSE_KEPT:
		wire_put_number(out, 1, response->last);
		break;
	case RESPONSE_RECORDS:
		put_page(out, &response->records);
		break;
	case RESPONSE_CHECKPOINT:
		put_checkpoint_answer(out, &response->checkpoint);
		break;
	case RESPONSE_PROOF:
		put_proof_answer(out, &response->proof);
		break;
	case RESPONSE_STATUS:
		put_status(out, &response->status);
		break;
	case RESPONSE_ROWS:
		put_rows(out, &response->rows);
		break;
	case RESPONSE_SOURCES:
		put_sources(out, &response->sources);
		break;
	case RESPONSE_INDEX_CHECK:
		put_index_check(out, &response->index_check);
		break;
	}
}

void response_encode(const struct response *response, struct buf *out)
{
	wire_put_number(out, 1, response->id);
	if (response->kind == RESPONSE_NONE)
		return;
	struct wire_mark body = wire_open(out, (uint32_t)response->kind);
	put_response_body(out, response);
	wire_close(out, body);
}

/* ---- the event ---- */

static void put_actor(struct buf *out, const struct event_value *event)
{
	struct wire_mark mark = wire_open(out, 7);
	wire_put_bytes(out, 1, event->actor.id);
	wire_put_number(out, 2, event->actor.type);
	wire_put_bytes(out, 3, event->actor.name);
	wire_put_bytes(out, 4, event->actor.role);
	wire_put_bytes(out, 5, event->actor.unit);
	wire_put_bytes(out, 6, event->actor.session);
	wire_put_bytes(out, 7, event->actor.address);
	wire_put_bytes(out, 8, event->actor.on_behalf_of);
	wire_close_filled(out, mark);
}

static void put_object(struct buf *out, const struct event_value *event)
{
	struct wire_mark mark = wire_open(out, 8);
	wire_put_bytes(out, 1, event->object.id);
	wire_put_bytes(out, 2, event->object.type);
	wire_put_bytes(out, 3, event->object.name);
	wire_put_bytes(out, 4, event->object.version);
	wire_close_filled(out, mark);
}

static void put_origin(struct buf *out, const struct event_value *event)
{
	struct wire_mark mark = wire_open(out, 12);
	wire_put_bytes(out, 1, event->origin.host);
	wire_put_bytes(out, 2, event->origin.application);
	wire_put_bytes(out, 3, event->origin.process);
	wire_put_bytes(out, 4, event->origin.address);
	wire_close_filled(out, mark);
}

static void put_change(struct buf *out, const struct change *change)
{
	struct wire_mark mark = wire_open(out, 13);
	wire_put_bytes(out, 1, change->field);
	wire_put_bytes(out, 2, change->old_value);
	wire_put_bytes(out, 3, change->new_value);
	wire_close(out, mark);
}

static void put_attribute(struct buf *out, const struct attribute *attribute)
{
	struct wire_mark mark = wire_open(out, 15);
	wire_put_bytes(out, 1, attribute->key);
	wire_put_bytes(out, 2, attribute->value);
	wire_close(out, mark);
}

void event_encode(const struct event_value *event, struct buf *out)
{
	wire_put_bytes(out, 1, event->id);
	wire_put_number(out, 2, (uint64_t)event->time_ns);
	wire_put_number(out, 3, event->action);
	wire_put_bytes(out, 4, event->verb);
	wire_put_number(out, 5, event->outcome);
	wire_put_bytes(out, 6, event->reason);
	put_actor(out, event);
	put_object(out, event);
	wire_put_bytes(out, 9, event->subject);
	wire_put_bytes(out, 10, event->purpose);
	wire_put_number(out, 11, event->medium);
	put_origin(out, event);
	for (size_t i = 0; i < event->change_count; i++)
		put_change(out, &event->changes[i]);
	wire_put_bytes(out, 14, event->correlation);
	for (size_t i = 0; i < event->attribute_count; i++)
		put_attribute(out, &event->attributes[i]);
	wire_put_bytes(out, 16, event->raw);
}

/* ---- payloads of control entries ---- */

void genesis_encode(const struct genesis *genesis, struct buf *out)
{
	wire_put_number(out, 1, genesis->format);
	wire_put_bytes(out, 2, genesis->origin);
	wire_put_bytes(out, 3, genesis->vkey);
	wire_put_bytes(out, 4, span_of(genesis->seal_root.b, HASH_LEN));
	wire_put_number(out, 5, genesis->seal_height);
	wire_put_number(out, 6, genesis->seal_max_ns);
	wire_put_bytes(out, 7, span_of(genesis->random, sizeof genesis->random));
	wire_put_bytes(out, 8, genesis->predecessor);
	wire_put_bytes(out, 9, genesis->predecessor_note);
	wire_put_bytes(out, 10, genesis->reason);
}

void source_encode(struct span name, struct buf *out)
{
	wire_put_bytes(out, 1, name);
}

void seal_encode(const struct seal *seal, struct buf *out)
{
	wire_put_bytes(out, 1, seal->text);
	wire_put_bytes(out, 2, seal->key);
	wire_put_bytes(out, 3, seal->path);
	wire_put_bytes(out, 4, seal->sig);
	wire_put_bytes(out, 5, seal->cosigned);
}

void peer_encode(const struct peer_name *peer, struct buf *out)
{
	wire_put_number(out, 1, (uint64_t)peer->type);
	wire_put_bytes(out, 2, peer->name);
}

void daemon_entry_encode(const struct daemon_entry *entry, struct buf *out)
{
	wire_put_number(out, 1, (uint64_t)entry->what);
	wire_put_number(out, 2, entry->from_ns);
	wire_put_number(out, 3, entry->to_ns);
	wire_put_number(out, 4, entry->source);
	wire_put_number(out, 5, entry->epoch);
	wire_put_number(out, 6, entry->last);
	wire_put_number(out, 7, (uint64_t)entry->cause);
	wire_put_number(out, 8, entry->free_bytes);
	wire_put_number(out, 9, entry->resumed);
	wire_put_number(out, 10, entry->made);
	wire_put_number(out, 11, entry->witness);
	wire_put_number(out, 12, entry->size);
	wire_put_number(out, 13, entry->status);
}
