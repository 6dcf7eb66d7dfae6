/* SPDX-License-Identifier: Apache-2.0 */
/* The README.txt of a folder of evidence. */
#ifndef CLI_FOLDER_README_H
#define CLI_FOLDER_README_H

enum {
	FOLDER_README_PARTS = 3
};
/* One behind the other. */
extern const char *const FOLDER_README_TEXTS[FOLDER_README_PARTS];

#endif
