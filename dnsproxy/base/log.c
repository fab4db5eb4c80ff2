// SPDX-License-Identifier: BSD-2-Clause
// Where log lines go.
#include "dnsproxy/base/log.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log_format.h"
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

static struct log_settings settings = {.structured = true, .syslog = true, .facility = LOG_DAEMON};
enum { STOP_MS = 500, FLUSH_MS = 100 };

static _Atomic(struct log_sink *) verbose_sink, syslog_sink, journal_sink;

struct log_settings *
log_settings(void)
{
  return &settings;
}

uint64_t
log_lines_lost(void)
{
  return log_sink_lost();
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
  text_printf(&t, "<%d>%s dnsproxy[%d]: %.*s", settings.facility | (int)priority, stamp, (int)getpid(), (int)line->size - 1, line->data);
  log_sink_put(log_datagrams(&syslog_sink, "/dev/log"), t.data, t.size);
  text_fini(&t);
}

static void
log_deliver(struct log_sink *sink, enum log_priority priority, const struct text *line, bool to_syslog)
{
  log_sink_put(sink, line->data, line->size);
  if (to_syslog && settings.syslog)
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
      {"INSTANCE", settings.instance[0] != '\0' ? settings.instance : NULL},
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
  return log_sink_standard(errors || settings.to_stderr ? STDERR_FILENO : STDOUT_FILENO);
}

void
log_event(const struct log_event *e)
{
  if (e->verbose && !settings.verbose)
    return;
  uint64_t now = clock_wall_us();
  struct log_sink *file = e->verbose ? atomic_load(&verbose_sink) : NULL;
  bool json = settings.structured && settings.backend == LOG_BACKEND_JSON;
  if (file == NULL && settings.structured && settings.backend == LOG_BACKEND_JOURNAL && log_journal_send(e, now))
    return;
  struct text line;
  text_init(&line);
  if (json)
    log_format_json(&line, e, now);
  else if (settings.structured)
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
  if (!settings.verbose)
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
