/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_file.h"

#include "small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WHY_LEN = 512
};

bool policy_file_url(const char *url)
{
	return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

static enum trail_err judge_addresses(
	const char *path, const struct policy *policy, char why[WHY_LEN])
{
	for (size_t i = 0; i < policy->witnesses; i++) {
		if (policy_file_url(policy->witness[i].url))
			continue;
		(void)snprintf(why, WHY_LEN,
			"%.256s: witness %zu has no URL that begins with http:// or https://: "
			"traild "
			"cannot show it the log",
			path, i + 1);
		return TRAIL_INVALID;
	}
	return TRAIL_OK;
}

static enum trail_err parse(
	const char *path, struct span text, struct policy *policy, char why[WHY_LEN])
{
	struct policy_fault fault;
	if (policy_parse(text, policy, &fault) == TRAIL_OK)
		return judge_addresses(path, policy, why);
	if (fault.line != 0)
		(void)snprintf(why, WHY_LEN, "%.256s:%u: %s", path, fault.line, fault.what);
	else
		(void)snprintf(why, WHY_LEN, "%.256s: %s", path, fault.what);
	return TRAIL_INVALID;
}

static enum trail_err read_text(const char *path, struct buf *text, char why[WHY_LEN])
{
	if (!buf_reserve(text, POLICY_LEN_MAX)) {
		(void)snprintf(why, WHY_LEN, "memory is out");
		return TRAIL_NOMEM;
	}
	enum trail_err err = small_file_read(
		AT_FDCWD, path, SMALL_FILE_GIVEN, text->data, POLICY_LEN_MAX, &text->len);
	if (!err)
		return TRAIL_OK;
	if (err == TRAIL_TOO_BIG)
		(void)snprintf(why, WHY_LEN, "%.256s: the policy is longer than %d KiB", path,
			POLICY_LEN_MAX / 1024);
	else
		(void)snprintf(why, WHY_LEN, "%.256s: cannot be read: %s", path, strerror(errno));
	return TRAIL_INVALID;
}

enum trail_err policy_file_read(const char *path, struct policy **out, char why[WHY_LEN])
{
	struct buf text = { 0 };
	*out = NULL;
	struct policy *policy = malloc(sizeof *policy);
	enum trail_err err = read_text(path, &text, why);
	if (!err && !policy) {
		(void)snprintf(why, WHY_LEN, "memory is out");
		err = TRAIL_NOMEM;
	}
	if (!err)
		err = parse(path, buf_view(&text), policy, why);
	buf_release(&text);
	if (err)
		free(policy);
	else
		*out = policy;
	return err;
}
