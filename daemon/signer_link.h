/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild's end of the talk with its signer (daemon/signer/talk.h): starts it, or reaches one that
 * the service manager starts; wakes it, has heads signed. One thread at a time. Trusts nothing it
 * answers: every note is opened with the vkey that the log itself pins.
 */
#ifndef DAEMON_SIGNER_LINK_H
#define DAEMON_SIGNER_LINK_H

#include "../proto/checkpoint.h"
#include "../proto/seal.h"
#include "../proto/tree.h"

#include <sys/types.h>

struct signer_link;

/* What the signer said of itself when it woke. */
struct signer_greeting {
	uint64_t head_size; /* of its last signed head; 0: none yet */
	struct hash head_root;
	size_t head_note_len; /* the note that says so */
	char head_note[512];
	unsigned seal_height;
	struct hash seal_root;
	uint64_t seal_max_ns;
	uint32_t seal_epoch; /* that is open: so many seals were made */
	struct vkey vkey;
};

/* How to wake it; bits. */
enum signer_how {
	SIGNER_MAKE_NEW = 1,
	SIGNER_ALLOW_COW = 2, /* although a child's folder keeps what is overwritten */
};

/* Which signer is wanted. */
struct signer_wish {
	const char *socket;  /* where it listens; NULL: start one as a child, of */
	const char *program; /* with its state in */
	const char *folder;
	unsigned how;         /* enum signer_how bits */
	struct span origin;   /* may be empty unless SIGNER_MAKE_NEW: take what is there */
	unsigned seal_height; /* of a new one */
	uint64_t seal_max_ns; /* of a new one, or what the log's genesis says */
};

/*
 * Connect to the wish's socket, or start its program with its folder as state, and wake the signer.
 * Call it from a thread that lives as long as the process: a signer that was started is told to end
 * when the thread that started it does.
 *
 * SIGNER_MAKE_NEW: an empty folder (or none), in which it makes a key for the origin and seals of
 * the height; a folder where that was done and nothing was signed yet is fine too.
 * On failure `why` (may be NULL) gets a sentence and *link is NULL:
 * TRAIL_CORRUPT  it refused (exit 5) · TRAIL_IO  it failed or could not be started (exit 3).
 */
enum trail_err signer_link_open(const struct signer_wish *wish, struct signer_link **link,
	struct signer_greeting *greeting, char why[512]);
/* Lets the signer end cleanly (it syncs its head) and waits for it. NULL is fine. */
void signer_link_close(struct signer_link *link);

/*
 * Have (size, root) signed; `proof` is the consistency proof from the signer's head (empty for the
 * first signature and for the same head again). The note, NUL-free text, goes to note (*len bytes).
 * TRAIL_CORRUPT: refused. TRAIL_IO: no answer within 10 s, the signer is gone, or its note does not
 * open with the vkey. Both are fatal for the caller: nothing may be acked any more.
 */
enum trail_err signer_link_sign(struct signer_link *link, uint64_t size, const struct hash *root,
	const struct tree_proof *proof, char note[512], size_t *len, char why[512]);
/*
 * Have its signed head, of `size`, sealed at `time_ns`. *seal views the link until its next call,
 * without `cosigned`; its signature was checked with its key, and its text says what was asked for.
 * TRAIL_MORE: not yet; again after *wait_ns. TRAIL_END: no key is left; `why`. Others as above.
 */
enum trail_err signer_link_seal(struct signer_link *link, uint64_t size, uint64_t time_ns,
	struct seal *seal, uint64_t *wait_ns, char why[512]);
/* That the SEAL is a record of the signed head; see signer_link_sealed. */
struct signer_proof {
	const uint8_t *record; /* RECORD_LEN */
	const uint8_t *salt;   /* SALT_LEN */
	struct span cosigned;  /* that its payload holds */
	const struct tree_proof *inclusion;
};
/*
 * Let the signer erase the key of the open epoch, whose SEAL is in the log. *epoch: that is open
 * now. Errors as signer_link_sign.
 */
enum trail_err signer_link_sealed(
	struct signer_link *link, const struct signer_proof *proof, uint32_t *epoch, char why[512]);
/* The size that the signer signed last. */
uint64_t signer_link_size(const struct signer_link *link);
/* The process that was started; 0: none was. Any thread. */
pid_t signer_link_pid(const struct signer_link *link);
/* Becomes readable when the signer is gone; for whoever watches. */
int signer_link_fd(const struct signer_link *link);

#endif
