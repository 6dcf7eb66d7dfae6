/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traild and its signer say to each other over one SOCK_SEQPACKET pair: one message, one
 * answer, fixed layouts, big-endian. Either side treats the other's bytes as hostile.
 *
 *   question   u8 kind | body
 *     1 WAKE   u8 want_new | u8 seal_height | u8 origin length | origin
 *              want_new = 1: make a log key, seeds and seal tree in the *empty* state folder
 *     2 SIGN   u64 size | root[32] | u8 count | count x hash[32]   consistency proof from the head
 *   answer     u8 status | body
 *     0 OK     WAKE: u64 head size | u8 seal_height | seal_root[32] | u16 vkey length | vkey
 *                    | u16 note length | head note
 *              SIGN: u16 note length | note
 *     1 REFUSED, 2 FAILED   a sentence (UTF-8, <= 512 bytes): what was wrong and what to do
 *
 * REFUSED says no (does not extend, foreign origin, missing or doubly damaged state): exit 5 for
 * traild. FAILED could not (I/O, permissions): exit 3. Both end the signer's service.
 */
#ifndef SIGNER_TALK_H
#define SIGNER_TALK_H

enum {
	TALK_WAKE = 1,
	TALK_SIGN = 2,
	TALK_OK = 0,
	TALK_REFUSED = 1,
	TALK_FAILED = 2,
	TALK_LEN_MAX = 4096,
	TALK_SENTENCE_MAX = 512,
};

#endif
