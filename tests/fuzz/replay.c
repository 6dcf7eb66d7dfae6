/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files, or the files of folders, given as arguments: any compiler can so
 * run the corpora, and a crash that libFuzzer found can be looked at in any debugger.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	INPUT_MAX = 2 << 20,
	PATH_LEN_MAX = 4096,
};

static unsigned replayed;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *read = malloc(INPUT_MAX);
	uint8_t *input = NULL;
	int rc = -1;
	if (!file || !read)
		goto out;
	size_t len = fread(read, 1, INPUT_MAX, file);
	if (ferror(file))
		goto out;
	/* Just as long as the input, so that a step beyond it is seen. */
	input = malloc(len > 0 ? len : 1);
	if (!input)
		goto out;
	memcpy(input, read, len);
	rc = LLVMFuzzerTestOneInput(input, len);
	replayed++;
out:
	if (rc != 0)
		fprintf(stderr, "%s: cannot be replayed\n", path);
	if (file)
		(void)fclose(file);
	free(input);
	free(read);
	return rc;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		return -1;
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(folder))) {
		char file[PATH_LEN_MAX];
		if (entry->d_name[0] == '.')
			continue;
		int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		rc = len > 0 && (size_t)len < sizeof file ? replay_file(file) : -1;
	}
	(void)closedir(folder);
	return rc;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int rc = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? replay_folder(argv[i])
									: replay_file(argv[i]);
		if (rc != 0)
			return 1;
	}
	/* A replay of nothing proves nothing. */
	printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
