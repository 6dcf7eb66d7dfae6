/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include "base64.h"
#include "csv.h"
#include "entry_words.h"
#include "fields.h"
#include "output.h"
#include "when.h"

#include <stdlib.h>

static const char OWN_HEAD[] = "index,kind,received,source,peer,epoch,seq,class,flags";
/* What an event has besides the text fields of <trail.h>, which follow. */
static const char *const EVENT_HEAD[] = { "id", "time", "action", "outcome", "actor.type", "medium",
	"raw" };

enum {
	EVENT_CELLS = sizeof EVENT_HEAD / sizeof EVENT_HEAD[0] + TRAIL_FIELD_COUNT
};

void sheet_head(FILE *to)
{
	(void)fputs(OWN_HEAD, to);
	for (unsigned i = 0; i < sizeof EVENT_HEAD / sizeof EVENT_HEAD[0]; i++)
		(void)fprintf(to, ",%s", EVENT_HEAD[i]);
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		(void)fprintf(to, ",%s", trail_field_name((enum trail_field)f));
	(void)fputs("\r\n", to);
}

static void put_number(FILE *to, uint64_t number)
{
	(void)fprintf(to, "%llu", (unsigned long long)number);
}

static void put_time(FILE *to, int64_t ns)
{
	char text[WHEN_MAX];
	when_utc(ns, text);
	(void)fputs(text, to);
}

/* A cell more. */
static void put_next(FILE *to, const char *text)
{
	(void)fputc(',', to);
	csv_put(to, text);
}

static void put_own(FILE *to, const struct trail_entry *n)
{
	put_number(to, trail_entry_index(n));
	(void)fprintf(to, ",%s,", entry_kind_text(n));
	put_time(to, (int64_t)trail_entry_received(n));
	put_next(to, trail_entry_source_name(n));
	put_next(to, trail_entry_peer_name(n));
	const uint64_t numbers[] = { trail_entry_epoch(n), trail_entry_seq(n), trail_entry_class(n),
		trail_entry_flags(n) };
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		(void)fputc(',', to);
		put_number(to, numbers[i]);
	}
}

static void put_raw(FILE *to, const struct trail_event *e)
{
	size_t len;
	const uint8_t *raw = trail_event_raw(e, &len);
	char *text = raw ? base64_text(raw, len) : NULL;
	if (raw && !text)
		say("memory is out");
	put_next(to, text);
	free(text);
}

static void put_event(FILE *to, const struct trail_event *e)
{
	char id[37];
	if (trail_event_id(e))
		uuid_text(trail_event_id(e), id);
	put_next(to, trail_event_id(e) ? id : NULL);
	(void)fputc(',', to);
	put_time(to, trail_event_time(e));
	put_next(to, trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e)));
	put_next(to, trail_word_name(TRAIL_WORD_OUTCOME, trail_event_outcome(e)));
	put_next(to, trail_word_name(TRAIL_WORD_ACTOR_TYPE, trail_event_actor_type(e)));
	put_next(to, trail_word_name(TRAIL_WORD_MEDIUM, trail_event_medium(e)));
	put_raw(to, e);
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		put_next(to, trail_event_get(e, (enum trail_field)f));
}

void sheet_row(FILE *to, const struct trail_entry *n)
{
	put_own(to, n);
	if (trail_entry_event(n))
		put_event(to, trail_entry_event(n));
	for (int i = 0; !trail_entry_event(n) && i < EVENT_CELLS; i++)
		put_next(to, NULL);
	(void)fputs("\r\n", to);
}
