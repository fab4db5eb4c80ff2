// SPDX-License-Identifier: BSD-2-Clause
// Composing log lines.
#include "dnsproxy/base/log_format.h"

#include "dnsproxy/base/memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
log_format_priority_text(enum log_priority priority)
{
  switch (priority) {
  case LOG_PRIO_ERROR:
    return "Error";
  case LOG_PRIO_WARNING:
    return "Warning";
  case LOG_PRIO_NOTICE:
    return "Notice";
  case LOG_PRIO_INFO:
    return "Info";
  case LOG_PRIO_DEBUG:
    return "Debug";
  }
  return "Unknown";
}

static void
log_format_add_local_time(struct text *t, const char *format, uint64_t wall_us)
{
  time_t seconds = (time_t)(wall_us / 1000000);
  struct tm local;
  char formatted[64];
  localtime_r(&seconds, &local);
  text_add(t, formatted, strftime(formatted, sizeof formatted, format, &local));
}

void
log_format_time(struct text *t, uint64_t wall_us)
{
  if (log_settings()->iso8601)
    log_format_add_local_time(t, "%Y-%m-%dT%H:%M:%S%z", wall_us);
  else
    text_printf(t, "%" PRIu64 ".%03u", wall_us / 1000000, (unsigned)(wall_us / 1000 % 1000));
}

// key="value" with a blank before all but the first. Only quotes and backslashes are escaped: newlines stay.
static void
log_format_add_quoted(struct text *t, const char *key, const char *value)
{
  if (value == NULL)
    return;
  text_printf(t, "%s%s=\"", t->size > 0 ? " " : "", key);
  for (size_t plain; *value != '\0'; value += plain) {
    plain = strcspn(value, "\"\\");
    if (plain == 0) {
      text_add(t, "\\", 1);
      plain = 1;
    }
    text_add(t, value, plain);
  }
  text_add(t, "\"", 1);
}

void
log_format_default(struct text *t, const struct log_event *e, uint64_t wall_us)
{
  const struct log_settings *settings = log_settings();
  struct text line, time;
  text_init(&line);
  text_init(&time);
  log_format_time(&time, wall_us);
  log_format_add_quoted(&line, "msg", e->message);
  log_format_add_quoted(&line, "error", e->error);
  log_format_add_quoted(&line, "subsystem", e->subsystem);
  log_format_add_quoted(&line, "level", "0");
  log_format_add_quoted(&line, "prio", log_format_priority_text(e->priority));
  log_format_add_quoted(&line, "instance", settings->instance[0] != '\0' ? settings->instance : NULL);
  log_format_add_quoted(&line, "ts", time.data);
  for (const struct log_field *f = e->fields; f != NULL && f->key != NULL; f++)
    log_format_add_quoted(&line, f->key, f->value);
  text_add(t, line.data, line.size);
  text_add(t, "\n", 1);
  text_fini(&line);
  text_fini(&time);
}

// Bytes of the UTF-8 character at `p` (RFC 3629 section 4); 0: it is none.
static size_t
log_format_utf8_size(const uint8_t *p)
{
  size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
  if (size == 4 && (p[0] < 0xf0 || p[0] > 0xf4))
    return 0;
  for (size_t i = 1; i < size; i++) // the NUL at the end is no continuation either
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
  bool outside = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
  return overlong || outside ? 0 : size;
}

static void
log_format_add_json_string(struct text *t, const char *string)
{
  text_add(t, "\"", 1);
  for (size_t size; *string != '\0'; string += size > 0 ? size : 1) {
    uint8_t c = (uint8_t)*string;
    size = log_format_utf8_size((const uint8_t *)string);
    if (c == '"' || c == '\\')
      text_printf(t, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
      text_puts(t, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    else if (c < 0x20)
      text_printf(t, "\\u%04x", c);
    else if (size == 0)
      text_puts(t, "\\ufffd"); // the replacement character
    else
      text_add(t, string, size);
  }
  text_add(t, "\"", 1);
}

static int
log_format_compare_keys(const void *a, const void *b)
{
  return strcmp(((const struct log_field *)a)->key, ((const struct log_field *)b)->key);
}

void
log_format_json(struct text *t, const struct log_event *e, uint64_t wall_us)
{
  const struct log_settings *settings = log_settings();
  const char priority[] = {(char)('0' + e->priority), '\0'};
  struct text time;
  text_init(&time);
  log_format_time(&time, wall_us);
  const struct log_field standard[] = {
      {"error", e->error},     {"instance", settings->instance[0] != '\0' ? settings->instance : NULL},
      {"level", "0"},          {"msg", e->message},
      {"priority", priority},  {"subsystem", e->subsystem},
      {"ts", time.data},
  };
  size_t own = sizeof standard / sizeof standard[0], count = own;
  for (const struct log_field *f = e->fields; f != NULL && f->key != NULL; f++)
    count++;
  struct log_field *all = memory_array(count, sizeof *all);
  memcpy(all, standard, sizeof standard);
  if (count > own)
    memcpy(all + own, e->fields, (count - own) * sizeof *all);
  qsort(all, count, sizeof *all, log_format_compare_keys);
  const char *before = "{";
  for (size_t i = 0; i < count; i++)
    if (all[i].value != NULL) {
      text_puts(t, before);
      log_format_add_json_string(t, all[i].key);
      text_puts(t, ": ");
      log_format_add_json_string(t, all[i].value);
      before = ", ";
    }
  text_puts(t, "}\n");
  free(all);
  text_fini(&time);
}

void
log_format_plain(struct text *t, const struct log_event *e, uint64_t wall_us)
{
  if (log_settings()->timestamps)
    log_format_add_local_time(t, "%b %d %H:%M:%S ", wall_us);
  text_puts(t, e->plain != NULL ? e->plain : e->message);
  if (e->plain == NULL && e->error != NULL)
    text_printf(t, ": %s", e->error);
  text_add(t, "\n", 1);
}

void
log_journal_key(struct text *t, const char *key)
{
  // Fields with a meaning of their own (systemd.journal-fields), and those of every line of ours.
  static const char *const reserved[] = {"MESSAGE",   "MESSAGE_ID", "PRIORITY",        "CODE_FILE",         "CODE_LINE",
                                         "CODE_FUNC", "ERRNO",      "INVOCATION_ID",   "USER_INVOCATION_ID", "TID",
                                         "UNIT",      "USER_UNIT",  "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID",
                                         "SYSLOG_RAW", "SYSLOG_TIMESTAMP", "DOCUMENTATION", "ERROR", "LEVEL",
                                         "INSTANCE",  "SUBSYSTEM",  "TIMESTAMP"};
  struct text name;
  text_init(&name);
  for (; *key != '\0'; key++) {
    char c = isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';
    text_add(&name, &c, 1);
  }
  // The journal refuses names that begin with '_' or a digit.
  bool prefix = !isalpha((unsigned char)name.data[0]);
  for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
    prefix |= strcmp(name.data, reserved[i]) == 0;
  text_printf(t, "%s%s", prefix ? "PDNS" : "", name.data);
  text_fini(&name);
}
