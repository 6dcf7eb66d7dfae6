/* SPDX-License-Identifier: Apache-2.0 */
#include "predecessor.h"

json_t *predecessor_json(const struct trail_predecessor *p)
{
	uint64_t size;
	if (!p)
		return json_null();
	json_t *to = json_object();
	bool known = trail_predecessor_size(p, &size);
	(void)json_object_set_new(to, "origin", json_text(trail_predecessor_origin(p)));
	(void)json_object_set_new(to, "identity", json_text(trail_predecessor_identity(p)));
	(void)json_object_set_new(to, "size", known ? json_integer((json_int_t)size) : json_null());
	(void)json_object_set_new(
		to, "root", json_base64(trail_predecessor_root(p), TRAIL_HASH_LEN));
	(void)json_object_set_new(to, "reason", json_text(trail_predecessor_reason(p)));
	return to;
}

void predecessor_print(FILE *to, const struct trail_predecessor *p)
{
	uint64_t size;
	if (!p)
		return;
	(void)fputs("succeeds ", to);
	print_text(to, trail_predecessor_origin(p));
	if (trail_predecessor_size(p, &size))
		(void)fprintf(to, " at size %llu", (unsigned long long)size);
	if (trail_predecessor_reason(p)) {
		(void)fputs(": ", to);
		print_text(to, trail_predecessor_reason(p));
	}
	(void)fputc('\n', to);
}
