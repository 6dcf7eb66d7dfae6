/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traild and its courier say to each other over one SOCK_SEQPACKET pair: words of fixed
 * layouts, big-endian, either side whenever it has something to say. Either side treats the other's
 * bytes as hostile: a word that does not decode ends the talk.
 *
 * traild says
 *    1 SET      u32 patience ms | u32 least pause ms | u32 greatest pause ms
 *    2 WITNESS  u8 witness | u16 length | URL            numbered from 0, once each, before a ROUND
 *    3 ROUND    u64 round                                each witness is wanted to see this one
 *    4 ORDER    u8 witness | u64 round | u64 old | u64 size | u8 count | count x hash[32]
 *               | u16 length | note                      take this to it
 *    5 VERDICT  u8 witness | u64 round | u8 good         whether the ANSWER was a cosignature
 *    6 LOOK     u8 witness | u16 length | path           fetch what it shows under its URL
 *    7 STAMP    u16 length | URL | u16 length | TimeStampReq
 * the courier says
 *   17 ASK      u8 witness | u64 round | u64 old         it may be visited: what with?
 *   18 ANSWER   u8 witness | u64 round | u8 fate | u16 status | u64 held | u16 length | body
 *   19 SHOWN    u8 witness | u8 fate | u16 status | u16 length | body
 *   20 STAMPED  u8 fate | u16 status | u16 length | body
 */
#ifndef COURIER_TALK_H
#define COURIER_TALK_H

#include "../../proto/tree.h"

enum courier_kind {
	COURIER_SET = 1,
	COURIER_WITNESS = 2,
	COURIER_ROUND = 3,
	COURIER_ORDER = 4,
	COURIER_VERDICT = 5,
	COURIER_LOOK = 6,
	COURIER_STAMP = 7,
	COURIER_ASK = 17,
	COURIER_ANSWER = 18,
	COURIER_SHOWN = 19,
	COURIER_STAMPED = 20,
};

/* What became of a request. */
enum courier_fate {
	COURIER_ANSWERED = 0,    /* with `status` */
	COURIER_UNREACHABLE = 1, /* no name, or no connection */
	COURIER_TIMEOUT = 2,     /* nothing whole within the patience */
	COURIER_TOO_LONG = 3,    /* more than COURIER_BODY_MAX */
	COURIER_BAD_URL = 4,     /* not one that this courier can use */
	COURIER_BROKEN = 5,      /* it hung up before the end, or spoke no HTTP */
	COURIER_UNTRUSTED = 6,   /* its certificate is not for that name by a CA that is trusted */
	COURIER_NO_CA = 7,       /* https is wanted, and there is no CA to trust */
};

enum {
	COURIER_BODY_MAX = 16384, /* of an answer; cosignatures of 64 witnesses take less */
	COURIER_NOTE_MAX = 512,   /* a log's own note */
	COURIER_URL_MAX = 512,    /* a URL, or a path */
	COURIER_WORD_MAX = 20480, /* bytes of the longest word, with room */
	COURIER_WITNESSES = 64,
};

/* `old` of an ASK: what the witness holds is not known. `held` of an ANSWER: it did not say. */
#define COURIER_UNKNOWN UINT64_MAX

/* One word of either side. Fields that its kind has not are 0; spans view what was decoded. */
struct courier_word {
	enum courier_kind kind;
	uint8_t witness;
	bool good;              /* VERDICT */
	enum courier_fate fate; /* ANSWER, SHOWN, STAMPED */
	uint16_t status;        /* of HTTP, when fate is ANSWERED */
	uint32_t patience_ms;   /* SET: a request takes so long at the most */
	uint32_t pause_min_ms;  /* SET: after a failure, doubled with each that follows */
	uint32_t pause_max_ms;  /* SET */
	uint64_t round;
	uint64_t old;            /* ASK, ORDER: the size that the witness holds */
	uint64_t size;           /* ORDER: of the note */
	uint64_t held;           /* ANSWER: the size that a 409 said */
	struct tree_proof proof; /* ORDER: from `old` to `size` */
	struct span url;         /* WITNESS, STAMP; LOOK: the path */
	struct span text;        /* ORDER: the note; ANSWER, SHOWN, STAMPED: the body; STAMP */
};

/* Append the word. What it holds must keep the bounds above. */
void courier_put(struct buf *out, const struct courier_word *word);
/* TRAIL_INVALID: not a word of this layout, of whichever side. */
enum trail_err courier_take(struct span in, struct courier_word *word);
/* Whether it is one of the courier's, else one of traild's. */
static inline bool courier_kind_up(enum courier_kind kind)
{
	return kind >= COURIER_ASK;
}

#endif
