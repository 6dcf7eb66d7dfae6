/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses of time-stamp authorities. The root certificate is a real one, so what is accepted can
 * only be the stamp that its authority made.
 */
#include "fuzz.h"

#include "../../proto/stamp.h"

#include <string.h>

static const char TEXT[] = "example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";

/* tests/vectors/stamp-anchor */
static const char ANCHOR[] = "-----BEGIN CERTIFICATE-----\n"
			     "MIIBdzCCARygAwIBAgIUR+dFw4avmuf4kXMFtb84M0sO+FIwCgYIKoZIzj0EAwIw\n"
			     "GTEXMBUGA1UEAwwOVGVzdCBUaW1lIFJvb3QwHhcNMjYxMTI2MTc0NDEyWhcNMzYx\n"
			     "MTIzMTc0NDEyWjAZMRcwFQYDVQQDDA5UZXN0IFRpbWUgUm9vdDBZMBMGByqGSM49\n"
			     "AgEGCCqGSM49AwEHA0IABOUMMnTwgs88fVHDUQM4ku6/Sm7FNSoaD0EslANsv7dd\n"
			     "nmkP+RoKEIk+SnRRtJYNKOYgxdYJOhHWGJMP8I6yStCjQjBAMA8GA1UdEwEB/wQF\n"
			     "MAMBAf8wDgYDVR0PAQH/BAQDAgIEMB0GA1UdDgQWBBQKjd7G5HL489NEWECFOd2o\n"
			     "l4Sj2TAKBggqhkjOPQQDAgNJADBGAiEAzUaO8kLIeD7aNZs4kpkGFeuDQfGyi+jo\n"
			     "mICKle27LToCIQCW2U7XX+p61V63AguZv2cH4+YCXBjWEUzdHvh3oV5mBg==\n"
			     "-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	const struct span text = span_of(TEXT, sizeof TEXT - 1);
	struct stamp stamp = { 0 };
	char why[STAMP_WHY_MAX] = "";
	if (stamp_read(in, text, NULL, &stamp, why) == TRAIL_OK)
		fuzz_assert(strlen(stamp.authority) <= STAMP_NAME_MAX);
	else
		fuzz_assert(why[0] != '\0');
	if (stamp_check(in, text, span_of(ANCHOR, sizeof ANCHOR - 1), &stamp, why) == TRAIL_OK)
		fuzz_assert(stamp.time_s == 1795715052);
	/* Certificates come from files that a person names. */
	(void)stamp_check(in, text, in, &stamp, why);
	return 0;
}
