/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "cell.h"
#include "entry_words.h"
#include "output.h"
#include "when.h"

#include <string.h>

enum {
	NUMBER_MAX = 24,
	/* A cell of an action never is as wide: the rest of a long verb would not be seen. */
	ACTION_MAX = 1024,
};

enum {
	/* The action, and the source's own word for it behind a slash. */
	TABLE_ACT = COLUMN_COUNT,
};

/* What stands where nobody chose. An object gets room before source and subject do. */
static const struct table_column USUAL[] = {
	{ "index", COLUMN_INDEX, 7, 10, 1, 0, 0 },
	{ "time", COLUMN_TIME, 25, 25, 0, 4, 0 },
	{ "actor", COLUMN_TEXT + TRAIL_ACTOR_ID, 8, 28, 3, 0, 0 },
	{ "action", TABLE_ACT, 7, 20, 2, 1, 0 },
	{ "object", COLUMN_TEXT + TRAIL_OBJECT_ID, 20, 80, 5, 2, 0 },
	{ "subject", COLUMN_TEXT + TRAIL_SUBJECT, 8, 28, 3, 5, 0 },
	{ "outcome", COLUMN_OUTCOME, 7, 7, 0, 3, 0 },
	{ "source", COLUMN_SOURCE, 8, 28, 2, 6, 0 },
};

enum {
	USUAL_COUNT = sizeof USUAL / sizeof USUAL[0],
	PICKED_LEAST = 7,
	PICKED_MOST = 200,
	PICKED_SHARE = 4,
	TIME_WIDTH = 25,
	INDEX_LEAST = 7,
	INDEX_MOST = 10,
	NARROW = 60, /* a screen on which an object has to do with less, */
	OBJECT_NARROW = 13,
};

/* Of what --fields names: the first stay longest. */
static struct table_column picked_column(unsigned column, unsigned leaves)
{
	struct table_column c = { .head = column_name(column),
		.column = column,
		.least = PICKED_LEAST,
		.most = PICKED_MOST,
		.share = PICKED_SHARE,
		.leaves = leaves };
	if (strlen(c.head) > c.least)
		c.least = strlen(c.head);
	if (column == COLUMN_TIME || column == COLUMN_RECEIVED) {
		c.least = c.most = TIME_WIDTH;
	} else if (column == COLUMN_INDEX) {
		c.least = INDEX_LEAST;
		c.most = INDEX_MOST;
		c.share = 1;
	} else if (column < COLUMN_TEXT && column != COLUMN_RAW && column != COLUMN_SOURCE &&
		column != COLUMN_PEER && column != COLUMN_ID) {
		c.most = c.least; /* a word of ours, or a number */
	}
	return c;
}

/* With one space between columns. */
static size_t sum_widths(const struct table *t)
{
	size_t sum = 0;
	for (size_t c = 0; c < t->count; c++)
		if (t->columns[c].width != 0)
			sum += t->columns[c].width + (sum != 0);
	return sum;
}

/* The next column to give way; NULL: none does. */
static struct table_column *find_leaving(struct table *t)
{
	struct table_column *found = NULL;
	for (size_t i = 0; i < t->count; i++) {
		struct table_column *c = &t->columns[i];
		if (c->width != 0 && c->leaves != 0 && (!found || c->leaves > found->leaves))
			found = c;
	}
	return found;
}

/* One column more for each share, round after round, until the screen is full. */
static void share_out(struct table *t)
{
	size_t sum = sum_widths(t), screen = t->manner->screen->columns;
	size_t left = screen > sum ? screen - sum : 0;
	bool grown = true;
	while (left != 0 && grown) {
		grown = false;
		for (size_t i = 0; i < t->count; i++) {
			struct table_column *c = &t->columns[i];
			size_t room = c->most > c->width ? c->most - c->width : 0;
			size_t more = c->share < room ? c->share : room;
			if (c->width == 0 || more == 0 || left == 0)
				continue;
			more = more < left ? more : left;
			c->width += more;
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
static size_t begin_cell(struct row *row, size_t width)
{
	(void)fprintf(row->t->to, "%*s", (int)row->owed, "");
	row->owed = 0;
	return width > row->ahead ? width - row->ahead : 1;
}

static void end_cell(struct row *row, size_t width, size_t taken)
{
	size_t end = row->ahead + taken;
	row->owed += 1 + (width > end ? width - end : 0);
	row->ahead = end > width ? end - width : 0;
}

static void put_cell(struct row *row, const struct table_column *c, const char *text)
{
	size_t taken = 0;
	if (text && text[0] != '\0')
		taken = print_cell(row->t->to, text, begin_cell(row, c->width), NULL);
	end_cell(row, c->width, taken);
}

/* Ours, and never cut: part of a number or of a time would be another one. */
static void put_whole(struct row *row, const struct table_column *c, const char *text)
{
	(void)begin_cell(row, c->width);
	(void)fputs(text, row->t->to);
	end_cell(row, c->width, strlen(text));
}

static void put_index(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	char number[NUMBER_MAX];
	(void)snprintf(number, sizeof number, "%*llu", (int)c->width,
		(unsigned long long)trail_entry_index(n));
	put_whole(row, c, number);
}

/* When it happened, or for a record without an event when it was received. */
static void put_time(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	char when[WHEN_MAX];
	bool received = c->column == COLUMN_RECEIVED;
	when_show(received ? (int64_t)trail_entry_received(n) : entry_time(n), row->t->manner->utc,
		0, when);
	put_whole(row, c, when);
}

static void put_outcome(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	const struct screen *screen = row->t->manner->screen;
	const struct trail_event *e = trail_entry_event(n);
	const char *word = e ? trail_word_name(TRAIL_WORD_OUTCOME, trail_event_outcome(e)) : NULL;
	bool alert = e && trail_event_outcome(e) != TRAIL_SUCCESS;
	(void)fputs(alert ? screen_alert(screen) : "", row->t->to);
	put_cell(row, c, e && !word ? "UNKNOWN" : word);
	(void)fputs(alert ? screen_plain(screen) : "", row->t->to);
}

/* Of a record without an event its kind stands there; no action has such a name. */
static void put_act(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	char action[ACTION_MAX];
	const struct trail_event *e = trail_entry_event(n);
	if (!e) {
		put_cell(row, c, entry_kind_text(n));
		return;
	}
	const char *word = trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e));
	const char *verb = event_verb(e);
	(void)snprintf(action, sizeof action, "%s%s%s", word ? word : "UNKNOWN", verb ? "/" : "",
		verb ? verb : "");
	put_cell(row, c, action);
}

static void put_text(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	struct column_text t;
	column_read(&t, n, c->column);
	/* The end of a path tells one from the next. */
	if (t.text && t.text[0] == '/')
		end_cell(row, c->width,
			print_cell_end(row->t->to, t.text, begin_cell(row, c->width)));
	else
		put_cell(row, c, t.text);
	column_release(&t);
}

/* What the usual table says of a record without an event. False: as of any other. */
static bool put_other(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	bool actor = c->column == COLUMN_TEXT + TRAIL_ACTOR_ID;
	bool object = c->column == COLUMN_TEXT + TRAIL_OBJECT_ID;
	if (row->t->manner->pick.count != 0 || trail_entry_event(n) || (!actor && !object))
		return false;
	if (actor)
		put_cell(row, c, trail_entry_peer_name(n));
	else
		put_cell(row, c, trail_entry_payload(n, NULL) ? NULL : "[payload erased]");
	return true;
}

static void put_column(struct row *row, const struct table_column *c, const struct trail_entry *n)
{
	switch (c->column) {
	case COLUMN_INDEX:
		put_index(row, c, n);
		break;
	case COLUMN_TIME:
	case COLUMN_RECEIVED:
		put_time(row, c, n);
		break;
	case COLUMN_OUTCOME:
		put_outcome(row, c, n);
		break;
	case TABLE_ACT:
		put_act(row, c, n);
		break;
	default:
		if (!put_other(row, c, n))
			put_text(row, c, n);
		break;
	}
}

void table_row(const struct table *t, const struct trail_entry *n)
{
	struct row row = { .t = t };
	for (size_t i = 0; i < t->count; i++)
		if (t->columns[i].width != 0)
			put_column(&row, &t->columns[i], n);
	(void)fputc('\n', t->to);
}

static void put_head(const struct table *t)
{
	struct row row = { .t = t };
	char number[NUMBER_MAX];
	for (size_t i = 0; i < t->count; i++) {
		const struct table_column *c = &t->columns[i];
		if (c->width == 0)
			continue;
		(void)snprintf(number, sizeof number, "%*s",
			c->column == COLUMN_INDEX ? (int)c->width : 0, c->head);
		if (c->column == COLUMN_INDEX)
			put_whole(&row, c, number);
		else
			put_cell(&row, c, c->head);
	}
	(void)fputc('\n', t->to);
}

static void choose_columns(struct table *t)
{
	const struct pick *pick = &t->manner->pick;
	t->count = pick->count != 0 ? pick->count : (size_t)USUAL_COUNT;
	for (size_t i = 0; i < t->count; i++) {
		/* All but the first, the last of them first. */
		t->columns[i] =
			pick->count != 0 ? picked_column(pick->columns[i], (unsigned)i) : USUAL[i];
		if (t->manner->screen->columns < NARROW && t->columns[i].least > OBJECT_NARROW &&
			t->columns[i].column == COLUMN_TEXT + TRAIL_OBJECT_ID)
			t->columns[i].least = OBJECT_NARROW;
		t->columns[i].width = t->columns[i].least;
	}
}

void table_begin(struct table *t, FILE *to, const struct manner *manner)
{
	*t = (struct table){ .to = to, .manner = manner };
	choose_columns(t);
	while (sum_widths(t) > manner->screen->columns) {
		struct table_column *leaving = find_leaving(t);
		if (!leaving)
			break;
		leaving->width = 0;
	}
	/* A single one that is too wide all the same is cut; only a time never is. */
	if (sum_widths(t) > manner->screen->columns && t->columns[0].most != t->columns[0].least)
		t->columns[0].width = manner->screen->columns;
	share_out(t);
	put_head(t);
}

void table_end(const struct table *t)
{
	size_t left = 0;
	for (size_t i = 0; i < t->count; i++)
		left += t->columns[i].width == 0;
	if (left != 0 && t->manner->pick.count != 0)
		say("the table is too narrow for the last %zu of the fields; -o csv or json has "
		    "them all",
			left);
}
