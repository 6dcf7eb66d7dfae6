/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traild and its signer say to each other over one SOCK_SEQPACKET pair: one message, one
 * answer, fixed layouts, big-endian. Either side treats the other's bytes as hostile.
 *
 *   question   u8 kind | body
 *     1 WAKE   u8 want_new | u8 seal_height | u64 seal_max_ns | u8 origin length | origin
 *              want_new = 1: make a log key, seeds and seal tree in the *empty* state folder;
 *              seal_max_ns counts then, and for seeds of a version that kept none
 *     2 SIGN   u64 size | root[32] | u8 count | count x hash[32]   consistency proof from the head
 *     3 SEAL   u64 size | u64 time_ns   of the signed head; time_ns will be the record's
 *     4 SEALED record[112] | salt[16] | u16 cosigned length | cosigned
 *              | u8 count | count x hash[32]   the pending SEAL, and that it is in the signed head
 *   answer     u8 status | body
 *     0 OK     WAKE: u64 head size | u8 seal_height | seal_root[32] | u64 seal_max_ns
 *                    | u32 open seal epoch | u16 vkey length | vkey | u16 note length | head note
 *              SIGN: u16 note length | note
 *              SEAL: u16 text length | text | key[32] | u8 height | height x hash[32] | sig[64]
 *              SEALED: u32 open seal epoch
 *     1 REFUSED, 2 FAILED   a sentence (UTF-8, <= 512 bytes): what was wrong and what to do
 *     3 NOT_YET  to SEAL: u64 ns after which it may be asked for again
 *     4 USED_UP  to SEAL: a sentence; there is no key left to seal with
 *
 * REFUSED says no (does not extend, foreign origin, missing or doubly damaged state): exit 5 for
 * traild. FAILED could not (I/O, permissions): exit 3. Both end the signer's service; NOT_YET and
 * USED_UP do not.
 */
#ifndef SIGNER_TALK_H
#define SIGNER_TALK_H

enum {
	TALK_WAKE = 1,
	TALK_SIGN = 2,
	TALK_SEAL = 3,
	TALK_SEALED = 4,
	TALK_OK = 0,
	TALK_REFUSED = 1,
	TALK_FAILED = 2,
	TALK_NOT_YET = 3,
	TALK_USED_UP = 4,
	TALK_LEN_MAX = 8192,
	TALK_SENTENCE_MAX = 512,
};

#endif
