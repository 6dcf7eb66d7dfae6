/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, responses and payloads as plain values: what proto/codec makes of bytes and bytes of.
 * Every span is a view: into the frame's arena after decoding, into the caller's memory before
 * encoding. Field meanings: proto/trail.proto, which has the same names.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "checkpoint.h"
#include "event.h"
#include "record.h"
#include "tree.h"

enum {
	PROTOCOL_VERSION = 1,
	GENESIS_FORMAT = 1, /* of a log, as its record 0 says */
	CLAIMS_MAX = 64,
	SEAL_HEIGHT_MIN = 4, /* FORMATS.md section 1 */
	SEAL_HEIGHT_MAX = 20,
	APPEND_EVENTS_MAX = 1000,
	RECORD_PAGE_MAX = 2330, /* 112-byte records in 256 KiB, with room for a checkpoint */
	COUNTS_MAX = 4096,      /* keys of one page of a report */
	ROWS_MAX = 1000,        /* of one page, and SOURCE and PEER entries that they name */
	CURSOR_MAX = 64,        /* bytes of a page's `next` */
	WITNESSES_MAX = 64,     /* of a policy, and so of a status */
	ACK_WAIT_MS_MAX = 600000,
	QUERY_MAX = 4096, /* bytes of a query: an attribute of the event that tells it */
	FOLLOW_MS_MAX = 60000,
};

/* The oneof's field number in Request. */
enum request_kind {
	REQUEST_NONE = 0,
	REQUEST_HELLO = 2,
	REQUEST_APPEND = 3,
	REQUEST_CLOSE = 4,
	REQUEST_KEEPALIVE = 5,
	REQUEST_GET = 6,
	REQUEST_RECORDS = 7,
	REQUEST_CHECKPOINT = 8,
	REQUEST_PROVE = 9,
	REQUEST_STATUS = 10,
	REQUEST_SEARCH = 11,
	REQUEST_HISTORY = 12,
	REQUEST_SOURCES = 13,
	REQUEST_CONTROLS = 14,
	REQUEST_REPORT = 15,
	REQUEST_INDEX_CHECK = 16,
};

struct claim {
	struct span source;
	uint64_t epoch;
};

struct hello {
	uint32_t protocol;
	struct span checkpoint;
	const struct claim *claims; /* at most CLAIMS_MAX, as are the answer's standings */
	size_t claim_count;
};

enum ack {
	ACK_DURABLE = 0,
	ACK_WITNESSED = 1,
};

struct append {
	struct span source;
	uint64_t epoch;
	uint64_t first_seq;
	uint64_t lost;
	uint64_t made;
	const struct span *events;
	size_t event_count;
	bool want_salts;
	bool want_proof;
	enum ack ack;
	uint32_t wait_ms;
};

/* Close uses `last`, Keepalive `made`. */
struct epoch_word {
	struct span source;
	uint64_t epoch;
	uint64_t last;
	uint64_t made;
};

struct records_wanted {
	uint64_t first;
	uint64_t limit;
	struct span next;
};

struct paging {
	uint64_t from;
	int64_t since_ns;
	int64_t until_ns;
	bool newest_first;
	uint32_t limit;
	bool count;
	uint64_t size;
	uint32_t follow_ms;
	bool scan;
	struct span next;
};

/* What a report counts by; message.h follows trail.proto, and <trail.h> both. */
enum report_group {
	GROUP_UNSPECIFIED = 0,
	GROUP_ACTOR = 1,
	GROUP_OBJECT = 2,
	GROUP_SUBJECT = 3,
	GROUP_ACTION = 4,
	GROUP_OUTCOME = 5,
	GROUP_SOURCE = 6,
	GROUP_PEER = 7,
	GROUP_UNIT = 8,
	GROUP_TYPE = 9,
	GROUP_VERB = 10,
	GROUP_CLASS = 11,
	GROUP_PURPOSE = 12,
	GROUP_CORRELATION = 13,
	GROUP_MEDIUM = 14,
	GROUP_HOST = 15,
	GROUP_TIME = 16,
};

enum {
	GROUP_TIME_LEN = 8 /* of a key */
};

/* Search, History, Get, Report: what shows payloads, and therefore goes on record. */
struct question {
	struct span text;     /* Search: the query. History: the object's id */
	uint64_t index;       /* Get: the first record, */
	uint64_t count;       /*      and how many; 0: one */
	bool want_genesis;    /*      record 0 as well */
	enum report_group by; /* Report, whose text is a query */
	uint64_t bucket_ns;
	struct span after;
	struct paging paging;
};

struct sources_wanted {
	uint64_t size;
	struct span next;
};

struct checkpoint_wanted {
	bool sealed;
	uint64_t above;
};

struct controls_wanted {
	uint64_t from;
	uint32_t kind; /* 0: any */
	bool newest_first;
	uint32_t limit;
	uint64_t size;
	struct span next;
};

struct index_check_wanted {
	bool start;
	uint64_t job;
};

struct prove {
	bool consistency; /* from `from`; else inclusion of `index` */
	uint64_t index;
	uint64_t from;
	uint64_t size;
};

struct request {
	uint64_t id;
	enum request_kind kind; /* REQUEST_NONE: a body this program does not know */
	union {
		struct hello hello;
		struct append append;
		struct epoch_word word;   /* Close, Keepalive */
		struct question question; /* Search, History, Get, Report */
		struct records_wanted records;
		struct sources_wanted sources;
		struct prove prove;
		struct checkpoint_wanted checkpoint;
		struct controls_wanted controls;
		struct index_check_wanted index_check;
	};
};

/* The oneof's field number in Response. */
enum response_kind {
	RESPONSE_NONE = 0,
	RESPONSE_ERROR = 2,
	RESPONSE_HELLO = 3,
	RESPONSE_APPENDED = 4,
	RESPONSE_CLOSED = 5,
	RESPONSE_KEPT = 6,
	RESPONSE_RECORDS = 8,
	RESPONSE_CHECKPOINT = 9,
	RESPONSE_PROOF = 10,
	RESPONSE_STATUS = 11,
	RESPONSE_ROWS = 12,
	RESPONSE_SOURCES = 13,
	RESPONSE_INDEX_CHECK = 14,
};

struct failure {
	enum trail_err code; /* one of the wire's ten, TRAIL_INVALID .. TRAIL_UNSUPPORTED */
	struct span sentence;
	uint32_t index;
	struct span field;
	uint64_t expected;
	uint32_t retry_ms;
};

struct standing {
	bool known;
	uint64_t last;
	uint64_t floor;
	uint64_t source;
};

struct hello_answer {
	uint32_t protocol;
	struct span identity;
	struct span checkpoint;
	struct tree_proof consistency;
	const struct standing *standings;
	size_t standing_count;
	uint32_t event_field_highest;
	uint32_t frame_max;
	uint32_t events_max;
};

struct run {
	uint64_t first_index;
	uint32_t count; /* 1 to APPEND_EVENTS_MAX */
	uint64_t first_seq;
	uint64_t received_ns;
	uint64_t source;
	uint64_t peer;
	struct hash prev;
	const uint32_t *classes; /* NULL: all 0; else `count` */
	const uint32_t *flags;   /* NULL: all 0; else `count` */
	struct span salts;       /* empty, or count * SALT_LEN */
	struct tree_proof path;  /* count 0: not asked for */
	bool duplicate;
	struct span records; /* empty, or count * RECORD_LEN */
};

struct appended {
	struct run *runs;
	size_t run_count;
	struct span checkpoint;
	uint32_t unchecked;
};

enum peer_type {
	PEER_UNSPECIFIED = 0,
	PEER_UNIX_USER = 1,
	PEER_CERTIFICATE = 2,
};

/* A record with what it commits to; message Evidence.Item. */
struct evidence_item {
	uint64_t index;
	struct span record; /* RECORD_LEN */
	struct span salt;   /* empty, or SALT_LEN */
	struct span payload;
	const struct hash *path;
	size_t path_count; /* 0 to TREE_PATH_MAX */
};

enum search_method {
	METHOD_UNSPECIFIED = 0,
	METHOD_SCAN = 1,
	METHOD_INDEX = 2,
};

struct completeness {
	enum search_method method;
	uint32_t sources;
	uint32_t current;
	uint64_t gaps;
	uint64_t witnessed;
};

struct count {
	struct span key;
	uint64_t count;
};

struct rows {
	const struct count *counts; /* of a report, at most COUNTS_MAX */
	size_t count_count;
	const struct evidence_item *rows; /* at most ROWS_MAX */
	size_t row_count;
	const struct evidence_item *named; /* at most ROWS_MAX */
	size_t named_count;
	struct span checkpoint;
	uint64_t read;
	uint64_t matched;
	uint64_t position;
	struct span next;
	bool done;
	struct completeness completeness; /* METHOD_UNSPECIFIED: not on this page */
};

struct source_state {
	struct evidence_item entry;
	uint64_t heard_ns;
	uint64_t newest;
	uint32_t open;
	uint32_t imports;
	uint32_t open_ends;
	uint64_t lost;
	uint64_t missing;
};

struct sources_answer {
	const struct source_state *states; /* at most ROWS_MAX */
	size_t count;
	struct span checkpoint;
	struct span next;
	bool done;
};

struct record_page {
	uint64_t first;
	struct span records; /* RECORD_LEN each, at most RECORD_PAGE_MAX */
	struct span next;
	bool done;
	struct span checkpoint;
};

struct checkpoint_answer {
	struct span checkpoint;
	struct span identity;
	struct span seal;
	struct span stamp;
	struct span cosigned;
};

struct proof_answer {
	struct tree_proof path;
	uint64_t size;
	struct span leaf; /* empty, or HASH_LEN */
	struct span checkpoint;
};

enum {
	STATUS_BUCKETS_MAX = 32
};

/* Times sorted by length; count 0: not there. */
struct status_times {
	size_t count;                           /* buckets */
	uint64_t upto_ns[STATUS_BUCKETS_MAX];   /* inclusive; 0: the last, without a bound */
	uint64_t in_bucket[STATUS_BUCKETS_MAX]; /* not cumulated */
	uint64_t sum_ns;
};

/* Numbers by enum trail_status_number, beside those with a field of their own. */
struct status_figures {
	uint64_t known; /* a bit each */
	uint64_t values[TRAIL_STATUS_COUNT];
};

_Static_assert(TRAIL_STATUS_COUNT <= 64, "a bit each");

static inline void status_figure_set(
	struct status_figures *figures, enum trail_status_number number, uint64_t value)
{
	figures->known |= UINT64_C(1) << number;
	figures->values[number] = value;
}

enum witness_what {
	WITNESS_SILENT = 0,
	WITNESS_COSIGNS = 1,
	WITNESS_AWAY = 2,
	WITNESS_LIES = 3,
	WITNESS_FORK = 4,
};

struct witness_state {
	struct span name;
	enum witness_what state;
	uint64_t size;
	uint64_t cosigned_s;
};

struct status_answer {
	struct span version;
	struct span origin;
	struct span checkpoint;
	uint64_t started_ns;
	uint64_t size;
	uint64_t events;
	uint64_t commits;
	uint64_t refusals;
	uint32_t connections;
	uint64_t queue_bytes;
	uint64_t free_bytes;
	uint64_t store_bytes;
	uint32_t open_epochs;
	uint32_t pending_gaps;
	uint32_t sources;
	bool full;
	struct status_figures figures;
	struct status_times times[TRAIL_TIMES_COUNT];
	const struct witness_state *witnesses; /* at most WITNESSES_MAX */
	size_t witness_count;
};

enum {
	DIFFERENCES_MAX = 64,
	DIFFERENCE_FIELD_MAX = 16,
};

enum difference_what {
	DIFFERENCE_DROPPED = 1,
	DIFFERENCE_ADDED = 2,
	DIFFERENCE_DAMAGED = 3,
	DIFFERENCE_UNJUDGED = 4,
};

struct index_difference {
	enum difference_what what;
	struct span field; /* at most DIFFERENCE_FIELD_MAX; empty: of no term */
	uint64_t index;
};

struct index_check_answer {
	uint64_t job; /* 0: there is no index */
	bool ended, failed;
	uint64_t done, all;
	uint64_t indexed;
	uint32_t files;
	uint32_t found;
	const struct index_difference *differences; /* at most DIFFERENCES_MAX */
	size_t difference_count;
};

struct response {
	uint64_t id;
	enum response_kind kind;
	union {
		struct failure error;
		struct hello_answer hello;
		struct appended appended;
		uint64_t last; /* Kept */
		struct record_page records;
		struct checkpoint_answer checkpoint;
		struct proof_answer proof;
		struct status_answer status;
		struct rows rows;
		struct sources_answer sources;
		struct index_check_answer index_check;
	};
};

/* ---- payloads of control entries ---- */

struct genesis {
	uint32_t format;
	struct span origin;
	struct span vkey;
	struct hash seal_root;
	uint32_t seal_height;
	uint64_t seal_max_ns;
	uint8_t random[32];
	struct span predecessor;
	struct span predecessor_note;
	struct span reason;
};

/* Kind 6; FORMATS.md section 6. What it must hold is judged by proto/seal.h. */
struct seal {
	struct span text;
	struct span key;
	struct span path;
	struct span sig;
	struct span cosigned;
};

struct peer_name {
	enum peer_type type;
	struct span name;
};

/* What stands before a peer's name and a colon, where it is shown or asked for. */
static inline const char *peer_type_word(enum peer_type type)
{
	return type == PEER_UNIX_USER      ? "unix"
		: type == PEER_CERTIFICATE ? "certificate"
					   : "unknown";
}

enum daemon_what {
	DAEMON_START = 1,
	DAEMON_STOP = 2,
	DAEMON_CLOCK = 3,
	DAEMON_LOSS = 4,
	DAEMON_DISK = 5,
	DAEMON_CLOSED = 6,
	DAEMON_FORK = 7,
};

enum loss_cause {
	LOSS_SILENT = 1,
	LOSS_PUSHED = 2,
};

struct daemon_entry {
	enum daemon_what what;
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t source;
	uint64_t epoch;
	uint64_t last;
	enum loss_cause cause;
	uint64_t free_bytes;
	bool resumed;
	uint64_t made;
	uint32_t witness;
	uint64_t size;
	uint32_t status;
};

/* ---- the event as a value, for those who write or show one; ids are views ---- */

struct change {
	struct span field;
	struct span old_value;
	struct span new_value;
};

struct attribute {
	struct span key;
	struct span value;
};

struct event_value {
	struct span id;
	int64_t time_ns;
	uint32_t action;
	struct span verb;
	uint32_t outcome;
	struct span reason;
	struct {
		struct span id;
		uint32_t type;
		struct span name, role, unit, session, address, on_behalf_of;
	} actor;
	struct {
		struct span id, type, name, version;
	} object;
	struct span subject;
	struct span purpose;
	uint32_t medium;
	struct {
		struct span host, application, process, address;
	} origin;
	const struct change *changes;
	size_t change_count;
	struct span correlation;
	const struct attribute *attributes;
	size_t attribute_count;
	struct span raw;
};

#endif
