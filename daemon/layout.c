/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

const char *const TABLE_NAMES[TABLE_COUNT] = {
	[TABLE_SPINE] = "spine",
	[TABLE_PAYLOAD] = "payload",
	[TABLE_TILE] = "tile",
	[TABLE_SOURCE] = "source",
	[TABLE_CONTROL] = "control",
	[TABLE_HEAD] = "head",
	[TABLE_STAMP] = "stamp",
};

const char STORE_VERSION[] = "trail-store/v1\n";

enum {
	ROW_CHECK_LEN = 8
};

void key_index(uint64_t index, uint8_t out[KEY_INDEX_LEN])
{
	store_be64(out, index);
}

void key_payload(uint32_t class_no, uint64_t first, uint8_t out[KEY_PAYLOAD_LEN])
{
	store_be32(out, class_no);
	store_be64(out + 4, first);
}

void key_tile(uint8_t level, uint64_t n, uint8_t out[KEY_TILE_LEN])
{
	out[0] = level;
	store_be64(out + 1, n);
}

void key_source(uint64_t source, uint64_t epoch, uint8_t out[KEY_SOURCE_LEN])
{
	store_be64(out, source);
	store_be64(out + 8, epoch);
}

static void row_check(struct span key, struct span row, uint8_t out[ROW_CHECK_LEN])
{
	uint8_t joined[KEY_SOURCE_LEN + EPOCH_ROW_LEN];
	struct hash h;
	memcpy(joined, key.data, key.len);
	memcpy(joined + key.len, row.data, row.len);
	hash_bytes(span_of(joined, key.len + row.len), &h);
	memcpy(out, h.b, ROW_CHECK_LEN);
}

void epoch_row_encode(
	uint64_t source, uint64_t epoch, const struct epoch_row *row, uint8_t out[EPOCH_ROW_LEN])
{
	uint8_t key[KEY_SOURCE_LEN];
	key_source(source, epoch, key);
	store_be64(out, row->peer);
	store_be64(out + 8, row->last);
	store_be64(out + 16, row->holes);
	store_be64(out + 24, row->first_index);
	store_be64(out + 32, row->last_index);
	store_be64(out + 40, row->last_ns);
	store_be64(out + 48, row->made);
	store_be32(out + 56, row->state);
	store_be32(out + 60, 0);
	row_check(span_of(key, sizeof key), span_of(out, 64), out + 64);
}

bool epoch_row_decode(uint64_t source, uint64_t epoch, struct span value, struct epoch_row *row)
{
	uint8_t key[KEY_SOURCE_LEN];
	uint8_t check[ROW_CHECK_LEN];
	if (value.len != EPOCH_ROW_LEN)
		return false;
	const uint8_t *p = value.data;
	key_source(source, epoch, key);
	row_check(span_of(key, sizeof key), span_of(p, 64), check);
	if (memcmp(check, p + 64, sizeof check) != 0)
		return false;
	*row = (struct epoch_row){
		.peer = load_be64(p),
		.last = load_be64(p + 8),
		.holes = load_be64(p + 16),
		.first_index = load_be64(p + 24),
		.last_index = load_be64(p + 32),
		.last_ns = load_be64(p + 40),
		.made = load_be64(p + 48),
		.state = load_be32(p + 56),
	};
	return row->state <= EPOCH_CLOSED && load_be32(p + 60) == 0;
}

void floor_row_encode(uint64_t source, uint64_t floor, uint8_t out[FLOOR_ROW_LEN])
{
	uint8_t key[KEY_INDEX_LEN];
	key_index(source, key);
	store_be64(out, floor);
	row_check(span_of(key, sizeof key), span_of(out, 8), out + 8);
}

bool floor_row_decode(uint64_t source, struct span value, uint64_t *floor)
{
	uint8_t row[FLOOR_ROW_LEN];
	if (value.len != FLOOR_ROW_LEN)
		return false;
	floor_row_encode(source, load_be64(value.data), row);
	if (memcmp(row, value.data, sizeof row) != 0)
		return false;
	*floor = load_be64(row);
	return true;
}

bool control_row_decode(struct span value, struct control_row *row)
{
	if (value.len < 1)
		return false;
	row->kind = value.data[0];
	row->salt = NULL;
	row->payload = span_of(NULL, 0);
	if (row->kind == KIND_PEER)
		return value.len == 1;
	if (value.len < 1 + SALT_LEN)
		return false;
	row->salt = value.data + 1;
	row->payload = span_of(value.data + 1 + SALT_LEN, value.len - 1 - SALT_LEN);
	return true;
}

uint32_t month_of(uint64_t received_ns)
{
	/* Civil-from-days in the proleptic Gregorian calendar, eras of 146,097 days (400 years). */
	uint64_t days = received_ns / UINT64_C(86400000000000) + 719468;
	uint64_t day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t march_month = (5 * day_of_year + 2) / 153; /* 0 = March */
	uint64_t months = (days / 146097 * 400 + year_of_era) * 12 + march_month + 2;
	return (uint32_t)(months - UINT64_C(1970) * 12);
}
