/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levelled lines on stderr, the only writer of diagnostics: a line is one write(2), so lines of
 * several threads never mix. With $JOURNAL_STREAM set (systemd connects stderr to the journal) each
 * line begins with its priority as <N> (sd-daemon(3)), else with "traild: ". Never give it a
 * secret, an event's content or a name out of an event: logs are read by people who may not read
 * the log.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

/* Numbers of syslog(3). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
};

/* Look at the environment, once, before threads. Without it lines are plain. */
void log_start(void);
/*
 * Write one line (no newline in `format`); cut at 1,000 bytes, control characters become '?'.
 * Any thread.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
