// SPDX-License-Identifier: BSD-2-Clause
// A file that rules append records to.
#include "rules/act/log_file.h"

#include "dnsproxy/base/log_sink.h"
#include "dnsproxy/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct log_file {
  struct log_sink *sink;
  char *path;
  bool append, buffered;
};

static enum log_file_use use;

void
log_files_use(enum log_file_use new_use)
{
  use = new_use;
}

// Without a wait for somebody at the other end of a pipe.
static int
log_file_descriptor(const struct log_file *l, struct fault *f)
{
  const char *path = use == LOG_FILE_NONE ? "/dev/null" : l->path;
  int how = l->append || use == LOG_FILE_CHECK ? O_APPEND : O_TRUNC;
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | how, 0666);
  if (fd < 0)
    fault_set(f, FAULT_CAUGHT, "Unable to open file '%s' for logging: %s", l->path, strerror(errno));
  return fd;
}

struct log_file *
log_file_open(const char *path, bool append, bool buffered, struct fault *f)
{
  struct log_file *l = memory_new(sizeof *l);
  l->path = memory_string(path);
  l->append = append;
  l->buffered = buffered;
  int fd = log_file_descriptor(l, f);
  if (fd < 0) {
    free(l->path);
    free(l);
    return NULL;
  }
  l->sink = log_sink_open(fd, path, buffered);
  return l;
}

void
log_file_close(struct log_file **slot)
{
  struct log_file *l = *slot;
  if (l == NULL)
    return;
  *slot = NULL;
  log_sink_close(&l->sink);
  free(l->path);
  free(l);
}

void
log_file_write(struct log_file *l, const void *record, size_t size)
{
  log_sink_put(l->sink, record, size);
}

bool
log_file_reopen(struct log_file *l, struct fault *f)
{
  int fd = log_file_descriptor(l, f);
  if (fd < 0)
    return false;
  log_sink_replace(l->sink, fd);
  return true;
}

const char *
log_file_path(const struct log_file *l)
{
  return l->path;
}
