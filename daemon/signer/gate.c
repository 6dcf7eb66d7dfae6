/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include "../handover.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool find_user(const char *name, uid_t *user)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(name, &end, 10);
	if (name[0] >= '0' && name[0] <= '9' && *end == '\0' && errno == 0 && number < UINT32_MAX) {
		*user = (uid_t)number;
		return true;
	}
	const struct passwd *entry = getpwnam(name);
	if (entry)
		*user = entry->pw_uid;
	return entry != NULL;
}

enum trail_err gate_open(struct gate *gate, const char *user, struct sentence *why)
{
	gate->listener = HANDOVER_FIRST;
	if (!find_user(user, &gate->user))
		return sentence_fail(why, "--peer %s: there is no such user", user);
	if (handover_take() != 1 || !handover_is(gate->listener, SO_DOMAIN, AF_UNIX) ||
		!handover_is(gate->listener, SO_TYPE, SOCK_SEQPACKET) ||
		!handover_is(gate->listener, SO_ACCEPTCONN, 1))
		return sentence_fail(why,
			"--peer wants one listening Unix SOCK_SEQPACKET socket, handed over by the "
			"service manager: see traild-signer.socket");
	int flags = fcntl(gate->listener, F_GETFL);
	if (flags < 0 || fcntl(gate->listener, F_SETFL, flags | O_NONBLOCK) != 0)
		return sentence_fail(why, "the socket that was handed over: fcntl failed");
	return TRAIL_OK;
}

/* A connection, or -1. *right: it is the user's whom the gate is meant for. */
static int take(const struct gate *gate, struct ucred *who, bool *right)
{
	socklen_t len = sizeof *who;
	int fd = accept4(gate->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return -1;
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &len) == 0;
	*right = known && who->uid == gate->user;
	if (!known)
		who->uid = (uid_t)-1;
	return fd;
}

int gate_admit(const struct gate *gate, struct sentence *why)
{
	struct ucred who;
	bool right;
	why->text[0] = '\0';
	int fd = take(gate, &who, &right);
	if (fd < 0 || right)
		return fd;
	sentence_set(why, "uid %u was turned away: this signer is for uid %u alone",
		(unsigned)who.uid, (unsigned)gate->user);
	(void)close(fd);
	return -1;
}

void gate_turn_away(const struct gate *gate)
{
	static const char answer[] =
		"\2this signer serves another traild: a log has one; stop the other first";
	_Static_assert(TALK_FAILED == 2, "the first byte of the answer");
	struct ucred who;
	bool right;
	int fd = take(gate, &who, &right);
	if (fd < 0)
		return;
	if (right)
		(void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}
