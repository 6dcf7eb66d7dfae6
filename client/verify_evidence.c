/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence for an answer, line by line as client/evidence_line has them, judged without the log.
 */
#include "../proto/evidence.h"
#include "../proto/query_parse.h"
#include "evidence_line.h"
#include "kept_items.h"
#include "trail_entry.h"
#include "verify.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct checkpoint NO_TREE = { .size = 0 };

/* What was read so far. */
struct evidence_set {
	struct trail *t;
	struct findings *found;
	const struct log_identity *identity; /* NULL: none was given */
	const struct policy *policy;
	struct evidence_line line;
	uint64_t lines;
	enum evidence_word at; /* of the line before */
	bool broken;           /* what follows cannot be judged */
	bool starved;          /* for want of memory: there is no verdict */
	struct buf note;
	struct checkpoint cp;
	struct log_identity log;
	struct seal_anchor anchor;
	struct kept_items named;
	uint64_t records; /* index above that of the last record */
	bool has_seal;
	struct evidence_seal seal;
	uint64_t sealed; /* the records below it are */
	struct quorum quorum;
	uint64_t cosigned;   /* the records below it are in a tree that was */
	uint64_t lines_left; /* under the cosigned note, of nobody whom the policy names */
	bool has_question;
	uint64_t question;
	struct answer asked; /* its query, and times */
	struct buf literal;  /* terms of the query */
	uint64_t rows, opened, next_row;
	uint64_t unsealed, first_unsealed, uncosigned, first_uncosigned;
	bool leans; /* the row before is proven by what this one names */
	struct hash leaf;
	struct trail_entry entry;
};

static void set_free(struct evidence_set *s)
{
	evidence_line_release(&s->line);
	buf_release(&s->note);
	kept_items_release(&s->named);
	entry_release(&s->entry);
	buf_release(&s->literal);
	free(s);
}

/* ---- findings ---- */

static enum trail_err malformed(struct evidence_set *s, const char *why)
{
	findings_add(s->found, FIND_EVIDENCE_MALFORMED, FINDING_NOWHERE, "line %" PRIu64 " %s",
		s->lines, why);
	return TRAIL_INVALID;
}

static enum trail_err misplaced(struct evidence_set *s, uint64_t index, const char *why)
{
	findings_add(s->found, FIND_EVIDENCE_ITEMS, index, "record %" PRIu64 " %s", index, why);
	return TRAIL_INVALID;
}

/* ---- what rows lean on ---- */

static enum trail_err take_note(struct evidence_set *s)
{
	buf_put_span(&s->note, s->line.note);
	return s->note.failed ? TRAIL_NOMEM : TRAIL_OK;
}

/* Genesis says by which key the checkpoint is to be opened. */
static enum trail_err take_genesis(struct evidence_set *s, struct evidence_record *r)
{
	const struct evidence_item *shown = r->shown;
	enum trail_err err = evidence_genesis(s->found, r, s->identity, &s->log, &s->anchor);
	if (err != TRAIL_OK)
		return err;
	if (checkpoint_open(buf_view(&s->note), &s->log.vkey, &s->cp) == TRAIL_OK &&
		s->cp.size != 0)
		return evidence_open(s->found, &s->cp, shown, r) ? TRAIL_OK : TRAIL_INVALID;
	findings_add(s->found, FIND_EVIDENCE_NOTE, FINDING_NOWHERE,
		"the checkpoint is not signed by %s: it was changed, or is another log's",
		s->log.vkey.name);
	return TRAIL_INVALID;
}

static enum trail_err take_seal(struct evidence_set *s, const struct evidence_record *r)
{
	uint64_t index = r->shown->index;
	if (s->has_seal || r->shown->salt.len == 0)
		return misplaced(s, index, "is a SEAL that is not due, or not shown");
	enum trail_err err = evidence_take_seal(s->found, FIND_EVIDENCE_SEAL, index,
		r->shown->payload, &s->anchor, &s->log.vkey, &s->seal);
	if (err != TRAIL_OK)
		return err;
	s->has_seal = true;
	if (s->seal.text.time_ns == r->record.received_ns)
		return TRAIL_OK;
	findings_add(s->found, FIND_EVIDENCE_SEAL, index,
		"the SEAL of size %" PRIu64 " says another time than its record", index);
	return TRAIL_INVALID;
}

static enum trail_err take_kind(struct evidence_set *s, struct evidence_record *r)
{
	uint64_t index = r->shown->index;
	switch (r->record.kind) {
	case KIND_SOURCE:
	case KIND_PEER:
		return evidence_names(s->found, r, (enum record_kind)r->record.kind)
			? TRAIL_OK
			: TRAIL_INVALID;
	case KIND_SEAL:
		return take_seal(s, r);
	case KIND_EVENT:
		return TRAIL_OK; /* judged where it is named as the question */
	default:
		return misplaced(s, index, "is nothing that rows lean on");
	}
}

static enum trail_err take_record(struct evidence_set *s)
{
	const struct evidence_item *item = &s->line.item;
	struct evidence_record r;
	enum trail_err err;
	bool first = s->records == 0;
	if (first != (item->index == 0) || item->index < s->records)
		return misplaced(s, item->index, "is out of order; record 0 comes first");
	if (!evidence_open(s->found, first ? &NO_TREE : &s->cp, item, &r))
		return TRAIL_INVALID;
	err = first ? take_genesis(s, &r) : take_kind(s, &r);
	if (err != TRAIL_OK)
		return err;
	kept_items_add(&s->named, item);
	s->records = item->index + 1;
	return s->named.failed ? TRAIL_NOMEM : TRAIL_OK;
}

static enum trail_err take_sealed(struct evidence_set *s)
{
	const struct seal_text *text = &s->seal.text;
	if (!s->has_seal)
		return malformed(s, "speaks of a SEAL that is not there");
	bool begins = tree_consistency_check(
		text->size, &text->root, s->cp.size, &s->cp.root, &s->line.path);
	if (begins) {
		s->sealed = text->size;
		return TRAIL_OK;
	}
	findings_add(s->found, FIND_EVIDENCE_SEAL, text->size,
		"the tree of %" PRIu64 " records that the SEAL seals is not the beginning of the "
		"checkpoint's: the log was changed behind it, or the evidence was",
		text->size);
	return TRAIL_INVALID;
}

static enum trail_err take_cosigned(struct evidence_set *s)
{
	struct span note = s->line.note;
	struct checkpoint other;
	const struct checkpoint *small = &other, *large = &s->cp;
	if (checkpoint_open(note, &s->log.vkey, &other) != TRAIL_OK || other.size == 0) {
		findings_add(s->found, FIND_EVIDENCE_NOTE, FINDING_NOWHERE,
			"the cosigned checkpoint is not signed by %s", s->log.vkey.name);
		return TRAIL_INVALID;
	}
	if (other.size > s->cp.size) {
		small = &s->cp;
		large = &other;
	}
	if (!tree_consistency_check(
		    small->size, &small->root, large->size, &large->root, &s->line.path)) {
		findings_add(s->found, FIND_EVIDENCE_NOTE, small->size,
			"the checkpoint of %" PRIu64 " records and the cosigned one of %" PRIu64
			" contradict each other: keep both",
			s->cp.size, other.size);
		return TRAIL_INVALID;
	}
	enum trail_err err =
		evidence_cosigners(s->found, s->policy, &s->log.vkey, note, other.size, &s->quorum);
	if (err != TRAIL_OK)
		return err;
	s->lines_left = note_lines_left(note, &s->quorum);
	if (s->quorum.count != 0)
		s->cosigned = small->size;
	return TRAIL_OK;
}

/* ---- the question ---- */

/* "traild", or what the entry says; to be freed. False: a finding was added, or *err is set. */
static bool name_of(struct evidence_set *s, uint64_t by, uint64_t index, enum record_kind kind,
	char **name, enum trail_err *err)
{
	struct item item;
	const struct evidence_item *shown = kept_items_find(&s->named, index);
	*name = NULL;
	if (index != 0 && (!shown || index >= by || shown->record.data[1] != kind)) {
		findings_add(s->found, FIND_EVIDENCE_NAME, by,
			"the source or peer of record %" PRIu64 ", record %" PRIu64
			", is not shown as one",
			by, index);
		return false;
	}
	if (index == 0)
		*name = strdup("traild");
	else if (item_open(shown, &item) == NULL)
		*err = item_name(&item, name);
	if (index == 0 && !*name)
		*err = TRAIL_NOMEM;
	return *err == TRAIL_OK;
}

/* Whether the row is one that the log's event of the question asks for. */
static bool answers(struct evidence_set *s, const struct row *row)
{
	/* What was erased answers nothing any more, which is told already. */
	bool due = s->has_question && item_is_open(&row->item);
	misfit why = due ? answer_misfit(&s->asked, row) : NULL;
	if (why)
		findings_add(s->found, FIND_EVIDENCE_QUESTION, row->item.shown->index,
			"record %" PRIu64 " is no answer to the question that the log holds: %s",
			row->item.shown->index, why);
	return !why;
}

/* Set `entry` from an item that was judged; a row must answer the question as well. */
static enum trail_err fill(
	struct evidence_set *s, const struct evidence_item *shown, struct trail_entry *entry)
{
	struct row row = { 0 };
	char *source = NULL, *peer = NULL;
	enum trail_err err = TRAIL_OK;
	(void)item_open(shown, &row.item);
	uint64_t index = shown->index;
	bool named = name_of(s, index, row.item.record.source, KIND_SOURCE, &source, &err) &&
		name_of(s, index, row.item.record.peer, KIND_PEER, &peer, &err);
	row.source = source;
	row.peer = peer;
	named = named && answers(s, &row);
	if (named && !entry_set(entry, &row, &s->cp))
		err = TRAIL_NOMEM;
	free(source);
	free(peer);
	return err != TRAIL_OK || named ? err : TRAIL_INVALID;
}

/* A number of the log's own event: decimal. */
static enum trail_err time_take(const char *text, int64_t *ns)
{
	char *end = NULL;
	*ns = strtoll(text, &end, 10);
	return end != text && *end == '\0' ? TRAIL_OK : TRAIL_INVALID;
}

static enum trail_err take_query(struct evidence_set *s, struct span text)
{
	struct query_fault bad;
	if (!buf_reserve(&s->literal, query_room(text.len)))
		return TRAIL_NOMEM;
	struct arena arena = { .data = s->literal.data, .cap = s->literal.cap };
	return query_parse(text, &arena, &s->asked.query, &bad);
}

/* One thing that the event of a question says of it. Others, of a later daemon, are passed over. */
static enum trail_err take_attribute(struct evidence_set *s, const char *key, const char *value)
{
	struct paging *p = &s->asked.question.paging;
	if (strcmp(key, "query") == 0)
		return take_query(s, span_text(value));
	if (strcmp(key, "object") == 0)
		s->asked.query = query_of_object(span_text(value), &s->asked.object);
	else if (strcmp(key, "since_ns") == 0)
		return time_take(value, &p->since_ns);
	else if (strcmp(key, "until_ns") == 0)
		return time_take(value, &p->until_ns);
	return TRAIL_OK;
}

/*
 * What was asked: every row is held against it. TRAIL_INVALID: nothing was, as by the event of a
 * record that was shown to somebody. TRAIL_NOMEM.
 */
static enum trail_err understand(struct evidence_set *s, const struct trail_event *e)
{
	enum trail_err err = TRAIL_OK;
	unsigned asked = 0;
	for (size_t i = 0; err == TRAIL_OK && i < trail_event_attribute_count(e); i++) {
		const char *key = trail_event_attribute_key(e, i);
		const char *value = trail_event_attribute_value(e, i);
		asked += strcmp(key, "query") == 0 || strcmp(key, "object") == 0;
		err = take_attribute(s, key, value ? value : "");
	}
	return err == TRAIL_OK && asked != 1 ? TRAIL_INVALID : err;
}

static enum trail_err take_question(struct evidence_set *s, struct trail_verify *v)
{
	uint64_t index = s->line.item.index;
	const struct evidence_item *shown = kept_items_find(&s->named, index);
	struct trail_entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return TRAIL_NOMEM;
	enum trail_err err = shown ? fill(s, shown, entry) : TRAIL_INVALID;
	bool tells = err == TRAIL_OK && entry->is_event && entry->record.source == 0 &&
		trail_event_action(entry->event) == TRAIL_READ;
	if (err == TRAIL_OK)
		err = tells ? understand(s, entry->event) : TRAIL_INVALID;
	if (err != TRAIL_OK)
		trail_entry_free(entry);
	if (err == TRAIL_NOMEM)
		return err;
	if (err != TRAIL_OK) {
		findings_add(s->found, FIND_EVIDENCE_QUESTION, index,
			"record %" PRIu64
			" is to be the log's own event of the question, and is not shown as one",
			index);
		return TRAIL_INVALID;
	}
	v->result.proof.entry = entry;
	s->has_question = true;
	s->question = index;
	return TRAIL_OK;
}

/* ---- rows ---- */

static enum trail_err unproven(struct evidence_set *s, uint64_t index)
{
	findings_add(s->found, FIND_EVIDENCE_PATH, index,
		"record %" PRIu64 " has no path, and the row behind it does not name it: a row was "
		"changed or left out",
		index);
	return TRAIL_INVALID;
}

static enum trail_err judge_row(struct evidence_set *s, const struct evidence_record *r)
{
	struct event_facts facts;
	struct event_fault fault;
	uint64_t index = r->shown->index;
	if (index < s->next_row || index >= s->question)
		return misplaced(s, index, "is out of order, or not older than the question");
	if (s->leans && (index != s->next_row || !hash_equal(&r->record.prev, &s->leaf)))
		return unproven(s, s->next_row - 1);
	if (r->record.kind != KIND_EVENT)
		return misplaced(s, index, "is no event");
	if (r->shown->salt.len == 0) {
		findings_add(s->found, FIND_EVIDENCE_ERASED, index,
			"what record %" PRIu64
			" commits to is not in it: it was erased, or left out",
			index);
	} else if (event_walk(r->shown->payload, &facts, &fault) != TRAIL_OK) {
		findings_add(s->found, FIND_EVIDENCE_EVENT, index,
			"what record %" PRIu64 " commits to is no valid event", index);
		return TRAIL_INVALID;
	}
	return TRAIL_OK;
}

static enum trail_err take_row(struct evidence_set *s)
{
	const struct evidence_item *item = &s->line.item;
	struct evidence_record r;
	bool leans = item->path_count == 0 && s->cp.size > 1;
	if (!evidence_open(s->found, leans ? &NO_TREE : &s->cp, item, &r))
		return TRAIL_INVALID;
	enum trail_err err = judge_row(s, &r);
	if (err == TRAIL_OK)
		err = fill(s, item, &s->entry);
	if (err != TRAIL_OK)
		return err;
	if (item->index >= s->sealed && s->unsealed++ == 0)
		s->first_unsealed = item->index;
	if (item->index >= s->cosigned && s->uncosigned++ == 0)
		s->first_uncosigned = item->index;
	s->rows++;
	s->opened += item->salt.len != 0;
	s->next_row = item->index + 1;
	s->leans = leans;
	s->leaf = r.leaf;
	return TRAIL_OK;
}

/* ---- line by line ---- */

/* Records, rows may come again; SEALED and COSIGNED may be left out. */
static bool in_place(enum evidence_word before, enum evidence_word word)
{
	switch (word) {
	case WORD_NONE:
		return false;
	case WORD_HEAD:
		return before == WORD_NONE;
	case WORD_CHECKPOINT:
		return before == WORD_HEAD;
	case WORD_RECORD:
		return before == WORD_CHECKPOINT || before == WORD_RECORD;
	case WORD_SEALED:
		return before == WORD_RECORD;
	case WORD_COSIGNED:
		return before == WORD_RECORD || before == WORD_SEALED;
	case WORD_QUESTION:
		return before == WORD_RECORD || before == WORD_SEALED || before == WORD_COSIGNED;
	case WORD_ROW:
		return before == WORD_QUESTION || before == WORD_ROW;
	}
	return false;
}

static enum trail_err take_line(struct evidence_set *s, struct trail_verify *v, struct span text)
{
	enum trail_err err = evidence_line_read(text, &s->line);
	if (err == TRAIL_INVALID)
		return malformed(s, "is no line of evidence, or was changed");
	if (err != TRAIL_OK)
		return err;
	if (!in_place(s->at, s->line.word))
		return malformed(s, "stands where no such line belongs");
	s->at = s->line.word;
	switch (s->line.word) {
	case WORD_CHECKPOINT:
		return take_note(s);
	case WORD_RECORD:
		return take_record(s);
	case WORD_SEALED:
		return take_sealed(s);
	case WORD_COSIGNED:
		return take_cosigned(s);
	case WORD_QUESTION:
		return take_question(s, v);
	case WORD_ROW:
		return take_row(s);
	case WORD_NONE:
	case WORD_HEAD:
		break;
	}
	return TRAIL_OK;
}

static enum trail_err begin(struct trail *t, struct trail_verify *v)
{
	verify_reset(v);
	struct evidence_set *s = calloc(1, sizeof *s);
	if (!s)
		return TRAIL_NOMEM;
	s->t = t;
	s->found = &v->result.found;
	s->identity = t->trust.level == TRAIL_TRUST_GIVEN ? &t->trust.identity : NULL;
	s->policy = t->trust.policy;
	v->set = s;
	v->set_free = set_free;
	if (!s->identity)
		findings_add(s->found, FIND_EVIDENCE_IDENTITY, FINDING_NOWHERE,
			"no log identity was given, so the evidence's own word stands for which "
			"log it is: give the log identity file, from a path that you trust, with "
			"--log");
	return TRAIL_OK;
}

enum trail_err trail_verify_begin(struct trail *t, struct trail_verify *v)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!v)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is nothing to begin");
	err = begin(t, v);
	return err == TRAIL_OK ? err : fault_set(&t->fault, err, "memory is out");
}

enum trail_err trail_verify_line(struct trail *t, struct trail_verify *v, const char *line,
	size_t len, const struct trail_entry **entry)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!v || !line || !entry || !v->set)
		return fault_set(&t->fault, TRAIL_MISUSE,
			"there is no line, or trail_verify_begin did not come first");
	*entry = NULL;
	struct evidence_set *s = v->set;
	if (err == TRAIL_OK && !s->broken) {
		s->lines++;
		err = take_line(s, v, span_of(line, len));
		s->broken = err != TRAIL_OK;
		s->starved = err == TRAIL_NOMEM;
		if (err == TRAIL_OK && s->at == WORD_ROW)
			*entry = &s->entry;
	}
	if (err == TRAIL_NOMEM)
		return fault_set(&t->fault, err, "memory is out");
	return err == TRAIL_OK && s->broken ? TRAIL_INVALID : err;
}

/* ---- the end ---- */

static void judge_end(struct evidence_set *s)
{
	if (s->broken)
		return;
	if (!s->has_question) {
		findings_add(s->found, FIND_EVIDENCE_MALFORMED, FINDING_NOWHERE,
			"the evidence ends before the question");
		return;
	}
	if (s->leans)
		(void)unproven(s, s->next_row - 1);
	if (s->unsealed != 0)
		findings_add(s->found, FIND_EVIDENCE_UNSEALED, s->first_unsealed,
			"%" PRIu64 " of %" PRIu64 " rows, from record %" PRIu64
			" on, were not sealed yet: ask again after the log's next SEAL",
			s->unsealed, s->rows, s->first_unsealed);
	evidence_quorum(s->found, s->policy, &s->log.vkey, &s->quorum);
	if (s->quorum.satisfied && s->uncosigned != 0 && s->policy->kind != POLICY_QUORUM_NONE)
		findings_add(s->found, FIND_EVIDENCE_QUORUM, s->first_uncosigned,
			"%" PRIu64 " of %" PRIu64 " rows, from record %" PRIu64
			" on, are in no tree that was cosigned as the witness policy asks for: ask "
			"again when one was",
			s->uncosigned, s->rows, s->first_uncosigned);
}

static void keep_numbers(struct proof_facts *facts, const struct evidence_set *s)
{
	uint64_t *n = facts->numbers;
	n[TRAIL_PROOF_SEALED] = s->sealed != 0;
	if (s->sealed != 0) {
		n[TRAIL_PROOF_SEAL_EPOCH] = s->seal.text.epoch;
		n[TRAIL_PROOF_SEAL_SIZE] = s->sealed;
		n[TRAIL_PROOF_SEAL_TIME] = s->seal.text.time_ns;
	}
	n[TRAIL_PROOF_SEAL_MAX] = s->anchor.max_ns;
	n[TRAIL_PROOF_COSIGNED_SIZE] = s->cosigned;
	n[TRAIL_PROOF_LINES] = s->lines_left;
	n[TRAIL_PROOF_ROWS] = s->rows;
	n[TRAIL_PROOF_ANSWER] = 1;
	proof_keep_quorum(facts, s->policy, &s->quorum);
}

enum trail_err trail_verify_end(struct trail *t, struct trail_verify *v)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!v || !v->set)
		return fault_set(&t->fault, TRAIL_MISUSE,
			"there is nothing to end: trail_verify_begin did not come first");
	struct evidence_set *s = v->set;
	struct verify_result *result = &v->result;
	if (s->starved) {
		v->set = NULL;
		set_free(s);
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	}
	judge_end(s);
	keep_numbers(&result->proof, s);
	memcpy(result->origin, s->log.vkey.name, sizeof result->origin);
	result->size = s->cp.size;
	result->root = s->cp.root;
	result->whole = s->cp.size != 0;
	result->checked = s->rows + s->named.count;
	result->payloads = s->opened;
	for (size_t i = 0; i < s->named.count; i++)
		result->payloads += s->named.list[i].salt.len != 0;
	result->ended = true;
	v->set = NULL;
	set_free(s);
	return TRAIL_OK;
}

enum trail_err trail_verify_add(
	struct trail_verify *v, const char *code, const uint64_t *index, const char *what)
{
	if (!v || !code || !what)
		return TRAIL_MISUSE;
	for (uint32_t i = FIND_EVIDENCE_MALFORMED; i < FINDING_CODES; i++) {
		if (strcmp(finding_code(i), code) != 0)
			continue;
		findings_add(&v->result.found, (enum finding_code)i,
			index ? *index : FINDING_NOWHERE, "%s", what);
		return TRAIL_OK;
	}
	return TRAIL_INVALID;
}

void trail_digest(const void *data, size_t len, uint8_t out[TRAIL_HASH_LEN])
{
	struct hash hash;
	hash_bytes(span_of(data, data ? len : 0), &hash);
	if (out)
		memcpy(out, hash.b, HASH_LEN);
}
