/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found when a log is verified, by `traild check` or by a client, under codes that never
 * change their meaning: scripts match them and traild-check(8) lists them. A list of findings is
 * bounded; what does not fit is counted all the same, so a verdict never hangs on the room for it.
 */
#ifndef PROTO_FINDINGS_H
#define PROTO_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FINDINGS_MAX = 1000, /* listed; the rest is only counted */
	FINDING_WHAT_LEN = 360,
};

/* The finding names no record. */
#define FINDING_NOWHERE UINT64_MAX

/*
 * INVALID: the bytes contradict what they claim. UNVERIFIABLE: this program cannot tell.
 * Name, code, weight, and what it means (the man page has the same text).
 */
#define FINDING_LIST(X)                                                                            \
	X(STORE_VERSION, "store.version", INVALID, "VERSION is not that of a trail store")         \
	X(STORE_NEWER, "store.newer", UNVERIFIABLE, "the store has a format of a later traild")    \
	X(STORE_META, "store.meta", INVALID,                                                       \
		"the meta pages of data.mdb fit neither the file nor each other")                  \
	X(STORE_TABLE, "store.table", INVALID, "the tables of data.mdb cannot be opened")          \
	X(STORE_STRANGER, "store.stranger", INVALID,                                               \
		"data.mdb holds a table that no traild makes")                                     \
	X(STORE_UNREADABLE, "store.unreadable", INVALID,                                           \
		"reading a part of a table fails or ends the process that reads")                  \
	X(STORE_ORDER, "store.order", INVALID,                                                     \
		"the keys of a table do not ascend, or have a wrong length")                       \
	X(STORE_COUNT, "store.count", INVALID,                                                     \
		"a table has more or fewer rows than its root says")                               \
	X(IDENTITY_VKEY, "identity.vkey", INVALID,                                                 \
		"the file vkey is missing or not that of record 0")                                \
	X(IDENTITY_FILE, "identity.file", INVALID,                                                 \
		"the file identity is missing or not that of record 0")                            \
	X(IDENTITY_GIVEN, "identity.given", INVALID, "this is not the log that --log names")       \
	X(SPINE_MISSING, "spine.missing", INVALID, "records are missing")                          \
	X(SPINE_EXTRA, "spine.extra", INVALID, "a row of records lies where none belongs")         \
	X(SPINE_LENGTH, "spine.length", INVALID, "a row is not a whole number of records")         \
	X(SPINE_UNKNOWN, "spine.unknown", UNVERIFIABLE,                                            \
		"a version, kind or flag that this traild does not know")                          \
	X(SPINE_GENESIS, "spine.genesis", INVALID, "record 0 is not a beginning of a log")         \
	X(SPINE_PREV, "spine.prev", INVALID,                                                       \
		"a record is not the one that the next was chained to")                            \
	X(SPINE_TIME, "spine.time", INVALID, "a record was received before its predecessor")       \
	X(SPINE_SOURCE, "spine.source", INVALID, "a record's source is no earlier SOURCE entry")   \
	X(SPINE_PEER, "spine.peer", INVALID,                                                       \
		"a record's peer is no earlier PEER entry, or not the one that owns the epoch")    \
	X(SPINE_CONTROL, "spine.control", INVALID,                                                 \
		"a control entry has a source, number, class or flag")                             \
	X(SPINE_SEQ, "spine.seq", INVALID,                                                         \
		"a number is used twice, goes back, or leaves an undeclared hole")                 \
	X(SPINE_LOSS, "spine.loss", INVALID, "loss is declared where no number is missing")        \
	X(SPINE_EPOCH, "spine.epoch", INVALID,                                                     \
		"epoch 0 without its flag, or an own event outside the daemon's run")              \
	X(SPINE_EPOCHS, "spine.epochs", UNVERIFIABLE, "too many epochs to follow their numbers")   \
	X(TILE_ROW, "tile.row", INVALID, "a row of tree nodes has a wrong key or length")          \
	X(TILE_MISSING, "tile.missing", INVALID, "tree nodes are missing")                         \
	X(TILE_EXTRA, "tile.extra", INVALID, "tree nodes that no commit finished")                 \
	X(TILE_HASH, "tile.hash", INVALID, "a tree node is not what the records give")             \
	X(CONTROL_MISSING, "control.missing", INVALID,                                             \
		"the payload of a control entry is missing")                                       \
	X(CONTROL_EXTRA, "control.extra", INVALID, "a control payload without its record")         \
	X(CONTROL_ROW, "control.row", INVALID,                                                     \
		"a control row is malformed or of another kind than its record")                   \
	X(CONTROL_COMMITMENT, "control.commitment", INVALID,                                       \
		"a control payload is not what its record commits to")                             \
	X(CONTROL_PAYLOAD, "control.payload", INVALID,                                             \
		"a control payload is not what its kind demands")                                  \
	X(CONTROL_NAME, "control.name", INVALID,                                                   \
		"a source or peer name is malformed or given twice")                               \
	X(CONTROL_UNJUDGED, "control.unjudged", UNVERIFIABLE,                                      \
		"a control payload whose content this traild cannot judge")                        \
	X(PAYLOAD_CHUNK, "payload.chunk", INVALID, "a chunk is malformed or its tag does not fit") \
	X(PAYLOAD_SEALED, "payload.sealed", UNVERIFIABLE,                                          \
		"a chunk of another version, or one that needs keys")                              \
	X(PAYLOAD_PLACE, "payload.place", INVALID,                                                 \
		"a chunk joins records of two commits or months")                                  \
	X(PAYLOAD_MISSING, "payload.missing", INVALID, "the payload of a record is missing")       \
	X(PAYLOAD_ERASED, "payload.erased", UNVERIFIABLE,                                          \
		"a payload is missing and the log holds an ERASURE")                               \
	X(PAYLOAD_EXTRA, "payload.extra", INVALID, "a payload without its record, or kept twice")  \
	X(PAYLOAD_COMMITMENT, "payload.commitment", INVALID,                                       \
		"a payload is not what its record commits to")                                     \
	X(PAYLOAD_EVENT, "payload.event", INVALID, "a payload is not a valid event")               \
	X(PAYLOAD_CLASSES, "payload.classes", UNVERIFIABLE,                                        \
		"more classes than this traild checks")                                            \
	X(SOURCE_ROW, "source.row", INVALID,                                                       \
		"a state row is malformed or its checksum does not fit")                           \
	X(SOURCE_MISSING, "source.missing", INVALID, "an open epoch has no state row")             \
	X(SOURCE_EXTRA, "source.extra", INVALID,                                                   \
		"a state row of a source or epoch that the log does not know")                     \
	X(SOURCE_STATE, "source.state", INVALID, "a state row is not what the records give")       \
	X(HEAD_ROW, "head.row", INVALID,                                                           \
		"a kept checkpoint is malformed or stands under another size")                     \
	X(HEAD_NOTE, "head.note", INVALID, "a kept checkpoint is not signed by the log")           \
	X(HEAD_LINES, "head.lines", UNVERIFIABLE,                                                  \
		"a kept checkpoint has signature lines of other keys")                             \
	X(HEAD_SIZE, "head.size", INVALID, "a kept checkpoint is larger than the store")           \
	X(HEAD_ROOT, "head.root", INVALID,                                                         \
		"the records do not give the root of a kept checkpoint")                           \
	X(HEAD_MISSING, "head.missing", INVALID, "no checkpoint is kept where one must be")        \
	X(SIGNER_HEAD, "signer.head", UNVERIFIABLE, "the signer's head cannot be read")            \
	X(SIGNER_NOTE, "signer.note", INVALID, "the signer's head is not signed by the log")       \
	X(SIGNER_SIZE, "signer.size", INVALID,                                                     \
		"the signer signed more records than the store holds")                             \
	X(SIGNER_ROOT, "signer.root", INVALID,                                                     \
		"the records do not give the root that the signer signed")                         \
	X(CHECKPOINT_NOTE, "checkpoint.note", INVALID,                                             \
		"the given checkpoint is not signed by this log")                                  \
	X(CHECKPOINT_SIZE, "checkpoint.size", INVALID,                                             \
		"the given checkpoint is larger than the store")                                   \
	X(CHECKPOINT_ROOT, "checkpoint.root", INVALID,                                             \
		"the records do not give the root of the given checkpoint")                        \
	X(SPINE_ENTRIES, "spine.entries", UNVERIFIABLE,                                            \
		"too many entries to follow the numbers that name them")                           \
	X(DAEMON_CONTACT, "daemon.contact", INVALID,                                               \
		"the daemon is not the log that is known, or contradicts what was seen of it")     \
	X(DAEMON_PAGE, "daemon.page", INVALID,                                                     \
		"the daemon's answer is malformed or not what was asked")                          \
	X(DAEMON_PROOF, "daemon.proof", INVALID, "a proof that the daemon gave does not hold")     \
	X(DAEMON_WITHHELD, "daemon.withheld", UNVERIFIABLE,                                        \
		"the daemon does not give what its checkpoint covers")                             \
	X(SUCCESSION_MALFORMED, "succession.malformed", INVALID,                                   \
		"what record 0 says of a predecessor is malformed")                                \
	X(SUCCESSION_SELF, "succession.self", INVALID,                                             \
		"record 0 names this log itself, or its key, as its predecessor")                  \
	X(SUCCESSION_NOTE, "succession.note", INVALID,                                             \
		"the predecessor's checkpoint in record 0 is not signed by the predecessor")       \
	X(SUCCESSION_AFTER, "succession.after", INVALID,                                           \
		"a record stands behind the entry that closed the log")                            \
	X(SEAL_GENESIS, "seal.genesis", UNVERIFIABLE,                                              \
		"seals cannot be judged, as the genesis record is not at hand")                    \
	X(SEAL_MALFORMED, "seal.malformed", INVALID, "a SEAL is malformed")                        \
	X(SEAL_ORIGIN, "seal.origin", INVALID, "a SEAL is one of another log")                     \
	X(SEAL_KEY, "seal.key", INVALID,                                                           \
		"a SEAL's key is not that of its epoch in the log's seal tree")                    \
	X(SEAL_SIGNATURE, "seal.signature", INVALID, "a SEAL is not signed by its key")            \
	X(SEAL_EPOCH, "seal.epoch", INVALID, "a SEAL has another epoch than is due")               \
	X(SEAL_PLACE, "seal.place", INVALID, "a SEAL was made for another index")                  \
	X(SEAL_ROOT, "seal.root", INVALID, "the records do not give the root that a SEAL seals")   \
	X(SEAL_TIME, "seal.time", INVALID, "a SEAL and its record have different times")           \
	X(SEAL_GAP, "seal.gap", UNVERIFIABLE, "two SEALs lie further apart than the log promises") \
	X(SEAL_OLD, "seal.old", INVALID,                                                           \
		"the newest SEAL of a running log is older than the log promises")                 \
	X(EVIDENCE_MALFORMED, "evidence.malformed", INVALID,                                       \
		"the file is no proof, or its evidence is malformed")                              \
	X(EVIDENCE_IDENTITY, "evidence.identity", UNVERIFIABLE,                                    \
		"no log identity was given, so the proof itself says which log it is of")          \
	X(EVIDENCE_GENESIS, "evidence.genesis", INVALID,                                           \
		"its first record is not the one that the log identity names")                     \
	X(EVIDENCE_NOTE, "evidence.note", INVALID, "its checkpoint is not signed by the log")      \
	X(EVIDENCE_ITEMS, "evidence.items", INVALID,                                               \
		"a record that belongs to it is missing, or one is out of place")                  \
	X(EVIDENCE_PATH, "evidence.path", INVALID,                                                 \
		"a record is not in the tree of the checkpoint")                                   \
	X(EVIDENCE_COMMITMENT, "evidence.commitment", INVALID,                                     \
		"a payload is not what its record commits to")                                     \
	X(EVIDENCE_EVENT, "evidence.event", INVALID, "a payload is not a valid event")             \
	X(EVIDENCE_NAME, "evidence.name", INVALID,                                                 \
		"the source or peer is not an earlier entry that gives a name")                    \
	X(EVIDENCE_UNKNOWN, "evidence.unknown", UNVERIFIABLE,                                      \
		"a version, kind or flag that this program does not know")                         \
	X(EVIDENCE_ERASED, "evidence.erased", UNVERIFIABLE,                                        \
		"a payload is not in it: it was erased, or left out")                              \
	X(EVIDENCE_UNSEALED, "evidence.unsealed", UNVERIFIABLE, "a record was not sealed yet")     \
	X(EVIDENCE_SEAL, "evidence.seal", INVALID, "the SEAL of its checkpoint does not fit")      \
	X(EVIDENCE_EPOCH, "evidence.epoch", INVALID,                                               \
		"a SEAL between the record and its checkpoint is missing")                         \
	X(EVIDENCE_BEFORE, "evidence.before", INVALID, "the SEAL before the record does not fit")  \
	X(EVIDENCE_COSIGNATURE, "evidence.cosignature", INVALID,                                   \
		"a witness's line does not verify")                                                \
	X(EVIDENCE_QUORUM, "evidence.quorum", UNVERIFIABLE,                                        \
		"fewer witnesses cosigned than the policy asks for")                               \
	X(EVIDENCE_STAMP, "evidence.stamp", INVALID, "the time stamp does not hold")               \
	X(TREE_UNPINNED, "tree.unpinned", UNVERIFIABLE,                                            \
		"nothing names the first record of the log that is published")                     \
	X(TREE_IDENTITY, "tree.identity", INVALID,                                                 \
		"the identity file in the folder is malformed, or not that of the log")            \
	X(TREE_CHECKPOINT, "tree.checkpoint", INVALID,                                             \
		"the published checkpoint is missing, malformed, or not signed by the log")        \
	X(TREE_ENTRIES, "tree.entries", INVALID,                                                   \
		"published entries are missing, malformed, or not those of the tree")              \
	X(TREE_TILE, "tree.tile", INVALID,                                                         \
		"a tile is missing, malformed, or not what the entries give")                      \
	X(TREE_ROOT, "tree.root", INVALID,                                                         \
		"the entries do not give the root of the published checkpoint")                    \
	X(TREE_UNREADABLE, "tree.unreadable", UNVERIFIABLE,                                        \
		"a file of the published log cannot be read")                                      \
	X(TREE_STRANGER, "tree.stranger", UNVERIFIABLE,                                            \
		"something lies among the tiles that is none")                                     \
	X(PUBLISH_PREFIX, "publish.prefix", INVALID,                                               \
		"the log does not extend what was published before")                               \
	X(EVIDENCE_QUESTION, "evidence.question", INVALID,                                         \
		"the log's event of the question is missing, or tells of something else")          \
	X(EVIDENCE_ROWS, "evidence.rows", INVALID, "a row is not what its record says")            \
	X(EVIDENCE_FOLDER, "evidence.folder", INVALID,                                             \
		"a file of the folder is missing, was changed, or does not belong there")          \
	X(INDEX_DROPPED, "index.dropped", INVALID,                                                 \
		"the index lacks a record that it must name: searches left it out")                \
	X(INDEX_ADDED, "index.added", INVALID,                                                     \
		"the index names a record where it does not belong")                               \
	X(INDEX_DAMAGED, "index.damaged", INVALID,                                                 \
		"a file of the index contradicts its seal, or itself")                             \
	X(INDEX_UNJUDGED, "index.unjudged", UNVERIFIABLE,                                          \
		"a part of the index could not be compared with the log")                          \
	X(INDEX_NONE, "index.none", UNVERIFIABLE, "the daemon keeps no index")

#define FINDING_NAME(name, code, weight, meaning) FIND_##name,
enum finding_code {
	FINDING_LIST(FINDING_NAME) FINDING_CODES
};
#undef FINDING_NAME

enum finding_weight {
	WEIGHT_INVALID,
	WEIGHT_UNVERIFIABLE,
};

struct finding {
	uint32_t code;  /* enum finding_code; a plain number, as it crosses processes */
	uint64_t index; /* of the record, or FINDING_NOWHERE */
	char what[FINDING_WHAT_LEN]; /* a sentence: what is wrong, where, what to do */
};

/* Plain memory without pointers, so that it can be shared between processes. Zeroed: empty. */
struct findings {
	uint64_t invalid;
	uint64_t unverifiable;
	/* 1 + the lowest index; 0: no finding names one. */
	uint64_t first_exact_1; /* of a record that is bad */
	uint64_t first_range_1; /* from which on a root does not fit */
	uint64_t first_cut_1;   /* from which on a larger head shows that records are missing */
	uint32_t listed;
	struct finding list[FINDINGS_MAX];
};

/* "payload.commitment". Any number that is no code: "?". */
const char *finding_code(uint32_t code);
/* What the code means, one clause. */
const char *finding_meaning(uint32_t code);
enum finding_weight finding_weight(uint32_t code);
/*
 * Where the damage begins: the first record that is named, else the first of the range between the
 * last head that fits and the first that does not, else the first that was cut off. *exact: it is
 * that one, and not one of a range that begins there. False: no finding names a record.
 */
bool findings_first_bad(const struct findings *all, uint64_t *index, bool *exact);

/* Count and, while there is room, list one. `what` is printf text, cut to fit. */
void findings_add(struct findings *all, enum finding_code code, uint64_t index, const char *what,
	...) __attribute__((format(printf, 4, 5)));
/*
 * Add what another process found to `all`. `theirs` is believed in nothing but its bounds: it may
 * have been written to by a process that went astray.
 */
void findings_join(struct findings *all, const struct findings *theirs);

#endif
