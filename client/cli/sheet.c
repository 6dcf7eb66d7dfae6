/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include "csv.h"

enum {
	USUAL_COLUMNS = COLUMN_CHANGES
};

static const char END[] = "\r\n";

static size_t count_columns(const struct manner *m)
{
	return m->pick.count != 0 ? m->pick.count : USUAL_COLUMNS;
}

static unsigned column_at(const struct manner *m, size_t i)
{
	return m->pick.count != 0 ? m->pick.columns[i] : (unsigned)i;
}

/* Whether the end of a line waits for the next one. */
static bool ends_later(const struct manner *m)
{
	return m->question && !m->each_at_once;
}

void sheet_head(FILE *to, const struct manner *m)
{
	for (size_t i = 0; i < count_columns(m); i++)
		(void)fprintf(to, "%s%s", i ? "," : "", column_name(column_at(m, i)));
	if (m->question) {
		(void)fputc(',', to);
		csv_put(to, m->question);
	}
	(void)fputs(ends_later(m) ? "" : END, to);
}

void sheet_row(FILE *to, const struct manner *m, const struct trail_entry *n)
{
	(void)fputs(ends_later(m) ? END : "", to);
	for (size_t i = 0; i < count_columns(m); i++) {
		struct column_text t;
		column_read(&t, n, column_at(m, i));
		(void)fputs(i ? "," : "", to);
		csv_put(to, t.text);
		column_release(&t);
	}
	(void)fputs(m->question ? "," : "", to);
	(void)fputs(ends_later(m) ? "" : END, to);
}

void sheet_end(FILE *to, const struct manner *m, bool rows, const char *complete)
{
	if (!ends_later(m))
		return;
	if (rows && complete)
		csv_put(to, complete);
	(void)fputs(END, to);
}
