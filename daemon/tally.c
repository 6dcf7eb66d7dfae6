/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include "log.h"

static const struct {
	enum log_id id;
	const char *what;
} LINES[TALLY_KINDS] = {
	[TALLY_CONNECTIONS] = { LOG_TURNED_AWAY,
		"connections were refused: as many are open as "
		"`connections` or `peer_connections` allows" },
	[TALLY_DESCRIPTORS] = { LOG_TURNED_AWAY,
		"connections were refused: descriptors are out; "
		"raise LimitNOFILE, or `connections` is too high" },
	[TALLY_MEMORY] = { LOG_TURNED_AWAY, "connections were refused: memory is out" },
	[TALLY_HELLO] = { LOG_CLOSED_LATE,
		"connections were closed: no Hello within `hello_time`" },
	[TALLY_FRAME] = { LOG_CLOSED_LATE,
		"connections were closed: a frame was not whole within `frame_time`" },
	[TALLY_UNREAD] = { LOG_CLOSED_LATE,
		"connections were closed: they did not read answers within `unread_time`" },
	[TALLY_IDLE] = { LOG_CLOSED_LATE,
		"connections were closed: they said nothing for `idle_time`" },
	[TALLY_RATE] = { LOG_SLOWED_DOWN,
		"times a connection had to wait: its peer asks more than `peer_rate`" },
};

void tally_add(struct tally *tally, enum tally_kind kind)
{
	tally->counts[kind]++;
}

void tally_say(struct tally *tally)
{
	for (unsigned kind = 0; kind < TALLY_KINDS; kind++) {
		if (tally->counts[kind] > 0)
			log_line(LINES[kind].id, "%u %s", tally->counts[kind], LINES[kind].what);
		tally->counts[kind] = 0;
	}
}
