// SPDX-License-Identifier: BSD-2-Clause
// Where log lines go.
#include "dnsproxy/base/log.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log_format.h"
#include "dnsproxy/base/memory.h"

#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

static struct log_settings settings = {.structured = true, .syslog = true, .facility = LOG_DAEMON};
static _Atomic int verbose_fd = -1;

struct log_settings *
log_settings(void)
{
  return &settings;
}

// A line that a full pipe does not take in time is lost rather than waited for.
static void
write_line(int fd, const struct text *line)
{
  for (size_t done = 0; done < line->size;) {
    ssize_t size = write(fd, line->data + done, line->size - done);
    if (size >= 0)
      done += (size_t)size;
    else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100) <= 0)
        return;
    } else if (errno != EINTR)
      return;
  }
}

// To syslog too, unless the line is for the file of verbose lines only.
static void
deliver(int fd, enum log_priority priority, const struct text *line, bool to_syslog)
{
  write_line(fd, line);
  if (to_syslog && settings.syslog)
    syslog(settings.facility | (int)priority, "%.*s", (int)line->size - 1, line->data);
}

#ifdef HAVE_SYSTEMD
static void
journal_add(struct iovec *to, const char *key, bool own, const char *value)
{
  struct text t;
  text_init(&t);
  if (own)
    text_puts(&t, key);
  else
    log_journal_key(&t, key);
  text_printf(&t, "=%s", value != NULL ? value : "");
  to->iov_len = t.size;
  to->iov_base = text_steal(&t);
  text_fini(&t);
}

static bool
journal_send(const struct log_event *e, uint64_t wall_us)
{
  struct text time;
  text_init(&time);
  log_format_time(&time, wall_us);
  const char priority[] = {(char)('0' + e->priority), '\0'};
  const struct log_field own[] = {
      {"MESSAGE", e->message},     {"ERROR", e->error}, {"LEVEL", "0"}, {"PRIORITY", priority},
      {"INSTANCE", settings.instance[0] != '\0' ? settings.instance : NULL},
      {"SUBSYSTEM", e->subsystem}, {"TIMESTAMP", time.data},
  };
  size_t most = sizeof own / sizeof own[0];
  for (const struct log_field *f = e->fields; f != NULL && f->key != NULL; f++)
    most++;
  struct iovec *parts = memory_array(most, sizeof *parts);
  int count = 0;
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (own[i].value != NULL)
      journal_add(&parts[count++], own[i].key, true, own[i].value);
  for (const struct log_field *f = e->fields; f != NULL && f->key != NULL; f++)
    journal_add(&parts[count++], f->key, false, f->value);
  bool sent = access("/run/systemd/journal/socket", F_OK) == 0 && sd_journal_sendv(parts, count) == 0;
  while (count > 0)
    free(parts[--count].iov_base);
  free(parts);
  text_fini(&time);
  return sent;
}
#else
static bool
journal_send(const struct log_event *e, uint64_t wall_us)
{
  (void)e;
  (void)wall_us;
  return false;
}
#endif

void
log_event(const struct log_event *e)
{
  if (e->verbose && !settings.verbose)
    return;
  uint64_t now = clock_wall_us();
  int file = e->verbose ? verbose_fd : -1;
  bool json = settings.structured && settings.backend == LOG_BACKEND_JSON;
  if (file < 0 && settings.structured && settings.backend == LOG_BACKEND_JOURNAL && journal_send(e, now))
    return;
  struct text line;
  text_init(&line);
  if (json)
    log_format_json(&line, e, now);
  else if (settings.structured)
    log_format_default(&line, e, now);
  else
    log_format_plain(&line, e, now);
  deliver(file >= 0 ? file : json || settings.to_stderr ? STDERR_FILENO : STDOUT_FILENO, e->priority, &line, file < 0);
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
  deliver(settings.to_stderr ? STDERR_FILENO : STDOUT_FILENO, priority, &line, true);
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
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0)
    return false;
  if (verbose_fd < 0) {
    verbose_fd = fd;
    return true;
  }
  // The number stays: other threads may be about to write to it.
  bool moved = dup3(fd, verbose_fd, O_CLOEXEC) >= 0;
  int error = errno;
  close(fd);
  errno = error;
  return moved;
}
