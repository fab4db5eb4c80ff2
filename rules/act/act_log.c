// SPDX-License-Identifier: BSD-2-Clause
// LogAction and LogResponseAction: queries and answers to the log, or to a file as text or in a compact binary form.
//
//   no file       verbose lines of the log, or all with verboseOnly = false
//   a file        a record each, put into a queue (rules/act/log_file): no worker waits for a disk
//
// A file is opened where the action is made and an error told there; action:reload() opens it anew after it was rotated. A
// made-up query logs nothing, and explain() says that it would have.
//
// Made by control, run by workers.
#include "dnsproxy/base/log.h"
#include "dnsproxy/wire/codes.h"
#include "rules/act/action.h"
#include "rules/act/log_file.h"

#include <stdio.h>
#include <string.h>

struct log_action {
  struct action base;
  struct log_file *file; // NULL: the log
  bool binary, verbose_only, timestamp;
};

enum { LINE_SIZE = NAME_TEXT_SIZE + 256 };

// The rows that both sides share; a query's have `binary` behind the first.
#define FILE_ROW {.name = "file", .type = PARAM_STRING, .optional = true, .fallback = "",                              \
                  .help = "path; empty: the log"}
#define LOG_ROWS                                                                                                       \
  {.name = "append", .type = PARAM_BOOL, .optional = true, .fallback = "false",                                        \
   .help = "keep what the file holds"},                                                                                \
      {.name = "buffered", .type = PARAM_BOOL, .optional = true, .fallback = "false",                                  \
       .help = "write when a buffer is full"},                                                                         \
      {.name = "verboseOnly", .type = PARAM_BOOL, .optional = true, .fallback = "true",                                \
       .help = "to the log: in verbose mode only"},                                                                    \
      {.name = "includeTimestamp", .type = PARAM_BOOL, .optional = true, .fallback = "false",                          \
       .help = "with the time of arrival"},                                                                            \
      {.type = PARAM_END}

// rest: append, buffered, verboseOnly, includeTimestamp
static bool
act_log_open(struct log_action *a, const char *path, const struct value *rest, struct fault *f)
{
  a->verbose_only = rest[2].boolean;
  a->timestamp = rest[3].boolean;
  if (path[0] == '\0')
    return true;
  a->file = log_file_open(path, rest[0].boolean, rest[1].boolean, f);
  return a->file != NULL;
}

static bool
act_log_init(struct action *base, const struct value *args, struct fault *f)
{
  struct log_action *a = (struct log_action *)base;
  a->binary = args[1].boolean;
  return act_log_open(a, args[0].string.data, args + 2, f);
}

static bool
act_log_response_init(struct action *base, const struct value *args, struct fault *f)
{
  return act_log_open((struct log_action *)base, args[0].string.data, args + 1, f);
}

static void
act_log_fini(struct action *base)
{
  log_file_close(&((struct log_action *)base)->file);
}

static bool
act_log_reload(struct action *base, struct fault *f)
{
  struct log_action *a = (struct log_action *)base;
  return a->file == NULL || log_file_reopen(a->file, f);
}

static void
act_log_show(const struct action *base, struct text *out)
{
  const struct log_action *a = (const struct log_action *)base;
  text_puts(out, a->file == NULL ? "log" : "log to ");
  text_puts(out, a->file == NULL ? "" : log_file_path(a->file));
}

static size_t
act_log_put(uint8_t *record, size_t at, const void *bytes, size_t size)
{
  memcpy(record + at, bytes, size);
  return at + size;
}

// [seconds 8, nanoseconds 4,] id 2, name as on the wire, type 2, family 2, address 4 or 16, port 2; numbers in host
// order but for the id, address and port, which are as on the wire.
static void
act_log_write_binary(const struct log_action *a, const struct query *q)
{
  uint8_t record[NAME_MAX_SIZE + 64];
  size_t at = 0, address_bytes;
  if (a->timestamp) {
    uint64_t seconds = q->worker->wall_us / 1000000;
    uint32_t nanoseconds = (uint32_t)(q->worker->wall_us % 1000000 * 1000);
    at = act_log_put(record, at, &seconds, sizeof seconds);
    at = act_log_put(record, at, &nanoseconds, sizeof nanoseconds);
  }
  const uint8_t *address = address_raw(&q->arrival.client, &address_bytes);
  uint16_t family = q->arrival.client.sa.sa_family;
  at = act_log_put(record, at, q->packet.data, 2);
  at = act_log_put(record, at, q->qname.bytes, q->qname.size);
  at = act_log_put(record, at, &q->qtype, sizeof q->qtype);
  at = act_log_put(record, at, &family, sizeof family);
  at = act_log_put(record, at, address, address_bytes);
  message_put_u16(record + at, address_port(&q->arrival.client));
  log_file_write(a->file, record, at + 2);
}

static void
act_log_write_line(const struct log_action *a, const struct query *q, const char *sentence)
{
  char line[LINE_SIZE + 64];
  int size = 0;
  if (a->timestamp)
    size = snprintf(line, sizeof line, "[%llu.%09llu] ", (unsigned long long)(q->worker->wall_us / 1000000),
                    (unsigned long long)(q->worker->wall_us % 1000000 * 1000));
  if (a->file == NULL) {
    snprintf(line + size, sizeof line - (size_t)size, "%s", sentence);
    if (a->verbose_only)
      log_verbose("rules", "%s", line);
    else
      log_info("rules", "%s", line);
    return;
  }
  size += snprintf(line + size, sizeof line - (size_t)size, "%s\n", sentence);
  log_file_write(a->file, line, (size_t)size);
}

// Nothing to do but to find that out: the common state of a log line kept for bad days.
static bool
act_log_is_silent(const struct log_action *a)
{
  return a->file == NULL && a->verbose_only && !log_settings()->verbose;
}

static enum verdict
act_log_run(const struct action *base, struct query *q)
{
  const struct log_action *a = (const struct log_action *)base;
  if (act_log_is_silent(a))
    return VERDICT_NEXT;
  if (a->file != NULL && a->binary) {
    act_log_write_binary(a, q);
    return VERDICT_NEXT;
  }
  char line[LINE_SIZE], name[NAME_TEXT_SIZE], client[ADDRESS_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  snprintf(line, sizeof line, "Packet from %s for %s %s with id %u", address_text_with_port(&q->arrival.client, client),
           name_text(&q->qname, name), qtype_text(q->qtype, type), message_id(q->packet.data));
  act_log_write_line(a, q, line);
  return VERDICT_NEXT;
}

static enum verdict
act_log_response_run(const struct action *base, struct query *q)
{
  const struct log_action *a = (const struct log_action *)base;
  if (act_log_is_silent(a))
    return VERDICT_NEXT;
  char line[LINE_SIZE], name[NAME_TEXT_SIZE], client[ADDRESS_TEXT_SIZE], type[QTYPE_TEXT_SIZE], rcode[RCODE_TEXT_SIZE];
  snprintf(line, sizeof line, "Answer to %s for %s %s (%s) with id %u", address_text_with_port(&q->arrival.client, client),
           name_text(&q->qname, name), qtype_text(q->qtype, type),
           rcode_text(message_rcode(q->packet.data), rcode, sizeof rcode), message_id(q->packet.data));
  act_log_write_line(a, q, line);
  return VERDICT_NEXT;
}

const struct action_kind act_log = {
    .name = "LogAction",
    .help = "Log the query to a file (binary or text) or to the log; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        FILE_ROW,
        {.name = "binary", .type = PARAM_BOOL, .optional = true, .fallback = "true",
         .help = "compact records instead of text, to a file"},
        LOG_ROWS},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct log_action),
    .init = act_log_init,
    .fini = act_log_fini,
    .run = act_log_run,
    .show = act_log_show,
    .reload = act_log_reload,
};

const struct action_kind act_log_response = {
    .name = "LogResponseAction",
    .help = "Log the answer as text to a file or to the log; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){FILE_ROW, LOG_ROWS},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct log_action),
    .init = act_log_response_init,
    .fini = act_log_fini,
    .run = act_log_response_run,
    .show = act_log_show,
    .reload = act_log_reload,
};
