// SPDX-License-Identifier: BSD-2-Clause
// The main() of a fuzz target in `make check`: feeds it every file of the directories given as arguments; without any,
// of fuzz/seeds/NAME below $srcdir, NAME being the program's.
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The bytes get memory of exactly their size, so that a sanitizer sees any step over the end.
static void
replay_file(const char *path)
{
  static uint8_t content[1 << 20];
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  size_t size = fread(content, 1, sizeof content, file);
  fclose(file);
  uint8_t *exact = malloc(size > 0 ? size : 1);
  assert(exact != NULL);
  memcpy(exact, content, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
}

static unsigned
replay_directory(const char *path)
{
  unsigned count = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) {
    perror(path);
    exit(1);
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    char file[4096];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    replay_file(file);
    count++;
  }
  closedir(directory);
  return count;
}

int
main(int argc, char **argv)
{
  unsigned count = 0;
  for (int i = 1; i < argc; i++)
    count += replay_directory(argv[i]);
  if (argc == 1) {
    const char *source = getenv("srcdir"), *slash = strrchr(argv[0], '/');
    char seeds[4096];
    snprintf(seeds, sizeof seeds, "%s/fuzz/seeds/%s", source != NULL ? source : ".", slash != NULL ? slash + 1 : argv[0]);
    count = replay_directory(seeds);
  }
  printf("%u inputs replayed\n", count);
  return count > 0 ? 0 : 1; // nothing replayed is nothing tested
}
