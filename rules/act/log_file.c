// SPDX-License-Identifier: BSD-2-Clause
// A file that rules append records to.
#include "rules/act/log_file.h"

#include "dnsproxy/base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log_file {
  pthread_mutex_t mutex;
  FILE *file;
  char *path;
  bool append, buffered;
};

static enum log_file_use use;

void
log_files_use(enum log_file_use new_use)
{
  use = new_use;
}

static FILE *
open_stream(const struct log_file *l, struct fault *f)
{
  const char *path = use == LOG_FILE_NONE ? "/dev/null" : l->path;
  FILE *file = fopen(path, l->append || use == LOG_FILE_CHECK ? "ae" : "we");
  if (file == NULL)
    fault_set(f, FAULT_CAUGHT, "Unable to open file '%s' for logging: %s", l->path, strerror(errno));
  else if (!l->buffered)
    setvbuf(file, NULL, _IONBF, 0); // each record is written as one piece
  return file;
}

struct log_file *
log_file_open(const char *path, bool append, bool buffered, struct fault *f)
{
  struct log_file *l = memory_new(sizeof *l);
  l->path = memory_string(path);
  l->append = append;
  l->buffered = buffered;
  l->file = open_stream(l, f);
  if (l->file == NULL) {
    free(l->path);
    free(l);
    return NULL;
  }
  pthread_mutex_init(&l->mutex, NULL);
  return l;
}

void
log_file_close(struct log_file **slot)
{
  struct log_file *l = *slot;
  if (l == NULL)
    return;
  *slot = NULL;
  fclose(l->file);
  pthread_mutex_destroy(&l->mutex);
  free(l->path);
  free(l);
}

void
log_file_write(struct log_file *l, const void *record, size_t size)
{
  pthread_mutex_lock(&l->mutex);
  fwrite(record, 1, size, l->file);
  pthread_mutex_unlock(&l->mutex);
}

bool
log_file_reopen(struct log_file *l, struct fault *f)
{
  FILE *file = open_stream(l, f);
  if (file == NULL)
    return false;
  pthread_mutex_lock(&l->mutex);
  FILE *old = l->file;
  l->file = file;
  pthread_mutex_unlock(&l->mutex);
  fclose(old);
  return true;
}

const char *
log_file_path(const struct log_file *l)
{
  return l->path;
}
