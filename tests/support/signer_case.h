/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the signer stand on: a state folder of their own, its files as bytes, and a small
 * log that gives roots and proofs. Every function aborts when the machine does not play along.
 */
#ifndef TESTS_SUPPORT_SIGNER_CASE_H
#define TESTS_SUPPORT_SIGNER_CASE_H

#include "../../proto/tree.h"

enum {
	CASE_PATH_MAX = 256,
	CASE_LEAVES_MAX = 512
};

/* A new empty folder, 0700, under $TMPDIR or /tmp. */
void case_folder_make(char path[CASE_PATH_MAX]);
/* Away with it and the files in it. */
void case_folder_remove(const char *path);
/* Names in it, without "." and "..". */
size_t case_folder_count(const char *path);

/* The bytes of a file in the folder; release with buf_release. */
struct buf case_file_read(const char *folder, const char *name);
/* Make or overwrite a file, cut to `content`, mode 0600. */
void case_file_write(const char *folder, const char *name, struct span content);
/* Turn the lowest bit of the byte at `offset`. */
void case_file_flip(const char *folder, const char *name, size_t offset);
void case_file_remove(const char *folder, const char *name);
/* Mode bits; 0 when it is not there. */
unsigned case_file_mode(const char *folder, const char *name);
void case_file_chmod(const char *folder, const char *name, unsigned mode);

/* The root of the tree over the 2^height seal keys at `pubs`, by another way than the signer's. */
void case_seal_root(const uint8_t *pubs, unsigned height, struct hash *root);

/* A log of CASE_LEAVES_MAX leaves; different `seed`s give different ones from leaf `fork` on. */
struct case_log {
	struct hash leaf[CASE_LEAVES_MAX];
};
void case_log_fill(struct case_log *log, unsigned seed, size_t fork);
void case_log_root(struct case_log *log, uint64_t size, struct hash *root);
void case_log_proof(struct case_log *log, uint64_t from, uint64_t to, struct tree_proof *proof);

#endif
