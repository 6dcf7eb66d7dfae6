/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_page.h"

#include <signal.h>

/* ---- hashing ---- */

/* The largest complete subtree that begins at `index` and has at most `count` records. */
static unsigned subtree_level(uint64_t index, size_t count)
{
	unsigned level = 0;
	while (level < PAGE_BITS && (index >> level & 1) == 0 && (size_t)2 << level <= count)
		level++;
	return level;
}

static void subtree_root(
	const struct hash *leaf, unsigned level, struct hash *half, struct hash *root)
{
	size_t count = (size_t)1 << level;
	const struct hash *from = leaf;
	while (count > 1) {
		count /= 2;
		for (size_t i = 0; i < count; i++)
			hash_node(&from[2 * i], &from[2 * i + 1], &half[i]);
		from = half;
	}
	*root = *from;
}

static void hash_page(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		record_leaf(page->bytes + i * RECORD_LEN, &page->leaf[i]);
	page->node_count = 0;
	for (size_t at = 0; at < page->count;) {
		struct page_node *node = &page->node[page->node_count++];
		node->level = subtree_level(page->first + at, page->count - at);
		subtree_root(&page->leaf[at], node->level, page->half, &node->hash);
		at += (size_t)1 << node->level;
	}
}

/* ---- the crew ---- */

/* Under the lock: take the oldest page, of which there is one, and hash it without the lock. */
static void work_on_one(struct crew *crew)
{
	struct page *page = crew->queue;
	crew->queue = page->next;
	(void)pthread_mutex_unlock(&crew->lock);
	hash_page(page);
	(void)pthread_mutex_lock(&crew->lock);
	page->hashed = true;
	(void)pthread_cond_broadcast(&crew->hashed);
}

static void *work(void *ctx)
{
	struct crew *crew = ctx;
	(void)pthread_mutex_lock(&crew->lock);
	while (!crew->over) {
		if (crew->queue)
			work_on_one(crew);
		else
			(void)pthread_cond_wait(&crew->given, &crew->lock);
	}
	(void)pthread_mutex_unlock(&crew->lock);
	return NULL;
}

bool crew_start(struct crew *crew, unsigned wanted)
{
	sigset_t all, before;
	*crew = (struct crew){ 0 };
	if (pthread_mutex_init(&crew->lock, NULL) != 0)
		return false;
	if (pthread_cond_init(&crew->given, NULL) != 0)
		goto no_given;
	if (pthread_cond_init(&crew->hashed, NULL) != 0)
		goto no_hashed;
	/* The program's signals are for the program's own threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (crew->count < wanted && crew->count < CREW_MAX &&
		pthread_create(&crew->threads[crew->count], NULL, work, crew) == 0)
		crew->count++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
no_hashed:
	(void)pthread_cond_destroy(&crew->given);
no_given:
	(void)pthread_mutex_destroy(&crew->lock);
	return false;
}

void crew_give(struct crew *crew, struct page *page)
{
	(void)pthread_mutex_lock(&crew->lock);
	struct page **end = &crew->queue;
	while (*end)
		end = &(*end)->next;
	*end = page;
	page->next = NULL;
	page->hashed = false;
	(void)pthread_cond_signal(&crew->given);
	(void)pthread_mutex_unlock(&crew->lock);
}

void crew_finish(struct crew *crew, struct page *page)
{
	(void)pthread_mutex_lock(&crew->lock);
	while (!page->hashed) {
		if (crew->queue)
			work_on_one(crew);
		else
			(void)pthread_cond_wait(&crew->hashed, &crew->lock);
	}
	(void)pthread_mutex_unlock(&crew->lock);
}

void crew_stop(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->lock);
	crew->over = true;
	(void)pthread_cond_broadcast(&crew->given);
	(void)pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->count; i++)
		(void)pthread_join(crew->threads[i], NULL);
	(void)pthread_cond_destroy(&crew->hashed);
	(void)pthread_cond_destroy(&crew->given);
	(void)pthread_mutex_destroy(&crew->lock);
}
