/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what (DESIGN.md section 8), and who somebody is: roles from the kernel's credentials.
 * Without a configuration uid 0 and the daemon's own user have all roles, members of group `trail`
 * are emitters of any source, all others have none.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include "op.h"

#include <sys/types.h>

/* Bits of struct peer's `roles`. */
enum role {
	ROLE_EMITTER = 1,
	ROLE_INVESTIGATOR = 2,
	ROLE_OWNER = 4,
	ROLE_AUDITOR = 8,
	ROLE_REGISTRAR = 16,
	ROLE_OPERATOR = 32,
	ROLE_ALL = 63,
};

/* The rules in force. */
struct access {
	uid_t own;      /* the daemon's effective user */
	bool has_group; /* group `trail` exists */
	gid_t group;
};

/* The rules that hold without a configuration; looks the group up. */
void access_default(struct access *rules);
/*
 * The roles of a user who is in `groups` (primary and supplementary). Pure.
 */
uint32_t access_roles(const struct access *rules, uid_t uid, const gid_t *groups, size_t count);
/*
 * Who is at the other end of a connected Unix socket: SO_PEERCRED and SO_PEERGROUPS (socket(7)), as
 * of connect(2), so a later change of groups does not reach a connection.
 * TRAIL_IO: the kernel did not say. TRAIL_NOMEM.
 */
enum trail_err access_peer(const struct access *rules, int fd, struct peer *peer);

/*
 * Roles of which any one allows this kind of request; 0: any role at all. A Hello that claims
 * epochs and requests of unknown kind are the caller's business. Pure.
 */
uint32_t access_needed(enum request_kind kind);
/* Whether `roles` satisfy `needed`. */
bool access_allows(uint32_t roles, uint32_t needed);
/*
 * "uid 1001 may not read records: role auditor or investigator is needed" into out[len], cut if
 * need be. `act` is "read records".
 */
void access_sentence(
	const struct peer *peer, const char *act, uint32_t needed, char *out, size_t len);

#endif
