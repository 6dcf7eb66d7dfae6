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
	int wait = -1;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < ASIDE_NOTES; i++) {
		if (a->notes[i].size == 0)
			continue;
		const uint64_t age = now_ms - a->notes[i].since_ms;
		const int left = age < ASIDE_NOTE_MS ? (int)(ASIDE_NOTE_MS - age) : 0;
		if (wait < 0 || left < wait)
			wait = left;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return wait;
}

size_t aside_put(struct aside *a, struct db_txn *txn, uint64_t sizes[ASIDE_NOTES])
{
	uint8_t key[KEY_INDEX_LEN];
	size_t count = 0;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < ASIDE_NOTES; i++) {
		struct kept_note *k = &a->notes[i];
		if (k->size == 0)
			continue;
		key_index(k->size, key);
		db_put(txn, TABLE_HEAD, span_of(key, sizeof key), buf_view(&k->note));
		sizes[count++] = k->size;
		k->size = 0;
	}
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
