/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence for many records at one checkpoint, as lines of text (trail-format(7), "Evidence for an
 * answer"): words and base64, so that a few lines of any language read it. Pure.
 *
 *	trail-evidence/v1
 *	checkpoint NOTE
 *	record INDEX RECORD SALT PAYLOAD PATH   genesis first; then what rows name, the newest SEAL
 *	                                        and the event that tells of the question, ascending
 *	sealed PATH                             from the size of that SEAL to the checkpoint's
 *	cosigned NOTE PATH                      between that note's size and the checkpoint's
 *	question INDEX
 *	row INDEX RECORD SALT PAYLOAD PATH      ascending; "-" for PATH: the next row names it
 *
 * "-" stands for what is not there. A path is its hashes, one behind the other, in one base64.
 */
#ifndef CLIENT_EVIDENCE_LINE_H
#define CLIENT_EVIDENCE_LINE_H

#include "../proto/evidence.h"

enum {
	EVIDENCE_LINE_MAX = 64 * 1024, /* an event of 32 KiB, and all the rest */
};

extern const char EVIDENCE_HEAD[];

enum evidence_word {
	WORD_NONE, /* none that is known */
	WORD_HEAD,
	WORD_CHECKPOINT,
	WORD_RECORD,
	WORD_SEALED,
	WORD_COSIGNED,
	WORD_QUESTION,
	WORD_ROW,
};

/* Append one line each, with its newline. */
void evidence_line_record(
	struct buf *out, enum evidence_word word, const struct evidence_item *item);
void evidence_line_checkpoint(struct buf *out, struct span note);
void evidence_line_sealed(struct buf *out, const struct tree_proof *path);
void evidence_line_cosigned(struct buf *out, struct span note, const struct tree_proof *path);
void evidence_line_question(struct buf *out, uint64_t index);

/* One line, read. Its bytes lie in `room`, to be released; it is filled anew with each line. */
struct evidence_line {
	struct buf room;
	enum evidence_word word;
	struct evidence_item item; /* RECORD, ROW; QUESTION: its index alone */
	struct tree_proof path;    /* also of SEALED, COSIGNED */
	struct span note;          /* CHECKPOINT, COSIGNED */
};

/*
 * Read a line, without its newline. TRAIL_INVALID: it is none of these, or not in its one spelling.
 * TRAIL_NOMEM. `line` does not move afterwards.
 */
enum trail_err evidence_line_read(struct span text, struct evidence_line *line);
void evidence_line_release(struct evidence_line *line);

#endif
