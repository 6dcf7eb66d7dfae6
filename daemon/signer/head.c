/* SPDX-License-Identifier: Apache-2.0 */
#include "head.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

static const char NAME[] = "head";

void head_blank(uint8_t file[SLOT_FILE_LEN])
{
	memset(file, 0, SLOT_FILE_LEN);
	slot_encode(1, span_of(NULL, 0), file, HEAD_SLOT_LEN);
}

bool head_unused(const uint8_t file[SLOT_FILE_LEN], size_t len)
{
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *slot = file + i * SLOT_OFFSET;
		size_t left = len > i * SLOT_OFFSET ? len - i * SLOT_OFFSET : 0;
		uint64_t counter;
		struct span content;
		if (state_blank(slot, left < HEAD_SLOT_LEN ? left : HEAD_SLOT_LEN))
			continue;
		if (left < HEAD_SLOT_LEN || !slot_decode(slot, HEAD_SLOT_LEN, &counter, &content) ||
			content.len != 0)
			return false;
	}
	return true;
}

/* The older slot, if it can be read, must be this key's and behind the newer one. */
static enum trail_err check_older(const struct head *head, const struct folder *folder,
	const struct vkey *key, struct span note, struct sentence *why)
{
	struct checkpoint older;
	if (note.len == 0)
		return TRAIL_OK;
	if (checkpoint_open(note, key, &older) != TRAIL_OK)
		return sentence_refuse(why,
			"%s/%s: the older slot holds a note that the log key did not sign: bring "
			"back the state of this key, or begin a successor log",
			folder->path, NAME);
	if (older.size > head->checkpoint.size)
		return sentence_refuse(why,
			"%s/%s went backwards from size %llu to %llu: an older state was put in "
			"place; bring back the newest, or begin a successor log",
			folder->path, NAME, (unsigned long long)older.size,
			(unsigned long long)head->checkpoint.size);
	return TRAIL_OK;
}

static enum trail_err judge(struct head *head, const struct folder *folder, const struct vkey *key,
	const uint8_t file[SLOT_FILE_LEN], struct sentence *notice, struct sentence *why)
{
	struct slot slots[2];
	int newest = slots_newest(span_of(file, SLOT_FILE_LEN), HEAD_SLOT_LEN, slots);
	const struct slot *mine = newest < 0 ? NULL : &slots[newest];
	const struct slot *other = newest < 0 ? NULL : &slots[1 - newest];
	if (!mine ||
		(mine->content.len == 0 &&
			!state_blank(file + (size_t)(1 - newest) * SLOT_OFFSET, HEAD_SLOT_LEN)))
		return sentence_refuse(why,
			"%s/%s is damaged, both slots: what was signed last is not known, so "
			"nothing more is signed; bring it back, or begin a successor log",
			folder->path, NAME);
	head->slot = (unsigned)newest;
	head->counter = mine->counter;
	head->note_len = mine->content.len;
	memcpy(head->note, mine->content.data, mine->content.len);
	if (head->note_len == 0)
		return TRAIL_OK;
	if (checkpoint_open(mine->content, key, &head->checkpoint) != TRAIL_OK)
		return sentence_refuse(why,
			"%s/%s holds a note that %s/key did not sign: these files are not of one "
			"log; bring back those that belong together",
			folder->path, NAME, folder->path);
	if (other->valid)
		return check_older(head, folder, key, other->content, why);
	sentence_set(notice,
		"%s/%s: one slot is damaged; going on from size %llu, which the other holds",
		folder->path, NAME, (unsigned long long)head->checkpoint.size);
	return TRAIL_OK;
}

enum trail_err head_open(struct head *head, const struct folder *folder, const struct vkey *key,
	struct sentence *notice, struct sentence *why)
{
	uint8_t file[SLOT_FILE_LEN];
	size_t len = 0;
	notice->text[0] = '\0';
	memset(head, 0, sizeof *head);
	head->fd = -1;
	enum trail_err e = file_open(folder, NAME, FILE_SECRET, &head->fd, why);
	if (e == TRAIL_END)
		return sentence_refuse(why,
			"%s/%s is missing beside a log key: what was signed last is not known, so "
			"nothing more is signed; bring it back, or begin a successor log",
			folder->path, NAME);
	if (e == TRAIL_OK)
		e = file_read_fd(folder, NAME, head->fd, file, sizeof file, &len, why);
	if (e == TRAIL_OK && len != SLOT_FILE_LEN)
		e = sentence_refuse(why,
			"%s/%s is %zu bytes long, not %d: bring it back, or begin a successor log",
			folder->path, NAME, len, SLOT_FILE_LEN);
	if (e == TRAIL_OK)
		e = judge(head, folder, key, file, notice, why);
	/* A signer that was killed may have left its last notes in the page cache alone. */
	head->dirty = true;
	return e;
}

void head_close(struct head *head)
{
	if (head->fd >= 0)
		(void)close(head->fd);
	head->fd = -1;
}

enum trail_err head_put(struct head *head, const struct folder *folder, struct span note,
	const struct checkpoint *checkpoint, struct sentence *why)
{
	assert(note.len <= HEAD_NOTE_MAX);
	uint8_t slot[HEAD_SLOT_LEN];
	unsigned other = 1 - head->slot;
	slot_encode(head->counter + 1, note, slot, sizeof slot);
	enum trail_err e = file_write(folder, NAME, head->fd, span_of(slot, sizeof slot),
		(uint64_t)other * SLOT_OFFSET, why);
	if (e != TRAIL_OK)
		return e;
	head->slot = other;
	head->counter++;
	head->dirty = true;
	head->checkpoint = *checkpoint;
	head->note_len = note.len;
	memcpy(head->note, note.data, note.len);
	return TRAIL_OK;
}

enum trail_err head_sync(struct head *head, const struct folder *folder, struct sentence *why)
{
	if (!head->dirty)
		return TRAIL_OK;
	enum trail_err e = file_sync(folder, NAME, head->fd, why);
	if (e == TRAIL_OK)
		head->dirty = false;
	return e;
}
