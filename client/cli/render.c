/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include "entry_json.h"
#include "sentence.h"
#include "sheet.h"

#include <string.h>

struct form {
	const char *name;
	void (*head)(struct render *r); /* NULL: it has none */
	void (*row)(struct render *r, const struct trail_entry *n);
};

static void short_row(struct render *r, const struct trail_entry *n)
{
	print_sentence(r->to, r->screen, r->utc, n);
}

static void begin_table(struct render *r)
{
	table_begin(&r->table, r->to, r->screen, r->utc);
}

static void add_table_row(struct render *r, const struct trail_entry *n)
{
	table_row(&r->table, n);
}

static void json_row(struct render *r, const struct trail_entry *n)
{
	print_json_to(r->to, entry_json(n, false));
}

static void csv_head(struct render *r)
{
	sheet_head(r->to);
}

static void csv_row(struct render *r, const struct trail_entry *n)
{
	sheet_row(r->to, n);
}

static const struct form FORMS[] = {
	{ "short", NULL, short_row },
	{ "table", begin_table, add_table_row },
	{ "json", NULL, json_row },
	{ "csv", csv_head, csv_row },
};

const char *const RENDER_FORMS[] = { "short", "table", "json", "csv", NULL };

bool render_open(
	struct render *r, const char *form, const struct screen *screen, bool utc, FILE *to)
{
	*r = (struct render){ .screen = screen, .utc = utc, .to = to };
	for (unsigned i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++)
		if (strcmp(FORMS[i].name, form) == 0)
			r->form = &FORMS[i];
	if (r->form && r->form->head)
		r->form->head(r);
	return r->form != NULL;
}

bool render_row(struct render *r, const struct trail_entry *n)
{
	r->form->row(r, n);
	return !ferror(r->to);
}

void render_to(struct render *r, FILE *to)
{
	r->to = to;
	r->table.to = to;
}
