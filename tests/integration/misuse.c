/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of trail.h, called as it must not be: null_* with NULL where an object is due,
 * unusable_* on a handle that cannot speak (never opened, closed, or made before fork). Each
 * answers an error, a zero or nothing. test_misuse.py sees to it that none is missing.
 *
 * misuse ADDRESS of a running traild. Prints what it did not expect; exits 1 then.
 */
#include <trail.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int faults;
/* Not even root, of a program that was broken on purpose, can make it. */
#define NO_FOLDER "/dev/null/folder"

static const char *situation = "NULL";

static void expect(bool right, int line, const char *what)
{
	if (right)
		return;
	printf("misuse.c:%d: %s: not so: %s\n", line, situation, what);
	faults++;
}

#define EXPECT(expression) expect(expression, __LINE__, #expression)
/* The call is refused, and nothing else. */
#define REFUSED(call) EXPECT((call) == TRAIL_MISUSE)
/* Refused by a handle, which can say why. */
#define TOLD(t, call)                                                                              \
	do {                                                                                       \
		REFUSED(call);                                                                     \
		EXPECT(trail_error_code(t) == TRAIL_MISUSE && trail_error(t)[0] != '\0');          \
	} while (0)

static void never_called(void *ctx, enum trail_err err, const struct trail_receipt *receipt)
{
	(void)ctx;
	(void)receipt;
	EXPECT(err == TRAIL_OK && !"a callback ran for a batch that was refused");
}

/* ---- NULL where an object is due ---- */

static void null_handle_speaks(struct trail_batch *b, struct trail_event *e)
{
	struct trail_receipt *receipt = NULL;
	struct trail_entry *entry = NULL;
	struct trail_status *status = NULL;
	const char *note = NULL;
	char *text = NULL;
	uint8_t records[TRAIL_RECORD_LEN];
	uint64_t last = 7;
	size_t len = 7;
	REFUSED(trail_open(NULL, NULL));
	REFUSED(trail_checkpoint(NULL, &note, &len));
	REFUSED(trail_consistency(NULL, "x", 1));
	REFUSED(trail_settle(NULL));
	REFUSED(trail_append(NULL, "s", e, &receipt));
	REFUSED(trail_claim(NULL, "s", 1, &last));
	REFUSED(trail_append_batch(NULL, b, &receipt));
	REFUSED(trail_submit(NULL, b, never_called, NULL));
	REFUSED(trail_process(NULL, 0));
	REFUSED(trail_flush(NULL, 0));
	REFUSED(trail_close_epoch(NULL, "s", 1, 1));
	REFUSED(trail_keepalive(NULL, "s", 1, 1, &last));
	REFUSED(trail_get(NULL, 0, &entry));
	REFUSED(trail_records(NULL, 0, 1, records, &len));
	REFUSED(trail_prove(NULL, 0, &text, &len));
	REFUSED(trail_status_ask(NULL, &status));
	EXPECT(!receipt && !entry && !status && !note && !text && last == 7 && len == 7);
}

static void null_handle_tells(void)
{
	trail_free(NULL);
	trail_close(NULL);
	REFUSED(trail_set_timeout(NULL, 1));
	REFUSED(trail_set_state_dir(NULL, ""));
	REFUSED(trail_set_identity(NULL, "x", 1));
	REFUSED(trail_set_policy(NULL, "quorum none\n", 12));
	REFUSED(trail_set_ack(NULL, TRAIL_ACK_DURABLE, 0));
	REFUSED(trail_error_code(NULL));
	EXPECT(trail_error(NULL)[0] != '\0');
	EXPECT(trail_error_index(NULL) == 0);
	EXPECT(trail_error_field(NULL)[0] == '\0');
	EXPECT(trail_error_expected(NULL) == 0);
	EXPECT(trail_error_retry_ms(NULL) == 0);
	EXPECT(!trail_identity(NULL));
	EXPECT(!trail_origin(NULL));
	EXPECT(trail_trust_level(NULL) == TRAIL_TRUST_NONE);
	EXPECT(trail_size(NULL) == 0);
	EXPECT(trail_in_flight(NULL) == 0);
	EXPECT(trail_fd(NULL) == -1);
	EXPECT(!trail_wants_write(NULL));
}

static void null_event_set(void)
{
	static const uint8_t ID[TRAIL_ID_LEN] = { 1 };
	trail_event_free(NULL);
	trail_event_clear(NULL);
	trail_event_set(NULL, TRAIL_VERB, "x");
	trail_event_set_id(NULL, ID);
	trail_event_make_id(NULL);
	trail_event_set_time(NULL, 1);
	trail_event_set_now(NULL);
	trail_event_set_action(NULL, TRAIL_READ);
	trail_event_set_outcome(NULL, TRAIL_FAILURE);
	trail_event_set_medium(NULL, TRAIL_PAPER);
	trail_event_set_actor_type(NULL, TRAIL_ACTOR_USER);
	trail_event_add_change(NULL, "f", "a", "b");
	trail_event_add_attribute(NULL, "k", "v");
	trail_event_set_raw(NULL, "x", 1);
	REFUSED(trail_event_check(NULL));
}

static void null_event_get(void)
{
	size_t len = 7;
	EXPECT(trail_event_fault_field(NULL)[0] == '\0');
	EXPECT(trail_event_fault_why(NULL)[0] == '\0');
	EXPECT(!trail_event_get(NULL, TRAIL_VERB));
	EXPECT(!trail_event_id(NULL));
	EXPECT(trail_event_time(NULL) == 0);
	EXPECT(trail_event_action(NULL) == 0);
	EXPECT(trail_event_outcome(NULL) == 0);
	EXPECT(trail_event_medium(NULL) == 0);
	EXPECT(trail_event_actor_type(NULL) == 0);
	EXPECT(trail_event_change_count(NULL) == 0);
	EXPECT(!trail_event_change_field(NULL, 0));
	EXPECT(!trail_event_change_old(NULL, 0));
	EXPECT(!trail_event_change_new(NULL, 0));
	EXPECT(trail_event_attribute_count(NULL) == 0);
	EXPECT(!trail_event_attribute_key(NULL, 0));
	EXPECT(!trail_event_attribute_value(NULL, 0));
	EXPECT(!trail_event_raw(NULL, &len) && len == 0);
	EXPECT(!trail_event_raw(NULL, NULL));
}

static void null_batch(struct trail_batch *b, struct trail_event *e)
{
	trail_batch_free(NULL);
	REFUSED(trail_batch_begin(NULL, "s", 1, 1));
	REFUSED(trail_batch_lost(NULL, 1));
	REFUSED(trail_batch_add(NULL, e));
	REFUSED(trail_batch_add(b, NULL));
	EXPECT(trail_batch_count(NULL) == 0);
	EXPECT(trail_batch_bytes(NULL) == 0);
}

static void null_receipt(void)
{
	trail_receipt_free(NULL);
	EXPECT(trail_receipt_count(NULL) == 0);
	EXPECT(trail_receipt_index(NULL, 0) == 0);
	EXPECT(trail_receipt_seq(NULL, 0) == 0);
	EXPECT(trail_receipt_received(NULL, 0) == 0);
	EXPECT(!trail_receipt_duplicate(NULL, 0));
	EXPECT(!trail_receipt_checked(NULL, 0));
	EXPECT(!trail_receipt_leaf(NULL, 0));
	EXPECT(!trail_receipt_record(NULL, 0));
	EXPECT(!trail_receipt_salt(NULL, 0));
	EXPECT(trail_receipt_size(NULL) == 0);
	EXPECT(trail_receipt_witnessed(NULL) == 0);
	EXPECT(!trail_receipt_note(NULL));
}

static void null_entry(void)
{
	size_t len = 7;
	trail_entry_free(NULL);
	EXPECT(trail_entry_index(NULL) == 0);
	EXPECT(trail_entry_kind(NULL) == 0);
	EXPECT(trail_entry_received(NULL) == 0);
	EXPECT(trail_entry_source(NULL) == 0);
	EXPECT(trail_entry_peer(NULL) == 0);
	EXPECT(!trail_entry_source_name(NULL));
	EXPECT(!trail_entry_peer_name(NULL));
	EXPECT(trail_entry_epoch(NULL) == 0);
	EXPECT(trail_entry_seq(NULL) == 0);
	EXPECT(trail_entry_class(NULL) == 0);
	EXPECT(trail_entry_flags(NULL) == 0);
	EXPECT(!trail_entry_record(NULL));
	EXPECT(!trail_entry_leaf(NULL));
	EXPECT(!trail_entry_salt(NULL));
	EXPECT(!trail_entry_payload(NULL, &len) && len == 0);
	EXPECT(!trail_entry_payload(NULL, NULL));
	EXPECT(!trail_entry_event(NULL));
	EXPECT(trail_entry_size(NULL) == 0);
}

static void count_line(void *ctx, const char *text)
{
	int *lines = ctx;
	EXPECT(text[0] != '\0');
	++*lines;
}

static void null_query(struct trail_query *q)
{
	int lines = 0;
	struct trail_rows *rows = NULL;
	struct trail_sources *sources = NULL;
	trail_query_free(NULL);
	REFUSED(trail_query_set_terms(NULL, "actor:a"));
	EXPECT(trail_query_set_terms(q, NULL) == TRAIL_OK);
	REFUSED(trail_query_set_time(NULL, 1, 2));
	REFUSED(trail_query_set_newest_first(NULL, true));
	REFUSED(trail_query_set_from(NULL, 1));
	REFUSED(trail_query_set_follow(NULL, true));
	REFUSED(trail_query_set_scan(NULL, true));
	REFUSED(trail_query_set_progress(NULL, NULL, NULL));
	REFUSED(trail_query_explain(NULL, q, count_line, &lines));
	EXPECT(lines == 0);
	REFUSED(trail_search(NULL, q, &rows));
	REFUSED(trail_history(NULL, "o", q, &rows));
	REFUSED(trail_sources_ask(NULL, &sources));
	EXPECT(!rows && !sources);
}

static void null_rows(void)
{
	const struct trail_entry *entry = NULL;
	trail_rows_free(NULL);
	REFUSED(trail_rows_next(NULL, &entry));
	REFUSED(trail_rows_count(NULL));
	EXPECT(!entry);
	EXPECT(trail_rows_matched(NULL) == 0 && trail_rows_read(NULL) == 0);
	EXPECT(trail_rows_looked(NULL) == 0 && trail_rows_size(NULL) == 0);
	EXPECT(trail_rows_sources(NULL) == 0 && trail_rows_current(NULL) == 0);
	EXPECT(trail_rows_gaps(NULL) == 0 && trail_rows_method(NULL)[0] == '\0');
	EXPECT(trail_rows_witnessed(NULL) == 0);
}

static void null_report(struct trail *t, struct trail_query *q)
{
	struct trail_report *report = NULL;
	trail_report_free(NULL);
	REFUSED(trail_report(NULL, q, TRAIL_BY_ACTOR, 0, &report));
	REFUSED(trail_report(t, q, TRAIL_BY_ACTOR, 0, NULL));
	REFUSED(trail_report(t, q, (enum trail_group)0, 0, &report));
	REFUSED(trail_report(t, q, (enum trail_group)99, 0, &report));
	REFUSED(trail_report(t, q, TRAIL_BY_ACTOR, 1000000000, &report));
	REFUSED(trail_report(t, q, TRAIL_BY_TIME, 0, &report));
	REFUSED(trail_report(t, q, TRAIL_BY_TIME, 1, &report));
	EXPECT(!report && trail_report_count(NULL) == 0 && !trail_report_key(NULL, 0));
	EXPECT(trail_report_time(NULL, 0) == 0 && trail_report_events(NULL, 0) == 0);
	EXPECT(trail_report_matched(NULL) == 0 && trail_report_read(NULL) == 0);
	EXPECT(trail_report_size(NULL) == 0 && trail_report_sources(NULL) == 0);
	EXPECT(trail_report_current(NULL) == 0 && trail_report_gaps(NULL) == 0);
	EXPECT(trail_report_witnessed(NULL) == 0 && trail_report_method(NULL)[0] == '\0');
}

static void null_evidence(struct trail *t, struct trail_verify *v)
{
	const struct trail_entry *entry = NULL;
	char *text = NULL;
	size_t len = 7;
	uint8_t hash[TRAIL_HASH_LEN];
	REFUSED(trail_query_set_evidence(NULL, true));
	REFUSED(trail_query_set_page(NULL, 1));
	REFUSED(trail_entry_evidence(NULL, &text, &len));
	REFUSED(trail_rows_evidence(NULL, &text, &len));
	REFUSED(trail_verify_set_anchors(NULL, "x", 1));
	REFUSED(trail_verify_set_anchors(v, NULL, 1));
	REFUSED(trail_verify_proof(NULL, v, "x", 1));
	REFUSED(trail_verify_proof(t, NULL, "x", 1));
	REFUSED(trail_verify_proof(t, v, NULL, 1));
	REFUSED(trail_verify_begin(NULL, v));
	REFUSED(trail_verify_begin(t, NULL));
	REFUSED(trail_verify_line(NULL, v, "x", 1, &entry));
	REFUSED(trail_verify_line(t, NULL, "x", 1, &entry));
	REFUSED(trail_verify_line(t, v, "x", 1, &entry)); /* nothing was begun */
	REFUSED(trail_verify_end(NULL, v));
	REFUSED(trail_verify_end(t, NULL));
	REFUSED(trail_verify_end(t, v));
	REFUSED(trail_verify_add(NULL, "evidence.rows", NULL, "x"));
	REFUSED(trail_verify_add(v, NULL, NULL, "x"));
	EXPECT(trail_verify_add(v, "no.code", NULL, "x") == TRAIL_INVALID);
	EXPECT(!trail_verify_entry(NULL));
	EXPECT(trail_verify_number(NULL, TRAIL_PROOF_SEALED) == 0);
	EXPECT(trail_verify_number(v, TRAIL_PROOF_COUNT) == 0);
	EXPECT(trail_verify_authority(NULL)[0] == '\0');
	EXPECT(trail_verify_cosigners(NULL, true) == 0 && !trail_verify_cosigner(NULL, false, 0));
	EXPECT(!trail_verify_cosigner(v, true, 0) && trail_verify_cosigned(NULL, true, 0) == 0);
	EXPECT(trail_verify_begin(t, v) == TRAIL_OK);
	REFUSED(trail_verify_line(t, v, NULL, 1, &entry));
	REFUSED(trail_verify_line(t, v, "x", 1, NULL));
	EXPECT(trail_verify_line(t, v, "x", 1, &entry) == TRAIL_INVALID && !entry);
	EXPECT(trail_verify_end(t, v) == TRAIL_OK);
	EXPECT(trail_verify_verdict(v) == TRAIL_VERDICT_INVALID);
	trail_digest(NULL, 1, hash);
	trail_digest("x", 1, NULL);
	EXPECT(!text && len == 7);
}

static void null_verify(void)
{
	struct trail *t = trail_new();
	struct trail_verify *v = trail_verify_new();
	uint64_t index = 7;
	int64_t time_ns = 7;
	bool exact = false;
	trail_verify_free(NULL);
	REFUSED(trail_verify_set_checkpoint(NULL, "x", 1));
	REFUSED(trail_verify_set_since(NULL, "x", 1));
	REFUSED(trail_verify_set_resume(NULL, true));
	REFUSED(trail_verify_set_payloads(NULL, true));
	REFUSED(trail_verify_set_threads(NULL, 1));
	REFUSED(trail_verify_set_progress(NULL, NULL, NULL));
	REFUSED(trail_verify_set_vkey(NULL, "x"));
	REFUSED(trail_verify_set_vkey(v, NULL));
	EXPECT(trail_verify_set_vkey(v, "x") == TRAIL_INVALID);
	REFUSED(trail_verify_tree(NULL, v, "/"));
	REFUSED(trail_verify_tree(t, NULL, "/"));
	REFUSED(trail_verify_tree(t, v, NULL));
	REFUSED(trail_verify_index(NULL, v));
	REFUSED(trail_verify_index(t, NULL));
	REFUSED(trail_publish(NULL, v, "/"));
	REFUSED(trail_publish(t, NULL, "/"));
	REFUSED(trail_publish(t, v, NULL));
	REFUSED(trail_verify_run(NULL, v));
	REFUSED(trail_verify_run(t, NULL));
	EXPECT(trail_verify_origin(NULL)[0] == '\0');
	EXPECT(trail_verify_verdict(NULL) == TRAIL_VERDICT_NONE);
	EXPECT(trail_verify_size(NULL) == 0 && !trail_verify_root(NULL));
	EXPECT(trail_verify_since(NULL) == 0 && trail_verify_checked(NULL) == 0);
	EXPECT(trail_verify_uncovered(NULL) == 0 && trail_verify_payloads(NULL) == 0);
	EXPECT(trail_verify_erased(NULL) == 0 && trail_verify_seals(NULL) == 0);
	EXPECT(!trail_verify_sealed(NULL, &index, &time_ns) && index == 7 && time_ns == 7);
	EXPECT(!trail_verify_sealed(v, NULL, &time_ns) && !trail_verify_sealed(v, &index, NULL));
	EXPECT(!trail_verify_first_bad(NULL, &index, &exact) && index == 7);
	EXPECT(trail_verify_invalid(NULL) == 0 && trail_verify_unverifiable(NULL) == 0);
	EXPECT(trail_verify_findings(NULL) == 0 && !trail_verify_finding_code(NULL, 0));
	EXPECT(!trail_verify_finding_index(NULL, 0, &index) && index == 7);
	EXPECT(!trail_verify_finding_what(NULL, 0));
	EXPECT(!trail_verify_finding_is_invalid(NULL, 0));
	null_evidence(t, v);
	null_report(t, NULL);
	trail_verify_free(v);
	trail_free(t);
}

static void null_sources(void)
{
	trail_sources_free(NULL);
	EXPECT(trail_sources_count(NULL) == 0 && trail_sources_index(NULL, 0) == 0);
	EXPECT(!trail_sources_name(NULL, 0));
	EXPECT(trail_sources_heard(NULL, 0) == 0 && trail_sources_newest(NULL, 0) == 0);
	EXPECT(trail_sources_open(NULL, 0) == 0 && trail_sources_imports(NULL, 0) == 0);
	EXPECT(trail_sources_open_ends(NULL, 0) == 0);
	EXPECT(trail_sources_lost(NULL, 0) == 0 && trail_sources_missing(NULL, 0) == 0);
}

static void null_predecessor(void)
{
	struct trail_predecessor *p = NULL;
	uint64_t size = 7;
	trail_predecessor_free(NULL);
	REFUSED(trail_predecessor_ask(NULL, &p));
	EXPECT(!p && !trail_predecessor_origin(NULL) && !trail_predecessor_identity(NULL));
	EXPECT(!trail_predecessor_size(NULL, &size) && size == 7);
	EXPECT(!trail_predecessor_root(NULL) && !trail_predecessor_reason(NULL));
}

static void null_status_and_text(void)
{
	static const char *const words[] = { "emit", NULL };
	EXPECT(!trail_suggest(NULL, words) && !trail_suggest("emti", NULL));
	trail_status_free(NULL);
	uint64_t upto = 7;
	EXPECT(trail_status_get(NULL, TRAIL_STATUS_SIZE) == 0);
	EXPECT(!trail_status_known(NULL, TRAIL_STATUS_SIZE));
	EXPECT(trail_status_buckets(NULL, TRAIL_TIMES_ACK) == 0);
	EXPECT(trail_status_bucket(NULL, TRAIL_TIMES_ACK, 0, &upto) == 0 && upto == UINT64_MAX);
	EXPECT(trail_status_bucket(NULL, TRAIL_TIMES_ACK, 0, NULL) == 0);
	EXPECT(trail_status_sum(NULL, TRAIL_TIMES_ACK) == 0);
	EXPECT(trail_status_version(NULL)[0] == '\0');
	EXPECT(trail_status_witnesses(NULL) == 0);
	EXPECT(trail_status_witness_name(NULL, 0)[0] == '\0');
	EXPECT(trail_status_witness_state(NULL, 0) == TRAIL_WITNESS_SILENT);
	EXPECT(trail_status_witness_size(NULL, 0) == 0);
	EXPECT(trail_status_witness_time(NULL, 0) == 0);
	trail_text_free(NULL);
	EXPECT(trail_field_find(NULL) == -1);
	EXPECT(trail_word_find(TRAIL_WORD_ACTION, NULL) == -1);
	EXPECT(trail_import_epoch(NULL, "b") == 0 && trail_import_epoch("s", NULL) == 0);
}

/* An open handle is given NULL for what it should read or fill. It stays good for use. */
static void null_arguments(struct trail *t, struct trail_batch *b, struct trail_event *e)
{
	uint8_t records[TRAIL_RECORD_LEN];
	const char *note;
	char *text;
	size_t len;
	TOLD(t, trail_set_state_dir(t, NULL));
	TOLD(t, trail_set_identity(t, NULL, 1));
	TOLD(t, trail_set_policy(t, NULL, 1));
	TOLD(t, trail_checkpoint(t, NULL, &len));
	TOLD(t, trail_checkpoint(t, &note, NULL));
	TOLD(t, trail_consistency(t, NULL, 1));
	TOLD(t, trail_append(t, NULL, e, NULL));
	TOLD(t, trail_append(t, "s", NULL, NULL));
	TOLD(t, trail_claim(t, "s", 1, NULL));
	TOLD(t, trail_append_batch(t, NULL, NULL));
	TOLD(t, trail_append_batch(t, b, NULL));
	TOLD(t, trail_submit(t, NULL, never_called, NULL));
	TOLD(t, trail_get(t, 0, NULL));
	TOLD(t, trail_records(t, 0, 1, NULL, &len));
	TOLD(t, trail_records(t, 0, 1, records, NULL));
	TOLD(t, trail_prove(t, 0, NULL, &len));
	TOLD(t, trail_prove(t, 0, &text, NULL));
	TOLD(t, trail_status_ask(t, NULL));
	TOLD(t, trail_search(t, NULL, NULL));
	TOLD(t, trail_history(t, NULL, NULL, NULL));
	TOLD(t, trail_sources_ask(t, NULL));
	TOLD(t, trail_predecessor_ask(t, NULL));
	EXPECT(trail_settle(t) == TRAIL_OK);
}

/* What a setter cannot copy stays with the event. */
static void null_bytes(void)
{
	struct trail_event *e = trail_event_new();
	trail_event_set_raw(e, NULL, 1);
	EXPECT(trail_event_check(e) == TRAIL_INVALID);
	EXPECT(strcmp(trail_event_fault_field(e), "raw") == 0);
	trail_event_clear(e);
	trail_event_set_id(e, NULL);
	EXPECT(trail_event_check(e) == TRAIL_INVALID);
	EXPECT(strcmp(trail_event_fault_field(e), "id") == 0);
	trail_event_free(e);
}

/* ---- a handle that cannot speak ---- */

/* A handle that is not open judges the question all the same; one made before a fork does not. */
static void question_is_judged_first(struct trail *t)
{
	struct trail_rows *rows = NULL;
	struct trail_query *q = trail_query_new();
	EXPECT(trail_query_set_terms(q, "actor:a actr:b") == TRAIL_OK);
	enum trail_err err = trail_search(t, q, &rows);
	EXPECT(err == TRAIL_MISUSE || (err == TRAIL_INVALID && trail_error_index(t) == 8));
	EXPECT(trail_query_set_terms(q, "actor:a..") == TRAIL_OK);
	EXPECT(trail_search(t, q, &rows) == TRAIL_MISUSE);
	EXPECT(!rows);
	int lines = 0;
	err = trail_query_explain(t, q, count_line, &lines);
	EXPECT(err == TRAIL_OK ? lines == 1 : err == TRAIL_MISUSE && lines == 0);
	REFUSED(trail_query_explain(t, q, NULL, NULL));
	trail_query_free(q);
}

/* Evidence needs no connection: a handle that is not open judges it, one from before a fork not. */
static void unusable_judges(struct trail *t)
{
	const struct trail_entry *entry = NULL;
	struct trail_verify *v = trail_verify_new();
	enum trail_err err = trail_verify_proof(t, v, "x", 1);
	EXPECT(err == TRAIL_MISUSE || (err == TRAIL_OK && trail_verify_invalid(v) == 1));
	err = trail_verify_begin(t, v);
	EXPECT(err == TRAIL_MISUSE || err == TRAIL_OK);
	EXPECT(trail_verify_line(t, v, "x", 1, &entry) ==
		(err == TRAIL_OK ? TRAIL_INVALID : TRAIL_MISUSE));
	EXPECT(trail_verify_end(t, v) == err && !entry);
	err = trail_verify_tree(t, v, NO_FOLDER);
	EXPECT(err == TRAIL_MISUSE || err == TRAIL_IO);
	trail_verify_free(v);
}

/* `b` holds an event. */
static void unusable_speaks(struct trail *t, struct trail_batch *b, struct trail_event *e)
{
	struct trail_receipt *receipt = NULL;
	struct trail_entry *entry = NULL;
	struct trail_status *status = NULL;
	struct trail_rows *rows = NULL;
	struct trail_report *report = NULL;
	struct trail_predecessor *before = NULL;
	struct trail_sources *sources = NULL;
	const char *note = NULL;
	char *text = NULL;
	uint8_t records[TRAIL_RECORD_LEN];
	uint64_t last = 7;
	size_t len = 7;
	TOLD(t, trail_checkpoint(t, &note, &len));
	TOLD(t, trail_consistency(t, "x", 1));
	TOLD(t, trail_settle(t));
	TOLD(t, trail_report(t, NULL, TRAIL_BY_ACTOR, 0, &report));
	TOLD(t, trail_append(t, "s", e, &receipt));
	TOLD(t, trail_claim(t, "s", 1, &last));
	TOLD(t, trail_append_batch(t, b, &receipt));
	TOLD(t, trail_submit(t, b, never_called, NULL));
	TOLD(t, trail_process(t, 0));
	TOLD(t, trail_flush(t, 0));
	TOLD(t, trail_close_epoch(t, "s", 1, 1));
	TOLD(t, trail_keepalive(t, "s", 1, 1, &last));
	TOLD(t, trail_get(t, 0, &entry));
	TOLD(t, trail_records(t, 0, 1, records, &len));
	TOLD(t, trail_prove(t, 0, &text, &len));
	TOLD(t, trail_status_ask(t, &status));
	TOLD(t, trail_search(t, NULL, &rows));
	TOLD(t, trail_history(t, "o", NULL, &rows));
	question_is_judged_first(t);
	unusable_judges(t);
	TOLD(t, trail_sources_ask(t, &sources));
	TOLD(t, trail_predecessor_ask(t, &before));
	struct trail_verify *v = trail_verify_new();
	TOLD(t, trail_verify_run(t, v));
	TOLD(t, trail_verify_index(t, v));
	TOLD(t, trail_publish(t, v, NO_FOLDER));
	EXPECT(trail_verify_verdict(v) == TRAIL_VERDICT_NONE);
	trail_verify_free(v);
	EXPECT(!receipt && !entry && !status && !note && !text && last == 7 && len == 7);
	EXPECT(!rows && !sources && !before);
	EXPECT(trail_batch_count(b) == 1);
}

/* An answer whose handle cannot speak any more; what it told so far stays. */
static void unusable_rows(struct trail_rows *r, uint64_t read)
{
	const struct trail_entry *entry = NULL;
	REFUSED(trail_rows_next(r, &entry));
	REFUSED(trail_rows_count(r));
	EXPECT(!entry && trail_rows_read(r) == read);
}

/* These only tell; what they tell of what was once open is theirs to choose. */
static void unusable_tells(struct trail *t)
{
	EXPECT(trail_error_code(t) == TRAIL_MISUSE);
	EXPECT(trail_error(t)[0] != '\0');
	EXPECT(trail_error_index(t) == 0);
	EXPECT(trail_error_field(t)[0] == '\0');
	EXPECT(trail_error_expected(t) == 0);
	EXPECT(trail_error_retry_ms(t) == 0);
	EXPECT(!trail_identity(t) == !trail_origin(t));
	EXPECT((trail_trust_level(t) == TRAIL_TRUST_NONE) == !trail_identity(t));
	EXPECT((trail_size(t) == 0) == !trail_identity(t));
	EXPECT(trail_in_flight(t) == 0);
	EXPECT(!trail_wants_write(t));
}

/* trail_open and the setters are not misuse before it is open, nor when it is closed. */
static void unusable_not_yet_open(struct trail *t)
{
	EXPECT(trail_fd(t) == -1);
	EXPECT(trail_set_timeout(t, 10000) == TRAIL_OK);
	EXPECT(trail_set_state_dir(t, "") == TRAIL_OK);
	EXPECT(trail_set_identity(t, "x", 1) == TRAIL_INVALID);
	EXPECT(trail_verify_tree(t, NULL, "x") == TRAIL_MISUSE);
	EXPECT(trail_set_policy(t, "quorum all\n", 11) == TRAIL_INVALID);
	EXPECT(trail_set_policy(t, "quorum none\n", 12) == TRAIL_OK);
	EXPECT(trail_set_ack(t, TRAIL_ACK_WITNESSED, 600001) == TRAIL_INVALID);
	EXPECT(trail_open(t, "unix:/nowhere/at/all") == TRAIL_UNAVAILABLE);
	trail_close(t);
	trail_close(t);
}

/* Not even these may be called by the child of a fork; close and free are all that it may do. */
static void unusable_in_child(struct trail *t, const char *address)
{
	TOLD(t, trail_set_timeout(t, 10000));
	TOLD(t, trail_set_state_dir(t, ""));
	TOLD(t, trail_set_identity(t, "x", 1));
	TOLD(t, trail_set_policy(t, "x", 1));
	TOLD(t, trail_set_ack(t, TRAIL_ACK_DURABLE, 0));
	const struct trail_entry *entry = NULL;
	struct trail_verify *v = trail_verify_new();
	TOLD(t, trail_verify_proof(t, v, "x", 1));
	TOLD(t, trail_verify_begin(t, v));
	TOLD(t, trail_verify_line(t, v, "x", 1, &entry));
	TOLD(t, trail_verify_end(t, v));
	TOLD(t, trail_verify_tree(t, v, NO_FOLDER));
	EXPECT(!entry && trail_verify_verdict(v) == TRAIL_VERDICT_NONE);
	trail_verify_free(v);
	TOLD(t, trail_open(t, address));
	trail_close(t);
	TOLD(t, trail_open(t, address));
	trail_free(t);
}

/* ---- the situations ---- */

static void fork_with(struct trail *t, struct trail_batch *b, struct trail_event *e,
	struct trail_rows *rows, const char *address)
{
	int status = 1;
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		situation = "in the child of a fork";
		faults = 0;
		unusable_speaks(t, b, e);
		unusable_tells(t);
		unusable_rows(rows, trail_rows_read(rows));
		unusable_in_child(t, address);
		trail_rows_free(rows);
		trail_batch_free(b);
		trail_event_free(e);
		(void)fflush(stdout);
		_exit(faults ? 1 : 0);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void no_objects(struct trail_batch *b, struct trail_event *e)
{
	struct trail_query *q = trail_query_new();
	null_handle_speaks(b, e);
	null_handle_tells();
	null_event_set();
	null_event_get();
	null_batch(b, e);
	null_receipt();
	null_entry();
	null_query(q);
	null_report(NULL, q);
	null_rows();
	null_sources();
	null_predecessor();
	null_verify();
	null_status_and_text();
	null_bytes();
	trail_query_free(q);
}

static void handles(
	struct trail *t, struct trail_batch *b, struct trail_event *e, const char *address)
{
	struct trail_batch *empty = trail_batch_new();
	struct trail_receipt *receipt = NULL;
	struct trail_rows *rows = NULL, *others = NULL;
	situation = "never opened";
	unusable_speaks(t, b, e);
	unusable_tells(t);
	unusable_not_yet_open(t);
	situation = "open";
	EXPECT(trail_open(t, address) == TRAIL_OK);
	TOLD(t, trail_open(t, address));
	null_arguments(t, empty, e);
	EXPECT(trail_search(t, NULL, &rows) == TRAIL_OK);
	EXPECT(trail_search(t, NULL, &others) == TRAIL_OK);
	REFUSED(trail_rows_next(rows, NULL));
	fork_with(t, b, e, rows, address);
	/* The child's end was not the parent's. */
	EXPECT(trail_append(t, "s", e, &receipt) == TRAIL_OK);
	EXPECT(trail_receipt_count(receipt) == 1);
	situation = "closed";
	trail_rows_free(others);
	trail_close(t);
	unusable_rows(rows, trail_rows_read(rows));
	unusable_speaks(t, b, e);
	unusable_tells(t);
	unusable_not_yet_open(t);
	trail_rows_free(rows);
	trail_receipt_free(receipt);
	trail_batch_free(empty);
}

int main(int argc, char **argv)
{
	struct trail *t = trail_new();
	struct trail_event *e = trail_event_new();
	struct trail_batch *b = trail_batch_new();
	if (argc != 2)
		return 2;
	trail_event_set_now(e);
	trail_event_set_action(e, TRAIL_READ);
	trail_event_set(e, TRAIL_ACTOR_ID, "u17");
	trail_event_set(e, TRAIL_OBJECT_ID, "o");
	REFUSED(trail_batch_lost(b, 0));
	REFUSED(trail_batch_add(b, e));
	EXPECT(trail_batch_begin(b, "s", 0, 0) == TRAIL_OK);
	EXPECT(trail_batch_add(b, e) == TRAIL_OK);
	no_objects(b, e);
	handles(t, b, e, argv[1]);
	trail_batch_free(b);
	trail_event_free(e);
	trail_free(t);
	return faults ? 1 : 0;
}
