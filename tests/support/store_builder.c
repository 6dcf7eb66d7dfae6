/* SPDX-License-Identifier: Apache-2.0 */
#include "store_builder.h"

#include "../../daemon/batch.h"
#include "../../daemon/signer/state.h"
#include "../../proto/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	MAP_BYTES = 64 << 20,
	KEPT_MAX = 4096, /* payloads of one commit, which the batch borrows */
	PATH_LEN = 1024,
	MILLISECOND = 1000000,
};

struct builder {
	char state[PATH_LEN];
	struct skey key;
	struct seal_maker seals;
	uint32_t seal_epoch; /* of the next SEAL */
	struct store *store;
	struct batch *batch;
	struct epochs *epochs;
	uint64_t now_ns;
	uint64_t own_epoch, own_seq;
	uint64_t head_size; /* of `note` */
	struct hash head_root;
	uint64_t head_row;
	uint64_t counter;
	struct buf note;
	struct buf kept[KEPT_MAX];
	uint8_t salts[KEPT_MAX][SALT_LEN];
	size_t kept_count;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "store_builder: %s failed\n", what);
	abort();
}

static void write_file(const struct builder *b, const char *name, const void *data, size_t len)
{
	char path[PATH_LEN + 64];
	(void)snprintf(path, sizeof path, "%s/%s", b->state, name);
	FILE *f = fopen(path, "w");
	must(f && fwrite(data, 1, len, f) == len && fclose(f) == 0, name);
}

static void make_folder(const struct builder *b, const char *name)
{
	char path[PATH_LEN + 64];
	(void)snprintf(path, sizeof path, "%s/%s", b->state, name);
	must(mkdir(path, 0700) == 0, name);
}

static void write_identity(const struct builder *b)
{
	struct log_identity id = { .vkey = b->key.vkey, .genesis = store_genesis(b->store) };
	struct buf text = { 0 };
	vkey_put(&text, &id.vkey);
	buf_put_u8(&text, '\n');
	write_file(b, "vkey", text.data, text.len);
	buf_clear(&text);
	identity_put(&text, &id);
	write_file(b, "identity", text.data, text.len);
	must(!text.failed, "identity");
	buf_release(&text);
}

static void stage_genesis(struct builder *b, const char *origin)
{
	struct buf vkey = { 0 };
	struct buf payload = { 0 };
	vkey_put(&vkey, &b->key.vkey);
	struct genesis g = {
		.format = 1,
		.origin = span_text(origin),
		.vkey = buf_view(&vkey),
		.seal_root = b->seals.anchor.root,
		.seal_height = b->seals.anchor.height,
		.seal_max_ns = b->seals.anchor.max_ns,
	};
	genesis_encode(&g, &payload);
	builder_control(b, KIND_DAEMON, buf_view(&payload));
	must(!payload.failed && !vkey.failed, "genesis");
	buf_release(&vkey);
	buf_release(&payload);
}

struct builder *builder_new(const char *state, const char *origin)
{
	static const uint8_t seed[SIGN_SEED_LEN] = { 7 };
	struct builder *b = calloc(1, sizeof *b);
	char why[512] = "";
	char folder[PATH_LEN + 8];
	must(b && crypto_init(), "memory");
	(void)snprintf(b->state, sizeof b->state, "%s", state);
	(void)snprintf(folder, sizeof folder, "%s/log", state);
	must(skey_make(span_text(origin), seed, &b->key) == TRAIL_OK, "origin");
	seal_maker_make(&b->seals, origin, BUILDER_SEAL_MAX_NS, 0);
	make_folder(b, "log");
	make_folder(b, "signer");
	write_file(b, "VERSION", STORE_VERSION, strlen(STORE_VERSION));
	write_file(b, "lock", "", 0);
	must(store_open(folder, MAP_BYTES, true, &b->store, why) == TRAIL_OK, why);
	b->batch = batch_new(b->store);
	b->epochs = epochs_new();
	must(b->batch && b->epochs && batch_recover(b->batch) == TRAIL_OK, "batch");
	b->now_ns = UINT64_C(1760000000000000000);
	stage_genesis(b, origin);
	builder_commit(b);
	write_identity(b);
	return b;
}

static void forget_kept(struct builder *b)
{
	for (size_t i = 0; i < b->kept_count; i++)
		buf_release(&b->kept[i]);
	b->kept_count = 0;
}

void builder_free(struct builder *b)
{
	forget_kept(b);
	buf_release(&b->note);
	batch_free(b->batch);
	epochs_free(b->epochs);
	store_close(b->store);
	free(b);
}

static uint64_t tick(struct builder *b)
{
	return b->now_ns += MILLISECOND;
}

void builder_set_time(struct builder *b, uint64_t ns)
{
	b->now_ns = ns;
}

/* ---- staging ---- */

void builder_control(struct builder *b, enum record_kind kind, struct span payload)
{
	(void)batch_add_control(b->batch, kind, 0, tick(b), payload);
}

uint64_t builder_peer(struct builder *b, const char *uid)
{
	struct peer_name peer = { .type = PEER_UNIX_USER, .name = span_text(uid) };
	struct buf payload = { 0 };
	peer_encode(&peer, &payload);
	uint64_t index = batch_add_control(b->batch, KIND_PEER, 0, tick(b), buf_view(&payload));
	buf_release(&payload);
	return index;
}

uint64_t builder_source(struct builder *b, const char *name, uint64_t peer)
{
	struct buf payload = { 0 };
	source_encode(span_text(name), &payload);
	uint64_t index =
		batch_add_control(b->batch, KIND_SOURCE, peer, tick(b), buf_view(&payload));
	buf_release(&payload);
	return index;
}

uint64_t builder_daemon(struct builder *b, enum daemon_what what)
{
	struct daemon_entry entry = { .what = what };
	struct buf payload = { 0 };
	daemon_entry_encode(&entry, &payload);
	uint64_t index = batch_add_control(b->batch, KIND_DAEMON, 0, tick(b), buf_view(&payload));
	buf_release(&payload);
	if (what == DAEMON_START) {
		b->own_epoch = index;
		b->own_seq = 0;
	}
	return index;
}

uint64_t builder_seal(struct builder *b, builder_forge_fn forge)
{
	uint64_t received_ns = tick(b);
	struct buf payload = { 0 };
	struct forgery f = { .key = b->seal_epoch++ };
	f.text = (struct seal_text){
		.epoch = f.key,
		.size = batch_next(b->batch),
		.root = b->head_root,
		.time_ns = received_ns,
	};
	must(b->head_size == f.text.size, "signing what is sealed");
	memcpy(f.text.origin, b->seals.anchor.origin, sizeof f.text.origin);
	if (forge)
		forge(&f);
	seal_maker_put(&b->seals, &f, &payload);
	uint64_t index = batch_add_control(b->batch, KIND_SEAL, 0, received_ns, buf_view(&payload));
	buf_release(&payload);
	return index;
}

uint64_t builder_record(struct builder *b, struct record *r, struct span payload)
{
	must(b->kept_count < KEPT_MAX, "a smaller commit");
	struct buf *kept = &b->kept[b->kept_count];
	uint8_t *salt = b->salts[b->kept_count++];
	buf_put_span(kept, payload);
	crypto_random(salt, SALT_LEN);
	record_commitment(salt, payload, &r->commitment);
	return batch_add_event(b->batch, r, salt, buf_view(kept));
}

static void encode_event(struct builder *b, struct buf *out)
{
	char object[64];
	(void)snprintf(
		object, sizeof object, "/records/%llu", (unsigned long long)batch_next(b->batch));
	struct event_value event = {
		.time_ns = (int64_t)b->now_ns,
		.action = ACTION_READ,
		.actor = { .id = span_text("anna"), .unit = span_text("ward 7") },
		.object = { .id = span_text(object), .type = span_text("record") },
		.subject = span_text("19900101-1234"),
		.purpose = span_text("care"),
	};
	event_encode(&event, out);
	must(!out->failed, "event");
}

/* An empty payload: one like any. */
static uint64_t add_event(struct builder *b, struct record *r, struct span payload)
{
	struct buf own = { 0 };
	r->kind = KIND_EVENT;
	r->received_ns = tick(b);
	if (payload.len == 0)
		encode_event(b, &own);
	uint64_t index = builder_record(b, r, payload.len != 0 ? payload : buf_view(&own));
	buf_release(&own);
	return index;
}

uint64_t builder_own_event(struct builder *b)
{
	return builder_own(b, span_of(NULL, 0));
}

uint64_t builder_own(struct builder *b, struct span payload)
{
	struct record r = { .epoch = b->own_epoch, .seq = ++b->own_seq };
	return add_event(b, &r, payload);
}

static struct epoch *need_epoch(struct builder *b, uint64_t source, uint64_t epoch, uint64_t peer)
{
	struct epoch pushed;
	struct epoch *known = epochs_find(b->epochs, source, epoch);
	if (known)
		return known;
	must(epochs_open(b->epochs, source, epoch, &known, &pushed) == TRAIL_OK, "an epoch");
	known->row.peer = epoch == 0 ? 0 : peer;
	return known;
}

uint64_t builder_event(
	struct builder *b, uint64_t source, uint64_t peer, uint64_t epoch, uint64_t lost)
{
	return builder_said(b, source, peer, epoch, lost, span_of(NULL, 0));
}

uint64_t builder_said(struct builder *b, uint64_t source, uint64_t peer, uint64_t epoch,
	uint64_t lost, struct span payload)
{
	struct epoch *known = need_epoch(b, source, epoch, peer);
	struct record r = {
		.flags = (uint16_t)((epoch == 0 ? FLAG_UNPROTECTED : 0) | (lost ? FLAG_LOSS : 0)),
		.source = source,
		.peer = peer,
		.epoch = epoch,
		.seq = known->row.last + lost + 1,
	};
	uint64_t index = add_event(b, &r, payload);
	epochs_heard(b->epochs, known, b->now_ns, r.seq);
	epochs_stored(b->epochs, known, 1, lost, index, index);
	return index;
}

void builder_close_epoch(struct builder *b, uint64_t source, uint64_t epoch)
{
	struct epoch *known = epochs_find(b->epochs, source, epoch);
	must(known != NULL, "the epoch to close");
	epochs_close(b->epochs, known);
}

/* ---- committing ---- */

static void put_head(struct builder *b, struct db_txn *txn)
{
	uint8_t key[KEY_INDEX_LEN];
	if (b->head_size == 0 || b->head_size == b->head_row)
		return;
	key_index(b->head_row, key);
	if (b->head_row != 0)
		db_delete(txn, TABLE_HEAD, span_of(key, sizeof key));
	key_index(b->head_size, key);
	db_put(txn, TABLE_HEAD, span_of(key, sizeof key), buf_view(&b->note));
	b->head_row = b->head_size;
}

/* As the signer does: the newest note in one of two slots, the one before in the other. */
static void write_signer_head(struct builder *b)
{
	static uint8_t file[SLOT_FILE_LEN];
	size_t at = b->counter++ % 2 * SLOT_OFFSET;
	if (b->counter == 1)
		memset(file, 0, sizeof file);
	slot_encode(b->counter, buf_view(&b->note), file + at, HEAD_SLOT_LEN);
	write_file(b, "signer/head", file, sizeof file);
}

static void sign(struct builder *b)
{
	struct checkpoint cp = { 0 };
	struct buf text = { 0 };
	(void)snprintf(cp.origin, sizeof cp.origin, "%s", b->key.vkey.name);
	batch_root(b->batch, &cp);
	checkpoint_put(&text, &cp);
	buf_clear(&b->note);
	must(note_sign(buf_view(&text), &b->key, &b->note) == TRAIL_OK, "signing");
	buf_release(&text);
	b->head_size = cp.size;
	b->head_root = cp.root;
	write_signer_head(b);
}

void builder_commit_unsigned(struct builder *b)
{
	struct db_txn *txn = db_begin(store_db(b->store), true);
	must(txn && batch_put(b->batch, txn) == TRAIL_OK, "a put");
	epochs_write(b->epochs, txn);
	put_head(b, txn);
	must(db_commit(txn) == TRAIL_OK, "a commit");
	batch_done(b->batch);
	forget_kept(b);
}

void builder_commit(struct builder *b)
{
	builder_commit_unsigned(b);
	sign(b);
}

uint64_t builder_size(const struct builder *b)
{
	return batch_committed(b->batch);
}

const char *builder_note(const struct builder *b)
{
	static char text[NOTE_LEN_MAX];
	(void)snprintf(text, sizeof text, "%.*s", (int)b->note.len, (const char *)b->note.data);
	return text;
}

struct db *builder_db(struct builder *b)
{
	return store_db(b->store);
}

struct store *builder_store(struct builder *b)
{
	return b->store;
}

struct head builder_head(const struct builder *b)
{
	struct head head = { .size = b->head_size, .root = b->head_root };
	must(b->note.len <= sizeof head.note, "a shorter note");
	head.note_len = b->note.len;
	memcpy(head.note, b->note.data, b->note.len);
	return head;
}

struct epoch *builder_epoch(struct builder *b, uint64_t source, uint64_t epoch)
{
	return need_epoch(b, source, epoch, 0);
}

struct epochs *builder_epochs(struct builder *b)
{
	return b->epochs;
}
