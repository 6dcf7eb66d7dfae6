/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include "../../proto/crypto.h"
#include "../small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[16] = "trail-index/v1\n";
static const char NAME[] = "manifest";

enum {
	HEAD_LEN = sizeof MAGIC + HASH_LEN + 8 + HASH_LEN + 4 + 4,
	PLACE_LEN = 4 + 4 + 8 + 8 + 8,
	HOLE_LEN = 4 + 4 + 8 + 8,
	FILE_MAX = HEAD_LEN + MANIFEST_SEGMENTS_MAX * (PLACE_LEN + HOLE_LEN) + MAC_LEN,
};

/* ---- reading ---- */

static enum trail_err read_all(int fd, struct buf *out)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return TRAIL_IO;
	if (!S_ISREG(st.st_mode) || st.st_size < HEAD_LEN + MAC_LEN || st.st_size > FILE_MAX)
		return TRAIL_CORRUPT;
	if (!buf_reserve(out, (size_t)st.st_size))
		return TRAIL_NOMEM;
	while (out->len < (size_t)st.st_size) {
		ssize_t n = read(fd, out->data + out->len, (size_t)st.st_size - out->len);
		if (n == 0)
			return TRAIL_CORRUPT;
		if (n < 0 && errno != EINTR)
			return TRAIL_IO;
		out->len += n > 0 ? (size_t)n : 0;
	}
	return TRAIL_OK;
}

static bool is_sealed(const uint8_t key[INDEX_KEY_LEN], struct span file)
{
	uint8_t tag[MAC_LEN];
	struct span body = span_of(file.data, file.len - MAC_LEN);
	mac_bytes(key, body, span_of(NULL, 0), tag);
	return mac_equal(tag, file.data + body.len);
}

static void take_places(const uint8_t *at, struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++, at += PLACE_LEN)
		m->places[i] = (struct segment_place){ load_be32(at), load_be32(at + 4),
			load_be64(at + 8), load_be64(at + 16), load_be64(at + 24) };
	for (size_t i = 0; i < m->hole_count; i++, at += HOLE_LEN)
		m->holes[i] = (struct index_hole){ load_be32(at), load_be32(at + 4),
			load_be64(at + 8), load_be64(at + 16) };
}

/* Whether ranges lie below `indexed`, and docs in them fit 32 bits. */
static bool is_sound(const struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct segment_place *p = &m->places[i];
		if (p->from >= p->to || p->to > m->indexed || p->to - p->from > UINT32_MAX)
			return false;
	}
	for (size_t i = 0; i < m->hole_count; i++)
		if (m->holes[i].from >= m->holes[i].to || m->holes[i].to > m->indexed)
			return false;
	return true;
}

static enum trail_err parse(struct span file, struct manifest *m)
{
	const uint8_t *at = file.data + sizeof MAGIC;
	if (memcmp(file.data, MAGIC, sizeof MAGIC) != 0)
		return TRAIL_CORRUPT;
	memcpy(m->genesis.b, at, HASH_LEN);
	m->indexed = load_be64(at + HASH_LEN);
	memcpy(m->leaf.b, at + HASH_LEN + 8, HASH_LEN);
	m->count = load_be32(at + HASH_LEN + 8 + HASH_LEN);
	m->hole_count = load_be32(at + HASH_LEN + 8 + HASH_LEN + 4);
	if (m->count > MANIFEST_SEGMENTS_MAX || m->hole_count > MANIFEST_SEGMENTS_MAX ||
		file.len != HEAD_LEN + m->count * PLACE_LEN + m->hole_count * HOLE_LEN + MAC_LEN)
		return TRAIL_CORRUPT;
	m->places = calloc(m->count + 1, sizeof *m->places);
	m->holes = calloc(m->hole_count + 1, sizeof *m->holes);
	if (!m->places || !m->holes)
		return TRAIL_NOMEM;
	take_places(file.data + HEAD_LEN, m);
	return is_sound(m) ? TRAIL_OK : TRAIL_CORRUPT;
}

enum trail_err manifest_read(int at, const uint8_t key[INDEX_KEY_LEN], struct manifest *m)
{
	struct buf file = { 0 };
	*m = (struct manifest){ 0 };
	int fd = openat(at, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? TRAIL_END : errno == ELOOP ? TRAIL_CORRUPT : TRAIL_IO;
	enum trail_err err = read_all(fd, &file);
	if (!err && !is_sealed(key, buf_view(&file)))
		err = TRAIL_CORRUPT;
	if (!err)
		err = parse(buf_view(&file), m);
	if (err)
		manifest_release(m);
	int saved = errno;
	buf_release(&file);
	(void)close(fd);
	errno = saved;
	return err;
}

void manifest_release(struct manifest *m)
{
	free(m->places);
	free(m->holes);
	*m = (struct manifest){ 0 };
}

/* ---- writing ---- */

static void put_all(struct buf *out, const struct manifest *m)
{
	buf_put(out, MAGIC, sizeof MAGIC);
	buf_put(out, m->genesis.b, HASH_LEN);
	buf_put_be64(out, m->indexed);
	buf_put(out, m->leaf.b, HASH_LEN);
	buf_put_be32(out, (uint32_t)m->count);
	buf_put_be32(out, (uint32_t)m->hole_count);
	for (size_t i = 0; i < m->count; i++) {
		buf_put_be32(out, m->places[i].class_no);
		buf_put_be32(out, m->places[i].month);
		buf_put_be64(out, m->places[i].from);
		buf_put_be64(out, m->places[i].to);
		buf_put_be64(out, m->places[i].serial);
	}
	for (size_t i = 0; i < m->hole_count; i++) {
		buf_put_be32(out, m->holes[i].class_no);
		buf_put_be32(out, m->holes[i].month);
		buf_put_be64(out, m->holes[i].from);
		buf_put_be64(out, m->holes[i].to);
	}
}

enum trail_err manifest_write(int at, const uint8_t key[INDEX_KEY_LEN], const struct manifest *m)
{
	struct buf file = { 0 };
	uint8_t tag[MAC_LEN];
	put_all(&file, m);
	mac_bytes(key, buf_view(&file), span_of(NULL, 0), tag);
	buf_put(&file, tag, sizeof tag);
	enum trail_err err =
		file.failed ? TRAIL_NOMEM : small_file_replace(at, NAME, buf_view(&file), 0600);
	buf_release(&file);
	return err;
}
