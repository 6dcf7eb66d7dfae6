/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `head` file: the last note that this key signed, in two slots written in turn, so that a torn
 * write leaves the one before (FORMATS.md section 5).
 *
 *   made       slot 0: counter 1, empty content     slot 1: zeros
 *   size 1     slot 1: counter 2, the first note, synced before it is answered
 *   after      slot 0: counter 3 ...                one slot always stays whole
 *
 * So an empty slot counts only while the other was never written: a damaged slot beside it may have
 * held a signature, and what was once signed must not be forgotten.
 */
#ifndef SIGNER_HEAD_H
#define SIGNER_HEAD_H

#include "folder.h"
#include "state.h"

enum {
	HEAD_NOTE_MAX = HEAD_SLOT_LEN - SLOT_OVERHEAD
};

struct head {
	int fd;
	unsigned slot; /* the one that counts */
	uint64_t counter;
	bool dirty;                   /* written since the last sync */
	struct checkpoint checkpoint; /* size 0: nothing signed yet */
	size_t note_len;
	uint8_t note[HEAD_NOTE_MAX];
};

/* The bytes of a head file that has signed nothing. */
void head_blank(uint8_t file[SLOT_FILE_LEN]);
/*
 * Whether the first `len` bytes of a head file show that it never held a note: every slot is zeros
 * (or behind the end) or valid with empty content.
 */
bool head_unused(const uint8_t file[SLOT_FILE_LEN], size_t len);

/*
 * Open it and find the newest note, which must be `key`'s. TRAIL_CORRUPT: missing, doubly damaged,
 * not this key's, or going backwards. *notice gets a sentence when it fell back to the older slot.
 * Close with head_close whatever the answer, if head->fd was -1 before.
 */
enum trail_err head_open(struct head *head, const struct folder *folder, const struct vkey *key,
	struct sentence *notice, struct sentence *why);
void head_close(struct head *head);
/*
 * Keep `note`, whose text is `checkpoint`, in the other slot; not synced. After an error nothing
 * may be signed any more.
 */
enum trail_err head_put(struct head *head, const struct folder *folder, struct span note,
	const struct checkpoint *checkpoint, struct sentence *why);
/* fdatasync, if something was written. After an error nothing may be signed any more. */
enum trail_err head_sync(struct head *head, const struct folder *folder, struct sentence *why);

#endif
