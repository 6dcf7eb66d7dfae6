/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FINDING_ROW(name, code, weight, meaning) { code, meaning, WEIGHT_##weight },
static const struct {
	const char *code;
	const char *meaning;
	enum finding_weight weight;
} CODES[FINDING_CODES] = { FINDING_LIST(FINDING_ROW) };
#undef FINDING_ROW

const char *finding_code(uint32_t code)
{
	return code < FINDING_CODES ? CODES[code].code : "?";
}

const char *finding_meaning(uint32_t code)
{
	return code < FINDING_CODES ? CODES[code].meaning : "?";
}

enum finding_weight finding_weight(uint32_t code)
{
	return code < FINDING_CODES ? CODES[code].weight : WEIGHT_INVALID;
}

/* A root speaks against a range of records; all other findings name the one that is bad. */
static bool names_range(uint32_t code)
{
	return code == FIND_HEAD_ROOT || code == FIND_SIGNER_ROOT || code == FIND_CHECKPOINT_ROOT ||
		code == FIND_SEAL_ROOT || code == FIND_TREE_ROOT;
}

/* A store that is shorter than a head says: no single record is bad, those behind it are gone. */
static bool names_cut(uint32_t code)
{
	return code == FIND_HEAD_SIZE || code == FIND_SIGNER_SIZE || code == FIND_CHECKPOINT_SIZE;
}

static void lower(uint64_t *least_1, uint64_t index_1)
{
	if (index_1 != 0 && (*least_1 == 0 || index_1 < *least_1))
		*least_1 = index_1;
}

static void count(struct findings *all, uint32_t code, uint64_t index)
{
	if (finding_weight(code) == WEIGHT_UNVERIFIABLE) {
		all->unverifiable++;
		return;
	}
	all->invalid++;
	if (index == FINDING_NOWHERE)
		return;
	if (names_range(code))
		lower(&all->first_range_1, index + 1);
	else
		lower(names_cut(code) ? &all->first_cut_1 : &all->first_exact_1, index + 1);
}

bool findings_first_bad(const struct findings *all, uint64_t *index, bool *exact)
{
	uint64_t first_1 = all->first_exact_1;
	if (first_1 == 0)
		first_1 = all->first_range_1;
	if (first_1 == 0)
		first_1 = all->first_cut_1;
	if (first_1 == 0)
		return false;
	*index = first_1 - 1;
	*exact = all->first_exact_1 != 0 || all->first_range_1 == 0;
	return true;
}

void findings_add(
	struct findings *all, enum finding_code code, uint64_t index, const char *what, ...)
{
	count(all, code, index);
	if (all->listed >= FINDINGS_MAX)
		return;
	struct finding *f = &all->list[all->listed];
	va_list args;
	va_start(args, what);
	(void)vsnprintf(f->what, sizeof f->what, what, args);
	va_end(args);
	f->code = code;
	f->index = index;
	/* Last: a reader in another process takes what is listed as whole. */
	all->listed++;
}

void findings_join(struct findings *all, const struct findings *theirs)
{
	uint32_t listed = theirs->listed < FINDINGS_MAX ? theirs->listed : FINDINGS_MAX;
	all->invalid += theirs->invalid;
	all->unverifiable += theirs->unverifiable;
	lower(&all->first_exact_1, theirs->first_exact_1);
	lower(&all->first_range_1, theirs->first_range_1);
	lower(&all->first_cut_1, theirs->first_cut_1);
	for (uint32_t i = 0; i < listed && all->listed < FINDINGS_MAX; i++) {
		struct finding *f = &all->list[all->listed++];
		*f = theirs->list[i];
		f->what[sizeof f->what - 1] = '\0';
	}
}
