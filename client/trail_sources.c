/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"
#include "contact.h"
#include "deadline.h"
#include "items.h"

#include <inttypes.h>
#include <stdlib.h>

struct known_source {
	uint64_t index;
	char name[SOURCE_NAME_MAX + 1];
	struct source_state state; /* of it the numbers alone */
};

struct trail_sources {
	struct known_source *list;
	size_t count, cap;
	struct checkpoint cp; /* that all of them were checked in */
	uint8_t next[CURSOR_MAX];
	size_t next_len;
	bool done;
	struct name_book book;
};

static enum trail_err lies(struct trail *t, uint64_t index, misfit why)
{
	(void)fault_set(&t->fault, TRAIL_CORRUPT,
		"the list of sources does not verify, at record %" PRIu64 ": %s", index, why);
	return handle_lose(t);
}

static bool make_room(struct trail_sources *s, size_t more)
{
	if (more <= s->cap - s->count)
		return true;
	size_t cap = 2 * s->cap + more;
	struct known_source *list = reallocarray(s->list, cap, sizeof *list);
	if (!list)
		return false;
	s->list = list;
	s->cap = cap;
	return true;
}

/* One source at the end of the list, for which there is room. */
static misfit take_state(struct trail_sources *s, const struct source_state *state)
{
	struct item item;
	char *name = NULL;
	struct known_source *known = &s->list[s->count];
	uint64_t index = state->entry.index;
	misfit why = item_open(&state->entry, &item);
	if (!why && !item_in_tree(&item, &s->cp))
		why = "it is not in the tree of the signed checkpoint";
	if (!why && (item.record.kind != KIND_SOURCE || !item_is_open(&item)))
		why = "it introduces none";
	if (!why && s->count > 0 && index <= known[-1].index)
		why = "it is out of order";
	if (why)
		return why;
	enum trail_err err = item_name(&item, &name);
	s->book.failed |= err == TRAIL_NOMEM;
	if (err == TRAIL_INVALID)
		return "it gives no name";
	*known = (struct known_source){ .index = index, .state = *state };
	known->state.entry = (struct evidence_item){ 0 };
	if (name) {
		memcpy(known->name, name, strnlen(name, SOURCE_NAME_MAX));
		why = name_book_fits(&s->book, name, index) ? NULL : "another has its name";
		s->count++;
	}
	free(name);
	return why;
}

static enum trail_err take_page(
	struct trail *t, struct trail_sources *s, const struct sources_answer *page)
{
	if (!page->done && (page->count == 0 || page->next.len == 0))
		return lies(t, s->count ? s->list[s->count - 1].index : 0,
			"more are said to follow, and do not");
	if (!make_room(s, page->count))
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	for (size_t i = 0; i < page->count; i++) {
		misfit why = take_state(s, &page->states[i]);
		if (why)
			return lies(t, page->states[i].entry.index, why);
	}
	if (s->book.failed)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (page->next.len != 0)
		memcpy(s->next, page->next.data, page->next.len);
	s->next_len = page->next.len;
	s->done = page->done;
	return TRAIL_OK;
}

/* The first page says in which tree the others are proven. */
static enum trail_err see(struct trail *t, struct trail_sources *s, struct span note)
{
	uint64_t held = t->trust.held.cp.size;
	if (s->cp.size != 0)
		return TRAIL_OK;
	enum trail_err err = trust_see(&t->trust, note, &s->cp, &t->fault);
	if (err == TRAIL_OK && s->cp.size < held)
		err = fault_set(&t->fault, TRAIL_CORRUPT,
			"%s shrank: it lists the sources of %" PRIu64 " records, %" PRIu64
			" were seen before",
			s->cp.origin, s->cp.size, held);
	return err == TRAIL_CORRUPT ? handle_lose(t) : err;
}

static enum trail_err turn(struct trail *t, struct trail_sources *s)
{
	struct response answer;
	struct request request = {
		.kind = REQUEST_SOURCES,
		.sources = { .size = s->cp.size, .next = span_of(s->next, s->next_len) },
	};
	int64_t deadline = deadline_in(t->timeout_ms);
	/* What was seen before is settled first, so that this page's checkpoint is the next due. */
	enum trail_err err = contact_settle(t, deadline);
	if (err == TRAIL_OK)
		err = call_wait(t, &request, RESPONSE_SOURCES, deadline, &answer);
	if (err == TRAIL_OK)
		err = see(t, s, answer.sources.checkpoint);
	if (err == TRAIL_OK)
		err = take_page(t, s, &answer.sources);
	return err == TRAIL_OK ? contact_settle(t, deadline) : err;
}

enum trail_err trail_sources_ask(struct trail *t, struct trail_sources **sources)
{
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!sources)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the sources");
	struct trail_sources *s = calloc(1, sizeof *s);
	if (!s)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	while (err == TRAIL_OK && !s->done)
		err = turn(t, s);
	if (err != TRAIL_OK) {
		trail_sources_free(s);
		return err;
	}
	*sources = s;
	return TRAIL_OK;
}

void trail_sources_free(struct trail_sources *s)
{
	if (!s)
		return;
	name_book_release(&s->book);
	free(s->list);
	free(s);
}

/* The i-th; one of zeros behind the last. */
static const struct known_source *at(const struct trail_sources *s, size_t i)
{
	static const struct known_source NONE;
	return s && i < s->count ? &s->list[i] : &NONE;
}

size_t trail_sources_count(const struct trail_sources *s)
{
	return s ? s->count : 0;
}

uint64_t trail_sources_index(const struct trail_sources *s, size_t i)
{
	return at(s, i)->index;
}

const char *trail_sources_name(const struct trail_sources *s, size_t i)
{
	return s && i < s->count ? s->list[i].name : NULL;
}

uint64_t trail_sources_heard(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.heard_ns;
}

uint64_t trail_sources_newest(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.newest;
}

uint32_t trail_sources_open(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.open;
}

uint32_t trail_sources_imports(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.imports;
}

uint32_t trail_sources_open_ends(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.open_ends;
}

uint64_t trail_sources_lost(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.lost;
}

uint64_t trail_sources_missing(const struct trail_sources *s, size_t i)
{
	return at(s, i)->state.missing;
}
