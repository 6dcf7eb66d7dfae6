/* SPDX-License-Identifier: Apache-2.0 */
#include "stamp.h"

#include "hash.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <time.h>

static enum trail_err say(char why[STAMP_WHY_MAX], enum trail_err err, const char *what)
{
	(void)snprintf(why, STAMP_WHY_MAX, "%s", what);
	ERR_clear_error();
	return err;
}

/* ---- the request ---- */

static TS_MSG_IMPRINT *imprint_of(const struct hash *digest)
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t bytes[HASH_LEN];
	memcpy(bytes, digest->b, sizeof bytes);
	bool ok = imprint && algorithm &&
		X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
		TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
		TS_MSG_IMPRINT_set_msg(imprint, bytes, HASH_LEN) == 1;
	X509_ALGOR_free(algorithm);
	if (ok)
		return imprint;
	TS_MSG_IMPRINT_free(imprint);
	return NULL;
}

static ASN1_INTEGER *nonce_of(const uint8_t nonce[STAMP_NONCE_LEN])
{
	BIGNUM *number = BN_bin2bn(nonce, STAMP_NONCE_LEN, NULL);
	ASN1_INTEGER *out = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	BN_free(number);
	return out;
}

static TS_REQ *request_of(const struct hash *digest, const uint8_t nonce[STAMP_NONCE_LEN])
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = imprint_of(digest);
	ASN1_INTEGER *number = nonce_of(nonce);
	bool ok = request && imprint && number && TS_REQ_set_version(request, 1) == 1 &&
		TS_REQ_set_msg_imprint(request, imprint) == 1 &&
		TS_REQ_set_nonce(request, number) == 1 && TS_REQ_set_cert_req(request, 1) == 1;
	TS_MSG_IMPRINT_free(imprint);
	ASN1_INTEGER_free(number);
	if (ok)
		return request;
	TS_REQ_free(request);
	return NULL;
}

bool stamp_request(struct span text, const uint8_t nonce[STAMP_NONCE_LEN], struct buf *out)
{
	struct hash digest;
	unsigned char *der = NULL;
	hash_bytes(text, &digest);
	TS_REQ *request = request_of(&digest, nonce);
	int len = request ? i2d_TS_REQ(request, &der) : -1;
	bool ok = len > 0 && buf_reserve(out, (size_t)len);
	if (ok)
		buf_put(out, der, (size_t)len);
	OPENSSL_free(der);
	TS_REQ_free(request);
	ERR_clear_error();
	return ok;
}

/* ---- the response ---- */

/* NULL: `why` says what it is not. */
static TS_RESP *response_of(struct span der, char why[STAMP_WHY_MAX])
{
	const unsigned char *at = der.data;
	TS_RESP *response = NULL;
	if (der.len != 0 && der.len <= STAMP_LEN_MAX)
		response = d2i_TS_RESP(NULL, &at, (long)der.len);
	if (response && at == der.data + der.len)
		return response;
	TS_RESP_free(response);
	(void)say(why, TRAIL_INVALID, "it is no RFC 3161 response");
	return NULL;
}

/* NULL: it does not say that a stamp was granted. */
static TS_TST_INFO *info_of(TS_RESP *response, char why[STAMP_WHY_MAX])
{
	const TS_STATUS_INFO *status = TS_RESP_get_status_info(response);
	const ASN1_INTEGER *number = status ? TS_STATUS_INFO_get0_status(status) : NULL;
	long value = number ? ASN1_INTEGER_get(number) : -1;
	if (value != TS_STATUS_GRANTED && value != TS_STATUS_GRANTED_WITH_MODS) {
		(void)say(why, TRAIL_INVALID, "the authority granted no stamp");
		return NULL;
	}
	TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	if (!info)
		(void)say(why, TRAIL_INVALID, "it holds no stamp");
	return info;
}

static bool is_of(TS_TST_INFO *info, const struct hash *digest)
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
	X509_ALGOR *algorithm = imprint ? TS_MSG_IMPRINT_get_algo(imprint) : NULL;
	ASN1_OCTET_STRING *bytes = imprint ? TS_MSG_IMPRINT_get_msg(imprint) : NULL;
	const ASN1_OBJECT *name = NULL;
	if (!algorithm || !bytes)
		return false;
	X509_ALGOR_get0(&name, NULL, NULL, algorithm);
	return OBJ_obj2nid(name) == NID_sha256 && ASN1_STRING_length(bytes) == HASH_LEN &&
		memcmp(ASN1_STRING_get0_data(bytes), digest->b, HASH_LEN) == 0;
}

static bool has_nonce(TS_TST_INFO *info, const uint8_t nonce[STAMP_NONCE_LEN])
{
	const ASN1_INTEGER *got = TS_TST_INFO_get_nonce(info);
	ASN1_INTEGER *wanted = nonce_of(nonce);
	bool same = got && wanted && ASN1_INTEGER_cmp(got, wanted) == 0;
	ASN1_INTEGER_free(wanted);
	return same;
}

static bool take_time(TS_TST_INFO *info, struct stamp *out)
{
	struct tm tm;
	const ASN1_GENERALIZEDTIME *when = TS_TST_INFO_get_time(info);
	if (!when || ASN1_TIME_to_tm(when, &tm) != 1)
		return false;
	out->time_s = (int64_t)timegm(&tm);
	return true;
}

/* The subject of the certificate that signed, where it came along. */
static void take_name(TS_RESP *response, struct stamp *out)
{
	PKCS7 *token = TS_RESP_get_token(response);
	STACK_OF(X509) *signers = token ? PKCS7_get0_signers(token, NULL, 0) : NULL;
	BIO *text = BIO_new(BIO_s_mem());
	char *data = NULL;
	out->authority[0] = '\0';
	if (text && sk_X509_num(signers) == 1 &&
		X509_NAME_print_ex(text, X509_get_subject_name(sk_X509_value(signers, 0)), 0,
			XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(text, &data);
		if (len > 0 && len <= STAMP_NAME_MAX) {
			memcpy(out->authority, data, (size_t)len);
			out->authority[len] = '\0';
		}
	}
	sk_X509_free(signers);
	BIO_free(text);
	ERR_clear_error();
}

static enum trail_err read_response(TS_RESP *response, const struct hash *digest,
	const uint8_t *nonce, struct stamp *out, char why[STAMP_WHY_MAX])
{
	struct stamp stamp = { 0 };
	TS_TST_INFO *info = info_of(response, why);
	if (!info)
		return TRAIL_INVALID;
	if (!is_of(info, digest))
		return say(why, TRAIL_INVALID, "it stamps another text");
	if (nonce && !has_nonce(info, nonce))
		return say(why, TRAIL_INVALID, "it answers another request: the nonce differs");
	if (!take_time(info, &stamp))
		return say(why, TRAIL_INVALID, "its time is none");
	take_name(response, &stamp);
	*out = stamp;
	return TRAIL_OK;
}

enum trail_err stamp_read(struct span der, struct span text, const uint8_t nonce[STAMP_NONCE_LEN],
	struct stamp *out, char why[STAMP_WHY_MAX])
{
	struct hash digest;
	TS_RESP *response = response_of(der, why);
	if (!response)
		return TRAIL_INVALID;
	hash_bytes(text, &digest);
	enum trail_err err = read_response(response, &digest, nonce, out, why);
	TS_RESP_free(response);
	return err;
}

/* ---- the signature ---- */

/* The certificates of `pem`, as what chains may end in at `time_s`. NULL: there is none. */
static X509_STORE *store_of(struct span pem, int64_t time_s)
{
	X509_STORE *store = X509_STORE_new();
	BIO *in = pem.len <= STAMP_ANCHORS_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	unsigned count = 0;
	X509 *cert;
	while (store && in && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		count += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	BIO_free(in);
	ERR_clear_error();
	if (count != 0) {
		X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)time_s);
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

static TS_VERIFY_CTX *context_of(X509_STORE *store, const struct hash *digest)
{
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	unsigned char *imprint = OPENSSL_memdup(digest->b, HASH_LEN);
	if (!ctx || !imprint) {
		TS_VERIFY_CTX_free(ctx);
		OPENSSL_free(imprint);
		X509_STORE_free(store);
		return NULL;
	}
	/* Both belong to the context from here on. */
	(void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_IMPRINT);
	(void)TS_VERIFY_CTX_set_imprint(ctx, imprint, HASH_LEN);
	(void)TS_VERIFY_CTX_set_store(ctx, store);
	return ctx;
}

static enum trail_err verify(TS_RESP *response, const struct hash *digest, struct span anchors,
	int64_t time_s, char why[STAMP_WHY_MAX])
{
	X509_STORE *store = store_of(anchors, time_s);
	if (!store)
		return say(why, TRAIL_UNSUPPORTED, "there is no certificate to check it by");
	TS_VERIFY_CTX *ctx = context_of(store, digest);
	if (!ctx)
		return say(why, TRAIL_NOMEM, "memory is out");
	bool fits = TS_RESP_verify_response(ctx, response) == 1;
	const char *reason = fits ? NULL : ERR_reason_error_string(ERR_peek_last_error());
	if (!fits)
		(void)snprintf(why, STAMP_WHY_MAX,
			"it does not verify by the given certificates (%s)",
			reason ? reason : "no reason given");
	TS_VERIFY_CTX_free(ctx);
	ERR_clear_error();
	return fits ? TRAIL_OK : TRAIL_CORRUPT;
}

enum trail_err stamp_check(struct span der, struct span text, struct span anchors,
	struct stamp *out, char why[STAMP_WHY_MAX])
{
	struct hash digest;
	TS_RESP *response = response_of(der, why);
	if (!response)
		return TRAIL_INVALID;
	hash_bytes(text, &digest);
	enum trail_err err = read_response(response, &digest, NULL, out, why);
	if (err == TRAIL_OK)
		err = verify(response, &digest, anchors, out->time_s, why);
	TS_RESP_free(response);
	return err;
}
