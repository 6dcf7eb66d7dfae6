/* SPDX-License-Identifier: Apache-2.0 */
#include "seals.h"

#include <inttypes.h>

static const uint64_t NS = 1000000000;

void seals_anchor(struct seals *s, const struct genesis *genesis, uint64_t received_ns)
{
	s->anchored = seal_anchor_of(genesis, &s->anchor) == TRAIL_OK;
	s->begun_ns = received_ns;
}

void seals_resume(
	struct seals *s, uint64_t count, uint64_t index, uint64_t received_ns, bool excused)
{
	s->count = s->due = count;
	s->has_last = s->sealed = true;
	s->sealed_index = index;
	s->last_ns = s->sealed_ns = received_ns;
	s->excused = excused;
}

void seals_jump(struct seals *s)
{
	s->lost = s->broken = true;
	s->has_last = false;
}

void seals_excuse(struct seals *s)
{
	s->excused = true;
}

void seals_show(struct seals *s, const struct seal *seal)
{
	s->shown = true;
	if (s->anchored)
		s->fault = seal_check(&s->anchor, seal, &s->text);
	else
		s->fault = seal_text_parse(seal->text, &s->text) == TRAIL_OK ? SEAL_FITS
									     : SEAL_MALFORMED;
}

void seals_show_garbage(struct seals *s)
{
	s->shown = true;
	s->fault = SEAL_MALFORMED;
}

/* ---- the demands; each answers whether it is met ---- */

/* That a key of this log's seal tree signed it: V4, V5. */
static bool judge_fault(struct seals *s, uint64_t index)
{
	switch (s->fault) {
	case SEAL_FITS:
		return true;
	case SEAL_MALFORMED:
		findings_add(s->found, FIND_SEAL_MALFORMED, index,
			"the SEAL at %" PRIu64 " is malformed; compare with a mirror", index);
		break;
	case SEAL_ORIGIN:
		findings_add(s->found, FIND_SEAL_ORIGIN, index,
			"the SEAL at %" PRIu64 " is one of the log %s, and this is %s; compare "
			"with a mirror",
			index, s->text.origin, s->anchor.origin);
		break;
	case SEAL_KEY:
		findings_add(s->found, FIND_SEAL_KEY, index,
			"the key of the SEAL at %" PRIu64 " is not key %" PRIu32
			" of the seal tree that record 0 names: who sealed this did not have it; "
			"compare with a mirror",
			index, s->text.epoch);
		break;
	case SEAL_SIGNATURE:
		findings_add(s->found, FIND_SEAL_SIGNATURE, index,
			"the key of epoch %" PRIu32 " did not sign what the SEAL at %" PRIu64
			" says: its text was changed; compare with a mirror",
			s->text.epoch, index);
		break;
	}
	return false;
}

/* V2. From a SEAL that breaks it the count goes on. */
static bool judge_epoch(struct seals *s, uint64_t index)
{
	uint64_t due = s->due;
	bool fits = s->lost || s->text.epoch == due;
	if (!fits)
		findings_add(s->found, FIND_SEAL_EPOCH, index,
			"the SEAL at %" PRIu64 " has epoch %" PRIu32 " where %" PRIu64
			" is due: a SEAL was %s; compare with a mirror",
			index, s->text.epoch, due,
			s->text.epoch > due ? "removed, or keys were used up without one"
					    : "put in or moved");
	s->lost = false;
	/* seals_take adds one. */
	s->due = s->text.epoch;
	return fits;
}

/* V3. A root that does not fit speaks against all behind the last one that does. */
static bool judge_tree(struct seals *s, uint64_t index, const struct hash *root)
{
	if (s->text.size != index) {
		findings_add(s->found, FIND_SEAL_PLACE, index,
			"the SEAL at %" PRIu64 " was made for index %" PRIu64
			": it was moved, or records before it were removed or put in; compare "
			"with a mirror",
			index, s->text.size);
		return false;
	}
	if (!root || hash_equal(root, &s->text.root))
		return true;
	uint64_t from = s->sealed ? s->sealed_index : 0;
	findings_add(s->found, FIND_SEAL_ROOT, from,
		"the records do not give the root that the SEAL at %" PRIu64
		" seals: the first bad one is among %" PRIu64 " to %" PRIu64
		"; compare with a mirror",
		index, from, index - 1);
	return false;
}

/* V6. */
static bool judge_time(struct seals *s, uint64_t index, const struct record *r)
{
	if (s->text.time_ns == r->received_ns)
		return true;
	findings_add(s->found, FIND_SEAL_TIME, index,
		"the SEAL at %" PRIu64 " was made at %" PRIu64 " ns since 1970, its record says "
		"%" PRIu64 ": one of them was changed; compare with a mirror",
		index, s->text.time_ns, r->received_ns);
	return false;
}

/* V7. */
static void judge_gap(struct seals *s, uint64_t index, const struct record *r)
{
	uint64_t max = s->anchor.max_ns;
	if (!s->anchored || max == 0 || !s->has_last || s->excused || r->received_ns < s->last_ns ||
		r->received_ns - s->last_ns <= max)
		return;
	findings_add(s->found, FIND_SEAL_GAP, index,
		"%" PRIu64 " s lie between the SEAL at %" PRIu64 " and the one before it, and "
		"neither a start nor a clock entry; this log promises one every %" PRIu64
		" s: ask who runs it what held it up",
		(r->received_ns - s->last_ns) / NS, index, max / NS);
}

/* Whether keys can be judged; that they cannot is said once. */
static bool judge_anchor(struct seals *s, uint64_t index)
{
	if (!s->anchored && !s->told)
		findings_add(s->found, FIND_SEAL_GENESIS, index,
			"the SEAL at %" PRIu64 " and those that follow cannot be judged: record "
			"0, whose seal root they hang on, is not at hand; give the log identity "
			"file with --log",
			index);
	s->told = true;
	return s->anchored;
}

static bool judge(struct seals *s, uint64_t index, const struct record *r, const struct hash *root)
{
	if (!judge_fault(s, index))
		return false;
	return judge_epoch(s, index) && judge_tree(s, index, root) && judge_time(s, index, r) &&
		judge_anchor(s, index);
}

void seals_take(struct seals *s, uint64_t index, const struct record *r, const struct hash *root)
{
	bool holds = s->shown && judge(s, index, r, root) && root;
	s->count++;
	s->due++;
	judge_gap(s, index, r);
	s->broken = s->broken || !holds;
	if (!s->broken) {
		s->sealed = true;
		s->sealed_index = index;
		s->sealed_ns = r->received_ns;
	}
	s->has_last = true;
	s->last_ns = r->received_ns;
	s->shown = s->excused = false;
}

void seals_running(struct seals *s, uint64_t size, uint64_t now_ns)
{
	uint64_t max = s->anchor.max_ns;
	uint64_t last = s->has_last ? s->last_ns : s->begun_ns;
	if (!s->anchored || max == 0 || now_ns < last || now_ns - last <= max)
		return;
	findings_add(s->found, FIND_SEAL_OLD, size == 0 ? 0 : size - 1,
		"%s %" PRIu64 " s ago by this clock, and this log promises a SEAL every %" PRIu64
		" s: what follows may have been made with stolen keys; compare the clocks, then "
		"ask who runs it why it does not seal",
		s->has_last ? "the newest SEAL was made" : "the log began without any SEAL",
		(now_ns - last) / NS, max / NS);
}
