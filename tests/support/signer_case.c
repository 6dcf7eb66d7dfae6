/* SPDX-License-Identifier: Apache-2.0 */
#include "signer_case.h"

#include "../../proto/seal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

void case_folder_make(char path[CASE_PATH_MAX])
{
	const char *top = getenv("TMPDIR");
	(void)snprintf(path, CASE_PATH_MAX, "%s/signer-XXXXXX", top ? top : "/tmp");
	demand(mkdtemp(path) != NULL, path);
}

static size_t walk(const char *path, bool away)
{
	DIR *dir = opendir(path);
	demand(dir != NULL, path);
	size_t count = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		count++;
		if (away)
			demand(unlinkat(dirfd(dir), e->d_name, 0) == 0, e->d_name);
	}
	(void)closedir(dir);
	return count;
}

void case_folder_remove(const char *path)
{
	(void)walk(path, true);
	demand(rmdir(path) == 0, path);
}

size_t case_folder_count(const char *path)
{
	return walk(path, false);
}

static void join(char out[2 * CASE_PATH_MAX], const char *folder, const char *name)
{
	(void)snprintf(out, 2 * CASE_PATH_MAX, "%s/%s", folder, name);
}

struct buf case_file_read(const char *folder, const char *name)
{
	char path[2 * CASE_PATH_MAX];
	struct buf out = { 0 };
	uint8_t block[4096];
	join(path, folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	demand(fd >= 0, path);
	for (ssize_t n; (n = read(fd, block, sizeof block)) != 0;) {
		demand(n > 0, path);
		buf_put(&out, block, (size_t)n);
	}
	(void)close(fd);
	return out;
}

void case_file_write(const char *folder, const char *name, struct span content)
{
	char path[2 * CASE_PATH_MAX];
	join(path, folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0, path);
	demand(content.len == 0 || write(fd, content.data, content.len) == (ssize_t)content.len,
		path);
	(void)close(fd);
}

void case_file_flip(const char *folder, const char *name, size_t offset)
{
	char path[2 * CASE_PATH_MAX];
	uint8_t byte = 0;
	join(path, folder, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	demand(fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1, path);
	byte ^= 1;
	demand(pwrite(fd, &byte, 1, (off_t)offset) == 1, path);
	(void)close(fd);
}

void case_file_remove(const char *folder, const char *name)
{
	char path[2 * CASE_PATH_MAX];
	join(path, folder, name);
	demand(unlink(path) == 0, path);
}

unsigned case_file_mode(const char *folder, const char *name)
{
	char path[2 * CASE_PATH_MAX];
	struct stat st;
	join(path, folder, name);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

void case_file_chmod(const char *folder, const char *name, unsigned mode)
{
	char path[2 * CASE_PATH_MAX];
	join(path, folder, name);
	demand(chmod(path, (mode_t)mode) == 0, path);
}

void case_seal_root(const uint8_t *pubs, unsigned height, struct hash *root)
{
	struct frontier f = { 0 };
	for (uint32_t epoch = 0; epoch < UINT32_C(1) << height; epoch++, pubs += SIGN_PUBLIC_LEN) {
		struct hash leaf;
		seal_key_leaf(epoch, pubs, &leaf);
		frontier_append(&f, &leaf, NULL, NULL);
	}
	frontier_root(&f, root);
}

void case_log_fill(struct case_log *log, unsigned seed, size_t fork)
{
	for (size_t i = 0; i < CASE_LEAVES_MAX; i++) {
		uint8_t entry[8];
		store_be32(entry, i < fork ? 0 : seed);
		store_be32(entry + 4, (uint32_t)i);
		hash_leaf(span_of(entry, sizeof entry), &log->leaf[i]);
	}
}

static enum trail_err node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	struct case_log *log = ctx;
	struct frontier f = { 0 };
	uint64_t first = index << level;
	demand(first + (UINT64_C(1) << level) <= CASE_LEAVES_MAX, "a node beyond the log");
	for (uint64_t i = 0; i < UINT64_C(1) << level; i++)
		frontier_append(&f, &log->leaf[first + i], NULL, NULL);
	frontier_root(&f, out);
	return TRAIL_OK;
}

void case_log_root(struct case_log *log, uint64_t size, struct hash *root)
{
	demand(tree_root(size, node, log, root) == TRAIL_OK, "tree_root");
}

void case_log_proof(struct case_log *log, uint64_t from, uint64_t to, struct tree_proof *proof)
{
	demand(tree_consistency(from, to, node, log, proof) == TRAIL_OK, "tree_consistency");
}
