/* SPDX-License-Identifier: Apache-2.0 */
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SHELL_CANNOT_RUN = 126, /* and above: what the shell says of a command that is not there */
};

/* The reader's own command; NULL: nothing was said. */
static const char *own_command(void)
{
	const char *own = getenv("TRAIL_PAGER");
	return own ? own : getenv("PAGER");
}

static bool is_none(const char *command)
{
	return command[0] == '\0' || strcmp(command, "cat") == 0;
}

/* With `input` as its standard input. 0: it could not be started. */
static pid_t start(const char *own, int input)
{
	char shell[] = "/bin/sh", dash_c[] = "-c", less[] = "less";
	char *command = own ? strdup(own) : NULL;
	char *const by_shell[] = { shell, dash_c, command, NULL };
	char *const by_name[] = { less, NULL };
	char *const *words = own ? by_shell : by_name;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t usual;
	pid_t pid = 0;
	bool ready = !own || command;
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGPIPE);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&how);
	ready = ready && posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) == 0 &&
		posix_spawnattr_setsigdefault(&how, &usual) == 0 &&
		posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF) == 0;
	if (!ready || posix_spawnp(&pid, words[0], &files, &how, words, environ) != 0)
		pid = 0;
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&how);
	free(command);
	return pid;
}

/* Put the pipe in the place of the terminal. What cannot be done leaves the terminal there. */
static void take_place(struct pager *p, int pipe_end)
{
	bool both = isatty(STDERR_FILENO) == 1;
	(void)fflush(stdout);
	p->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	p->err = both ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1;
	if (p->out >= 0)
		(void)dup2(pipe_end, STDOUT_FILENO);
	if (p->err >= 0)
		(void)dup2(pipe_end, STDERR_FILENO);
}

void pager_open(struct pager *p, const struct screen *s)
{
	int ends[2];
	const char *own = own_command();
	if (!s->terminal || (own ? is_none(own) : !s->capable) || pipe2(ends, O_CLOEXEC) != 0)
		return;
	/* Quit when all fits the screen, pass colours on, leave the text standing. */
	(void)setenv("LESS", "FRX", 0);
	p->pid = start(own, ends[0]);
	if (p->pid != 0) {
		/* An interrupt is the pager's to obey; it ends us by closing the pipe. */
		const struct sigaction ignore = { .sa_handler = SIG_IGN };
		(void)sigaction(SIGINT, &ignore, &p->interrupt);
		take_place(p, ends[1]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void give_back(int kept, int place)
{
	if (kept < 0)
		return;
	(void)dup2(kept, place);
	(void)close(kept);
}

bool pager_close(struct pager *p)
{
	int status = 0;
	if (p->pid == 0)
		return !p->missed;
	(void)fflush(stdout);
	/* The last ends of the pipe: the pager sees the end of its input. */
	give_back(p->out, STDOUT_FILENO);
	give_back(p->err, STDERR_FILENO);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)sigaction(SIGINT, &p->interrupt, NULL);
	p->pid = 0;
	p->missed = WIFEXITED(status) && WEXITSTATUS(status) >= SHELL_CANNOT_RUN;
	return !p->missed;
}
