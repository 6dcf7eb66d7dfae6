/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include "cli.h"
#include "output.h"

#include <errno.h>
#include <string.h>

int file_read(const char *path, char *out, size_t room, size_t *len)
{
	FILE *f = fopen(path, "re");
	if (!f) {
		say("cannot read %s: %s", path, strerror(errno));
		return EXIT_IO;
	}
	*len = fread(out, 1, room, f);
	bool failed = ferror(f) != 0;
	(void)fclose(f);
	if (!failed)
		return EXIT_OK;
	say("cannot read %s", path);
	return EXIT_IO;
}
