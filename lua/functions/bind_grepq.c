// SPDX-License-Identifier: BSD-2-Clause
// grepq(): recent queries and answers that match.
#include "dnsproxy/guard/ring_reports.h"
#include "lua/binder/classes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_FILE };

static const struct param options[] = {
    [OUTPUT_FILE] = {.name = "outputFile",
                     .type = PARAM_STRING,
                     .optional = true,
                     .help = "write the table to this new file instead of the console"},
    {.type = PARAM_END}};

static bool
bind_grepq_write_all(int fd, const char *data, size_t size)
{
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

static void
bind_grepq_write_file(const struct call *c, const char *path, const struct text *table)
{
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    binder_refuse(c->function->name, "Error opening the file for writing: %s", strerror(errno));
    return;
  }
  bool good = bind_grepq_write_all(fd, table->data, table->size);
  int error = errno;
  if (close(fd) != 0 || !good)
    binder_refuse(c->function->name, "Error writing the file: %s", strerror(good ? errno : error));
}

static int
bind_grepq_grepq(struct call *c)
{
  struct ring_grep grep = {.limit = c->args[1].integer > 0 ? (uint64_t)c->args[1].integer : 0};
  const struct value *filters = &c->args[0];
  for (size_t i = 0; i < filters->list.count; i++) {
    const struct bytes *text = &filters->list.strings[i];
    if (!ring_grep_add(&grep, text->data, text->size)) {
      binder_refuse(c->function->name, "'%s' is no netmask, no time such as 100ms, and no domain", text->data);
      return 0;
    }
  }
  if (!c->args[2].given || !c->args[2].options[OUTPUT_FILE].given) {
    ring_grep_text(&grep, binder_output());
    return 0;
  }
  struct text table;
  text_init(&table);
  ring_grep_text(&grep, &table);
  bind_grepq_write_file(c, c->args[2].options[OUTPUT_FILE].string.data, &table);
  text_fini(&table);
  return 0;
}

const struct lua_function functions_grepq[] = {
    {.name = "grepq",
     .help = "Print recent queries and answers: of clients in a netmask, of names at or below a domain, slower than \"100ms\"",
     .params = PARAMS({.name = "filters", .type = PARAM_STRINGS, .help = "all must match; the last of each kind counts"},
                      {.name = "limit", .type = PARAM_INT, .optional = true, .help = "newest queries and newest answers"},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = options}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_grepq_grepq},
    {.name = NULL}};
