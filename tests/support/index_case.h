/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder for segments, and terms as one knows them: for tests of the index. Every function aborts
 * when the machine does not play along.
 */
#ifndef TESTS_SUPPORT_INDEX_CASE_H
#define TESTS_SUPPORT_INDEX_CASE_H

#include "../../daemon/index/segment_read.h"
#include "../../daemon/index/segment_write.h"
#include "signer_case.h"

struct index_case {
	char folder[CASE_PATH_MAX];
	int at;
	uint8_t key[INDEX_KEY_LEN];
	struct hash genesis;
	uint64_t serial; /* of the segment that was made last */
};

void index_case_make(struct index_case *c);
void index_case_remove(struct index_case *c);
/* Files in the folder. */
unsigned index_case_files(const struct index_case *c);
/* Place of a new segment of class 0. */
struct segment_place index_case_place(struct index_case *c, uint64_t from, uint64_t to);
/* Turn a bit of byte `at` of the file of `place`. */
void index_case_damage(const struct index_case *c, const struct segment_place *place, size_t at);
/* Write `content` as block `number` of the file of `place`, sealed as it must be. */
void index_case_forge(const struct index_case *c, const struct segment_place *place,
	uint32_t number, struct span content);

struct model_term {
	size_t len;
	uint8_t key[TERM_KEY_MAX];
	size_t count;
	uint32_t *docs; /* ascending */
};

/* Terms in order, no two alike. */
struct model {
	uint32_t docs; /* all are below */
	size_t count;
	struct model_term *terms;
};

/* About `terms` random terms with random docs; `key_min`: bytes of a key, at the least. */
void model_make(struct model *model, uint64_t *random, size_t terms, size_t key_min, uint32_t docs);
void model_release(struct model *model);
/* When the event of a doc happened. */
uint32_t model_second(uint64_t doc);
/* How many docs of the term are below. */
size_t model_below(const struct model_term *term, uint64_t doc);
struct span model_key(const struct model_term *term);

/*
 * A new segment of the terms' docs in [from, to), numbered from `from`, which is open. False: there
 * are none.
 */
bool index_case_segment(struct index_case *c, const struct model *model, uint64_t from, uint64_t to,
	struct segment *out);

#endif
