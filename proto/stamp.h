/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted time: RFC 3161 time stamps over the text of a checkpoint, and the only door to OpenSSL's
 * time stamps and certificates. A stamp says that the text was there at a time, by the word of an
 * authority that a chain of certificates leads to. Responses are foreign bytes: bounded, and parsed
 * by OpenSSL. Any thread.
 */
#ifndef PROTO_STAMP_H
#define PROTO_STAMP_H

#include "bytes.h"
#include "err.h"

enum {
	STAMP_LEN_MAX = 16384, /* bytes of a response that is worth reading */
	STAMP_NONCE_LEN = 8,
	STAMP_NAME_MAX = 256,
	STAMP_WHY_MAX = 256,
	STAMP_ANCHORS_MAX = 1 << 20, /* bytes of PEM */
};

struct stamp {
	int64_t time_s;                     /* seconds since 1970, by the authority's clock */
	char authority[STAMP_NAME_MAX + 1]; /* its certificate's subject; "": it sent none */
};

/*
 * Append a TimeStampReq (DER): SHA-256 of `text`, the nonce, and that the authority's certificate
 * is to come along. False: out of memory, *out is as it was.
 */
bool stamp_request(struct span text, const uint8_t nonce[STAMP_NONCE_LEN], struct buf *out);

/*
 * What `response` (a TimeStampResp, DER) says of `text`, by its own word: no signature is checked.
 * nonce: that it must repeat; NULL: any.
 * TRAIL_INVALID: malformed, not granted, of another text or nonce; `why` has a clause.
 */
enum trail_err stamp_read(struct span response, struct span text,
	const uint8_t nonce[STAMP_NONCE_LEN], struct stamp *out, char why[STAMP_WHY_MAX]);

/*
 * The same, and that the authority's signature verifies and its certificate, made for time stamps
 * alone, leads to one of `anchors` (certificates, PEM), all valid at the time of the stamp: so it
 * can be checked when they are no more.
 * TRAIL_INVALID: as stamp_read. TRAIL_CORRUPT: it does not verify. TRAIL_UNSUPPORTED: `anchors`
 * holds no certificate. TRAIL_NOMEM. *out is set when it could be read.
 */
enum trail_err stamp_check(struct span response, struct span text, struct span anchors,
	struct stamp *out, char why[STAMP_WHY_MAX]);

#endif
