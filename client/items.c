/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

#include "../proto/codec.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NAME_ARENA = 4096
};

misfit item_open(const struct evidence_item *shown, struct item *out)
{
	struct hash commitment;
	*out = (struct item){ .shown = shown };
	record_decode(shown->record.data, &out->record);
	record_leaf(shown->record.data, &out->leaf);
	if (shown->salt.len == 0)
		return shown->payload.len == 0 ? NULL : "its payload comes without a salt";
	record_commitment(shown->salt.data, shown->payload, &commitment);
	if (!hash_equal(&commitment, &out->record.commitment))
		return "it does not commit to the payload that was given";
	return NULL;
}

bool item_in_tree(const struct item *item, const struct checkpoint *cp)
{
	const struct evidence_item *shown = item->shown;
	struct tree_proof proof = { .count = shown->path_count };
	if (shown->path_count != 0)
		memcpy(proof.path, shown->path, shown->path_count * sizeof proof.path[0]);
	return tree_inclusion_check(&item->leaf, shown->index, cp->size, &proof, &cp->root);
}

static enum trail_err source_name(struct span payload, char **text)
{
	uint8_t room[NAME_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct span name;
	if (source_decode(payload, &arena, &name) != TRAIL_OK || !source_name_valid(name))
		return TRAIL_INVALID;
	*text = strndup((const char *)name.data, name.len);
	return *text ? TRAIL_OK : TRAIL_NOMEM;
}

static enum trail_err peer_name(struct span payload, char **text)
{
	uint8_t room[NAME_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct peer_name peer;
	if (peer_decode(payload, &arena, &peer) != TRAIL_OK)
		return TRAIL_INVALID;
	/* The name's bytes are foreign, but without NUL: %.*s copies them as they are. */
	if (asprintf(text, "%s:%.*s", peer_type_word(peer.type), (int)peer.name.len,
		    (const char *)peer.name.data) >= 0)
		return TRAIL_OK;
	*text = NULL;
	return TRAIL_NOMEM;
}

enum trail_err item_name(const struct item *item, char **name)
{
	*name = NULL;
	if (item->record.kind != KIND_SOURCE && item->record.kind != KIND_PEER)
		return TRAIL_INVALID;
	if (!item_is_open(item))
		return TRAIL_OK;
	return item->record.kind == KIND_SOURCE ? source_name(item->shown->payload, name)
						: peer_name(item->shown->payload, name);
}

struct known_name {
	uint64_t index;
	char name[SOURCE_NAME_MAX + 1];
};

static int compare_names(const void *a, const void *b)
{
	const struct known_name *left = a, *right = b;
	return strcmp(left->name, right->name);
}

bool name_book_fits(struct name_book *book, const char *name, uint64_t index)
{
	struct known_name wanted = { .index = index };
	memcpy(wanted.name, name, strnlen(name, SOURCE_NAME_MAX));
	struct known_name **found = tfind(&wanted, &book->names, compare_names);
	if (found)
		return (*found)->index == index;
	struct known_name *kept = malloc(sizeof *kept);
	if (kept)
		*kept = wanted;
	if (!kept || !tsearch(kept, &book->names, compare_names)) {
		free(kept);
		book->failed = true;
	}
	return true;
}

void name_book_release(struct name_book *book)
{
	tdestroy(book->names, free);
	*book = (struct name_book){ 0 };
}
