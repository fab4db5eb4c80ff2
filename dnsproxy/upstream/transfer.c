// SPDX-License-Identifier: BSD-2-Clause
// Counting the SOA records of a transfer.
#include "dnsproxy/upstream/transfer.h"

#include "dnsproxy/wire/codes.h"

enum { SOA_NUMBERS = 20 }; // serial, refresh, retry, expire, minimum: the end of its data

static bool
transfer_read_serial(const uint8_t *message, const struct record *r, uint32_t *serial)
{
  if (r->type != QTYPE_SOA || r->rdata_size < SOA_NUMBERS)
    return false;
  *serial = message_u32(message + r->rdata + r->rdata_size - SOA_NUMBERS);
  return true;
}

void
transfer_begin(struct transfer *t, struct upstream_connection *connection, const struct query *q)
{
  struct record_walk walk;
  struct record r;
  *t = (struct transfer){.incremental = q->qtype == QTYPE_IXFR, .connection = connection};
  if (!t->incremental || !record_walk_init(&walk, q->packet.data, q->packet.size))
    return;
  while (record_next(&walk, &r))
    if (r.section == 2 && transfer_read_serial(q->packet.data, &r, &t->client_serial))
      return;
}

// RFC 1982.
static bool
transfer_newer(uint32_t serial, uint32_t than)
{
  return (int32_t)(serial - than) > 0;
}

// What ends a transfer that is neither refused nor empty.
static bool
transfer_is_complete(const struct transfer *t)
{
  if (!t->incremental || t->whole)
    return t->serial_seen >= 2;
  if (t->records == 1) // alone: the client has it already, or more follows
    return !transfer_newer(t->serial, t->client_serial);
  return t->serial_seen >= 3;
}

bool
transfer_last(struct transfer *t, const uint8_t *message, size_t size)
{
  struct record_walk walk;
  struct record r;
  uint32_t serial;
  if (message_rcode(message) != RCODE_NOERROR || !record_walk_init(&walk, message, size))
    return true;
  while (record_next(&walk, &r)) {
    if (r.section != 1)
      continue;
    bool soa = transfer_read_serial(message, &r, &serial);
    t->records++;
    if (t->records == 1) {
      if (!soa)
        return true; // no transfer begins like this
      t->serial = serial;
    }
    if (t->records == 2 && !soa)
      t->whole = true;
    if (soa && serial == t->serial)
      t->serial_seen++;
  }
  return walk.malformed || t->records == 0 || transfer_is_complete(t);
}
