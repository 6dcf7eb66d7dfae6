/* SPDX-License-Identifier: Apache-2.0 */
#include "segment.h"

#include <inttypes.h>
#include <stdio.h>

const char SEGMENT_MAGIC[8] = "segment";

void segment_name(uint64_t serial, char name[SEGMENT_NAME_MAX])
{
	(void)snprintf(name, SEGMENT_NAME_MAX, "%016" PRIx64 ".seg", serial);
}

uint32_t segment_seconds(int64_t time_ns)
{
	int64_t s = time_ns / 1000000000 - (time_ns % 1000000000 < 0);
	if (s < 0)
		return 0;
	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

void segment_sum_encode(const struct segment_sum *sum, uint8_t out[SEGMENT_FOOTER_LEN])
{
	memcpy(out, SEGMENT_MAGIC, sizeof SEGMENT_MAGIC);
	store_be32(out + 8, sum->blocks);
	store_be32(out + 12, sum->root);
	out[16] = sum->height;
	store_be64(out + 17, sum->records);
	store_be64(out + 25, sum->losses);
	store_be64(out + 33, sum->terms);
	store_be64(out + 41, sum->cut);
	store_be32(out + 49, sum->first_s);
	store_be32(out + 53, sum->last_s);
}

bool segment_sum_decode(struct span in, struct segment_sum *sum)
{
	if (in.len != SEGMENT_FOOTER_LEN ||
		memcmp(in.data, SEGMENT_MAGIC, sizeof SEGMENT_MAGIC) != 0)
		return false;
	*sum = (struct segment_sum){
		.blocks = load_be32(in.data + 8),
		.root = load_be32(in.data + 12),
		.height = in.data[16],
		.records = load_be64(in.data + 17),
		.losses = load_be64(in.data + 25),
		.terms = load_be64(in.data + 33),
		.cut = load_be64(in.data + 41),
		.first_s = load_be32(in.data + 49),
		.last_s = load_be32(in.data + 53),
	};
	return sum->height < SEGMENT_HEIGHT_MAX && sum->root < sum->blocks;
}
