/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	WHY_LEN = 512,
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
};

_Static_assert(sizeof((struct listener *)0)->path == sizeof((struct sockaddr_un *)0)->sun_path,
	"a path that fits the one fits the other");

static enum trail_err path_of(const char *address, const char **path, char why[WHY_LEN])
{
	static const char unix_prefix[] = "unix:";
	if (strncmp(address, "tls:", 4) == 0) {
		(void)snprintf(why, WHY_LEN, "%s: TLS is not served by this version: use unix:PATH",
			address);
		return TRAIL_INVALID;
	}
	if (strncmp(address, unix_prefix, sizeof unix_prefix - 1) != 0) {
		(void)snprintf(why, WHY_LEN, "%s: an address is unix:PATH", address);
		return TRAIL_INVALID;
	}
	const char *p = address + sizeof unix_prefix - 1;
	if (p[0] == '\0' || strlen(p) >= sizeof((struct listener *)0)->path) {
		(void)snprintf(why, WHY_LEN, "%s: a socket's path has 1 to %zu bytes", address,
			sizeof((struct listener *)0)->path - 1);
		return TRAIL_INVALID;
	}
	*path = p;
	return TRAIL_OK;
}

enum trail_err listener_judge(const char *address, char why[WHY_LEN])
{
	const char *path;
	return path_of(address, &path, why);
}

static enum trail_err failed(const char *path, const char *what, char why[WHY_LEN])
{
	(void)snprintf(why, WHY_LEN, "%s: cannot %s: %s", path, what, strerror(errno));
	return TRAIL_IO;
}

/*
 * Free the name for bind: nothing there, or a socket behind which nobody answers any more.
 */
static enum trail_err clear_name(const struct sockaddr_un *name, char why[WHY_LEN])
{
	struct stat st;
	if (lstat(name->sun_path, &st))
		return errno == ENOENT ? TRAIL_OK : failed(name->sun_path, "look at it", why);
	if (!S_ISSOCK(st.st_mode)) {
		(void)snprintf(why, WHY_LEN, "%s: is there already and no socket: move it away",
			name->sun_path);
		return TRAIL_IO;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(name->sun_path, "make a socket", why);
	bool dead = connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 &&
		errno == ECONNREFUSED;
	(void)close(fd);
	if (!dead) {
		(void)snprintf(why, WHY_LEN, "%s: another process listens there: stop it first",
			name->sun_path);
		return TRAIL_IO;
	}
	if (unlink(name->sun_path))
		return failed(name->sun_path, "remove the stale socket", why);
	return TRAIL_OK;
}

/* Nobody but us may connect before group and mode are right. */
static enum trail_err bind_name(int fd, const struct sockaddr_un *name, char why[WHY_LEN])
{
	mode_t before = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)name, sizeof *name);
	(void)umask(before);
	if (bound)
		return failed(name->sun_path, "bind", why);
	const struct group *group = getgrnam("trail");
	/* Who may not give it away (no member, not root) keeps its own group. */
	bool kept = !group || chown(name->sun_path, (uid_t)-1, group->gr_gid) != 0;
	if (kept && group && errno != EPERM)
		return failed(name->sun_path, "give it to group trail", why);
	if (chmod(name->sun_path, 0660))
		return failed(name->sun_path, "set its mode", why);
	return TRAIL_OK;
}

enum trail_err listener_open(const char *address, struct listener *listener, char why[WHY_LEN])
{
	const char *path;
	enum trail_err err = path_of(address, &path, why);
	if (err)
		return err;
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	memcpy(name.sun_path, path, strlen(path));
	err = clear_name(&name, why);
	if (err)
		return err;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(path, "make a socket", why);
	err = bind_name(fd, &name, why);
	if (!err && listen(fd, BACKLOG))
		err = failed(path, "listen", why);
	if (err) {
		(void)close(fd);
		return err;
	}
	*listener = (struct listener){ .fd = fd };
	memcpy(listener->path, name.sun_path, sizeof listener->path);
	return TRAIL_OK;
}

enum trail_err listener_adopt(int fd, struct listener *listener, char why[WHY_LEN])
{
	struct sockaddr_un name = { 0 };
	socklen_t len = sizeof name;
	if (!handover_is(fd, SO_DOMAIN, AF_UNIX) || !handover_is(fd, SO_TYPE, SOCK_STREAM) ||
		!handover_is(fd, SO_ACCEPTCONN, 1) ||
		getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
		(void)snprintf(why, WHY_LEN,
			"descriptor %d was handed over, but is no listening Unix stream socket: "
			"use ListenStream= with a path",
			fd);
		return TRAIL_INVALID;
	}
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return failed("a socket that was handed over", "make it non-blocking", why);
	*listener = (struct listener){ .fd = fd, .inherited = true };
	/* An abstract name begins with NUL (unix(7)), and a path may lack its own at the end. */
	if (name.sun_path[0] == '\0')
		name.sun_path[0] = '@';
	memcpy(listener->path, name.sun_path, sizeof listener->path - 1);
	return TRAIL_OK;
}

void listener_close(struct listener *listener)
{
	if (!listener->path[0])
		return;
	/* The name first: behind it nobody would answer. */
	if (!listener->inherited)
		(void)unlink(listener->path);
	(void)close(listener->fd);
	listener->path[0] = '\0';
	listener->fd = -1;
}
