// SPDX-License-Identifier: BSD-2-Clause
// Log lines: the forms of a line, the sinks that it goes to, and the start and stop of queueing.
#include "dnsproxy/base/log.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log_sink.h"
#include "dnsproxy/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct log_settings current = {.structured = true, .syslog = true, .facility = LOG_DAEMON};
enum { STOP_MS = 500, FLUSH_MS = 100 };

static _Atomic(struct log_sink *) verbose_sink, syslog_sink, journal_sink;

struct log_settings *
log_settings(void)
{
  return &current;
}

uint64_t
log_lines_lost(void)
{
  return log_sink_lost();
}

// ---- the forms of a line ----

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

// ---- where lines go ----

// Opened by whoever needs it first.
static struct log_sink *
log_datagrams(_Atomic(struct log_sink *) *slot, const char *path)
{
  struct log_sink *s = atomic_load(slot);
  if (s == NULL) {
    struct log_sink *mine = log_sink_open_datagrams(path);
    if (atomic_compare_exchange_strong(slot, &s, mine))
      return mine;
    log_sink_close(&mine);
  }
  return s;
}

// As syslog() sends it, which waits when nobody reads.
static void
log_put_syslog(enum log_priority priority, const struct text *line)
{
  char stamp[32];
  struct tm local;
  time_t now = (time_t)(clock_wall_us() / 1000000);
  struct text t;
  localtime_r(&now, &local);
  strftime(stamp, sizeof stamp, "%h %e %T", &local);
  text_init(&t);
  text_printf(&t, "<%d>%s dnsproxy[%d]: %.*s", current.facility | (int)priority, stamp, (int)getpid(), (int)line->size - 1, line->data);
  log_sink_put(log_datagrams(&syslog_sink, "/dev/log"), t.data, t.size);
  text_fini(&t);
}

static void
log_deliver(struct log_sink *sink, enum log_priority priority, const struct text *line, bool to_syslog)
{
  log_sink_put(sink, line->data, line->size);
  if (to_syslog && current.syslog)
    log_put_syslog(priority, line);
}

static const char journal_path[] = "/run/systemd/journal/socket";

// A value with lines of its own is told its size (systemd's native protocol).
static void
log_journal_add(struct text *to, const char *key, bool own, const char *value)
{
  if (value == NULL)
    value = "";
  if (own)
    text_puts(to, key);
  else
    log_journal_key(to, key);
  if (strchr(value, '\n') == NULL) {
    text_printf(to, "=%s\n", value);
    return;
  }
  uint64_t size = strlen(value);
  uint8_t little[8];
  for (unsigned i = 0; i < sizeof little; i++)
    little[i] = (uint8_t)(size >> 8 * i);
  text_puts(to, "\n");
  text_add(to, (const char *)little, sizeof little);
  text_add(to, value, size);
  text_puts(to, "\n");
}

static bool
log_journal_send(const struct log_event *e, uint64_t wall_us)
{
  if (access(journal_path, F_OK) != 0)
    return false;
  struct text time, entry;
  text_init(&time);
  text_init(&entry);
  log_format_time(&time, wall_us);
  const char priority[] = {(char)('0' + e->priority), '\0'};
  const struct log_field own[] = {
      {"MESSAGE", e->message},     {"ERROR", e->error}, {"LEVEL", "0"}, {"PRIORITY", priority},
      {"INSTANCE", current.instance[0] != '\0' ? current.instance : NULL},
      {"SUBSYSTEM", e->subsystem}, {"TIMESTAMP", time.data}, {"SYSLOG_IDENTIFIER", "dnsproxy"},
  };
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (own[i].value != NULL)
      log_journal_add(&entry, own[i].key, true, own[i].value);
  for (const struct log_field *f = e->fields; f != NULL && f->key != NULL; f++)
    log_journal_add(&entry, f->key, false, f->value);
  log_sink_put(log_datagrams(&journal_sink, journal_path), entry.data, entry.size);
  text_fini(&entry);
  text_fini(&time);
  return true;
}

// ---- lines ----

static struct log_sink *
log_standard_sink(bool errors)
{
  return log_sink_standard(errors || current.to_stderr ? STDERR_FILENO : STDOUT_FILENO);
}

void
log_event(const struct log_event *e)
{
  if (e->verbose && !current.verbose)
    return;
  uint64_t now = clock_wall_us();
  struct log_sink *file = e->verbose ? atomic_load(&verbose_sink) : NULL;
  bool json = current.structured && current.backend == LOG_BACKEND_JSON;
  if (file == NULL && current.structured && current.backend == LOG_BACKEND_JOURNAL && log_journal_send(e, now))
    return;
  struct text line;
  text_init(&line);
  if (json)
    log_format_json(&line, e, now);
  else if (current.structured)
    log_format_default(&line, e, now);
  else
    log_format_plain(&line, e, now);
  log_deliver(file != NULL ? file : log_standard_sink(json), e->priority, &line, file == NULL);
  text_fini(&line);
}

static void
log_formatted(enum log_priority priority, const char *subsystem, bool verbose, const char *format, va_list args)
{
  struct text message;
  text_init(&message);
  text_vprintf(&message, format, args);
  log_event(&(struct log_event){
      .priority = priority, .message = message.data, .subsystem = subsystem, .verbose = verbose});
  text_fini(&message);
}

void
log_info(const char *subsystem, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_formatted(LOG_PRIO_INFO, subsystem, false, format, args);
  va_end(args);
}

void
log_warning(const char *subsystem, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_formatted(LOG_PRIO_WARNING, subsystem, false, format, args);
  va_end(args);
}

void
log_error(const char *subsystem, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_formatted(LOG_PRIO_ERROR, subsystem, false, format, args);
  va_end(args);
}

void
log_verbose(const char *subsystem, const char *format, ...)
{
  if (!current.verbose)
    return;
  va_list args;
  va_start(args, format);
  log_formatted(LOG_PRIO_INFO, subsystem, true, format, args);
  va_end(args);
}

void
log_sentence(enum log_priority priority, const char *format, ...)
{
  struct text message, line;
  text_init(&message);
  text_init(&line);
  va_list args;
  va_start(args, format);
  text_vprintf(&message, format, args);
  va_end(args);
  log_format_plain(&line, &(struct log_event){.message = message.data}, clock_wall_us());
  log_deliver(log_standard_sink(false), priority, &line, true);
  text_fini(&message);
  text_fini(&line);
}

bool
log_backend_from_text(const char *text, enum log_backend *backend)
{
  static const char *const words[] = {
      [LOG_BACKEND_DEFAULT] = "default", [LOG_BACKEND_JSON] = "json", [LOG_BACKEND_JOURNAL] = "systemd-journal"};
  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(text, words[i]) == 0) {
      *backend = (enum log_backend)i;
      return true;
    }
  return false;
}

bool
log_facility_from_text(const char *text, int *facility)
{
  static const struct {
    const char *name;
    int value;
  } facilities[] = {
      {"kern", LOG_KERN},     {"user", LOG_USER},     {"mail", LOG_MAIL},         {"daemon", LOG_DAEMON},
      {"auth", LOG_AUTH},     {"syslog", LOG_SYSLOG}, {"lpr", LOG_LPR},           {"news", LOG_NEWS},
      {"uucp", LOG_UUCP},     {"cron", LOG_CRON},     {"authpriv", LOG_AUTHPRIV}, {"ftp", LOG_FTP},
      {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},     {"local3", LOG_LOCAL3},
      {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},     {"local7", LOG_LOCAL7},
  };
  char *end;
  long number = strtol(text, &end, 10);
  bool numeric = isdigit((unsigned char)*text) && *end == '\0';
  if (strncasecmp(text, "LOG_", 4) == 0)
    text += 4;
  for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
    if (numeric ? number == facilities[i].value : strcasecmp(text, facilities[i].name) == 0) {
      *facility = facilities[i].value;
      return true;
    }
  return false;
}

bool
log_verbose_destination(const char *path)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (fd < 0)
    return false;
  if (verbose_sink == NULL)
    verbose_sink = log_sink_open(fd, path, false);
  else
    log_sink_replace(verbose_sink, fd);
  return true;
}

// ---- streams ----

static FILE *streams[2];
static pthread_once_t streams_once = PTHREAD_ONCE_INIT;

// What finds no room is lost and counted; whoever prints goes on.
static ssize_t
log_stream_write(void *cookie, const char *bytes, size_t size)
{
  enum { PIECE = 65536 };
  struct log_sink *sink = log_standard_sink(cookie == &streams[1]);
  for (size_t done = 0; done < size; done += PIECE)
    log_sink_put(sink, bytes + done, size - done < PIECE ? size - done : PIECE);
  return (ssize_t)size;
}

static void
log_open_streams(void)
{
  for (int i = 0; i < 2; i++) {
    streams[i] = fopencookie(&streams[i], "w", (cookie_io_functions_t){.write = log_stream_write});
    if (streams[i] == NULL)
      memory_exhausted();
    setvbuf(streams[i], NULL, i == 0 ? _IOLBF : _IONBF, 0);
  }
}

FILE *
log_stream(int fd)
{
  pthread_once(&streams_once, log_open_streams);
  return streams[fd == STDERR_FILENO];
}

// ---- life ----

static void
log_tell_lost(const char *sink, uint64_t lost)
{
  log_warning("log", "%" PRIu64 " lines for %s were lost, they were not read in time", lost, sink);
}

// What was logged before the crash explains it. The default action follows.
static void
log_on_crash(int number)
{
  log_writer_flush(FLUSH_MS);
  raise(number);
}

static void
log_watch_crashes(void)
{
  static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  struct sigaction before, ours = {.sa_handler = log_on_crash, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) // a sanitizer's stay
    if (sigaction(crashes[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
      sigaction(crashes[i], &ours, NULL);
}

void
log_start(void)
{
  log_watch_crashes();
  log_writer_start(log_tell_lost);
}

void
log_flush(void)
{
  log_writer_flush(FLUSH_MS);
}

void
log_stop(void)
{
  for (int i = 0; i < 2; i++)
    if (streams[i] != NULL)
      fflush(streams[i]);
  log_writer_stop(STOP_MS);
}

// ---- lines that packets cause ----

void
log_limited(struct log_limit *limit, const char *subsystem, const char *format, ...)
{
  enum { INTERVAL_US = 1000000 };
  uint64_t now = clock_mono_coarse_us();
  uint64_t next = atomic_load_explicit(&limit->next_us, memory_order_relaxed);
  if (now < next || !atomic_compare_exchange_strong_explicit(&limit->next_us, &next, now + INTERVAL_US, memory_order_relaxed,
                                                             memory_order_relaxed)) {
    atomic_fetch_add_explicit(&limit->suppressed, 1, memory_order_relaxed);
    return;
  }
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  uint64_t more = atomic_exchange_explicit(&limit->suppressed, 0, memory_order_relaxed);
  if (more > 0)
    log_warning(subsystem, "%s (and %" PRIu64 " times before)", line, more);
  else
    log_warning(subsystem, "%s", line);
}
