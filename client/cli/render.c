/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include "entry_json.h"
#include "output.h"
#include "sentence.h"
#include "sheet.h"

#include <string.h>

struct form {
	const char *name;
	bool picks;                     /* its fields can be chosen */
	void (*head)(struct render *r); /* NULL: it has none */
	void (*row)(struct render *r, const struct trail_entry *n);
	void (*end)(struct render *r, const char *complete); /* NULL: nothing is left to do */
};

static void short_row(struct render *r, const struct trail_entry *n)
{
	print_sentence(r->to, r->manner, n);
}

static void begin_table(struct render *r)
{
	table_begin(&r->table, r->to, r->manner);
}

static void add_table_row(struct render *r, const struct trail_entry *n)
{
	table_row(&r->table, n);
}

static void end_table(struct render *r, const char *complete)
{
	(void)complete;
	table_end(&r->table);
}

static void json_row(struct render *r, const struct trail_entry *n)
{
	print_json_to(r->to, pick_json(&r->manner->pick, entry_json(n, false)));
}

static void csv_head(struct render *r)
{
	sheet_head(r->to, r->manner);
}

static void csv_row(struct render *r, const struct trail_entry *n)
{
	sheet_row(r->to, r->manner, n);
}

static void csv_end(struct render *r, const char *complete)
{
	sheet_end(r->to, r->manner, r->rows, complete);
}

static const struct form FORMS[] = {
	{ "short", false, NULL, short_row, NULL },
	{ "table", true, begin_table, add_table_row, end_table },
	{ "json", true, NULL, json_row, NULL },
	{ "csv", true, csv_head, csv_row, csv_end },
};

const char *const RENDER_FORMS[] = { "short", "table", "json", "csv", NULL };

static const struct form *find_form(const char *name)
{
	for (unsigned i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++)
		if (strcmp(FORMS[i].name, name) == 0)
			return &FORMS[i];
	return NULL;
}

bool render_picks(const char *form)
{
	const struct form *found = find_form(form);
	return found && found->picks;
}

bool render_open(struct render *r, const char *form, const struct manner *manner, FILE *to)
{
	*r = (struct render){ .manner = manner, .to = to, .form = find_form(form) };
	if (r->form && r->form->head)
		r->form->head(r);
	return r->form != NULL;
}

bool render_row(struct render *r, const struct trail_entry *n)
{
	r->form->row(r, n);
	r->rows = true;
	return !ferror(r->to);
}

void render_end(struct render *r, const char *complete)
{
	if (r->form && r->form->end)
		r->form->end(r, complete);
}

void render_to(struct render *r, FILE *to)
{
	r->to = to;
	r->table.to = to;
}
