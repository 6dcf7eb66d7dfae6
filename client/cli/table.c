/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "cell.h"
#include "entry_words.h"
#include "when.h"

#include <string.h>

enum {
	NUMBER_MAX = 24,
	/* A cell of an action never is as wide: the rest of a long verb would not be seen. */
	ACTION_MAX = 1024,
};

/*
 * What a column takes at least and at most, its share of what is left over, and when it gives way:
 * the highest `leaves` first, 0 never. All fit in 80 columns.
 */
static const struct {
	const char *head;
	size_t least, most, share;
	unsigned leaves;
} COLUMNS[TABLE_COLUMNS] = {
	[TABLE_INDEX] = { "index", 7, 10, 1, 0 },
	[TABLE_TIME] = { "time", 25, 25, 0, 4 },
	[TABLE_ACTOR] = { "actor", 7, 28, 3, 0 },
	[TABLE_ACTION] = { "action", 7, 20, 2, 1 },
	[TABLE_OBJECT] = { "object", 7, 80, 5, 2 },
	[TABLE_SUBJECT] = { "subject", 7, 28, 3, 5 },
	[TABLE_OUTCOME] = { "outcome", 7, 7, 0, 3 },
	[TABLE_SOURCE] = { "source", 6, 28, 2, 6 },
};

/* With one space between columns. */
static size_t sum_widths(const struct table *t)
{
	size_t sum = 0;
	for (unsigned c = 0; c < TABLE_COLUMNS; c++)
		if (t->widths[c] != 0)
			sum += t->widths[c] + (sum != 0);
	return sum;
}

/* The next column to give way; TABLE_COLUMNS: none does. */
static unsigned find_leaving(const struct table *t)
{
	unsigned found = TABLE_COLUMNS;
	for (unsigned c = 0; c < TABLE_COLUMNS; c++)
		if (t->widths[c] != 0 && COLUMNS[c].leaves != 0 &&
			(found == TABLE_COLUMNS || COLUMNS[c].leaves > COLUMNS[found].leaves))
			found = c;
	return found;
}

/* One column more for each share, round after round, until the screen is full. */
static void share_out(struct table *t)
{
	size_t left = t->screen->columns - sum_widths(t);
	bool grown = true;
	while (left != 0 && grown) {
		grown = false;
		for (unsigned c = 0; c < TABLE_COLUMNS; c++) {
			size_t room = COLUMNS[c].most - t->widths[c];
			size_t more = COLUMNS[c].share < room ? COLUMNS[c].share : room;
			if (t->widths[c] == 0 || more == 0 || left == 0)
				continue;
			more = more < left ? more : left;
			t->widths[c] += more;
			left -= more;
			grown = true;
		}
	}
}

/* A row on its way: spaces are owed until the next cell with text, so that no line ends in them. */
struct row {
	const struct table *t;
	size_t owed;
	size_t ahead; /* columns that an earlier cell took from the next ones */
};

/* The cell's room. */
static size_t begin_cell(struct row *row, enum table_column c)
{
	size_t width = row->t->widths[c];
	(void)fprintf(row->t->to, "%*s", (int)row->owed, "");
	row->owed = 0;
	return width > row->ahead ? width - row->ahead : 1;
}

static void end_cell(struct row *row, enum table_column c, size_t taken)
{
	size_t end = row->ahead + taken;
	size_t width = row->t->widths[c];
	row->owed += 1 + (width > end ? width - end : 0);
	row->ahead = end > width ? end - width : 0;
}

static void put_cell(struct row *row, enum table_column c, const char *text)
{
	size_t taken = 0;
	if (row->t->widths[c] == 0)
		return;
	if (text && text[0] != '\0')
		taken = print_cell(row->t->to, text, begin_cell(row, c), NULL);
	end_cell(row, c, taken);
}

/* Ours, and never cut: part of a number or of a time would be another one. */
static void put_whole(struct row *row, enum table_column c, const char *text)
{
	if (row->t->widths[c] == 0)
		return;
	(void)begin_cell(row, c);
	(void)fputs(text, row->t->to);
	end_cell(row, c, strlen(text));
}

static void put_outcome(struct row *row, int outcome)
{
	const char *word = trail_word_name(TRAIL_WORD_OUTCOME, outcome);
	bool alert = outcome != TRAIL_SUCCESS && row->t->widths[TABLE_OUTCOME] != 0;
	(void)fputs(alert ? screen_alert(row->t->screen) : "", row->t->to);
	put_cell(row, TABLE_OUTCOME, word ? word : "UNKNOWN");
	(void)fputs(alert ? screen_plain(row->t->screen) : "", row->t->to);
}

static void put_event(struct row *row, const struct trail_event *e)
{
	char action[ACTION_MAX];
	const char *word = trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e));
	const char *verb = event_verb(e);
	(void)snprintf(action, sizeof action, "%s%s%s", word ? word : "UNKNOWN", verb ? "/" : "",
		verb ? verb : "");
	put_cell(row, TABLE_ACTOR, trail_event_get(e, TRAIL_ACTOR_ID));
	put_cell(row, TABLE_ACTION, action);
	put_cell(row, TABLE_OBJECT, trail_event_get(e, TRAIL_OBJECT_ID));
	put_cell(row, TABLE_SUBJECT, trail_event_get(e, TRAIL_SUBJECT));
	put_outcome(row, trail_event_outcome(e));
}

/* A record without an event: its kind stands where an action would; no action has such a name. */
static void put_other(struct row *row, const struct trail_entry *n)
{
	put_cell(row, TABLE_ACTOR, trail_entry_peer_name(n));
	put_cell(row, TABLE_ACTION, entry_kind_text(n));
	put_cell(row, TABLE_OBJECT, trail_entry_payload(n, NULL) ? NULL : "[payload erased]");
	put_cell(row, TABLE_SUBJECT, NULL);
	put_cell(row, TABLE_OUTCOME, NULL);
}

void table_row(const struct table *t, const struct trail_entry *n)
{
	struct row row = { .t = t };
	char number[NUMBER_MAX], when[WHEN_MAX];
	const struct trail_event *e = trail_entry_event(n);
	when_show(entry_time(n), t->utc, 0, when);
	(void)snprintf(number, sizeof number, "%*llu", (int)t->widths[TABLE_INDEX],
		(unsigned long long)trail_entry_index(n));
	put_whole(&row, TABLE_INDEX, number);
	put_whole(&row, TABLE_TIME, when);
	if (e)
		put_event(&row, e);
	else
		put_other(&row, n);
	put_cell(&row, TABLE_SOURCE, trail_entry_source_name(n));
	(void)fputc('\n', t->to);
}

void table_begin(struct table *t, FILE *to, const struct screen *screen, bool utc)
{
	struct row row = { .t = t };
	char number[NUMBER_MAX];
	*t = (struct table){ .to = to, .screen = screen, .utc = utc };
	for (unsigned c = 0; c < TABLE_COLUMNS; c++)
		t->widths[c] = COLUMNS[c].least;
	while (sum_widths(t) > screen->columns) {
		unsigned leaving = find_leaving(t);
		if (leaving == TABLE_COLUMNS)
			break;
		t->widths[leaving] = 0;
	}
	share_out(t);
	(void)snprintf(number, sizeof number, "%*s", (int)t->widths[TABLE_INDEX],
		COLUMNS[TABLE_INDEX].head);
	put_whole(&row, TABLE_INDEX, number);
	for (unsigned c = TABLE_TIME; c < TABLE_COLUMNS; c++)
		put_whole(&row, (enum table_column)c, COLUMNS[c].head);
	(void)fputc('\n', to);
}
