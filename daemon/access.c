/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	GROUPS_FIRST = 64
}; /* enough for nearly everybody; the kernel names the number else */

static const struct {
	enum role role;
	const char *name;
} ROLES[] = {
	{ ROLE_EMITTER, "emitter" },
	{ ROLE_INVESTIGATOR, "investigator" },
	{ ROLE_OWNER, "owner" },
	{ ROLE_AUDITOR, "auditor" },
	{ ROLE_REGISTRAR, "registrar" },
	{ ROLE_OPERATOR, "operator" },
};

enum {
	ROLE_COUNT = sizeof ROLES / sizeof ROLES[0]
};

void access_default(struct access *rules)
{
	const struct group *group = getgrnam("trail");
	*rules = (struct access){
		.own = geteuid(),
		.has_group = group != NULL,
		.group = group ? group->gr_gid : 0,
	};
}

uint32_t access_roles(const struct access *rules, uid_t uid, const gid_t *groups, size_t count)
{
	if (uid == 0 || uid == rules->own)
		return ROLE_ALL;
	for (size_t i = 0; rules->has_group && i < count; i++)
		if (groups[i] == rules->group)
			return ROLE_EMITTER;
	return 0;
}

/* The supplementary groups behind `primary`, which the caller frees. */
static enum trail_err peer_groups(int fd, gid_t primary, gid_t **groups, size_t *count)
{
	socklen_t len = GROUPS_FIRST * sizeof(gid_t);
	gid_t *list = NULL;
	int failed;
	do {
		gid_t *grown = realloc(list, sizeof(gid_t) + len);
		if (!grown) {
			free(list);
			return TRAIL_NOMEM;
		}
		list = grown;
		/* On ERANGE the kernel says how much it takes. */
		failed = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list + 1, &len);
	} while (failed && errno == ERANGE);
	if (failed) {
		free(list);
		return TRAIL_IO;
	}
	list[0] = primary;
	*groups = list;
	*count = 1 + len / sizeof(gid_t);
	return TRAIL_OK;
}

enum trail_err access_peer(const struct access *rules, int fd, struct peer *peer)
{
	struct ucred who;
	socklen_t len = sizeof who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || len != sizeof who)
		return TRAIL_IO;
	gid_t *groups;
	size_t count;
	enum trail_err err = peer_groups(fd, who.gid, &groups, &count);
	if (err)
		return err;
	*peer = (struct peer){
		.type = PEER_UNIX_USER,
		.roles = access_roles(rules, who.uid, groups, count),
	};
	(void)snprintf(peer->name, sizeof peer->name, "%lu", (unsigned long)who.uid);
	free(groups);
	return TRAIL_OK;
}

uint32_t access_needed(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_APPEND:
	case REQUEST_CLOSE:
	case REQUEST_KEEPALIVE:
		return ROLE_EMITTER;
	case REQUEST_GET:
	case REQUEST_SEARCH:
	case REQUEST_HISTORY:
	case REQUEST_REPORT:
		return ROLE_INVESTIGATOR;
	case REQUEST_RECORDS:
	case REQUEST_CONTROLS:
		return ROLE_AUDITOR | ROLE_INVESTIGATOR;
	case REQUEST_SOURCES:
		return ROLE_AUDITOR | ROLE_INVESTIGATOR | ROLE_OPERATOR;
	case REQUEST_STATUS:
		return ROLE_OPERATOR;
	case REQUEST_INDEX_CHECK:
		return ROLE_AUDITOR | ROLE_OPERATOR;
	/* Hashes alone. Who may only write asks too: how else is he to check his receipts? */
	case REQUEST_PROVE:
	case REQUEST_NONE:
	case REQUEST_HELLO:
	case REQUEST_CHECKPOINT:
		break;
	}
	return 0;
}

bool access_allows(uint32_t roles, uint32_t needed)
{
	return needed ? (roles & needed) != 0 : roles != 0;
}

void access_sentence(
	const struct peer *peer, const char *act, uint32_t needed, char *out, size_t len)
{
	char roles[128] = "";
	size_t at = 0;
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (!(needed & ROLES[i].role))
			continue;
		int n = snprintf(
			roles + at, sizeof roles - at, "%s%s", at ? " or " : "", ROLES[i].name);
		at += (size_t)n; /* all six names with their joints take 71 bytes */
	}
	const char *kind = peer->type == PEER_UNIX_USER ? "uid" : "certificate";
	if (at)
		(void)snprintf(out, len, "%s %s may not %s: role %s is needed", kind, peer->name,
			act, roles);
	else
		(void)snprintf(
			out, len, "%s %s may not %s: it has no role here", kind, peer->name, act);
}
