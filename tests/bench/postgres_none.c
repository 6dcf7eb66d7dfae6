/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include <stdio.h>

struct postgres *postgres_open(const char *how, bool logged)
{
	(void)how, (void)logged;
	(void)fprintf(stderr, "built without libpq: install libpq-dev, and make anew\n");
	return NULL;
}

void postgres_close(struct postgres *p)
{
	(void)p;
}

bool postgres_fill(
	struct postgres *p, uint64_t events, uint64_t seed, const struct postgres_part *part)
{
	(void)p, (void)events, (void)seed, (void)part;
	return false;
}

bool postgres_prepare(struct postgres *p, const struct inquiry *q)
{
	(void)p, (void)q;
	return false;
}

enum asked postgres_ask(struct postgres *p, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why)
{
	(void)p, (void)q, (void)a, (void)o, (void)why;
	return ASKED_FAILED;
}
