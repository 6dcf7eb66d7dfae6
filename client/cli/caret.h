/* SPDX-License-Identifier: Apache-2.0 */
/* Pointing at a place in a line that somebody typed. */
#ifndef CLI_CARET_H
#define CLI_CARET_H

#include <stddef.h>
#include <stdio.h>

/*
 * Print `text` on a line of its own, and below it carets under the word that begins at byte `at`.
 * Nothing where that does not fit into `columns`, for then it would point elsewhere.
 */
void print_caret(FILE *to, const char *text, size_t at, unsigned columns);

#endif
