/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of what `trail status` knows: names and units for programs. trail(1) lists every row.
 * A name never changes its meaning or unit within a schema; a new name does not change the schema.
 */
#ifndef CLI_STATUS_FIELDS_H
#define CLI_STATUS_FIELDS_H

#include "../../include/trail.h"

enum {
	STATUS_SCHEMA = 1
};

enum status_unit {
	UNIT_COUNT,   /* as it is; bytes, too */
	UNIT_FLAG,    /* JSON true or false, Prometheus 1 or 0 */
	UNIT_SECONDS, /* the library says ns */
	UNIT_TIME,    /* JSON RFC 3339, Prometheus seconds since 1970; the library says ns */
};

struct status_field {
	enum trail_status_number number;
	enum status_unit unit;
	const char *json;
	const char *prom; /* ends in _total where it only grows; NULL: no metric */
	const char *help; /* of the metric */
};

struct status_refusal {
	enum trail_status_number number;
	const char *code; /* as in trail.proto */
};

struct status_histogram {
	enum trail_status_times times;
	const char *json;
	const char *prom;
	const char *help;
};

enum {
	STATUS_FIELDS = 49,
	STATUS_REFUSALS = 10,
};
extern const struct status_field STATUS_FIELD[STATUS_FIELDS];
extern const struct status_refusal STATUS_REFUSAL[STATUS_REFUSALS];
extern const struct status_histogram STATUS_HISTOGRAM[TRAIL_TIMES_COUNT];

#endif
