// SPDX-License-Identifier: BSD-2-Clause
// Timing a selector: queries that never were, on a worker that does not run.
#include "lua/functions/functions.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 1000, QUESTION_TAIL = 4 };

struct stage {
  struct worker *worker;
  struct lease lease;
  unsigned count;
  struct query *queries[NAMES];
  uint8_t packets[NAMES][HEADER_SIZE + NAME_MAX_SIZE + QUESTION_TAIL];
};

static struct lease *
bench_lease_of(struct stage *stage)
{
  stage->lease.queries++;
  return &stage->lease;
}

static bool
bench_make_query(struct stage *stage, unsigned number, const struct bytes *suffix, struct fault *f)
{
  struct query *q = stage->queries[stage->count++] = query_new(stage->worker);
  char text[NAME_TEXT_SIZE];
  snprintf(text, sizeof text, "host%u.%s", number, suffix->data);
  if (!name_from_text(&q->qname, text, strlen(text), f))
    return false;
  uint8_t *packet = stage->packets[number], *end = packet + HEADER_SIZE + q->qname.size;
  packet[2] = FLAG2_RD;
  message_set_count(packet, 0, 1);
  memcpy(packet + HEADER_SIZE, q->qname.bytes, q->qname.size);
  message_put_u16(end, QTYPE_A);
  message_put_u16(end + 2, QCLASS_IN);
  q->lease = bench_lease_of(stage);
  q->qtype = QTYPE_A;
  q->qclass = QCLASS_IN;
  q->packet.data = packet;
  q->packet.size = q->packet.capacity = HEADER_SIZE + q->qname.size + QUESTION_TAIL;
  q->question_end = (uint16_t)q->packet.size;
  q->flags[0] = packet[2];
  address_from_raw(&q->arrival.client, (uint8_t[]){192, 0, 2, (uint8_t)number}, 4, (uint16_t)(1024 + number));
  q->arrival.peer = q->arrival.client;
  address_from_raw(&q->arrival.destination, (uint8_t[]){127, 0, 0, 1}, 4, 53);
  return true;
}

static void
bench_measure(const struct selector *s, struct stage *stage, uint64_t times, struct bench *result)
{
  uint64_t start_us = clock_mono_us();
  stage->worker->now_us = start_us;
  stage->worker->now_s = (uint32_t)(start_us / 1000000);
  for (uint64_t i = 0; i < times; i++)
    result->matches += selector_match(s, stage->queries[i % NAMES]);
  result->us = clock_mono_us() - start_us;
}

// What scripts may ask of a query's worker: room for tags and for larger packets.
static struct stage *
bench_stage_open(void)
{
  struct stage *stage = memory_new(sizeof *stage);
  struct worker *w = stage->worker = memory_new(sizeof *w);
  random_seed(&w->random);
  slab_init(&w->queries, sizeof(struct query), NAMES, NAMES);
  slab_init(&w->extras, sizeof(struct query_extra), NAMES, NAMES);
  slab_init(&w->packets, PACKET_PIECE, NAMES, NAMES);
  return stage;
}

static void
bench_stage_close(struct stage *stage)
{
  struct worker *w = stage->worker;
  while (stage->count > 0)
    query_free(&stage->queries[--stage->count]);
  object_unref(&stage->lease.snapshot);
  slab_fini(&w->queries);
  slab_fini(&w->extras);
  slab_fini(&w->packets);
  free(w);
  free(stage);
}

bool
bench_selector(const struct selector *s, uint64_t times, const struct bytes *suffix, struct bench *result,
               struct fault *f)
{
  struct stage *stage = bench_stage_open();
  *result = (struct bench){0};
  stage->lease.snapshot = snapshot_current();
  struct settings defaults;
  settings_default(&defaults);
  stage->lease.settings = stage->lease.snapshot == NULL ? &defaults : &stage->lease.snapshot->settings;
  bool good = true;
  for (unsigned i = 0; i < NAMES && good; i++)
    good = bench_make_query(stage, i, suffix, f);
  if (good)
    bench_measure(s, stage, times, result);
  bench_stage_close(stage);
  return good;
}
