// SPDX-License-Identifier: BSD-2-Clause
// Lines of verbose mode about queries.
#include "dnsproxy/observe/verbose.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/core/counters.h"
#include "dnsproxy/backends/backend.h"
#include "dnsproxy/wire/codes.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_SIZE = NAME_TEXT_SIZE + 512 };

static bool
verbose_is_on(const struct observer *o)
{
  (void)o;
  return log_settings()->verbose;
}

// `plain` is the sentence of unstructured mode, up to whose query it is, and `rest` what follows.
static void
verbose_line(const struct query *q, const char *message, const char *plain, const char *rest, const struct backend *backend)
{
  char line[LINE_SIZE], source[ADDRESS_TEXT_SIZE], address[ADDRESS_TEXT_SIZE] = "", name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  char question[NAME_TEXT_SIZE + QTYPE_TEXT_SIZE + 1] = "";
  if (q->qname.size > 0)
    snprintf(question, sizeof question, "%s %s", name_text(&q->qname, name), qtype_text(q->qtype, type));
  const char *proto = q->arrival.transport->long_name;
  address_text_with_port(&q->arrival.client, source);
  if (backend != NULL)
    address_text_with_port(&backend->options.address, address);
  snprintf(line, sizeof line, "%s %s from %s (%s)%s", plain, question[0] == '\0' ? "an unreadable query" : question, source, proto,
           rest);
  const struct log_field fields[] = {
      {"backend.address", address}, {"backend.name", backend != NULL ? backend_name(backend) : ""},
      {"proto", proto}, {"question", question}, {"source", source}, {NULL, NULL},
  };
  log_event(&(struct log_event){.priority = LOG_PRIO_INFO,
                                .message = message,
                                .subsystem = "query-processing",
                                .plain = line,
                                .fields = backend == NULL ? fields + 2 : fields,
                                .verbose = true});
}

static void
verbose_forwarded(const struct observer *o, const struct query *q)
{
  (void)o;
  char rest[LINE_SIZE];
  snprintf(rest, sizeof rest, ", relayed to %s", backend_full_name(q->backend));
  verbose_line(q, "Query relayed to a backend", "Got query for", rest, q->backend);
}

static void
verbose_answered(const struct observer *o, const struct query *q)
{
  (void)o;
  char rest[LINE_SIZE];
  if (q->self_answered || q->from_cache || q->backend == NULL) {
    verbose_line(q, q->from_cache ? "Query answered from the cache" : "Query answered here", "Answered query for",
         q->from_cache ? " from the cache" : "", NULL);
    return;
  }
  snprintf(rest, sizeof rest, ", it came from %s and took %" PRIu64 " us", backend_full_name(q->backend),
           q->worker->now_us - q->received_us);
  verbose_line(q, "Answer of a backend relayed", "Got answer for", rest, q->backend);
}

static void
verbose_dropped(const struct observer *o, const struct query *q)
{
  (void)o;
  char rest[LINE_SIZE], message[LINE_SIZE];
  snprintf(rest, sizeof rest, ": %s", drop_rows[q->drop].sentence);
  snprintf(message, sizeof message, "Query dropped: %s", drop_rows[q->drop].sentence);
  verbose_line(q, message, "Dropped query for", rest, q->backend);
}

const struct observer verbose_observer = {
    .name = "verbose lines",
    .is_on = verbose_is_on,
    .told = {[EVENT_SENT] = verbose_forwarded, [EVENT_ANSWERED] = verbose_answered, [EVENT_DROPPED] = verbose_dropped},
};

void
verbose_refused_stream(const struct address *peer)
{
  char source[ADDRESS_TEXT_SIZE];
  log_verbose("query-processing", "Connection from %s refused: %s", address_text_with_port(peer, source), drop_rows[DROP_ACL].sentence);
}
