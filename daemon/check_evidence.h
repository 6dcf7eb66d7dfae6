/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small files around a store that `traild check` compares it with. Only reads.
 */
#ifndef DAEMON_CHECK_EVIDENCE_H
#define DAEMON_CHECK_EVIDENCE_H

#include "check_scan.h"

/*
 * Keep daemons out while we look: a shared lock on D/lock, where there is one (none is made). *fd
 * is to be closed at the end; -1: there is no such file. TRAIL_BUSY: a daemon holds it. TRAIL_IO
 * (errno).
 */
enum trail_err evidence_lock(const char *state, int *fd);

/*
 * Whether D/VERSION names a format that this program checks; else a finding, and false.
 * A missing or unreadable one is a finding too.
 */
bool evidence_version(const char *state, struct findings *found);

/*
 * Read D/vkey, D/identity and D/signer/head into *e; what is missing or malformed stays empty, for
 * the scan to speak of.
 */
void evidence_read(const char *state, struct evidence *e);
/* --signer-dir DIR, in place of D/signer. TRAIL_IO (errno): its head cannot be read. */
enum trail_err evidence_signer(const char *folder, struct evidence *e);
/* --log FILE. TRAIL_IO (errno). TRAIL_INVALID: it is no log identity file. */
enum trail_err evidence_pin(const char *path, struct evidence *e);
/* --checkpoint FILE. TRAIL_IO (errno). TRAIL_INVALID: empty or too long for a checkpoint. */
enum trail_err evidence_checkpoint(const char *path, struct evidence *e);

#endif
