/* SPDX-License-Identifier: Apache-2.0 */
#include "check_pass.h"

#include "check_lanes.h"

/* Before record 0 was read: what the files beside the store say, or what was pinned. */
static void assume(struct scan *scan)
{
	const struct evidence *e = scan->evidence;
	if (!e->given && !e->has_stored)
		return;
	const struct log_identity *id = e->given ? &e->pinned : &e->stored;
	scan->vkey = id->vkey;
	scan->has_vkey = true;
	scan->genesis = id->genesis;
}

static void stranger(void *ctx, struct span name)
{
	struct scan *scan = ctx;
	scan_find(scan, FIND_STORE_STRANGER, FINDING_NOWHERE,
		"data.mdb holds a table or row of %zu bytes of name that no traild makes; restore "
		"the store",
		name.len);
}

static void look_at_names(struct scan *scan)
{
	atomic_store_explicit(&scan->box->stage, STAGE_NAMES, memory_order_release);
	db_strangers(scan->txn, stranger, scan);
	if (db_error(scan->txn) != TRAIL_OK)
		scan_unreadable();
}

static void expect_records(struct scan *scan)
{
	struct span key, value;
	uint64_t records = 0;
	if (db_last(scan->txn, TABLE_SPINE, &key, &value) && key.len == KEY_INDEX_LEN)
		records = load_be64(key.data) + value.len / RECORD_LEN;
	if (db_error(scan->txn) != TRAIL_OK)
		scan_unreadable();
	atomic_store_explicit(&scan->box->passes, 2, memory_order_relaxed);
	atomic_store_explicit(&scan->box->records, records, memory_order_relaxed);
}

/* ---- the identity of the log, once record 0 was read ---- */

static void compare_texts(struct scan *scan, const struct log_identity *id)
{
	const struct evidence *e = scan->evidence;
	struct buf text = { 0 };
	vkey_put(&text, &id->vkey);
	buf_put_u8(&text, '\n');
	if (!span_equal(buf_view(&text), span_of(e->vkey_text, e->vkey_len)))
		scan_find(scan, FIND_IDENTITY_VKEY, FINDING_NOWHERE,
			"the file vkey is missing or is not the key of record 0; take it from "
			"`trail key` where it is known");
	buf_clear(&text);
	identity_put(&text, id);
	if (!span_equal(buf_view(&text), span_of(e->identity_text, e->identity_len)))
		scan_find(scan, FIND_IDENTITY_FILE, 0,
			"the file identity is missing or does not name record 0 and its key: the "
			"log or the file was exchanged");
	if (text.failed)
		scan_nomem();
	buf_release(&text);
}

static void judge_identity(struct scan *scan)
{
	const struct evidence *e = scan->evidence;
	if (!scan->has_first)
		return;
	if (e->given && !hash_equal(&e->pinned.genesis, &scan->first_leaf))
		scan_find(scan, FIND_IDENTITY_GIVEN, 0,
			"record 0 is not the one that --log names: another log, or its beginning "
			"was changed");
	if (!scan->control.has_genesis_key)
		return;
	struct log_identity id = { .vkey = scan->control.genesis_key, .genesis = scan->first_leaf };
	compare_texts(scan, &id);
}

static void read_all(struct scan *scan)
{
	assume(scan);
	if (!scan->skip_names) {
		look_at_names(scan);
		expect_records(scan);
	}
	check_spine(scan);
	judge_identity(scan);
	check_payload(scan);
}

/* False: memory is out. */
static bool begin_judges(struct scan *scan)
{
	struct findings *found = &scan->box->found;
	if (spine_init(&scan->spine, found) != TRAIL_OK ||
		control_init(&scan->control, found, &scan->spine) != TRAIL_OK)
		return false;
	if (scan->evidence->given)
		scan->control.pinned = &scan->evidence->pinned.vkey;
	return true;
}

enum trail_err scan_run(struct scan *scan)
{
	enum trail_err err = TRAIL_NOMEM;
	scan->txn = db_begin(scan->db, false);
	if (scan->txn && begin_judges(scan)) {
		read_all(scan);
		atomic_store_explicit(&scan->box->stage, STAGE_DONE, memory_order_release);
		err = TRAIL_OK;
	}
	db_abort(scan->txn);
	spine_release(&scan->spine);
	control_release(&scan->control);
	index_set_release(&scan->classes);
	return err;
}
