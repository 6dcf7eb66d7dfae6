/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <confuse.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHY_LEN = 512
};

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

enum kind {
	KIND_BYTES, /* a number, optionally with K, M, G or T */
	KIND_NUMBER,
	KIND_FLAG,  /* true or false */
	KIND_START, /* enum witness_start: run or wait */
	KIND_PATH,  /* absolute, or empty */
	KIND_TEXT,
};

/* The settings. A path's or text's maximum is its length; it has no minimum and no default. */
static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min;
	uint64_t max;
	uint64_t value;
} ROWS[] = {
	{ "map_size", KIND_BYTES, offsetof(struct settings, map_size), 16 * MIB, 64 * TIB, TIB },
	{ "reserve", KIND_BYTES, offsetof(struct settings, reserve), MIB, TIB, 256 * MIB },
	{ "queue_bytes", KIND_BYTES, offsetof(struct settings, queue_bytes), 16 * MIB, 4 * GIB,
		32 * MIB },
	{ "connections", KIND_NUMBER, offsetof(struct settings, connections), 16, 65536, 4096 },
	{ "peer_connections", KIND_NUMBER, offsetof(struct settings, peer_connections), 0, 65536,
		0 },
	{ "peer_bytes", KIND_BYTES, offsetof(struct settings, peer_bytes), 0, 4 * GIB, 0 },
	{ "peer_rate", KIND_NUMBER, offsetof(struct settings, peer_rate), 0, 1000000, 0 },
	{ "unread_bytes", KIND_BYTES, offsetof(struct settings, unread_bytes), 64 * KIB, 64 * MIB,
		MIB },
	{ "hello_time", KIND_NUMBER, offsetof(struct settings, hello_time), 1, 3600, 10 },
	{ "frame_time", KIND_NUMBER, offsetof(struct settings, frame_time), 1, 3600, 30 },
	{ "unread_time", KIND_NUMBER, offsetof(struct settings, unread_time), 1, 3600, 30 },
	{ "idle_time", KIND_NUMBER, offsetof(struct settings, idle_time), 0, 31536000, 172800 },
	{ "readers", KIND_NUMBER, offsetof(struct settings, readers), 1, 16, 2 },
	{ "index", KIND_FLAG, offsetof(struct settings, index), 0, 1, 1 },
	{ "index_run", KIND_NUMBER, offsetof(struct settings, index_run), 1, 32768, 4096 },
	{ "seal_height", KIND_NUMBER, offsetof(struct settings, seal_height), 4, 20, 16 },
	{ "seal_epoch", KIND_NUMBER, offsetof(struct settings, seal_epoch), 1, 31536000, 3600 },
	{ "allow_cow", KIND_FLAG, offsetof(struct settings, allow_cow), 0, 1, 0 },
	{ "witness_interval", KIND_NUMBER, offsetof(struct settings, witness_interval), 10, 3600000,
		2000 },
	{ "witness_timeout", KIND_NUMBER, offsetof(struct settings, witness_timeout), 10, 600000,
		10000 },
	{ "witness_refresh", KIND_NUMBER, offsetof(struct settings, witness_refresh), 1, 31536000,
		3600 },
	{ "witness_start", KIND_START, offsetof(struct settings, witness_start), 0, 1,
		WITNESS_START_RUN },
	{ "witness_start_time", KIND_NUMBER, offsetof(struct settings, witness_start_time), 0, 3600,
		60 },
	{ "policy", KIND_PATH, offsetof(struct settings, policy), 0, SETTING_PATH_MAX - 1, 0 },
	{ "timestamp", KIND_TEXT, offsetof(struct settings, timestamp), 0, SETTING_URL_MAX - 1, 0 },
	{ "witness_ca", KIND_PATH, offsetof(struct settings, witness_ca), 0, SETTING_PATH_MAX - 1,
		0 },
	{ "courier", KIND_PATH, offsetof(struct settings, courier), 0, SETTING_PATH_MAX - 1, 0 },
	{ "signer", KIND_PATH, offsetof(struct settings, signer), 0, SETTING_PATH_MAX - 1, 0 },
	{ "signer_socket", KIND_PATH, offsetof(struct settings, signer_socket), 0,
		SETTING_SOCKET_MAX - 1, 0 },
	{ "origin", KIND_TEXT, offsetof(struct settings, origin), 0, SETTING_ORIGIN_MAX - 1, 0 },
};

enum {
	ROW_COUNT = sizeof ROWS / sizeof ROWS[0]
};

/* libconfuse's callbacks carry no context; settings are read once, by one thread. */
static struct {
	struct settings *settings;
	char *why;
} reading;

void settings_default(struct settings *settings)
{
	memset(settings, 0, sizeof *settings);
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (ROWS[i].kind != KIND_PATH && ROWS[i].kind != KIND_TEXT)
			*(uint64_t *)(void *)((char *)settings + ROWS[i].offset) = ROWS[i].value;
}

/* Decimal digits, and for bytes one of K M G T (powers of 1024). */
static bool number_take(const char *text, enum kind kind, uint64_t *out)
{
	static const char units[] = "KMGT";
	if (!isdigit((unsigned char)text[0]))
		return false;
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno)
		return false;
	unsigned shift = 0;
	const char *unit = *end ? strchr(units, *end) : NULL;
	if (unit && kind == KIND_BYTES) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end || n > UINT64_MAX >> shift)
		return false;
	*out = (uint64_t)n << shift;
	return true;
}

static void say_bytes(uint64_t n, enum kind kind, char *out, size_t len)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;
	while (kind == KIND_BYTES && n >= KIB && n % KIB == 0 && unit < 4) {
		n /= KIB;
		unit++;
	}
	if (unit)
		(void)snprintf(out, len, "%" PRIu64 "%c", n, units[unit - 1]);
	else
		(void)snprintf(out, len, "%" PRIu64, n);
}

static void say_range(const struct row *row, char *out, size_t len)
{
	char min[24];
	char max[24];
	say_bytes(row->min, row->kind, min, sizeof min);
	say_bytes(row->max, row->kind, max, sizeof max);
	(void)snprintf(out, len, "a number from %s to %s", min, max);
}

/* False: `expected` says what it should have been. */
static bool take_value(
	const struct row *row, const char *text, void *out, char *expected, size_t len)
{
	uint64_t n = 0;
	switch (row->kind) {
	case KIND_PATH:
	case KIND_TEXT:
		(void)snprintf(expected, len, "%s of at most %" PRIu64 " bytes",
			row->kind == KIND_PATH ? "an absolute path" : "a text", row->max);
		if (strlen(text) > row->max ||
			(row->kind == KIND_PATH && text[0] && text[0] != '/'))
			return false;
		memcpy(out, text, strlen(text) + 1);
		return true;
	case KIND_FLAG:
		(void)snprintf(expected, len, "true or false");
		n = strcmp(text, "true") == 0;
		if (!n && strcmp(text, "false") != 0)
			return false;
		break;
	case KIND_START:
		(void)snprintf(expected, len, "run or wait");
		n = strcmp(text, "wait") == 0 ? WITNESS_START_WAIT : WITNESS_START_RUN;
		if (n == WITNESS_START_RUN && strcmp(text, "run") != 0)
			return false;
		break;
	case KIND_BYTES:
	case KIND_NUMBER:
		say_range(row, expected, len);
		if (!number_take(text, row->kind, &n) || n < row->min || n > row->max)
			return false;
		break;
	}
	*(uint64_t *)out = n;
	return true;
}

__attribute__((format(printf, 2, 0))) static void on_error(
	cfg_t *cfg, const char *format, va_list ap)
{
	char *why = reading.why;
	if (why[0])
		return; /* the first is the cause */
	int n = snprintf(why, WHY_LEN, "%s:%d: ", cfg->filename ? cfg->filename : "", cfg->line);
	if (n > 0 && n < WHY_LEN)
		(void)vsnprintf(why + n, (size_t)(WHY_LEN - n), format, ap);
}

/* Called for each setting as it is read, while libconfuse still knows the line. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	char expected[96];
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(ROWS[i].name, opt->name) != 0)
			continue;
		void *out = (char *)reading.settings + ROWS[i].offset;
		if (take_value(&ROWS[i], text ? text : "", out, expected, sizeof expected))
			return 0;
		cfg_error(cfg, "%s is \"%.64s\": it must be %s", opt->name, text ? text : "",
			expected);
		return -1;
	}
	return 0;
}

static cfg_t *open_table(cfg_opt_t opts[ROW_COUNT + 1])
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		cfg_opt_t opt = CFG_STR(ROWS[i].name, NULL, CFGF_NODEFAULT);
		memcpy(&opts[i], &opt, sizeof opt);
	}
	cfg_opt_t end = CFG_END();
	memcpy(&opts[ROW_COUNT], &end, sizeof end);
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return NULL;
	(void)cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < ROW_COUNT; i++)
		(void)cfg_set_validate_func(cfg, ROWS[i].name, on_value);
	return cfg;
}

enum trail_err settings_read(const char *path, struct settings *settings, char why[WHY_LEN])
{
	cfg_opt_t opts[ROW_COUNT + 1];
	settings_default(settings);
	why[0] = '\0';
	reading.settings = settings;
	reading.why = why;
	cfg_t *cfg = open_table(opts);
	if (!cfg)
		return TRAIL_NOMEM;
	int parsed = cfg_parse(cfg, path);
	enum trail_err err = TRAIL_OK;
	if (parsed == CFG_FILE_ERROR) {
		(void)snprintf(why, WHY_LEN, "%s: cannot be read: %s", path, strerror(errno));
		err = TRAIL_IO;
	} else if (parsed != CFG_SUCCESS) {
		if (!why[0])
			(void)snprintf(why, WHY_LEN, "%s: is no configuration", path);
		err = TRAIL_INVALID;
	}
	(void)cfg_free(cfg);
	return err;
}
