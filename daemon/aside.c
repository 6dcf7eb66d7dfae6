/* SPDX-License-Identifier: Apache-2.0 */
#include "aside.h"

#include <pthread.h>
#include <stdlib.h>

struct kept_note {
	uint64_t size; /* 0: none */
	uint64_t since_ms;
	struct buf note;
};

struct aside {
	pthread_mutex_t lock;
	struct daemon_entry entries[ASIDE_ENTRIES];
	size_t first;
	size_t count;
	struct kept_note notes[ASIDE_NOTES];
	struct kept_note newest;
	struct kept_note stamp;
};

struct aside *aside_new(void)
{
	struct aside *a = calloc(1, sizeof *a);
	if (a)
		(void)pthread_mutex_init(&a->lock, NULL);
	return a;
}

void aside_free(struct aside *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < ASIDE_NOTES; i++)
		buf_release(&a->notes[i].note);
	buf_release(&a->newest.note);
	buf_release(&a->stamp.note);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

bool aside_say(struct aside *a, const struct daemon_entry *entry)
{
	(void)pthread_mutex_lock(&a->lock);
	const bool room = a->count < ASIDE_ENTRIES;
	if (room)
		a->entries[(a->first + a->count++) % ASIDE_ENTRIES] = *entry;
	(void)pthread_mutex_unlock(&a->lock);
	return room;
}

bool aside_take(struct aside *a, struct daemon_entry *entry)
{
	(void)pthread_mutex_lock(&a->lock);
	const bool any = a->count != 0;
	if (any) {
		*entry = a->entries[a->first];
		a->first = (a->first + 1) % ASIDE_ENTRIES;
		a->count--;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return any;
}

/* The place of a note of `size`: its own, a free one, or that of the smallest. Lock held. */
static struct kept_note *place_of(struct aside *a, uint64_t size)
{
	struct kept_note *least = &a->notes[0];
	for (size_t i = 0; i < ASIDE_NOTES; i++) {
		if (a->notes[i].size == size)
			return &a->notes[i];
		if (a->notes[i].size < least->size)
			least = &a->notes[i];
	}
	return least;
}

static bool fill(struct kept_note *k, uint64_t size, struct span note, uint64_t now_ms)
{
	if (k->size == 0)
		k->since_ms = now_ms;
	buf_clear(&k->note);
	buf_put_span(&k->note, note);
	k->size = k->note.failed ? 0 : size;
	return !k->note.failed;
}

bool aside_keep(struct aside *a, uint64_t size, struct span note, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&a->lock);
	const bool ok = fill(place_of(a, size), size, note, now_ms);
	if (size >= a->newest.size)
		(void)fill(&a->newest, size, note, now_ms);
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

bool aside_stamp(struct aside *a, uint64_t size, struct span stamp, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&a->lock);
	const bool ok = fill(&a->stamp, size, stamp, now_ms);
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

/* How long this may still wait, if that is less than `wait`; -1: for ever. */
static int sooner(const struct kept_note *k, uint64_t now_ms, int wait)
{
	if (k->size == 0)
		return wait;
	const uint64_t age = now_ms - k->since_ms;
	const int left = age < ASIDE_NOTE_MS ? (int)(ASIDE_NOTE_MS - age) : 0;
	return wait < 0 || left < wait ? left : wait;
}

size_t aside_cosigned(struct aside *a, char *out, size_t max)
{
	(void)pthread_mutex_lock(&a->lock);
	const struct span note = buf_view(&a->newest.note);
	const size_t len = a->newest.size != 0 && note.len <= max ? note.len : 0;
	if (len != 0)
		memcpy(out, note.data, len);
	(void)pthread_mutex_unlock(&a->lock);
	return len;
}

int aside_wait_ms(struct aside *a, uint64_t now_ms)
{
	(void)pthread_mutex_lock(&a->lock);
	int wait = sooner(&a->stamp, now_ms, -1);
	for (size_t i = 0; i < ASIDE_NOTES; i++)
		wait = sooner(&a->notes[i], now_ms, wait);
	(void)pthread_mutex_unlock(&a->lock);
	return wait;
}

static void put(struct db_txn *txn, enum table table, struct kept_note *k)
{
	uint8_t key[KEY_INDEX_LEN];
	key_index(k->size, key);
	db_put(txn, table, span_of(key, sizeof key), buf_view(&k->note));
	k->size = 0;
}

size_t aside_put(struct aside *a, struct db_txn *txn, uint64_t sizes[ASIDE_NOTES])
{
	size_t count = 0;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < ASIDE_NOTES; i++) {
		if (a->notes[i].size == 0)
			continue;
		sizes[count++] = a->notes[i].size;
		put(txn, TABLE_HEAD, &a->notes[i]);
	}
	if (a->stamp.size != 0)
		put(txn, TABLE_STAMP, &a->stamp);
	(void)pthread_mutex_unlock(&a->lock);
	return count;
}

/* More lines behind the last blank one than the log's own. */
bool aside_row_stays(struct span note)
{
	size_t lines = 0;
	for (size_t i = note.len; i >= 2; i--) {
		if (note.data[i - 1] != '\n')
			continue;
		if (note.data[i - 2] == '\n')
			return lines > 0;
		lines += i < note.len;
	}
	return false;
}
