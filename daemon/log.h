/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on stderr, the only writer of diagnostics of traild, its signer and its courier: a line is
 * one write(2), so lines of several threads never mix. Each is of a kind that has a stable id and a
 * level (the table in log.c); the manual lists what each means and what to do, so an administrator
 * greps for the id, never for the words. With $JOURNAL_STREAM set (systemd connects stderr to the
 * journal) a line begins with its priority as <N> (sd-daemon(3)), else with the program's name.
 * Never give it a secret, an event's content or a name out of an event: logs are read by people who
 * may not read the log.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

/*
 * What there is to say. To add one: a name here, its row in log.c, its line in
 * tests/lint/messages.txt, its paragraph in traild(8), traild-signer(8) or traild-courier(8).
 */
enum log_id {
	/* traild-courier's own */
	LOG_COURIER_USAGE,
	LOG_COURIER_SYSTEM,
	LOG_COURIER_FENCE,
	LOG_COURIER_TALK,
	LOG_COURIER_CA,
	/* traild's */
	LOG_READY,
	LOG_STOPPING,
	LOG_STOPPED,
	LOG_NO_RELOAD,
	/* what the operator said */
	LOG_BAD_USAGE,
	LOG_BAD_SETTINGS,
	LOG_BAD_ORIGIN,
	LOG_BAD_ADDRESS,
	LOG_COW_ALLOWED,
	/* the folder and the store in it */
	LOG_FOLDER_FAILED,
	LOG_FOLDER_TAKEN,
	LOG_FOLDER_FOREIGN,
	LOG_STORE_FAILED,
	LOG_STORE_DAMAGED,
	LOG_STORE_BEHIND,
	LOG_STORE_OTHER,
	LOG_COMMIT_FAILED,
	LOG_CLIENT_AHEAD,
	LOG_CLIENT_CONTRADICTS,
	/* the signer, as traild sees it */
	LOG_SIGNER_FAILED,
	LOG_SIGNER_REFUSED,
	LOG_SIGNER_GONE,
	/* the machine */
	LOG_LISTEN_FAILED,
	LOG_SYSTEM_FAILED,
	LOG_TURNED_AWAY,
	LOG_FULL,
	LOG_ROOM_AGAIN,
	LOG_CLOCK_JUMPED,
	LOG_CLOSED_LATE,
	LOG_SLOWED_DOWN,
	/* seals */
	LOG_SEALS_CONTRADICT,
	LOG_SEALS_USED_UP,
	LOG_SEALS_FEW,
	/* witnesses, and the courier to them */
	LOG_COURIER_GONE,
	LOG_WITNESS_ANSWERS,
	LOG_WITNESS_FAILS,
	LOG_WITNESS_ALARM,
	LOG_WITNESS_AHEAD,
	LOG_WITNESS_CONTRADICTS,
	LOG_UNCONFIRMED,
	LOG_CONFIRMED,
	LOG_BAD_POLICY,
	LOG_STAMP_FAILS,
	/* a log that follows another, and the end of one */
	LOG_CLOSED,
	LOG_IS_CLOSED,
	LOG_SUCCEEDS,
	LOG_BAD_SUCCESSION,
	/* the index */
	LOG_INDEX_FAILED,
	LOG_INDEX_DAMAGED,
	LOG_INDEX_STUCK,
	LOG_INDEX_WAITS,
	/* traild-signer's own */
	LOG_SIGN_USAGE,
	LOG_SIGN_SYSTEM,
	LOG_SIGN_SANDBOX,
	LOG_SIGN_SYNC,
	LOG_SIGN_DEVICE,
	LOG_SIGN_SLOT,
	LOG_SIGN_STRANGER,
	LOG_IDS, /* how many there are */
};

enum {
	LOG_WHY_LEN = 512
};

/* A failure on its way up to who tells it: which, and a sentence. */
struct log_reason {
	enum log_id id;
	char why[LOG_WHY_LEN];
};

/*
 * Once, before threads and before any line: whose lines they are, and whether the journal reads
 * them. `program` must stay.
 */
void log_start(const char *program);
/*
 * Write one line (no newline in `format`); cut at 1,000 bytes, control characters become '?'.
 * Any thread.
 */
void log_line(enum log_id id, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
