/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: one table of names, kinds, ranges and defaults (config.c), read from a file. The only
 * door to libconfuse. Each setting is documented in traild(8) and traild.conf.example.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "../proto/err.h"

#include <stdint.h>

enum {
	SETTING_PATH_MAX = 4096,
	SETTING_SOCKET_MAX = 108, /* sun_path's */
	SETTING_ORIGIN_MAX = 101, /* a key name and NUL */
	SETTING_URL_MAX = 513,
};

/* What a start without a quorum of witnesses does when its time is over. */
enum witness_start {
	WITNESS_START_RUN, /* goes on unconfirmed */
	WITNESS_START_WAIT,
};

struct settings {
	uint64_t map_size;         /* bytes of address space for the store */
	uint64_t reserve;          /* bytes of disk and map below which Appends get FULL */
	uint64_t queue_bytes;      /* of requests under way, all peers together */
	uint64_t connections;      /* at once, all peers together */
	uint64_t peer_connections; /* of one peer; 0: half of connections */
	uint64_t peer_bytes;       /* of one peer; 0: half of queue_bytes */
	uint64_t peer_rate;        /* requests per second of one peer; 0: no bound */
	uint64_t unread_bytes;     /* of answers, per connection */
	uint64_t hello_time;       /* seconds, as all of these; see session.h */
	uint64_t frame_time;
	uint64_t unread_time;
	uint64_t idle_time;        /* 0: never */
	uint64_t readers;          /* threads */
	uint64_t index;            /* 0: none is made, searches read the log itself */
	uint64_t index_run;        /* records behind the index from which on it grows */
	uint64_t witness_interval; /* milliseconds, as the next */
	uint64_t witness_timeout;
	uint64_t witness_refresh; /* seconds, as the next */
	uint64_t witness_start_time;
	uint64_t witness_start; /* enum witness_start */
	uint64_t seal_height;   /* of a new log's seal tree; fixed at genesis */
	uint64_t seal_epoch;    /* seconds between two seals; of a new log, half of its seal_max */
	uint64_t allow_cow;     /* 1: the signer may work on a file system that copies on write */
	char signer[SETTING_PATH_MAX];          /* program; "": beside traild's own */
	char signer_socket[SETTING_SOCKET_MAX]; /* of a signer that is a unit; "": a child */
	char origin[SETTING_ORIGIN_MAX];        /* "": not said */
	char policy[SETTING_PATH_MAX];          /* of witnesses; "": there are none */
	char courier[SETTING_PATH_MAX];         /* program; "": beside traild's own */
	char timestamp[SETTING_URL_MAX];        /* of a time stamp authority; "": there is none */
	char witness_ca[SETTING_PATH_MAX];      /* certificates; "": those of the system */
};

/* All defaults. */
void settings_default(struct settings *settings);
/*
 * Defaults, then what the file says.
 * TRAIL_INVALID: not a configuration, an unknown setting, a value out of range; TRAIL_IO: cannot be
 * read; TRAIL_NOMEM. Then why[512] has a sentence with file and line.
 */
enum trail_err settings_read(const char *path, struct settings *settings, char why[512]);

#endif
