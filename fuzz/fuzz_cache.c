// SPDX-License-Identifier: BSD-2-Clause
// Arbitrary answers in the cache: whatever is stored comes back to the same question with the query's id and name,
// and nothing else does. The first byte says where the query ends and the answer begins.
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/cache/packet_cache.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static struct packet_cache *cache;

static void
try(const uint8_t *query, size_t query_size, const uint8_t *answer, size_t answer_size)
{
  struct question question;
  struct edns edns;
  struct cache_key key;
  uint8_t out[4608];
  size_t size = 0;
  if (query_size < HEADER_SIZE || answer_size < HEADER_SIZE || !message_question(query, query_size, &question))
    return;
  if (!message_edns(query, query_size, question.end, &edns))
    memset(&edns, 0, sizeof edns);
  packet_cache_key(cache, query, query_size, &question, &edns, false, &key);
  packet_cache_insert(cache, &key, &question.name,
                      &(struct cache_answer){.data = answer, .size = answer_size, .now_s = 100, .temporary_failure_ttl_s = -1});
  for (uint32_t now = 100; now < 200000; now = now * 7) {
    struct cache_find find = {.key = &key, .qname = &question.name, .id = 0x1234, .now_s = now};
    if (packet_cache_lookup(cache, &find, out, sizeof out, &size) == CACHE_MISS)
      continue;
    assert(size <= sizeof out && message_id(out) == 0x1234);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (cache == NULL)
    cache = packet_cache_new(100, &(struct packet_cache_options)PACKET_CACHE_OPTIONS_DEFAULT);
  if (size < 1)
    return 0;
  size_t cut = 1 + (size_t)data[0] * (size - 1) / 255;
  uint8_t *query = malloc(cut), *answer = malloc(size - cut + 1);
  memcpy(query, data + 1, cut - 1);
  memcpy(answer, data + cut, size - cut);
  epoch_enter(0);
  try(query, cut - 1, answer, size - cut);
  epoch_leave(0);
  free(query);
  free(answer);
  return 0;
}
