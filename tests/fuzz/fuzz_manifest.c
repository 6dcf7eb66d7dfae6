/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the manifest of an index, as they are and behind the right seal. What is taken names
 * ranges that can be, and written anew it is the same file.
 */
#include "folder.h"

#include "../../daemon/index/manifest.h"
#include "../../proto/crypto.h"

static const uint8_t KEY[INDEX_KEY_LEN] = { 5 };

static void check_taken(const struct manifest *m, struct span file)
{
	uint8_t *bytes = malloc(file.len);
	for (size_t i = 0; i < m->count; i++)
		fuzz_assert(m->places[i].from < m->places[i].to && m->places[i].to <= m->indexed &&
			m->places[i].to - m->places[i].from <= UINT32_MAX);
	for (size_t i = 0; i < m->hole_count; i++)
		fuzz_assert(m->holes[i].from < m->holes[i].to && m->holes[i].to <= m->indexed);
	fuzz_assert(bytes && manifest_write(fuzz_folder(), KEY, m) == TRAIL_OK);
	int fd = openat(fuzz_folder(), "manifest", O_RDONLY | O_CLOEXEC);
	fuzz_assert(read(fd, bytes, file.len) == (ssize_t)file.len);
	fuzz_assert(span_equal(span_of(bytes, file.len), file));
	(void)close(fd);
	free(bytes);
}

static void try_file(struct span file)
{
	struct manifest m;
	fuzz_folder_put("manifest", file);
	enum trail_err err = manifest_read(fuzz_folder(), KEY, &m);
	fuzz_assert(err == TRAIL_OK || err == TRAIL_CORRUPT);
	if (err == TRAIL_OK)
		check_taken(&m, file);
	manifest_release(&m);
	(void)unlinkat(fuzz_folder(), "manifest", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf file = { 0 };
	uint8_t tag[MAC_LEN];
	try_file(span_of(data, len));
	mac_bytes(KEY, span_of(data, len), span_of(NULL, 0), tag);
	buf_put(&file, data, len);
	buf_put(&file, tag, sizeof tag);
	fuzz_assert(!file.failed);
	try_file(buf_view(&file));
	buf_release(&file);
	return 0;
}
