/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild check: verifies a store on disk, with no daemon, and writes nothing. See traild-check(8).
 */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

/*
 * argv[0] is "check". The report goes to stdout, all else to stderr. Answers the exit code: 0
 * valid, 2 usage, 3 could not read, 5 invalid, 6 unverifiable.
 */
int check_main(int argc, char **argv);

#endif
