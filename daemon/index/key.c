/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include "../../proto/crypto.h"
#include "../small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char NAME[] = "index";

static bool make(int at, uint8_t key[INDEX_KEY_LEN])
{
	crypto_random(key, INDEX_KEY_LEN);
	return small_file_replace(at, NAME, span_of(key, INDEX_KEY_LEN), 0600) == TRAIL_OK;
}

static bool load(int at, uint8_t key[INDEX_KEY_LEN])
{
	size_t len;
	enum trail_err err = small_file_read(at, NAME, SMALL_FILE_KEPT, key, INDEX_KEY_LEN, &len);
	if (err == TRAIL_OK && len == INDEX_KEY_LEN)
		return true;
	return err == TRAIL_IO ? false : make(at, key);
}

static int open_folder(const char *folder)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/keys", folder);
	if (len < 0 || (size_t)len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

uint8_t *index_key_load(const char *folder)
{
	uint8_t *key = crypto_secret_new(INDEX_KEY_LEN);
	if (!key) {
		errno = ENOMEM;
		return NULL;
	}
	int at = open_folder(folder);
	bool ok = at >= 0 && load(at, key);
	int saved = errno;
	if (at >= 0)
		(void)close(at);
	if (!ok) {
		crypto_secret_free(key);
		key = NULL;
	}
	errno = saved;
	return key;
}
