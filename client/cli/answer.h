/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a question, as it is shown: which rows, in which order, and how complete it is. The
 * rows go to standard output, all that is said about them to standard error.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "asking.h"

/*
 * Open the log, ask, show; or say how the question is understood, for which no daemon is needed.
 * Answers the exit code.
 */
int answer_show(struct cli *cli, struct asking *asking);

#endif
