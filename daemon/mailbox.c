/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock;
	struct op *first;
	struct op **end;
	int fd;
};

struct mailbox *mailbox_new(void)
{
	struct mailbox *box = calloc(1, sizeof *box);
	if (!box)
		return NULL;
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (box->fd < 0) {
		free(box);
		return NULL;
	}
	(void)pthread_mutex_init(&box->lock, NULL);
	box->end = &box->first;
	return box;
}

void mailbox_free(struct mailbox *box)
{
	if (!box)
		return;
	(void)pthread_mutex_destroy(&box->lock);
	(void)close(box->fd);
	free(box);
}

void mailbox_put(struct mailbox *box, struct op *list)
{
	if (!list)
		return;
	struct op *last = list;
	while (last->next)
		last = last->next;
	(void)pthread_mutex_lock(&box->lock);
	bool was_empty = !box->first;
	*box->end = list;
	box->end = &last->next;
	(void)pthread_mutex_unlock(&box->lock);
	/* Who found it filled was preceded by one who wakes. */
	if (was_empty)
		(void)eventfd_write(box->fd, 1);
}

struct op *mailbox_take(struct mailbox *box)
{
	eventfd_t count;
	/* Before the chain is taken: a put behind this line wakes again. */
	(void)eventfd_read(box->fd, &count);
	(void)pthread_mutex_lock(&box->lock);
	struct op *list = box->first;
	box->first = NULL;
	box->end = &box->first;
	(void)pthread_mutex_unlock(&box->lock);
	return list;
}

int mailbox_fd(const struct mailbox *box)
{
	return box->fd;
}
