/* SPDX-License-Identifier: Apache-2.0 */
#include "entry_words.h"

#include <strings.h>

const char *entry_kind_text(const struct trail_entry *n)
{
	const char *kind = trail_word_name(TRAIL_WORD_KIND, trail_entry_kind(n));
	return kind ? kind : "UNKNOWN";
}

const char *flag_text(unsigned bit)
{
	static const char *const TEXTS[] = { "deficient", "late", "loss declared before it",
		"not protected against doubling or loss" };
	return bit < sizeof TEXTS / sizeof TEXTS[0] ? TEXTS[bit] : NULL;
}

const char *event_verb(const struct trail_event *e)
{
	const char *word = trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e));
	const char *verb = trail_event_get(e, TRAIL_VERB);
	return verb && word && strcasecmp(verb, word) == 0 ? NULL : verb;
}

int64_t entry_time(const struct trail_entry *n)
{
	const struct trail_event *e = trail_entry_event(n);
	return e ? trail_event_time(e) : (int64_t)trail_entry_received(n);
}
