// SPDX-License-Identifier: BSD-2-Clause
// A worker that runs nothing, and queries on it made from bytes.
#include "tests/fake_worker.h"

#include "dnsproxy/base/memory.h"
#include "tests/hex.h"

#include <stdio.h>

void
fake_worker_open(struct fake_worker *f)
{
  *f = (struct fake_worker){.worker = worker_new(NULL)};
  settings_default(&f->settings);
  f->lease.settings = &f->settings;
}

void
fake_worker_close(struct fake_worker *f)
{
  assert(f->lease.queries == 0);
  worker_free(&f->worker);
}

struct query *
fake_query(struct fake_worker *f, const char *hex)
{
  struct fault fault = FAULT_INIT;
  size_t size;
  uint8_t *bytes = hex_bytes(hex, &size);
  struct query *q = query_new(f->worker);
  assert(q != NULL && size <= FAKE_PACKET_CAPACITY);
  q->lease = &f->lease;
  q->lease->queries++;
  q->packet = (struct wire_buffer){.data = memory_new(FAKE_PACKET_CAPACITY), .size = size, .capacity = FAKE_PACKET_CAPACITY};
  memcpy(q->packet.data, bytes, size);
  free(bytes);
  bool good = query_reparse(q) && address_parse(&q->arrival.client, "192.0.2.1", 1024, &fault) &&
              address_parse(&q->arrival.destination, "198.51.100.1", 53, &fault);
  assert(good);
  q->arrival.peer = q->arrival.client;
  q->id = message_id(q->packet.data);
  q->flags[0] = q->packet.data[2];
  q->flags[1] = q->packet.data[3];
  return q;
}

void
fake_query_free(struct query **slot)
{
  free((*slot)->packet.data);
  query_free(slot);
}

static void
print_bytes(const char *what, const uint8_t *bytes, size_t size)
{
  fprintf(stderr, "%s", what);
  for (size_t i = 0; i < size; i++)
    fprintf(stderr, "%s%02x", i % 2 == 0 ? " " : "", bytes[i]);
  fprintf(stderr, "\n");
}

bool
fake_packet_is(const struct query *q, const char *hex)
{
  size_t size;
  uint8_t *bytes = hex_bytes(hex, &size);
  bool same = size == q->packet.size && memcmp(bytes, q->packet.data, size) == 0;
  if (!same) {
    print_bytes("expected", bytes, size);
    print_bytes("got     ", q->packet.data, q->packet.size);
  }
  free(bytes);
  return same;
}
